"""Redis globs on the bytes of keys, as KEYS and SCAN of a server read them.

* ? [a-z] [^a] and \\ before any of them. `[` alone opens a class without members and matches nothing, `\\[`
is the character.
"""

from __future__ import annotations

import re


def glob_pattern(glob: bytes) -> bytes:
    """The regular expression, for the whole key, of what KEYS and SCAN take.

    Keys are foreign input, and backtracking over n stars takes the n-th power of a key's size. What
    stands between two stars has one length, so where it is found first is as good a place as any: each
    piece is found once, in a group that is not entered again. (Python 3.10 has no atomic groups; a
    look-ahead is one, and a reference to what it found steps over that.)
    """
    first, *rest = _pieces(glob)
    parts = [rb"(?s)\A", first]
    if not rest:
        return b"".join([*parts, rb"\Z"])
    *middle, last = rest
    middle = [piece for piece in middle if piece]  # a second star adds nothing
    parts += [
        b"(?=(?P<piece%d>.*?%b))(?P=piece%d)" % (number, piece, number) for number, piece in enumerate(middle)
    ]
    return b"".join([*parts, rb".*%b\Z" % last if last else b""])


def _pieces(glob: bytes) -> list[bytes]:
    """What stands between the stars, as regular expressions."""
    pieces, pos = [b""], 0
    while pos < len(glob):
        char = glob[pos : pos + 1]
        if char == b"*":
            pieces.append(b"")
            pos += 1
            continue
        if char == b"[":
            part, pos = _class(glob, pos + 1)
        elif char == b"\\" and pos + 1 < len(glob):  # the last one stands for itself
            part, pos = re.escape(glob[pos + 1 : pos + 2]), pos + 2
        else:
            part, pos = b"." if char == b"?" else re.escape(char), pos + 1
        pieces[-1] += part
    return pieces


def _class(glob: bytes, pos: int) -> tuple[bytes, int]:
    """The class that begins at `pos`, and the position behind it.

    As servers read it: ranges either way round, no escape at their far end, a class that is not closed
    ends with the glob, one without members matches nothing.
    """
    negated = glob[pos : pos + 1] == b"^"
    pos += negated
    members: set[int] = set()
    while pos < len(glob) and glob[pos] != ord("]"):
        if glob[pos] == ord("\\") and pos + 1 < len(glob):
            members.add(glob[pos + 1])
            pos += 2
        elif glob[pos + 1 : pos + 2] == b"-" and pos + 2 < len(glob):
            low, high = sorted((glob[pos], glob[pos + 2]))
            members.update(range(low, high + 1))
            pos += 3
        else:
            members.add(glob[pos])
            pos += 1
    return _members_pattern(members, negated=negated), pos + 1


def _members_pattern(members: set[int], *, negated: bool) -> bytes:
    if not members:
        return rb"." if negated else rb"(?!)"
    return b"[%b%b]" % (b"^" if negated else b"", b"".join(b"\\x%02x" % member for member in sorted(members)))
