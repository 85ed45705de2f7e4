"""The header: nine bytes of magic, REDIS and four digits or VALKEY and three."""

from __future__ import annotations

from rdbcodec.errors import BadMagic, UnsupportedVersion
from rdbcodec.formats import Dialect, announced, known_versions
from rdbcodec.named_tuples import NamedTuple

MAGIC_SIZE = 9


class Header(NamedTuple):
    """The first bytes. `dialect` is what the magic says; AUX fields may tell more later."""

    offset: int
    raw: bytes
    dialect: Dialect
    version: int


def may_be_magic(head: bytes) -> bool:
    """Whether bytes begin like a snapshot: one that does not is refused without waiting for more of it."""
    return b"REDIS".startswith(head[:5]) or b"VALKE".startswith(head[:5])


def read_magic(magic: bytes) -> tuple[Dialect, int]:
    """Dialect and version in the first nine bytes; raises BadMagic."""
    for word, dialect in ((b"REDIS", "redis"), (b"VALKEY", "valkey")):
        digits = magic[len(word) :]
        if magic.startswith(word) and len(magic) == MAGIC_SIZE and digits.isdigit():
            return ("redis" if dialect == "redis" else "valkey"), int(digits)
    if not magic:
        raise BadMagic("the file is empty", 0)
    raise BadMagic(f"expected REDIS and 4 digits or VALKEY and 3 digits, found {magic!r}", 0)


def check_version(magic: Dialect, version: int, *, any_version: bool) -> None:
    """Raise UnsupportedVersion unless a known server writes this header, or any is allowed."""
    known = known_versions(magic)
    if version in known or (any_version and version > 0):
        return
    writer = announced(magic, version)
    by = f", said to be that of {writer}," if writer else ""
    error = UnsupportedVersion(
        f"version {version} of {magic}{by} is unknown: known are {known.start} to {known.stop - 1}", 5
    )
    error.magic = f"{magic.upper()}{version:0{MAGIC_SIZE - len(magic)}}".encode()
    raise error
