"""Every fixture explained: each byte of each record once, and each byte of what is packed in it once.

    python tests/explain_everything.py [--only types]

The file as a whole must be partitioned: each meaning begins where the one before it ended, from the magic to
the checksum, and a meaning begins where a record does. So must what each string unpacks to. What is told of
each key alone (`explain --key`) must be what is told of it in the file. One line a file; 1 at faults.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator
from itertools import groupby
from operator import attrgetter
from pathlib import Path

from ways import SNAPSHOTS, corpus

import rdbcodec
from rdbcodec import Entry
from rdbcodec.tools.meanings import Meaning


def partition_faults(meanings: Iterable[Meaning], place: int) -> Iterator[str]:
    """Bytes that are told twice or never, in the file from `place` on and in what its strings unpack to."""
    sizes: dict[str, int | None] = {}
    for inside, space in groupby(meanings, key=attrgetter("inside")):
        at = place if not inside else 0
        for meaning in space:
            if meaning.start != at or meaning.end <= meaning.start:
                span = f"{inside or 'file'}: {meaning.label} is {meaning.start} to {meaning.end}"
                yield f"{span}, expected from {at}"
            if meaning.kind == "damaged":
                yield f"{meaning.label} at {meaning.start} is told as damaged: {meaning.note}"
            at = meaning.end
            if meaning.kind == "lzf":
                sizes[meaning.label] = meaning.size
        if not inside:
            place = at
        elif inside in sizes and sizes[inside] != at:
            yield f"{inside} unpacks to {sizes[inside]} bytes, of which {at} are told"


def faults(path: Path, told: list[Meaning], records: list[rdbcodec.Record]) -> Iterator[str]:
    """What is wrong with what is told of a file and of each of its keys."""
    yield from partition_faults(told, 0)
    end = records[-1]
    assert isinstance(end, rdbcodec.End)
    last = max(meaning.end for meaning in told if not meaning.inside)
    if last != end.size:
        yield f"the snapshot has {end.size} bytes, {last} are told"
    begins = {meaning.start for meaning in told if not meaning.inside}
    yield from (f"no label begins at record {one.offset}" for one in records if one.offset not in begins)
    by_record: dict[int, list[Meaning]] = {}
    for meaning in told:
        by_record.setdefault(meaning.record, []).append(meaning)
    for entry in records:
        if isinstance(entry, Entry):
            alone = list(rdbcodec.explain(path, key=entry.key, db=entry.db))
            if alone != by_record[entry.offset]:
                yield f"db {entry.db} key {entry.key!r}: told otherwise alone"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--only", default="")
    options = parser.parse_args()
    totals, wrong = [0, 0, 0, 0], 0
    for path in [*SNAPSHOTS, *corpus("vectors", ".rdb")]:
        if options.only not in path.name:
            continue
        told = list(rdbcodec.explain(path))
        with rdbcodec.open(path) as reader:
            records = list(reader)
        found = list(faults(path, told, records))
        wrong += bool(found)
        size = max(meaning.end for meaning in told if not meaning.inside)
        keys = sum(isinstance(record, Entry) for record in records)
        row = [len(records), keys, len(told), size]
        totals = [sum(pair) for pair in zip(totals, row, strict=True)]
        print(
            f"{path.name}: {row[0]} records, {keys} keys, {row[2]} labels, {size} bytes: {len(found)} faults"
        )
        print("".join(f"    {fault}\n" for fault in found[:9]), end="", flush=True)
    print("{} records, {} keys, {} labels, {} bytes;".format(*totals), f"{wrong} files with faults")
    return min(wrong, 1)


if __name__ == "__main__":
    sys.exit(main())
