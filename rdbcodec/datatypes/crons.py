"""Cron jobs of KeyDB (rdb-format.md, 9.1).

64   STRING script  I64 start ms  I64 interval ms  STRINGs keys  STRINGs arguments
"""

from __future__ import annotations

import struct

from rdbcodec.datatypes.layout import DataType, Layout, unknown_count, whole
from rdbcodec.datatypes.packed import encode_strings
from rdbcodec.datatypes.plain import Plain
from rdbcodec.datatypes.scope import Scope
from rdbcodec.servers import Server
from rdbcodec.wire import lengths, strings
from rdbcodec.wire.cursor import Cursor


class Cron(Plain):
    """A KeyDB cron job; times in milliseconds."""

    __slots__ = ("arguments", "interval_ms", "keys", "script", "start_ms")

    def __init__(
        self, script: bytes, start_ms: int, interval_ms: int, keys: list[bytes], arguments: list[bytes]
    ) -> None:
        self.script = script
        self.start_ms = start_ms
        self.interval_ms = interval_ms
        self.keys = keys
        self.arguments = arguments


def decode_cron(raw: bytes, scope: Scope) -> Cron:
    """KeyDB type 64."""
    cursor = Cursor([raw], scope.budget)
    value = Cron(cursor.string(), cursor.signed(), cursor.signed(), _strings(cursor), _strings(cursor))
    cursor.expect_end()
    return value


def encode_cron(value: Cron, server: Server) -> bytes:
    """KeyDB type 64."""
    times = struct.pack("<qq", value.start_ms, value.interval_ms)
    lists = [
        lengths.encode(len(texts)) + encode_strings(texts, server) for texts in (value.keys, value.arguments)
    ]
    return strings.encode(value.script, compress=server.compress) + times + b"".join(lists)


def _strings(cursor: Cursor) -> list[bytes]:
    return [cursor.string() for _ in range(cursor.length())]


LAYOUTS = {"cron": Layout(decode_cron, whole(decode_cron), unknown_count, encode_cron)}
TYPES = (DataType("cron", (Cron,)),)
