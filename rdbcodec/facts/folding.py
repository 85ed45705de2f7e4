"""What keys of one sort have in common: their names in parts, with `*` for what numbers them.

    Folding(depth=2).pattern(b"acme:user:133473:cart")      b"acme:user:"
    Folding(depth=9).pattern(b"acme:user:133473:cart")      b"acme:user:*:cart"

A part ends behind a separator. For an identifier are taken numbers, words of eight and more hexadecimal
digits that are not letters alone, UUIDs and ULIDs. A part that cannot be shown is BINARY, and the last.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

SEPARATORS = ":/|."
DEPTH = 2
DEEPEST = 32  # parts that are told apart
BINARY = b"(binary)"
_LONGEST = 256  # bytes of a key that are looked at
_REMEMBERED = 1 << 13  # names whose pattern is remembered: some 2 MiB, more where they are long
_FORBIDDEN = "*()"  # what patterns are made of

_WORD = rb"(?<![0-9A-Za-z])%b(?![0-9A-Za-z])"
_HEX = rb"[0-9A-Fa-f]"
_IDENTIFIER = re.compile(
    b"|".join(
        (
            _WORD % (_HEX + b"{8}-" + (_HEX + b"{4}-") * 3 + _HEX + b"{12}"),  # UUID
            _WORD % (rb"(?=[A-Fa-f]*[0-9])" + _HEX + b"{8,}"),
            _WORD % rb"[0-9](?:[0-9A-HJKMNP-TV-Z]{25}|[0-9a-hjkmnp-tv-z]{25})",  # ULID
            rb"[0-9]+",
        )
    )
)
# Names that differ in digits alone have one pattern: it is looked up by the name with these all the same.
_ANY_DIGIT = bytes.maketrans(b"123456789", b"000000000")
_CUT_CHARACTER = re.compile(rb"[\xc0-\xff][\x80-\xbf]{0,2}$")


class Folding:
    """Keys to patterns: of at most `depth` parts, each up to one of the separators.

    Raises ValueError for separators that are none: letters, digits, or what patterns are made of.
    """

    def __init__(self, separators: str = SEPARATORS, depth: int = DEPTH) -> None:
        if not separators or not all(map(_can_separate, separators)):
            raise ValueError(
                f"{separators!r}: expected separators in ASCII, none a letter, a digit or one of *()"
            )
        if not 0 < depth <= DEEPEST:
            raise ValueError(f"depth {depth}: expected 1 to {DEEPEST} parts")
        self.separators = separators
        self.depth = depth
        one = re.escape(separators.encode())
        part = b"[^%b]*[%b]" % (one, one)
        self._part = re.compile(part + b"?")
        self._cut = re.compile(b"(?:%b){0,%d}[^%b]*[%b]?" % (part, depth - 1, one, one))
        self._in_identifiers = "-" in separators  # of UUIDs, which are folded before the name is cut
        self._known: dict[bytes, bytes] = {}

    def pattern(self, key: bytes) -> bytes:
        """The pattern of a key; of most it is known of another key that differs in digits only."""
        if len(key) > _LONGEST:
            key = _CUT_CHARACTER.sub(b"", key[:_LONGEST])
        if self._in_identifiers:
            key = _IDENTIFIER.sub(b"*", key)
        name = self._cut.match(key)[0].translate(_ANY_DIGIT)  # type: ignore[index] # it matches nothing, too
        known = self._known.get(name)
        return self._new(name) if known is None else known

    def patterns(self, keys: Sequence[bytes]) -> list[bytes]:
        """The patterns of many keys: where most differ in digits only, each of the others once."""
        if self._in_identifiers:
            return list(map(self.pattern, keys))
        joined = b"\n".join(keys)
        if joined.count(b"\n") != len(keys) - 1:
            return self._one_by_one(keys)
        alike = joined.translate(_ANY_DIGIT).split(b"\n")
        distinct = [*{*alike}]
        if len(distinct) > len(keys) // 2:
            return self._one_by_one(keys)
        pattern_of = dict(zip(distinct, self._one_by_one(distinct), strict=True))
        return [pattern_of[key] for key in alike]

    def _one_by_one(self, keys: Sequence[bytes]) -> list[bytes]:
        cut, known, new = self._cut.match, self._known, self._new
        found = []
        for key in keys:
            if len(key) > _LONGEST:
                found.append(self.pattern(key))
                continue
            name = cut(key)[0].translate(_ANY_DIGIT)  # type: ignore[index] # as above
            found.append(known[name] if name in known else new(name))
        return found

    def _new(self, name: bytes) -> bytes:
        pattern = self._shown(_IDENTIFIER.sub(b"*", name))
        if len(self._known) >= _REMEMBERED:
            self._known.clear()
        self._known[name] = pattern
        return pattern

    def _shown(self, folded: bytes) -> bytes:
        if folded.isascii() and folded.decode().isprintable():
            return folded
        shown = b""
        for part in self.parts(folded):
            if not _is_printable(part):
                return shown + BINARY
            shown += part
        return shown

    def parts(self, pattern: bytes) -> Iterator[bytes]:
        """The parts of a pattern, each with its separator; the pattern of an empty key has an empty one."""
        end = 0
        while True:
            found = self._part.match(pattern, end)
            assert found is not None  # it matches nothing, too
            yield found[0]
            end = found.end()
            if end == len(pattern):
                return


def _can_separate(sign: str) -> bool:
    return sign.isascii() and sign.isprintable() and not sign.isalnum() and sign not in _FORBIDDEN


def _is_printable(part: bytes) -> bool:
    try:
        return part.decode("utf-8").isprintable()
    except UnicodeDecodeError:
        return False
