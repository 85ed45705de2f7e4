"""Passes: several in one reading, results that merge, what is counted the same however a file is cut."""

from __future__ import annotations

import doctest
import json
import pickle
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from cases import every

import rdbcodec
from rdbcodec import facts
from rdbcodec.cli.main import main
from rdbcodec.facts.biggest import Biggest
from rdbcodec.facts.databases import Databases
from rdbcodec.facts.duplicates import DuplicateKeys, Duplicates
from rdbcodec.facts.kinds import Kinds
from rdbcodec.facts.passes import Batch, feed, run
from rdbcodec.facts.profile import Profile, ProfilePass, profile
from rdbcodec.facts.soundness import Soundness, SoundnessPass, check
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


@every("cut", range(len(RECORDS) + 1))
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


@every("path", SNAPSHOTS, ids=lambda path: path.stem)
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
        assert [batch.entry(index).key for index in range(len(batch))] == [e.key for e in batch.entries]
        if self.told and isinstance(self.told[-1], list):  # where batches end is nobody's business
            self.told[-1] += [entry.key for entry in batch.entries]
        else:
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
    each = Seen()
    with rdbcodec.open(raw) as reader, pytest.raises(rdbcodec.Truncated):
        feed(reader, [each], also_damaged=True)
    assert each.told[0] == 11
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
    assert doctest.testmod(facts) == (0, 9)
    assert set(facts.__all__) <= set(dir(facts))
    with pytest.raises(AttributeError, match=r"^module 'rdbcodec\.facts' has no attribute 'nope'$"):
        _ = facts.nope  # type: ignore[attr-defined] # that is what is asked


# --- several files ----------------------------------------------------------------------------------

NEW, OLD = "fixtures/snapshots/redis-7.2.6-types.rdb", "fixtures/snapshots/redis-6.2.16-types.rdb"


def test_totals_merge_as_if_their_files_had_been_added_one_by_one() -> None:
    profiles = {f"{at}.rdb": of([record]) for at, record in enumerate(RECORDS)}
    whole = facts.total_of(profiles)
    first, second = (
        facts.total_of(dict(part)) for part in (list(profiles.items())[:4], list(profiles.items())[4:])
    )
    assert first.merge(second) == whole
    assert facts.Total().merge(whole) == whole.merge(facts.Total()) == whole
    assert [(big.key, name) for big, name in whole.biggest[:2]] == [
        (b"a fraction", "2.rdb"),
        (b"expired", "1.rdb"),
    ]
    assert len(whole.biggest) == 4
    assert pickle.loads(pickle.dumps(whole)) == whole


def test_inspect_tells_of_all_files_together(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(ROOT)
    assert main(["inspect", NEW, OLD, "--now", "1790000000"]) == 0
    alone = capsys.readouterr().out
    assert main(["inspect", NEW, OLD, "--now", "1790000000", "--total", "--top", "2"]) == 0
    both = capsys.readouterr().out
    assert both.startswith(alone[: alone.index("Biggest keys")])
    told = both[both.index("Total of 2 files") :]
    assert told[: told.index("Databases")] == TOTAL
    assert told[told.index("Biggest keys") : told.index("Functions")] == BIGGEST


TOTAL = """\
Total of 2 files

Snapshots
  files        2
  formats      REDIS0011 (1 file), REDIS0009 (1 file)
  producers    Redis 7.2.6 (1 file), Redis 6.2.16 (1 file)
  size         172.8 KiB (176,913 bytes)
  containers   none
  keys         188; a key that several files have is counted in each
  checksums    ok (2 files)
  all load in  Redis 7.2 and later, Valkey 7.2 and later

"""
BIGGEST = """\
Biggest keys
   bytes  type    encoding  elements  db  file                                       key
  16,404  string  string           1   0  fixtures/snapshots/redis-7.2.6-types.rdb   str:bin:16384
  16,404  string  string           1   0  fixtures/snapshots/redis-6.2.16-types.rdb  str:bin:16384

"""


def test_inspect_total_as_json_is_one_document_more(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(ROOT)
    arguments = ["inspect", NEW, OLD, "--format", "json", "--now", "1790000000", "--hide-keys"]
    assert main(arguments) == 0
    alone = json.loads(capsys.readouterr().out)
    assert main([*arguments, "--total"]) == 0
    *documents, total = json.loads(capsys.readouterr().out)
    assert documents == alone
    assert (total["file"], total["files"], total["keys"]) == (None, [NEW, OLD], 188)
    assert total["magics"] == {"REDIS0011": 1, "REDIS0009": 1}
    assert total["size"] == sum(document["size"] for document in alone)
    assert total["loads_in"] == alone[0]["loads_in"]
    assert total["databases"]["0"]["keys"] == sum(each["databases"]["0"]["keys"] for each in alone)
    assert total["biggest"][0] == {"file": NEW, **alone[0]["biggest"][0]}
    shared = {"databases", "types", "expiry", "biggest", "modules", "meta_classes", "functions", "records"}
    assert shared <= set(total)


def test_the_total_of_inspect_says_that_a_file_could_not_be_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "half.rdb").write_bytes((ROOT / NEW).read_bytes()[:5000])
    assert main(["inspect", str(ROOT / OLD), str(tmp_path / "half.rdb"), "--total"]) == 3
    out, error = capsys.readouterr()
    assert "Total of 1 of 2 files\n" in out
    assert "half.rdb: offset 5000: the file ends inside a record" in error


# --- soundness --------------------------------------------------------------------------------------


def test_a_check_is_a_pass_that_runs_beside_others_and_merges() -> None:
    def checked(records: Sequence[tuple[int, bytes]]) -> Soundness:
        with rdbcodec.open(snapshot(*(select(db) + record for db, record in records))) as reader:
            soundness, kinds = run(reader, [SoundnessPass(now_ms=NOW_MS), Kinds()])
        assert kinds.keys() == {"string", "set"} or len(records) < len(RECORDS)
        told: Soundness = soundness
        return told

    whole, first, second = checked(RECORDS), checked(RECORDS[:7]), checked(RECORDS[7:])
    both = first.merge(second)
    assert (both.keys, both.expired, both.errors) == (whole.keys, whole.expired, whole.errors) == (9, 1, 2)
    assert (both.keys_by_db, both.expires_by_db) == (whole.keys_by_db, whole.expires_by_db)
    words = [(problem.key, problem.message) for problem in whole.problems]
    assert [(problem.key, problem.message) for problem in both.problems] == words
    assert words == [
        (b"odd!", "set members are not unique: 2, of which 1 distinct"),
        (b"again", "set members are not unique: 2, of which 1 distinct"),
    ]
    assert pickle.loads(pickle.dumps(both)) == both


def test_problems_are_told_in_the_order_of_the_file_large_values_among_the_others() -> None:
    large = b"\x02\x05large\x40\xc8" + b"\x03abc" * 200
    odd = b"\x02\x03odd\x02\x01a\x01a"
    with rdbcodec.open(snapshot(odd, large, odd.replace(b"odd", b"own")), max_value=500) as reader:
        found = check(reader, now_ms=0)
    assert [(problem.key, problem.message) for problem in found.problems] == [
        (b"odd", "set members are not unique: 2, of which 1 distinct"),
        (b"large", "199 members or fields occur more than once"),
        (b"own", "set members are not unique: 2, of which 1 distinct"),
    ]
    with rdbcodec.open(snapshot(odd, large)[:-200], max_value=500) as reader:
        found = check(reader, now_ms=0)
    assert (found.keys, found.complete, found.errors) == (2, False, 2)


def test_a_value_that_passes_by_comes_behind_what_says_who_wrote_it() -> None:
    """What a pass knows by then of the file decides how much memory it takes."""
    aux = b"\xfa\x09redis-ver\x057.4.1"
    data = snapshot(aux, b"\x00\x05large\x40\xc8" + b"v" * 200)
    with rdbcodec.open(data, max_value=100) as reader:
        stat = rdbcodec.stat(reader)
    assert (stat.server.name, stat.total.keys) == ("redis-7.4.1", 1)
