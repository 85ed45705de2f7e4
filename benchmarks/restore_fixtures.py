"""Every fixture restored into every real server: is the server's data the fixture's, minus the losses told?

    PYTHONPATH=.:tests python benchmarks/restore_fixtures.py [SERVER ...] [--by-commands]

What a server holds afterwards is saved by it, and compared with what `convert --allow-loss` for the same
server makes of the fixture, and if they differ with what the server saves when it has loaded that: it drops
idempotent producers whose time is over, and links vectors anew. Without modules in the servers, keys of
modules are among the losses.
"""

from __future__ import annotations

import argparse
import io
import sys
import tempfile
from collections import Counter
from functools import partial
from pathlib import Path

from servers import Pool, Server

import rdbcodec
from rdbcodec.live.connect import connect
from rdbcodec.live.restore import restore
from rdbcodec.live.restore_done import Restored, RestoreStopped
from rdbcodec.live.restore_judge import now_ms
from rdbcodec.live.restore_terms import Terms
from rdbcodec.tools.diff import Comparison, diff
from rdbcodec.tools.diff import Terms as DiffTerms

ROOT = Path(__file__).parent.parent
SERVERS = ("redis-6.2", "redis-7.0", "redis-8.2", "redis-8.10", "valkey-8.0", "valkey-8.1", "valkey-9.1")


def fixtures() -> list[Path]:
    """The files that hold a snapshot, whatever it is wrapped in."""
    found = []
    for path in sorted((ROOT / "fixtures").rglob("*")):
        if path.is_file() and path.suffix not in (".json", ".md", ".py", ".txt"):
            try:
                with rdbcodec.open(path) as reader:
                    for _ in reader:
                        pass
            except rdbcodec.RdbError:
                continue
            found.append(path)
    return found


def restored(path: Path, server: Server, terms: Terms) -> tuple[Restored, Comparison]:
    """What was done with an empty server, and how its data differs from what was to be there."""
    server.command("FLUSHALL")
    if server.command("COMMAND", "INFO", "FUNCTION") != [None]:
        server.command("FUNCTION", "FLUSH")
    with connect(f"unix://{server.folder / 's'}") as live:
        done = restore(str(path), live, terms)
        wanted = io.BytesIO()
        rdbcodec.convert(
            path,
            wanted,
            to=live.identity.server,
            allow_loss=True,
            ignore_tail=True,
            drop_empty=True,
            on_duplicate="first",
        )
    saved = partial(rdbcodec.open, server.save())
    found = diff(partial(rdbcodec.open, wanted.getvalue()), saved, DiffTerms(now_ms=now_ms()))
    if not found.is_equal:
        try:
            server.load(wanted.getvalue())
        except AssertionError as error:
            print(f"  {path.name} as converted: {str(error)[-200:]}")
            return done, found
        found = diff(partial(rdbcodec.open, server.save()), saved, DiffTerms(now_ms=now_ms()))
    return done, found


def main() -> int:
    """A line a server; those that are not equal are named."""
    parser = argparse.ArgumentParser()
    parser.add_argument("servers", nargs="*", default=SERVERS)
    parser.add_argument("--by-commands", action="store_true")
    options = parser.parse_args()
    paths, bad = fixtures(), 0
    with tempfile.TemporaryDirectory() as folder:
        pool = Pool(Path(folder))
        try:
            for name in options.servers:
                total: Counter[str] = Counter()
                for path in paths:
                    terms = Terms(by_commands=options.by_commands)
                    try:
                        done, found = restored(path, pool(name), terms)
                    except (RestoreStopped, rdbcodec.RdbError) as error:
                        print(f"  {name} {path.name}: {type(error).__name__}: {error}")
                        bad += 1
                        continue
                    total["equal" if found.is_equal else "not equal"] += 1
                    ways = Counter(way for (_, way), times in done.made.items() for _ in range(times))
                    total += ways + Counter(left_out=done.left_out, expired=done.expired, failed=done.failed)
                    total["functions"] += done.functions
                    if not found.is_equal or done.failed:
                        bad += not found.is_equal
                        print(f"  {name} {path.name}: missing {found.missing} extra {found.extra} changed")
                        print(f"    {[(one.kind, one.key, one.what) for one in found.differences][:5]}")
                        print(f"    failures {[(one.key, one.answer) for one in done.failures]}")
                        print(f"    {found.functions} {found.modules} {[loss.kind for loss in done.losses]}")
                print(f"{name:12} {len(paths)} files: {dict(total)}", flush=True)
        finally:
            pool.stop()
    return min(bad, 1)


if __name__ == "__main__":
    sys.exit(main())
