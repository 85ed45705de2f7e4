"""The value classes behave like their builtins, and what expires in them is part of what they are."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import pytest

from rdbcodec import Hash, Set


def expiring(value: Any, expires_at_ms: dict[bytes, int]) -> Any:
    value.expires_at_ms = expires_at_ms
    return value


MAKE: list[tuple[Callable[[], Any], Any]] = [
    (lambda: Hash({b"a": b"1", b"b": b"2"}), {b"a": b"1", b"b": b"2"}),
    (lambda: Set([b"a", b"b"]), {b"a", b"b"}),
]
every_class = pytest.mark.parametrize(("make", "plain"), MAKE, ids=["hash", "set"])


@every_class
def test_values_are_equal_when_their_expiries_are(make: Callable[[], Any], plain: Any) -> None:
    one, other = make(), make()
    assert one == other == plain
    expiring(one, {b"a": 1})
    assert one != other
    assert one != plain
    assert plain != one
    assert one == expiring(other, {b"a": 1})
    assert one != expiring(other, {b"a": 2})


@every_class
def test_a_copy_keeps_the_expiries_and_shares_none(make: Callable[[], Any], plain: Any) -> None:
    del plain
    value = expiring(make(), {b"a": 1})
    for made in (copy.copy(value), copy.deepcopy(value), pickle.loads(pickle.dumps(value))):
        assert made == value
        assert type(made) is type(value)
    if isinstance(value, Hash):
        made = value.copy()
        assert made == value
        made.expires_at_ms.clear()
        assert value.expires_at_ms == {b"a": 1}


@every_class
def test_mutable_values_have_no_hash(make: Callable[[], Any], plain: Any) -> None:
    del plain
    with pytest.raises(TypeError, match="unhashable"):
        hash(make())


@every_class
def test_a_value_is_no_other_type(make: Callable[[], Any], plain: Any) -> None:
    del plain
    assert make() != [b"a", b"b"]
    assert make() != 5
