"""Numbers that are common among many are found, whatever came between them."""

from __future__ import annotations

from itertools import chain

from rdbcodec.facts.common_numbers import KEPT, CommonNumbers


def test_a_common_number_is_found_among_many_rare_ones() -> None:
    common = CommonNumbers()
    for at in range(0, 20 * KEPT, KEPT):
        common.add(chain(range(at, at + KEPT), [7] * 200))
    assert common.at_least(4000) == {7}
    assert len(common._counts) < 2 * KEPT


def test_two_tables_are_one_and_numbers_are_told_in_steps() -> None:
    first, second = CommonNumbers(), CommonNumbers()
    first.add([60, 61, 120])
    second.add([119, 120, 121])
    first.take(second)
    assert first.at_least(2) == {120}
    assert first.at_least(3, step=60) == {1, 2}
