"""Real object stores: Azurite and moto, over the command line, from an export to a page blob and back.

    python tests/remote_stores.py --azurite .../azurite/dist/src/blob/main.js --moto .../bin/moto_server

`.ci/run` does that in a lane of its own. Nothing that is printed anywhere may hold a signature or a key.
"""

from __future__ import annotations

import argparse
import datetime as dt
import gzip
import os
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from commands import run

ROOT = Path(__file__).parent.parent
SNAPSHOT = ROOT / "fixtures/snapshots/redis-8.0.6-types.rdb"
# The account and the key that Microsoft publishes for its emulator.
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
BLOBS = "http://127.0.0.1:10000/devstoreaccount1"
ACCOUNT = "devstoreaccount1"
CONNECTION = f"DefaultEndpointsProtocol=http;AccountName={ACCOUNT};AccountKey={KEY};BlobEndpoint={BLOBS};"
S3 = "http://127.0.0.1:5555"
ENVIRONMENT = {
    "AZURE_STORAGE_CONNECTION_STRING": CONNECTION,
    "AWS_ACCESS_KEY_ID": "moto",
    "AWS_SECRET_ACCESS_KEY": "bW90b3NlY3JldA",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_ENDPOINT_URL": S3,
}
said: list[str] = []  # everything that any command printed


def rdbcodec(*words: str, code: int = 0) -> str:
    """What a command printed; AssertionError for another exit code."""
    done = run(*words)
    out = (done.stdout + done.stderr).decode()
    said.append(out)
    assert done.returncode == code, f"{words[0]}: exit code {done.returncode}, expected {code}\n{out}"
    return out


@contextmanager
def server(url: str, *command: str) -> Iterator[None]:
    """A server that is asked until it answers, and stopped in the end."""
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            _await(url, process)
            yield
        finally:
            process.terminate()


def _await(url: str, process: subprocess.Popen[bytes]) -> None:
    for _ in range(600):
        try:
            urllib.request.urlopen(url, timeout=5).close()  # noqa: S310 - loopback
        except urllib.error.HTTPError:
            return
        except OSError:
            assert process.poll() is None, f"{process.args!r} ended with {process.returncode}"
            time.sleep(0.1)
        else:
            return
    raise AssertionError(f"{process.args!r} does not answer")


def azurite(script: str, *where: str) -> tuple[str, ...]:
    """The command of Azurite, whose blobs are kept where these words say."""
    flags = ("--blobHost", "127.0.0.1", "--blobPort", "10000", "--silent", *where)
    return "node", script, *flags, "--skipApiVersionCheck", "--disableTelemetry"


def moto(program: str) -> tuple[str, ...]:
    """The command of moto."""
    return program, "-H", "127.0.0.1", "-p", "5555"


# --- Azure ------------------------------------------------------------------------------------------


def sas(name: str, permissions: str, hours: float) -> str:
    """A URL of a blob with a SAS that ends in so many hours."""
    from azure.storage.blob import BlobSasPermissions, generate_blob_sas  # noqa: PLC0415

    end = dt.datetime.now(dt.timezone.utc) + dt.timedelta(hours=hours)
    allowed = BlobSasPermissions.from_string(permissions)
    token = generate_blob_sas(ACCOUNT, "e2e", name, account_key=KEY, permission=allowed, expiry=end)
    return f"{BLOBS}/e2e/{name}?{token}"


def azure(folder: Path) -> None:
    """An export in a container, to a page blob that a tier of Azure imports."""
    from azure.storage.blob import BlobServiceClient, BlobType  # noqa: PLC0415

    container = BlobServiceClient.from_connection_string(CONNECTION).create_container("e2e")
    container.upload_blob("backups/export-0.rdb.gz", gzip.compress(SNAPSHOT.read_bytes()))
    export = "az://e2e/backups/export-0.rdb.gz"
    told = rdbcodec("inspect", export)
    assert "gzip" in told, told
    assert told.splitlines()[0].startswith(export), told
    rdbcodec("inspect", "az://e2e/backups/*.rdb.gz")
    rdbcodec("compat", export, "--target", "redis-6.2", code=1)
    lossy = ("convert", export, "--to", "redis-6.2")
    assert "nothing was written" in rdbcodec(*lossy, "-o", "az://e2e/no.rdb", code=1)
    assert not container.get_blob_client("no.rdb").exists()
    rdbcodec(*lossy, "--allow-loss", "-o", "az://e2e/new.rdb", "--blob", "page")
    told = container.get_blob_client("new.rdb").get_blob_properties()
    assert (told.blob_type, told.size % 512) == (BlobType.PAGEBLOB, 0), told
    rdbcodec(*lossy, "--allow-loss", "-o", "az://e2e/new.rdb", code=4)  # it exists
    rdbcodec(*lossy, "--allow-loss", "-o", "az://e2e/block.rdb.gz")
    rdbcodec("check", sas("new.rdb", "r", 2), "az://e2e/block.rdb.gz")
    rdbcodec(*lossy, "--allow-loss", "-o", sas("by-sas.rdb", "cw", 2), "--blob", "page")
    rdbcodec(*lossy, "--allow-loss", "-o", sas("by-sas-block.rdb", "cw", 2))
    assert "equal" in rdbcodec("diff", sas("by-sas.rdb", "r", 2), sas("by-sas-block.rdb", "r", 2))
    assert "expired 2 hours" in rdbcodec("inspect", sas("new.rdb", "r", -2), code=4)
    assert "lack read (r)" in rdbcodec("inspect", sas("new.rdb", "w", 2), code=4)
    assert "no such blob" in rdbcodec("inspect", sas("none.rdb", "r", 2), code=4)
    assert "no such" in rdbcodec("inspect", "az://e2e/none.rdb", code=4)
    wrong = sas("new.rdb", "r", 2)[:-8] + "AAAAAA%3D"
    assert "does not allow it (HTTP 403 AuthorizationFailure)" in rdbcodec("inspect", wrong, code=4)
    cache = ("--target", "amr-balanced-7.4", "--container", "import")
    whole_run = ("azure", "run", export, *cache, "--blob-type", "page", "--work", str(folder))
    told = rdbcodec(*whole_run)
    assert "done      container: container import" in told, told
    assert "there     upload" in rdbcodec(*whole_run)
    rdbcodec("compat", "az://import/export-0.rdb", "--target", "amr-balanced-7.4")
    local = folder / "local.rdb"
    rdbcodec("convert", sas("new.rdb", "r", 2), "-o", str(local), "--to", "redis-6.2")
    assert "equal" in rdbcodec("diff", str(local), "az://e2e/new.rdb")


# --- S3 ---------------------------------------------------------------------------------------------


def s3() -> None:
    """The same in a bucket."""
    import s3fs  # type: ignore[import-not-found, unused-ignore]  # noqa: PLC0415

    bucket: Any = s3fs.S3FileSystem(key="moto", secret=ENVIRONMENT["AWS_SECRET_ACCESS_KEY"], endpoint_url=S3)
    bucket.mkdir("snapshots")
    bucket.pipe_file("snapshots/a/1.rdb.gz", gzip.compress(SNAPSHOT.read_bytes()))
    bucket.pipe_file("snapshots/a/2.rdb", SNAPSHOT.read_bytes())
    rdbcodec("check", "s3://snapshots/a/")
    assert "equal" in rdbcodec("diff", "s3://snapshots/a/1.rdb.gz", "s3://snapshots/a/2.rdb")
    rdbcodec("convert", "s3://snapshots/a/1.rdb.gz", "-o", "s3://snapshots/out.rdb", "--to", "redis-8.2")
    assert "equal" in rdbcodec("diff", "s3://snapshots/out.rdb", str(SNAPSHOT))
    rdbcodec("convert", "s3://snapshots/a/2.rdb", "-o", "s3://snapshots/no.rdb", "--to", "redis-2.8", code=1)
    assert "no such object" in rdbcodec("inspect", "s3://snapshots/no.rdb", code=4)
    assert "no such" in rdbcodec("inspect", "s3://nobucket/no.rdb", code=4)


def main() -> None:
    """Both stores, and then everything that was printed is searched for secrets."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("--azurite", required=True, help="dist/src/blob/main.js of the npm package")
    parser.add_argument("--moto", required=True, help="moto_server")
    options = parser.parse_args()
    began = time.monotonic()
    os.environ |= ENVIRONMENT
    blobs, objects = azurite(options.azurite, "--inMemoryPersistence"), moto(options.moto)
    with tempfile.TemporaryDirectory() as folder, server(BLOBS, *blobs), server(S3, *objects):
        azure(Path(folder))
        s3()
    printed = "\n".join(said)
    secrets = [KEY[:20], ENVIRONMENT["AWS_SECRET_ACCESS_KEY"]]
    assert "sig=" in printed, "no URL with a signature was named"
    assert [word for word in secrets if word in printed] == []
    assert all(part.startswith("...") for part in printed.split("sig=")[1:]), "a signature was printed"
    print(f"{len(said)} commands on Azurite and moto, no secret printed, {time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    main()
