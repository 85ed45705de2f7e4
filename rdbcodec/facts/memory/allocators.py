"""What an allocator takes for so many bytes: three of them, which servers are built with.

    jemalloc    as Redis and Valkey bundle it: built for blocks of 8, 16, 24 ... bytes (--with-lg-quantum=3)
    debian      the jemalloc of Debian and Ubuntu, which their packages link: blocks of 8, 16, 32, 48 ...
    libc        glibc's malloc: builds with MALLOC=libc, as many Python packages with a server in them

`INFO memory` says "jemalloc" of both of the first two, and they differ: a dict entry of 24 bytes takes 32 of
Debian's. Measured on Redis 8.2.3 (jemalloc), Redis 7.0.15 and Valkey 8.0.1 of Debian, Redis 6.2.14 (libc).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from rdbcodec.errors import EncodeError
from rdbcodec.named_tuples import NamedTuple

Block = Callable[[int], int]

_BUNDLED_SMALL = (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128)
_DEBIAN_SMALL = (8, *range(16, 129, 16))
_MAPPED = 132 << 10  # glibc maps blocks from here on
_PAGE = 4096


class Allocator(NamedTuple):
    """An allocator: its name here, what it is for people, and the block it gives for so many bytes."""

    name: str
    says: str
    block: Block


def _jemalloc(small: tuple[int, ...]) -> Block:
    """Small classes, then four of equal distance up to each power of two."""
    classes = [next(size for size in small if wanted <= size) for wanted in range(129)]

    def block(size: int) -> int:
        if size <= 128:
            return classes[size]
        below = 1 << (size - 1).bit_length() - 1
        step = below // 4
        return below + step * -(-(size - below) // step)

    return block


def _glibc(size: int) -> int:
    """Chunks of 16 bytes of which 8 are its own; large ones are mapped in pages."""
    chunk = max(32, size + 8 + 15 & ~15)
    if chunk >= _MAPPED:
        return (size + 16 + _PAGE - 1 & -_PAGE) - 16
    return chunk - 8


ALLOCATORS: Mapping[str, Allocator] = {
    row.name: row
    for row in (
        Allocator("jemalloc", "the jemalloc that Redis and Valkey bundle", _jemalloc(_BUNDLED_SMALL)),
        Allocator("debian", "the jemalloc of Debian and Ubuntu", _jemalloc(_DEBIAN_SMALL)),
        Allocator("libc", "glibc's malloc", _glibc),
    )
}
DEFAULT = "jemalloc"


def allocator_of(name: str = DEFAULT) -> Allocator:
    """The allocator of a name; raises EncodeError for one nobody knows."""
    if name not in ALLOCATORS:
        raise EncodeError(f"unknown allocator {name!r}, known are {', '.join(ALLOCATORS)}")
    return ALLOCATORS[name]
