"""Texts, integers and scores in disguise: others of the same form, chosen by a secret.

The same text has the same disguise wherever it stands, and two texts never have the same one: sets keep
their members and hashes their fields. For long texts that is a matter of chance, of less than one in 2**40
for a billion of them; short texts and integers are shuffled among all texts of their form. Nobody who lacks
the secret can say what stood there, but for what the form says, and for guesses where there are few of a
form.

Integers stay between the same bounds: those of every width that any server stores them in, and of their
number of digits. Scores do, too, and besides keep their order; scores that lie close can become equal. What
follows the decimal point of a score stays.
"""

from __future__ import annotations

import math
import re
from bisect import bisect_right
from functools import lru_cache
from hashlib import blake2b, shake_256

from rdbcodec.tools.masking.shapes import Shape, filled, literal_shape, shape_of
from rdbcodec.wire import lzf
from rdbcodec.wire.lzf import literals

ENOUGH = 64  # bits, from which on chance is enough
_ROUNDS = 4
PIECE = 64 << 10  # bytes of a long text that are replaced at a time
_CACHED = 1 << 16
_REPEATING = 64  # bytes of a text whose repetitions are looked for, which takes longer than all else
_SHORT = 48  # bytes of a text that may come again


class Disguise:
    """What disguises; the same secret gives the same disguises."""

    def __init__(self, secret: bytes) -> None:
        self._key = blake2b(secret, digest_size=32).digest()
        self._hash = blake2b(key=self._key, digest_size=16)
        self._cached = lru_cache(_CACHED)(self._text)
        self.integer = lru_cache(_CACHED)(self._integer)
        self._steps = lru_cache(1024)(self._made_steps)

    def text(self, text: bytes) -> bytes:
        """Another text of this form."""
        if len(text) <= _SHORT:
            return self._cached(text)
        if len(text) <= PIECE:
            return self._text(text)
        pieces = range(0, len(text), PIECE)
        return b"".join(self.piece(text[at : at + PIECE], at // PIECE) for at in pieces)

    def piece(self, text: bytes, number: int) -> bytes:
        """A piece of a text that is longer than one."""
        return filled(text, shape_of(text), self.noise(b"piece%d:" % number + text, len(text)))

    def literals(self, taken: bytes) -> bytes | None:
        """The literals of a compressed text; None when they are too few to be told from others by chance."""
        shape = literal_shape(taken)
        if shape.bits() < ENOUGH:
            return None
        return filled(taken, shape, self.noise(b"literals:" + taken, len(taken)))

    def noise(self, seed: bytes, size: int) -> bytes:
        """So many bytes that look like chance."""
        return shake_256(self._key + seed).digest(size)

    def number(self, seed: bytes) -> int:
        """A number of 128 bits that looks like chance."""
        told = self._hash.copy()
        told.update(seed)
        return int.from_bytes(told.digest(), "big")

    # --- texts ---------------------------------------------------------------------------------------

    def _text(self, text: bytes) -> bytes:
        if _IS_INTEGER(text) is not None:
            return b"%d" % self.integer(int(text))
        repeating = self._repeating(text) if len(text) >= _REPEATING else None
        if repeating is not None:
            return repeating
        shape = shape_of(text)
        if shape.bits() >= ENOUGH:
            return filled(text, shape, self.noise(b"text:" + text, len(text)))
        return self.shuffled(text, shape)

    def _repeating(self, text: bytes) -> bytes | None:
        """With the repetitions of the text, so that it can be compressed as well; None without any."""
        block = lzf.compress_exact(text)
        if block is None or len(block) > len(text) - lzf.MIN_SAVED:
            return None
        runs = literals.runs(block)
        made = self.literals(literals.taken(block, runs))
        return None if made is None else lzf.decompress(literals.replaced(block, runs, made), len(text))

    def shuffled(self, text: bytes, shape: Shape, tweak: bytes = b"") -> bytes:
        """One of all texts that differ in the free positions only, no two in the same."""
        left, right = shape.halves()
        a, b = left.taken(text), right.taken(text)
        # What stays of the text is the same on both sides, and tells texts of different forms apart.
        made = bytearray(text)
        for pos in (*left.positions, *right.positions):
            made[pos] = 0
        a, b = self._stirred(a, b, (left.ways, right.ways), tweak + made + shape.kinds)
        left.put(made, a)
        right.put(made, b)
        return bytes(made)

    def _stirred(self, a: int, b: int, sizes: tuple[int, int], seed: bytes) -> tuple[int, int]:
        """A Feistel network: each half is moved on by what the other says."""
        for turn in range(_ROUNDS):
            a = (a + self.number(b"%d|%x|%b" % (turn, b, seed))) % sizes[0]
            b = (b + self.number(b"%d|%x:%b" % (turn, a, seed))) % sizes[1]
        return a, b

    # --- numbers -------------------------------------------------------------------------------------

    def _integer(self, number: int) -> int:
        low, size = _cell(number, _BOUNDS)
        side = math.isqrt(size - 1) + 1
        place = number - low
        while True:  # until it falls into the cell, which the square is hardly larger than
            a, b = divmod(place, side)
            a, b = self._stirred(a, b, (side, side), b"cell%d" % low)
            place = a * side + b
            if place < size:
                return low + place

    def whole_score(self, number: int) -> int:
        """The disguise of a whole score: not below that of any lower one."""
        if number <= 0:
            return -self.whole_score(-number) if number else 0
        low, size = _cell(number, _SCORES)
        steps = self._steps(low)
        at, rest = divmod((number - low) * _STEPS, size)
        moved = steps[at] * size + (steps[at + 1] - steps[at]) * rest
        return low + min(moved // steps[-1], size - 1)

    def _made_steps(self, low: int) -> tuple[int, ...]:
        noise = self.noise(b"steps%d" % low, 8 * _STEPS)
        steps, at = [0], 0
        for step in range(0, len(noise), 8):
            at += 1 + int.from_bytes(noise[step : step + 8], "big")
            steps.append(at)
        return tuple(steps)

    def score(self, score: float) -> float:
        """The disguise of a score; infinite ones, and those beyond the whole numbers of a double, stay."""
        if not abs(score) < _WHOLE:
            return score
        rest, whole = math.modf(score)
        return self.whole_score(int(whole)) + rest if whole else score

    def score_text(self, text: bytes) -> bytes:
        """The same for the text of a score, which keeps its length."""
        found = _SCORE(text)
        if found is None or len(found[2]) > _DIGITS:
            return text
        return b"%b%d%b" % (found[1], self.whole_score(int(found[2])), found[3])


_IS_INTEGER = re.compile(rb"0|-?[1-9][0-9]{0,39}").fullmatch
_SCORE = re.compile(rb"(-?)(0|[1-9][0-9]*)((?:\.[0-9]+)?)").fullmatch
_DIGITS = 18  # of the whole part of a score that is replaced
_WHOLE = 2.0**52
_STEPS = 64

# Where a cell of integers begins: whatever the server, all of a cell are stored in the same width.
# 13: ziplists need no byte for 0 to 12. 2**61: arrays.
_WIDTHS = tuple(1 << bits for bits in (7, 12, 15, 23, 31, 61, 63))
_TENS = tuple(10**digits for digits in range(41))
_BOUNDS = sorted({0, 13, *_TENS, *_WIDTHS, *(1 - ten for ten in _TENS), *(-width for width in _WIDTHS)})
# Scores are the same on both sides of 0, whose widths differ by one number.
_SCORES = sorted({0, 1, 13, *_TENS, *_WIDTHS, *(width + 1 for width in _WIDTHS)})


def _cell(number: int, bounds: list[int]) -> tuple[int, int]:
    """The first integer of its cell, and how many there are."""
    at = bisect_right(bounds, number)
    return bounds[at - 1], bounds[at] - bounds[at - 1]
