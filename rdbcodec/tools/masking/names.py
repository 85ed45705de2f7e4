"""Keys in disguise that stay in their slots, and beside those that they stood beside.

    user:1234       ->  wkqe:9071       the same slot of a cluster, the same length, the same separators
    user:5          ->  wkqe:5          the same prefix for each key that had the same
    {user1}.cart    ->  {pafk8}.xmwo    what stands in the braces decides the slot alone

A slot is a CRC. A word of a prefix becomes another of the same CRC, which then adds the same wherever it
stands; the rest of the key is moved among all that add the same to the slot.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from rdbcodec.facts.slots import SLOTS
from rdbcodec.tools.masking.disguise import ENOUGH, Disguise
from rdbcodec.tools.masking.moves import WHOLE, Moves
from rdbcodec.tools.masking.shapes import STAYS, Shape, filled, shape_of

_CACHED = 1 << 14


class Names:
    """Disguises of keys. `keep` separators are looked for, and what stands before the last of them stays."""

    def __init__(self, disguise: Disguise, *, same_slot: bool = True, keep: int = 0) -> None:
        self._disguise = disguise
        self._same_slot = same_slot
        self._keep = keep
        self._moves = Moves(disguise, SLOTS)
        self._words = Moves(disguise, WHOLE)
        self._word = lru_cache(_CACHED)(self._made_word)

    def of(self, key: bytes) -> bytes:
        """The disguise of a key."""
        kinds = bytearray(self._shape(key).kinds)
        made = bytearray(key)
        begin, end = _tag(key)
        for start, stop in _words(key, kinds):
            made[start:stop] = self._word(key[start:stop], bytes(kinds[start:stop]))
            kinds[start:stop] = bytes((STAYS,)) * (stop - start)
        return self._rest(bytes(made), bytes(kinds), begin, end)

    def _rest(self, key: bytes, kinds: bytes, begin: int, end: int) -> bytes:
        """What is left to be replaced of a key: in its tag first, which says the slot, then around it."""
        if self._same_slot:
            tag = self._moves.of(key[begin:end], Shape(kinds[begin:end]))
            made = key[:begin] + tag + key[end:]
        else:
            inside = bytes((STAYS,)) * begin + kinds[begin:end] + bytes((STAYS,)) * (len(key) - end)
            made = self._any(key, Shape(inside), b"tag")
        return self._any(made, Shape(kinds[:begin] + bytes((STAYS,)) * (end - begin) + kinds[end:]), b"key")

    def _shape(self, key: bytes) -> Shape:
        shape, at = shape_of(key), 0
        for _ in range(self._keep):
            found = key.find(b":", at)
            if found < 0:
                break
            at = found + 1
        return Shape(bytes((STAYS,)) * at + shape.kinds[at:])

    def _made_word(self, word: bytes, kinds: bytes) -> bytes:
        """The same for every key that has the word in its prefix."""
        if self._same_slot:
            return self._words.of(word, Shape(kinds))
        return self._any(word, Shape(kinds), b"word")

    def _any(self, key: bytes, shape: Shape, tweak: bytes) -> bytes:
        """Another, whatever its slot."""
        if shape.bits() >= ENOUGH:
            return filled(key, shape, self._disguise.noise(tweak + b":" + key, len(key)))
        return self._disguise.shuffled(key, shape, tweak)


def _tag(key: bytes) -> tuple[int, int]:
    """Where that begins and ends which the slot is made of (see facts.slots)."""
    begin = key.find(b"{")
    end = key.find(b"}", begin + 1)
    return (begin + 1, end) if begin >= 0 and end > begin + 1 else (0, len(key))


def _words(key: bytes, kinds: bytearray) -> Iterator[tuple[int, int]]:
    """Where the words of the prefix stand, of which there are enough to hide one among: before a colon, four
    letters or more.

    Masking changes nothing of what is looked at here, so that no two keys get the same name; and a tag, which
    braces end, is told by itself alone.
    """
    for found in _SEGMENT(key):
        start, stop = found.span()
        if key[stop : stop + 1] != b":" or kinds[stop] != STAYS:
            continue
        if _IS_WORD(bytes(kinds[start:stop]).translate(None, bytes((STAYS,)))) is not None:
            yield start, stop


_SEGMENT = re.compile(rb"[^:{}]+").finditer
# Kinds of a word as people write it, which identifiers hardly ever have: user, USER, User, userCart, user2.
# About seven words of four letters have the same CRC, and of three letters hardly two.
_IS_WORD = re.compile(rb"(?=[lu]{4})(?:u+|u?l+(?:ul+)?)d{0,2}").fullmatch
