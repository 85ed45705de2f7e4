"""The usual nodes of a stream as patterns, so that C counts their entries: no text nor number is made.

They match what listpack.py decodes without an error: integers, texts of fewer than 64 bytes, each with its
back-length. What they do not match may be sound as well, and is for the decoder. To make the patterns takes
some milliseconds.
"""

from __future__ import annotations

import re
from functools import cache

from rdbcodec.structures import listpack

_INTEGER = rb"(?:[\x00-\x7f]\x01|[\xc0-\xdf].\x02|\xf1.{2}\x03|\xf2.{3}\x04|\xf3.{4}\x05|\xf4.{8}\x09)"
_TEXT = b"|".join(b"\\x%02x.{%d}\\x%02x" % (0x80 | size, size, size + 1) for size in range(64))
_ELEMENT = b"(?:%b|%b)" % (_TEXT, _INTEGER)

_HEADER_SIZE = 6


def count_entries(blob: bytes) -> int | None:
    """How many entries a stream's node has in which all live and have the fields of the node.

    None for any other, and for one with elements of other forms. It is then what `stream_node.count_live`
    finds, which raises nothing.
    """
    end = _end_of(blob)
    master = _master().match(blob, _HEADER_SIZE)
    if master is None or end is None:
        return None
    short, long, (width,) = master.groups()
    live: int = short[0] if long is None else (long[0] & 0x0F) << 8 | long[1]
    fields_of, entry = _entries(width)
    fields = fields_of.match(blob, master.end(), end)
    if fields is None or listpack.count(blob) != (live + 1) * (width + 4):
        return None
    found = entry.findall(blob, fields.end(), end)
    return live if len(found) == live and not any(found) else None


def _end_of(blob: bytes) -> int | None:
    """Where the terminator stands; None when it is not where the header says."""
    is_framed = blob[-1:] == b"\xff" and int.from_bytes(blob[:4], "little") == len(blob)
    return len(blob) - 1 if is_framed else None


@cache
def _master() -> re.Pattern[bytes]:
    """Of a node without deleted entries: how many live, in either form, and how many fields they have."""
    return re.compile(rb"(?:([\x00-\x7f])\x01|([\xc0-\xcf].)\x02)\x00\x01([\x00-\x3f])\x01", re.DOTALL)


@cache  # of 64 widths at most
def _entries(width: int) -> tuple[re.Pattern[bytes], re.Pattern[bytes]]:
    """The fields of such a node and what ends them, and an entry that lives and has these fields.

    The second matches all that is left where no entry is, as its only group: so it is tried once, and not
    from each byte on, of which each may be the begin of much that is nearly one.
    """
    elements = b"%b{%d}" % (_ELEMENT, width)
    entry = rb"\x02\x01%b{2}%b\x%02x\x01|(.+)" % (_INTEGER, elements, width + 3)
    return re.compile(elements + rb"\x00\x01", re.DOTALL), re.compile(entry, re.DOTALL)
