"""Hashes by template: servers want the fields in order, so in disguise they, and their values, are put in
order.

A unit is a part of the value by its label, already masked.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from rdbcodec.structures import listpack
from rdbcodec.structures.parts import ELEMENT
from rdbcodec.wire import lengths, strings
from rdbcodec.wire.strings import Budget

Unit = tuple[str, bytes]
_NUMBERED = re.compile(r"(?:fields|values)\[\d+\]").fullmatch


def order_of(fields: Sequence[bytes]) -> list[int]:
    """Which of the fields comes first, which second."""
    return sorted(range(len(fields)), key=lambda at: (len(fields[at]), fields[at]))


def fields_in(units: Sequence[Unit]) -> list[bytes]:
    """The fields that stand in the value itself."""
    fields = [strings.read(raw, 0, Budget())[0] for label, raw in units if label.startswith("fields[")]
    for label, raw in units:
        if label == "fields_listpack":
            fields = listpack.decode(strings.read(raw, 0, Budget())[0])
    return fields


def template_id(units: Sequence[Unit]) -> int:
    """The template that a value refers to."""
    label, raw = units[0]
    if label == "template_id":
        return lengths.read(raw, 0)[0]
    return int(listpack.decode(strings.read(raw, 0, Budget())[0])[0])


def ordered(units: Sequence[Unit], order: Sequence[int]) -> bytes:
    """The value with its fields and its values in this order."""
    made = []
    for what in ("fields[", "values["):
        numbered = [raw for label, raw in units if label.startswith(what)]
        made += [numbered[at] for at in order] if numbered else []
    loose = iter(made)
    return b"".join(next(loose) if _NUMBERED(label) else _packed(label, raw, order) for label, raw in units)


def _packed(label: str, raw: bytes, order: Sequence[int]) -> bytes:
    """A listpack of fields, or of a template's ID and values, in this order."""
    if not label.endswith("listpack"):
        return raw
    blob, _ = strings.read(raw, 0, Budget())
    parts = list(listpack.parts(blob))
    elements = [blob[part.start : part.end] for part in parts if part.label == ELEMENT]
    first = [] if label == "fields_listpack" else elements[:1]
    rest = elements[len(first) :]
    made = b"".join([blob[:6], *first, *(rest[at] for at in order), b"\xff"])
    return strings.encode(made) if raw[0] == strings.LZF else lengths.encode(len(made)) + made
