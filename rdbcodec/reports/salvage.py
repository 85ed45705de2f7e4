"""What was saved of a damaged snapshot and what was not, in words and as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rdbcodec.facts.problems import Problem
from rdbcodec.reports.inspection import tail_words
from rdbcodec.reports.words import json_key, plural, size, text
from rdbcodec.showing import Hiding, key_words, shell_word
from rdbcodec.tools.salvage import Salvage
from rdbcodec.tools.survivors import Gap

_SHOWN = 10  # gaps and keys that the text names; JSON has a hundred


def lines(name: str, output: str, found: Salvage, *, hide_keys: Hiding = False) -> Iterator[str]:
    """The report, a line at a time: what is saved, then what is not."""
    yield f"{output}: {plural(found.keys, 'key')} saved of {name}"
    if found.mended is not None:
        yield f"  mended   {_mended_words(found, hide_keys)}"
    for gap in found.gaps[:_SHOWN]:
        yield f"  damage   {_gap_words(gap, hide_keys)}"
    if found.gap_count > _SHOWN:
        yield f"  damage   ... at {plural(found.gap_count - _SHOWN, 'more place')}"
    for title, told in (
        ("kept", _kept(found)),
        ("filtered", _not_wanted(found)),
        ("lost", _lost(found, hide_keys)),
        ("unknown", _unknown(found, hide_keys)),
    ):
        for words in told:
            yield f"  {title:<8} {words}"
    yield f"  checksum {_checksum(found)}"
    if found.tail is not None and found.tail.kind != "nothing":
        yield f"  behind   {tail_words(found.tail)}, not saved"
    for at, command in enumerate(_next(output, found)):
        yield f"  {'' if at else 'next':<8} {command}"


def _mended_words(found: Salvage, hide_keys: Hiding) -> str:
    assert found.mended is not None
    offset, byte, was = found.mended
    place = f", {_key_place(*found.mended_key, hide_keys)}" if found.mended_key is not None else ""
    return f"byte {offset:,}{place}: 0x{byte:02x} in the file, 0x{was:02x} by its checksum, which is right so"


def _gap_words(gap: Gap, hide_keys: Hiding) -> str:
    error = gap.error
    key = key_words(error.key, hide_keys)
    place = f", db {error.db} {key}" if key is not None and error.db is not None else ""
    span = f"bytes {gap.start:,} to {gap.end:,} ({size(gap.end - gap.start)})"
    return f"{span}{place}: {error.message}"


def _kept(found: Salvage) -> Iterator[str]:
    databases = ", ".join(f"db {db}: {keys:,}" for db, keys in sorted(found.kept.items()))
    libraries = "1 function library" if found.functions == 1 else f"{found.functions:,} function libraries"
    yield f"{plural(found.keys, 'key')}{f' ({databases})' if databases else ''}, {libraries}"
    if found.behind:
        yield f"{plural(found.behind, 'key')} of them stood behind damage"
    if found.kept_damaged:
        yield f"{plural(found.kept_damaged, 'key')} of them have values that are damaged"
    if found.unverified:
        yield f"{plural(found.unverified, 'key')} of them are too large to be verified"
    if found.rewritten:
        yield f"{plural(found.rewritten, 'key')} of them in another form: servers refuse the one they had"
    if found.header is not None and found.is_header_guessed:
        yield f"the header is damaged: {text(found.header.raw)} by what the server says of itself"


def _not_wanted(found: Salvage) -> Iterator[str]:
    if total := found.not_wanted.total():
        yield f"{plural(total, 'key')} that the filters did not choose"


def _lost(found: Salvage, hide_keys: Hiding) -> Iterator[str]:
    dropped = found.dropped.total()
    if dropped:
        yield f"{plural(dropped, 'key')} left out"
    if found.dropped_records:
        yield f"{plural(found.dropped_records, 'function library or template')} left out"
    for problem in found.problems[:_SHOWN]:
        place = problem.place(hide_keys=hide_keys)
        yield f"  {place}: {problem.message}"
    unlisted = dropped + found.dropped_records + found.kept_damaged - _SHOWN
    if unlisted > 0 and len(found.problems) > _SHOWN:
        yield f"  ... and {unlisted:,} more"
    for db, keys in (found.missing or {}).items():
        yield f"{plural(keys, 'key')} of db {db}, which announced {found.announced[db]:,}"


def _unknown(found: Salvage, hide_keys: Hiding) -> Iterator[str]:
    if found.gap_count and found.missing is None:
        yield "how many keys the damage took: what databases announced cannot be"
    elif found.gap_count and not found.announced:
        yield "how many keys the damage took: the file does not say how many it had"
    for side, says in _BESIDE.items():
        named = [beside for beside in found.beside if beside.side == side]
        for beside in named[:_SHOWN]:
            yield f"{says}: {_key_place(beside.db, beside.key, hide_keys)}"
        if len(named) > _SHOWN:
            yield f"{says}: {plural(len(named) - _SHOWN, 'more key')}"
    if not found.ends:
        yield "what stood behind the damage: the end was not met, other databases may have followed"
    if found.unvouched:
        yield f"{_all_of(found.unvouched)}: no checksum vouches for their names, texts and expiries"


def _all_of(keys: int) -> str:
    return "the key kept" if keys == 1 else f"all {keys:,} keys kept"


_BESIDE = {
    "before": "whether its value is whole, as it stands right before damage",
    "behind": "whether it had an expiry, as it stands right behind damage",
}


def _key_place(db: int, key: bytes, hide_keys: Hiding) -> str:
    """A key by its database and its name, if that may be shown."""
    words = key_words(key, hide_keys)
    return f"a key of db {db}" if words is None else f"db {db} {words}"


_CHECKSUMS = {
    "ok": "ok",
    "wrong": "wrong: the file is not as it was written, and yet all of it can be read",
    "none": "none",
    "not verified": "not verified: bytes before it cannot be read",
    "not reached": "not reached",
}


def _checksum(found: Salvage) -> str:
    return _CHECKSUMS[found.checksum]


def _next(output: str, found: Salvage) -> Iterator[str]:
    if output == "-":
        return
    name = shell_word(output)
    yield f"rdbcodec check {name}"
    if not found.is_whole:
        yield f"rdbcodec diff {name} BACKUP"


def as_json(name: str, output: str, found: Salvage, *, hide_keys: Hiding = False) -> dict[str, Any]:
    """The same for programs."""
    return {
        "file": name,
        "output": output,
        "whole": found.is_whole,
        "size": found.size,
        "header": None if found.header is None else text(found.header.raw),
        "header_guessed": found.is_header_guessed,
        "kept": {
            "keys": found.keys,
            "databases": {str(db): keys for db, keys in sorted(found.kept.items())},
            "functions": found.functions,
            "behind_damage": found.behind,
            "unvouched": found.unvouched,
            "damaged": found.kept_damaged,
            "unverified": found.unverified,
            "rewritten": found.rewritten,
        },
        "filtered": {str(db): keys for db, keys in sorted(found.not_wanted.items()) if keys},
        "lost": {
            "left_out": {str(db): keys for db, keys in sorted(found.dropped.items())},
            "left_out_records": found.dropped_records,
            "announced": {str(db): keys for db, keys in sorted(found.announced.items())},
            "missing": None
            if found.missing is None
            else {str(db): keys for db, keys in found.missing.items()},
            "problems": [_json_problem(problem, hide_keys) for problem in found.problems],
        },
        "unknown": list(_unknown(found, hide_keys)),
        "mended": _json_mended(found, hide_keys),
        "gaps": [_json_gap(gap, hide_keys) for gap in found.gaps],
        "beside": [
            {"side": beside.side, "db": beside.db, "key": json_key(beside.key, hide_keys)}
            for beside in found.beside
        ],
        "gap_count": found.gap_count,
        "gap_bytes": found.gap_bytes,
        "ends": found.ends,
        "checksum": found.checksum,
        "tail": None if found.tail is None else {"kind": found.tail.kind, "size": found.tail.size},
    }


def _json_mended(found: Salvage, hide_keys: Hiding) -> dict[str, Any] | None:
    if found.mended is None:
        return None
    db, key = found.mended_key or (None, None)
    return {**found.mended._asdict(), "db": db, "key": json_key(key, hide_keys)}


def _json_problem(problem: Problem, hide_keys: Hiding) -> dict[str, Any]:
    return {
        "offset": problem.offset,
        "db": problem.db,
        "key": json_key(problem.key, hide_keys),
        "message": problem.message,
    }


def _json_gap(gap: Gap, hide_keys: Hiding) -> dict[str, Any]:
    error = gap.error
    return {
        "start": gap.start,
        "end": gap.end,
        "offset": error.offset,
        "db": error.db,
        "key": json_key(error.key, hide_keys),
        "message": error.message,
    }
