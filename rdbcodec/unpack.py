"""Compression that other packages undo: LZ4 frames and zstd, bounded and with errors of our own.

Used for whole files (rdbcodec.containers) and for the blobs inside Dragonfly snapshots.
"""

from __future__ import annotations

import importlib
from typing import Any

from rdbcodec.errors import ContainerError, CorruptStructure, LimitExceeded


def lz4_decompressor() -> Any:
    """A new LZ4 frame decompressor."""
    return importlib.import_module("lz4.frame").LZ4FrameDecompressor()


def zstd_decompressor() -> Any:
    """A new zstd decompressor; ContainerError names the package that is missing."""
    try:
        module = importlib.import_module("zstandard")
    except ImportError as error:
        raise ContainerError(
            "the data is compressed with zstd: install the package `zstandard` (pip install 'rdbcodec[zstd]')"
        ) from error
    return module.ZstdDecompressor()


def unpack_blob(codec: str, data: bytes, limit: int) -> bytes:
    """The records in a compressed blob of a Dragonfly snapshot; `codec` is "lz4-blob" or "zstd-blob".

    Raises LimitExceeded when they are more than `limit` bytes, CorruptStructure when they cannot be had.
    """
    return _unpack_lz4(data, limit) if codec == "lz4-blob" else _unpack_zstd(data, limit)


def _unpack_lz4(data: bytes, limit: int) -> bytes:
    decompressor = lz4_decompressor()
    try:
        unpacked: bytes = decompressor.decompress(data, max_length=limit + 1)
    except RuntimeError as error:  # lz4 raises nothing more specific
        raise CorruptStructure(f"an LZ4 blob cannot be unpacked: {error}") from error
    _check_size(len(unpacked), limit)
    if not decompressor.eof:
        raise CorruptStructure("an LZ4 blob ends inside its frame")
    return unpacked


def _unpack_zstd(data: bytes, limit: int) -> bytes:
    reader = zstd_decompressor().stream_reader(data)
    try:
        unpacked: bytes = reader.read(limit + 1)
    except Exception as error:
        if type(error).__name__ != "ZstdError":  # the package is optional, so is its exception
            raise
        raise CorruptStructure(f"a zstd blob cannot be unpacked: {error}") from error
    _check_size(len(unpacked), limit)
    return unpacked


def _check_size(size: int, limit: int) -> None:
    if size > limit:
        raise LimitExceeded(
            "a compressed blob unpacks to more than allowed", limit=limit, wanted=size, name="max_value"
        )
