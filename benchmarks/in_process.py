"""What side_by_side.py measures inside a process: `python benchmarks/in_process.py JOB FILE`.

Answers with processor seconds and peak memory in bytes, as JSON. It uses the public names only, so that it
measures older checkouts too.
"""

from __future__ import annotations

import json
import os
import platform
import random
import resource
import sys
import sysconfig
import time
from collections.abc import Callable
from typing import Any

from measuring import STRINGS

import rdbcodec
from rdbcodec import Entry  # a loop that asks the module for it takes 6% longer
from rdbcodec.wire import crc64, lzf

PAIRS: list[tuple[bytes, bytes]] = []


def iterate(path: str) -> None:
    """Every record, nothing decoded."""
    with rdbcodec.open(path) as snapshot:
        for _ in snapshot:
            pass


def read_keys(path: str) -> None:
    """Every entry's key."""
    with rdbcodec.open(path) as snapshot:
        for record in snapshot:
            if isinstance(record, Entry):
                record.key  # noqa: B018 - reading it is what is measured


def read_values(path: str) -> None:
    """Every entry's value, decoded."""
    with rdbcodec.open(path) as snapshot:
        for record in snapshot:
            if isinstance(record, Entry):
                record.value()


def write_strings(_: str) -> None:
    """Strings of 30 bytes that nothing compresses; the file says only where it stands in the table."""
    with rdbcodec.create(os.devnull) as writer:
        for key, value in PAIRS:
            writer.write(key, value)


def pairs() -> list[tuple[bytes, bytes]]:
    """Keys and values, made before they are written."""
    rng = random.Random(1)
    return [(b"key:%09d" % number, rng.randbytes(15).hex().encode()) for number in range(STRINGS)]


def rdb_py(path: str) -> None:
    """Every item of another library, which decodes all it yields."""
    import rdb  # noqa: PLC0415 - only one of the interpreters has it

    for _ in rdb.RdbDecoder(path):
        pass


JOBS: dict[str, Callable[[str], None]] = {
    "iterate": iterate,
    "keys": read_keys,
    "values": read_values,
    "write": write_strings,
    "rdb-py": rdb_py,
}


def describe() -> dict[str, Any]:
    """What the header of the table says about this interpreter."""
    return {
        "version": platform.python_version(),
        "pgo": "--enable-optimizations" in (sysconfig.get_config_var("CONFIG_ARGS") or ""),
        "crc64": crc64.engine(),
        "lzf": lzf.engine(),
    }


def main() -> None:
    """Measure a job, or describe."""
    if sys.argv[1] == "describe":
        print(json.dumps(describe()))
        return
    job, path = sys.argv[1:]
    if job == "count":
        with rdbcodec.open(path, verify_checksum=False) as snapshot:
            print(sum(isinstance(record, Entry) for record in snapshot))
        return
    if job == "write":
        PAIRS.extend(pairs())
    crc64.engine()  # its import is not part of the job
    start = time.process_time()
    JOBS[job](path)
    seconds = time.process_time() - start
    print(json.dumps([seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10]))


if __name__ == "__main__":
    main()
