"""Facts: named values that are equal when all of them are, without dataclasses; and named tuples."""

from __future__ import annotations

import pickle
import typing

import pytest

from rdbcodec.facts.named import Named, made
from rdbcodec.named_tuples import NamedTuple


class Keys(Named):
    """Some keys."""

    first: int
    count: int = 0
    names: list[bytes] = made(factory=list)


class Fields(Named):
    """The same names, of something else."""

    first: int
    count: int = 0
    names: list[bytes] = made(factory=list)


def test_values_are_given_by_place_or_by_name_and_the_rest_has_its_default() -> None:
    assert vars(Keys(7, count=2)) == {"first": 7, "count": 2, "names": []}
    assert repr(Keys(7, 1, [b"k"])) == "Keys(first=7, count=1, names=[b'k'])"


def test_each_has_a_list_of_its_own() -> None:
    one, other = Keys(1), Keys(1)
    one.names.append(b"k")
    assert other.names == []


def test_they_are_equal_when_all_their_values_are_and_they_are_of_one_kind() -> None:
    assert Keys(1, 2) == Keys(1, 2)
    assert Keys(1, 2) != Keys(1, 3)
    assert Keys(1, 2) != Fields(1, 2)


def test_replace_changes_some_and_leaves_the_original() -> None:
    before = Keys(1, 2, [b"k"])
    assert before.replace(count=3) == Keys(1, 3, [b"k"])
    assert before.count == 2


def test_they_go_to_other_processes() -> None:
    assert pickle.loads(pickle.dumps(Keys(1, 2, [b"k"]))) == Keys(1, 2, [b"k"])


@pytest.mark.parametrize(
    ("values", "named", "words"),
    [
        ((), {}, "Keys lacks first"),
        ((1, 2, [], 4), {}, r"Keys\(first, count, names\): got \(1, 2, \[\], 4\) and \{\}"),
        ((1,), {"first": 2}, r"Keys\(first, count, names\): got \(1,\) and \{'first': 2\}"),
        ((1,), {"size": 2}, r"Keys\(first, count, names\): got \(1,\) and \{'size': 2\}"),
    ],
)
def test_what_is_missing_or_unknown_is_an_error(
    values: tuple[object, ...], named: dict[str, object], words: str
) -> None:
    with pytest.raises(TypeError, match=words):
        Keys(*values, **named)  # type: ignore[arg-type]  # that is the point


class Place(NamedTuple):
    """Where a key stands."""

    offset: int
    db: int = 0

    @property
    def is_first(self) -> bool:
        """Whether it is the first database."""
        return not self.db


class TypingPlace(typing.NamedTuple):
    """Where a key stands."""

    offset: int
    db: int = 0


def test_a_named_tuple_is_what_that_of_typing_is() -> None:
    place = Place(7)
    assert (place, place.is_first, place._replace(db=1).is_first) == ((7, 0), True, False)
    assert repr(place) == repr(TypingPlace(7)).replace("TypingPlace", "Place")
    assert pickle.loads(pickle.dumps(place)) == place
    assert (Place.__bases__, Place._fields, Place._field_defaults) == ((tuple,), ("offset", "db"), {"db": 0})
    assert (Place.__doc__, Place.__module__) == (TypingPlace.__doc__, __name__)
    assert typing.get_type_hints(Place) == {"offset": int, "db": int}
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'offset'"):
        Place()  # type: ignore[call-arg]
