"""LZF, the compression inside RDB strings (marker C3): both directions.

blocks.py has the format and reads it, exact.py writes what a server would write, by_lz4.py writes with the
help of LZ4. Here is the choice of the engine:

    python-lzf   both directions in C, the library that the servers carry a copy of; python-neo-lzf, which
                 has wheels, is the same under the same name
    lz4          writes with LZ4, some sixteen times as fast as exact.py, and not a server's bytes
    pure         no package at all; what it writes is what a server writes

What is promised whatever the engine:

* 3 bytes of input make 264 bytes of output at most, so a block that declares more than 88 times its
  own size is refused before anything is allocated.
* Damage is what blocks.py says it is.
* Whatever compress() returns, decompress() reads. The same engine makes the same bytes every time;
  different engines make different bytes, and no loader cares. Who does care takes compress_exact().
"""

from __future__ import annotations

import importlib
from functools import cache
from typing import TYPE_CHECKING

from rdbcodec.errors import CorruptStructure
from rdbcodec.named_tuples import NamedTuple
from rdbcodec.wire.accelerators import check_allowed
from rdbcodec.wire.lzf.blocks import (
    MAX_DISTANCE,
    MAX_LITERAL,
    MAX_MATCH,
    MIN_MATCH,
    MIN_SAVED,
    MIN_SIZE,
    decompress_prefix,
    decompress_pure,
    iter_decompress,
    unpacked_size,
)
from rdbcodec.wire.lzf.by_lz4 import compressor
from rdbcodec.wire.lzf.exact import compress_exact

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "LOADERS",
    "MAX_DISTANCE",
    "MAX_EXPANSION",
    "MAX_LITERAL",
    "MAX_MATCH",
    "MAX_SIZE",
    "MIN_MATCH",
    "MIN_SAVED",
    "MIN_SIZE",
    "VECTOR",
    "Engine",
    "available",
    "chosen",
    "compress",
    "compress_exact",
    "decompress",
    "decompress_prefix",
    "decompress_pure",
    "engine",
    "iter_decompress",
    "load",
    "reading_engine",
    "unpacked_size",
    "verify",
    "works",
]

MAX_EXPANSION = MAX_MATCH // MIN_MATCH  # a long back-reference: 3 bytes in, 264 out
SLACK = MAX_MATCH  # no honest block needs it; it keeps the bomb check clear of the exact limit
MAX_SIZE = 0x7E000000  # python-lzf counts in 32 bits with a sign; four times what a server takes by default
PROBE_SIZE = 1 << 20  # from here on the allocation python-lzf does not check is tried by Python first

VECTOR = bytes.fromhex("01 61 61 e0 11 00 01 61 61")  # 30 times "a": what an engine must read to be used


class Engine(NamedTuple):
    """One implementation; None from either function means "not me": damage, or not worth compressing."""

    decompress: Callable[[bytes, int], bytes | None]
    compress: Callable[[bytes], bytes | None]


def decompress(data: bytes, size: int) -> bytes:
    """The `size` bytes that the whole block `data` stands for.

    Raises CorruptStructure when the block is damaged or makes more or less than `size` bytes.
    """
    most = len(data) * MAX_EXPANSION + SLACK
    if size > most:
        raise CorruptStructure(
            f"LZF block of {len(data)} bytes declares {size}, it can make {most} at most", 0
        )
    out = reader()(data, size)
    return decompress_pure(data, size) if out is None else out


def verify(data: bytes, size: int) -> None:
    """Raise as decompress() does, without making the output where that is the cheaper way."""
    if reader() is decompress_pure and size <= len(data) * MAX_EXPANSION and unpacked_size(data) == size:
        return
    decompress(data, size)


def compress(data: bytes) -> bytes | None:
    """`data` as an LZF block where a server would store one, else None: too short, or too little saved."""
    if not MIN_SIZE <= len(data) <= MAX_SIZE:
        return None
    block = writer()(data)
    return block if block is not None and len(block) <= len(data) - MIN_SAVED else None


def engine() -> str:
    """The engine that writes: "python-lzf", "lz4" or "pure"."""
    return chosen()[0]


def reading_engine() -> str:
    """The engine that reads: "python-lzf" or "pure"; LZ4 is no help in that."""
    return "python-lzf" if works("python-lzf") else "pure"


def available() -> list[str]:
    """The engines that work here, fastest first; ["pure"] under RDBCODEC_PURE=1."""
    return [name for name in LOADERS if works(name)]


@cache
def load(name: str) -> Engine:
    """The engine of that name. Raises ImportError, which says why not, and KeyError for a name unknown."""
    loader = LOADERS[name]
    check_allowed(name)
    return loader()


def works(name: str) -> bool:
    """Whether load() would give this engine."""
    try:
        load(name)
    except ImportError:
        return False
    return True


@cache
def chosen() -> tuple[str, Engine]:
    """The engine that writes. Settled once, on first use: importing this module imports no engine."""
    name = next(filter(works, LOADERS))
    return name, load(name)


@cache
def writer() -> Callable[[bytes], bytes | None]:
    """What writes."""
    return chosen()[1].compress


@cache
def reader() -> Callable[[bytes, int], bytes | None]:
    """What reads."""
    return load(reading_engine()).decompress


def load_pure() -> Engine:
    """The one in this package."""
    return Engine(decompress_pure, compress_exact)


def load_lz4() -> Engine:
    """The one in this package, but LZ4 finds the matches to write."""
    block = importlib.import_module("lz4.block")
    return Engine(decompress_pure, compressor(block.compress))


def load_python_lzf() -> Engine:
    """python-lzf, the C library that the servers carry a copy of."""
    module = importlib.import_module("lzf")
    try:
        out = module.decompress(VECTOR, 30)
    except (AttributeError, TypeError, ValueError, SystemError) as error:
        # another package of that name, or one built as Python 3.10 no longer allows (SystemError)
        raise ImportError(f"the package lzf is here, but does not work: {error}") from error
    if out != b"a" * 30:
        raise ImportError("the package lzf is here, but does not speak LZF")

    def decompress_native(data: bytes, size: int) -> bytes | None:
        if not (0 < len(data) <= MAX_SIZE and 0 < size <= MAX_SIZE):
            return None  # it reads one byte of an empty block, and cuts larger sizes to 32 bits
        if size > PROBE_SIZE:
            bytes(size)  # it trusts malloc: fail here with MemoryError, not there. Untouched memory is free
        try:
            found: bytes | None = module.decompress(data, size)
        except ValueError:
            return None
        return found if found is not None and len(found) == size else None

    def compress_native(data: bytes) -> bytes | None:
        block: bytes | None = module.compress(data, len(data) - MIN_SAVED - 1)  # it takes one byte more
        return block

    return Engine(decompress_native, compress_native)


LOADERS: dict[str, Callable[[], Engine]] = {
    "python-lzf": load_python_lzf,
    "lz4": load_lz4,
    "pure": load_pure,
}
