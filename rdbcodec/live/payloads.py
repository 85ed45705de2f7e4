"""What DUMP answers, on its way into a snapshot: held while it is small, else its bytes pass by.

type byte  value  version, 2 bytes  CRC-64, 8 bytes      DUMP
attributes  type byte  key  value                        a snapshot
"""

from __future__ import annotations

from collections.abc import Iterator

from rdbcodec.encoding.payloads import FOOTER
from rdbcodec.errors import ChecksumMismatch
from rdbcodec.formats import Dialect
from rdbcodec.live.replies import Lent
from rdbcodec.reading.decoder import Decoder
from rdbcodec.wire.crc64 import crc64

LARGE = 1 << 20  # bytes of a payload that is not held
_CRC = 8


class Passed:
    """A payload that passes by: a type byte, and a value whose checksum is known at its end."""

    def __init__(self, lent: Lent) -> None:
        self._lent = lent.pieces()
        self._held = b""
        while len(self._held) <= FOOTER:  # so that there is a type byte that is none of the footer
            self._held += next(self._lent)
        self.type = self._held[:1]
        self._crc = 0

    def value(self) -> Iterator[bytes]:
        """What stands between the type byte and the footer, for which the last bytes are held back."""
        self._crc, begin = crc64(self.type), 1
        while True:
            value = self._held[begin:-FOOTER]
            self._crc, self._held, begin = crc64(value, self._crc), self._held[-FOOTER:], 0
            if value:
                yield value
            piece = next(self._lent, None)
            if piece is None:
                return
            self._held += piece

    def whole(self) -> bytes:
        """All of it, held after all."""
        return b"".join((self._held, *self._lent))

    def drop(self) -> None:
        """Let it pass by."""
        for _ in self._lent:
            pass

    def version(self) -> int:
        """The RDB version that it says at its end, when the value was taken. ChecksumMismatch."""
        return checked(self._held, crc64(self._held[:-_CRC], self._crc))


def checked(payload: bytes, crc: int | None = None) -> int:
    """The RDB version at the end of a payload, whose checksum is `crc` if it is known. ChecksumMismatch."""
    if crc is None:
        crc = crc64(memoryview(payload)[:-_CRC])
    expected = int.from_bytes(payload[-_CRC:], "little")
    if crc != expected and expected:
        raise ChecksumMismatch(expected, crc)
    return int.from_bytes(payload[-FOOTER:-_CRC], "little")


class Taking(Decoder):
    """A decoder that takes the rest of a record from where that comes from; larger values pass by."""

    def __init__(self, dialect: Dialect) -> None:
        super().__init__(dialect=dialect, verify_checksum=False, max_value=LARGE)
        self.rest: Iterator[bytes] = iter(())

    def _fetch(self, wanted: int) -> bytes | None:
        del wanted
        if self._fed:
            data = b"".join(self._fed)
            self._fed.clear()
            return data
        piece = next(self.rest, None)
        # Between two records it waits for the next; inside of one there is nothing that could come.
        return piece or (None if self._window.is_between else b"")
