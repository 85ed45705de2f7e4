"""The numbers modules are known by (rdb-format.md, 4.8.1; rdb-v13-15.md, 3.2).

    module type id, u64     name, 9 characters of 6 bits, first one highest | version, 10 bits
    key metadata class, u32 name, 4 characters of 6 bits | version, 5 bits | flags, 3 bits

Both use A-Z a-z 0-9 for 0 to 61, and then differ: module ids go on with `-` `_`, classes with `_` `-`.

Instance: `81 bd e7 2d a2 bb 1e b4 00` is the LENGTH of "vectorset", version 0.
"""

from __future__ import annotations

from collections.abc import Collection

from rdbcodec.named_tuples import NamedTuple

_COMMON = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
_MODULE_ALPHABET = _COMMON + "-_"
_CLASS_ALPHABET = _COMMON + "_-"

IGNORABLE = 1  # flag of a metadata class: a server without the class may drop the value


class ModuleId(NamedTuple):
    """Name and encoding version of a module's data type."""

    name: str
    version: int


class MetaClass(NamedTuple):
    """A class of module metadata attached to keys."""

    name: str
    version: int
    flags: int

    @property
    def may_be_ignored(self) -> bool:
        """Whether a server without the class drops the metadata and goes on loading."""
        return bool(self.flags & IGNORABLE)

    def is_needed(self, modules: Collection[str]) -> bool:
        """Whether a server that has these classes and modules ends on it."""
        return not self.may_be_ignored and self.name not in modules


def decode_module_id(value: int) -> ModuleId:
    """What the u64 in a file stands for; any number is some name."""
    return ModuleId(_name(value >> 10, 9, _MODULE_ALPHABET), value & 0x3FF)


def encode_module_id(module: ModuleId) -> int:
    """The u64 for a name of 9 characters; raises ValueError for any other."""
    if len(module.name) != 9 or not 0 <= module.version <= 0x3FF:
        raise ValueError(f"a module id is 9 characters and a version of 0 to 1023, not {module}")
    value = 0
    for character in module.name:
        value = value << 6 | _MODULE_ALPHABET.index(character)
    return value << 10 | module.version


def decode_meta_class(value: int) -> MetaClass:
    """What the u32 of a key metadata class stands for."""
    return MetaClass(_name(value >> 8, 4, _CLASS_ALPHABET), value >> 3 & 0x1F, value & 7)


def _name(value: int, size: int, alphabet: str) -> str:
    return "".join(alphabet[value >> 6 * at & 0x3F] for at in reversed(range(size)))
