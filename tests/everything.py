"""What the scripts share that look at every snapshot: `diff_everything.py`, `split_everything.py`."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from pathlib import Path

from ways import SNAPSHOTS

Cases = Callable[[Path], Iterator[tuple[str, list[str]]]]


def look(doc: str | None, cases: Cases, end: str) -> int:
    """A line for each fault of each case of each snapshot, and `end` with how many cases and how many of
    them with faults; 1 when there is one."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--only", default="")
    options = parser.parse_args()
    done = wrong = 0
    for path in SNAPSHOTS:
        for case, found in cases(path) if options.only in path.name else ():
            done += 1
            wrong += bool(found)
            for fault in found:
                print(f"{path.name} {case}: {fault}")
    print(end.format(done, wrong))
    return min(wrong, 1)
