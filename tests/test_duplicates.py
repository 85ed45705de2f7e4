"""Names that occur twice are found among any number of them, in bounded memory and few descriptors."""

from __future__ import annotations

from pathlib import Path

import pytest

import rdbcodec
from rdbcodec.compat.profile import profile
from rdbcodec.compat.soundness import check
from rdbcodec.duplicates import RUN, Duplicate, Names
from rdbcodec.limits import MAX_AUX, MAX_DATABASES


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_names_are_compared_within_their_database() -> None:
    names = Names()
    names.add(b"k", 10, 0)
    names.add(b"k", 20, 1)
    names.add(b"k", 30, 0)
    names.add(b"k", 40, 0)
    assert sorted(names.duplicates()) == [Duplicate(30, 10), Duplicate(40, 10)]


@pytest.mark.parametrize("count", [0, 1, RUN - 1, RUN, RUN + 1, 5 * RUN + 7])
def test_names_are_found_again_across_runs(count: int) -> None:
    names = Names()
    for at in range(count):
        names.add(b"%d" % at, at)
    before = descriptors()
    names.add(b"0", 10**9)
    if count > RUN:
        names.add(b"%d" % RUN, 10**9 + 1)
    expected = [Duplicate(10**9, 0)] if count else []
    expected += [Duplicate(10**9 + 1, RUN)] if count > RUN else []
    assert descriptors() <= before + 1
    assert sorted(names.duplicates()) == expected
    assert descriptors() <= before


def test_members_are_added_many_at_a_time() -> None:
    names = Names()
    for start in range(0, 3 * RUN, 1000):
        names.add_many(b"%d" % at for at in range(start, start + 1000))
    names.add_many([b"5", b"6"])
    assert len(list(names.duplicates())) == 2


def made(*records: bytes) -> rdbcodec.Reader:
    return rdbcodec.open(b"REDIS0009" + b"".join(records) + b"\xff" + bytes(8))


def test_a_large_set_with_a_double_is_found_out() -> None:
    members = [b"%07d" % at for at in range(40_000)] + [b"0000007"]
    value = b"\x80" + len(members).to_bytes(4, "big") + b"".join(b"\x07" + member for member in members)
    with made(b"\x02\x01s" + value) as reader:
        large = rdbcodec.open(b"REDIS0009\x02\x01s" + value + b"\xff" + bytes(8), max_value=1000)
        assert [problem.message for problem in check(large, now_ms=0).problems] == [
            "1 members or fields occur more than once"
        ]
        assert [problem.message for problem in check(reader, now_ms=0).problems] == [
            "set members are not unique: 40001, of which 40000 distinct"
        ]


def test_a_large_sorted_set_with_a_score_that_is_no_number_is_found_out() -> None:
    pairs = [b"\x07%07d" % at + bytes(8) for at in range(100)] + [b"\x01n" + b"\x00" * 6 + b"\xf8\x7f"]
    data = b"REDIS0009\x05\x01z" + b"\x40\x65" + b"".join(pairs) + b"\xff" + bytes(8)
    for limit in (1000, 100_000):
        found = check(rdbcodec.open(data, max_value=limit), now_ms=0)
        assert [problem.message for problem in found.problems] == [
            "a score is not a number: servers refuse the file"
        ]


def test_a_damaged_key_does_not_end_the_check() -> None:
    damaged = b"\x00\xc3\x02\x1e\x20\x00\x01v"  # LZF that refers to what is before its start
    found = check(made(damaged, b"\x02\x01s\x02\x01a\x01a"), now_ms=0)
    assert [(problem.offset, problem.message) for problem in found.problems] == [
        (9, "LZF reference reaches 1 bytes back, the output has 0"),
        (17, "set members are not unique: 2, of which 1 distinct"),
    ]
    assert (found.keys, found.complete, found.is_sound) == (2, True, False)


def test_more_aux_fields_than_any_server_writes_are_counted_not_kept() -> None:
    fields = [b"\xfa\x06%06d\x01v" % at for at in range(MAX_AUX + 50)]
    facts = profile(made(*fields, b"\xfa\x06000000\x01w"), now_ms=0)
    assert (len(facts.aux), facts.aux_unlisted) == (MAX_AUX, 50)
    assert (facts.aux[b"000000"].value, facts.aux[b"000000"].count) == (b"v", 2)


def test_more_databases_than_anybody_has_are_refused() -> None:
    records = [b"\xfe\x80" + at.to_bytes(4, "big") + b"\x00\x01k\x01v" for at in range(MAX_DATABASES + 1)]
    message = "too many databases to count each: 65537 databases, the limit is 65536"
    with pytest.raises(rdbcodec.LimitExceeded, match=f"^{message}$"):
        profile(made(*records), now_ms=0)
    found = check(made(*records), now_ms=0)
    assert (found.is_sound, [problem.message for problem in found.problems]) == (False, [message])
