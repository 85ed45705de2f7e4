"""The tables of sorted sets, taken apart: members, and the scores behind them.

3   LENGTH n  (STRING member  TEXT_DOUBLE score)*n
5   LENGTH n  (STRING member  F64 score)*n

Each function appends what is whole in the bytes in hand and stops, without an error, where they or the budget
end, as strings.take does; the position after the last pair tells how far it came.
"""

from __future__ import annotations

import struct
from contextlib import suppress
from io import BytesIO

from rdbcodec.errors import LimitExceeded
from rdbcodec.wire import doubles, strings
from rdbcodec.wire.strings import MANY, Budget

Scored = tuple[bytes, float]


def take_scored(buf: bytes, pos: int, count: int, out: list[Scored], budget: Budget) -> int:
    """Append up to `count` whole (STRING, F64) pairs; see strings.take."""
    members: list[bytes] = []
    scores: list[bytes] = []
    pos = take_apart(buf, pos, count, members, scores=scores, budget=budget)
    out += zip(members, floats(scores), strict=True)
    return pos


def take_apart(
    buf: bytes, pos: int, count: int, out: list[bytes], *, scores: list[bytes], budget: Budget
) -> int:
    """Members as `take_scored` finds them, and their scores as they stand on disk in a list of their own."""
    limit = len(buf) - 8
    append, append_score = out.append, scores.append
    is_worth = True  # whether to try many at once
    try:
        while count:
            if is_worth and count >= MANY:
                wanted = len(out) + count
                pos = _take_short(buf, pos, count, out, scores)
                is_worth = count - (wanted - len(out)) >= MANY
                count = wanted - len(out)
                if not count:
                    break
            start = pos + 1
            head = buf[pos]
            if head < 0x40:
                end = start + head
                member = buf[start:end]
            else:
                member, end = strings.read(buf, pos, budget)
            if end > limit:
                break
            pos = end + 8
            append(member)
            append_score(buf[end:pos])
            count -= 1
    except (IndexError, LimitExceeded):
        pass
    return pos


def _take_short(buf: bytes, pos: int, count: int, members: list[bytes], scores: list[bytes]) -> int:
    """As strings.take_short, with a score behind each."""
    begin = len(members)
    stream = BytesIO(buf)
    stream.seek(pos)
    read, append, append_score = stream.read, members.append, scores.append
    with suppress(KeyError):  # a member of another form
        for size in strings.short_sizes(read, count):
            append(read(size))
            append_score(read(8))
    if len(members) > begin and len(scores[-1]) < 8:  # cut by the end of `buf`
        members.pop()
        scores.pop()
    taken = members[begin:]
    return pos + 9 * len(taken) + len(b"".join(taken))  # a third of the time of adding up sizes


def floats(scores: list[bytes]) -> tuple[float, ...]:
    """Scores as they stand on disk, as numbers."""
    return struct.unpack(f"<{len(scores)}d", b"".join(scores))


def take_text_scored(buf: bytes, pos: int, count: int, out: list[Scored], budget: Budget) -> int:
    """Append up to `count` whole (STRING, TEXT_DOUBLE) pairs; see strings.take."""
    try:
        while count:
            member, end = strings.read(buf, pos, budget)
            score, end = doubles.read_text(buf, end)
            out.append((member, score))
            pos = end
            count -= 1
    except (IndexError, LimitExceeded):
        pass
    return pos
