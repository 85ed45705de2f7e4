"""Every fixture cut at many places and flipped at many: what salvage makes of it, and whether that loads.

    python tests/salvage_everything.py --places 50 --seed 1 [--only types] [--json out.json]

A key of the original is in one of these classes (docs/salvage.md); none must be unexplained:

    kept       the output has it, with the same bytes and expiry
    left out   the account names it
    in a gap   its record lies in a stretch that could not be read, or behind the end of the file
    changed    the output has another value or expiry there, and no checksum vouches for it
    renamed    its record was read under another name, type or database, and no checksum vouches for it
    swallowed  it lies in a record that was read as a longer one, and no checksum vouches for it

Flips are saved without the checksum, every fifth also with it, which tells the byte where there is one.
Each output that differs from others is checked, and loaded by a server with `sanitize-dump-payload yes`.
"""

from __future__ import annotations

import argparse
import io
import json
import random
import sys
import tempfile
import time
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator
from hashlib import blake2b
from pathlib import Path
from typing import Any, NamedTuple

from servers import Server, ServerError, module, program
from ways import SNAPSHOTS

import rdbcodec
from rdbcodec import Entry
from rdbcodec.facts.soundness import check
from rdbcodec.integrity.oddities import oddities
from rdbcodec.reading.unwrapped import Unwrapped
from rdbcodec.tools.salvage import Salvage, salvage
from rdbcodec.tools.survivors import Gap, Survivors

STACK = ("rejson", "redisbloom", "redistimeseries", "redisearch")
CANDIDATES = {  # by the product in the fixture's name: the first that loads the whole original
    "redis": (("redis-8.10",), ("redis-7.4", *STACK), ("redis-7.0",), ("redis-8.2",), ("redis-6.2",)),
    "valkey": (("valkey-9.1",), ("valkey-8.1",)),
}
OPTIONS = ("--sanitize-dump-payload", "yes", "--databases", "20000")


class Key(NamedTuple):
    """A key of the original: its record from `start` up to `end`, and what it holds."""

    db: int
    name: bytes
    start: int
    end: int
    content: object


def content_of(entry: Entry) -> object:
    return entry.row.name, b"".join(entry.chunks()), entry.expires_at_ms


def keys_of(data: bytes) -> list[Key]:
    with rdbcodec.open(data) as reader:
        records = [(record, content_of(record) if isinstance(record, Entry) else None) for record in reader]
    ends = [record.offset for record, _ in records[1:]] + [len(data)]
    return [
        Key(record.db, record.key, record.offset, end, content)
        for (record, content), end in zip(records, ends, strict=True)
        if isinstance(record, Entry)
    ]


def explained(
    keys: list[Key], damaged: bytes, out: bytes, found: Salvage, how: dict[str, Any]
) -> Counter[str]:
    there = {(key.db, key.name): key.content for key in keys_of(out)}
    left_out = {problem.offset for problem in found.problems}
    vouched = found.unvouched == 0 and found.checksum == "ok"
    starts: list[int] | None = None
    classes: Counter[str] = Counter()
    for key in keys:
        name = key.db, key.name
        if there.get(name) == key.content:
            classes["kept"] += 1
        elif key.start in left_out:
            classes["left out"] += 1
        elif is_in_a_gap(key, len(damaged), found):
            classes["in a gap"] += 1
        elif vouched:
            classes["unexplained"] += 1
        elif name in there:
            classes["changed"] += 1
        else:
            starts = starts or starts_of(damaged, how)
            at = bisect_right(starts, key.start)
            is_read = at and starts[at - 1] == key.start
            classes["renamed" if is_read else "swallowed" if at else "unexplained"] += 1
    classes["invented"] = len(there.keys() - {(key.db, key.name) for key in keys})
    return classes


def is_in_a_gap(key: Key, size: int, found: Salvage) -> bool:
    if key.end > size and not found.ends:
        return True
    return any(gap.start < key.end and key.start < gap.end for gap in found.gaps)


def starts_of(damaged: bytes, how: dict[str, Any]) -> list[int]:
    """Where the records were read that salvage had."""
    with Unwrapped(damaged) as whole:
        return sorted({one.offset for one in Survivors(whole, **how) if not isinstance(one, Gap)})


def damages(data: bytes, places: int, chance: random.Random) -> Iterator[tuple[str, bytes, dict[str, Any]]]:
    """Places all over the file, one in each of as many equal parts."""
    for at in range(places):
        low, high = 9 + (len(data) - 9) * at // places, 9 + (len(data) - 9) * (at + 1) // places
        yield "cut", data[: chance.randrange(low, max(low + 1, high))], {"resync": True}
    for at in range(places):
        low, high = len(data) * at // places, len(data) * (at + 1) // places
        flipped = bytearray(data)
        flipped[min(chance.randrange(low, max(low + 1, high)), len(data) - 1)] ^= chance.randrange(1, 256)
        yield "flip", bytes(flipped), {"resync": True, "verify_checksum": False}
        if at % 5 == 0:
            yield "flip, checksum", bytes(flipped), {"resync": True}


class Loader:
    """Servers, each started when it is needed and again when a file has ended it."""

    def __init__(self, folder: Path) -> None:
        self.refusal = ""  # what the server said of the last file
        self._folder = folder
        self._running: dict[tuple[str, ...], Server] = {}

    def __call__(self, wanted: tuple[str, ...], data: bytes) -> int | None:
        """How many keys it has then; None when it refuses the file."""
        server = self._running.get(wanted)
        if server is None or not server.answers():
            folder = self._folder / "-".join(wanted)
            folder.mkdir(exist_ok=True)
            (folder / "dump.rdb").unlink(missing_ok=True)
            debug = () if wanted[0] == "redis-6.2" else ("--enable-debug-command", "local")
            modules = [word for name in wanted[1:] for word in ("--loadmodule", module(name))]
            server = self._running[wanted] = Server(program(wanted[0]), folder, *OPTIONS, *debug, *modules)
        try:
            server.load(data)
            told: bytes = server.command("INFO", "keyspace")
        except (AssertionError, ServerError, OSError) as error:
            said = [line for line in str(error).splitlines() if " # " in line and "oO0" not in line]
            self.refusal = " | ".join(line.partition(" # ")[2] for line in said[:3])
            return None
        self.refusal = ""
        return sum(
            int(line.split(b"keys=")[1].split(b",")[0]) for line in told.splitlines() if b"keys=" in line
        )

    def stop(self) -> None:
        for server in self._running.values():
            server.stop()


def living(data: bytes) -> int:
    now = time.time_ns() // 1_000_000
    with rdbcodec.open(data) as reader:
        entries = (record for record in reader if isinstance(record, Entry))
        return sum(
            (entry.expires_at_ms is None or entry.expires_at_ms > now)
            # Servers leave out what is empty, and say so.
            and not (entry.type != "string" and any(odd.trait == "empty" for odd in oddities(entry)))
            for entry in entries
        )


def server_for(path: Path, out: bytes, load: Loader) -> tuple[str, ...] | None:
    expected = living(out)
    for wanted in CANDIDATES[path.name.partition("-")[0]]:
        try:
            if load(wanted, out) == expected:
                return wanted
        except BaseException as error:  # noqa: BLE001 - pytest's word for a server that is not here
            print(f"    {wanted}: {error}", file=sys.stderr)
    return None


def run(path: Path, options: argparse.Namespace, load: Loader) -> Counter[str]:
    data, total = path.read_bytes(), Counter[str]()
    keys = keys_of(data)
    sound = io.BytesIO()
    salvage(data, sound)
    wanted = server_for(path, sound.getvalue(), load)
    total["no server"] += wanted is None
    seen: set[bytes] = set()
    for kind, damaged, how in damages(data, options.places, random.Random(f"{options.seed}{path.name}")):
        out = io.BytesIO()
        try:
            found = salvage(damaged, out, **how)
        except rdbcodec.DecodeError as error:  # the first bytes are no snapshot's any more
            total[f"{kind}: refused: {type(error).__name__}"] += 1
            continue
        saved = out.getvalue()
        is_whole = saved == sound.getvalue()
        classes = Counter(kept=len(keys)) if is_whole else explained(keys, damaged, saved, found, how)
        total += Counter({f"{kind}: {name}": count for name, count in classes.items()})
        total[f"{kind}: runs"] += 1
        total[f"{kind}: mended"] += found.mended is not None
        if classes["unexplained"]:
            print(f"{path.name}: {kind}: {classes}", file=sys.stderr)
        digest = blake2b(saved, digest_size=16).digest()
        if digest in seen:
            continue
        seen.add(digest)
        total["outputs"] += 1
        total["unsound"] += check(rdbcodec.open(saved), now_ms=0).verdict != "sound"
        if wanted is not None:
            loaded, expected = load(wanted, saved), living(saved)
            total["loaded"] += loaded == expected
            if loaded != expected:
                total["not loaded"] += 1
                print(
                    f"{path.name}: {kind}: {wanted} has {loaded} of {expected} keys: {load.refusal}",
                    file=sys.stderr,
                )
                if options.keep:
                    options.keep.mkdir(exist_ok=True)
                    (options.keep / f"{path.stem}-{total['outputs']}.rdb").write_bytes(saved)
                    (options.keep / f"{path.stem}-{total['outputs']}.damaged").write_bytes(damaged)
    return total


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--places", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="")
    parser.add_argument(
        "--part", default="1/1", help="of the fixtures, the smallest first: 1/2 and 2/2 are all"
    )
    parser.add_argument("--json", type=Path)
    parser.add_argument("--keep", type=Path)
    options = parser.parse_args()
    total: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as folder:
        load = Loader(Path(folder))
        try:
            part, parts = map(int, options.part.split("/"))
            paths = sorted(SNAPSHOTS, key=lambda path: path.stat().st_size)
            for path in paths[part - 1 :: parts]:
                if options.only in path.name:
                    begun = time.process_time()
                    total += run(path, options, load)
                    print(f"{path.name} {time.process_time() - begun:.1f} s", file=sys.stderr, flush=True)
                    if options.json is not None:
                        options.json.write_text(json.dumps(dict(sorted(total.items())), indent=1))
        finally:
            load.stop()
    print(json.dumps(dict(sorted(total.items())), indent=1))


if __name__ == "__main__":
    main()
