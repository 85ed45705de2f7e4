"""Zero padding behind a snapshot: page blobs are made of whole pages of 512 bytes.

    52 45 44 49 53 ... ff <8 bytes CRC> | 00 00 00 ... 00
    the snapshot, 1,000 bytes           | 24 bytes of padding: 1,024 is two pages

Servers stop reading at the end of the snapshot, so padding changes nothing in what they load. Taking it
off is where one can go wrong: a server without checksums (rdbchecksum no) ends its files in eight zero
bytes, and a gzip trailer may end in zeros too. So `unpad` reads the snapshot to its end and cuts there; it
never looks for the last byte that is not zero.

Both copy what they read while they read it, in one pass, with zeros at the end held back as a number: pipes
will do, and memory does not grow with the file. gzip stays gzip: its padding stands behind the compressed
data. Other wrappings are refused, since what reads them need not accept padding.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, BinaryIO, cast

from rdbcodec.errors import ContainerError
from rdbcodec.limits import COUNTED_VALUE
from rdbcodec.named_tuples import NamedTuple
from rdbcodec.reading.reader import Reader
from rdbcodec.reading.source import CHUNK, Source, open_raw
from rdbcodec.records import End

if TYPE_CHECKING:
    from typing_extensions import Self

    from rdbcodec.formats import Dialect

PAGE = 512  # seed: FAQ "Can I import data from any Redis server?"

# What may wrap a padded snapshot.
_WRAPPINGS: tuple[tuple[str, ...], ...] = ((), ("gzip",))


class Padding(NamedTuple):
    """What was done: `end` is where the snapshot (or its gzip) ends, `read` and `written` are bytes."""

    end: int
    read: int
    written: int


def padded_size(size: int) -> int:
    """The bytes of as many pages as hold `size` bytes."""
    return -(-size // PAGE) * PAGE


def pad(
    source: Source,
    out: BinaryIO,
    *,
    dialect: Dialect | None = None,
    verify_checksum: bool = True,
    any_version: bool = False,
) -> Padding:
    """Copy a snapshot with zeros behind it up to a whole page; what is padded enough stays as it is.

    Raises what reading raises, and ContainerError when anything but zeros follows the snapshot. `out` is
    not to be used then.
    """
    with _Copying(source, out, dialect, verify=verify_checksum, any_version=any_version) as copying:
        end, _ = copying.to_the_end()
        return copying.finish(end, padded_size(copying.read_size))


def unpad(
    source: Source,
    out: BinaryIO,
    *,
    dialect: Dialect | None = None,
    verify_checksum: bool = True,
    any_version: bool = False,
) -> Padding:
    """Copy a snapshot without the zeros behind it; one that has none is copied as it is.

    Raises what reading raises, and ContainerError when anything but zeros follows the snapshot, or when
    the zeros are inside its gzip. `out` is not to be used then.
    """
    with _Copying(source, out, dialect, verify=verify_checksum, any_version=any_version) as copying:
        end, inside = copying.to_the_end()
        if inside:
            raise ContainerError(f"{inside} bytes of padding are inside the gzip data; decompress it first")
        return copying.finish(end, end)


class _PaddedReader(Reader):
    """A Reader that tells the zeros behind its compression from those behind its snapshot."""

    @property
    def outer_padding(self) -> int:
        """Zero bytes behind the compressed data."""
        return self._source.padding


class _Copying:
    """A snapshot being read to its end, and copied on the way but for the zeros it ends in."""

    def __init__(
        self, source: Source, out: BinaryIO, dialect: Dialect | None, *, verify: bool, any_version: bool
    ) -> None:
        self._raw, self._close = open_raw(source)
        self._out = out
        self._zeros = 0
        try:
            # A Reader asks nothing of a file but `read`, which is ours.
            self._reader = _PaddedReader(
                cast("BinaryIO", self),
                dialect=dialect,
                max_value=COUNTED_VALUE,
                verify_checksum=verify,
                any_version=any_version,
            )
        except BaseException:
            self._close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._close()

    @property
    def read_size(self) -> int:
        """Bytes read."""
        return self._raw.position

    def read(self, size: int, /) -> bytes:
        """The next bytes of the source, which are copied."""
        data = self._raw.read(size)
        kept = data.rstrip(b"\0")
        if kept:
            self._write_zeros(self._zeros)
            self._out.write(kept)
            self._zeros = 0
        self._zeros += len(data) - len(kept)
        return data

    def to_the_end(self) -> tuple[int, int]:
        """Where the snapshot (or its gzip) ends, and the bytes of padding inside its gzip."""
        reader = self._reader
        if reader.containers not in _WRAPPINGS:
            wrapping = ", ".join(reader.containers)
            raise ContainerError(f"a snapshot or its gzip can be padded, this is wrapped in {wrapping}")
        end = deque(reader, 1).pop()
        tail = reader.tail()
        if tail.kind not in ("nothing", "zero padding") or tail.size is None:
            size = end.size if isinstance(end, End) else reader.bytes_read
            raise ContainerError(f"offset {size}: {tail.kind} after the snapshot, zeros or nothing expected")
        inside = tail.size - reader.outer_padding if reader.containers else 0
        return self.read_size - tail.size + inside, inside

    def finish(self, end: int, size: int) -> Padding:
        """Write as many of the zeros held back, or more, as make the copy `size` bytes."""
        self._write_zeros(size - (self.read_size - self._zeros))
        return Padding(end, self.read_size, size)

    def _write_zeros(self, count: int) -> None:
        for at in range(0, count, CHUNK):
            self._out.write(bytes(min(CHUNK, count - at)))
