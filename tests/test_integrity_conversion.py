"""Odd and damaged values in conversions: mended, refused, or left out and counted; never passed on unsaid."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from cases import every
from odd import ODD
from test_integrity import FOUND, facts_of

import rdbcodec
from rdbcodec import Entry, LossyConversion
from rdbcodec.compat.target import find
from rdbcodec.compat.verdict import check
from rdbcodec.integrity import oddities
from rdbcodec.integrity.traits import TRAITS
from rdbcodec.writing.conversion import convert
from rdbcodec.writing.result import Conversion

TARGETS = (
    "redis-6.2",
    "redis-7.0",
    "redis-7.2",
    "redis-8.2",
    "redis-8.10",
    "valkey-8.0",
    "valkey-8.1",
    "valkey-9.1",
)


def converted(data: bytes, target: str, **options: bool) -> tuple[bytes, Conversion]:
    out = io.BytesIO()
    done = convert(data, out, to=target, **options)  # type: ignore[arg-type]
    return out.getvalue(), done


def kinds(data: bytes, target: str) -> tuple[list[str], list[str]]:
    """The kinds of data and of hints that are lost when that is allowed."""
    _, done = converted(data, target, allow_loss=True)
    return [loss.kind for loss in done.losses], [loss.kind for loss in done.hints]


@every(
    ("name", "target", "data", "hints"),
    [
        ("hash-listpack total", "redis-7.2", ["damaged"], []),
        ("hash-listpack back-length", "valkey-9.1", ["damaged"], []),
        ("hash-listpack back-length", "redis-7.2", ["damaged"], []),  # it loads there, and ends it when used
        ("hash-listpack twice", "redis-7.2", [], []),  # it loads there
        ("hash-listpack twice", "valkey-9.1", ["damaged"], []),
        ("lzf reference", "redis-7.2", ["damaged"], []),
        ("set empty", "redis-6.2", ["empty"], []),
        ("stream length high", "redis-8.10", [], ["stream-length"]),
        ("stream length high", "redis-8.2", [], []),
        ("stream length empty", "redis-7.0", [], ["stream-length"]),
        ("stream added low", "redis-8.10", [], ["entries-added"]),
        ("stream entries read", "redis-8.10", [], ["entries-read"]),
        ("stream entries read", "redis-8.4", [], ["entries-read"]),  # nobody knows; mending does no harm
        ("stream entries read", "redis-8.2", [], []),
        ("stream consumer twice", "redis-7.2", ["damaged"], []),
        ("stream pending without consumer", "valkey-9.1", ["nacked"], []),
        ("hash-listpack-ttl order", "redis-8.2", [], ["field-order"]),
        ("hash-ttl over", "redis-8.2", ["damaged"], []),
        ("length 64", "redis-3.2", [], ["length-form"]),
        ("template id 2^64-1", "redis-8.10", [], ["template"]),
        ("meta not ignorable", "redis-8.10", ["key-metadata"], []),
        ("meta 8", "redis-8.10", ["key-metadata"], []),
        ("meta twice", "redis-8.10", [], ["order"]),
        ("expire twice", "redis-8.10", [], ["expiry-form"]),
        ("expire twice", "redis-7.2", [], []),
        ("expire at -1", "redis-8.10", [], ["expiry-form"]),
        ("meta then expire", "redis-8.10", [], ["order"]),
    ],
)
def test_what_the_target_refuses_is_mended_or_counted_as_lost(
    name: str, target: str, data: list[str], hints: list[str]
) -> None:
    assert kinds(ODD[name], target) == (data, hints)


def test_damaged_value_is_refused_by_default_with_its_place() -> None:
    with pytest.raises(LossyConversion) as caught:
        converted(ODD["hash-listpack total"], "redis-7.2")
    (loss,) = caught.value.losses
    assert (loss.kind, loss.offset, loss.db, loss.key) == ("damaged", 9, 0, b"k")


def test_file_with_a_damaged_value_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(LossyConversion):
        convert(ODD["lzf reference"], tmp_path / "out.rdb", to="redis-7.2")
    assert list(tmp_path.iterdir()) == []


def test_damaged_value_is_left_out_when_losses_are_allowed() -> None:
    data, done = converted(ODD["hash-listpack total"], "redis-7.2", allow_loss=True)
    with rdbcodec.open(data) as reader:
        assert [record.key for record in reader if isinstance(record, rdbcodec.Entry)] == []
    assert done.keys == 0


def test_mended_stream_keeps_its_entries_and_its_groups() -> None:
    data, _ = converted(ODD["stream entries read"], "redis-8.10")
    with rdbcodec.open(data) as reader:
        (entry,) = (record for record in reader if isinstance(record, rdbcodec.Entry))
        value = entry.value_as(rdbcodec.Stream)
    assert (len(value.entries), value.length, value.entries_added) == (2, 2, 2)
    assert [(group.name, group.entries_read) for group in value.groups] == [(b"g", 2)]


def test_mended_hash_keeps_its_fields_in_order_of_expiry() -> None:
    data, _ = converted(ODD["hash-listpack-ttl none first"], "redis-8.2")
    with rdbcodec.open(data) as reader:
        (entry,) = (record for record in reader if isinstance(record, rdbcodec.Entry))
        value = entry.value_as(rdbcodec.Hash)
    assert list(value.items()) == [(b"b", b"v"), (b"a", b"v")]
    assert value.expires_at_ms == {b"b": 2145916800000}


def test_without_a_look_values_are_copied_as_they_are() -> None:
    data = ODD["hash-listpack total"]
    out, _ = converted(data, "redis-7.0", look=False)
    with rdbcodec.open(out) as reader, rdbcodec.open(data) as original:
        assert [record.raw for record in reader if isinstance(record, rdbcodec.Entry)] == [
            record.raw for record in original if isinstance(record, rdbcodec.Entry)
        ]


@pytest.mark.parametrize("name", ["hash-listpack total", "lzf reference", "stream length high", "set empty"])
def test_plain_copy_is_as_good_or_bad_as_its_original(name: str) -> None:
    out = io.BytesIO()
    convert(ODD[name], out)
    assert out.getvalue() == ODD[name]


@pytest.mark.parametrize(
    "name", ["stream length high", "stream entries read", "hash-listpack total", "lzf reference"]
)
def test_value_that_passes_by_is_mended_or_refused_too(name: str) -> None:
    out = io.BytesIO()
    with rdbcodec.open(ODD[name], max_value=64) as reader:
        done = convert(reader, out, to="redis-8.10", allow_loss=True)
    expected, hints = kinds(ODD[name], "redis-8.10")
    assert ([loss.kind for loss in done.losses], [loss.kind for loss in done.hints]) == (expected, hints)
    assert facts_of(out.getvalue()).oddities == {}


@every("name", FOUND)
def test_nothing_is_converted_that_its_target_refuses(name: str) -> None:
    """What is written has no trait left that the target is known to refuse."""
    for target in TARGETS:
        try:
            data, _ = converted(ODD[name], target, allow_loss=True)
        except rdbcodec.RdbError:
            continue  # refused altogether
        product, _, release = target.partition("-")
        left = [TRAITS[trait] for trait in facts_of(data).oddities or ()]
        effects = {trait.name: trait.effect(product, release) for trait in left if trait.repair != "none"}
        assert set(effects.values()) <= {"loads"}, (target, effects)


@every("name", ODD)
def test_a_value_that_decoding_finds_sound_has_nothing_odd_about_it(name: str) -> None:
    try:
        entries = [record for record in rdbcodec.open(ODD[name]) if isinstance(record, Entry)]
    except rdbcodec.RdbError:
        return  # no value to look at
    sound = [entry for entry in entries if oddities.sound_value(entry) is not None]
    assert [oddities.oddities(entry) for entry in sound] == [[] for _ in sound]


@every("name", FOUND)
def test_verdict_and_conversion_agree(name: str) -> None:
    """Where the verdict promises a conversion without loss there is one, and it is judged to load."""
    facts = facts_of(ODD[name])
    for target in map(find, TARGETS):
        if check(facts, target).loads == "after-conversion":
            data, done = converted(ODD[name], target.id)
            assert done.losses == [], target.id
            assert check(facts_of(data), target).loads == "yes", target.id
