"""The fingerprint of a snapshot, and where two differ: in words, and as JSON that can be read again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rdbcodec.errors import TextError
from rdbcodec.exports.scalars import bytes_of, json_bytes
from rdbcodec.reports.tables import Section
from rdbcodec.reports.words import number, shortened
from rdbcodec.showing import Hiding
from rdbcodec.tools.fingerprint import FORM, Fingerprint, How, Place, Sum


def sections(found: Fingerprint, *, hide_keys: Hiding = False) -> list[Section]:
    """All of it, then each database with its prefixes."""
    rows = [(one.digest, number(one.keys), *_words(place)) for place, one in _shown(found, hide_keys)]
    tables = [
        Section("Snapshot", ("digest", ">keys"), [(found.digest, number(found.keys))]),
        Section("Databases and prefixes", ("digest", ">keys", ">db", "prefix"), rows),
    ]
    if found.functions is not None:
        tables.append(Section("Functions", ("digest",), [(found.functions,)]))
    if found.prefixes is None and found.how.depth:
        tables.append(Section("Prefixes", ("",), [("too many to tell them apart: filters choose some",)]))
    return [table for table in tables if table.rows]


def difference_sections(
    first: Fingerprint, second: Fingerprint, *, hide_keys: Hiding = False
) -> list[Section]:
    """Both, then the databases and prefixes that are not the same."""
    both = [(word, one.digest, number(one.keys)) for word, one in (("first", first), ("second", second))]
    tables = [Section("Snapshots", ("", "digest", ">keys"), both)]
    rows = [
        (*_words(place), number(mine.keys), number(its.keys))
        for place, mine, its in first.differences(second)
        if place.prefix is None or hide_keys is False
    ]
    if rows:
        tables.append(Section("Not the same", (">db", "prefix", ">keys in first", ">in second"), rows))
    if first.functions != second.functions:
        words = [(one.functions or "there are none",) for one in (first, second)]
        tables.append(Section("Functions are not the same", ("digest",), words))
    return tables


def _words(place: Place) -> tuple[str, str]:
    return str(place.db), "(all keys)" if place.prefix is None else shortened(place.prefix)


def _shown(found: Fingerprint, hide_keys: Hiding) -> Sequence[tuple[Place, Sum]]:
    """Prefixes are parts of names."""
    return [(place, one) for place, one in found.places() if place.prefix is None or hide_keys is False]


# --- JSON -------------------------------------------------------------------------------------------


def as_json(name: str, found: Fingerprint, *, hide_keys: Hiding = False) -> dict[str, Any]:
    """The same for programs, and for `of_json`."""
    how, databases = found.how, dict[str, dict[str, Any]]()
    for place, one in _shown(found, hide_keys):
        told = {"digest": one.digest, "keys": one.keys}
        if place.prefix is None:
            databases[str(place.db)] = {**told, "prefixes": []}
        else:
            databases[str(place.db)]["prefixes"].append({"prefix": json_bytes(place.prefix), **told})
    return {
        "form": FORM,
        "file": name,
        "digest": found.digest,
        "keys": found.keys,
        "functions": found.functions,
        "ignore": sorted(how.ignore),
        "separators": how.separators,
        "depth": how.depth,
        "filtered": how.filtered,
        "has_prefixes": found.prefixes is not None and hide_keys is False,
        "databases": databases,
    }


def of_json(document: Any) -> Fingerprint:
    """A fingerprint that was written as JSON. Raises TextError for what is none, or none of this version."""
    if not isinstance(document, dict) or document.get("form") != FORM:
        raise TextError("is no fingerprint: expected a snapshot, or JSON of diff --fingerprint")
    try:
        how = How(
            frozenset(document["ignore"]), document["separators"], document["depth"], document["filtered"]
        )
        databases = {int(db): _sum(told) for db, told in document["databases"].items()}
        prefixes = {
            Place(int(db), bytes_of(one["prefix"], "a prefix")): _sum(one)
            for db, told in document["databases"].items()
            for one in told["prefixes"]
        }
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise TextError(f"is no whole fingerprint: {error!r}") from error
    return Fingerprint(how, databases, prefixes if document["has_prefixes"] else None, document["functions"])


def _sum(told: dict[str, Any]) -> Sum:
    return Sum(int(told["keys"]), int(told["digest"], 16))


def differences_json(
    names: tuple[str, str], first: Fingerprint, second: Fingerprint, *, hide_keys: Hiding = False
) -> dict[str, Any]:
    """Where two are not the same, for programs."""
    return {
        "first": names[0],
        "second": names[1],
        "equal": first.digest == second.digest,
        "digests": [first.digest, second.digest],
        "keys": [first.keys, second.keys],
        "functions": [first.functions, second.functions],
        "differences": [
            {
                "db": place.db,
                "prefix": None if place.prefix is None else json_bytes(place.prefix),
                "keys": [mine.keys, its.keys],
                "digests": [mine.digest, its.digest],
            }
            for place, mine, its in first.differences(second)
            if place.prefix is None or hide_keys is False
        ],
    }
