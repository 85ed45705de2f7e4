"""Sorted sets: {"member": score} or [[member, score], ...]; in RESP ZADD."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection, Iterable, Iterator
from functools import cache, partial
from typing import Any

from rdbcodec.datatypes.zsets import ZSet
from rdbcodec.exports.form import Form, Members, Teller, by_element
from rdbcodec.exports.resp_words import (
    Recipient,
    batched,
    command_pieces,
    expect_some,
    large_elements,
    one_command,
)
from rdbcodec.exports.rows import texts_of_run
from rdbcodec.exports.scalars import (
    PLAIN_ASCII,
    distinct,
    json_score,
    pairs_of,
    quoted_bytes,
    score_of,
    table,
    to_json,
)
from rdbcodec.records import Entry
from rdbcodec.structures import listpack, ziplist
from rdbcodec.wire import doubles


def _members(value: ZSet) -> Members:
    return {"value": table([(member, json_score(score)) for member, score in value.items()])}


def _text(pair: tuple[bytes, float]) -> str:
    return f"[{quoted_bytes(pair[0])},{to_json(json_score(pair[1]))}]"


def _held_text(value: ZSet) -> str | None:
    pairs = _plain(list(value), list(value.values()))
    return None if pairs is None else '"value":{"' + ',"'.join(map('":'.join, pairs)) + "}"


Decode = Callable[[bytes], "list[bytes]"]


def _packed_text(decode: Decode, blob: bytes) -> str | None:
    members, scores = _apart(decode(blob))
    if not members:
        return None
    told = _told(scores)
    texts = texts_of_run(members, PLAIN_ASCII) if told else None
    if texts is None:
        return to_json(_members(ZSet(zip(members, doubles.parse_all(scores), strict=True))))[1:-1]
    return '"value":{"' + ',"'.join(map('":'.join, zip(texts, told, strict=True))) + "}"


def _packed_command(decode: Decode, key: bytes, blob: bytes, recipient: Recipient) -> bytes | None:
    members, scores = _apart(decode(blob))
    told = _told(scores)
    if not told:
        return None
    words = [b""] * (2 * len(told))
    words[::2] = " ".join(told).encode("ascii").split(b" ")
    words[1::2] = members
    return one_command(b"ZADD", key, words, len(told), recipient)


def _apart(flat: list[bytes]) -> tuple[list[bytes], list[bytes]]:
    """Members and scores; none of a sorted set that is damaged or empty."""
    members, scores = flat[::2], flat[1::2]
    return (members, scores) if len(scores) == len(set(members)) else ([], [])


def _told(scores: list[bytes]) -> list[str]:
    """Scores as JSON has them; nothing when it has not all of them."""
    try:
        return [_KNOWN[score] for score in scores]
    except KeyError:
        numbers = doubles.parse_all(scores)
    if not math.isfinite(sum(numbers)):
        return []
    told = repr(numbers)[1:-1].split(", ")
    if len(_KNOWN) < _MOST and max(map(len, scores)) <= _SHORT:
        _KNOWN.update(zip(scores, told, strict=True))
    return told


# The first scores that are met. Reading a number of 17 digits and writing it as short as it can be is most of
# what a small sorted set takes, and ratings, ranks and counters are the same in many.
_KNOWN: dict[bytes, str] = {}
_MOST, _SHORT = 1 << 12, 32  # scores, bytes of one


def _texts(pairs: list[tuple[bytes, float]]) -> str | None:
    plain = _plain([member for member, _ in pairs], [score for _, score in pairs])
    return None if plain is None else '["' + '],["'.join(map('",'.join, plain)) + "]"


def _plain(members: list[bytes], scores: list[float]) -> Iterable[tuple[str, str]] | None:
    """Members and scores as texts, when JSON has all as they are: the sum shows what it has not. One text of
    all scores is made in half the time of one for each."""
    texts = texts_of_run(members, PLAIN_ASCII) if members and math.isfinite(sum(scores)) else None
    return None if texts is None else zip(texts, repr(scores)[1:-1].split(", "), strict=True)


def _parts(pair: tuple[bytes, float]) -> Iterable[Any]:
    return "[", pair[0], f",{to_json(json_score(pair[1]))}]"


PAIR = Teller(_text, _parts, _texts)


def _zset_of(members: Members) -> ZSet:
    pairs = pairs_of(members["value"], "a sorted set")
    if isinstance(members["value"], dict) and {type(score) for _, score in pairs} == {float}:
        value = ZSet(pairs)
        if math.isfinite(sum(value.values())):
            return value
    scores = [(member, score_of(score, "a score")) for member, score in pairs]
    return ZSet(distinct(scores, "sorted set members"))


def _plain_zset(text: bytes) -> ZSet | None:
    """The sorted set of an object of plain ASCII as `_held_text` makes them, or of pairs. None of others."""
    # Members have no quotes: nothing else is split, but where one begins with what stands behind one.
    if text[:1] == b"{" and b',":' not in text and _pairs(b"\\{%b\\}", _PAIR % b":").fullmatch(text):
        words = text[2:-1].replace(b'":', b',"').split(b',"')
    elif text[:2] == b"[[" and b'[",' not in text and _pairs(b"\\[%b\\]", _ARRAY).fullmatch(text):
        words = text[3:-2].replace(b'",', b'],["').split(b'],["')
    else:
        return None
    value = ZSet(zip(words[::2], map(float, words[1::2]), strict=True))
    return value if 2 * len(value) == len(words) and math.isfinite(sum(value.values())) else None


# To JSON -0 is an integer, and has no sign.
_PAIR = rb'"[ !#-\[\]-~]*"%b-?(?:(?<!-)0|0(?=[.e])|[1-9][0-9]{0,16})(?:\.[0-9]+)?(?:e[-+][0-9]+)?'
_ARRAY = rb"\[%b\]" % (_PAIR % b",")


@cache
def _pairs(frame: bytes, pair: bytes) -> re.Pattern[bytes]:
    """Such pairs in a frame; made when needed, as it takes a while."""
    return re.compile(frame % (pair + b"(?:," + pair + b")*"))


def _command(entry: Entry, value: ZSet, recipient: Recipient) -> bytes | None:
    if not 0 < len(value) <= recipient.many:
        return None  # before all its words are made
    scores = list(value.values())
    if _may_have_nan(scores):
        return None
    return one_command(b"ZADD", entry.key, _words(scores, value), len(scores), recipient)


def _may_have_nan(scores: list[float]) -> bool:
    """Whether any is no number, or both infinities are among them: the sum is no number."""
    return math.isnan(sum(scores))


def _words(scores: list[float], members: Collection[bytes]) -> list[bytes]:
    """Scores and members in turn. One text of all scores is made in half the time of one for each."""
    words = [b""] * (2 * len(scores))
    words[::2] = repr(scores)[1:-1].encode("ascii").split(b", ")
    words[1::2] = members
    return words


def _commands(entry: Entry, recipient: Recipient, value: ZSet | None) -> Iterator[bytes]:
    elements = large_elements(entry) if value is None else [list(value.items())]
    count, lacks = 0, False
    for batch, members in batched(
        elements, lambda pairs: [member for member, _ in pairs], many=recipient.many
    ):
        count += len(batch)
        scores = [score for _, score in batch]
        if _may_have_nan(scores) and any(map(math.isnan, scores)):
            lacks = True
            members = [member for member, score in batch if not math.isnan(score)]
            scores = [score for score in scores if not math.isnan(score)]
        if scores:
            yield from command_pieces(b"ZADD", entry.key, *_words(scores, members))
    if lacks:
        recipient.lose("score-nan", entry)
    expect_some(count, entry, recipient)


FORMS = {
    "zset": Form(
        _members,
        by_element(PAIR),
        _zset_of,
        text=_held_text,
        packed={
            "zset-listpack": partial(_packed_text, listpack.decode),
            "zset-ziplist": partial(_packed_text, ziplist.decode),
        },
        packed_command={
            "zset-listpack": partial(_packed_command, listpack.decode),
            "zset-ziplist": partial(_packed_command, ziplist.decode),
        },
        plain=_plain_zset,
        commands=_commands,
        command=_command,
    )
}
