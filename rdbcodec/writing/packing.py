"""What a snapshot that is written can be wrapped in. No time, no name goes in: equal input, equal bytes."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any, Literal

from rdbcodec.errors import ContainerError
from rdbcodec.reading.unpack import lz4_frames
from rdbcodec.remote.urls import name_of, scheme_of

Compression = Literal["gzip", "lz4", "zstd"]
SUFFIXES: dict[str, Compression] = {".gz": "gzip", ".lz4": "lz4", ".zst": "zstd"}


def compression_of_name(name: str) -> Compression | None:
    """What the suffix of a file name asks for."""
    return SUFFIXES.get(Path(name_of(name) if scheme_of(name) else name).suffix.lower())


def packer(compression: Compression | None) -> Any:
    """What wraps a file. ContainerError when the package for that is not here."""
    return None if compression is None else _PACKERS[compression]()


def check_compression(compression: Compression | None) -> None:
    """Import what the compression needs. ContainerError, which names the package, when it is not here."""
    packer(compression)


def _gzip_packer() -> Any:
    return lambda file: gzip.GzipFile(filename="", mode="wb", fileobj=file, mtime=0, compresslevel=6)


def _lz4_packer() -> Any:
    frames = lz4_frames()
    return lambda file: frames.LZ4FrameFile(file, mode="wb")


def _zstd_packer() -> Any:
    try:
        import zstandard  # noqa: PLC0415 - optional
    except ImportError:
        raise ContainerError(
            "writing zstd needs the package zstandard: pip install 'rdbcodec[zstd]'"
        ) from None
    return lambda file: zstandard.ZstdCompressor(write_checksum=True).stream_writer(file, closefd=False)


_PACKERS = {"gzip": _gzip_packer, "lz4": _lz4_packer, "zstd": _zstd_packer}
