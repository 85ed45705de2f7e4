"""Real servers load what we write, and hold it: all of it, minus exactly the losses that were reported.

Each server is started once and told to load one snapshot after another. Everything is loaded with
`sanitize-dump-payload yes`, so that a server looks into every listpack, ziplist and stream node instead of
trusting it.
"""

from __future__ import annotations

import io
import math
import random
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from cases import every
from readback import (
    STREAM_PARTS,
    Comparison,
    Keys,
    Place,
    Words,
    decoded,
    entries_of,
    functions,
    held,
    held_beside,
    held_functions,
    read_back,
    replies,
)
from servers import SERVERS, Pool, Server, checks, program
from test_conversion import AllLosses, all_losses
from test_servers import CONFIGS, some_bytes
from test_servers import fill as fill_at_random
from test_snapshots import records_of
from ways import FIXTURES, SNAPSHOTS, corpus, covering, entries, sight, thinned

import rdbcodec
from rdbcodec import Consumer, EncodeError, Entry, Group, Pending, Stream, StreamEntry, StreamId
from rdbcodec.encoding.transcoding import natural

__all__ = ["all_losses"]  # a fixture

WRITTEN = {release.reads[-1] for release in SERVERS.values()}
CORPUS = [*SNAPSHOTS, *corpus("vectors", ".rdb")]
FILES = {path.name: path for path in CORPUS}
# Losses that cannot be seen in the server that suffered them: newer ones show them.
UNSEEN = {
    "redis-6.2": {"stream-metadata", "consumer-active-time"},
    "redis-7.0": {"consumer-active-time"},
}

every_server = pytest.mark.parametrize("name", SERVERS)
COVERING = covering(CORPUS)
UNREPEATED = thinned(*CORPUS)
every_file = every("file", UNREPEATED)


class Converted(NamedTuple):
    """A snapshot for a release."""

    data: bytes
    conversion: rdbcodec.Conversion
    places: frozenset[Place]  # of the keys of which something was lost


@cache
def converted(data: bytes, target: str) -> Converted:
    made = io.BytesIO()
    conversion = rdbcodec.convert(data, made, to=target, allow_loss=True)
    places = {(db, key) for db, key in AllLosses.last.places if db is not None and key is not None}
    return Converted(made.getvalue(), conversion, frozenset(places))


Lost = dict[str, tuple[int, Place | None]]  # kind -> how often, and the first key


def reported(conversion: rdbcodec.Conversion) -> Lost:
    """What the conversion says it lost."""
    return {
        loss.kind: (loss.times, None if loss.db is None or loss.key is None else (loss.db, loss.key))
        for loss in conversion.losses
    }


def seen_lost(found: Comparison, server: Server, path: Path) -> Lost:
    """What a server that loaded it lacks."""
    lost: Lost = {kind: (len(places), places[0]) for kind, places in found.lost.items()}
    lost |= {kind: (count, None) for kind, count in held_beside(path).items()}
    gone = set(held_functions(path)) - set(functions(server))
    return lost | ({"function": (len(gone), None)} if gone else {})


def without(lost: Lost, kinds: set[str]) -> Lost:
    return {kind: told for kind, told in lost.items() if kind not in kinds}


@every_file
@every_server
def test_a_server_holds_what_a_conversion_for_it_did_not_report_lost(
    name: str, file: str, pool: Pool
) -> None:
    """Each value of the corpus once, in the file that has it first."""
    path = FILES[file]
    shown = {(entry.db, entry.key): held(path)[entry.db, entry.key] for entry in entries(UNREPEATED[file])}
    data, conversion, _ = converted(UNREPEATED[file], name)
    server = pool(name)
    server.load(data)
    keys = read_back(server)
    found = Comparison(keys, shown)
    assert found.changed == {}
    assert seen_lost(found, server, path) == without(reported(conversion), UNSEEN.get(name, set()))
    assert len(keys) == conversion.keys
    assert set(functions(server)) <= set(held_functions(path))


def written_twice() -> list[Path]:
    """One of the files of each version that have the same kinds of records: templates and functions come
    before the keys, and what modules save on both sides of them."""
    kinds: dict[object, Path] = {}
    for path in CORPUS:
        header, *records = records_of(path)
        assert isinstance(header, rdbcodec.Header)
        kept = frozenset(map(type, records)) - {rdbcodec.SelectDb, rdbcodec.ResizeDb, rdbcodec.Aux}
        if Entry in kept:
            kinds.setdefault((header.dialect, header.version, kept), path)
    return list(kinds.values())


def every_second(files: list[Path]) -> list[Any]:
    """Each file for every second server, the ones and the others in turn."""
    return [
        pytest.param(name, path, id=f"{name}-{path.name}")
        for turn, name in enumerate(SERVERS)
        for at, path in enumerate(files)
        if (turn + at) % 2 == 0
    ]


@pytest.mark.parametrize(("name", "path"), every_second(written_twice()))
def test_a_file_from_which_a_key_was_dropped_is_written_again_and_loads(
    name: str, path: Path, pool: Pool, tmp_path: Path
) -> None:
    """Counts of keys come before the keys: a path is written a second time, without them."""
    dropped = next(iter(held(path)), None)
    target = tmp_path / "out.rdb"
    conversion = rdbcodec.convert(
        path, target, to=name, allow_loss=True, keep=lambda entry: (entry.db, entry.key) != dropped
    )
    server = pool(name)
    server.load(target.read_bytes())
    keys = read_back(server)
    found = Comparison(keys, {place: parts for place, parts in held(path).items() if place != dropped})
    assert found.changed == {}
    assert seen_lost(found, server, path) == without(reported(conversion), UNSEEN.get(name, set()))
    assert len(keys) == conversion.keys


@cache
def distinct() -> list[tuple[Path, Entry]]:
    """Each value of the corpus once, with the file that it was found in first."""
    known: dict[object, tuple[Path, Entry]] = {}
    for path in CORPUS:
        for entry in entries_of(path):
            known.setdefault((sight(entry, path), entry.expires_at_ms), (path, entry))
    return list(known.values())


# Each different stream stands in one of these; of nothing else a server shows less than it holds.
STREAMS = {path: None for path, entry in distinct() if entry.type == "stream"}


@pytest.mark.parametrize("target", ["redis-6.2", "redis-7.0"])
@pytest.mark.parametrize("path", STREAMS, ids=lambda path: path.name)
def test_valkey_shows_what_a_conversion_for_an_older_server_lost(path: Path, target: str, pool: Pool) -> None:
    data, conversion, _ = converted(path.read_bytes(), target)
    server = pool("valkey-8.0")
    server.load(data)
    found = Comparison(read_back(server), held(path))
    assert found.changed == {}
    assert seen_lost(found, server, path) == reported(conversion)


def targets_of(name: str, config: str) -> list[str]:
    """Two servers, so that each arrives from each other, and whatever its thresholds were."""
    turn = list(SERVERS).index(name) + list(CONFIGS).index(config)
    return [target for at, target in enumerate(SERVERS) if (at + turn) % len(CONFIGS) == 0]


@pytest.mark.parametrize("config", CONFIGS)
@every_server
def test_fresh_data_of_one_server_arrives_in_each_other(
    name: str, config: str, pool: Pool, tmp_path: Path
) -> None:
    source = Server(program(name), tmp_path, *CONFIGS[config].split())
    fill_at_random(source, random.Random(17))
    data, expected = source.save(), read_back(source)
    source.stop()
    for target in targets_of(name, config):
        made = io.BytesIO()
        conversion = rdbcodec.convert(data, made, to=target, allow_loss=True)
        server = pool(target)
        server.load(made.getvalue())
        found = Comparison(read_back(server), expected)
        assert found.changed == {}
        times = {
            loss.kind: loss.times for loss in conversion.losses if loss.kind not in UNSEEN.get(target, set())
        }
        assert {kind: len(places) for kind, places in found.lost.items()} == times


@every_server
def test_a_server_tells_these_parts_of_a_stream(name: str, pool: Pool) -> None:
    server = pool(name)
    server.load(converted((FIXTURES / "snapshots/redis-7.2.6-types.rdb").read_bytes(), name).data)
    parts = read_back(server)[0, b"stream:same"]
    assert set(parts) == {"type", "expires at", "value", "length"} | STREAM_PARTS[name]


@every(("name", "path"), every_second(COVERING))
def test_the_server_s_own_checker_accepts_what_was_converted(name: str, path: Path, tmp_path: Path) -> None:
    data, conversion, _ = converted(path.read_bytes(), name)
    file = tmp_path / "dump.rdb"
    file.write_bytes(data)
    accepted, said = checks(program(name), file)
    kept = [held(path)[entry.db, entry.key] for entry in entries(data)]
    expires = sum(parts["expires at"] is not None for parts in kept)
    lines = said.splitlines()  # newer servers count more things behind these
    assert lines[lines.index(rf"[offset {len(data)}] \o/ RDB looks OK! \o/") :][:4] == [
        rf"[offset {len(data)}] \o/ RDB looks OK! \o/",
        f"[info] {conversion.keys} keys read",
        f"[info] {expires} expires",
        "[info] 0 already expired",
    ]
    assert accepted


# --- RESTORE ------------------------------------------------------------------------------------------


def payload_versions(name: str) -> list[int]:
    """Its own; for the newest servers all that predecessors here write."""
    versions = [version for version in SERVERS[name].reads if version in WRITTEN]
    return versions if name in ("redis-8.10", "valkey-9.1") else versions[-1:]


every_version = pytest.mark.parametrize(
    ("name", "version"), [(name, version) for name in SERVERS for version in payload_versions(name)]
)


@every_version
def test_a_server_restores_the_payload_of_every_value(name: str, version: int, pool: Pool) -> None:
    """Each second value for each server and version, the ones and the others in turn."""
    server = pool(name)
    assert server.command("FLUSHALL") == b"OK"
    requests: list[Words] = []
    expected: Keys = {}
    refused = {}
    turn = list(SERVERS).index(name) + version
    for at, (path, entry) in list(enumerate(distinct()))[turn % 2 :: 2]:
        payload = payload_of(entry, version)
        if payload is None:
            continue
        key, parts = b"%d" % at, held(path)[entry.db, entry.key]
        requests.append(("RESTORE", key, entry.expires_at_ms or 0, payload, "ABSTTL"))
        if parts["type"] == "module" and not has_type(name, entry):
            refused[key] = "ERR Bad data format"
        else:
            expected[0, key] = parts
    assert len(expected) > 150
    answers = zip(requests, server.commands(requests), strict=True)
    assert {request[1]: str(said) for request, said in answers if said != b"OK"} == refused
    found = Comparison(read_back(server), expected)
    assert (found.changed, found.lost) == ({}, {})


def has_type(name: str, entry: Entry) -> bool:
    """Whether a module's type is built into a server: vector sets are since Redis 8.0."""
    return entry.value_as(rdbcodec.ModuleValue).module.name == "vectorset" and name.startswith("redis-8")


@every_file
@every_server
def test_an_entry_has_no_payload_exactly_where_a_conversion_loses_something_of_it(
    name: str, file: str
) -> None:
    """Modules apart: a version does not say which modules a server has, a release does."""
    built_in = rdbcodec.Server.of(name).modules or ()
    assert converted(UNREPEATED[file], name).places == {
        (entry.db, entry.key)
        for entry in entries(UNREPEATED[file])
        if payload_of(entry, SERVERS[name].reads[-1]) is None
        or (entry.type == "module" and entry.value_as(rdbcodec.ModuleValue).module.name not in built_in)
    }


def payload_of(entry: Entry, version: int) -> bytes | None:
    """The payload of an entry for a version, if it has one."""
    try:
        return entry.dump(version)
    except EncodeError:
        return None


# --- older versions -----------------------------------------------------------------------------------

WRITERS = ("redis-2.0.5", "redis-3.2.13", "redis-5.0.14", "redis-7.2.6", "redis-8.10.2", "valkey-9.1.2")
TYPES = [path for path in SNAPSHOTS if path.stem in {f"{writer}-types" for writer in WRITERS}]


@cache
def converted_to_version(path: Path, version: int) -> tuple[bytes, rdbcodec.Conversion]:
    made = io.BytesIO()
    server = rdbcodec.Server.of(version=version)
    conversion = rdbcodec.convert(path, made, to=server, allow_loss=True)
    return made.getvalue(), conversion


def turns() -> list[tuple[str, int, Path]]:
    """Every version for every server, of two files in turn, so that each server is shown each file."""
    pairs = [(name, version) for name, release in SERVERS.items() for version in release.reads]
    return [
        (name, version, path)
        for turn, (name, version) in enumerate(pairs)
        for path in (TYPES[turn % len(TYPES)], TYPES[(turn + len(TYPES) // 2) % len(TYPES)])
    ]


@pytest.mark.parametrize(("name", "version", "path"), turns())
def test_a_server_loads_every_version_up_to_its_own(name: str, version: int, path: Path, pool: Pool) -> None:
    data, conversion = converted_to_version(path, version)
    server = pool(name)
    server.load(data)
    found = Comparison(read_back(server), held(path))
    assert found.changed == {}
    assert seen_lost(found, server, path) == without(reported(conversion), UNSEEN.get(name, set()))


# --- from plain Python --------------------------------------------------------------------------------


def words(count: int, size: int = 8) -> list[bytes]:
    """So many different strings of one size that are no numbers."""
    return [b"w%d" % at + b"." * (size - len(b"w%d" % at)) for at in range(count)]


def anything(count: int) -> list[bytes]:
    """Numbers, words, repetition and noise, always the same."""
    rng = random.Random(5)
    return [some_bytes(rng) for _ in range(count)]


def hash_of(count: int, size: int = 8) -> dict[bytes, bytes]:
    return {field: field[::-1] for field in words(count, size)}


def zset_of(count: int, size: int = 8) -> rdbcodec.ZSet:
    return rdbcodec.ZSet({member: at / 7 for at, member in enumerate(words(count, size))})


def stream_of(ids: list[StreamId], fields: list[tuple[bytes, bytes]]) -> Stream:
    """As Redis 7.2 would keep it after XADDs and nothing else."""
    stream = Stream(3, _entries(ids, fields), len(ids), ids[-1])
    stream.first_id, stream.max_deleted_id, stream.entries_added = ids[0], StreamId(0, 0), len(ids)
    return stream


def _entries(ids: list[StreamId], fields: list[tuple[bytes, bytes]]) -> list[StreamEntry]:
    return [StreamEntry(id, fields) for id in ids]


def read_by_a_group(version: int) -> Stream:
    """250 entries; a group has read two, of which each consumer holds one, delivered in 2023."""
    ids = [StreamId(1_600_000_000_000 + at // 3, at % 3) for at in range(250)]
    fields = [(b"temp", b"21.5"), (b"n", b"-70000")]
    stream = stream_of(ids, fields) if version > 1 else Stream(1, _entries(ids, fields), 250, ids[-1])
    group = Group(b"readers", ids[1], 2 if version > 1 else None)
    for id, name, deliveries in ((ids[0], b"alice", 1), (ids[1], b"bob", 300)):
        consumer = Consumer(name, 1_700_000_000_000, 1_700_000_000_000 if version > 1 else None)
        consumer.pending.append(id)
        group.consumers.append(consumer)
        group.pending[id] = Pending(id, 1_699_999_999_999, deliveries, name)
    stream.groups.append(group)
    return stream


# Where the headers of a listpack's elements, and the lengths behind these, get longer.
LISTPACK_SIZES = [
    size + delta for size in (63, 125, 4095, 16378, 16383, 2**16, 2**21 - 5) for delta in range(-3, 4)
]

# Both sides of every threshold; a key's name says which. Sizes are bytes, counts elements.
VALUES: dict[str, Any] = {
    "string of no bytes": b"",
    "string of text": "ключ",
    "int": 5,
    "int of 63 bits": -(2**63),
    "number with zeros before it": b"007",
    "string of 44": b"e" * 44,
    "string of 45": b"e" * 45,
    "string that LZF packs": b"abc" * 9000,
    "string that LZF does not": random.Random(1).randbytes(20000),
    "list of one": ["only"],
    "list of numbers": [0, 12, 13, -1, 127, 128, -32768, 8388607, 8388608, -(2**31), 2**31, 2**63 - 1],
    "list in one node": rdbcodec.List(words(800)),
    "list in two nodes": words(900),
    "list in many nodes": words(5000),
    "list with an element larger than a node": [b"a", b"b" * 9000, b"c"],
    "set of 512 numbers": set(range(-256, 256)),
    "set of 513 numbers": set(range(-256, 257)),
    "set of large numbers": {1, 2**15, 2**31, 2**63 - 1},
    "set of 128": rdbcodec.Set(words(128)),
    "set of 129": set(words(129)),
    "set with 64": set(words(3, 64)),
    "set with 65": set(words(3, 65)),
    "set of numbers and others": {b"1", b"02", b"x"},
    "hash of 512": hash_of(512),
    "hash of 513": hash_of(513),
    "hash with 64": hash_of(3, 64),
    "hash with 65": hash_of(3, 65),
    "hash of the class": rdbcodec.Hash({b"f": b"v", b"": b""}),
    "zset of 128": zset_of(128),
    "zset of 129": zset_of(129),
    "zset with 64": zset_of(3, 64),
    "zset with 65": zset_of(3, 65),
    "zset with infinities": rdbcodec.ZSet(
        {b"a": -math.inf, b"b": 0.1, b"c": 2.0**53, b"d": 1e300, b"e": math.inf}
    ),
    "list of anything": anything(400),
    "set of anything": set(anything(400)),
    "hash of anything": dict(zip(anything(400), anything(400)[::-1], strict=True)),
    "zset of anything": rdbcodec.ZSet({member: at**5 / 3 for at, member in enumerate(anything(120))}),
    "stream of one": stream_of([StreamId(0, 1)], [(b"f", b"v")]),
    "stream of all sizes of elements": stream_of(
        [StreamId(1, 1)], [(b"%d" % size, b"x" * size) for size in LISTPACK_SIZES]
    ),
    "stream of all sizes of numbers": stream_of(
        [StreamId(1, 1)], [(b"f", b"%d" % (sign * 2**bits)) for bits in range(63) for sign in (1, -1)]
    ),
    "stream read by a group": read_by_a_group(1),
}
# What Redis 6.2 could not hold whole: how many entries a group has read.
VALUES_OF_7: dict[str, Any] = {**VALUES, "stream that counts what was read": read_by_a_group(3)}
EXPIRIES = {"string of text": 4_000_000_000_123, "hash of 513": 4_000_000_000_000, "stream of one": 1 << 44}
DATABASES = {"int": 3, "list in two nodes": 15}
LIBRARY = b"#!lua name=lib\nredis.register_function('f', function() return 1 end)\n"


def place_of(key: str) -> Place:
    return DATABASES.get(key, 0), key.encode()


def settings_of(config: str) -> dict[str, int]:
    """The thresholds among a server's options."""
    flat = config.replace("--", "").split()
    return {name: int(value) for name, value in zip(flat[::2], flat[1::2], strict=True) if "-max-" in name}


def values_for(release: str) -> dict[str, Any]:
    return VALUES if release == "redis-6.2" else VALUES_OF_7


@cache
def written(release: str, how: str) -> bytes:
    """All the values as a snapshot."""
    made = io.BytesIO()
    with rdbcodec.create(made, to=release, **OPTIONS_OF_CREATE[how]) as writer:
        if release != "redis-6.2":
            writer.write_function(LIBRARY)
        for key, value in values_for(release).items():
            writer.write(key, value, db=DATABASES.get(key, 0), expires_at_ms=EXPIRIES.get(key))
    return made.getvalue()


def fill_command(key: str, value: Any) -> list[Words]:
    """The commands that put a value into a server."""
    match natural(value):
        case "string", text:
            return [("SET", key, text)]
        case "list", elements:
            return [("RPUSH", key, element) for element in elements]  # at once, it lets a node grow larger
        case "set", members:
            return [("SADD", key, *members)]
        case "zset", scores:
            return [
                ("ZADD", key, *(word for member, score in scores.items() for word in (repr(score), member)))
            ]
        case "hash", fields:
            return [("HSET", key, *(word for pair in fields.items() for word in pair))]
        case _, stream:
            return [
                ("XADD", key, str(id), *(word for pair in fields for word in pair))
                for id, fields in stream.entries
            ]


def fill(server: Server, values: dict[str, Any]) -> None:
    """All the values by the server's own commands."""
    assert server.command("FLUSHALL") == b"OK"
    for key, value in values.items():
        server.command("SELECT", DATABASES.get(key, 0))
        replies(server, fill_command(key, value))


def encodings_of(server: Server, values: dict[str, Any]) -> dict[str, bytes]:
    """What OBJECT ENCODING says of each."""
    told: dict[str, bytes] = {}
    for key in values:
        server.command("SELECT", DATABASES.get(key, 0))
        told[key] = server.command("OBJECT", "ENCODING", key)
    return told


def layouts_of(data: bytes) -> dict[bytes, str]:
    """The rows of the table that a snapshot uses."""
    return {entry.key: entry.row.name for entry in entries(data)}


# The servers' own way, and others that they must load all the same.
OPTIONS_OF_CREATE: dict[str, dict[str, Any]] = {
    "as the server": {},
    "not compressed, no checksum": {"compress": False, "checksum": False},
    "simplest": {"simplest": True},
    "all compact": {"settings": settings_of(CONFIGS["compact"])},
    "nothing compact": {"settings": settings_of(CONFIGS["plain"])},
}
every_option = pytest.mark.parametrize("how", OPTIONS_OF_CREATE)


@every_option
@every_server
def test_a_server_holds_what_was_written_from_plain_python(name: str, how: str, pool: Pool) -> None:
    server = pool(name)
    server.load(written(name, how))
    expected = {
        place_of(key): decoded(*natural(value), EXPIRIES.get(key)) for key, value in values_for(name).items()
    }
    found = Comparison(read_back(server), expected)
    assert (found.changed, found.lost) == ({}, {})
    assert functions(server) == ([] if name == "redis-6.2" else [LIBRARY])


@pytest.mark.parametrize("how", ["as the server", "simplest"])
@every_server
def test_a_written_value_is_encoded_in_memory_as_if_commands_had_made_it(
    name: str, how: str, pool: Pool
) -> None:
    server = pool(name)
    server.load(written(name, how))
    values = values_for(name)
    found = encodings_of(server, values)
    fill(server, values)
    assert found == encodings_of(server, values)


@every_server
def test_a_written_value_has_the_layout_the_server_saves_it_in(name: str, pool: Pool) -> None:
    server = pool(name)
    fill(server, values_for(name))
    assert layouts_of(written(name, "as the server")) == layouts_of(server.save())


@every_server
def test_simplest_uses_the_layouts_of_the_first_servers(name: str) -> None:
    layouts = layouts_of(written(name, "simplest"))
    assert {layouts[key.encode()] for key, value in VALUES.items() if not isinstance(value, Stream)} == {
        "string",
        "list",
        "set",
        "zset",
        "hash",
    }


@every_server
def test_a_server_takes_over_idle_times_and_frequencies(name: str, pool: Pool, tmp_path: Path) -> None:
    with rdbcodec.create(tmp_path / "made.rdb", to=name) as writer:
        writer.write(b"idle", b"v", idle=5000)
        writer.write(b"busy", b"v", freq=200)
    server = pool(name)
    server.command("CONFIG", "SET", "lfu-decay-time", "0")
    server.command("CONFIG", "SET", "maxmemory-policy", "allkeys-lfu")
    server.load((tmp_path / "made.rdb").read_bytes())
    assert server.command("OBJECT", "FREQ", "busy") == 200
    server.command("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
    server.load((tmp_path / "made.rdb").read_bytes())
    assert server.command("OBJECT", "IDLETIME", "idle") - 5000 in range(10)  # it goes on growing
    server.command("CONFIG", "SET", "maxmemory-policy", "noeviction")
