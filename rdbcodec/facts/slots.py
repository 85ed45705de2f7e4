"""The hash slots of a cluster: which have keys, in which files."""

from __future__ import annotations

import binascii
from collections.abc import Iterable, Iterator

from rdbcodec.facts.named import Named, made
from rdbcodec.named_tuples import NamedTuple

SLOTS = 16384
MANY_MISSING = SLOTS // 2  # slots without keys; where more are missing, it is no cluster that is looked at


def key_slot(key: bytes) -> int:
    """The cluster slot of a key: CRC-16 of it, or of what its first braces hold if they hold anything."""
    return binascii.crc_hqx(hashed_part(key), 0) % SLOTS


def hashed_part(key: bytes) -> bytes:
    """What of a key decides its slot."""
    begin = key.find(b"{")
    end = key.find(b"}", begin + 1)
    return key[begin + 1 : end] if begin >= 0 and end > begin + 1 else key


class Shared(NamedTuple):
    """Slots with keys in more than one file, and those files."""

    slots: list[int]
    files: list[str]


class Coverage(Named):
    """The slots that have keys in each of several files."""

    files: list[tuple[str, frozenset[int]]] = made(factory=list)

    def add(self, name: str, slots: Iterable[int]) -> None:
        """One more file."""
        self.files.append((name, frozenset(slots)))

    @property
    def covered(self) -> list[int]:
        """Slots with keys."""
        return sorted(frozenset().union(*(slots for _, slots in self.files)))

    @property
    def missing(self) -> list[int]:
        """Slots without keys, unless they are so many that nobody expected keys in them."""
        missing = sorted(frozenset(range(SLOTS)).difference(*(slots for _, slots in self.files)))
        return missing if len(missing) <= MANY_MISSING else []

    @property
    def twice(self) -> list[int]:
        """Slots with keys in more than one file."""
        return sorted(slot for shared in self.shared() for slot in shared.slots)

    def shared(self) -> Iterator[Shared]:
        """The same, those of the same files together."""
        names: dict[int, list[str]] = {}
        for name, slots in self.files:
            for slot in slots:
                names.setdefault(slot, []).append(name)
        together: dict[tuple[str, ...], list[int]] = {}
        for slot in sorted(names):
            if len(names[slot]) > 1:
                together.setdefault(tuple(names[slot]), []).append(slot)
        for files, slots_of_them in together.items():
            yield Shared(slots_of_them, [*files])


def ranges(slots: Iterable[int]) -> list[tuple[int, int]]:
    """Rising slots as the first and the last of each run."""
    found: list[tuple[int, int]] = []
    for slot in slots:
        if found and slot == found[-1][1] + 1:
            found[-1] = found[-1][0], slot
        else:
            found.append((slot, slot))
    return found
