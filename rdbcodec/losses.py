"""What a target cannot hold: the kinds of loss, how often each occurred, and where first.

A loss of *data* is something a user could miss: a key, a field's expiry, a function. A lost *hint* is a
remark of the old server that changes nothing a client can see; it is counted and never stands in the way.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from rdbcodec.named_tuples import NamedTuple
from rdbcodec.showing import Hiding, key_words

Lose = Callable[[str], None]  # is told the kind of what gets lost; who may lose nothing raises in it

Severity = Literal["data", "hint"]


class LossRow(NamedTuple):
    """One kind of loss; `says` goes behind a count: "3 x ..."."""

    kind: str
    severity: Severity
    says: str


class Loss(NamedTuple):
    """How many `times` one kind of loss occurred, and the first place: offset in bytes, db and key.

    What was written by key and value has no offset.
    """

    kind: str
    severity: Severity
    says: str
    times: int
    offset: int | None
    db: int | None
    key: bytes | None

    def __str__(self) -> str:
        return self.text()

    def text(self, *, hide_keys: Hiding = False) -> str:
        """One line for a person."""
        words = key_words(self.key, hide_keys)
        key = "" if words is None else f", {words}"
        db = "" if self.db is None else f", db {self.db}"
        place = "" if self.offset is None else f" at offset {self.offset}"
        return f"{self.kind}: {self.times} x {self.says}; first{place}{db}{key}"


class Losses:
    """Counts losses by kind, in the order of first occurrence."""

    def __init__(self) -> None:
        self._found: dict[str, Loss] = {}

    def add(self, kind: str, *, offset: int | None, db: int | None = None, key: bytes | None = None) -> None:
        """One more of a kind."""
        known = self._found.get(kind)
        if known is None:
            self._found[kind] = Loss(*row_of(kind), 1, offset, db, key)
        else:
            self._found[kind] = known._replace(times=known.times + 1)

    def join(self, other: Losses) -> None:
        """Add what was counted behind what is counted here."""
        for kind, loss in other._found.items():
            known = self._found.get(kind)
            self._found[kind] = loss if known is None else known._replace(times=known.times + loss.times)

    def put(self, kind: str, times: int, offset: int | None, db: int | None, key: bytes | None) -> None:
        """What was counted before this began to count."""
        self._found[kind] = Loss(*row_of(kind), times, offset, db, key)

    def all(self) -> list[Loss]:
        """All of them."""
        return list(self._found.values())

    def of(self, severity: Severity) -> list[Loss]:
        """The losses of one severity."""
        return [loss for loss in self._found.values() if loss.severity == severity]


# A key whose type the target does not have is lost as "type-" and its type: type-stream, type-array.
TYPE_PREFIX = "type-"


def row_of(kind: str) -> LossRow:
    """The row of a kind."""
    if kind.startswith(TYPE_PREFIX):
        return LossRow(
            kind, "data", f"a key of type {kind[len(TYPE_PREFIX) :]}, which the target does not have"
        )
    return ROWS[kind]


# fmt: off
# ruff: noqa: E501 - one row, one line
ROWS: dict[str, LossRow] = {row.kind: row for row in (
    #       kind                    severity  says
    LossRow("module",               "data",   "a key of a module the target does not have"),
    LossRow("database",             "data",   "a key in a database the target does not have"),
    LossRow("length-64-bit",        "data",   "a key with a length of 64 bits, which the target cannot read"),
    LossRow("field-ttl",            "data",   "a hash whose fields would no longer expire"),
    LossRow("member-ttl",           "data",   "a set or hash whose members would no longer expire"),
    LossRow("sub-second-expiry",    "data",   "an expiry rounded up to a whole second"),
    LossRow("expiry-after-2038",    "data",   "an expiry after 2038-01-19, which the target cannot hold; the key would not expire"),
    LossRow("stream-metadata",      "data",   "a stream without its entries added, deleted IDs or entries read"),
    LossRow("consumer-active-time", "data",   "a stream without the active times of its consumers"),
    LossRow("idempotence",          "data",   "a stream without its idempotent producers"),
    LossRow("nacked",               "data",   "a stream whose released entries were given to a consumer"),
    LossRow("deleted-pending",      "data",   "a stream without the pending entries that it no longer holds"),
    LossRow("score-nan",            "data",   "a sorted set without the members whose score is not a number"),
    LossRow("empty",                "data",   "an empty key, which no command makes"),
    LossRow("too-large",            "data",   "a key too large to hold, for which there is no command but RESTORE"),
    LossRow("key-metadata",         "data",   "a key without its module metadata"),
    LossRow("sticky",               "data",   "a key without the attributes its vendor gave it"),
    LossRow("damaged",              "data",   "a damaged value, which the target refuses"),
    LossRow("not-masked",           "data",   "a key whose value cannot be masked"),
    LossRow("function",             "data",   "a function library"),
    LossRow("function-refused",     "data",   "a function library that the target refuses: its first line, or what it calls"),
    LossRow("module-aux",           "data",   "what a module saved beside the keys"),
    LossRow("slot-import",          "hint",   "the record of a running slot import, whose keys are not in the file"),
    LossRow("module-needed",        "hint",   "a key that only a server with its module takes"),
    LossRow("module-aux-empty",     "hint",   "an empty record of a module, which holds nothing"),
    LossRow("update",               "data",   "a replicated command"),
    LossRow("vendor-record",        "data",   "a record only its vendor's server understands"),
    LossRow("aof-commands",         "data",   "a log of commands behind the snapshot"),
    LossRow("another-snapshot",     "data",   "another snapshot behind the snapshot"),
    LossRow("length-form",          "hint",   "a length in the form of 64 bits, written shorter"),
    LossRow("stream-length",        "hint",   "a stream's length, set to the number of its entries"),
    LossRow("entries-added",        "hint",   "a stream's count of entries added, raised to those it has"),
    LossRow("entries-read",         "hint",   "a group's count of entries read, lowered to those added"),
    LossRow("field-order",          "hint",   "a hash whose fields were put in order of their expiry"),
    LossRow("template",             "hint",   "a hash template, whose hashes carry their own field names"),
    LossRow("expiry-form",          "hint",   "an expiry that servers take differently, written as most of them take it"),
    LossRow("order",                "hint",   "attributes of a key, put in the order that loaders read"),
    LossRow("consumer-times",       "hint",   "a stream whose consumers were last seen when the commands run"),
    LossRow("description",          "hint",   "the description of a function library"),
    LossRow("function-again",       "hint",   "a function library that is there already, with the same text"),
    LossRow("duplicate",            "hint",   "a key of which another with the same name was kept"),
    LossRow("empty-dropped",        "hint",   "an empty key, which Redis since 6.2 drops by itself"),
    LossRow("cached-script",        "hint",   "a cached script, which clients send again"),
    LossRow("idle",                 "hint",   "a key without its idle time"),
    LossRow("freq",                 "hint",   "a key without its access frequency"),
    LossRow("aux",                  "hint",   "a remark of the writer"),
    LossRow("used-mem",             "hint",   "the memory that the source used for all its keys"),
    LossRow("resizedb",             "hint",   "a count of keys"),
    LossRow("slot-info",            "hint",   "a count of keys in a slot"),
    LossRow("vendor-hint",          "hint",   "a vendor's hint"),
    LossRow("padding",              "hint",   "zero padding behind the snapshot"),
    LossRow("eof-mark",             "hint",   "the mark that ends a replication"),
    LossRow("bytes-behind",         "hint",   "bytes of no known kind behind the snapshot"),
)}
# fmt: on
