"""The bounds that verdicts go by against what real servers take: no bound may be below `used_memory`.

    python benchmarks/memory_bound.py                     # 20 data sets, four servers: some minutes
    python benchmarks/memory_bound.py --servers redis-8.2 --sizes 1

Three bounds for each: the keys counted by the model, as `compat` does; what the writer used, as the file
says, for a profile without the count; and the size on disk alone, for a file that does not say it. Printed is
how many times of `used_memory` after loading each is. Exit code 1 when one is below it.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from memory_model import saved, settled, snapshot_of, started
from memory_sets import SETS, loads

from rdbcodec.compat.circumstances import Circumstances
from rdbcodec.compat.need import need_of
from rdbcodec.compat.rule import Case
from rdbcodec.compat.target import find
from rdbcodec.facts.profile import Profile, profile_of

SERVERS = ("redis-7.0", "redis-8.2", "redis-8.10", "valkey-9.1")


def used_memory(server: str, snapshot: bytes, folder: Path) -> int:
    """Bytes of `used_memory` with the snapshot loaded."""
    running = started(server, folder)
    try:
        running.load(snapshot)
        return settled(running)
    finally:
        running.stop()


def bounds(server: str, snapshot: bytes) -> list[int]:
    """Bytes that the data needs at most: by the count, by the writer's word, by the size on disk."""
    counted, said, unsaid = (profile_of(snapshot) for _ in range(3))
    said.memory = unsaid.memory = None
    unsaid.aux = {}
    return [_bound(server, profile) for profile in (counted, said, unsaid)]


def _bound(server: str, profile: Profile) -> int:
    return need_of(Case(profile, Circumstances(), find(server))).at_most


def main() -> int:
    """Measure what is asked for; a table of multiples."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--servers", nargs="+", default=list(SERVERS))
    parser.add_argument("--sizes", nargs="+", type=float, default=[0.3, 3], help="MB of the snapshots")
    options = parser.parse_args()
    below = 0
    print("counted / the writer's word / size on disk, in multiples of used_memory")
    print(f"{'':20}", *(f"{server:>18}" for server in options.servers))
    for name in SETS:
        for size in options.sizes:
            cells = []
            for server in options.servers:
                if not loads(server, name):
                    cells.append("-")
                    continue
                with tempfile.TemporaryDirectory() as folder:
                    own = saved(server, snapshot_of(name, server, round(size * 10**6)), Path(folder) / "a")
                    taken = used_memory(server, own, Path(folder) / "b")
                found = [bound / taken for bound in bounds(server, own)]
                below += sum(multiple < 1 for multiple in found)
                cells.append(" / ".join(f"{multiple:.2f}" for multiple in found))
            print(f"{name:14} {size:>5}", *(f"{cell:>18}" for cell in cells), flush=True)
    print(f"{below} bounds below used_memory, {time.strftime('%Y-%m-%d')}")
    return 1 if below else 0


if __name__ == "__main__":
    sys.exit(main())
