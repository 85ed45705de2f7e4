"""Real servers agree with the table of traits: each is started with a snapshot that has the trait."""

from __future__ import annotations

from pathlib import Path

import pytest
from odd import ODD
from servers import SERVERS
from test_compat_servers import keys_loaded
from test_integrity import FOUND, facts_of

from rdbcodec.compat.target import find
from rdbcodec.compat.verdict import check
from rdbcodec.integrity.traits import TRAITS


def _shown() -> list[str]:
    """The first two snapshots of each trait, and all that have none; a field that expired is not there."""
    times = dict.fromkeys(TRAITS, 0)
    chosen = []
    for name, traits in FOUND.items():
        if name != "hash-ttl-valkey zero" and (not traits or min(times[trait] for trait in traits) < 2):
            chosen.append(name)
        for trait in traits:
            times[trait] += 1
    return chosen


@pytest.mark.parametrize("server", SERVERS)
def test_server_does_what_the_verdict_says(server: str, tmp_path: Path) -> None:
    """ "yes" loads every key but those it is said to leave out; "no" and "after conversion" do not load."""
    wrong = []
    for at, name in enumerate(_shown()):
        facts = facts_of(ODD[name])
        verdict = check(facts, find(server))
        loads = verdict.loads
        if loads == "unknown":
            continue
        skipped = facts.oddities["empty"].count if facts.oddities and "empty" in facts.oddities else 0
        expected = facts.keys - skipped if loads == "yes" else None
        if "G-ODD-LOST" in {finding.id for finding in verdict.findings}:
            expected = 0
        loaded = keys_loaded(server, ODD[name], tmp_path / str(at))
        if loaded != expected:
            wrong.append((name, loads, expected, loaded))
    assert wrong == []
