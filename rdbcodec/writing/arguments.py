"""What a caller says about a key, checked: EncodeError names the parameter and what was wanted."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable

from rdbcodec.errors import EncodeError
from rdbcodec.formats import OPCODES
from rdbcodec.servers import Server

MAX_DATABASE = (1 << 31) - 2  # `databases` of every server's configuration is an int, and counts from 0
MAX_EXPIRY = (1 << 63) - 1  # milliseconds in the 8 bytes of EXPIRETIME_MS
MAX_IDLE = (1 << 32) - 1  # seconds, 136 years: servers multiply it by 1,000 and keep 24 bits of it
MAX_FREQ = 255  # one byte

_KEY_META = next(row.code for row in OPCODES if row.name == "key-meta")


def check_db(db: object) -> int:
    """A database number."""
    return _integer("db", db, 0, MAX_DATABASE)


def check_expiry(at_ms: object) -> int:
    """An absolute time in milliseconds. What is past may be written: servers drop such keys themselves.

    But nothing before 1: loaders take -1 for "never", and 0 was never written by any.
    """
    wanted = "milliseconds since 1970 as an int"
    if isinstance(at_ms, dt.datetime):
        raise EncodeError(
            f"expires_at_ms: expected {wanted}, found a datetime: int(moment.timestamp() * 1000)"
        )
    return _integer("expires_at_ms", at_ms, 1, MAX_EXPIRY, wanted)


def check_idle(idle: object) -> int:
    """Seconds since the last use."""
    return _integer("idle", idle, 0, MAX_IDLE, "seconds as an int")


def check_freq(freq: object) -> int:
    """The LFU counter."""
    return _integer("freq", freq, 0, MAX_FREQ)


def check_meta(meta: object) -> bytes:
    """Module metadata as it stands in a file, opcode included."""
    if not isinstance(meta, bytes) or meta[:1] != bytes((_KEY_META,)):
        raise EncodeError(f"meta: expected bytes that begin with opcode {_KEY_META}, as those of Entry.meta")
    return meta


def check_container(server: Server, compression: str | None) -> None:
    """A file that the server takes in, where that is known."""
    if compression is None or server.gzip is None or (compression, server.gzip) == ("gzip", "yes"):
        return
    if compression != "gzip" or server.gzip == "no":
        plain = "gzip or no compression" if server.gzip == "yes" else "no compression"
        raise EncodeError(f"{server.name} does not take a file in {compression}: {plain} does")


def check_word(parameter: str, word: object, known: Iterable[str]) -> None:
    """A word out of a table."""
    words = sorted(set(known))
    if word not in words:
        raise EncodeError(f"{parameter}: unknown {word!r}; known are {', '.join(words)}")


def _integer(parameter: str, value: object, least: int, most: int, wanted: str = "an int") -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise EncodeError(f"{parameter}: expected {wanted}, found {type(value).__name__}")
    if not least <= value <= most:
        raise EncodeError(f"{parameter}: expected {least} to {most}, found {value}")
    return value
