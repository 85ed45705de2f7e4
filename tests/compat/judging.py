"""What the tests of the rules share: small snapshots, circumstances, and a row for both sides of a rule.

A `Sides` row names a rule, the section its sentence stands in, a case the rule speaks of, what it says
there, and a case that differs in the one thing the rule asks for, of which it says nothing.
"""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any, NamedTuple

import rdbcodec
from rdbcodec.compat.circumstances import Circumstances
from rdbcodec.compat.rule import Finding
from rdbcodec.compat.target import Target, find
from rdbcodec.compat.verdict import Verdict, check
from rdbcodec.errors import UnsupportedVersion
from rdbcodec.facts.profile import Profile, header_profile, profile
from rdbcodec.wire import lengths
from rdbcodec.wire.module_ids import ModuleId, encode_module_id

SNAPSHOTS = Path(__file__).parents[2] / "fixtures" / "snapshots"
NOW = 1795355656000  # 2026-11-22T17:54:16Z, within a minute of the making of the fixtures
GIB = 1 << 30


class Side(NamedTuple):
    """A snapshot (bytes, or the name of a fixture), where it shall go, what is told besides."""

    target: str | Target
    data: bytes | str
    told: dict[str, Any]
    changes: dict[str, Any]


class Sides(NamedTuple):
    """Both sides of a rule; `says` is its whole sentence on the side where it speaks."""

    rule: str
    section: str
    fires: Side
    says: str
    silent: Side
    severity: str | None = None

    @property
    def id(self) -> str:
        """For pytest: the rule and what it says."""
        return f"{self.rule}-{self.says[:60]}"


def side(
    target: str | Target, data: bytes | str = "", *, changes: dict[str, Any] | None = None, **told: Any
) -> Side:
    """A case; without data a snapshot of Redis 6.2 with one key."""
    return Side(target, data or PLAIN, told, changes or {})


@functools.cache
def facts_of(data: bytes | str) -> Profile:
    """The profile of a snapshot, taken once."""
    source = SNAPSHOTS / f"{data}.rdb" if isinstance(data, str) else data
    with rdbcodec.open(source) as reader:
        try:
            return profile(reader, now_ms=NOW, duplicates=True, values=True)
        except UnsupportedVersion as error:
            return header_profile(reader, error, now_ms=NOW)


def judged(case: Side) -> Verdict:
    """The verdict of a case."""
    facts = facts_of(case.data).replace(**case.changes)
    target = find(case.target) if isinstance(case.target, str) else case.target
    return check(facts, target, Circumstances(**case.told))


def findings_of(case: Side, rule: str) -> list[Finding]:
    """What one rule says of a case."""
    return [finding for finding in judged(case).findings if finding.id == rule]


def questions_of(case: Side) -> dict[str, tuple[str, ...]]:
    """What a verdict asks, and the rules that want to know."""
    return {question.fact: question.rules for question in judged(case).questions}


# --- snapshots --------------------------------------------------------------------------------------


def file(*records: bytes, version: int = 9, magic: bytes = b"REDIS") -> bytes:
    """A snapshot with the checksum switched off."""
    digits = b"%04d" if magic == b"REDIS" else b"%03d"
    return magic + digits % version + b"".join(records) + b"\xff" + (bytes(8) if version > 4 else b"")


def key(name: bytes = b"k", code: int = 0, value: bytes = b"\x01v") -> bytes:
    """A key record, by default a string."""
    return bytes((code, len(name))) + name + value


def string(text: bytes) -> bytes:
    """A plain STRING."""
    return lengths.encode(len(text)) + text


def aux(name: bytes, value: bytes) -> bytes:
    """An AUX field."""
    return b"\xfa" + string(name) + string(value)


def db(number: int) -> bytes:
    """SELECTDB."""
    return b"\xfe" + lengths.encode(number)


def module(name: str, version: int = 0) -> bytes:
    """A key of a module with an empty value."""
    return key(b"m", 7, lengths.encode(encode_module_id(ModuleId(name, version))) + b"\x00")


def used(memory: int, *records: bytes, version: int = 9) -> bytes:
    """A snapshot whose writer used so much memory."""
    return file(aux(b"used-mem", b"%d" % memory), *(records or (key(),)), version=version)


def written_by(release: bytes, version: int) -> bytes:
    """A snapshot of a Redis release."""
    return file(aux(b"redis-ver", release), key(), version=version)


PLAIN = file(key())
FUNCTION = b"\xf5" + string(b"#!lua name=lib\n")
SLOT_INFO = b"\xf4\x01\x01\x00"
EMPTY_AUX = bytes.fromhex("f7817edfe29dd7b1d0170201020000")  # of ft_index0, as Redis Stack 7.4 writes it
FREQ, IDLE = b"\xf9\x05", b"\xf8\x05"
EXPIRED = b"\xfc" + (1).to_bytes(8, "little")
TWO_DATABASES = file(db(0), key(), db(3), key(b"a"), key(b"b"))
SET_LISTPACK = key(b"s", 20, string(b"\x0a\x00\x00\x00\x01\x00\x81a\x02\xff"))
