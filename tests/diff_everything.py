"""Every fixture converted to servers old and new: `diff` must find what the conversion told, and no more.

    python tests/diff_everything.py [--only types]

A key is missing for each loss of a whole key and no other; function libraries likewise; none is extra; and no
more keys are changed than losses inside of values were told. A line for each conversion of which that is not
so; 1 when there is one.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from ways import SNAPSHOTS

import rdbcodec
from rdbcodec.tools.diff import diff

TARGETS = ("redis-2.8", "redis-6.2", "redis-7.2", "redis-8.2", "redis-8.10", "valkey-9.1")
OF_KEYS = ("module", "database", "damaged", "too-large", "empty")  # losses of a whole key each
HELD = 1 << 20


def faults(path: Path, target: str, out: Path) -> Iterator[str]:
    """What differs between a file and its conversion, but for the losses told."""
    told = rdbcodec.convert(path, out, to=target, allow_loss=True, ignore_tail=True, on_duplicate="allow")
    losses = {loss.kind: loss.times for loss in told.losses}
    gone = sum(times for kind, times in losses.items() if kind.startswith("type-") or kind in OF_KEYS)
    functions = losses.get("function", 0)
    inside = sum(losses.values()) - gone - functions
    found = diff(lambda: rdbcodec.open(path, max_value=HELD), lambda: rdbcodec.open(out, max_value=HELD))
    seen = found.missing, found.extra, len(found.functions)
    if seen != (gone, 0, functions) or found.changed > inside:
        yield f"told {losses}; missing, extra, libraries: {seen}, changed: {found.changed}"


def main() -> int:
    """All of them; 1 at faults."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="")
    options = parser.parse_args()
    done = wrong = 0
    with tempfile.TemporaryDirectory() as folder:
        for path in SNAPSHOTS:
            for target in TARGETS if options.only in path.name else ():
                found = [*faults(path, target, Path(folder) / "out.rdb")]
                done += 1
                wrong += bool(found)
                for fault in found:
                    print(f"{path.name} to {target}: {fault}")
    print(f"{done} conversions, {wrong} with differences that were not told")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
