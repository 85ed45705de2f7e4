"""DUMP payloads: what DUMP answers and RESTORE takes (rdb-format.md, chapter 5).

    [F3 key metadata]  type byte  value  u16 RDB version  u64 CRC-64

No key, no expiry: those are arguments of RESTORE. The checksum covers everything before it. Instance, b"v"
as version 9: `00 01 76 | 09 00 | 41 fa 9f 7e 4d be e9 7f`.

Every server writes its own version in the footer, whatever the value needs, and RESTORE refuses a higher
one than its own; so a payload is always made for a version.
"""

from __future__ import annotations

from typing import Any, NoReturn, TypeVar

from rdbcodec.datatypes.registry import layout_of
from rdbcodec.datatypes.scope import Scope
from rdbcodec.encoding.transcoding import encode_value, natural, transcode
from rdbcodec.errors import (
    ChecksumMismatch,
    CorruptStructure,
    DecodeError,
    EncodeError,
    Truncated,
    UnknownType,
    UnsupportedVersion,
)
from rdbcodec.formats import FIRST_VALKEY, Dialect, TypeRow, VersionRow, opcodes_of, types_of, version_row
from rdbcodec.framing import compile_walk
from rdbcodec.limits import MAX_UNPACKED
from rdbcodec.losses import Lose, row_of
from rdbcodec.named_tuples import NamedTuple
from rdbcodec.servers import Server
from rdbcodec.wire.crc64 import crc64
from rdbcodec.wire.strings import Budget

T = TypeVar("T")

FOOTER = 10  # bytes: version and checksum


class Payload(NamedTuple):
    """A payload taken apart: the type's row, the value as on disk, metadata with its opcode or None."""

    version: int
    row: TypeRow
    raw: bytes
    meta: bytes | None

    def value(self) -> Any:
        """The decoded value, as Entry.value gives it; raises DecodeError as that does."""
        try:
            return layout_of(self.row).decode(self.raw, Scope(Budget(max(len(self.raw), MAX_UNPACKED)), {}))
        except IndexError:
            raise CorruptStructure("the value ends inside an element") from None


def encode(value: object, *, version: int, dialect: Dialect | None = None) -> bytes:
    """A payload that servers of an RDB version restore, from a plain Python value or a value class.

    Raises EncodeError when the version has no such type, or its type cannot hold all of the value.
    """
    server = server_for(version, dialect)
    type_, value = natural(value)
    row, raw = whole(encode_value(type_, value, server, refusing(type_, server)))
    return wrap(row.code, raw, version)


def reencode(
    row: TypeRow, raw: bytes, scope: Scope, origin: VersionRow, *, version: int, meta: bytes | None
) -> bytes:
    """A payload of a value as on disk; Entry.dump. Raises EncodeError for what would get lost."""
    server = server_for(version, origin.dialect if version < FIRST_VALKEY else None)
    refuse = refusing(row.type, server)
    target, raw = whole(transcode(row, raw, scope, origin, server=server, lose=refuse))
    if meta is not None and "key-meta" not in server.opcodes:
        refuse("key-metadata")
    return wrap(target.code, raw, version, meta or b"")


def refusing(type_: str, server: Server) -> Lose:
    """A payload loses nothing: each kind of loss is an error."""

    def refuse(kind: str) -> NoReturn:
        raise EncodeError(f"cannot be written whole: {row_of(kind).says}", type=type_, server=server.name)

    return refuse


def whole(made: tuple[TypeRow, T] | None) -> tuple[TypeRow, T]:
    """What was made of a value for which nothing may be lost."""
    assert made is not None  # a key lost as a whole is refused before
    return made


def server_for(version: int, dialect: Dialect | None = None) -> Server:
    """The server of a footer's version; from 80 on it is Valkey's."""
    own: Dialect = "valkey" if version >= FIRST_VALKEY else "redis"
    if dialect is None or version_row(dialect, version) is None:
        dialect = own
    return Server(dialect, version)


def wrap(code: int, raw: bytes, version: int, meta: bytes = b"") -> bytes:
    """Type byte and value with the footer of a version."""
    body = meta + bytes((code,)) + raw + version.to_bytes(2, "little")
    return body + crc64(body).to_bytes(8, "little")


def decode(payload: bytes, *, dialect: Dialect | None = None) -> Payload:
    """Take a payload apart, its checksum verified.

    Version 80 and up is Valkey's numbering; below it `dialect` says whose types to expect, Redis' if
    nobody says. Raises DecodeError: what is wrong, and what may have been done to the payload.
    """
    if len(payload) < FOOTER + 2:
        raise Truncated(f"a DUMP payload has at least {FOOTER + 2} bytes, this one {len(payload)}")
    body, footer = payload[:-FOOTER], payload[-FOOTER:]
    version = int.from_bytes(footer[:2], "little")
    _check_crc(payload)
    if version_row("valkey" if version >= FIRST_VALKEY else "redis", version) is None:
        raise UnsupportedVersion(f"the payload is of RDB version {version}, which no known server writes")
    dialect = dialect or ("valkey" if version >= FIRST_VALKEY else "redis")
    return _split(body, version, dialect)


def _check_crc(payload: bytes) -> None:
    found, expected = crc64(payload[:-8]), int.from_bytes(payload[-8:], "little")
    if found == expected:
        return
    error = ChecksumMismatch(expected, found)
    shorter = payload[:-1]
    if payload.endswith(b"\n") and crc64(shorter[:-8]) == int.from_bytes(shorter[-8:], "little"):
        error.message += "; it is right without the newline at the end, which redis-cli adds"
    elif not expected:
        error.message += "; zero, for 'not checked', is accepted by Redis 8.4 and later only"
    raise error


def _split(body: bytes, version: int, dialect: Dialect) -> Payload:
    types, opcodes = types_of(dialect, version), opcodes_of(dialect, version)
    start = 0
    opcode = opcodes.get(body[0])
    try:
        if opcode is not None and opcode.name == "key-meta":
            start = compile_walk(opcode.framing, {})(body, 1)
        row = types.get(body[start])
        if row is None:
            raise UnknownType(
                f"type {body[start]} is unknown in dialect {dialect}", code=body[start], dialect=dialect
            )
        end = compile_walk(row.framing, {})(body, start + 1)
    except IndexError:
        raise Truncated("the payload ends inside its value") from None
    if end != len(body):
        raise _wrong_end(row, end, len(body))
    return Payload(version, row, body[start + 1 :], body[:start] or None)


def _wrong_end(row: TypeRow, end: int, size: int) -> DecodeError:
    if end > size:
        return Truncated("the payload ends inside its value")
    return CorruptStructure(f"a {row.name} ends at {end}, the payload's footer begins at {size}", end)
