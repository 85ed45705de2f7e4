"""What a server holds, asked through its own commands, and what a snapshot said it should hold.

A key is a dict of parts: its type, its value, its expiry, and for a stream what else is known of it. A part
that somebody does not tell (Redis 6.2 knows nothing of entries added, a snapshot of 5.0 came with no times)
is not there, and not compared; `STREAM_PARTS` says which server tells what, and is held by a test. Three
voices speak of the same keys:

    read_back    a running server                    the truth about a snapshot it has just loaded
    answered     what the server that wrote a fixture answered about it; knows of no RDB parser
    decoded      a value of ours

`compare` names every difference by the kind of loss that explains it, or says that none does.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, cast

from servers import Server, ServerError
from test_snapshots import (
    Answer,
    expectation,
    expected_expiry,
    named,
    next_of,
    pairs,
    records_of,
    text,
    texts,
)
from ways import SNAPSHOTS

import rdbcodec
from rdbcodec import Entry, Function, ModuleAux
from rdbcodec.datatypes.streams import Idempotence
from rdbcodec.datatypes.streams.versions import RELEASED_TO

Parts = dict[str, object]
Place = tuple[int, bytes]  # database and key
Keys = dict[Place, Parts]
Words = tuple[bytes | str | float, ...]
Question = tuple[Callable[[bytes], Words], Callable[[Any], Parts]]  # a command for a key; what its reply says

# What a stream has beside its entries: parts every server tells, and since when the others are told.
_SINCE_6, _SINCE_7 = {"last id", "groups", "times"}, {"last id", "groups", "times", "history"}
STREAM_PARTS: dict[str, set[str]] = {
    "redis-6.2": _SINCE_6,
    "redis-7.0": _SINCE_7,
    "redis-7.4": _SINCE_7 | {"active times"},
    "redis-8.2": _SINCE_7 | {"active times"},
    "redis-8.10": _SINCE_7 | {"active times"},  # and what is "idempotence" and "released" where it is used
    "valkey-8.0": _SINCE_7 | {"active times"},
    "valkey-8.1": _SINCE_7 | {"active times"},
    "valkey-9.1": _SINCE_7 | {"active times"},
}
NEVER_USED = (100, 100, 0, 0)  # the settings and counts of a stream without idempotent producers

# --- a running server -------------------------------------------------------------------------------


def read_back(server: Server) -> Keys:
    """Every key of every database."""
    keys: Keys = {}
    for db in databases(server):
        server.command("SELECT", db)
        names: list[bytes] = server.command("KEYS", "*")
        assert server.command("DBSIZE") == len(names)
        types = replies(server, [("TYPE", name) for name in names])
        values = replies(server, [question(type)[0](name) for name, type in zip(names, types, strict=True)])
        expiries = expiries_of(server, names)
        for name, type, value, expiry in zip(names, types, values, expiries, strict=True):
            keys[db, name] = {"type": _type(type), "expires at": expiry, **question(type)[1](value)}
        _add_field_expiries(server, db, keys)
        _add_insert_positions(server, db, keys)
        _add_vectors(server, db, keys)
    return keys


def _type(told: bytes) -> str:
    """TYPE names the type of a module's key; here each of them is a module."""
    return told.decode() if told in _QUESTIONS else "module"


def question(type: bytes) -> Question:
    """How to ask for all of a key of this type."""
    return _QUESTIONS.get(type) or _MODULE_QUESTIONS.get(type, _DUMPED)


def _of(keys: Keys, db: int, part: str, value: object) -> dict[bytes, Parts]:
    """The keys of a database of which this is said."""
    return {key: parts for (own, key), parts in keys.items() if own == db and parts.get(part) == value}


def _add_field_expiries(server: Server, db: int, keys: Keys) -> None:
    if not has_command(server, "HPEXPIRETIME"):
        return
    for key, parts in _of(keys, db, "type", "hash").items():
        fields = list(cast("dict[bytes, bytes]", parts["value"]))
        if not fields:  # they have all expired, and the server has not yet noticed
            continue
        times = server.command("HPEXPIRETIME", key, "FIELDS", len(fields), *fields)
        expiries = {field: at for field, at in zip(fields, times, strict=True) if at != -1}
        if expiries:
            parts["field expiries"] = expiries


def _add_insert_positions(server: Server, db: int, keys: Keys) -> None:
    """ARINFO tells no difference between "never inserted" and "next is 0"; there is none for a client."""
    arrays = _of(keys, db, "type", "array")
    for parts, next in zip(
        arrays.values(), replies(server, [("ARNEXT", key) for key in arrays]), strict=True
    ):
        # an integer reply is signed: from 2^63 on 8.10 answers with a text
        parts["next"] = int(next) if isinstance(next, bytes) else next


def _add_vectors(server: Server, db: int, keys: Keys) -> None:
    """Of each element the quantised vector, the attribute and its neighbours, whose order changes."""
    for key, parts in _of(keys, db, "module", "vectorset").items():
        names = sorted(server.command("VRANDMEMBER", key, 1 << 20))
        parts["value"] = {
            name: _element(
                *replies(server, [("VEMB", key, name, "RAW"), ("VGETATTR", key, name), ("VLINKS", key, name)])
            )
            for name in names
        }


def _element(raw: list[bytes], attribute: bytes | None, links: list[list[bytes]]) -> tuple[object, ...]:
    quantisation, vector, *_ = raw  # the rest is computed from floats, and printed anew
    return quantisation, vector, attribute, [sorted(layer) for layer in links]


def databases(server: Server) -> list[int]:
    """The numbers of the databases that hold keys."""
    lines = server.command("INFO", "keyspace").decode().splitlines()
    return [int(line[2:].partition(":")[0]) for line in lines if line.startswith("db")]


def replies(server: Server, requests: list[Words]) -> list[Any]:
    """The replies to commands of which none may fail."""
    found = server.commands(requests)
    assert [reply for reply in found if isinstance(reply, ServerError)] == []
    return found


def has_command(server: Server, name: str) -> bool:
    """Whether the server knows a command."""
    told: list[object] = server.command("COMMAND", "INFO", name)
    return told != [None]


def functions(server: Server) -> list[bytes]:
    """The code of the function libraries; none in a server that has no functions."""
    if not has_command(server, "FUNCTION"):
        return []
    return sorted(
        pairs_of(library)[b"library_code"] for library in server.command("FUNCTION", "LIST", "WITHCODE")
    )


def expiries_of(server: Server, names: list[bytes]) -> list[int | None]:
    """When keys expire, absolute milliseconds."""
    if has_command(server, "PEXPIRETIME"):
        told: list[int] = replies(server, [("PEXPIRETIME", name) for name in names])
        return [None if at == -1 else at for at in told]
    left = replies(server, [("PTTL", name) for name in names])
    return [None if ms == -1 else _expiry_of(server, name) for name, ms in zip(names, left, strict=True)]


def _expiry_of(server: Server, name: bytes) -> int:
    """Before PEXPIRETIME (7.0) a server tells what is left: asked until its clock stands still around it."""
    while True:
        before, left, after = replies(server, [("TIME",), ("PTTL", name), ("TIME",)])
        if _ms(before) == _ms(after):
            return _ms(before) + int(left)


def _ms(time: list[bytes]) -> int:
    seconds, microseconds = map(int, time)
    return seconds * 1000 + microseconds // 1000


def pairs_of(flat: list[Any]) -> dict[Any, Any]:
    """A reply of alternating names and values."""
    return dict(zip(flat[::2], flat[1::2], strict=True))


def _plain(shape: Callable[[Any], object]) -> Callable[[Any], Parts]:
    return lambda reply: {"value": shape(reply)}


def _scored(flat: list[bytes]) -> list[tuple[bytes, float]]:
    return [(member, float(score)) for member, score in zip(flat[::2], flat[1::2], strict=True)]


def _stream(reply: list[Any]) -> Parts:
    """XINFO STREAM key FULL COUNT 0: all of it."""
    told = _names_as_text(reply)
    entries = [(id.decode(), list(zip(flat[::2], flat[1::2], strict=True))) for id, flat in told["entries"]]
    return {"value": entries, "length": told["length"], **_stream_state(told)}


def _stream_state(told: dict[str, Any]) -> Parts:
    """What a stream has beside its entries."""
    groups = [_names_as_text(group) for group in told["groups"]]
    for group in groups:
        group["consumers"] = [_names_as_text(consumer) for consumer in group["consumers"]]
    return {
        "last id": told["last-generated-id"].decode(),
        "groups": [_group(group) for group in groups],
        **_clocks(groups),
        **_history(told, groups),
        **_producers(told),
        **_released(groups),
    }


def _names_as_text(flat: list[Any]) -> dict[str, Any]:
    return {name.decode(): value for name, value in pairs_of(flat).items()}


def _group(group: Mapping[str, Any]) -> tuple[object, ...]:
    consumers = {consumer["name"]: len(consumer["pending"]) for consumer in _consumers(group)}
    pending = [(id.decode(), _owner(owner), deliveries) for id, owner, _, deliveries in group["pending"]]
    return group["name"], group["last-delivered-id"].decode(), consumers, pending


def _consumers(group: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The consumers of a group, without the one that a conversion gives released entries to."""
    return [consumer for consumer in group["consumers"] if consumer["name"] != RELEASED_TO]


def _owner(name: bytes) -> bytes | None:
    """Who holds a pending entry; None for a released one, also where a conversion gave it away."""
    return None if name in (b"", RELEASED_TO) else name


def _clocks(groups: list[dict[str, Any]]) -> Parts:
    """When consumers were seen and active, and entries delivered; active times came with 7.2."""
    parts: Parts = {
        "times": [
            (
                {consumer["name"]: consumer["seen-time"] for consumer in _consumers(group)},
                [(id.decode(), at) for id, _, at, _ in group["pending"]],
            )
            for group in groups
        ]
    }
    consumers = [consumer for group in groups for consumer in group["consumers"]]
    if any("active-time" in consumer for consumer in consumers):
        parts["active times"] = [
            {consumer["name"]: consumer["active-time"] for consumer in _consumers(group)} for group in groups
        ]
    return parts


def _history(told: Mapping[str, Any], groups: list[dict[str, Any]]) -> Parts:
    """What was counted since the stream began; came with 7.0."""
    if "entries-added" not in told:
        return {}
    ids = [told[name].decode() for name in ("max-deleted-entry-id", "recorded-first-entry-id")]
    read = [_unsigned(group["entries-read"]) for group in groups]
    return {"history": (_unsigned(told["entries-added"]), *ids, read)}


def _unsigned(count: int | None) -> int | None:
    """A count of 64 bits: an integer reply is signed, so a server answers 2^64-1 with -1."""
    return None if count is None else count % (1 << 64)


def _producers(told: Mapping[str, Any]) -> Parts:
    """The settings and counts of idempotent producers, where they were used; came with 8.6.

    Their ids are not told, and go with time.
    """
    names = ("idmp-duration", "idmp-maxsize", "iids-added", "iids-duplicates")
    known = tuple(told.get(name) for name in names)
    return {} if known in (NEVER_USED, (None, None, None, None)) else {"idempotence": known}


def _released(groups: list[dict[str, Any]]) -> Parts:
    """The pending entries of each group that nobody owns; came with 8.8."""
    released = [[id.decode() for id, owner, *_ in group["pending"] if owner == b""] for group in groups]
    return {"released": released} if any(released) else {}


def _array(reply: list[tuple[int | bytes, bytes]]) -> dict[int, bytes]:
    """Indices above 2**63 - 1 come as text."""
    return {int(index): element for index, element in reply}


# TYPE -> how to ask for all of it, and what the reply says.
_QUESTIONS: dict[bytes, Question] = {
    b"string": (lambda key: ("GET", key), _plain(bytes)),
    b"list": (lambda key: ("LRANGE", key, 0, -1), _plain(list)),
    b"set": (lambda key: ("SMEMBERS", key), _plain(sorted)),
    b"zset": (lambda key: ("ZRANGE", key, 0, -1, "WITHSCORES"), _plain(_scored)),
    b"hash": (lambda key: ("HGETALL", key), _plain(pairs_of)),
    b"stream": (lambda key: ("XINFO", "STREAM", key, "FULL", "COUNT", 0), _stream),
    b"array": (lambda key: ("ARSCAN", key, 0, (1 << 64) - 2), _plain(_array)),
}


def _of_module(name: str, shape: Callable[[Any], object] = pairs_of) -> Callable[[Any], Parts]:
    return lambda reply: {"module": name, "value": shape(reply)}


# The keys of modules: what their own commands say, or their payload without its version and checksum.
_MODULE_QUESTIONS: dict[bytes, Question] = {
    b"vectorset": (lambda key: ("VCARD", key), lambda card: {"module": "vectorset", "size": card}),
    b"ReJSON-RL": (lambda key: ("JSON.GET", key), _of_module("ReJSON-RL", bytes)),
    b"TSDB-TYPE": (lambda key: ("TS.RANGE", key, "-", "+"), _of_module("TSDB-TYPE", list)),
    b"MBbloom--": (lambda key: ("BF.INFO", key), _of_module("MBbloom--")),
    b"MBbloomCF": (lambda key: ("CF.INFO", key), _of_module("MBbloomCF")),
    b"CMSk-TYPE": (lambda key: ("CMS.INFO", key), _of_module("CMSk-TYPE")),
    b"TopK-TYPE": (lambda key: ("TOPK.LIST", key, "WITHCOUNT"), _of_module("TopK-TYPE", list)),
    b"TDIS-TYPE": (lambda key: ("TDIGEST.MAX", key), _of_module("TDIS-TYPE", bytes)),
}
_DUMPED: Question = (lambda key: ("DUMP", key), _of_module("other", lambda payload: payload[:-10]))

# --- what the writer of a fixture answered ------------------------------------------------------------


def answered(name: str, answer: Answer) -> Parts:
    """A key of fixtures/snapshots/*.expected.json.gz."""
    type: str = answer["type"] if answer["type"].encode() in _QUESTIONS else "module"
    parts: Parts = {"type": type, "expires at": expected_expiry(name, answer)}
    parts |= _answered_module(answer) if type == "module" else _ANSWERS[type](answer["value"])
    if answer.get("field_expire_at_ms"):
        parts["field expiries"] = {text(field): at for field, at in answer["field_expire_at_ms"].items()}
    return parts


def _answered_stream(value: Answer) -> Parts:
    parts: Parts = {
        "value": [(id, pairs(fields)) for id, fields in value["entries"]],
        "length": len(value["entries"]),
        "groups": [_answered_group(named(group), value) for group in value["groups"]],
    }
    if "error" in value["info"]:  # Redis 5.0 has no XINFO STREAM FULL
        return parts
    state = _stream_state(_names_as_text(_as_bytes(value["info"])))
    assert state["groups"] == parts["groups"]  # said twice, by different commands
    return parts | state


def _answered_group(group: Answer, value: Answer) -> tuple[object, ...]:
    name = group["name"]
    consumers = [named(consumer) for consumer in value["consumers"][name]]
    counts = {text(consumer["name"]): consumer["pending"] for consumer in consumers}
    pending = [(id, _owner(text(owner)), deliveries) for id, owner, deliveries in value["pending"][name]]
    return text(name), group["last-delivered-id"], counts, pending


def _as_bytes(told: Any) -> Any:
    """JSON as the reply it was."""
    if isinstance(told, str):
        return text(told)
    if isinstance(told, dict):
        return {text(name): _as_bytes(value) for name, value in told.items()}
    return [_as_bytes(item) for item in told] if isinstance(told, list) else told


def _answered_array(value: Answer) -> Parts:
    return {"value": {int(index): text(element) for index, element in value["items"]}, "next": value["next"]}


def _answered_module(answer: Answer) -> Parts:
    """The example modules of the servers' own tests told nothing of their keys."""
    value = answer["value"]
    if value is None:
        return {}
    name, part = _MODULE_ANSWERS.get(answer["type"], ("other", "dump"))
    return (
        {"module": name, **_vectors(value)}
        if name == "vectorset"
        else {"module": name, "value": _as_bytes(value[part])}
    )


def _vectors(value: Answer) -> Parts:
    elements = {
        text(name): _element(*(_as_bytes(told[part]) for part in ("raw", "attr", "links")))
        for name, told in sorted(value["elements"].items())
    }
    return {"size": value["card"], "value": elements}


_ANSWERS: dict[str, Callable[[Any], Parts]] = {
    "string": _plain(text),
    "list": _plain(texts),
    "set": _plain(lambda told: sorted(texts(told))),
    "zset": _plain(lambda told: [(text(member), float(score)) for member, score in told]),
    "hash": _plain(lambda told: {text(field): text(value) for field, value in told.items()}),
    "stream": _answered_stream,
    "array": _answered_array,
}
# The part of an answer that the question of the same type in _MODULE_QUESTIONS gives again.
_MODULE_ANSWERS = {
    "vectorset": ("vectorset", "elements"),
    "ReJSON-RL": ("ReJSON-RL", "json"),
    "TSDB-TYPE": ("TSDB-TYPE", "range"),
    "MBbloom--": ("MBbloom--", "info"),
    "MBbloomCF": ("MBbloomCF", "info"),
    "CMSk-TYPE": ("CMSk-TYPE", "info"),
    "TopK-TYPE": ("TopK-TYPE", "list"),
    "TDIS-TYPE": ("TDIS-TYPE", "max"),
}

# --- a value of ours ----------------------------------------------------------------------------------


def decoded(type: str, value: Any, expires_at_ms: int | None = None) -> Parts:
    """A decoded value, or one to be written."""
    parts: Parts = {"type": type, "expires at": expires_at_ms}
    if isinstance(value, rdbcodec.Hash) and value.expires_at_ms:
        parts["field expiries"] = value.expires_at_ms
    return parts | _DECODED.get(type, _nothing)(value)


def _decoded_stream(stream: rdbcodec.Stream) -> Parts:
    groups = sorted(stream.groups, key=lambda group: group.name)  # as servers keep them
    parts: Parts = {
        "value": [(str(id), list(fields)) for id, fields in stream.entries],
        "length": stream.length,
        "last id": str(stream.last_id),
        "groups": [_decoded_group(group) for group in groups],
        "times": [
            (
                {one.name: one.seen_at_ms for one in group.consumers if one.name != RELEASED_TO},
                [(str(entry.id), _delivered(entry)) for entry in group.pending.values()],
            )
            for group in groups
        ],
    }
    if stream.version >= 2:
        ids = (str(stream.max_deleted_id), str(stream.first_id))
        parts["history"] = (stream.entries_added, *ids, [group.entries_read for group in groups])
    if stream.version >= 3 and any(group.consumers for group in groups):
        parts["active times"] = [
            {
                one.name: -1 if one.active_at_ms is None else one.active_at_ms
                for one in group.consumers
                if one.name != RELEASED_TO
            }
            for group in groups
        ]
    if stream.idempotence not in (None, Idempotence()):
        known = stream.idempotence
        assert known is not None
        parts["idempotence"] = (known.duration_s, known.max_size, known.added, known.duplicates)
    released = [[str(one.id) for one in group.pending.values() if one.consumer is None] for group in groups]
    return parts | ({"released": released} if any(released) else {})


def _delivered(entry: rdbcodec.Pending) -> int:
    """Servers forget when a released entry was delivered."""
    return 0 if entry.consumer is None else entry.delivered_at_ms


def _decoded_group(group: rdbcodec.Group) -> tuple[object, ...]:
    consumers = {one.name: len(one.pending) for one in group.consumers if one.name != RELEASED_TO}
    pending = [
        (str(entry.id), _owner(entry.consumer or b""), entry.deliveries) for entry in group.pending.values()
    ]
    return group.name, str(group.last_id), consumers, pending


def _decoded_array(array: rdbcodec.Array) -> Parts:
    return {"value": array.elements, "next": next_of(array)}


def _nothing(value: object) -> Parts:
    """A value no server here has a type for: it is lost as a whole."""
    del value
    return {}


def _ranked(scores: rdbcodec.ZSet) -> list[tuple[bytes, float]]:
    return sorted(scores.items(), key=lambda pair: (pair[1], pair[0]))


_DECODED: dict[str, Callable[[Any], Parts]] = {
    "string": _plain(bytes),
    "list": _plain(list),
    "set": _plain(sorted),
    "zset": _plain(_ranked),
    "hash": _plain(dict),
    "stream": _decoded_stream,
    "array": _decoded_array,
}

# --- what a fixture holds -----------------------------------------------------------------------------


@cache
def held(path: Path) -> Keys:
    """The keys of a fixture in the order of the file: as its server answered, where that was written down.

    The vectors have no such answers for all of their streams; tests/test_vectors.py holds that what we
    decode of them is what the servers were given.
    """
    entries = {(entry.db, entry.key): entry for entry in entries_of(path)}
    if path not in SNAPSHOTS:
        return {
            place: decoded(entry.type, entry.value(), entry.expires_at_ms) for place, entry in entries.items()
        }
    answers = {
        (int(db), text(name)): answered(name, answer)
        for db, keys in expectation(path)["databases"].items()
        for name, answer in keys.items()
    }
    assert answers.keys() == entries.keys()
    return {place: answers[place] for place in entries}


def entries_of(path: Path) -> list[Entry]:
    """The entries of a fixture."""
    return [record for record in records_of(path) if isinstance(record, Entry)]


def held_functions(path: Path) -> list[bytes]:
    """The code of a fixture's function libraries."""
    if path not in SNAPSHOTS:
        return sorted(record.code for record in records_of(path) if isinstance(record, Function))
    return sorted(text(named(library)["library_code"]) for library in expectation(path)["functions"] or [])


def held_beside(path: Path) -> dict[str, int]:
    """What of a fixture belongs to no key and cannot be asked for, by the kind of its loss."""
    aux = sum(isinstance(record, ModuleAux) and not record.is_empty for record in records_of(path))
    counts = {"module-aux": aux, "aof-commands": int(path.suffix == ".aof")}
    return {kind: count for kind, count in counts.items() if count}


# --- compared -----------------------------------------------------------------------------------------


class Comparison:
    """What is not as expected: `lost` by the kind of loss that explains it, `changed` what none explains."""

    def __init__(self, found: Keys, expected: Keys) -> None:
        self.lost: dict[str, list[Place]] = defaultdict(list)
        self.changed: dict[Place, object] = {
            place: parts for place, parts in found.items() if place not in expected
        }
        for place, parts in expected.items():
            if place not in found:
                type = parts["type"]
                self.lost["module" if type == "module" else f"type-{type}"].append(place)
            else:
                self._compare(place, found[place], parts)

    def _compare(self, place: Place, found: Parts, expected: Parts) -> None:
        for part, wanted in expected.items():
            kind = _explain(part, found, wanted)
            if kind is not None:
                self.lost[kind].append(place)
            elif part in found and found[part] != wanted:
                self.changed[place] = (part, found[part], wanted)


def _explain(part: str, found: Parts, wanted: Any) -> str | None:
    """The kind of loss that makes this part differ; None when it does not differ, or nothing explains it."""
    if part in _GONE and part not in found:
        return _GONE[part]
    if part not in found or found[part] == wanted:
        return None
    if part == "expires at" and found[part] == -(-wanted // 1000) * 1000:
        return "sub-second-expiry"
    return _LOSSES.get(part)


# Parts that are gone where a server has no place for them, and those that an older snapshot has not.
_GONE = {"field expiries": "field-ttl", "idempotence": "idempotence", "released": "nacked"}
_LOSSES = {"history": "stream-metadata", "active times": "consumer-active-time"}
