"""What a snapshot comes wrapped in: found by its first bytes, taken off, reported.

    1f 8b              gzip, also of several members, also zero-padded (page blobs)
    04 22 4d 18        an LZ4 frame
    28 b5 2f fd        zstd (needs the package zstandard)
    V C S 01 01 00 01  Valkey 9.2: seven bytes, then an LZ4 frame (rdb-v13-15.md, 7.4), or since 9.2.0 zstd
    $EOF:<40>CRLF      diskless replication: the 40 bytes come again behind the snapshot
    $<digits>CRLF      replication of a known size
    LF, +FULLRESYNC    what a socket gives before either: keep-alives and lines of status

One compression around one snapshot: a gzip of a gzip is refused, because nobody makes one on purpose
and unpacking layers without end is how bombs work.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable
from typing import Any

from rdbcodec.errors import ContainerError, DamagedContainer
from rdbcodec.reading.lookalikes import LOOK_SIZE, Resemblance, resemblance
from rdbcodec.reading.source import CHUNK, Raw, Readable
from rdbcodec.reading.unpack import lz4_decompressor, read_zstd, zstd_decompressor
from rdbcodec.tail import MAGIC_WORDS

HEAD_SIZE = 80  # enough for every magic and for each line a replication stream begins with
MAX_LINES = 64 << 10  # bytes of them: a keep-alive a second while a server saves for hours

GZIP, LZ4, ZSTD, VCS = b"\x1f\x8b", b"\x04\x22\x4d\x18", b"\x28\xb5\x2f\xfd", b"VCS"
EMPTY_ZSTD = 18 + 3 + 4  # bytes of a frame that holds nothing: its header, a block's header and a checksum
VCS_HEADER = rb"(?s)VCS\x01(.)\x00\x01"  # envelope 1, codec, reserved 0, kind 1 = RDB
VCS_LZ4 = b"\x01"  # the one codec whose number is known; the frame of another says itself what it is


class Unpacked:
    """A compressed stream, unpacked piece by piece in bounded memory."""

    def __init__(self, raw: Raw, name: str, make: Callable[[], Any], magic: bytes) -> None:
        self._raw = raw
        self._name = name
        self._make = make
        self._magic = magic
        self._codec = make()
        self._rest = b""
        self.padding = 0  # zero bytes behind the last member

    def read(self, size: int, /) -> bytes:
        """Up to `size` bytes; b"" at the end. ContainerError when the stream is damaged or cut."""
        while True:
            if self._codec.eof and not self._next_member():
                return b""
            rest = self._rest or (self._raw.read(CHUNK) if self._needs_input() else b"")
            if not rest and self._needs_input():
                raise DamagedContainer(f"the {self._name} file ends inside its compressed data")
            data = self._unpack(rest, size)
            if data:
                return data

    def _needs_input(self) -> bool:
        return bool(getattr(self._codec, "needs_input", True))

    def _unpack(self, rest: bytes, size: int) -> bytes:
        try:
            data: bytes = self._codec.decompress(rest, size)
        except (zlib.error, RuntimeError, EOFError) as error:  # what gzip and lz4 raise
            raise DamagedContainer(f"the {self._name} file is damaged: {error}") from error
        # zlib hands input back that did not fit in `size`; lz4 keeps it to itself.
        self._rest = getattr(self._codec, "unconsumed_tail", b"")
        return data

    def _next_member(self) -> bool:
        """Whether another compressed member follows the one that ended; padding is counted."""
        rest = self._codec.unused_data or b""
        while True:
            stripped = rest.lstrip(b"\0")
            self.padding += len(rest) - len(stripped)
            if len(stripped) >= len(self._magic):
                break
            more = self._raw.read(CHUNK)
            if not more and not stripped:
                self._codec = Ended()
                return False
            if not more:
                break
            rest = stripped + more
        if not stripped.startswith(self._magic) or self.padding:
            raise DamagedContainer(f"bytes that are no {self._name} follow the {self._name} data")
        self._codec, self._rest = self._make(), stripped
        return True


class Ended:
    """A codec after its last member."""

    eof = True
    unused_data = b""


class Zstd:
    """zstandard's reader in the shape of the other two."""

    def __init__(self, raw: Raw) -> None:
        self._raw = raw
        self._reader = zstd_decompressor().stream_reader(raw, read_across_frames=True)
        self._is_begun = False
        self.padding = 0

    def read(self, size: int, /) -> bytes:
        """Up to `size` bytes; b"" at the end. ContainerError when the stream is damaged."""
        data = read_zstd(self._reader, size, self._refusal)
        # zstandard takes a cut for an end. Behind a snapshot's first bytes its reader sees that; here
        # nobody would, and the file would be called empty.
        if not data and not self._is_begun and self._raw.position > EMPTY_ZSTD:
            raise DamagedContainer("the zstd file ends inside its compressed data")
        self._is_begun = True
        return data

    def _refusal(self, words: str, is_limit: bool) -> ContainerError:
        return (ContainerError if is_limit else DamagedContainer)(f"the zstd file {words}")


class Opened:
    """A snapshot's bytes with their wrappings taken off.

    `containers` names the wrappings, outermost first; `mark` is what a diskless replication stream
    ends with.
    """

    def __init__(self, raw: Raw) -> None:
        self.raw = raw
        self.containers: list[str] = []
        self.mark = b""
        self.inner: Readable = raw
        self._head = read_head(raw)
        self._peel_compression()
        self._peel_replication()

    def resemblance(self) -> Resemblance | None:
        """What these bytes are instead of a snapshot, when that is plain."""
        if not self._head.startswith(MAGIC_WORDS):
            self._head = read_head(self.inner, self._head, LOOK_SIZE)
        return resemblance(self._head)

    def read(self, size: int) -> bytes:
        """Up to `size` bytes of the snapshot; b"" at the end."""
        if self._head:
            data, self._head = self._head[:size], self._head[size:]
            return data
        return self.inner.read(size)

    def pass_head(self) -> None:
        """What is read next does not stand at the beginning."""
        self._head = b""

    @property
    def padding(self) -> int:
        """Zero bytes behind a compressed file."""
        return int(getattr(self.inner, "padding", 0))

    def _peel_compression(self) -> None:
        name = compression_of(self._head)
        if name is None:
            return
        codec = self._codec_of_envelope() if name == "vcs" else name
        self.raw.push_back(self._head)
        self.inner = _open_compressed(codec, self.raw)
        self.containers.append(name)
        self._head = read_head(self.inner)
        inner = compression_of(self._head)
        if inner is not None:
            raise ContainerError(f"the {name} file holds a {inner} file, not a snapshot")

    def _codec_of_envelope(self) -> str:
        """Take Valkey's envelope off; what its content is compressed with."""
        header = re.match(VCS_HEADER, self._head)
        if header is None:
            raise ContainerError(f"unknown Valkey compression envelope {self._head[:7].hex(' ')}")
        codec, self._head = header[1], self._head[header.end() :]
        frame = compression_of(self._head)
        if codec == VCS_LZ4 and frame != "lz4":
            raise ContainerError("the Valkey compression envelope holds no LZ4 frame")
        if codec != VCS_LZ4 and frame != "zstd":
            raise ContainerError(
                f"the Valkey compression envelope holds neither LZ4 nor zstd: its codec is {codec[0]}"
            )
        return "lz4" if codec == VCS_LZ4 else "zstd"

    def _peel_replication(self) -> None:
        if self._head.startswith(MAGIC_WORDS):  # as most do: no pattern is compiled for them
            return
        is_replication = self._peel_lines()
        announced = re.match(_ANNOUNCED, self._head)
        if announced:
            is_replication = True
            self.mark = announced[1] or b""
            self._head = self._head[announced.end() :]
        if is_replication:
            self.containers.append("replication")

    def _peel_lines(self) -> bool:
        """Take off keep-alives and lines of status; whether there were any."""
        peeled = 0
        while peeled < MAX_LINES and (line := re.match(_LINES, self._head)):
            peeled += line.end()
            self._head = read_head(self.inner, self._head[line.end() :])
        return peeled > 0


# What a server sends before the snapshot: to PING, AUTH and REPLCONF, and to PSYNC.
_LINES = rb"\n+|\+(?:PONG|OK|FULLRESYNC [0-9a-f]{40} \d{1,20})\r\n"
_ANNOUNCED = rb"\$(?:EOF:([^\r\n]{40})|\d+)\r\n"


def compression_of(head: bytes) -> str | None:
    """The compression that first bytes announce, if any."""
    for magic, name in ((GZIP, "gzip"), (LZ4, "lz4"), (ZSTD, "zstd"), (VCS, "vcs")):
        if head.startswith(magic):
            return name
    return None


def _open_compressed(name: str, raw: Raw) -> Readable:
    if name == "gzip":
        return Unpacked(raw, name, lambda: zlib.decompressobj(31), GZIP)
    if name == "zstd":
        return Zstd(raw)
    return Unpacked(raw, "LZ4", lz4_decompressor, LZ4)


def read_head(source: Readable, head: bytes = b"", size: int = HEAD_SIZE) -> bytes:
    """`head` and more, up to `size` bytes, however small the pieces come in; fewer when there are no more."""
    while len(head) < size:
        data = source.read(size - len(head))
        if not data:
            break
        head += data
    return head
