"""Each extra alone in a new environment: what it is for works, and what it is not for names its extra.

    python tests/extras_alone.py --azurite .../azurite/dist/src/blob/main.js --moto .../bin/moto_server
                                 [--pythons python3.10 python3.13] [--extras azure s3] [--uv UV] [--work DIR]

By hand, before a release: uv fills an environment per Python and extra. The object stores are real servers,
but for Google's (tests/fake_gcs.py). A row is printed per environment; the exit code is 1 when one failed.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from fake_gcs import fake_gcs
from remote_stores import BLOBS, CONNECTION, ENVIRONMENT, S3, SNAPSHOT, azurite, moto, server

ROOT = Path(__file__).parent.parent
FILE, DIR = str(SNAPSHOT), "{dir}"
# Extra -> commands that need it, and what the last of them prints.
NEEDS: dict[str, tuple[list[list[str]], str]] = {
    "": ([["check", FILE]], "sound"),
    "fast": ([["--version"]], "CRC-64 anycrc, LZF python-lzf"),
    "lzf": ([["--version"]], "LZF python-lzf"),
    "cli": ([["check", FILE]], "sound"),
    "zstd": (
        [["convert", FILE, "-o", f"{DIR}/a.zst", "--compress", "zstd"], ["check", f"{DIR}/a.zst"]],
        "sound",
    ),
    "remote": ([["check", f"file://{FILE}"]], "sound"),
    "azure": (
        [["convert", FILE, "-o", "az://e2e/a.rdb", "--blob", "page", "--force"], ["check", "az://e2e/*.rdb"]],
        "sound",
    ),
    "s3": (
        [["convert", FILE, "-o", "s3://snapshots/a.rdb", "--force"], ["check", "s3://snapshots/*.rdb"]],
        "sound",
    ),
    "gcs": (
        [["convert", FILE, "-o", "gs://snapshots/a.rdb", "--force"], ["check", "gs://snapshots/*.rdb"]],
        "sound",
    ),
    "arrow": ([["dump", FILE, "--format", "parquet", "-o", f"{DIR}/a.parquet"]], ""),
    "spark": ([["dump", FILE, "--format", "parquet", "-o", f"{DIR}/a.parquet"]], ""),
    "sql": ([["sql", FILE, "select count(*) as n from keys"]], "94"),
    "live": ([["stat", "redis://127.0.0.1:1"]], "Connection refused"),
}
# What says that an extra is missing, and the extras that bring what it needs.
MISSING: dict[str, tuple[list[str], set[str]]] = {
    "zstd": (["convert", FILE, "-o", "none.zst", "--compress", "zstd"], {"zstd"}),
    "remote": (["check", f"file://{FILE}"], {"remote", "azure", "s3", "gcs"}),
    "azure": (["convert", FILE, "-o", "az://e2e/b.rdb"], {"azure"}),
    "s3": (["check", "s3://snapshots/a.rdb"], {"s3"}),
    "gcs": (["check", "gs://snapshots/a.rdb"], {"gcs"}),
    "arrow": (["dump", FILE, "--format", "parquet", "-o", "none.parquet"], {"arrow", "spark", "sql"}),
    "sql": (["sql", FILE, "select 1"], {"sql"}),
    "live": (["stat", "redis://127.0.0.1:1"], {"live"}),
}
_LIGHT = """
import sys, rdbcodec
heavy = {"anycrc", "lzf", "rich", "zstandard", "fsspec", "adlfs", "azure", "s3fs", "botocore", "gcsfs",
         "pyarrow", "duckdb", "redis", "pyspark"}
print(sorted(heavy & {name.partition(".")[0] for name in sys.modules}))
"""


def run(python: Path, *words: str, folder: Path) -> tuple[int, str]:
    """The exit code of a process of an environment, and all that it says."""
    done = subprocess.run(
        [python, *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=folder, check=False
    )
    return done.returncode, done.stdout.strip()


def problems(python: Path, extra: str, folder: Path) -> list[str]:
    """What is not as it should be in an environment with one extra."""
    found = []
    commands, says = NEEDS[extra]
    for command in commands:
        words = [word.replace(DIR, str(folder)) for word in command]
        code, out = run(python, "-m", "rdbcodec", *words, folder=folder)
        last = command is commands[-1]
        if (code != 0 and extra != "live") or (last and says not in out):
            found.append(f"{' '.join(command[:2])}: {code}, {out[-200:]}")
    for other, (command, brought_by) in MISSING.items():
        code, out = run(python, "-m", "rdbcodec", *command, folder=folder)
        if extra not in brought_by and (code == 0 or f"rdbcodec[{other}]" not in out):
            found.append(f"without {other}: {code}, {out[-200:]}")
    code, out = run(python, "-c", _LIGHT, folder=folder)
    return found if out == "[]" else [*found, f"import rdbcodec loads {out}"]


def row(name: str, extra: str, wheel: Path, folder: Path, *, uv: str) -> bool:
    """Make an environment, look at it and print how it did."""
    python = folder / "venv/bin/python"
    what = f"{wheel}[{extra}]" if extra else str(wheel)
    subprocess.run([uv, "venv", "-q", "--python", name, folder / "venv"], check=True)
    code, out = run(Path(uv), "pip", "install", "-q", "--python", str(python), what, folder=folder)
    says = [f"uv: {out[-200:]}"] if code else problems(python, extra, folder)
    _, version = run(python, "-c", "import platform; print(platform.python_version())", folder=folder)
    print(f"| {version} | {extra or '(none)'} | {'; '.join(says) or 'works'} |", flush=True)
    return not says


def main() -> int:
    """All rows."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("--azurite", required=True, help="dist/src/blob/main.js of the npm package")
    parser.add_argument("--moto", required=True, help="moto_server")
    parser.add_argument("--pythons", nargs="+", default=["python3.10", "python3.13"], metavar="PYTHON")
    parser.add_argument("--extras", nargs="+", choices=NEEDS, default=list(NEEDS))
    parser.add_argument("--uv", default="uv", help="the program that makes environments (default: uv)")
    parser.add_argument("--work", type=Path, help="where the environments lie meanwhile")
    options = parser.parse_args()
    for name in ("PYTHONPATH", "VIRTUAL_ENV", "RDBCODEC_PURE"):
        os.environ.pop(name, None)
    os.environ |= ENVIRONMENT
    with ExitStack() as stack:
        work = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=options.work)))
        subprocess.run(
            [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", work, ROOT], check=True
        )
        wheel = next(work.glob("*.whl"))
        stack.enter_context(server(BLOBS, *azurite(options.azurite, "--inMemoryPersistence")))
        stack.enter_context(server(S3, *moto(options.moto)))
        os.environ["STORAGE_EMULATOR_HOST"] = stack.enter_context(fake_gcs())
        make_places()
        print("| Python | extra | |\n|---|---|---|")
        done = []
        for name in options.pythons:
            for extra in options.extras:
                with tempfile.TemporaryDirectory(dir=work) as folder:
                    done.append(row(name, extra, wheel, Path(folder), uv=options.uv))
    return 0 if all(done) else 1


def make_places() -> None:
    """A container and a bucket."""
    import s3fs  # type: ignore[import-not-found, unused-ignore]  # noqa: PLC0415
    from azure.storage.blob import BlobServiceClient  # noqa: PLC0415

    BlobServiceClient.from_connection_string(CONNECTION).create_container("e2e")
    s3fs.S3FileSystem(key="moto", secret=ENVIRONMENT["AWS_SECRET_ACCESS_KEY"], endpoint_url=S3).mkdir(
        "snapshots"
    )


if __name__ == "__main__":
    sys.exit(main())
