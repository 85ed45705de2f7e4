"""Keys that occur twice are found among any number of them, in bounded memory and few descriptors."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from traced import traced

import rdbcodec
from rdbcodec.facts import databases, soundness
from rdbcodec.facts.profile import profile
from rdbcodec.facts.soundness import check
from rdbcodec.limits import MAX_AUX, MAX_DATABASES
from rdbcodec.reading import doubles, duplicates, repeats, sorted_runs
from rdbcodec.reading.doubles import Doubles
from rdbcodec.reading.duplicates import Duplicate, KeyIndex


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def index_of(*batches: tuple[list[bytes], list[int], int]) -> KeyIndex:
    index = KeyIndex()
    for keys, places, db in batches:
        index.add(keys, places, db)
    return index


def test_keys_are_compared_within_their_database() -> None:
    batches = ([b"k"], [10], 0), ([b"k", b"l"], [20, 25], 1), ([b"k", b"k", b"l"], [30, 40, 50], 0)
    with index_of(*batches) as index:
        assert list(index.duplicates()) == [Duplicate(30, 10, 0, b"k"), Duplicate(40, 10, 0, b"k")]


def test_a_single_key_is_noted_beside_batches() -> None:
    with KeyIndex() as index:
        for place, (db, key) in enumerate([(0, b"a"), (0, b"b"), (1, b"a"), (0, b"b" * 5000), (0, b"a")]):
            index.note(key, place, db)
        assert list(index.duplicates()) == [Duplicate(4, 0, 0, b"a")]


def test_what_is_surplus_depends_on_which_of_the_equal_ones_stays() -> None:
    with index_of(([b"a", b"b", b"a", b"c", b"b", b"a"], [0] * 6, 0)) as index:
        assert list(index.surplus("first")) == [2, 4, 5]
        assert list(index.surplus("last")) == [0, 1, 2]


@pytest.mark.parametrize("number", [0, 1, 4095, 4096, 4097, 30_007])
def test_keys_are_found_again_across_files(number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repeats, "HELD", 4096)
    monkeypatch.setattr(repeats, "SPREAD", 1024)
    before = descriptors()
    with KeyIndex() as index:
        for start in range(0, number, 1000):
            index.add([b"%d" % at for at in range(start, min(start + 1000, number))])
        index.add([b"0", b"%d" % (number - 1)] if number else [])
        last = number - 1
        expected = [Duplicate(number, 0, 0, b"0"), Duplicate(number + 1, last, 0, b"%d" % last)]
        assert list(index.duplicates()) == (expected if number else [])
    assert descriptors() == before


def test_more_hashes_than_a_part_holds_are_spread_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repeats, "HELD", 64)
    monkeypatch.setattr(repeats, "SPREAD", 1024)
    keys = [b"%d" % at for at in range(20_000)]
    before = descriptors()
    with index_of((keys, list(range(20_000)), 0), (keys[777:780], [20_000, 20_001, 20_002], 0)) as index:
        assert [duplicate.first for duplicate in index.duplicates()] == [777, 778, 779]
    assert descriptors() == before


@pytest.mark.parametrize("candidates", [100, 10])
def test_others_compare_hashes_of_a_file(candidates: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repeats, "HELD", 64)
    monkeypatch.setattr(repeats, "CANDIDATES", candidates)
    keys = [b"%d" % (at % 970) for at in range(1000)]
    asked: list[repeats.Errand] = []

    def ask(errands: Sequence[repeats.Errand]) -> list[Any]:
        asked.extend(errands)
        return [None if number % 7 == 0 else errand.do() for number, errand in enumerate(errands)]

    with KeyIndex() as index:
        index.add(keys, range(1000))
        index.compare(ask)
        assert [found.place for found in index.duplicates()] == [*range(970, 1000)]
        with pytest.raises(FileNotFoundError):
            asked[0]._replace(path="/proc/0/fd/0").do()
    assert len(asked) == 61


def test_with_every_key_there_twice_all_names_are_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repeats, "CANDIDATES", 100)
    monkeypatch.setattr(sorted_runs, "RUN", 64)
    keys = [b"%d" % at for at in range(1000)]
    with index_of((keys, list(range(1000)), 0), (keys, list(range(1000, 2000)), 0)) as index:
        assert list(index.duplicates()) == [Duplicate(1000 + at, at, 0, keys[at]) for at in range(1000)]
        assert list(index.surplus("first")) == list(range(1000, 2000))


def test_two_names_of_one_hash_are_two_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(duplicates, "key_hashes", lambda keys, db: [len(keys[0]) + db for _ in keys])
    with index_of(([b"a", b"b"], [0, 1], 0), ([b"c", b"b"], [2, 3], 0)) as index:
        assert list(index.duplicates()) == [Duplicate(3, 1, 0, b"b")]


@pytest.mark.parametrize(("names", "size"), [(1 << 10, 1 << 20), (100, 1 << 20), (1 << 10, 500)])
def test_doubles_are_counted_whether_names_are_held_or_not(
    names: int, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doubles, "HELD", names)
    monkeypatch.setattr(doubles, "HELD_BYTES", size)
    before = descriptors()
    with Doubles() as found:
        assert found.count() == 0
        for start in range(0, 700, 10):
            found.add([b"%d" % (at % 600) for at in range(start, start + 10)])
        found.add([b"7", b"7", b"x"])
        assert found.count() == 102
    assert descriptors() == before


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


def test_more_databases_than_anybody_has_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    assert MAX_DATABASES == 65536
    for module in (databases, soundness):
        monkeypatch.setattr(module, "MAX_DATABASES", 1000)
    records = [b"\xfe\x80" + at.to_bytes(4, "big") + b"\x00\x01k\x01v" for at in range(1001)]
    message = "too many databases to count each: 1001 databases, the limit is 1000"
    with pytest.raises(rdbcodec.LimitExceeded, match=f"^{message}$"):
        profile(made(*records), now_ms=0)
    found = check(made(*records), now_ms=0)
    assert (found.is_sound, [problem.message for problem in found.problems]) == (False, [message])


def test_a_key_that_was_seen_takes_some_bytes_of_memory_and_not_an_object() -> None:
    """100,000 names: their hashes alone were 9 MiB as a set of numbers."""
    with traced() as peak_of:
        with KeyIndex(made) as index:
            for start in range(0, 100_000, 1000):
                index.add([b"%d" % at for at in range(start, start + 1000)])
            assert list(index.duplicates()) == []
        most = peak_of()
    assert most < 4 << 20
