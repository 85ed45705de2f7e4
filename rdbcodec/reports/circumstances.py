"""Circumstances as TOML: what was told, and a template of all that can be told."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from rdbcodec.compat.circumstances import FACTS, Circumstances, Fact
from rdbcodec.reports.wrapping import WIDTH, paragraph

# The moment is that of a command, and a SAS comes by its environment variable: its signature is a password.
NOT_KEPT = frozenset({"now_ms", "sas"})
# What a fact of a kind may look like; a word is the first it may be.
_EXAMPLES: Mapping[str, object] = {
    "text": "...",
    "version": "7.2",
    "flag": True,
    "texts": ["shard-1.rdb", "shard-2.rdb"],
    "modules": ["RediSearch", "ReJSON"],
    "number": 2,
    "date": "2024-11-15",
}


def toml(told: Circumstances) -> str:
    """A file of circumstances that says what was told."""
    facts = {name: value for name, value in told.told().items() if name not in NOT_KEPT}
    return "".join(f"{name} = {_toml_value(value)}\n" for name, value in facts.items())


def template() -> Iterator[str]:
    """A file of circumstances with every fact as a comment: what is asked, and what may be answered."""
    yield from ("# Circumstances for rdbcodec compat: take the # from what you know.", "")
    for fact in FACTS:
        if fact.name not in NOT_KEPT:
            choices = f": {', '.join(fact.words)}" if fact.words else ""
            yield from paragraph(fact.question + choices, WIDTH, first="# ", rest="#   ")
            yield from (f"# {fact.name} = {_toml_value(_example(fact))}", "")


def _example(fact: Fact) -> object:
    return fact.words[0] if fact.words else _EXAMPLES[fact.kind]


def _toml_value(value: Any) -> str:
    """TOML writes these as JSON does; but what is not printable has an escape of its own."""
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_toml_value, value))}]"
    text = json.dumps(value, ensure_ascii=False)
    return "".join(char if char.isprintable() else f"\\U{ord(char):08X}" for char in text)
