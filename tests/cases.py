"""Many small cases in one test: `every` is written as `pytest.mark.parametrize` is.

A test of its own costs some milliseconds in each lane, which is more than most of these cases take. What
fails names its case; the cases behind it are not tried.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable, Sequence
from itertools import repeat
from typing import Any, TypeVar

import pytest
from hypothesis import settings

Test = Callable[..., None]
T = TypeVar("T")
ParameterSet = type(pytest.param())

# How many of the cases of a test the lane takes (tests/lanes.py), set by conftest.py; `small` of those here.
most: int | None = None
small: int | None = None
turn = 0
tried = 0  # in this process


def spread(cases: Sequence[T], most: int | None) -> Sequence[T]:
    """So many of the cases, evenly spread, each turn those behind the ones of the turn before."""
    if most is None or most >= len(cases):
        return cases
    return [cases[(at * len(cases) // most + turn) % len(cases)] for at in range(most)]


def examples(count: int) -> settings:
    """So many examples of what Hypothesis tries, by the profile that looks no less and no more than most.

    A profile that only glances (conftest.py) tries its own number at most, the one of the night no fewer.
    """
    least, most = settings.get_profile("glance").max_examples, settings.get_profile("nightly").max_examples
    own = settings().max_examples
    return settings(
        max_examples=min(count, own) if own <= least else max(count, own) if own >= most else count
    )


class Cases:
    """A test with its cases: values of some of its arguments, and what they are called when they fail."""

    def __init__(self, test: Test) -> None:
        self.test = test
        self.cases: list[tuple[dict[str, Any], list[Any]]] = [({}, [])]

    def times(self, names: list[str], values: Iterable[Any], ids: Any) -> None:
        """Each case with each of these values."""
        labels = ids if isinstance(ids, list) else repeat(ids)
        more = [_case(names, value, label) for value, label in zip(values, labels, strict=False)]
        assert more, f"no case of {', '.join(names)}"
        self.cases = [({**a, **b}, [*named, *behind]) for a, named in self.cases for b, behind in more]

    def run(self, fixtures: dict[str, Any]) -> None:
        """The cases that this lane takes, one after the other."""
        global tried  # noqa: PLW0603 - one count a process
        for given, named in spread(self.cases, small):
            tried += 1
            try:
                self.test(**fixtures, **given)
            except Exception as error:
                raise AssertionError(f"with {', '.join(map(_label, named))}") from error


def every(names: str | Sequence[str], values: Iterable[Any], *, ids: Any = None) -> Callable[[Test], Test]:
    """The test with each of these values in turn. Fixtures are made once: a folder is shared by all cases."""
    wanted = [name.strip() for name in names.split(",")] if isinstance(names, str) else list(names)
    labels = ids if ids is None or callable(ids) else list(ids)

    def decorate(test: Test) -> Test:
        cases: Cases = vars(test).get("cases") or Cases(test)
        cases.times(wanted, values, labels)

        @functools.wraps(test)
        def each(**fixtures: Any) -> None:
            cases.run(fixtures)

        signature = inspect.signature(test)
        left = [given for name, given in signature.parameters.items() if name not in wanted]
        for name in [name for name in vars(each) if "hypothesis" in name]:
            del vars(each)[name]  # it calls a test of Hypothesis several times, and is none
        vars(each).update(cases=cases, __signature__=signature.replace(parameters=left))
        return each

    return decorate


def _case(names: list[str], value: Any, label: Any) -> tuple[dict[str, Any], list[Any]]:
    """The arguments of a case, and (label, value) of each for when it fails."""
    if isinstance(value, ParameterSet):
        assert not value.marks, "every case of a test has its marks"
        label, value = value.id or label, value.values if len(names) > 1 else value.values[0]
    given = dict(zip(names, value, strict=True)) if len(names) > 1 else {names[0]: value}
    return given, [(label, one) for one in (given.values() if callable(label) or label is None else (value,))]


def _label(named: tuple[Any, Any]) -> str:
    label, value = named
    return str(label(value)) if callable(label) else f"{value!r:.200}" if label is None else str(label)
