"""Values too large to hold are converted to what the held conversion makes of them.

Snapshots are read with limits so small that most of their values pass by in pieces. What is made of a
value then is read back and held against what `transcode` makes of the same value held, its losses too.
"""

from __future__ import annotations

import gc
import io
import math
import struct
import tempfile
from itertools import chain
from typing import TYPE_CHECKING, Any

import pytest
from cases import every, examples
from hypothesis import given
from hypothesis import strategies as st
from interpreters import PYPY, counts_references
from strategies import ONE_A_NODE, VALUES, server_of
from ways import FIXTURES, pair, plain_value, snapshot

import rdbcodec
from rdbcodec import EncodeError, Entry, Hash, LimitExceeded, List, Set, Stream, StreamEntry, StreamId, ZSet
from rdbcodec.datatypes.registry import layout_of
from rdbcodec.datatypes.scope import Scope
from rdbcodec.datatypes.streams.versions import in_version
from rdbcodec.encoding.transcoding import copies, encode, transcode
from rdbcodec.formats import TYPES, TypeRow, version_row
from rdbcodec.servers import Server
from rdbcodec.wire import lengths, strings
from rdbcodec.wire.strings import Budget
from rdbcodec.writing.passing import transcode_large

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rdbcodec import Record
    from rdbcodec.formats import Dialect

ROWS = {row.name: row for row in TYPES}
Outcome = tuple[str | None, object, list[str]]  # row, value, kinds of loss; a message in place of the value


def target(dialect: Dialect, version: int, **options: Any) -> Server:
    return Server(dialect, version, **options)


TARGETS = [
    target("redis", 1),
    target("redis", 6),
    target("redis", 9),
    target("redis", 10),
    target("redis", 12),
    target("redis", 15),
    target("valkey", 81),
    target("dragonfly", 9),
    server_of("valkey-9.1"),
    server_of("redict-7.3"),
    target("redis", 15, name="redis RDB 15 with a module", modules=frozenset({"vectorset"})),
]
FILES = [
    "snapshots/redis-2.0.5-types.rdb",
    "snapshots/redis-2.4.18-types.rdb",
    "snapshots/redis-5.0.14-types.rdb",
    "snapshots/redis-7.0.15-modules.rdb",
    "snapshots/redis-7.2.6-types.rdb",
    "snapshots/redis-8.0.6-hfe.rdb",
    "snapshots/valkey-9.1.2-hfe.rdb",
    "vectors/u8.8.rdb",
]


@pytest.fixture(autouse=True)
def spools(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Any]]:
    """Every temporary file that is opened; in the end all are closed, which is when they vanish."""
    opened: list[Any] = []
    make = tempfile.TemporaryFile

    def remembered() -> Any:
        opened.append(make())
        return opened[-1]

    monkeypatch.setattr(tempfile, "TemporaryFile", remembered)
    yield opened
    if not all(spool.closed for spool in opened):
        gc.collect()  # an error that was caught holds on to what its frames held
    assert PYPY or [spool.closed for spool in opened] == [True] * len(opened)


def order_free(value: Any) -> tuple[object, ...]:
    """A value without the order that its layout gave it; the plain tables have another than packed ones.

    A stream counts as what loaders make of it: held ones are copied in their old version where that will do.
    """
    if isinstance(value, Stream):
        return "Stream", repr(in_version(value, 5, list[str]().append))
    name, content, *expiries = plain_value(value)
    return name, repr(sorted(content) if isinstance(value, Set | dict) else content), expiries  # type: ignore[call-overload]


def read_back(row: TypeRow, raw: bytes) -> object:
    return order_free(layout_of(row).decode(raw, Scope(Budget(), {})))


def held_outcome(entry: Entry, server: Server) -> Outcome:
    """What becomes of an entry that is held."""
    lost: list[str] = []
    context = entry._context
    try:
        made = transcode(
            entry.row,
            entry.raw,
            Scope(Budget(), context.templates),
            context.origin,
            server=server,
            lose=lost.append,
        )
    except EncodeError as error:
        return None, error.message, []
    return (None, None, lost) if made is None else (made[0].type, read_back(*made), lost)


def large_outcome(entry: Entry, server: Server) -> Outcome:
    """What becomes of an entry that passes by."""
    lost: list[str] = []
    try:
        made = transcode_large(entry, server, lost.append)
        raw = b"" if made is None else b"".join(made[1])
    except EncodeError as error:
        return None, error.message, []
    return (None, None, lost) if made is None else (made[0].type, read_back(made[0], raw), lost)


def keyed(records: Iterator[Record]) -> Iterator[Entry]:
    return (record for record in records if isinstance(record, Entry))


def longest_piece(entry: Entry) -> int:
    """The largest string that has to be held at once: an element, or a whole node of a stream."""
    if entry.type == "stream":
        count, pos = lengths.read(entry.raw, 0)
        sizes = [0]
        for _ in range(2 * count):
            text, pos = strings.read(entry.raw, pos, Budget())
            sizes.append(len(text))
        return max(sizes)
    parts = (item if isinstance(item, tuple) else (item,) for item in chain.from_iterable(entry.items()))
    return max(len(part) for part in chain.from_iterable(parts) if isinstance(part, bytes))


# --- the snapshots of real servers ------------------------------------------------------------------


@every("to", TARGETS, ids=lambda to: to.name)
@every("limit", [64, 4096])
@every("name", FILES)
def test_a_value_that_passes_by_becomes_what_it_becomes_when_held(name: str, limit: int, to: Server) -> None:
    data = (FIXTURES / name).read_bytes()
    with rdbcodec.open(data) as reader, rdbcodec.open(io.BytesIO(data), max_value=limit) as limited:
        for held, passing in zip(keyed(iter(reader)), keyed(iter(limited)), strict=True):
            if not passing.is_large or copies(held.row, held._context.origin, to):
                continue  # copied in pieces, whatever they are
            try:
                found = large_outcome(passing, to)
            except LimitExceeded:
                assert longest_piece(held) > limit, held
            else:
                assert found == held_outcome(held, to), held


def test_the_targets_and_limits_above_try_every_way_there_is() -> None:
    """Which types went into which rows, or the test above may compare nothing.

    No snapshot has a packed set of more than 64 bytes; those are among the made values.
    """
    seen: set[tuple[str, str | None]] = set()
    for name in FILES:
        for server in TARGETS:
            with rdbcodec.open((FIXTURES / name).read_bytes(), max_value=64) as limited:
                for entry in keyed(iter(limited)):
                    if entry.is_large and not copies(entry.row, entry._context.origin, server):
                        made = transcode_large(entry, server, list[str]().append)
                        seen.add((entry.type, None if made is None else made[0].name))
    assert seen >= {
        ("list", "list"),
        ("zset", "zset"),
        ("zset", "zset-2"),
        ("hash", "hash"),
        ("hash", "hash-ttl"),
        ("hash", "hash-ttl-valkey"),
        ("hash", "hash-expiry"),
        ("stream", "stream"),
        ("stream", "stream-2"),
        ("stream", "stream-3"),
        ("stream", "stream-5"),
        ("stream", None),
    }


# --- made values ------------------------------------------------------------------------------------


def both(
    row: TypeRow, raw: bytes, origin: Server, server: Server, *, limit: int = 64
) -> tuple[Outcome, Outcome]:
    """What becomes of a value, passing by and held; `raw` must be larger than the limit."""
    data = snapshot(pair(row.code, raw), magic=origin.magic)
    if origin.dialect == "dragonfly":
        data = snapshot(b"\xfa\x06df-ver\x01x" + pair(row.code, raw), magic=origin.magic)
    with rdbcodec.open(data, max_value=limit) as limited, rdbcodec.open(data) as reader:
        passing, held = next(keyed(iter(limited))), next(keyed(iter(reader)))
        assert (passing.is_large, passing.row) == (True, row)
        return large_outcome(passing, server), held_outcome(held, server)


def padded(value: Any) -> Any:
    """A value with so many more short elements that it is large under a limit of 64 bytes."""
    more = [b"more%03d" % at for at in range(30)]
    if isinstance(value, List):
        return List([*more, *value])
    if isinstance(value, Set):
        made: Any = Set([*value, *more])
    elif isinstance(value, ZSet):
        return ZSet({**value, **dict.fromkeys(more, 1.5)})
    else:
        made = Hash({**value, **dict.fromkeys(more, b"")})
    made.expires_at_ms = value.expires_at_ms
    return made


def short(value: Any) -> bool:
    """Whether every text of a value may be held under a limit of 64 bytes."""
    texts = [*value, *(value.values() if isinstance(value, Hash) else ())]
    return max(map(len, texts)) <= 64


ORIGINS = {
    "list": Server("redis", 6),
    "list-quicklist": Server("redis", 9, thresholds=ONE_A_NODE),
    "list-quicklist-2": Server("redis", 12, thresholds=ONE_A_NODE),
    "set": Server("redis", 6),
    "set-listpack": Server("redis", 12),
    "set-expiry": Server("dragonfly", 9),
    "zset": Server("redis", 7),
    "zset-2": Server("redis", 12),
    "zset-ziplist": Server("redis", 9),
    "zset-listpack": Server("redis", 12),
    "hash": Server("redis", 12),
    "hash-zipmap": Server("redis", 2),
    "hash-ziplist": Server("redis", 9),
    "hash-listpack": Server("redis", 12),
    "hash-ttl-rc": Server("redis", 12),
    "hash-listpack-ttl-rc": Server("redis", 12),
    "hash-ttl": Server("redis", 12),
    "hash-listpack-ttl": Server("redis", 12),
    "hash-ttl-valkey": Server("valkey", 80),
    "hash-expiry": Server("dragonfly", 9),
}


@pytest.mark.parametrize("name", ORIGINS)
@examples(10)
@given(data=st.data())
def test_any_value_that_passes_by_becomes_what_it_becomes_when_held(name: str, data: st.DataObject) -> None:
    row, origin = ROWS[name], ORIGINS[name]
    value = padded(data.draw(VALUES[name].filter(short)))
    raw = encode(row, value, origin)
    version = version_row("redis" if origin.version < 80 else "valkey", origin.version)
    assert version is not None
    for server in TARGETS:
        if copies(row, version, server):
            continue  # copied in pieces, whatever they are
        passing, held = both(row, raw, origin, server)
        assert passing == held, server.name


def expiring(name: str, at: int) -> Hash:
    value = padded(Hash({name.encode(): b"v"}))
    assert isinstance(value, Hash)
    value.expires_at_ms = {name.encode(): at}
    return value


WHOLE, FRACTION = 1893456000000, 1893456000001
TTL_TARGETS = {
    "redis RDB 12": ("hash-ttl", []),
    "valkey RDB 81": ("hash-ttl-valkey", []),
    "redis RDB 10": ("hash", ["field-ttl"]),
    "dragonfly RDB 9": ("hash-expiry", ["sub-second-expiry"]),
}


@every("name", ["hash-ttl", "hash-listpack-ttl", "hash-ttl-valkey"])
@every("to", TTL_TARGETS)
def test_the_expiries_of_a_large_hash_go_where_the_target_has_a_place_for_them(name: str, to: str) -> None:
    row, origin = ROWS[name], ORIGINS[name]
    server = next(server for server in TARGETS if server.name == to)
    raw = encode(row, expiring("f", FRACTION), origin)
    data = snapshot(pair(row.code, raw), magic=origin.magic)
    lost: list[str] = []
    with rdbcodec.open(data, max_value=64) as limited:
        made = transcode_large(next(keyed(iter(limited))), server, lost.append)
        assert made is not None
        value = layout_of(made[0]).decode(b"".join(made[1]), Scope(Budget(), {}))
    kept = {"field-ttl": {}, "sub-second-expiry": {b"f": FRACTION + 999}}
    assert (made[0].name, lost) == TTL_TARGETS[to]
    assert isinstance(value, Hash)
    assert value.expires_at_ms == kept.get("".join(lost), {b"f": FRACTION})


@pytest.mark.parametrize("at", [None, WHOLE])
def test_the_expiries_of_a_large_set_of_dragonfly_are_a_loss_elsewhere(at: int | None) -> None:
    value = padded(Set([b"m"]))
    value.expires_at_ms = {} if at is None else {b"m": at}
    raw = encode(ROWS["set-expiry"], value, ORIGINS["set-expiry"])
    passing, held = both(ROWS["set-expiry"], raw, ORIGINS["set-expiry"], Server("redis", 12))
    assert passing == held == ("set", order_free(Set(value)), [] if at is None else ["member-ttl"])


# --- what is refused --------------------------------------------------------------------------------


@pytest.mark.parametrize("version", [6, 12])
def test_a_large_sorted_set_with_a_score_that_is_not_a_number_is_refused(version: int) -> None:
    """Loaders take such a text and refuse such a number; no server writes either."""
    scored = [b"\x07more%03d" % at + b"\x031.5" for at in range(30)]
    raw = lengths.encode(31) + b"\x01m\xfd" + b"".join(scored)
    row = ROWS["zset"]
    with rdbcodec.open(snapshot(pair(row.code, raw), magic=b"REDIS0006"), max_value=64) as limited:
        entry = next(keyed(iter(limited)))
        row_and_pieces = transcode_large(entry, Server("redis", version), list[str]().append)
        assert row_and_pieces is not None
        with pytest.raises(EncodeError) as refused:
            list(row_and_pieces[1])
    assert refused.value.message == "a score is not a number, which no server loads"


@pytest.mark.parametrize("at", [0, 1 << 48])
def test_a_large_hash_with_an_expiry_that_redis_does_not_take_is_refused(at: int) -> None:
    origin = Server("valkey", 80)
    fields = b"".join(b"\x07more%03d\x01v" % at + b"\xff" * 8 for at in range(30))
    raw = lengths.encode(31) + b"\x01f\x01v" + at.to_bytes(8, "little") + fields
    passing, held = both(ROWS["hash-ttl-valkey"], raw, origin, Server("redis", 12))
    assert passing == held == (None, f"a field expires at {at} ms, expected 1 to 281474976710655", [])


# --- streams and modules ----------------------------------------------------------------------------


def long_stream(version: int, size: int = 20) -> Stream:
    """A stream of many nodes, none of which is large."""
    entries = [StreamEntry(StreamId(at, 0), [(b"f", b"v" * size)]) for at in range(1, 40)]
    return in_version(Stream(1, entries, len(entries), StreamId(40, 0)), version, list[str]().append)


@every("to", TARGETS, ids=lambda to: to.name)
@every(("version", "name"), [(9, "stream"), (11, "stream-3"), (15, "stream-5")])
def test_a_large_stream_is_the_same_stream_in_another_version(version: int, name: str, to: Server) -> None:
    origin = Server("redis", version, thresholds=ONE_A_NODE)
    stream = long_stream(int(name[-1]) if name != "stream" else 1)
    raw = encode(ROWS[name], stream, origin)
    passing, held = both(ROWS[name], raw, origin, to)
    assert passing == held
    if "stream" in to.types:
        assert passing[1:] == (order_free(in_version(stream, _newest(to), list[str]().append)), [])


def _newest(server: Server) -> int:
    return max(int(name[7:] or 1) for name in server.types if name.startswith("stream"))


@pytest.mark.parametrize(
    ("to", "back_length"),
    [
        (Server("redis", 9, compress=False), "00ffff"),
        (Server("redis", 13, compress=False), "00ffff"),
        (Server("redis", 15, compress=False), "7fff"),
        (server_of("valkey-9.1", compress=False), "7fff"),
    ],
    ids=lambda value: value.name if isinstance(value, Server) else value,
)
@pytest.mark.parametrize(
    "origin", [Server("redis", 10, thresholds=ONE_A_NODE), server_of("valkey-9.1", thresholds=ONE_A_NODE)]
)
def test_a_critical_text_of_a_large_stream_has_the_back_length_its_server_reads(
    origin: Server, to: Server, back_length: str
) -> None:
    name = "stream-2" if origin.version == 10 else "stream-3"
    stream = long_stream(int(name[-1]), 16378)
    raw = encode(ROWS[name], stream, Server("redis", 10, compress=False) if name == "stream-2" else origin)
    data = snapshot(pair(ROWS[name].code, raw), magic=origin.magic)
    with rdbcodec.open(data, max_value=100_000) as limited:
        entry = next(keyed(iter(limited)))
        made = transcode_large(entry, to, list[str]().append)
        assert made is not None
        written = b"".join(made[1])
    assert written.count(b"v" + bytes.fromhex(back_length)) == len(stream.entries)
    assert read_back(made[0], written) == order_free(in_version(stream, _newest(to), list[str]().append))


def test_a_large_stream_with_a_critical_text_is_refused_where_servers_disagree() -> None:
    origin = Server("redis", 10, thresholds=ONE_A_NODE, compress=False)
    raw = encode(ROWS["stream-2"], long_stream(2, 16378), origin)
    passing, held = both(ROWS["stream-2"], raw, origin, Server("valkey", 80), limit=100_000)
    assert passing[:1] == held[:1] == (None,)
    assert passing[1] == (
        "servers of this RDB version do not agree on elements of exactly 16378, 2097146 or 268435450 bytes: "
        "name the release"
    )


MODULE = (
    b"\x81\xbd\xe7\x2d\xa2\xbb\x1e\xb4\x00" + b"\x02\x01" * 100 + b"\x00"
)  # a vectorset, as far as framing


@pytest.mark.parametrize(
    ("to", "expected"),
    [
        (Server("redis", 15, modules=frozenset({"vectorset"})), ("module", MODULE, [])),
        (Server("redis", 9, modules=frozenset({"ReJSON-RL"})), (None, b"", ["module"])),
        (Server("redis", 7), (None, b"", ["type-module"])),
    ],
)
def test_a_large_module_value_is_copied_or_lost(to: Server, expected: tuple[object, ...]) -> None:
    lost: list[str] = []
    with rdbcodec.open(snapshot(pair(7, MODULE), magic=b"REDIS0012"), max_value=64) as limited:
        made = transcode_large(next(keyed(iter(limited))), to, lost.append)
        found = (None, b"") if made is None else (made[0].type, b"".join(made[1]))
    assert (*found, lost) == expected


# --- temporary files --------------------------------------------------------------------------------


@counts_references
def test_a_conversion_that_is_given_up_leaves_no_temporary_file(spools: list[Any]) -> None:
    raw = encode(ROWS["hash-listpack"], padded(Hash({b"f": b"v"})), Server("redis", 12))
    with rdbcodec.open(snapshot(pair(16, raw)), max_value=64) as limited:
        made = transcode_large(next(keyed(iter(limited))), Server("redis", 9), list[str]().append)
        assert made is not None
        pieces = made[1]
        assert next(pieces) == lengths.encode(31)
        assert [spool.closed for spool in spools] == [False]
        del made, pieces
    assert [spool.closed for spool in spools] == [True]


@counts_references
def test_a_conversion_that_fails_leaves_no_temporary_file(spools: list[Any]) -> None:
    raw = b"\x02\x40\x70" + b"m" * 112 + struct.pack("<d", 1) + b"\x01n" + struct.pack("<d", math.nan)
    with rdbcodec.open(snapshot(pair(5, raw)), max_value=64) as limited:
        made = transcode_large(next(keyed(iter(limited))), Server("redis", 7), list[str]().append)
        assert made is not None
        with pytest.raises(EncodeError, match="a score is not a number"):
            list(made[1])
    assert [spool.closed for spool in spools] == [True, True]  # of long members, and of what was laid out


@pytest.mark.parametrize(("size", "layout"), [(1000, "quicklist"), (20_000, "linkedlist")])
def test_only_a_list_of_few_bytes_is_held_to_get_the_layout_a_server_would_choose(
    size: int, layout: str
) -> None:
    """What convert holds must leave a process below 64 MiB; every server loads the plain list."""
    elements = [b"element %020d" % (number**5 % 10**19) for number in range(size)]
    source, output = io.BytesIO(), io.BytesIO()
    with rdbcodec.create(source, to="redis-7.0") as writer:
        writer.write(b"list", elements)
    rdbcodec.convert(source.getvalue(), output, to="redis-6.2")
    entry = next(record for record in rdbcodec.open(output.getvalue()) if isinstance(record, Entry))
    assert (entry.encoding, entry.value()) == (layout, elements)
