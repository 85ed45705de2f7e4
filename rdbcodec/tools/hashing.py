"""Texts and numbers in 16 bytes, each told apart from the next: b"ab", b"c" is not b"a", b"bc"."""

from __future__ import annotations

import struct
from collections.abc import Callable
from functools import partial

from rdbcodec.wire.long_strings import LongString

try:
    from _blake2 import (
        blake2b,
    )  # what hashlib has, which loads OpenSSL beside it: as long as all of this room
except ImportError:  # another Python
    from hashlib import blake2b

DIGEST = 16  # bytes
_DOUBLE = struct.Struct(">d")

Part = bytes | LongString | int | float | str | None
Update = Callable[[bytes], None]

new_digest = partial(blake2b, digest_size=DIGEST)


def digest(*parts: Part) -> bytes:
    """The digest of them."""
    told = new_digest()
    for part in parts:
        tell(told.update, part)
    return told.digest()


def tell(update: Update, part: Part) -> None:
    """One more part of a digest that is being made."""
    if isinstance(part, LongString):
        update(b"b%d:" % len(part))
        for piece in part.pieces():
            update(piece)
    elif isinstance(part, bytes):
        update(b"b%d:" % len(part) + part)
    elif isinstance(part, float):
        update(b"f" + _DOUBLE.pack(part + 0.0))  # the sum makes 0 of -0
    else:
        update(f"{type(part).__name__[0]}{part};".encode())
