"""Passes: several in one reading, results that merge, what is counted the same however a file is cut."""

from __future__ import annotations

import doctest
import pickle
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

import rdbcodec
from rdbcodec import facts
from rdbcodec.facts.biggest import Biggest
from rdbcodec.facts.databases import Databases
from rdbcodec.facts.duplicates import DuplicateKeys, Duplicates
from rdbcodec.facts.kinds import Kinds
from rdbcodec.facts.passes import Batch, feed, run
from rdbcodec.facts.profile import Profile, ProfilePass, profile
from rdbcodec.facts.values import ValuePass
from rdbcodec.limits import COUNTED_VALUE
from rdbcodec.records import Entry, Header, Record

ROOT = Path(__file__).parent.parent
NOW_MS = 1_790_000_000_000
SNAPSHOTS = sorted((ROOT / "fixtures" / "snapshots").glob("*-types.rdb"))


def snapshot(*records: bytes) -> bytes:
    return b"REDIS0011" + b"".join(records) + b"\xff" + bytes(8)


def select(db: int) -> bytes:
    return b"\xfe%c" % db


def expiring(ms: int, record: bytes) -> bytes:
    return b"\xfc" + ms.to_bytes(8, "little") + record


def string(name: bytes, value: bytes) -> bytes:
    return b"\x00%c%b%c%b" % (len(name), name, len(value), value)


# Records of every sort that is counted, each with the database it is of.
RECORDS: list[tuple[int, bytes]] = [
    (0, string(b"plain", b"v")),
    (0, expiring(NOW_MS - 1, string(b"expired", b"vv"))),
    (0, expiring(NOW_MS + 1, string(b"a fraction", b"vvv"))),
    (0, b"\xf9\x07" + string(b"often!", b"vvvv")),
    (3, b"\xf8\x05" + string(b"idle", b"vvvvv")),
    (3, b"\x02\x03set\x02\x01a\x01b"),
    (3, b"\x02\x04odd!\x02\x01a\x01a"),
    (3, string(b"plain", b"v" * 9)),
    (3, b"\x02\x05again\x02\x01a\x01a"),
]


def of(records: Sequence[tuple[int, bytes]]) -> Profile:
    raw = snapshot(*(select(db) + record for db, record in records))
    with rdbcodec.open(raw) as reader:
        return profile(reader, now_ms=NOW_MS, biggest=4, duplicates=True, values=True)


def counted(told: Profile) -> dict[str, Any]:
    """What does not hang on where things stand in a file, nor on how many files there are."""
    return {
        "databases": {db: (row.keys, row.expires) for db, row in sorted(told.databases.items())},
        "kinds": {name: (kind.keys, kind.size) for name, kind in sorted(told.kinds.items())},
        "expiries": told.expiries,
        "attributes": (told.idle_keys, told.freq_keys, told.meta_keys),
        "biggest": sorted((big.size, big.key) for big in told.biggest),
        "odd": {name: fact.count for name, fact in sorted((told.oddities or {}).items())},
        "losable": {name: fact.count for name, fact in sorted(told.losable.items())},
        "codes": told.codes(),
        "duplicates": told.duplicates,
    }


@pytest.mark.parametrize("cut", range(len(RECORDS) + 1))
def test_the_profiles_of_the_parts_of_a_file_become_that_of_the_whole(cut: int) -> None:
    whole, first, second = of(RECORDS), of(RECORDS[:cut]), of(RECORDS[cut:])
    assert counted(first.merge(second)) == counted(whole)
    assert counted(whole)["odd"] == {"set-twice": 2}
    assert counted(whole)["losable"] == {"sub-second-expiry": 2}
    assert first.merge(second).keys == 9


def test_merging_many_parts_is_the_same_in_any_order() -> None:
    parts = [of([record]) for record in RECORDS]
    ahead = behind = None
    for part in parts:
        ahead = part if ahead is None else ahead.merge(part)
    for part in reversed(parts):
        behind = part if behind is None else behind.merge(part)
    assert ahead is not None
    assert behind is not None
    assert counted(ahead) == counted(behind) == counted(of(RECORDS))


def test_what_is_known_of_one_part_only_is_not_known_of_both() -> None:
    known = of(RECORDS)
    with rdbcodec.open(snapshot(string(b"k", b"v"))) as reader:
        unknown = profile(reader, now_ms=NOW_MS)
    both = known.merge(unknown)
    assert (both.oddities, both.duplicates, both.was_looked_at) == (None, None, False)
    assert both.keys == 10


@pytest.mark.parametrize("path", SNAPSHOTS, ids=lambda path: path.stem)
def test_a_profile_is_what_its_parts_find_alone(path: Path) -> None:
    with rdbcodec.open(path, max_value=COUNTED_VALUE) as reader:
        kinds, databases, biggest, duplicates = run(reader, [Kinds(), Databases(), Biggest(3), Duplicates()])
    with rdbcodec.open(path, max_value=COUNTED_VALUE) as reader:
        whole = profile(reader, now_ms=NOW_MS, biggest=3, duplicates=True)
    assert (kinds, databases, sorted(biggest)) == (whole.kinds, whole.databases, sorted(whole.biggest))
    assert (duplicates.count, duplicates.at) == (whole.duplicates, whole.duplicate_at)


def test_passes_and_results_go_to_other_processes() -> None:
    each = pickle.loads(pickle.dumps(ProfilePass(now_ms=NOW_MS, duplicates=True, values=True)))
    with rdbcodec.open(SNAPSHOTS[0]) as reader:
        (told,) = run(reader, [each])
    assert pickle.loads(pickle.dumps(told)) == told
    with rdbcodec.open(SNAPSHOTS[0]) as reader:
        assert told == profile(reader, now_ms=NOW_MS, duplicates=True, values=True)


class Seen(facts.Pass[list[object]]):
    """What a pass is told, in order."""

    def __init__(self) -> None:
        self.told: list[object] = []

    def begin(self, header: Header) -> None:
        self.told.append(header.version)

    def batch(self, batch: Batch) -> None:
        assert len({entry.db for entry in batch.entries}) == 1
        assert batch.is_plain == all(type(entry) is Entry for entry in batch.entries)
        self.told.append([entry.key for entry in batch.entries])

    def record(self, record: Record) -> None:
        self.told.append(type(record).__name__)

    def after(self, reader: rdbcodec.Reader) -> None:
        self.told.append(reader.tail().kind)

    def end(self) -> list[object]:
        return self.told


def test_a_pass_is_told_everything_once_in_the_order_of_the_file() -> None:
    raw = snapshot(*(record for _, record in RECORDS[:2]), select(3), string(b"k", b"v"))
    with rdbcodec.open(raw) as reader:
        first, second = facts.run(reader, [Seen(), Seen()])
    assert first == [11, [b"plain", b"expired"], "SelectDb", [b"k"], "End", "nothing"]
    assert first == second


def test_what_stands_before_damage_is_told_to_who_wants_it() -> None:
    raw = snapshot(*(record for _, record in RECORDS))[: -9 - len(RECORDS[-1][1]) + 3]
    for also_damaged, told in ((False, []), (True, [11])):
        each = Seen()
        with rdbcodec.open(raw) as reader, pytest.raises(rdbcodec.Truncated):
            feed(reader, [each], also_damaged=also_damaged)
        assert each.told[:1] == told
    assert each.told[1] == [
        b"plain",
        b"expired",
        b"a fraction",
        b"often!",
        b"idle",
        b"set",
        b"odd!",
        b"plain",
    ]


def test_only_one_pass_may_look_at_what_passes_by() -> None:
    message = "only one pass of a reading may look at values that pass by: ValuePass, ProfilePass"
    with rdbcodec.open(SNAPSHOTS[0]) as reader, pytest.raises(ValueError, match=f"^{message}$"):
        run(reader, [ValuePass(), Kinds(), ProfilePass(now_ms=0, values=True)])


def test_duplicate_keys_of_several_files_are_those_of_each() -> None:
    twice = snapshot(string(b"k", b"v"), string(b"k", b"v"))
    with rdbcodec.open(twice) as reader:
        (told,) = run(reader, [Duplicates()])
    assert (told.count, told.at) == (1, 14)
    assert told.merge(DuplicateKeys()) == told
    assert told.merge(told) == DuplicateKeys(2, 14)


def test_the_examples_of_the_docstring_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    assert doctest.testmod(facts) == (0, 6)
    assert set(facts.__all__) <= set(dir(facts))
    with pytest.raises(AttributeError, match=r"^module 'rdbcodec\.facts' has no attribute 'nope'$"):
        _ = facts.nope  # type: ignore[attr-defined] # that is what is asked
