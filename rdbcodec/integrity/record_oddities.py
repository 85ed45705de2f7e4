"""What is odd about records that are no values: function libraries, templates, remarks, metadata of keys."""

from __future__ import annotations

import re
from collections.abc import Iterator

from rdbcodec.datatypes.odd import Oddity
from rdbcodec.formats import OPCODES
from rdbcodec.framing import compile_walk
from rdbcodec.records import AttributedEntry, Aux, Function, HashTemplate, Record
from rdbcodec.records.attributes import EXPIRY_MINUS_1, EXPIRY_TWICE
from rdbcodec.records.libraries import flaw
from rdbcodec.wire import lengths

_NO_TEMPLATE = (1 << 64) - 1
_MOST_CLASSES = 7  # of key metadata: the slots a server has
_ATTRIBUTES = {row.code: row for row in OPCODES if row.dialect == "redis" and row.code >= 243}
_KEY_META = 243
# What Valkey reads; it asks for no end behind that.
_SLOT_INFO = rb"\s*([-+]?\d+),\s*[-+]?\d+,\s*[-+]?\d+"
_SLOTS, _DIGITS = 1 << 14, 5
_DISPUTED = {EXPIRY_TWICE: "expiry-twice", EXPIRY_MINUS_1: "expiry-minus-1"}


def record_oddities(record: Record) -> Iterator[Oddity]:
    """What is odd about a record other than an entry."""
    if isinstance(record, Function):
        yield from _in_function(record)
    elif isinstance(record, HashTemplate) and record.id == _NO_TEMPLATE:
        yield Oddity("template-id", "")
    elif isinstance(record, Aux) and record.name == b"slot-info":
        yield from _in_slot_info(record.value)


def _in_slot_info(text: bytes) -> Iterator[Oddity]:
    found = re.match(_SLOT_INFO, text)
    if found is None:
        yield Oddity("slot-info", "")
    elif not _is_slot(found[1]):
        yield Oddity("slot-number", "")


def _is_slot(number: bytes) -> bool:
    """Whether a cluster has the slot. (Of thousands of digits Python makes no number.)"""
    digits = number.lstrip(b"+-").lstrip(b"0")
    return not digits or (number[:1] != b"-" and len(digits) <= _DIGITS and int(digits) < _SLOTS)


def _in_function(record: Function) -> Iterator[Oddity]:
    found = flaw(record.code) if record.name is None else None  # before 7.0 the name stood beside the code
    if found is not None:
        yield Oddity(found.trait, "")


def attribute_oddities(entry: AttributedEntry) -> Iterator[Oddity]:
    """What is odd about the expiries of a key, and about the metadata modules gave to it."""
    if entry.disputed is not None:
        yield Oddity(_DISPUTED[entry.disputed], "")
    if entry.meta is None:
        return
    count, _ = lengths.read(entry.meta, 1)
    if count > _MOST_CLASSES:
        yield Oddity("key-meta-count", f"there are {count}")
    if entry.is_meta_apart:
        yield Oddity("key-meta-place", "")
    else:
        yield from _in_place(entry.attribute_bytes)


def _in_place(raw: bytes) -> Iterator[Oddity]:
    """Metadata must be the last of a key's attributes, and there once."""
    pos = 0
    while pos < len(raw):
        row = _ATTRIBUTES.get(raw[pos])
        if row is None:
            return
        end = compile_walk(row.framing, {})(raw, pos + 1)
        if row.code == _KEY_META and end < len(raw):
            yield Oddity("key-meta-place", "")
            return
        pos = end
