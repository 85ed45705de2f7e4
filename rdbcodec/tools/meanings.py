"""Bytes and what they mean, and what is read out of those that are numbers."""

from __future__ import annotations

import struct
from collections.abc import Callable

from rdbcodec.named_tuples import NamedTuple
from rdbcodec.structures import stream_node
from rdbcodec.wire import doubles, lengths

SHOWN = 64  # bytes that a Meaning keeps
DAMAGED = "damaged"  # the kind of bytes that mean nothing


Value = bytes | int | float | str | None


class Meaning(NamedTuple):
    """Bytes from `start` up to `end`, and what they are.

    `record` is the offset of the record they belong to. `label` is a path by the names of the framing, `kind`
    says how they are written and `value` what they stand for. `raw`, and a value that is text, are cut after
    some bytes; `size` is that of the whole text. `inside` names what they stand in when they do not stand in
    the file as they are. `note` are words for what follows from the value and others before it.
    """

    record: int
    start: int
    end: int
    label: str
    kind: str
    value: Value
    raw: bytes
    size: int | None = None
    inside: str = ""
    note: str = ""


def value_of(kind: str, raw: bytes) -> Value:
    """What bytes of a kind stand for, if they are no text."""
    return _VALUES.get(kind, _as_it_is)(raw)


def _as_it_is(raw: bytes) -> Value:
    return raw


def _stream_id(raw: bytes) -> Value:
    return str(stream_node.read_id(raw))


def _line(raw: bytes) -> Value:
    return int(raw[1:-2])


_VALUES: dict[str, Callable[[bytes], Value]] = {
    "length": lambda raw: lengths.read(raw, 0)[0],
    "text double": lambda raw: doubles.read_text(raw, 0)[0],
    "u8": lambda raw: raw[0],
    "u32": lambda raw: int.from_bytes(raw, "little"),
    "u32 number": lambda raw: int.from_bytes(raw, "little"),
    "u64": lambda raw: int.from_bytes(raw, "little"),
    "i32": lambda raw: int.from_bytes(raw, "little", signed=True),
    "i64": lambda raw: int.from_bytes(raw, "little", signed=True),
    "f32": lambda raw: float(struct.unpack("<f", raw)[0]),
    "f64": lambda raw: float(struct.unpack("<d", raw)[0]),
    "stream id": _stream_id,
    "resp count": _line,
    "resp size": _line,
}
