"""Facts: named values that are equal when all of them are, without dataclasses."""

from __future__ import annotations

import pickle

import pytest

from rdbcodec.facts.named import Named, made


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
