"""What stands behind the end of a snapshot in its file: named by its first bytes, with one policy for all.

    00 00 00 ...             zero padding: page blobs are made of whole pages
    <40 hexadecimal digits>  EOF mark: ends a diskless replication whose beginning line is missing
    *3\\r\\n$3\\r\\nSET ...      AOF commands: what was written after the snapshot (an AOF with a preamble)
    #TS:1700000000           an annotation of an AOF, commands follow
    REDIS0011 ...            another snapshot: two files in one

Zeros, and the newlines a replica is kept waiting with, may stand before any of them. Servers stop reading a
snapshot at its end. What they would not load from behind it is data all the same, if it is commands or a
snapshot, and no command of ours leaves it out unless it was told to.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Literal

from rdbcodec.named_tuples import NamedTuple

TailKind = Literal["nothing", "zero padding", "EOF mark", "AOF commands", "another snapshot", "other bytes"]

MAGIC_WORDS = (b"REDIS", b"VALKEY")


class TailRow(NamedTuple):
    """One kind: the loss it is when left out, whether that is one of data, and how to keep it."""

    kind: TailKind
    loss: str
    is_data: bool
    says: str
    remedy: str = ""


class Tail(NamedTuple):
    """What follows the snapshot in its file; `size` in bytes, None for an AOF, which is not read on."""

    kind: TailKind
    size: int | None

    @property
    def is_data(self) -> bool:
        """Whether someone would miss it: commands, or another snapshot."""
        return ROWS[self.kind].is_data

    @property
    def loss(self) -> str:
        """The kind of loss it is to leave it out; "" when there is nothing."""
        return ROWS[self.kind].loss

    @property
    def remedy(self) -> str:
        """How to keep what would be missed."""
        return ROWS[self.kind].remedy

    def text(self, offset: int) -> str:
        """One line for a person; `offset` is where the snapshot ends."""
        size = "" if self.size is None else f" ({self.size:,} bytes)"
        return f"{ROWS[self.kind].says} the snapshot from offset {offset} on{size}"


def measure(pieces: Iterable[bytes]) -> Tail:
    """Name what pieces of bytes behind a snapshot are; reads them all, unless they are AOF commands."""
    size, only_zeros, has_mark = 0, True, False
    kind: TailKind | None = None
    head = b""
    for piece in pieces:
        size += len(piece)
        if kind is not None:
            continue
        only_zeros = only_zeros and not piece.strip(b"\0")
        head = (head + piece).lstrip(_FILLING)
        if not has_mark and re.match(_MARK, head):
            has_mark, head = True, head[_MARK_SIZE:].lstrip(_FILLING)
        kind = _kind_of(head)
        if kind == "AOF commands":
            return Tail(kind, None)
    if kind is None or kind == "other bytes":
        kind = "zero padding" if only_zeros else "EOF mark" if has_mark and not head else "other bytes"
    return Tail(kind if size else "nothing", size)


def _kind_of(head: bytes) -> TailKind | None:
    """The kind these bytes begin; None while there are too few of them."""
    if re.match(_COMMANDS, head):
        return "AOF commands"
    if head.startswith(MAGIC_WORDS):
        return "another snapshot"
    return None if len(head) < _MARK_SIZE else "other bytes"


_FILLING = b"\0\r\n"
_COMMANDS = rb"\*\d|#"
_MARK_SIZE = 40
_MARK = rb"[0-9a-f]{40}(?![0-9a-f])"  # Redis: getRandomHexChars

# fmt: off
ROWS: dict[TailKind, TailRow] = {row.kind: row for row in (
    #       kind                loss                is_data  says
    TailRow("nothing",          "",                 False,   "nothing follows"),
    TailRow("zero padding",     "padding",          False,   "zero padding follows"),
    TailRow("EOF mark",         "eof-mark",         False,   "the EOF mark of a replication follows"),
    TailRow("AOF commands",     "aof-commands",     True,    "AOF commands follow",
            "to keep them, let a server load the file as its append-only file and save a snapshot"),
    TailRow("another snapshot", "another-snapshot", True,    "another snapshot follows",
            "to keep both, cut the unpacked file there"),
    TailRow("other bytes",      "bytes-behind",     False,   "bytes of no known kind follow"),
)}
# fmt: on
