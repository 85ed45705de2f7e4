"""What the files of types declare."""

from __future__ import annotations

import pytest
from cases import every

from rdbcodec import EncodeError, Gcra, Hash, Json, Set, ZSet
from rdbcodec.datatypes.registry import layout_of, type_of, types
from rdbcodec.formats import SINCE, TYPES, TypeRow
from rdbcodec.servers import Server


@every(
    ("value", "name"),
    [
        (b"text", "string"),
        ("text", "string"),
        (7, "string"),
        (Gcra(7), "gcra"),
        (Json(b"{}"), "json"),
        ([b"a"], "list"),
        ({b"a"}, "set"),
        (Set([b"a"]), "set"),
        ({b"a": b"b"}, "hash"),
        (ZSet({b"a": 1.0}), "zset"),
    ],
)
def test_a_python_value_is_of_the_redis_type_of_its_nearest_class(value: object, name: str) -> None:
    assert type_of(value).name == name


def test_a_float_is_of_no_type() -> None:
    with pytest.raises(EncodeError, match="a float has no one text: give the bytes it shall be"):
        type_of(1.5)


@every("row", TYPES, ids=lambda row: row.name)
def test_every_type_with_a_choice_can_write_values_too_large_to_hold(row: TypeRow) -> None:
    kind = types()[row.type]
    tables = [other for other in TYPES if other.type == row.type and layout_of(other).elements is not None]
    assert bool(tables) == (kind.choose is not None)


@pytest.mark.parametrize("row", [row for row in TYPES if row.expires], ids=lambda row: row.name)
def test_losing_expiries_of_elements_has_a_name(row: TypeRow) -> None:
    assert types()[row.type].expiry_loss == {"hash": "field-ttl", "set": "member-ttl"}[row.type]


def test_every_name_a_type_chooses_is_a_row_of_it() -> None:
    names = {row.name: row.type for row in TYPES}
    expiring = Hash({b"f": b"v"})
    expiring.expires_at_ms = {b"f": 1893456000000}
    members = Set([b"m"])
    members.expires_at_ms = {b"m": 1893456000000}
    for value in (expiring, members, Set([b"1"]), ZSet({b"m": 1.0}), [b"element"]):
        kind = type_of(value)
        assert kind.choose is not None
        assert {names[name] for name in kind.choose(value, Server("redis", 15))} == {kind.name}


def test_behaviours_begin_with_versions_of_redis() -> None:
    assert SINCE == {
        "checksum": 5,
        "small-integers": 6,
        "long-lengths": 8,
        "wide-whole-scores": 10,
        "short-scores": 11,
        "plain-nodes": 12,
    }
