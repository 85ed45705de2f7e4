"""Which keys: the filters every command shares.

    Selection(dbs=[0], globs=[b"user:*"], types=["hash"], ttl=["<1h"]).takes(entry)

Each filter that is given must hold; of several values for one filter any may (`not_globs`, `not_patterns`
and `sizes`: all must). A filter that is not given costs nothing.

    globs       Redis globs on the bytes of the key: * ? [a-z] [^a] and \\ before any of them. They match
                what KEYS of a server matches: `[` alone opens a class without members and matches
                nothing, `\\[` is the character
    patterns    regular expressions, found anywhere in the key
    ttl         none, any, expired, or the time left: <1h, >30d; s, m, h, d are the units.
                What has expired has no time left and is neither
    sizes       bytes of the record on disk: <100, >1mb; kb, mb, gb are powers of 1024
    slots       (first, last) hash slots of a cluster
    limit       how many keys are taken at most; `select` counts in `taken`, `takes` does not

Values larger than the reader holds pass by once. That they are larger than its `max_value` is known; to be
compared with more than that they are kept in a temporary file.
"""

from __future__ import annotations

import binascii
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

from rdbcodec.limits import BYTES
from rdbcodec.records import Aux, Entry, Function, LargeEntry, Record

SLOTS = 16384
MS = {"s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}

Predicate = Callable[[Entry], bool]


class Selection:
    """The filters, compiled once. Raises ValueError for a size, time or pattern that cannot be understood.

    Function libraries are no keys: where keys are filtered they are left out, unless `functions`.
    """

    def __init__(
        self,
        *,
        dbs: Collection[int] = (),
        globs: Sequence[bytes] = (),
        not_globs: Sequence[bytes] = (),
        patterns: Sequence[bytes] = (),
        not_patterns: Sequence[bytes] = (),
        types: Collection[str] = (),
        encodings: Collection[str] = (),
        ttl: Sequence[str] = (),
        sizes: Sequence[str] = (),
        slots: Sequence[tuple[int, int]] = (),
        limit: int | None = None,
        functions: bool = False,
        now_ms: int = 0,
    ) -> None:
        self.limit = limit
        self._functions = functions
        self.taken = 0
        self._predicates: list[Predicate] = [
            *_in(frozenset(dbs), lambda entry: entry.db),
            *_in(frozenset(types), lambda entry: entry.type),
            *_in(frozenset(encodings), lambda entry: entry.encoding),
            *_found(_whole_key(globs), wanted=True),
            *_found(_whole_key(not_globs), wanted=False),
            *_found([_compiled(pattern) for pattern in patterns], wanted=True),
            *_found([_compiled(pattern) for pattern in not_patterns], wanted=False),
            *_any_of([_ttl(text, now_ms) for text in ttl]),
            *(_size(text) for text in sizes),
            *_any_of([_slots(first, last) for first, last in slots]),
        ]

    @property
    def is_empty(self) -> bool:
        """Whether it takes every key."""
        return not self._predicates and self.limit is None

    @property
    def takes_functions(self) -> bool:
        """Whether it takes function libraries."""
        return self._functions or self.is_empty

    def takes(self, entry: Entry) -> bool:
        """Whether every filter lets the key through, the limit apart."""
        for predicate in self._predicates:  # noqa: SIM110 - all() of a generator takes twice as long
            if not predicate(entry):
                return False
        return True

    def select(self, records: Iterable[Record], left_out: Counter[str] | None = None) -> Iterator[Record]:
        """The records without the keys that are not taken and the remarks about them; ends with the limit.

        `left_out` counts the function libraries, under "function". Other records are no filter's matter
        and stay.
        """
        is_taken = True
        remarks: list[Record] = []  # about the next key
        for record in records if self.limit != 0 else ():
            if isinstance(record, Entry):
                is_taken = self.taken != self.limit and self.takes(record)
                if is_taken:
                    yield from remarks
                    yield record
                    self.taken += 1
                remarks.clear()
                # Remarks on the members of the last one may follow, so only another key ends these.
                if self.taken == self.limit and not (is_taken and record.type in ("set", "hash")):
                    return
            elif isinstance(record, Aux) and record.of_next_key:
                remarks.append(record)
            elif isinstance(record, Function) and not self.takes_functions:
                if left_out is not None:
                    left_out["function"] += 1
            elif is_taken or not (isinstance(record, Aux) and record.of_last_key):
                yield record


def _in(wanted: frozenset[object], of: Callable[[Entry], object]) -> Iterator[Predicate]:
    if wanted:
        yield lambda entry: of(entry) in wanted


def _any_of(predicates: Sequence[Predicate]) -> Iterator[Predicate]:
    if predicates:
        yield predicates[0] if len(predicates) == 1 else lambda entry: any(one(entry) for one in predicates)


def _found(patterns: Sequence[re.Pattern[bytes]], *, wanted: bool) -> Iterator[Predicate]:
    """Whether any of the patterns is found in the key, or none is."""
    if len(patterns) == 1:
        search = patterns[0].search
        yield lambda entry: (search(entry.key) is not None) is wanted
    elif patterns:
        yield lambda entry: any(one.search(entry.key) for one in patterns) is wanted


def _compiled(pattern: bytes) -> re.Pattern[bytes]:
    try:
        return re.compile(pattern)
    except re.error as error:
        raise ValueError(f"not a regular expression: {error}") from error


# --- globs ------------------------------------------------------------------------------------------


def _whole_key(globs: Sequence[bytes]) -> list[re.Pattern[bytes]]:
    return [re.compile(glob_pattern(glob)) for glob in globs]


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


# --- expiry, size, slot -----------------------------------------------------------------------------


def _ttl(text: str, now_ms: int) -> Predicate:
    if text == "expired":
        return lambda entry: entry.expires_at_ms is not None and entry.expires_at_ms <= now_ms
    if text in ("none", "any"):
        return lambda entry: (entry.expires_at_ms is None) is (text == "none")
    sign, left_ms = _bound(text, MS, "a ttl", "none, any, expired, or a time such as <1h or >30d")
    if sign == "<":
        return lambda entry: entry.expires_at_ms is not None and 0 < entry.expires_at_ms - now_ms < left_ms
    return lambda entry: entry.expires_at_ms is not None and entry.expires_at_ms - now_ms > left_ms


def _size(text: str) -> Predicate:
    sign, size = _bound(text, BYTES, "a size", "a size such as <100, >1mb")

    def compare(entry: Entry) -> bool:
        if isinstance(entry, LargeEntry):
            if size <= entry.max_value:
                return sign == ">"
            entry.keep()
        found = entry.serialized_size
        return found < size if sign == "<" else found > size

    return compare


def _bound(text: str, units: dict[str, int], what: str, expected: str) -> tuple[str, int]:
    match = re.fullmatch(r"([<>])(\d{1,18})([a-z]*)", text.lower(), re.ASCII)
    if match is None or match[3] not in units:
        raise ValueError(
            f"{what} is {text!r}, expected {expected}; units are {', '.join(filter(None, units))}"
        )
    return match[1], int(match[2]) * units[match[3]]


def _slots(first: int, last: int) -> Predicate:
    if not 0 <= first <= last < SLOTS:
        raise ValueError(f"slots are {first} to {last}, expected a range within 0 to {SLOTS - 1}")
    return lambda entry: first <= key_slot(entry.key) <= last


def key_slot(key: bytes) -> int:
    """The cluster slot of a key: CRC-16 of it, or of what its first braces hold if they hold anything."""
    begin = key.find(b"{")
    end = key.find(b"}", begin + 1)
    tag = key[begin + 1 : end] if begin >= 0 and end > begin + 1 else key
    return binascii.crc_hqx(tag, 0) % SLOTS
