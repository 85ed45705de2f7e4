"""Real servers agree with the table of traits: each is given snapshots that have the trait."""

from __future__ import annotations

from pathlib import Path

import pytest
from odd import ODD
from servers import SERVERS, Pool
from test_compat_servers import keys_loaded, keys_reloaded
from test_integrity import FOUND, facts_of

from rdbcodec.compat.target import find
from rdbcodec.compat.verdict import Verdict, check
from rdbcodec.facts.profile import Profile
from rdbcodec.integrity.traits import TRAITS


def _shown(turn: int) -> list[str]:
    """A snapshot of each trait, where two have it the one and the other in turn, and all that have none.

    A field that expired is not there.
    """
    names = [name for name in FOUND if name != "hash-ttl-valkey zero"]
    having = [[name for name in names if trait in FOUND[name]] for trait in TRAITS]
    chosen = {some[turn % min(len(some), 2)] for some in having if some}
    return [name for name in names if name in chosen or not FOUND[name]]


def _expected(facts: Profile, verdict: Verdict) -> int | None:
    """The keys that the server has then; None when it refuses the file."""
    if "G-ODD-LOST" in {finding.id for finding in verdict.findings}:
        return 0
    skipped = facts.oddities["empty"].count if facts.oddities and "empty" in facts.oddities else 0
    return facts.keys - skipped if verdict.loads == "yes" else None


def _loaded(server: str, name: str, trusting: Pool, folder: Path) -> int | None:
    """The keys of a server that was told to load a snapshot; only at a start does it look at expiries."""
    if "ttl" in name or "expire" in name:
        return keys_loaded(server, ODD[name], folder / name)
    return keys_reloaded(trusting, server, ODD[name])


@pytest.mark.parametrize("server", SERVERS)
def test_server_does_what_the_verdict_says(server: str, trusting: Pool, tmp_path: Path) -> None:
    """ "yes" loads every key but those it is said to leave out; "no" and "after conversion" do not load.

    A server ends itself when it refuses a file: it is given one such file of each trait.
    """
    wrong = []
    refused: set[str] = set()
    for name in _shown(list(SERVERS).index(server)):
        facts = facts_of(ODD[name])
        verdict = check(facts, find(server))
        expected = _expected(facts, verdict)
        traits = set(FOUND[name])
        if verdict.loads == "unknown" or (expected is None and traits and traits <= refused):
            continue
        if expected is None:
            refused |= traits
        loaded = _loaded(server, name, trusting, tmp_path)
        if loaded != expected:
            wrong.append((name, verdict.loads, expected, loaded))
    assert wrong == []
