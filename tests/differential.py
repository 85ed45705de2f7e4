"""Damaged values and files, judged by us and by real servers: `python tests/differential.py --seed 8`.

A good value or file of the corpus is changed in one to three places and shown to Redis 7.0, Redis 8.10 and
Valkey 9.1. Files are loaded by a server with its defaults, which trusts what it loads; values are restored by
one that looks into every packed structure (`sanitize-dump-payload yes`). Four things must never be:

    promised   the verdict is "yes", and the server refuses the file
    plain      the verdict is "yes" without a word about values, and the server that looks refuses this one
    converted  a conversion for this very server is written, and the server refuses it
    otherwise  the verdict is "yes" without a word about values, and the server holds another than we decode

Everything else is a class in the table that is printed: both accept, both refuse, or the server takes what
we call damaged or do not answer for. Ends with 1 when there was a violation; `--save` keeps its inputs.
The same seed gives the same inputs, as far as the time goes.
"""

from __future__ import annotations

import argparse
import io
import random
import re
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

from odd import ODD
from readback import Comparison, Keys, Parts, decoded, read_back
from servers import Pool, Server, ServerError
from ways import SNAPSHOTS, corpus

import rdbcodec
from rdbcodec import dump
from rdbcodec.compat.target import find
from rdbcodec.compat.verdict import check
from rdbcodec.facts.profile import profile
from rdbcodec.formats import TYPES
from rdbcodec.wire.crc64 import crc64
from rdbcodec.writing.create import DEFAULT_DATABASES

MAGIC = {"redis-7.0": b"REDIS0010", "redis-8.10": b"REDIS0015", "valkey-9.1": b"VALKEY080"}
KEY = b"k"
# Said with a verdict on values of modules, here of those built into Redis 8: no promise, for these are opaque
# to all but the module, which may refuse them. A conversion passes them on as they are, and promises no more.
OPAQUE = "module-values"
# The same holds for code of function libraries that was changed: whether Lua runs is known when it is
# run. The code of the corpus is that of servers, and a file with it is promised like any other.
NEVER_EMPTY = {"string", "stream"}  # or an empty one is a key as well
NAMES = {row.code: row.name for row in TYPES if row.dialect == "redis"}
SMALL = 4000  # bytes of a value or file: more inputs a second, and more of them hit something
PATIENCE_S = 30  # for a server that hangs on what it was given
REFUSED_ASKED = 0.1  # how many of those files that we refuse the server is asked about: each costs a start

Place = tuple[int, bytes]


class Judged(NamedTuple):
    """What we say about an input: the verdict or the error, and its keys as a server would answer them."""

    loads: str  # "yes", "yes" and what is odd about the values, or why not
    keys: Keys | None  # None when it cannot be decoded


class Refused(Exception):
    """What a server said against an input."""


# --- us -----------------------------------------------------------------------------------------------


def judge(data: bytes, name: str) -> Judged:
    """The verdict of `compat`, and what we would read."""
    try:
        with rdbcodec.open(data) as reader:
            facts = profile(reader, now_ms=now_ms(), duplicates=True, values=True)
    except rdbcodec.RdbError as error:
        return Judged(type(error).__name__, None)
    verdict = check(facts, find(name))
    ids = {one.id for one in verdict.findings if one.severity == "blocker" or one.id.startswith("G-ODD")}
    opaque = [OPAQUE] if verdict.has_module_values or codes_of(data) - servers_own() else []
    return Judged(" ".join([verdict.loads, *opaque, *sorted(ids)]), keys_of(data))


def codes_of(data: bytes) -> set[bytes]:
    """The texts of the function libraries."""
    with rdbcodec.open(data) as reader:
        return {record.code for record in reader if isinstance(record, rdbcodec.Function)}


@cache
def servers_own() -> set[bytes]:
    """The texts that servers saved."""
    files = (*SNAPSHOTS, *corpus("vectors", ".rdb"))
    return set().union(*(codes_of(path.read_bytes()) for path in files))


def keys_of(data: bytes) -> Keys | None:
    """The keys that have not expired and are not empty, of which servers keep none."""
    keys: Keys = {}
    try:
        with rdbcodec.open(data) as reader:
            for entry in reader:
                if isinstance(entry, rdbcodec.Entry) and not is_over(entry.expires_at_ms):
                    value = living(entry.value())
                    if value or entry.type in NEVER_EMPTY:
                        keys[entry.db, entry.key] = decoded(entry.type, value, entry.expires_at_ms)
    except rdbcodec.RdbError:
        return None
    return keys


def living(value: Any) -> Any:
    """The value without the fields of a hash that have expired."""
    if isinstance(value, rdbcodec.Hash):
        for field in [field for field, at_ms in value.expires_at_ms.items() if is_over(at_ms)]:
            del value[field], value.expires_at_ms[field]
    return value


def is_over(at_ms: int | None) -> bool:
    """Whether a key has expired, or does while it is looked at."""
    return at_ms is not None and at_ms < now_ms() + 60_000


def now_ms() -> int:
    """The time."""
    return time.time_ns() // 1_000_000


def converted(data: bytes, name: str) -> bytes | None:
    """A conversion that loses nothing; None when it is refused, or says that it needs more databases.

    How many a server has is a setting: `convert` keeps the numbers and says what the target must be set to.
    """
    out = io.BytesIO()
    try:
        done = rdbcodec.convert(data, out, to=name)
    except rdbcodec.RdbError:
        return None
    return out.getvalue() if done.databases <= DEFAULT_DATABASES else None


# --- the servers --------------------------------------------------------------------------------------


def restore(server: Server, body: bytes, version: int) -> Keys:
    """The key that a server makes of a type byte and a value."""
    payload = body + version.to_bytes(2, "little")
    payload += crc64(payload).to_bytes(8, "little")
    server.command("FLUSHALL")
    try:
        server.command("RESTORE", KEY, 0, payload)
    except ServerError as error:
        raise Refused(str(error)) from error
    return read_back(server)


def load(server: Server, data: bytes, *, look: bool = True) -> Keys:
    """The keys that a server has after loading a file; damaged ones may end it when they are looked at."""
    try:
        server.load(data)
    except AssertionError as error:
        raise Refused(reason(str(error))) from error
    keys = read_back(server) if look else {}
    # A hash is there without fields until the server notices that all of them have expired.
    return {place: parts for place, parts in keys.items() if parts != _EXPIRED_HASH}


_EXPIRED_HASH: Parts = {"type": "hash", "expires at": None, "value": {}}


_CRASHED = re.compile(r"ASSERTION FAILED|crashed by signal|Guru Meditation")


def reason(log: str) -> str:
    """Why a server refuses a file, out of its log, without the numbers."""
    if _CRASHED.search(log):
        return "it crashes"
    last = (log.strip().splitlines() or [""])[-1]
    return re.sub(r"[0-9]+", "N", last.rpartition(" # ")[2])


def asked(pool: Pool, name: str, question: Callable[[Server], Keys]) -> Keys | str:
    """The keys, or why there are none; a server that ends itself or hangs is started again."""
    server = pool(name)
    server._socket.settimeout(PATIENCE_S)
    try:
        return question(server)
    except Refused as error:
        return f"refused: {error}"
    except TimeoutError:
        server._process.kill()
        server._process.wait()
        return "refused: it hangs"
    except OSError:
        server._process.wait(PATIENCE_S)
        return "refused: it aborts"


# --- what is changed ----------------------------------------------------------------------------------


def mutated(data: bytes, rng: random.Random, first: int = 0) -> bytes:
    """The bytes from `first` on, changed in one to three places."""
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        if len(data) <= first:
            break
        data = rng.choice(CHANGES)(data, rng, first)
    return data


def _flip(data: bytes, rng: random.Random, first: int) -> bytes:
    at = rng.randrange(first, len(data))
    return data[:at] + bytes([data[at] ^ 1 << rng.randrange(8)]) + data[at + 1 :]


def _set(data: bytes, rng: random.Random, first: int) -> bytes:
    at = rng.randrange(first, len(data))
    new = rng.choice((0, 1, 2, 0x3F, 0x40, 0x7F, 0x80, 0x81, 0xC0, 0xC3, 0xFE, 0xFF, rng.randrange(256)))
    return data[:at] + bytes([new]) + data[at + 1 :]


def _count(data: bytes, rng: random.Random, first: int) -> bytes:
    """A byte one more or one less, as counts and lengths go wrong."""
    at = rng.randrange(first, len(data))
    return data[:at] + bytes([(data[at] + rng.choice((-1, 1))) % 256]) + data[at + 1 :]


def _remove(data: bytes, rng: random.Random, first: int) -> bytes:
    at = rng.randrange(first, len(data))
    return data[:at] + data[at + rng.choice((1, 1, 2, 8)) :]


def _repeat(data: bytes, rng: random.Random, first: int) -> bytes:
    at = rng.randrange(first, len(data))
    return data[:at] + data[at : at + rng.choice((1, 2, 4, 16))] + data[at:]


CHANGES = (_flip, _set, _count, _remove, _repeat)


def reordered(data: bytes, rng: random.Random) -> bytes:
    """A file with one of its records twice, gone, or elsewhere."""
    with rdbcodec.open(data) as reader:
        places = [record.offset for record in reader]
    records = [data[at:end] for at, end in pairwise(places)]
    at, to = rng.randrange(1, len(records)) if len(records) > 1 else 0, rng.randrange(len(records)) + 1
    record = records[at]
    if at and rng.random() < 0.6:
        del records[at]
    if rng.random() < 0.7:
        records.insert(min(to, len(records)), record)
    return b"".join(records) + data[places[-1] :]


def unchecked(data: bytes) -> bytes:
    """The file with its checksum switched off."""
    return data[:-8] + bytes(8) if data[:9] >= b"REDIS0005" and data[-9:-8] == b"\xff" else data


# --- the corpus ---------------------------------------------------------------------------------------


def values() -> dict[tuple[str, bytes], rdbcodec.Entry]:
    """The distinct values of the fixtures, none above SMALL bytes."""
    found: dict[tuple[str, bytes], rdbcodec.Entry] = {}
    for data in files():
        with rdbcodec.open(data) as reader:
            for entry in reader:
                if isinstance(entry, rdbcodec.Entry) and entry.raw is not None and len(entry.raw) <= SMALL:
                    found.setdefault((entry.row.name, entry.raw), entry)
    return found


def files() -> Iterator[bytes]:
    """The fixtures."""
    for path in (*SNAPSHOTS, *corpus("vectors", ".rdb")):
        yield path.read_bytes()


def bodies(name: str) -> dict[str, list[bytes]]:
    """What a server of this release would put in a payload, by the kind of row."""
    version = int(MAGIC[name][-3:])
    found: dict[str, list[bytes]] = {}
    for entry in values().values():
        try:
            body = entry.dump(version)[: -dump.FOOTER]
        except rdbcodec.RdbError:
            continue
        found.setdefault(f"{body[0]}", []).append(body)
    return found


def small_files(name: str) -> list[bytes]:
    """Files that a server of this release loads, as they are or converted, and the odd ones."""
    small = [converted(data, name) for data in files() if len(data) <= SMALL]
    return [*(unchecked(made) for made in small if made is not None), *ODD.values()]


# --- one input ----------------------------------------------------------------------------------------


class Pools(NamedTuple):
    """The servers that look into what they load, and those that trust it."""

    careful: Pool
    trusting: Pool


class Case(NamedTuple):
    """An input: for which server, what was changed, the file, and what we say about it."""

    name: str
    kind: str
    data: bytes
    us: Judged


class Table:
    """How often each class came, and the inputs of those that must not be."""

    def __init__(self, folder: Path | None) -> None:
        self.counts: Counter[tuple[str, str, str]] = Counter()
        self.violations: Counter[tuple[str, str, str]] = Counter()
        self._folder = folder

    def add(self, case: Case, result: str) -> None:
        """One more of a class."""
        self.counts[case.name, "file" if case.kind == "file" else "value", result] += 1

    def violation(self, case: Case, what: str) -> None:
        """One more of what must not be; the first three inputs of each are kept."""
        found = (case.name, case.kind, what)
        self.violations[found] += 1
        if self._folder is not None and self.violations[found] <= 3:
            words = re.sub("[^0-9a-z.]+", "-", " ".join(found), flags=re.IGNORECASE)
            (self._folder / f"{words[:150]}.{self.violations[found]}.rdb").write_bytes(case.data)

    def print(self) -> None:
        """The table of classes, then the violations."""
        for (name, kind, result), times in sorted(self.counts.items()):
            print(f"{times:8,}  {name:11} {kind:6} {result}")
        print(f"{sum(self.counts.values()):8,}  inputs, {self.violations.total():,} violations")
        for (name, kind, what), times in self.violations.most_common():
            print(f"VIOLATION {times:,} x {name}, {kind}: {what}")


def try_value(pools: Pools, name: str, body: bytes, table: Table) -> None:
    """A changed value: RESTORE, and a file of this one key."""
    data = MAGIC[name] + body[:1] + bytes([len(KEY)]) + KEY + body[1:] + b"\xff" + bytes(8)
    case = Case(name, NAMES.get(body[0], "unknown") if body else "nothing", data, judge(data, name))
    version = int(MAGIC[name][-3:])
    them = asked(pools.careful, name, lambda server: restore(server, body, version))
    if case.us.loads == "yes" and (isinstance(them, str) or them.keys() != case.us.keys):
        # a payload may end elsewhere than a record, and then it is another value
        them = asked(pools.careful, name, lambda server: load(server, data))
    settle(case, them, table)
    try_promise(pools, case, table)
    try_conversion(pools, case, table)


def try_file(pools: Pools, name: str, data: bytes, rng: random.Random, table: Table) -> None:
    """A changed file, as it is and converted for the server."""
    case = Case(name, "file", data, judge(data, name))
    if case.us.loads == "yes" or rng.random() < REFUSED_ASKED:
        settle(case, asked(pools.careful, name, lambda server: load(server, data)), table)
    try_promise(pools, case, table)
    try_conversion(pools, case, table)


def settle(case: Case, them: Keys | str, table: Table) -> None:
    """Put an input into its class, by what the server says that looks into it."""
    loads, keys = case.us
    if isinstance(them, str):
        if loads == "yes":
            table.violation(case, f"plain: {them}")
        table.add(case, f"only who looks refuses: {loads}" if loads.startswith("yes") else "both refuse")
    elif keys is not None and (part := difference(them, keys)) and loads == "yes":
        table.violation(case, f"otherwise: {part}")
        table.add(case, "otherwise")
    else:
        accepts = "both accept" if loads == "yes" else f"both accept: {loads}"
        table.add(case, accepts if loads.startswith("yes") else f"the server is laxer: {loads}")


def try_promise(pools: Pools, case: Case, table: Table) -> None:
    """What is said to load does."""
    if not case.us.loads.startswith("yes") or OPAQUE in case.us.loads:
        return
    them = asked(pools.trusting, case.name, lambda server: load(server, case.data, look=False))
    if isinstance(them, str):
        table.violation(case, f"promised, {case.us.loads}: {them}")


def try_conversion(pools: Pools, case: Case, table: Table) -> None:
    """What is written for a server is loaded there, and says the same."""
    made = converted(case.data, case.name)
    if made is None or made == case.data:
        return
    sure = case.us.loads in ("yes", "after-conversion G-REPAIR")
    pool = pools.careful if sure else pools.trusting
    them = asked(pool, case.name, lambda server: load(server, made, look=sure))
    if isinstance(them, str):
        if OPAQUE not in case.us.loads:
            table.violation(case, f"converted, {case.us.loads}: {them}")
    elif sure and case.us.keys is not None and (part := difference(them, case.us.keys)):
        if part in {"stream-metadata", "stream, length"} and case.us.loads != "yes":  # what was repaired
            return
        table.violation(case, f"converted otherwise: {part}")


# What a conversion for the newest release of a product need not say: who was active when, before 7.2.
FORGIVEN = {"consumer-active-time"}


def difference(them: Keys, us: Keys) -> str:
    """What the server answers otherwise; nothing when all is as we read it."""
    found = Comparison(them, us)
    for place, what in found.changed.items():
        part: Any = what[0] if isinstance(what, tuple) else "a key more"
        return f"{us.get(place, them.get(place, {})).get('type')}, {part}"
    return ", ".join(sorted(set(found.lost) - FORGIVEN))


# --- the run ------------------------------------------------------------------------------------------


def run(pools: Pools, *, seconds: float, most: int | None, seed: int, table: Table) -> None:
    """Inputs until time or number are over: nineteen values, then a file, for each server in turn."""
    rng = random.Random(seed)
    kinds = {name: bodies(name) for name in MAGIC}
    whole = {name: small_files(name) for name in MAGIC}
    end = time.monotonic() + seconds
    while time.monotonic() < end and (most is None or table.counts.total() < most):
        for name in MAGIC:
            for _ in range(19):
                body = rng.choice(kinds[name][rng.choice(sorted(kinds[name]))])
                first = 0 if rng.random() < 0.03 else 1  # rarely the type byte itself
                try_value(pools, name, mutated(body, rng, first), table)
            data = rng.choice(whole[name])
            changed = reordered(data, rng) if rng.random() < 0.5 else mutated(data, rng)
            try_file(pools, name, changed, rng, table)


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--most", type=int, metavar="N", help="stop after so many inputs, however early")
    parser.add_argument("--seed", type=int, default=8)
    parser.add_argument("--save", type=Path, metavar="FOLDER", help="keep the inputs of violations here")
    options = parser.parse_args()
    if options.save is not None:
        options.save.mkdir(parents=True, exist_ok=True)
    table = Table(options.save)
    with tempfile.TemporaryDirectory() as folder:
        careful, trusting = Path(folder) / "careful", Path(folder) / "trusting"
        careful.mkdir()
        trusting.mkdir()
        pools = Pools(Pool(careful), Pool(trusting, trusting=True))
        try:
            run(pools, seconds=options.seconds, most=options.most, seed=options.seed, table=table)
        finally:
            pools.careful.stop()
            pools.trusting.stop()
            table.print()
    return 1 if table.violations else 0


if __name__ == "__main__":
    sys.exit(main())
