"""Plans for tests: made from a small snapshot, with one database, that every target reads."""

from __future__ import annotations

import calendar
from pathlib import Path
from typing import Any

from rdbcodec.compat.azure.case import Names
from rdbcodec.compat.azure.plan import Plan, plan
from rdbcodec.compat.azure.shells import Shell, line
from rdbcodec.compat.azure.step import Step
from rdbcodec.compat.circumstances import Circumstances
from rdbcodec.compat.target import find, targets
from rdbcodec.facts.profile import profile_of

ROOT = Path(__file__).parents[2]
SNAPSHOTS = ROOT / "fixtures" / "snapshots"
LRU = SNAPSHOTS / "redis-6.2.16-lru.rdb"  # 24 keys, 4 with an expiry; 548 bytes, no whole pages
DATA = LRU.read_bytes()
NOW_MS = calendar.timegm((2026, 11, 22, 18, 0, 0)) * 1000

LIVE = [name for name, target in targets().items() if target.status != "retired"]
MANAGED = [name for name in LIVE if name.startswith("amr-")]
ENTERPRISE = [name for name in LIVE if name.startswith("acr-enterprise")]
PREMIUM = [name for name in LIVE if name.startswith("acr-premium")]
NO_IMPORT = [name for name in LIVE if name.startswith(("acr-basic", "acr-standard"))]

# What makes every question of storage and target one with a harmless answer.
TOLD: dict[str, Any] = {
    "blob_type": "block",
    "source_kind": "save",
    "source_tier": "other",
    "cache_region": "westeurope",
    "storage_region": "westeurope",
    "cache_subscription": "s1",
    "storage_subscription": "s1",
    "firewall": False,
    "private_endpoint": False,
    "target_empty": True,
    "clustered": False,
    "sku": "B10",
    "authentication": "access-key",
}


def planned(
    target: str = "amr-balanced-7.4",
    *files: tuple[str, bytes],
    names: Names = Names(),  # noqa: B008 - a tuple
    although: bool = False,
    tails: bool = False,
    **told: object,
) -> Plan:
    """The plan for files, one by default, with these circumstances."""
    profiles = {name: profile_of(data, now_ms=NOW_MS) for name, data in files or (("dump.rdb", DATA),)}
    circumstances = Circumstances(now_ms=NOW_MS).merged(told)
    return plan(profiles, find(target), circumstances, names, although=although, tails=tails)


def exported(
    target: str = "amr-balanced-7.4",
    names: Names = Names(),  # noqa: B008 - a tuple
    **told: object,
) -> Plan:
    """The plan for an export."""
    return plan({}, find(target), Circumstances(now_ms=NOW_MS, operation="export").merged(told), names)


def step(found: Plan, kind: str) -> Step:
    """The one step of a kind."""
    (one,) = (step for step in found.steps if step.kind == kind)
    return one


def kinds(found: Plan) -> list[str]:
    """What the steps are, in order."""
    return [step.kind for step in found.steps]


def commands(found: Plan, kind: str, shell: Shell = "bash") -> list[str]:
    """The commands of a step, a line each."""
    return [line(command, shell) for command in step(found, kind).commands if command.is_for(shell)]
