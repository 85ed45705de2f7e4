"""Compression that other packages undo: LZ4 frames and zstd, bounded and with errors of our own.

Used for whole files (rdbcodec.reading.containers) and for the blobs inside Dragonfly snapshots.

Whoever unpacks zstd keeps a window of what came out, as large as the header says: a small file can ask
for 2 GiB of it. `zstd -19` and all that is meant for exchange ask for 8 MiB.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from typing import Any

from rdbcodec.errors import ContainerError, CorruptStructure, RdbError
from rdbcodec.limits import MAX_ZSTD_WINDOW
from rdbcodec.wire import accelerators

PIECE = 256 << 10  # bytes unpacked at a time


def lz4_frames() -> Any:
    """The module that knows frames of LZ4; ContainerError says why it cannot be had."""
    if accelerators.PYPY:
        raise ContainerError("LZ4 needs CPython: the package lz4 ends PyPy; unpack it first: lz4 -d FILE")
    try:
        return importlib.import_module("lz4.frame")
    except ImportError as error:
        raise ContainerError("LZ4 needs the package lz4: pip install lz4") from error


def lz4_decompressor() -> Any:
    """A new LZ4 frame decompressor; ContainerError when there is none to be had."""
    return lz4_frames().LZ4FrameDecompressor()


def zstd_decompressor() -> Any:
    """A new zstd decompressor of bounded memory; ContainerError names the package that is missing."""
    try:
        module = importlib.import_module("zstandard")
    except ImportError as error:
        raise ContainerError(
            "the data is compressed with zstd: install the package `zstandard` (pip install 'rdbcodec[zstd]')"
        ) from error
    return module.ZstdDecompressor(max_window_size=MAX_ZSTD_WINDOW)


def unpack_blob(codec: str, data: bytes) -> Iterator[bytes]:
    """The records in a compressed blob of a Dragonfly snapshot, piece by piece.

    `codec` is "lz4-blob" or "zstd-blob". Raises CorruptStructure when they cannot be had.
    """
    return _unpack_lz4(data) if codec == "lz4-blob" else _unpack_zstd(data)


def _unpack_lz4(data: bytes) -> Iterator[bytes]:
    decompressor = lz4_decompressor()
    try:
        piece: bytes = decompressor.decompress(data, max_length=PIECE)
        while piece:
            yield piece
            piece = b"" if decompressor.eof else decompressor.decompress(b"", max_length=PIECE)
    except RuntimeError as error:  # lz4 raises nothing more specific
        raise CorruptStructure(f"an LZ4 blob cannot be unpacked: {error}") from error
    if not decompressor.eof:
        raise CorruptStructure("an LZ4 blob ends inside its frame")


def _unpack_zstd(data: bytes) -> Iterator[bytes]:
    reader = zstd_decompressor().stream_reader(data)
    while piece := read_zstd(reader, PIECE, lambda words, _: CorruptStructure(f"a zstd blob {words}")):
        yield piece


def read_zstd(reader: Any, size: int, refusal: Callable[[str, bool], RdbError]) -> bytes:
    """What a stream of zstd gives.

    `refusal` makes the error of what is wrong with it, and of whether that is only a limit of ours.
    """
    try:
        data: bytes = reader.read(size)
    except Exception as error:
        if type(error).__name__ != "ZstdError":  # the package is optional, so is its exception
            raise
        if "too much memory" in str(error):
            raise refusal(
                f"wants a window above {MAX_ZSTD_WINDOW >> 20} MiB: {_UNPACK_FIRST}", True
            ) from error
        raise refusal(f"is damaged: {error}", False) from error
    return data


_UNPACK_FIRST = "unpack it with `zstd -d --long=31` first"
