"""The end of a snapshot.

FF  u64 checksum of all before it, since version 5; eight zero bytes for none
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from rdbcodec.errors import CorruptStructure
from rdbcodec.formats import CRC_SINCE
from rdbcodec.named_tuples import NamedTuple
from rdbcodec.records.kinds import CODES, RecordKind

if TYPE_CHECKING:
    from rdbcodec.formats import OpcodeRow
    from rdbcodec.records.kinds import Decoded
    from rdbcodec.records.state import State

CRC_SIZE = 8

Checksum = Literal["ok", "disabled", "absent", "not verified"]


class End(NamedTuple):
    """The end of the snapshot.

    `offset` is that of the EOF byte, `size` the bytes up to and with the checksum. `checksum` says
    "ok", "disabled" (eight zero bytes: the server had rdbchecksum no), "absent" (before version 5) or
    "not verified" (the caller asked for that); a wrong one is an error, not a record.
    """

    offset: int
    raw: bytes
    size: int
    checksum: Checksum


def decode(state: State, row: OpcodeRow, pos: int) -> Decoded:
    """Met where a key should be; elsewhere it is the loop that ends, which knows the checksum."""
    del state, row
    raise CorruptStructure("the file ends after the attributes of a key, without the key", pos - 1)


def encode() -> bytes:
    """The EOF mark; the checksum of all up to it follows."""
    return CODES["eof"]


def encode_checksum(version: int, crc: int) -> bytes:
    """What follows the EOF mark; a `crc` of 0 says that there is none."""
    return crc.to_bytes(CRC_SIZE, "little") if version >= CRC_SINCE else b""


KINDS = (RecordKind("eof", decode, loss=None, record=End),)
