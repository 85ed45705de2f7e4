"""Which bytes of a text are replaced, and by bytes of which kind.

    text       digits, small and large letters, and what follows the first byte of a character beyond ASCII;
               punctuation and spaces stay
    binary     every byte; each by one of its kind, so that it is binary afterwards, too

What is text and what is binary is decided by the kinds alone, which masking does not change. So no text is
masked to what another is masked to, whatever their kinds.
"""

from __future__ import annotations

import math
import re
from functools import lru_cache

from rdbcodec.named_tuples import NamedTuple

DIGIT, LOWER, UPPER, PUNCT, SPACE, CONTROL, FOLLOW, LEAD_2, LEAD_3, LEAD_4, BRACE = b"dlups!c234{"

_DIGITS, _LOWERS, _UPPERS = b"0123456789", bytes(range(0x61, 0x7B)), bytes(range(0x41, 0x5B))
_SPACES, _BRACES = b"\t\n\r", b"{}"
_PUNCTS = bytes(byte for byte in range(0x20, 0x7F) if byte not in _DIGITS + _LOWERS + _UPPERS + _BRACES)
# The bytes of each kind. Braces are none of the punctuation: those of a key say which slot it has.
ALPHABETS: dict[int, bytes] = {
    DIGIT: _DIGITS,
    LOWER: _LOWERS,
    UPPER: _UPPERS,
    PUNCT: _PUNCTS,
    SPACE: _SPACES,
    CONTROL: bytes(byte for byte in (*range(0x20), 0x7F) if byte not in _SPACES),
    FOLLOW: bytes(range(0x80, 0xC0)),
    LEAD_2: bytes(range(0xC0, 0xE0)),
    LEAD_3: bytes(range(0xE0, 0xF0)),
    LEAD_4: bytes(range(0xF0, 0x100)),
    BRACE: _BRACES,
}
_KIND_OF = {byte: kind for kind, alphabet in ALPHABETS.items() for byte in alphabet}
KINDS = bytes(_KIND_OF[byte] for byte in range(256))  # of each byte, to translate by
STAYS = ord("-")  # the kind of a byte that is not replaced
_IN_TEXT = frozenset((DIGIT, LOWER, UPPER, FOLLOW))
_IN_BINARY = frozenset(ALPHABETS) - {BRACE}

_IS_TEXT = re.compile(rb"[dlups{]*(?:(?:2c|3cc|4ccc)[dlups{]*)*").fullmatch
_ASCII = re.compile(rb"[dlups{]*").fullmatch
# After these first bytes not every second one makes a character: it stays.
_NARROW = re.compile(rb"[\xe0\xed\xf0\xf4].")
_NUMBER = re.compile(rb"-?[0-9]+").fullmatch


class Shape(NamedTuple):
    """The kind of each byte of a text; those that stay have the kind STAYS."""

    kinds: bytes

    def bits(self) -> float:
        """How much the bytes that are replaced can say, in bits."""
        count = self.kinds.count
        return sum([count(kind) * bits for kind, bits in _BITS.items()])

    def free(self) -> list[int]:
        """The positions whose bytes are replaced."""
        return [pos for pos, kind in enumerate(self.kinds) if kind != STAYS]

    def halves(self) -> tuple[Half, Half]:
        """The positions whose bytes are replaced, in two halves."""
        return _halves(self.kinds)


class Half(NamedTuple):
    """Positions, the bytes that may stand at each, and in how many ways that can be."""

    positions: list[int]
    alphabets: list[bytes]
    ways: int

    def taken(self, text: bytes | bytearray) -> int:
        """Which of the ways a text has."""
        index = 0
        for pos, alphabet in zip(self.positions, self.alphabets, strict=True):
            index = index * len(alphabet) + alphabet.index(text[pos])
        return index

    def put(self, text: bytearray, index: int) -> None:
        """Make it that one."""
        for pos, alphabet in zip(reversed(self.positions), reversed(self.alphabets), strict=True):
            index, at = divmod(index, len(alphabet))
            text[pos] = alphabet[at]


def half_of(kinds: bytes, positions: list[int]) -> Half:
    """What these positions can be."""
    alphabets = [ALPHABETS[kinds[pos]] for pos in positions]
    return Half(positions, alphabets, math.prod(map(len, alphabets)))


@lru_cache(4096)
def _halves(kinds: bytes) -> tuple[Half, Half]:
    free = Shape(kinds).free()
    middle = len(free) // 2
    return half_of(kinds, free[:middle]), half_of(kinds, free[middle:])


def shape_of(text: bytes) -> Shape:
    """Which bytes of a text are replaced."""
    kinds = text.translate(KINDS)
    is_ascii = _ASCII(kinds) is not None
    if not is_ascii and _IS_TEXT(kinds) is None:
        return Shape(kinds.translate(_BINARY))
    kinds = kinds.translate(_TEXT)
    if not is_ascii:
        kept = bytearray(kinds)
        for found in _NARROW.finditer(text):
            kept[found.start() + 1] = STAYS
        return Shape(bytes(kept))
    if _NUMBER(text) is not None:  # a number has no other number of digits afterwards
        first = 1 if text[0] == 0x2D else 0
        return Shape(kinds[:first] + bytes((STAYS,)) + kinds[first + 1 :])
    return Shape(kinds)


def literal_shape(literals: bytes) -> Shape:
    """The same for the literals of a compressed text, which need not be whole characters."""
    kinds = literals.translate(KINDS)
    return Shape(kinds.translate(_BINARY if CONTROL in kinds else _TEXT))


def _staying(replaced: frozenset[int]) -> bytes:
    return bytes(kind if kind in replaced else STAYS for kind in range(256))


_TEXT, _BINARY = _staying(_IN_TEXT), _staying(_IN_BINARY)
_BITS = {kind: (len(alphabet) - 1).bit_length() - 0.5 for kind, alphabet in ALPHABETS.items()}


def filled(text: bytes, shape: Shape, noise: bytes) -> bytes:
    """The text with each byte that is replaced made of that of the noise; both are as long as the text.

    Arithmetic on whole texts: a loop over their bytes takes thirty times as long.
    """
    size, kinds = len(text), shape.kinds
    made = int.from_bytes(text, "big") & int.from_bytes(kinds.translate(_IS[STAYS]), "big")
    for kind, alphabet in _FROM_NOISE.items():
        if kind in kinds:
            chosen = int.from_bytes(kinds.translate(_IS[kind]), "big")
            made |= int.from_bytes(noise.translate(alphabet), "big") & chosen
    return made.to_bytes(size, "big")


def _spread(alphabet: bytes) -> bytes:
    return bytes(alphabet[byte % len(alphabet)] for byte in range(256))


_FROM_NOISE = {kind: _spread(alphabet) for kind, alphabet in ALPHABETS.items()}
_IS = {kind: bytes(0xFF if each == kind else 0 for each in range(256)) for kind in (STAYS, *ALPHABETS)}
