"""Does the data fit: as counted, as used by the writer, by the size on disk; files of one import together."""

from __future__ import annotations

import dataclasses
import io
import json

import pytest
from judging import NOW, facts_of, used, written_by

import rdbcodec
from rdbcodec.compat.circumstances import Circumstances
from rdbcodec.compat.need import Need, need_of
from rdbcodec.compat.rule import Case
from rdbcodec.compat.target import Target, find
from rdbcodec.compat.verdict import Verdict, check, check_import
from rdbcodec.facts.profile import Profile, profile, profile_of

AMR = find("amr-balanced-7.4")
MIB, GIB = 1 << 20, 1 << 30


def of_mib(mib: float) -> Target:
    """The Balanced tier, with one SKU more that leaves so many MiB for data."""
    return dataclasses.replace(AMR, sizes={"B0": mib / 1024 / AMR.usable, "B1": 1.0})


def needs(facts: Profile, *others: Profile, target: str = "amr-balanced-7.4") -> Need:
    return need_of(Case(facts, Circumstances(), find(target), others))


def of_memory(verdict: Verdict) -> list[tuple[str, str, str | None]]:
    return [(one.severity, one.says, one.remedy) for one in verdict.findings if one.id == "AZ-MEM"]


def json_strings(count: int, *, size: int = 1300) -> bytes:
    """Documents that LZF makes a tenth of, as an old server writes them: nothing tells what they used."""
    text = json.dumps([{"id": 1, "name": "a name", "ok": True}] * (size // 40)).encode()
    made = io.BytesIO()
    with rdbcodec.create(made, to="redis-2.8") as writer:
        for number in range(count):
            writer.write(b"doc:%06d" % number, text + b"%06d" % number)
    return made.getvalue()


DOCUMENTS = json_strings(2000)


@pytest.mark.parametrize("memory", [True, False])
def test_compressed_documents_are_never_said_to_fit_where_they_do_not(*, memory: bool) -> None:
    """2,000 documents of 1.3 KB are 2.5 MB and more, in a file a tenth of that."""
    assert len(DOCUMENTS) < 300_000
    with rdbcodec.open(DOCUMENTS) as reader:
        facts = profile(reader, now_ms=NOW, values=True, duplicates=True, memory=memory)
    assert needs(facts).at_most > 2000 * 1300
    verdict = check(facts, of_mib(2.2), Circumstances(sku="B0"))
    assert verdict.loads == ("no" if memory else "unknown")


def test_what_fits_is_named_and_what_does_not_says_how_much_it_needs() -> None:
    verdict = check(profile_of(DOCUMENTS, now_ms=NOW), of_mib(2.2), Circumstances(sku="B0"))
    assert of_memory(verdict) == [
        (
            "blocker",
            "the data needs 2.6 to 4.6 MiB, and B0 leaves 2.2 MiB for it",
            "choose B1, the smallest SKU of this tier that has room",
        )
    ]


def test_files_of_one_import_are_in_the_cache_together() -> None:
    """Two shards of 300 MiB each do not fit into the 429 MB that B0 leaves."""
    shards = [facts_of(used(300 * MIB)).replace() for _ in range(2)]
    told = Circumstances(sku="B0")
    assert [check(shard, AMR, told).loads for shard in shards] == ["yes", "yes"]
    together = check_import(shards, AMR, told)
    assert [verdict.loads for verdict in together] == ["no", "no"]
    assert of_memory(together[0]) == [
        (
            "blocker",
            "the data of all 2 files needs 558.0 to 642.0 MiB, and B0 leaves 409.6 MiB for it",
            "choose B1, the smallest SKU of this tier that has room",
        )
    ]


@pytest.mark.parametrize(
    ("writer", "version", "target", "measured"),
    [
        (b"7.4.1", 12, "amr-balanced-7.4", (0.94, 1.0)),
        (b"8.10.2", 15, "amr-balanced-7.4", (1.02, 1.35)),  # integers
        (b"7.4.1", 12, "redis-8.10", (0.65, 0.97)),
        (b"8.10.2", 15, "redis-8.10", (0.9, 1.0)),
    ],
)
def test_another_engine_needs_another_share_of_what_the_writer_used(
    writer: bytes, version: int, target: str, measured: tuple[float, float]
) -> None:
    facts = facts_of(written_by(writer, version)).replace(aux={})
    facts.aux = {**facts_of(written_by(writer, version)).aux, **facts_of(used(GIB)).aux}
    need, (low, high) = needs(facts, target=target), measured
    assert need.at_least / GIB <= max(low, 0.94)
    assert need.at_most / GIB >= high


def test_valkey_9_needs_much_more_in_redis_7_4() -> None:
    facts = facts_of(used(GIB)).replace(version=80, magic=b"VALKEY080")
    assert needs(facts).at_most >= 1.62 * GIB


def test_what_was_counted_is_believed_unless_the_writer_used_a_multiple() -> None:
    counted = profile_of(used(40 * GIB), now_ms=NOW)
    assert counted.memory is not None
    assert needs(counted).at_least > 37 * GIB
    assert needs(profile_of(used(40 * MIB), now_ms=NOW)).at_most < 2 * MIB


def test_40_gib_into_b10_is_no_and_the_sku_that_fits_is_named() -> None:
    verdict = check(facts_of(used(40 * GIB)), AMR, Circumstances(sku="B10"))
    assert of_memory(verdict) == [
        (
            "blocker",
            "the data needs 37.2 to 42.8 GiB, and B10 leaves 9.6 GiB for it",
            "choose B50, the smallest SKU of this tier that has room",
        )
    ]


def test_a_need_of_several_units_names_both() -> None:
    assert Need(900 * MIB, 2 * GIB).words == "900.0 MiB to 2.0 GiB"
    assert Need(GIB, GIB).words == "1.0 GiB"
