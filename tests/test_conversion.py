"""Conversions: what comes out equals what went in, minus exactly the losses reported.

Every loss of every fixture is looked at, not only the first of its kind: a value that nobody reported
must be equal in everything, and a reported one must differ in that and in nothing else.
"""

from __future__ import annotations

import copy
import io
import math
from collections import defaultdict
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest
from cases import every
from ways import SNAPSHOTS, corpus, pair, snapshot, string, thinned

import rdbcodec
from rdbcodec.datatypes.streams import NO_ID
from rdbcodec.datatypes.streams.versions import RELEASED_TO, complete
from rdbcodec.errors import EncodeError, LossyConversion
from rdbcodec.facts.selection import Selection
from rdbcodec.facts.soundness import check
from rdbcodec.losses import Losses
from rdbcodec.writing import conversion
from rdbcodec.writing.folding import Folding
from rdbcodec.writing.writer import Writer

FIXTURES = [*SNAPSHOTS, *corpus("vectors", ".rdb")]
UNREPEATED = thinned(*FIXTURES)
VERSIONS = (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 80)  # the acceptance line's
NEWER = (13, 14, 15, 81)
# One version of each family of layouts: text doubles, ziplists, listpacks, expiries of fields, the newest.
FAMILIES = (1, 6, 9, 10, 12, 15, 80)
RELEASES = ("redis-6.2", "redis-8.0", "valkey-8.0", "valkey-9.0", "valkey-9.1", "keydb-6.3", "redict-7.3")
NOW_MS = 1_700_000_000_000

Place = tuple[int | None, bytes | None]


class AllLosses(Losses):
    """Losses that remember each place and not only the first."""

    last: AllLosses

    def __init__(self) -> None:
        super().__init__()
        self.places: dict[Place, set[str]] = defaultdict(set)
        AllLosses.last = self

    def add(self, kind: str, *, offset: int | None, db: int | None = None, key: bytes | None = None) -> None:
        super().add(kind, offset=offset, db=db, key=key)
        self.places[db, key].add(kind)


@pytest.fixture(autouse=True)
def all_losses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rdbcodec.writing.file.Losses", AllLosses)


def converted(data: bytes, server: rdbcodec.Server) -> tuple[bytes, rdbcodec.Conversion, AllLosses]:
    out = io.BytesIO()
    done = rdbcodec.convert(data, out, to=server, allow_loss=True)
    return out.getvalue(), done, AllLosses.last


@lru_cache(maxsize=2)  # an original is compared with a dozen results
def all_records(data: bytes, dialect: Any) -> list[Any]:
    with rdbcodec.open(data, dialect=dialect) as reader:
        return list(reader)


def records_of(data: bytes, kind: type, dialect: Any = None) -> list[Any]:
    return [record for record in all_records(data, dialect) if isinstance(record, kind)]


def keys_of(data: bytes) -> dict[tuple[int, bytes], rdbcodec.Entry]:
    return {(entry.db, entry.key): entry for entry in records_of(data, rdbcodec.Entry)}


# --- values, with what a loss excuses taken out ------------------------------------------------------


def comparable(value: object, excused: set[str]) -> object:
    """A value in a form that does not depend on its layout; what the losses excuse is blanked."""
    if isinstance(value, rdbcodec.Hash):
        return dict(value), {} if "field-ttl" in excused else value.expires_at_ms
    if isinstance(value, rdbcodec.Set):
        return sorted(value), {} if "member-ttl" in excused else value.expires_at_ms
    if isinstance(value, rdbcodec.ZSet):
        return {member: (score, math.copysign(1, score)) for member, score in value.items()}
    if isinstance(value, rdbcodec.Stream):
        return comparable_stream(copy.deepcopy(value), excused)
    return value


def comparable_stream(stream: rdbcodec.Stream, excused: set[str]) -> rdbcodec.Stream:
    complete(stream, stream.entries[0].id if stream.entries else NO_ID)
    stream.version = 0
    if "stream-metadata" in excused:
        stream.first_id = stream.max_deleted_id = stream.entries_added = None
    if "idempotence" in excused:
        stream.idempotence = None
    for group in stream.groups:
        group.consumers.sort(key=lambda consumer: consumer.name)
        if "stream-metadata" in excused:
            group.entries_read = None
        for consumer in group.consumers:
            if "consumer-active-time" in excused:
                consumer.active_at_ms = None
        if "nacked" in excused:
            blank_released(group)
    return stream


def blank_released(group: rdbcodec.Group) -> None:
    group.nacked = []
    group.consumers = [consumer for consumer in group.consumers if consumer.name != RELEASED_TO]
    for pending in group.pending.values():
        if pending.consumer == RELEASED_TO:
            pending.consumer = None


def whole_key_lost(kinds: set[str]) -> bool:
    return any(kind.startswith("type-") or kind in {"module", "database"} for kind in kinds)


def assert_same_value(told: object, result: rdbcodec.Entry, kinds: set[str]) -> None:
    assert comparable(result.value(), kinds) == comparable(told, kinds)
    for kind in kinds & {"field-ttl", "stream-metadata", "consumer-active-time", "idempotence", "nacked"}:
        rest = kinds - {kind}
        assert comparable(result.value(), rest) != comparable(told, rest), f"{kind} reported, not lost"


def assert_equal_but_for(source: rdbcodec.Entry, result: rdbcodec.Entry, kinds: set[str]) -> None:
    if kinds or (result.row, result.raw) != (source.row, source.raw):  # the same bytes are the same value
        assert_same_value(source.value(), result, kinds)
    expiry = source.expires_at_ms
    if "sub-second-expiry" in kinds:
        assert expiry is not None
        expiry = -(-expiry // 1000) * 1000
    assert result.expires_at_ms == (None if "expiry-after-2038" in kinds else expiry)
    assert result.idle == (None if "idle" in kinds else source.idle)
    assert result.freq == (None if "freq" in kinds else source.freq)
    assert result.meta == (None if "key-metadata" in kinds else source.meta)


def assert_result(data: bytes, server: rdbcodec.Server) -> None:
    out, done, losses = converted(data, server)
    before, after = keys_of(data), keys_of(out)
    lost = {place for place in before if whole_key_lost(losses.places[place])}
    assert after.keys() == before.keys() - lost
    assert done.keys == len(after)
    for place, result in after.items():
        assert_equal_but_for(before[place], result, losses.places[place])
    kinds = losses.places[None, None]
    functions = {record.code for record in records_of(data, rdbcodec.Function)}
    kept = {record.code for record in records_of(out, rdbcodec.Function)}
    assert kept == (set() if "function" in kinds else functions)
    assert all(result.row is server.types[result.row.name] for result in after.values())
    with rdbcodec.open(out) as reader:
        assert [str(problem) for problem in check(reader, now_ms=NOW_MS).problems] == []


def versions_for(turn: int, name: str) -> tuple[int, ...]:
    """Every version for the files that hold every type; the others differ from them in sizes and settings:
    these take each third family, others each turn."""
    whole = Path(name).stem.endswith(("-types", "-hfe", "-cluster"))
    return (*VERSIONS, *NEWER) if whole else FAMILIES[turn % 3 :: 3]


@every(("turn", "name"), enumerate(UNREPEATED))
def test_every_fixture_in_every_version_is_itself_minus_the_reported_losses(turn: int, name: str) -> None:
    for version in versions_for(turn, name):
        assert_result(UNREPEATED[name], rdbcodec.Server.of(version=version))


@pytest.mark.parametrize("release", RELEASES)
def test_every_kind_of_server_is_given_what_it_has(release: str) -> None:
    for name, data in UNREPEATED.items():
        if Path(name).stem.endswith(("-types", "-hfe", "-modules", "-cluster")):
            assert_result(data, rdbcodec.Server.of(release))


# --- copies -----------------------------------------------------------------------------------------


@every("path", FIXTURES, ids=lambda path: path.name)
def test_a_copy_is_the_file_byte_for_byte(path: Path) -> None:
    data, out = path.read_bytes(), io.BytesIO()
    done = rdbcodec.convert(data, out)
    assert out.getvalue() == data
    assert (done.losses, done.hints, done.filtered) == ([], [], 0)


@every("path", FIXTURES, ids=lambda path: path.name)
def test_what_the_target_reads_as_it_is_goes_out_byte_for_byte(path: Path) -> None:
    """Upgrades change no value at all: loaders keep every older type."""
    data = path.read_bytes()
    header = records_of(data, rdbcodec.Header)[0]
    newest = 81 if header.dialect == "valkey" else 13  # up to 13 the listpacks of all servers are alike
    if header.version > newest:
        return
    out = converted(data, rdbcodec.Server.of(version=newest))[0]
    before = {place: (entry.code, entry.raw) for place, entry in keys_of(data).items()}
    after = {place: (entry.code, entry.raw) for place, entry in keys_of(out).items()}
    assert after == before


def test_the_same_input_gives_the_same_bytes() -> None:
    for data in UNREPEATED.values():
        form = rdbcodec.Server.of(version=9)
        assert converted(data, form)[0] == converted(data, rdbcodec.Server.of(version=9))[0]


def test_filtering_everything_through_changes_no_byte_of_a_key() -> None:
    for path in FIXTURES:
        data, out = path.read_bytes(), io.BytesIO()
        done = rdbcodec.convert(data, out, keep=lambda _: True, allow_loss=True)
        assert done.keys == len(keys_of(data))
        assert {place: entry.raw for place, entry in keys_of(out.getvalue()).items()} == {
            place: entry.raw for place, entry in keys_of(data).items()
        }


def test_a_filter_counts_what_it_leaves_out_and_drops_the_counts_of_keys() -> None:
    data = snapshot(
        b"\xfe\x03\xfb\x02\x00", pair(0, string(b"1"), b"a"), pair(0, string(b"2"), b"b"), magic=b"REDIS0009"
    )
    out = io.BytesIO()
    done = rdbcodec.convert(data, out, keep=lambda entry: entry.key == b"b")
    assert (done.keys, done.filtered) == (1, 1)
    assert out.getvalue() == snapshot(b"\xfe\x03", pair(0, string(b"2"), b"b"), magic=b"REDIS0009")


def test_commands_behind_a_snapshot_are_copied_and_lost_when_it_changes() -> None:
    data = next(path for path in FIXTURES if path.suffix == ".aof").read_bytes()
    with pytest.raises(LossyConversion) as caught:
        rdbcodec.convert(data, io.BytesIO(), to="redis-6.2")
    assert [loss.kind for loss in caught.value.losses] == ["aof-commands"]
    with pytest.raises(LossyConversion):
        rdbcodec.convert(data, io.BytesIO(), keep=lambda _: True)


# --- losses -----------------------------------------------------------------------------------------

STREAM = bytes.fromhex("00 00 0500")  # no nodes, length 0, last ID 5-0, ...
EMPTY_STREAM = pair(15, STREAM + b"\x00", b"s")


def lossy(data: bytes, target: str | rdbcodec.Server) -> list[str]:
    """The losses for which a conversion is refused; it must write nothing."""
    out = io.BytesIO()
    with pytest.raises(LossyConversion) as caught:
        rdbcodec.convert(data, out, to=target)
    assert not out.getvalue().endswith(b"\xff")
    return [str(loss) for loss in caught.value.losses]


def test_each_loss_is_listed_once_with_its_number_and_first_place() -> None:
    data = snapshot(b"\xfe\x01", EMPTY_STREAM, EMPTY_STREAM.replace(b"s", b"t"), magic=b"REDIS0009")
    told = "a key of type stream, which the target does not have; first at offset 11, db 1, key b's'"
    assert lossy(data, "redis-4.0") == [f"type-stream: 2 x {told}"]


def test_the_error_lists_every_loss() -> None:
    data = snapshot(EMPTY_STREAM, b"\xf5" + string(b"#!lua name=a\n"), magic=b"REDIS0010")
    with pytest.raises(LossyConversion) as caught:
        rdbcodec.convert(data, io.BytesIO(), to="redis-4.0")
    assert str(caught.value) == (
        "for redis-4.0: 2 kinds of loss, and losses are not allowed\n"
        "  type-stream: 1 x a key of type stream, which the target does not have; "
        "first at offset 9, db 0, key b's'\n"
        "  function: 1 x a function library; first at offset 17"
    )


def test_milliseconds_are_rounded_up_for_servers_that_know_seconds() -> None:
    at = (1_600_000_000_001).to_bytes(8, "little")
    data = snapshot(b"\xfc" + at + pair(0, string(b"v")), magic=b"REDIS0009")
    out, done, _ = converted(data, rdbcodec.Server.of(version=2))
    assert [entry.expires_at_ms for entry in records_of(out, rdbcodec.Entry)] == [1_600_000_001_000]
    assert [loss.kind for loss in done.losses] == ["sub-second-expiry"]


def test_an_expiry_after_2038_is_lost_where_it_would_wrap() -> None:
    at = ((1 << 31) * 1000).to_bytes(8, "little")
    data = snapshot(b"\xfc" + at + pair(0, string(b"v")), magic=b"REDIS0009")
    out, done, _ = converted(data, rdbcodec.Server.of(version=1))
    assert [entry.expires_at_ms for entry in records_of(out, rdbcodec.Entry)] == [None]
    assert [loss.kind for loss in done.losses] == ["expiry-after-2038"]


def test_field_ttls_survive_from_redis_7_4_to_valkey_9_and_back() -> None:
    path = next(path for path in FIXTURES if path.name == "redis-7.4.1-hfe.rdb")
    data = path.read_bytes()
    valkey, done, _ = converted(data, rdbcodec.Server.of("valkey-9.0"))
    assert done.losses == []
    back, done, _ = converted(valkey, rdbcodec.Server.of("redis-7.4"))
    assert done.losses == []
    before, after = keys_of(data), keys_of(back)
    assert {place: comparable(entry.value(), set()) for place, entry in after.items()} == {
        place: comparable(entry.value(), set()) for place, entry in before.items()
    }


def test_a_library_of_the_7_0_release_candidates_gets_the_line_that_names_it() -> None:
    code = b"redis.register_function('f', function() return 1 end)"
    old = b"\xf6" + string(b"mylib") + string(b"LUA") + b"\x01" + string(b"what it does") + string(code)
    data = snapshot(old, magic=b"REDIS0010")
    out, done, _ = converted(data, rdbcodec.Server.of("redis-7.2"))
    assert [record.code for record in records_of(out, rdbcodec.Function)] == [b"#!lua name=mylib\n" + code]
    assert (done.losses, [loss.kind for loss in done.hints]) == ([], ["description"])


def test_remarks_that_would_give_the_wrong_dialect_away_are_dropped() -> None:
    aux = b"\xfa" + string(b"valkey-ver") + string(b"8.0.1")
    data = snapshot(aux, pair(0, string(b"v")), magic=b"REDIS0011")
    out, done, _ = converted(data, rdbcodec.Server.of("redis-7.4"))
    assert records_of(out, rdbcodec.Aux) == []
    assert [loss.kind for loss in done.hints] == ["aux"]
    out, done, _ = converted(data, rdbcodec.Server.of("valkey-8.0"))
    assert [record.name for record in records_of(out, rdbcodec.Aux)] == [b"valkey-ver"]


def test_modules_go_where_they_are_said_to_be() -> None:
    path = next(path for path in FIXTURES if path.name == "redis-7.2.6-modules.rdb")
    data = path.read_bytes()
    modules = {
        entry.value().module.name for entry in records_of(data, rdbcodec.Entry) if entry.type == "module"
    }
    assert modules
    server = rdbcodec.Server.of("redis-7.2")
    assert {loss.kind for loss in converted(data, server)[1].losses} == {"module", "module-aux"}
    modules |= {record.module.name for record in records_of(data, rdbcodec.ModuleAux)}
    assert converted(data, rdbcodec.Server.of("redis-7.2", modules=modules))[1].losses == []


def test_hash_templates_become_plain_hashes_and_stay_where_they_are_known() -> None:
    data = bytes.fromhex(
        "524544495330303135 f2000303616765046e616d6505656d61696c fe00fb0200"
        "1e026b311515000000040000012a0182416c0384616c407805ff 20026b3200c02b02426f04626f4079"
        "ff9d5941b2038f3d7f"
    )  # rdb-v13-15.md, 10.4
    told = {b"k1": {b"age": b"42", b"name": b"Al", b"email": b"al@x"}}
    told[b"k2"] = {b"age": b"43", b"name": b"Bo", b"email": b"bo@y"}
    for version, types in ((14, {"hash-listpack"}), (9, {"hash-ziplist"}), (2, {"hash-zipmap"})):
        out, done, _ = converted(data, rdbcodec.Server.of(version=version))
        assert {entry.key: entry.value() for entry in records_of(out, rdbcodec.Entry)} == told
        assert {entry.row.name for entry in records_of(out, rdbcodec.Entry)} == types
        assert done.losses == []
    out = converted(data, rdbcodec.Server.of("redis-8.10"))[0]
    assert {entry.code for entry in records_of(out, rdbcodec.Entry)} == {30, 32}


@pytest.mark.parametrize("size", [16378, 16377, 2097146])
def test_elements_on_which_servers_disagree_are_laid_out_anew_for_the_other_family(size: int) -> None:
    old = rdbcodec.Server.of(version=13)
    element = b"x" * size
    out = io.BytesIO()
    with rdbcodec.create(
        out, version=13, compress=False, settings={"hash-max-listpack-value": 1 << 24}
    ) as file:
        file.write(b"h", {b"f": element})
        file.write(b"l", [element, b"y"])
    before = keys_of(out.getvalue())
    assert {entry.row.name for entry in before.values()} == {"hash-listpack", "list-quicklist-2"}
    for version in (14, 80, 12):
        result = converted(out.getvalue(), rdbcodec.Server.of(version=version))[0]
        after = keys_of(result)
        assert {place: entry.value() for place, entry in after.items()} == {
            place: entry.value() for place, entry in before.items()
        }
        same = all(after[place].raw == entry.raw for place, entry in before.items())
        differs = size != 16377 and rdbcodec.Server.of(version=version).back_length != old.back_length
        assert same is not differs


def test_dragonfly_sets_lose_their_member_expiries_and_json_is_lost() -> None:
    data = snapshot(
        b"\xfa" + string(b"df-ver") + string(b"1.30"),
        pair(32, b"\x01" + string(b"m") + string(b"100"), b"set"),
        pair(31, b"\x01" + string(b"f") + string(b"v") + string(b"100"), b"hash"),
        pair(30, string(b"{}"), b"json"),
        magic=b"REDIS0009",
    )
    out, done, _ = converted(data, rdbcodec.Server.of("redis-7.4"))
    assert sorted(loss.kind for loss in done.losses) == ["member-ttl", "type-json"]
    after = {entry.key: entry.value() for entry in records_of(out, rdbcodec.Entry)}
    assert list(after) == [b"set", b"hash"]
    assert after[b"hash"].expires_at_ms == {b"f": (1675209600 + 100) * 1000}


def test_metadata_of_keys_is_kept_by_redis_8_6_and_lost_before() -> None:
    meta = bytes.fromhex("f3 01 09f5c428 02 2a 00")
    data = snapshot(meta + pair(0, string(b"v")), magic=b"REDIS0014")
    assert records_of(converted(data, rdbcodec.Server.of("redis-8.6"))[0], rdbcodec.Entry)[0].meta == meta
    assert [loss.kind for loss in converted(data, rdbcodec.Server.of("redis-8.0"))[1].losses] == [
        "key-metadata"
    ]


def test_lengths_of_64_bits_are_lost_where_nobody_reads_them() -> None:
    """Seen on a value that passes by: no test has 4 GiB, but a long form of a short length is one too."""
    long = b"\x81" + (200).to_bytes(8, "big") + b"x" * 200
    data = snapshot(pair(0, long), pair(0, string(b"v"), b"b"), magic=b"REDIS0009")
    for version, keys in ((7, [b"b"]), (8, [b"k", b"b"])):
        out = io.BytesIO()
        with rdbcodec.open(data, max_value=64) as reader:
            done = rdbcodec.convert(reader, out, to=rdbcodec.Server.of(version=version), allow_loss=True)
        assert [entry.key for entry in records_of(out.getvalue(), rdbcodec.Entry)] == keys
        assert [loss.kind for loss in done.losses] == ["length-64-bit"] * (version < 8)


# --- databases --------------------------------------------------------------------------------------

TWO_DATABASES = snapshot(
    b"\xfe\x00", pair(0, string(b"zero")), b"\xfe\x02", pair(0, string(b"two")), magic=b"REDIS0009"
)


def test_databases_fold_into_one_under_a_prefix() -> None:
    out = io.BytesIO()
    rdbcodec.convert(TWO_DATABASES, out, to="redis-6.2", fold_databases="{db}:")
    told = {(entry.db, entry.key): entry.value() for entry in records_of(out.getvalue(), rdbcodec.Entry)}
    assert told == {(0, b"k"): b"zero", (0, b"2:k"): b"two"}


def test_database_0_is_folded_when_that_is_asked_for() -> None:
    out = io.BytesIO()
    done = rdbcodec.convert(TWO_DATABASES, out, fold_databases=Folding("{db}:", zero=True))
    assert [entry.key for entry in records_of(out.getvalue(), rdbcodec.Entry)] == [b"0:k", b"2:k"]
    assert done.renamed == {0: 1, 2: 1}


def test_a_prefix_that_would_throw_databases_together_is_refused() -> None:
    two = snapshot(
        b"\xfe\x01", pair(0, string(b"a"), key=b"a"), b"\xfe\x02", pair(0, string(b"b")), magic=b"REDIS0009"
    )
    with pytest.raises(EncodeError) as caught:
        rdbcodec.convert(two, io.BytesIO(), fold_databases="all:")
    assert str(caught.value) == (
        "the prefix 'all:' has no {db}, and keys of several databases would share it: 1, 2"
    )
    with pytest.raises(EncodeError) as caught:
        rdbcodec.convert(two, io.BytesIO(), fold_databases="{dbb}:")
    assert str(caught.value) == "unknown field {dbb} in the prefix '{dbb}:', there is only {db}"
    assert rdbcodec.convert(TWO_DATABASES, io.BytesIO(), fold_databases="all:").renamed == {2: 1}


def test_keys_that_fold_into_one_are_an_error_that_says_where_they_are() -> None:
    out = io.BytesIO()
    with pytest.raises(EncodeError) as caught:
        rdbcodec.convert(TWO_DATABASES, out, fold_databases="")
    assert str(caught.value) == (
        "the keys at offsets 11 and 21 have the same name once their databases are folded with the prefix ''"
    )
    assert not out.getvalue().endswith(b"\xff")


def test_keys_beyond_the_databases_of_the_target_are_lost() -> None:
    server = rdbcodec.Server.of("redis-6.2", databases=1)
    assert lossy(TWO_DATABASES, server) == [
        "database: 1 x a key in a database the target does not have; first at offset 21, db 2, key b'k'"
    ]
    out = converted(TWO_DATABASES, server)[0]
    assert [(entry.db, entry.key) for entry in records_of(out, rdbcodec.Entry)] == [(0, b"k")]


# --- files ------------------------------------------------------------------------------------------


MANY = 300  # short strings that come in a run
TEXTS = [b"text", b"17", b"caf\xe9 \x81", b"-40000", b"\x81" * 40, b""]


def many_strings(expires_at_ms: int | None = None) -> bytes:
    """Short strings enough for runs, in two databases, and a hash after each hundred."""
    made = io.BytesIO()
    with rdbcodec.create(made, to="redis-6.2") as writer:
        for number in range(2 * MANY):
            text, db = TEXTS[number % len(TEXTS)], 3 * (number // MANY)
            writer.write(b"key:%07d" % number, text, db=db, expires_at_ms=expires_at_ms)
            if number % 100 == 99:
                writer.write(b"hash:%d" % number, {b"field": text}, db=db)
    return made.getvalue()


@pytest.mark.parametrize("expires_at_ms", [None, NOW_MS])
@pytest.mark.parametrize("to", [None, "redis-2.4", "redis-2.8", "redis-8.0", "valkey-9.0", "keydb-6.3"])
def test_keys_copied_many_at_once_are_those_copied_one_by_one(
    to: str | None, expires_at_ms: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = many_strings(expires_at_ms)
    together, apart = io.BytesIO(), io.BytesIO()
    many = rdbcodec.convert(source, together, to=to, allow_loss=True)
    monkeypatch.setattr(Writer, "write_run", lambda *_: False)
    single = rdbcodec.convert(source, apart, to=to, allow_loss=True)
    assert together.getvalue() == apart.getvalue()
    assert (many.keys, many.databases, many.losses) == (single.keys, single.databases, single.losses)


def test_keys_copied_many_at_once_in_a_database_that_is_not_there_are_each_lost() -> None:
    server = rdbcodec.Server.of("redis-6.2").replaced(databases=2)
    done = rdbcodec.convert(many_strings(), io.BytesIO(), to=server, allow_loss=True)
    (loss,) = done.losses
    assert (loss.kind, loss.times, done.keys) == ("database", MANY + 3, MANY + 3)


def test_a_key_that_is_twice_among_many_is_found() -> None:
    many = b"".join(
        b"\0" + string(b"key:%07d" % (number % MANY)) + string(b"x") for number in range(MANY + 1)
    )
    source = snapshot(many)
    with pytest.raises(EncodeError, match="the key is there twice") as caught:
        rdbcodec.convert(source, io.BytesIO(), to="redis-2.8")
    assert caught.value.key == b"key:0000000"


def test_a_refused_conversion_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(LossyConversion):
        rdbcodec.convert(snapshot(EMPTY_STREAM, magic=b"REDIS0009"), tmp_path / "out.rdb", to="redis-4.0")
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_source_leaves_no_file_and_keeps_the_old_one(tmp_path: Path) -> None:
    target = tmp_path / "out.rdb"
    target.write_bytes(b"old")
    with pytest.raises(rdbcodec.Truncated):
        rdbcodec.convert(TWO_DATABASES[:-12], target, to="redis-6.2")
    assert [path.name for path in tmp_path.iterdir()] == ["out.rdb"]
    assert target.read_bytes() == b"old"


def test_an_interrupt_leaves_no_file(tmp_path: Path) -> None:
    def interrupted(entry: rdbcodec.Entry) -> bool:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        rdbcodec.convert(TWO_DATABASES, tmp_path / "out.rdb", keep=interrupted)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("compression", ["gzip", "lz4"])
def test_the_file_can_be_wrapped(compression: Any, tmp_path: Path) -> None:
    target = tmp_path / "out"
    rdbcodec.convert(TWO_DATABASES, target, compression=compression)
    with rdbcodec.open(target) as reader:
        assert len(list(reader)) == 6
        assert [name.lower() for name in reader.containers] == [compression]


def test_a_copy_has_no_checksum_where_the_original_has_none_and_a_conversion_has_one() -> None:
    out = io.BytesIO()
    rdbcodec.convert(TWO_DATABASES, out, to="redis-6.2")
    assert records_of(out.getvalue(), rdbcodec.End)[0].checksum == "ok"
    rdbcodec.convert(TWO_DATABASES, out := io.BytesIO(), to="redis-6.2", checksum=False)
    assert records_of(out.getvalue(), rdbcodec.End)[0].checksum == "disabled"
    rdbcodec.convert(TWO_DATABASES, out := io.BytesIO(), to=rdbcodec.Server.of(version=4))
    assert records_of(out.getvalue(), rdbcodec.End)[0].checksum == "absent"


def test_conversion_is_the_module_behind_the_function() -> None:
    assert rdbcodec.convert is conversion.convert


def test_counts_of_keys_are_copied_while_they_are_true(tmp_path: Path) -> None:
    """Only when a key was dropped is a file written again, without them."""
    source, target = tmp_path / "in.rdb", tmp_path / "out.rdb"
    counts = b"\xfe\x00\xfb\x02\x00"
    whole = snapshot(counts, pair(0, string(b"1"), b"a"), pair(0, string(b"2"), b"b"), magic=b"REDIS0010")
    source.write_bytes(whole)
    rdbcodec.convert(source, target, to="redis-6.2")
    assert [record.keys for record in records_of(target.read_bytes(), rdbcodec.ResizeDb)] == [2]
    source.write_bytes(snapshot(counts, pair(0, string(b"1"), b"a"), EMPTY_STREAM, magic=b"REDIS0010"))
    done = rdbcodec.convert(source, target, to="redis-4.0", allow_loss=True)
    assert records_of(target.read_bytes(), rdbcodec.ResizeDb) == []
    assert (done.keys, [(loss.kind, loss.times) for loss in done.losses]) == (1, [("type-stream", 1)])


# --- KeyDB ------------------------------------------------------------------------------------------


def _remark(name: bytes, value: bytes) -> bytes:
    return b"\xfa" + string(name) + string(value)


STAMP = _remark(b"mvcc-tstamp", b"123")
MEMBER_TTL = _remark(b"keydb-subexpire-key", b"m") + _remark(b"keydb-subexpire-when", b"1700000000000")
EXPIRING = b"\xfc" + (1 << 40).to_bytes(8, "little")
KEYDB = snapshot(
    b"\xfe\0",
    EXPIRING + STAMP + pair(2, b"\x01\x01m", b"a") + MEMBER_TTL,
    STAMP + pair(2, b"\x01\x01m", b"b") + MEMBER_TTL,
    magic=b"REDIS0009",
)


def test_a_copy_of_a_keydb_file_keeps_its_time_stamps_where_they_stand() -> None:
    for keep in (None, Selection().takes):
        out = io.BytesIO()
        rdbcodec.convert(KEYDB, out, keep=keep)
        assert out.getvalue() == KEYDB


@pytest.mark.parametrize("key", [b"a", b"b"])
def test_what_keydb_says_about_a_key_is_left_out_with_it(key: bytes) -> None:
    out = io.BytesIO()
    rdbcodec.convert(KEYDB, out, keep=lambda entry: entry.key == key)
    kept = b"\xfe\0" + EXPIRING * (key == b"a") + STAMP + pair(2, b"\x01\x01m", key) + MEMBER_TTL
    assert out.getvalue() == snapshot(kept, magic=b"REDIS0009")


def _remarks(data: bytes) -> list[bytes]:
    return [record.raw for record in rdbcodec.open(data) if isinstance(record, rdbcodec.Aux)]


def test_keydb_reads_the_time_stamps_of_a_key_that_is_written_anew() -> None:
    out = io.BytesIO()
    done = rdbcodec.convert(KEYDB, out, to="keydb-6.3")
    assert _remarks(out.getvalue()) == _remarks(KEYDB)
    assert not done.hints
    done = rdbcodec.convert(KEYDB, io.BytesIO(), to="redis-7.2", allow_loss=True)
    assert [(loss.kind, loss.times) for loss in (*done.losses, *done.hints)] == [
        ("member-ttl", 2),
        ("aux", 4),
    ]
