"""What can be odd about a value or a record, and what each server makes of it. A table, and its look-up.

A *trait* is something a snapshot may have although every byte of it can be walked: a structure that
contradicts itself, a count that is not true, a member that is there twice. Servers differ in what they
check while they load, so the table has one column for each server that was asked:

    L   loads, and goes on as if nothing were wrong
    S   loads, and the key is not there afterwards
    D   loads, and the server may end when the value is used
    R   refuses the file, or ends while loading it
    ?   hangs on more than the trait: on settings, on the place of the damage, on what time it is
    -   does not know the type or the record at all

Every letter but "?" was measured on 2026-11-26 by starting that very server with a file that has the trait
and nothing else (tests/odd.py holds the files, tests/test_integrity_servers.py asks again).

For a release between two columns that agree the answer is theirs; where they differ, before the first
column and for products without one it is unknown. A later release is taken to be like the newest column.
"""
# ruff: noqa: E501 - a table

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from itertools import groupby
from typing import Literal

from rdbcodec.named_tuples import NamedTuple
from rdbcodec.records.attributes import EXPIRY_MINUS_1, EXPIRY_TWICE

Effect = Literal["loads", "skips", "dies", "refuses", "unknown"]
Repair = Literal["rewrite", "drop", "none"]

# The servers that were asked, in the order of the letters below.
ASKED: tuple[tuple[str, str], ...] = (
    ("Redis", "6.2"),
    ("Redis", "7.0"),
    ("Redis", "8.2"),
    ("Redis", "8.10"),
    ("Valkey", "8.0"),
    ("Valkey", "8.1"),
    ("Valkey", "9.1"),
)


class Trait(NamedTuple):
    """A row: `says` names one that has it, `letters` what the ASKED do, `more` what others measured.

    `repair` is what a conversion does about it: "rewrite" keeps the value (counted under the kind `loss`),
    "drop" leaves out the key or the record, "none" is for records that cannot be told apart. `is_harmless`
    says that the value can be read whole all the same: a check warns of it, and does not call it an error.
    """

    name: str
    says: str
    letters: str
    repair: Repair = "drop"
    loss: str = "damaged"
    more: tuple[tuple[str, str, str], ...] = ()
    is_harmless: bool = False

    def effect(self, product: str, release: str) -> Effect:
        """What a release of a product does with a snapshot that has the trait."""
        wanted = version_key(release)
        before = after = ""
        for version, letter in _points(self, product.lower()):
            if version <= wanted:
                before = letter
            if version >= wanted and not after:
                after = letter
        letter = before if before == after or not after else "?"
        return _EFFECTS.get(letter, "unknown")

    @property
    def is_refused_everywhere(self) -> bool:
        """Whether no server since 7.0 that knows the type loads it."""
        return set(self.letters[1:]) <= {"R", "-"}

    def words(self, effect: Effect) -> str:
        """The releases known to have an effect: "Redis 8.10 and later, Valkey 9.1 and later"; or ""."""
        return ", ".join(_span_words(self, effect))


def version_key(release: str) -> tuple[int, ...]:
    """A release for comparing: (8, 10) for "8.10.2"."""
    return tuple(int(part) if part.isdecimal() else 999 for part in release.split(".")[:2])


@cache
def _points(trait: Trait, product: str) -> tuple[tuple[tuple[int, ...], str], ...]:
    """What was measured of a product, oldest first; servers that do not know the type say nothing."""
    asked = [(*server, letter) for server, letter in zip(ASKED, trait.letters, strict=True)]
    told = {
        version_key(release): letter
        for name, release, letter in (*asked, *trait.more)
        if name.lower() == product and letter != "-"
    }
    return tuple(sorted(told.items()))


def _span_words(trait: Trait, effect: Effect) -> Iterator[str]:
    for product in ("Redis", "Valkey"):
        points = _points(trait, product.lower())
        runs = [(letter, list(run)) for letter, run in groupby(points, key=lambda point: point[1])]
        for at, (letter, run) in enumerate(runs):
            if _EFFECTS[letter] == effect:
                first, last = (".".join(map(str, version)) for version, _ in (run[0], run[-1]))
                ends = at < len(runs) - 1
                rest = f" to {last}" if ends and last != first else "" if ends else " and later"
                yield f"{product} {first}{rest}"


def trait_named(name: str) -> Trait:
    """The row of a name."""
    return TRAITS[name]


_EFFECTS: dict[str, Effect] = {"L": "loads", "S": "skips", "D": "dies", "R": "refuses", "?": "unknown"}
_OLD_LOAD = (("Redis", "2.4", "L"), ("Redis", "6.0", "L"))  # asked on 2026-11-26, as those above
_BEFORE_8 = (
    ("Redis", "2.8", "R"),
    ("Redis", "3.2", "R"),
    ("Redis", "4.0", "L"),
)  # likewise: 2.8.24, 3.2.13, 4.0.14

# fmt: off
TRAITS: dict[str, Trait] = {trait.name: trait for trait in (
    #     name                         of one that has it                                        6.2 7.0 8.2 8.10, Valkey 8.0 8.1 9.1
    Trait("lzf",                       "a string whose LZF block is damaged",                                                    "RRRRRRR"),
    Trait("lzf-empty",                 "a string that is an empty LZF block",                                                    "LLLLLLL", is_harmless=True),
    Trait("length-64-bit",             "a short length in the form of 64 bits",                                                  "LLLLLLL", "rewrite", "length-form", more=_BEFORE_8, is_harmless=True),
    Trait("listpack",                  "a listpack whose size or end is wrong",                                                  "RRRRRRR"),
    Trait("listpack-inside",           "a listpack with damaged elements",                                                       "-DDDDDR"),
    Trait("listpack-inside-large",     "a listpack with damaged elements, too long to stay one",                                 "-RRRRRR"),
    Trait("listpack-twice",            "a listpack with a member or field twice",                                                "-LLLLLR"),
    Trait("listpack-twice-large",      "a listpack with a member or field twice, too long to stay one",                          "-RRRRRR"),
    Trait("ziplist",                   "a ziplist whose size or end is wrong",                                                   "RRRRRRR"),
    Trait("ziplist-inside",            "a ziplist with damaged entries",                                                         "?RRRRRR"),
    Trait("ziplist-twice",             "a ziplist with a member or field twice",                                                 "?RRRRRR"),
    Trait("intset",                    "an intset whose width or size is wrong",                                                 "RRRRRRR"),
    Trait("intset-order",              "an intset that is not in ascending order",                                               "LLLLLLR"),
    Trait("intset-order-large",        "an intset that is not in ascending order, too long to stay one",                         "??????R"),
    Trait("intset-empty",              "an empty intset",                                                                        "RRRRRRR"),
    Trait("zipmap",                    "a damaged or empty zipmap",                                                              "RRRRRRR"),
    Trait("set-twice",                 "a set with a member twice",                                                              "RRRRRRR"),
    Trait("zset-twice",                "a sorted set with a member twice",                                                       "RRRRRRR"),
    Trait("hash-twice",                "a small hash with a field twice",                                                        "LLLLLLR"),
    Trait("hash-twice-large",          "a hash with a field twice",                                                              "RRRRRRR"),
    Trait("score",                     "a sorted set with a score that is no number",                                            "RRRRRRR"),
    Trait("score-packed",              "a packed sorted set with a score that is not a number (NaN)",                            "LLLLLLR"),
    Trait("score-packed-large",        "a packed sorted set with a score that is not a number (NaN), too long to stay one",      "RRRRRRR"),
    Trait("score-text",                "a packed sorted set with a text as score",                                               "LLLLLLL"),
    Trait("score-order",               "a packed sorted set that is not in order of score",                                      "LLLLLLL", is_harmless=True),
    Trait("empty",                     "an empty key",                                                                           "SSSSSSS", "drop", "empty", more=_OLD_LOAD, is_harmless=True),
    Trait("list-node",                 "a list node of an unknown kind, or a plain one without an element",                      "-RRRRRR"),
    Trait("table",                     "a damaged value",                                                                        "RRRRRRR"),
    Trait("array",                     "a damaged array",                                                                        "---R---"),
    Trait("template",                  "a hash that its template does not fit",                                                  "---R---"),
    Trait("template-id",               "a hash template of the id 2^64-1, which is that of none",                                "---R---", "rewrite", "template", is_harmless=True),
    Trait("undecodable",               "a value that cannot be decoded",                                                         "???????"),
    # streams
    Trait("stream-length",             "a stream whose length is not the number of its entries",                                 "LLLRLLR", "rewrite", "stream-length", is_harmless=True),
    Trait("stream-length-empty",       "a stream without entries whose length is not 0",                                         "LRRRRRR", "rewrite", "stream-length", is_harmless=True),
    Trait("stream-added",              "a stream with fewer entries added than it has",                                          "-LLRLLL", "rewrite", "entries-added", is_harmless=True),
    Trait("stream-entries-read",       "a stream with a group that has read more entries than were added",                       "-LLRLLL", "rewrite", "entries-read", is_harmless=True),
    Trait("stream-node",               "a stream node whose size, end or key is wrong",                                          "RRRRRRR"),
    Trait("stream-node-inside",        "a stream node with damaged entries",                                                     "??????R"),
    Trait("stream-node-empty",         "a stream node without live entries",                                                     "?LLRLLL", is_harmless=True),
    Trait("stream-node-twice",         "a stream with a node twice",                                                             "RRRRRRR"),
    Trait("stream-node-order",         "a stream whose nodes are not in order of their keys",                                    "LLLLLLL", is_harmless=True),
    Trait("stream-group-twice",        "a stream with two groups of one name",                                                   "RRRRRRR"),
    Trait("stream-consumer-twice",     "a stream with a consumer twice in a group",                                              "LRRRRRR"),
    Trait("stream-pending-twice",      "a stream with an entry twice in a group's list of pending entries",                      "RRRRRRR"),
    Trait("stream-pending-alone",      "a stream with an entry pending for a consumer and not for its group",                    "RRRRRRR"),
    Trait("stream-pending-of-two",     "a stream with an entry pending for two consumers",                                       "?RLRLLR"),
    Trait("stream-pending-unowned",    "a stream with a pending entry that belongs to no consumer",                              "DDDLDDR", "rewrite", "nacked", is_harmless=True),
    Trait("stream-nacked",             "a stream with a released entry that is not pending, or owned",                           "---R---"),
    Trait("stream-tail",               "a stream with damage behind its entries",                                                "RRRRRRR"),
    # fields that expire
    Trait("listpack-ttl-inside",       "a packed hash with expiries whose listpack has damaged elements",                        "--??---"),
    Trait("field-ttl-order",           "a packed hash whose fields are not in order of expiry",                                  "--DD---", "rewrite", "field-order", is_harmless=True),
    Trait("field-ttl-over",            "a hash with a field that expires beyond 2^48 ms",                                        "--RR---"),
    Trait("field-ttl-over-listpack",   "a packed hash with a field that expires beyond 2^48 ms",                                 "--LR---"),
    Trait("field-ttl-valkey",          "a hash with a field that expires at 0 or beyond 2^48 ms",                                "------L"),
    Trait("field-ttl-negative",        "a hash with an expiry or a minimum below 0",                                             "--?R--R"),
    Trait("field-ttl-twice",           "a small hash with expiries and a field twice",                                           "--LL---"),
    Trait("field-ttl-twice-large",     "a hash with expiries and a field twice",                                                 "--RR--R"),
    # records
    Trait("expiry-twice",              EXPIRY_TWICE,                                                                             "LLL?LLL", "rewrite", "expiry-form"),
    Trait("expiry-minus-1",            EXPIRY_MINUS_1,                                                                           "LLLSLLL", "rewrite", "expiry-form"),
    Trait("key-meta-count",            "module metadata of more than 7 classes",                                                 "---R---", "rewrite", "key-metadata", is_harmless=True),
    Trait("key-meta-place",            "module metadata that does not stand right before its key",                               "---R---", "rewrite", "order", is_harmless=True),
    Trait("slot-info",                 "a remark slot-info that is not three numbers",                                           "LLLLRRR", "rewrite", "slot-info"),
    Trait("slot-number",               "a remark slot-info about a slot that no cluster has",                                    "LLLLL?L", "rewrite", "slot-info", is_harmless=True),
    Trait("function-twice",            "a function library twice",                                                               "-RRRRRR", "none"),
    Trait("function-code",             "a function library without #!lua, or with a bad name",                                   "-RRRRRR", "none", is_harmless=True),
    Trait("function-engine",           "a function library in another language than Lua",                                        "-RRRR??", "none", is_harmless=True),
    Trait("function-none",             "a function library that registers no function",                                          "-RRRRRR", "none", is_harmless=True),
    Trait("function-server",           "a function library that registers by server., Valkey's own API",                         "-RRRLLL", "none", is_harmless=True),
)}
# fmt: on
