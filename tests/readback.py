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
from typing import Any

from servers import Server, ServerError
from test_snapshots import Answer, expectation, expected_expiry, named, pairs, records_of, text, texts
from ways import SNAPSHOTS

import rdbcodec
from rdbcodec import Entry, Function, ModuleAux
from rdbcodec.datatypes.streams import Idempotence

Parts = dict[str, object]
Place = tuple[int, bytes]  # database and key
Keys = dict[Place, Parts]
Words = tuple[bytes | str | float, ...]

# What a stream has beside its entries: parts every server tells, and since when the others are told.
STREAM_PARTS: dict[str, set[str]] = {
    "redis-6.2": {"last id", "groups", "times"},
    "redis-7.0": {"last id", "groups", "times", "history"},
    "valkey-8.0": {"last id", "groups", "times", "history", "active times"},
}

# --- a running server -------------------------------------------------------------------------------


def read_back(server: Server) -> Keys:
    """Every key of every database."""
    keys: Keys = {}
    for db in databases(server):
        server.command("SELECT", db)
        names: list[bytes] = server.command("KEYS", "*")
        assert server.command("DBSIZE") == len(names)
        types = replies(server, [("TYPE", name) for name in names])
        values = replies(server, [_QUESTIONS[type][0](name) for name, type in zip(names, types, strict=True)])
        expiries = expiries_of(server, names)
        for name, type, value, expiry in zip(names, types, values, expiries, strict=True):
            keys[db, name] = {"type": type.decode(), "expires at": expiry, **_QUESTIONS[type][1](value)}
    return keys


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
    assert told["length"] == len(entries)
    return {"value": entries, **_stream_state(told)}


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
    }


def _names_as_text(flat: list[Any]) -> dict[str, Any]:
    return {name.decode(): value for name, value in pairs_of(flat).items()}


def _group(group: Mapping[str, Any]) -> tuple[object, ...]:
    consumers = {consumer["name"]: len(consumer["pending"]) for consumer in group["consumers"]}
    pending = [(id.decode(), owner, deliveries) for id, owner, _, deliveries in group["pending"]]
    return group["name"], group["last-delivered-id"].decode(), consumers, pending


def _clocks(groups: list[dict[str, Any]]) -> Parts:
    """When consumers were seen and active, and entries delivered; active times came with 7.2."""
    parts: Parts = {
        "times": [
            (
                {consumer["name"]: consumer["seen-time"] for consumer in group["consumers"]},
                [(id.decode(), at) for id, _, at, _ in group["pending"]],
            )
            for group in groups
        ]
    }
    consumers = [consumer for group in groups for consumer in group["consumers"]]
    if any("active-time" in consumer for consumer in consumers):
        parts["active times"] = [
            {consumer["name"]: consumer["active-time"] for consumer in group["consumers"]} for group in groups
        ]
    return parts


def _history(told: Mapping[str, Any], groups: list[dict[str, Any]]) -> Parts:
    """What was counted since the stream began; came with 7.0."""
    if "entries-added" not in told:
        return {}
    ids = [told[name].decode() for name in ("max-deleted-entry-id", "recorded-first-entry-id")]
    return {"history": (told["entries-added"], *ids, [group["entries-read"] for group in groups])}


# TYPE -> how to ask for all of it, and what the reply says.
_QUESTIONS: dict[bytes, tuple[Callable[[bytes], Words], Callable[[Any], Parts]]] = {
    b"string": (lambda key: ("GET", key), _plain(bytes)),
    b"list": (lambda key: ("LRANGE", key, 0, -1), _plain(list)),
    b"set": (lambda key: ("SMEMBERS", key), _plain(sorted)),
    b"zset": (lambda key: ("ZRANGE", key, 0, -1, "WITHSCORES"), _plain(_scored)),
    b"hash": (lambda key: ("HGETALL", key), _plain(pairs_of)),
    b"stream": (lambda key: ("XINFO", "STREAM", key, "FULL", "COUNT", 0), _stream),
}

# --- what the writer of a fixture answered ------------------------------------------------------------


def answered(name: str, answer: Answer) -> Parts:
    """A key of fixtures/snapshots/*.expected.json.gz."""
    type: str = "module" if answer["value"] is None else answer["type"]
    parts: Parts = {"type": type, "expires at": expected_expiry(name, answer)}
    parts |= _ANSWERS[type](answer["value"])
    if answer.get("field_expire_at_ms"):
        parts["field expiries"] = {text(field): at for field, at in answer["field_expire_at_ms"].items()}
    return parts


def _answered_stream(value: Answer) -> Parts:
    parts: Parts = {
        "value": [(id, pairs(fields)) for id, fields in value["entries"]],
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
    pending = [(id, text(owner), deliveries) for id, owner, deliveries in value["pending"][name]]
    return text(name), group["last-delivered-id"], counts, pending


def _as_bytes(told: Any) -> Any:
    """JSON as the reply it was."""
    if isinstance(told, str):
        return text(told)
    return [_as_bytes(item) for item in told] if isinstance(told, list) else told


_ANSWERS: dict[str, Callable[[Any], Parts]] = {
    "string": _plain(text),
    "list": _plain(texts),
    "set": _plain(lambda told: sorted(texts(told))),
    "zset": _plain(lambda told: [(text(member), float(score)) for member, score in told]),
    "hash": _plain(lambda told: {text(field): text(value) for field, value in told.items()}),
    "stream": _answered_stream,
    "module": lambda _: {},
}

# --- a value of ours ----------------------------------------------------------------------------------


def decoded(type: str, value: Any, expires_at_ms: int | None = None) -> Parts:
    """A decoded value, or one to be written."""
    parts: Parts = {"type": type, "expires at": expires_at_ms}
    if isinstance(value, rdbcodec.Hash) and value.expires_at_ms:
        parts["field expiries"] = value.expires_at_ms
    return parts | _DECODED.get(type, _nothing)(value)


def _decoded_stream(stream: rdbcodec.Stream) -> Parts:
    groups = stream.groups
    parts: Parts = {
        "value": [(str(id), list(fields)) for id, fields in stream.entries],
        "last id": str(stream.last_id),
        "groups": [_decoded_group(group) for group in groups],
        "times": [
            (
                {consumer.name: consumer.seen_at_ms for consumer in group.consumers},
                [(str(entry.id), entry.delivered_at_ms) for entry in group.pending.values()],
            )
            for group in groups
        ],
    }
    if stream.version >= 2:
        ids = (str(stream.max_deleted_id), str(stream.first_id))
        parts["history"] = (stream.entries_added, *ids, [group.entries_read for group in groups])
    if stream.version >= 3 and any(group.consumers for group in groups):
        parts["active times"] = [
            {one.name: -1 if one.active_at_ms is None else one.active_at_ms for one in group.consumers}
            for group in groups
        ]
    if stream.idempotence not in (None, Idempotence()):
        parts["idempotence"] = stream.idempotence
    return parts


def _decoded_group(group: rdbcodec.Group) -> tuple[object, ...]:
    consumers = {consumer.name: len(consumer.pending) for consumer in group.consumers}
    pending = [(str(entry.id), entry.consumer, entry.deliveries) for entry in group.pending.values()]
    return group.name, str(group.last_id), consumers, pending


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
    aux = sum(isinstance(record, ModuleAux) for record in records_of(path))
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
    if part in _NEVER_TOLD:
        return _NEVER_TOLD[part]
    if part not in found or found[part] == wanted:
        return None
    if part == "expires at" and found[part] == -(-wanted // 1000) * 1000:
        return "sub-second-expiry"
    return _LOSSES.get(part)


# Parts that no server here has, and those that an older snapshot has not.
_NEVER_TOLD = {"field expiries": "field-ttl", "idempotence": "idempotence"}
_LOSSES = {"history": "stream-metadata", "active times": "consumer-active-time"}
