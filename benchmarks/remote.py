"""A large snapshot read and converted through object stores, beside the same file on the disk.

    python benchmarks/remote.py --azurite .../azurite/dist/src/blob/main.js --moto .../bin/moto_server
                                [--size 1000] [--rounds 3] [--kinds json mixed big] [--verbs inspect]
                                [--work DIR]

Times are processor seconds of the measured process and those it starts (user and system); what the stores
take is not in them. The places take turns, and the median of the rounds is shown. The memory is the largest
resident size. Needs the extras azure and s3, and moto in an environment of its own: it contradicts s3fs.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

import rdbcodec

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
from remote_stores import BLOBS, CONNECTION, ENVIRONMENT, S3, azurite, moto, sas, server


class Cost(NamedTuple):
    """What a process took."""

    seconds: float
    mebibytes: float


# --- files ------------------------------------------------------------------------------------------


def _json(random_: random.Random, size: int) -> bytes:
    rows = [
        {"id": random_.randrange(10**9), "name": random_.randbytes(12).hex()}
        for _ in range(size // 50 + 1)  # about 50 bytes each
    ]
    return json.dumps(rows).encode()[:size]


def _of_json(random_: random.Random) -> Iterator[Any]:
    values = [_json(random_, random_.randrange(200, 2000)) for _ in range(500)]
    while True:
        yield random_.choice(values)


def _of_mixed(random_: random.Random) -> Iterator[Any]:
    texts = [_json(random_, random_.randrange(30, 800)) for _ in range(300)]
    hashes: list[Any] = [
        {b"field:%d" % at: random_.randbytes(12).hex().encode() for at in range(12)} for _ in range(50)
    ]
    lists = [[random_.randbytes(8).hex().encode() for _ in range(40)] for _ in range(50)]
    while True:
        yield random_.choice(random_.choice((texts, texts, hashes, lists)))


def _of_big(random_: random.Random) -> Iterator[Any]:
    values = [random_.randbytes(1 << 20) for _ in range(4)]
    while True:
        yield random_.choice(values)


KINDS: dict[str, Callable[[random.Random], Iterator[Any]]] = {
    "json": _of_json,
    "mixed": _of_mixed,
    "big": _of_big,
}


def make(path: Path, kind: str, size: int) -> None:
    """A snapshot of keys of one kind, of about so many bytes; values are laid out once and then copied."""
    values = KINDS[kind](random.Random(kind))
    seed = io.BytesIO()
    with rdbcodec.create(seed, to="redis-7.2") as writer:
        for at in range(500 if kind != "big" else 4):
            writer.write(b"seed:%d" % at, next(values))
    with rdbcodec.open(seed.getvalue()) as snapshot:
        entries = [record for record in snapshot if isinstance(record, rdbcodec.Entry)]
        written = at = 0
        with rdbcodec.create(path, to="redis-7.2", duplicates="allow") as writer:
            while written < size:
                entry = entries[at % len(entries)]
                writer.write_entry(entry, key=b"key:%09d" % at)
                written += len(entry.raw)
                at += 1


# --- measuring --------------------------------------------------------------------------------------


_CHILD = """
import resource, sys
from rdbcodec.cli.main import main
code = main(sys.argv[1:])
peak = next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM"))
used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
print(code, sum(one.ru_utime + one.ru_stime for one in used), int(peak) / 1024, file=sys.stderr)
"""


def cost(*words: str) -> Cost:
    """What a command takes; it has to succeed. (`ru_maxrss` of a child holds its parent's as well.)"""
    command = [sys.executable, "-c", _CHILD, *words, "--no-progress"]
    done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=True)
    code, seconds, peak = done.stderr.split()[-3:]
    assert code == b"0", f"{words}: exit code {code.decode()}"
    return Cost(float(seconds), float(peak))


def compare(title: str, ways: Mapping[str, tuple[str, ...]], rounds: int) -> None:
    """A table row for each way, the first of which is what the others are compared with."""
    costs: dict[str, list[Cost]] = {way: [] for way in ways}
    for _ in range(rounds):
        for way, words in ways.items():
            costs[way].append(cost(*words))
    base = statistics.median(one.seconds for one in next(iter(costs.values())))
    for way, found in costs.items():
        seconds = statistics.median(one.seconds for one in found)
        largest = max(one.mebibytes for one in found)
        print(f"| {title} | {way} | {seconds:.2f} | {seconds / base:.2f} | {largest:.0f} |", flush=True)


def uploaded(path: Path, kind: str) -> None:
    """The file into both stores."""
    import s3fs  # type: ignore[import-not-found, unused-ignore]  # noqa: PLC0415
    from azure.storage.blob import BlobClient  # noqa: PLC0415

    with path.open("rb") as file:
        BlobClient.from_connection_string(CONNECTION, "e2e", f"{kind}.rdb").upload_blob(file, overwrite=True)
    # moto takes its time to put the parts together; asked again it has forgotten them.
    patient = {"connect_timeout": 900, "read_timeout": 900, "retries": {"max_attempts": 0}}
    secret = ENVIRONMENT["AWS_SECRET_ACCESS_KEY"]
    store = s3fs.S3FileSystem(key="moto", secret=secret, endpoint_url=S3, config_kwargs=patient)
    store.put_file(str(path), f"snapshots/{kind}.rdb")


def measure(kind: str, folder: Path, options: argparse.Namespace) -> None:
    """Inspect, and convert with another compression, from each place."""
    path = folder / f"{kind}.rdb"
    make(path, kind, options.size * 1_000_000)
    uploaded(path, kind)
    places = {"file": str(path), "az://": f"az://e2e/{kind}.rdb", "s3://": f"s3://snapshots/{kind}.rdb"}
    places["SAS URL"] = sas(f"{kind}.rdb", "r", 2)
    inspected: dict[str, tuple[str, ...]] = {way: ("inspect", place) for way, place in places.items()}
    # A URL is read by one process; a file by as many as there are, which takes more of them together.
    inspected = {"file, one process": ("inspect", str(path), "--jobs", "1"), **inspected}
    compare(f"{kind} inspect", inspected, options.rounds)
    if "convert" not in options.verbs:
        return
    out = ("--to", "redis-7.2", "-o", str(folder / "out.rdb"), "--force")
    ways = {way: ("convert", place, *out) for way, place in places.items()}
    compare(f"{kind} convert", ways, 1)


def main() -> None:
    """The table, in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("--azurite", required=True, help="dist/src/blob/main.js of the npm package")
    parser.add_argument("--moto", required=True, help="moto_server")
    parser.add_argument("--size", type=int, default=1000, help="of each file, in MB")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=list(KINDS))
    parser.add_argument("--verbs", nargs="+", choices=("inspect", "convert"), default=["inspect", "convert"])
    parser.add_argument("--work", type=Path, help="where the files lie meanwhile")
    options = parser.parse_args()
    os.environ |= ENVIRONMENT
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=options.work)))
        # On the disk: a gigabyte in the memory of Azurite is several.
        stack.enter_context(server(BLOBS, *azurite(options.azurite, "--location", str(folder / "azurite"))))
        stack.enter_context(server(S3, *moto(options.moto)))
        make_places()
        print("| what | from | processor s | to file | MiB |\n|---|---|---|---|---|")
        for kind in options.kinds:
            measure(kind, folder, options)
            (folder / f"{kind}.rdb").unlink()


def make_places() -> None:
    """A container and a bucket."""
    import s3fs  # noqa: PLC0415
    from azure.storage.blob import BlobServiceClient  # noqa: PLC0415

    BlobServiceClient.from_connection_string(CONNECTION).create_container("e2e")
    s3fs.S3FileSystem(key="moto", secret=ENVIRONMENT["AWS_SECRET_ACCESS_KEY"], endpoint_url=S3).mkdir(
        "snapshots"
    )


if __name__ == "__main__":
    main()
