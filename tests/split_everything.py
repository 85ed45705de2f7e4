"""Every fixture split in every way and merged again: the same data set must come out.

    python tests/split_everything.py [--only types]

A line for each fixture whose parts are refused or do not make up the whole; 1 when there is one.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from ways import SNAPSHOTS

import rdbcodec
from rdbcodec.tools.diff import diff
from rdbcodec.tools.ways import way_of

WAYS = (
    *("slots:4", "slots:0-8191,8192-", "db", "type", "prefix", "prefix:-"),
    *("size:1kb", "keys:7", "keys:1000000"),
)

HELD = 1 << 18  # bytes of a value: larger ones pass by


def faults(path: Path, way: str, folder: Path) -> Iterator[str]:
    """What is not as it was when a file was split this way and merged."""
    parts = [str(part.path) for part in rdbcodec.split(path, f"{folder}/p-{{part}}.rdb", way_of(way)).parts]
    whole = folder / "whole.rdb"
    rdbcodec.merge([(part, partial(rdbcodec.open, part, max_value=HELD)) for part in parts], whole)
    found = diff(lambda: rdbcodec.open(path), lambda: rdbcodec.open(whole))
    if not found.is_equal or found.extra_expired or found.missing_expired or found.keys[0] != found.keys[1]:
        yield f"{found.keys}: missing {found.missing}, extra {found.extra}, changed {found.changed}"


def main() -> int:
    """All of them; 1 at faults."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="")
    options = parser.parse_args()
    done = wrong = 0
    for path in SNAPSHOTS:
        for way in WAYS if options.only in path.name else ():
            with tempfile.TemporaryDirectory() as folder:
                try:
                    found = [*faults(path, way, Path(folder))]
                except rdbcodec.RdbError as error:
                    found = [f"{type(error).__name__}: {error}"]
            done += 1
            wrong += bool(found)
            for fault in found:
                print(f"{path.name} by {way}: {fault}")
    print(f"{done} times split and merged, {wrong} not the same")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
