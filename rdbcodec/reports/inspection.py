"""The profile of a snapshot in words, for people, and as JSON, for programs."""

from __future__ import annotations

from collections import Counter
from typing import Any

from rdbcodec.compat.loaders import BUILT_IN, Span, loading_releases
from rdbcodec.errors import ChecksumMismatch
from rdbcodec.facts.biggest import BigKey
from rdbcodec.facts.databases import Database
from rdbcodec.facts.kinds import Kind
from rdbcodec.facts.profile import Profile
from rdbcodec.facts.records import AuxFact
from rdbcodec.facts.total import Total
from rdbcodec.formats import writers_of
from rdbcodec.reports.tables import Section
from rdbcodec.reports.words import json_bytes, json_key, moment, number, plural, shortened, size, text
from rdbcodec.showing import Hiding, key_size, key_words
from rdbcodec.tail import Tail

HIDDEN = "(hidden)"
_CHECKSUMS = {
    "ok": "ok",
    "disabled": "none: the server wrote the file with rdbchecksum no",
    "absent": "none: files before RDB 5 have no checksum",
    "not verified": "not verified",
}


def sections(facts: Profile, *, hide_keys: Hiding = False) -> list[Section]:
    """The report as tables, those without rows left out."""
    found = [
        *_damage(facts),
        Section("Snapshot", ("", ""), _snapshot_rows(facts)),
        Section("AUX fields", ("", ""), _aux_rows(facts)),
        *_counted(facts),
        Section(
            "Biggest keys",
            (*_BIGGEST, ">offset", "key"),
            [_big_row(big, str(big.offset), hide_keys=hide_keys) for big in _biggest(facts)],
        ),
        *_named(facts),
    ]
    return [section for section in found if section.rows]


def total_sections(total: Total, *, hide_keys: Hiding = False) -> list[Section]:
    """The same of several files together: a file stands for the offset of a key."""
    facts = total.facts
    if facts is None:
        return []
    found = [
        Section("Snapshots", ("", ""), _total_rows(total, facts)),
        *_counted(facts),
        Section(
            "Biggest keys",
            (*_BIGGEST, "file", "key"),
            [_big_row(big, name, hide_keys=hide_keys) for big, name in total.biggest],
        ),
        *_named(facts),
    ]
    return [section for section in found if section.rows]


def _damage(facts: Profile) -> list[Section]:
    """Before all others: that this is not all, and how far it goes."""
    if facts.damage is None:
        return []
    rows = [("read", f"{plural(facts.keys, 'key')}, up to offset {facts.size:,}")]
    if facts.file_size is not None and not facts.containers and facts.file_size > facts.size:
        rows.append(("not read", f"{plural(facts.file_size - facts.size, 'byte')} of the file"))
    rows += [("damage", facts.damage.message), ("next", "rdbcodec salvage --resync FILE -o OUT")]
    return [Section("PARTIAL: what stands before the damage", ("", ""), rows)]


_BIGGEST = (">bytes", "type", "encoding", ">elements", ">db")


def _counted(facts: Profile) -> list[Section]:
    return [
        Section("Databases", (">db", ">keys", ">expiring", ">announced"), _database_rows(facts)),
        Section(
            "Keys by type", ("type", "encoding", ">code", ">keys", ">bytes", ">share"), _kind_rows(facts)
        ),
        Section("Expiry", ("", ""), _expiry_rows(facts)),
    ]


def _named(facts: Profile) -> list[Section]:
    return [
        Section("Modules", ("module", ">version", ">keys", ">records beside keys"), _module_rows(facts)),
        Section("Module metadata", ("class", ">version", ">keys", "a server without it"), _meta_rows(facts)),
        Section("Functions", ("library", ">bytes"), _function_rows(facts)),
    ]


def _snapshot_rows(facts: Profile) -> list[tuple[str, str]]:
    rows = [
        ("format", f"{text(facts.magic)}, written by {writers_of(facts.version) or 'no known release'}"),
        ("dialect", facts.dialect),
        ("producer", facts.producer or "not told"),
        ("size", _size_words(facts)),
        ("container", ", ".join(facts.containers) or "none"),
        ("keys", _keys_words(facts)),
        ("checksum", _checksum_words(facts)),
        ("after the end", tail_words(facts.tail) if facts.damage is None else "not reached"),
        ("loads in", _loader_words(facts, loading_releases(facts))),
    ]
    rows += [(name, number(count)) for name, count in _rare(facts).items()]
    return rows


def _keys_words(facts: Profile) -> str:
    return f"{number(facts.keys)}, chosen by the filters" if facts.filtered else number(facts.keys)


def _checksum_words(facts: Profile) -> str:
    if facts.damage is None:
        return _CHECKSUMS[facts.checksum]
    return "wrong" if isinstance(facts.damage, ChecksumMismatch) else "not reached"


def _total_rows(total: Total, facts: Profile) -> list[tuple[str, str]]:
    formats = Counter({text(magic): count for (magic, _), count in total.headers.items()})
    containers = Counter({", ".join(names): count for names, count in total.containers.items() if names})
    checksums = Counter({_CHECKSUMS[word]: count for word, count in total.checksums.items()})
    rows = [
        ("files", number(len(total.names))),
        ("formats", _each(formats)),
        ("producers", _each(Counter({name or "not told": n for name, n in total.producers.items()}))),
        ("size", f"{size(facts.size)} ({number(facts.size)} bytes)"),
        ("containers", _each(containers) or "none"),
        ("keys", f"{_keys_words(facts)}; a key that several files have is counted in each"),
        ("checksums", _each(checksums)),
        ("all load in", _loader_words(facts, loading_releases(facts, total.headers))),
    ]
    return rows + [(name, number(count)) for name, count in _rare(facts).items()]


def _each(counts: Counter[str]) -> str:
    """What files have, and how many of them: "REDIS0011 (2 files), REDIS0009 (1 file)"."""
    return ", ".join(f"{word} ({plural(count, 'file')})" for word, count in counts.most_common())


def _size_words(facts: Profile) -> str:
    if facts.damage is not None:
        return "unknown" if facts.file_size is None else f"the file is {number(facts.file_size)} bytes"
    words = f"{size(facts.size)} ({number(facts.size)} bytes)"
    if facts.file_size is not None and facts.file_size != facts.size:
        words += f", the file is {number(facts.file_size)} bytes"
    return words


def tail_words(tail: Tail | None) -> str:
    """What follows the snapshot."""
    if tail is None or tail.kind == "nothing":
        return "nothing"
    return tail.kind if tail.size is None else f"{plural(tail.size, 'byte')}: {tail.kind}"


def _loader_words(facts: Profile, spans: list[Span]) -> str:
    if not spans:
        own = "" if facts.dialect in ("redis", "valkey") else f"; it is {facts.dialect}'s own"
        return f"no Redis or Valkey release known{own}"
    words = ", ".join(span.words() for span in spans)
    modules = sorted({module.name for module in facts.modules.values()} - BUILT_IN)
    return words + (f", with {', '.join(modules)} loaded" if modules else "")


def _rare(facts: Profile) -> dict[str, int]:
    common = {"aux", "eof", "selectdb", "resizedb", "function", "module-aux"}
    counts = {name: count for name, count in sorted(facts.opcodes.items()) if name not in common}
    counts |= {"keys with idle time": facts.idle_keys, "keys with access frequency": facts.freq_keys}
    counts |= {"keys with module metadata": facts.meta_keys}
    return {name: count for name, count in counts.items() if count}


def _aux_rows(facts: Profile) -> list[tuple[str, str]]:
    rows = []
    for name, fact in facts.aux.items():
        more = f" (and {plural(fact.count - 1, 'more value')})" if fact.count > 1 else ""
        rows.append((shortened(name), shortened(fact.value, size=fact.size) + more))
    if facts.aux_unlisted:
        rows.append(("...", plural(facts.aux_unlisted, "more field")))
    return rows


def _database_rows(facts: Profile) -> list[tuple[str, ...]]:
    return [
        (
            str(db),
            number(told.keys),
            number(told.expires),
            "-" if told.told_keys is None else number(told.told_keys),
        )
        for db, told in sorted(facts.databases.items())
    ]


def _kind_rows(facts: Profile) -> list[tuple[str, ...]]:
    total = sum(kind.size for kind in facts.kinds.values()) or 1
    kinds = sorted(facts.kinds.values(), key=lambda kind: (kind.row.type, -kind.size))
    return [
        (
            kind.row.type,
            kind.row.encoding,
            str(kind.row.code),
            number(kind.keys),
            number(kind.size),
            f"{100 * kind.size / total:.1f}%",
        )
        for kind in kinds
    ]


def _expiry_rows(facts: Profile) -> list[tuple[str, str]]:
    told = facts.expiries
    rows = [("never expire", number(facts.keys - told.keys)), ("expire", number(told.keys))]
    if told.first_ms is not None and told.last_ms is not None:
        rows.append((f"expired at {moment(facts.now_ms)}", number(told.expired)))
        rows += [("first", moment(told.first_ms)), ("last", moment(told.last_ms))]
    return rows if facts.keys else []


def _biggest(facts: Profile) -> list[BigKey]:
    return sorted(facts.biggest, key=lambda big: (-big.size, big.offset))


def _big_row(big: BigKey, place: str, *, hide_keys: Hiding) -> tuple[str, ...]:
    elements = "-" if big.count is None else number(big.count)
    shown = shortened(big.key, size=key_size(big.key))
    key = shown if hide_keys is False else key_words(big.key, hide_keys) or HIDDEN
    return number(big.size), big.type, big.encoding, elements, str(big.db), place, key


def _module_rows(facts: Profile) -> list[tuple[str, ...]]:
    return [
        (told.name, str(told.version), number(told.keys), number(told.aux)) for told in facts.modules.values()
    ]


def _meta_rows(facts: Profile) -> list[tuple[str, ...]]:
    return [
        (
            told.name,
            str(told.version),
            number(told.keys),
            "passes over it" if told.may_be_ignored else "ends on it",
        )
        for told in facts.meta_classes.values()
    ]


def _function_rows(facts: Profile) -> list[tuple[str, ...]]:
    return [(shortened(told.name or b"(no name)"), number(told.size)) for told in facts.functions]


def as_json(name: str, facts: Profile, *, hide_keys: Hiding = False) -> dict[str, Any]:
    """The same facts for programs; bytes are text, or {"$b64": ...} when they are not UTF-8."""
    tail = facts.tail
    return {
        "file": name,
        "magic": text(facts.magic),
        "dialect": facts.dialect,
        "rdb_version": facts.version,
        "producer": facts.producer,
        "containers": list(facts.containers),
        "file_size": facts.file_size,
        "size": facts.size,
        "checksum": facts.checksum if facts.damage is None else None,
        "partial": None
        if facts.damage is None
        else {"offset": facts.damage.offset, "message": facts.damage.message},
        "tail": None if tail is None else {"kind": tail.kind, "size": tail.size},
        "loads_in": [span._asdict() for span in loading_releases(facts)],
        "keys": facts.keys,
        "filtered": facts.filtered,
        "aux": [_json_aux(name, fact) for name, fact in facts.aux.items()],
        "aux_unlisted": facts.aux_unlisted,
        **_json_counted(facts),
        "biggest": [_json_big(big, hide_keys=hide_keys) for big in _biggest(facts)],
        **_json_named(facts),
    }


def total_as_json(total: Total, *, hide_keys: Hiding = False) -> dict[str, Any]:
    """The same of several files together; `file` is null, and each of the biggest keys names its own."""
    facts = total.facts
    if facts is None:
        return {"file": None, "files": []}
    return {
        "file": None,
        "files": total.names,
        "magics": {text(magic): count for (magic, _), count in total.headers.items()},
        "producers": {name or "": count for name, count in total.producers.items()},
        "checksums": dict(total.checksums),
        "file_size": facts.file_size,
        "size": facts.size,
        "loads_in": [span._asdict() for span in loading_releases(facts, total.headers)],
        "keys": facts.keys,
        "filtered": facts.filtered,
        **_json_counted(facts),
        "biggest": [{"file": name, **_json_big(big, hide_keys=hide_keys)} for big, name in total.biggest],
        **_json_named(facts),
    }


def _json_counted(facts: Profile) -> dict[str, Any]:
    return {
        "databases": {str(db): _json_database(told) for db, told in sorted(facts.databases.items())},
        "types": [_json_kind(kind) for kind in facts.kinds.values()],
        "expiry": _json_expiry(facts),
    }


def _json_named(facts: Profile) -> dict[str, Any]:
    return {
        "modules": [
            {"name": told.name, "version": told.version, "keys": told.keys, "aux": told.aux}
            for told in facts.modules.values()
        ],
        "meta_classes": [
            {
                "name": told.name,
                "version": told.version,
                "may_be_ignored": told.may_be_ignored,
                "keys": told.keys,
            }
            for told in facts.meta_classes.values()
        ],
        "functions": [
            {"name": None if told.name is None else json_bytes(told.name), "size": told.size}
            for told in facts.functions
        ],
        "records": _rare(facts),
    }


def _json_aux(name: bytes, fact: AuxFact) -> dict[str, Any]:
    """`value` is the beginning of one longer than 32 KiB; `size` tells."""
    return {"name": json_bytes(name), "value": json_bytes(fact.value), "size": fact.size, "count": fact.count}


def _json_database(told: Database) -> dict[str, Any]:
    return {
        "keys": told.keys,
        "expires": told.expires,
        "announced_keys": told.told_keys,
        "announced_expires": told.told_expires,
    }


def _json_kind(kind: Kind) -> dict[str, Any]:
    row = kind.row
    return {
        "type": row.type,
        "encoding": row.encoding,
        "code": row.code,
        "name": row.name,
        "keys": kind.keys,
        "bytes": kind.size,
    }


def _json_expiry(facts: Profile) -> dict[str, Any]:
    told = facts.expiries
    return {
        "keys": told.keys,
        "expired": told.expired,
        "now_ms": facts.now_ms,
        "first_ms": told.first_ms,
        "last_ms": told.last_ms,
    }


def _json_big(big: BigKey, *, hide_keys: Hiding) -> dict[str, Any]:
    return {
        "key": json_key(big.key, hide_keys),
        "db": big.db,
        "type": big.type,
        "encoding": big.encoding,
        "bytes": big.size,
        "elements": big.count,
        "offset": big.offset,
    }
