"""Rate limits of Redis by GCRA, a compile-time option (rdb-v13-15.md, 6).

33   LENGTH, microseconds
"""

from __future__ import annotations

from rdbcodec.datatypes.layout import DataType, Layout, unknown_count, whole
from rdbcodec.datatypes.odd import Odd
from rdbcodec.datatypes.scope import Scope
from rdbcodec.servers import Server
from rdbcodec.wire import lengths
from rdbcodec.wire.cursor import Cursor


class Gcra(int):
    """A rate limit of Redis's GCRA: the theoretical arrival time, microseconds since 1970.

    An int with a class of its own, so that writing it back makes no string of it.
    """

    __slots__ = ()


def decode_gcra(raw: bytes, scope: Scope) -> Gcra:
    """Redis type 33."""
    cursor = Cursor([raw], scope.budget)
    value = Gcra(cursor.length())
    cursor.expect_end()
    return value


def encode_gcra(value: int, server: Server) -> bytes:
    """Redis type 33."""
    del server
    return lengths.encode(value)


LAYOUTS = {"gcra": Layout(decode_gcra, whole(decode_gcra), unknown_count, encode_gcra, odd=Odd())}
TYPES = (DataType("gcra", (Gcra,), is_named=True),)
