"""The sans-I/O decoder: bytes in, in any pieces; records out.

    decoder = Decoder()
    decoder.feed(data)                  # as often as there is data
    decoder.feed_eof()                  # when there will be no more
    decoder.next_record()               # a record, NEED_DATA, or None after the End record

Between two records it says where it is, and another can go on there:

    position = decoder.position()
    other = Decoder.resume(position.context, position.offset)
    other.feed(data[position.offset :])
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rdbcodec.errors import RdbError
from rdbcodec.formats import Dialect
from rdbcodec.limits import MAX_VALUE
from rdbcodec.reading.nested import Nesting
from rdbcodec.reading.window import NEED_DATA

if TYPE_CHECKING:
    from typing_extensions import Self

    from rdbcodec.records.state import FileContext

__all__ = ["NEED_DATA", "Decoder"]


class Decoder(Nesting):
    """A snapshot as it is fed.

    `dialect` overrides what magic, AUX fields and telltale codes say. `max_value` is the size in bytes
    above which a value is not held (its entry streams, see Entry.items) and to which a value may
    unpack. `max_record` is the same for what cannot stream (keys, function libraries, AUX fields), MAX_RECORD
    or `max_value` if that is more. `verify_checksum` False skips the CRC. `any_version` reads files whose
    header names a version unknown to rdbcodec, as long as everything in them is known.

    One thread at a time: a second that asks while the first is inside gets a ValueError.
    """

    def __init__(
        self,
        *,
        dialect: Dialect | None = None,
        max_value: int = MAX_VALUE,
        max_record: int | None = None,
        verify_checksum: bool = True,
        any_version: bool = False,
    ) -> None:
        super().__init__(
            dialect=dialect,
            max_value=max_value,
            max_record=max_record,
            verify_checksum=verify_checksum,
            any_version=any_version,
        )
        self._fed: list[bytes] = []
        self._fed_size = 0
        self._eof = False

    @classmethod
    def resume(
        cls,
        context: FileContext,
        offset: int,
        *,
        max_value: int = MAX_VALUE,
        max_record: int | None = None,
    ) -> Self:
        """One that begins between two records, at the Position of another that read the same file.

        It is fed the file from that offset on, and gives the records that the other gave from there on. But
        the checksum, which is over the whole file, is not verified.
        """
        decoder = cls(max_value=max_value, max_record=max_record, verify_checksum=False)
        decoder._window.resume(context, offset)
        return decoder

    def feed(self, data: bytes | bytearray | memoryview) -> None:
        """Give more of the snapshot. Raises RdbError after feed_eof, and after an error that error."""
        if not isinstance(data, (bytes, bytearray, memoryview)):
            raise TypeError(f"data is {type(data).__name__}, expected bytes, a bytearray or a memoryview")
        if self._failure is not None:
            self._fail_again()
        if self._eof:
            raise RdbError("feed() after feed_eof(), which said that there is no more")
        if data:
            self._fed.append(bytes(data))
            self._fed_size += len(self._fed[-1])

    def feed_eof(self) -> None:
        """Say that there is no more."""
        self._eof = True

    @property
    def unused(self) -> bytes:
        """After the End record: what was fed beyond the snapshot."""
        return self._window.buf[self._window.pos :] + b"".join(self._fed)

    def _fetch(self, wanted: int) -> bytes | None:
        if self._fed_size < wanted and not self._eof:
            return None
        data = b"".join(self._fed)
        self._fed.clear()
        self._fed_size = 0
        return data
