"""The rules about the life of targets, each on both sides of its condition."""
# ruff: noqa: E501 - a table

from __future__ import annotations

import dataclasses
from datetime import date, datetime, timezone

import pytest
from cases import every
from judging import Sides, file, judged, key, side

from rdbcodec.compat.target import Target, facts_age, find, targets

OWN = find("redis-7.2")
ENDING = dataclasses.replace(OWN, id="our-cache", status="retiring 2027-06-30")
GONE = dataclasses.replace(OWN, id="our-cache", status="retired", life="switched off in May")
LATER = 1814400000000  # 2027-07-01T00:00Z, the day after
BSP = "Basic, Standard and Premium are turned off on 2028-10-01; since 2026-04-01 nobody new gets one"
DOUBT = "that P3 has 26 GB is remembered of a price list which was not read anew"

# fmt: off
SIDES: list[Sides] = [
    Sides("LIFE-RETIRING", "a target of one's own", side(ENDING), "Redis 7.2 retires on 2027-06-30", side(OWN)),
    Sides("LIFE-ENDED", "a target of one's own", side(ENDING, now_ms=LATER), "Redis 7.2 retired on 2027-06-30", side(ENDING)),
    Sides("LIFE-RETIRED", "a target of one's own", side(GONE), "Redis 7.2 is retired: switched off in May", side(OWN)),
    Sides("LIFE-PREVIEW", "release notes", side("redis-8.12"), "Redis 8.12 is a preview: a release candidate of 2026-10", side("redis-8.10")),
    Sides("AZ-RETIRING", "lifecycle", side("acr-premium-6.0"), f"Azure Cache for Redis 6.0, Premium retires on 2028-09-30: {BSP}", side("acr-premium-4.0")),
    Sides("AZ-RETIRING", "lifecycle", side("acr-enterprise-7.2"), "Azure Cache for Redis 7.2, Enterprise retires on 2027-03-31: new ones are refused since 2026-04-01, and those left on 2027-03-31 are moved to Azure Managed Redis", side("amr-balanced-7.4")),
    Sides("AZ-RETIRED", "retired features", side("acr-premium-4.0"), "Azure Cache for Redis 4.0, Premium is retired: Redis 4 went on 2023-06-30: caches of it were upgraded to Redis 6", side("acr-premium-6.0")),
    Sides("AZ-RETIRED-ENT", "versions", side("acr-enterprise-6.0"), "Azure Cache for Redis 6.0, Enterprise is retired: the Enterprise tiers run Redis 7.2", side("acr-enterprise-7.2")),
    Sides("RC-RETIRING", "version management", side("redis-cloud-essentials-8.0"), "Redis Cloud 8.0, Essentials retires on 2026-12-01: not to be had for new databases; its end of life is 2026-12-01", side("redis-cloud-essentials-8.2")),
    Sides("AZ-AMR-72", "version table", side("amr-balanced-7.2"), "no page has an instance of Azure Managed Redis on 7.2 any more; they run 7.4", side("amr-balanced-7.4")),
    Sides("AZ-SIZE-DOUBT", "memory of the SKUs", side("acr-premium-6.0", sku="P3"), DOUBT, side("acr-premium-6.0", sku="P2")),
]
# fmt: on


@every(
    "target", [row for row in targets().values() if row.status.startswith("retir")], ids=lambda row: row.id
)
def test_every_verdict_says_that_its_target_retires(target: Target) -> None:
    ends = [finding for finding in judged(side(target)).findings if "retire" in finding.says]
    assert len(ends) == 1
    assert (target.status == "retired") == (ends[0].severity == "blocker")
    assert target.status.partition(" ")[2] in ends[0].says


def test_of_a_retired_target_the_answer_is_no() -> None:
    assert judged(side("acr-premium-4.0")).loads == "no"


def test_redis_4_was_gone_before_the_page_of_2024_and_enterprise_6_was_not() -> None:
    def ids(target: str) -> set[str]:
        return {finding.id for finding in judged(side(target, as_of="2024-11-15")).findings}

    assert "AZ-RETIRED" in ids("acr-premium-4.0")
    assert "AZ-RETIRED-ENT" not in ids("acr-enterprise-6.0")
    assert "AZ-AMR-72" not in ids("amr-balanced-7.2")


def today() -> date:
    return datetime.now(timezone.utc).date()


def test_no_fact_is_older_than_twelve_months() -> None:
    """Read the sources of these targets anew, and set `checked` in `compat/known/`."""
    assert [f"{age.id}: checked on {age.checked}" for age in facts_age(today()) if age.days > 365] == []


def test_a_day_of_retirement_that_is_a_year_past_has_become_a_status() -> None:
    """Read what became of these targets, and set `status` in `compat/known/`."""
    ending = {row.id: row.status.partition(" ")[2] for row in targets().values()}
    late = {id: day for id, day in ending.items() if day and (today() - date.fromisoformat(day)).days > 365}
    assert late == {}


def test_on_its_last_day_a_target_is_still_there_and_on_the_next_it_is_not() -> None:
    def loads(day: str) -> str:
        return judged(side("redis-cloud-essentials-8.0", file(key(), version=12), as_of=day)).loads

    assert loads("2026-12-01") == "yes"
    assert loads("2026-12-02") == "no"


@pytest.mark.parametrize("target", ["redis-7.2", "valkey-8.1", "redis-7.0"])
def test_what_a_server_refuses_it_refused_in_2024_as_well(target: str) -> None:
    today, then = (judged(side(target, "redis-7.4.1-hfe", as_of=day)) for day in (None, "2024-11-15"))
    assert then.loads == today.loads == "no"
    blockers = [
        [finding for finding in one.findings if finding.severity == "blocker"] for one in (then, today)
    ]
    assert blockers[0] == blockers[1] != []
