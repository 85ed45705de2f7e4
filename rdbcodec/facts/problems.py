"""What is not as it should be in a key, its value, a function library or a template: problems, in words.

What decodes but will not be loaded or will not behave is odd (rdb-format.md, 6.4): `integrity` finds it, here
it gets a severity and the names of the servers that refuse it.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Iterable, Iterator
from itertools import compress, filterfalse, repeat
from operator import lt, not_
from typing import Any, Literal

from rdbcodec.datatypes.clear import Unclear
from rdbcodec.datatypes.odd import Odd, Oddity
from rdbcodec.datatypes.registry import layout_of
from rdbcodec.datatypes.zsets import ZSet
from rdbcodec.errors import DecodeError, LimitExceeded
from rdbcodec.facts.batches import Batch
from rdbcodec.formats import TypeRow
from rdbcodec.integrity.oddities import (
    candidates,
    columns_of,
    has_nan,
    has_plain_key,
    is_plain,
    large_oddities,
    oddities,
)
from rdbcodec.integrity.record_oddities import attribute_oddities, record_oddities
from rdbcodec.integrity.traits import TRAITS
from rdbcodec.reading.doubles import Doubles
from rdbcodec.records import AttributedEntry, Entry, Record
from rdbcodec.showing import Hiding, kept_key, key_words
from rdbcodec.wire.long_strings import skip

# "not verified" is no fault of the data: a limit of memory ended the verifying.
Severity = Literal["error", "warning", "not verified"]

NOT_A_SCORE: tuple[Severity, str] = ("error", "a score is not a number: servers refuse the file")


class Problem:
    """Something that is not as it should be; an error means that it will not load or not all of it.

    Two are equal when they say the same of the same place, whatever their causes.
    """

    __slots__ = ("cause", "db", "key", "message", "offset", "severity")

    def __init__(
        self,
        severity: Severity,
        message: str,
        offset: int | None = None,
        db: int | None = None,
        key: bytes | None = None,
        *,
        cause: DecodeError | None = None,
    ) -> None:
        self.severity = severity
        self.message = message
        self.offset = offset
        self.db = db
        self.key = None if key is None else kept_key(key)  # a hundred are kept, and keys may have 64 MiB
        self.cause = cause
        if cause is not None and key is not None:
            cause.key = self.key

    def _said(self) -> tuple[object, ...]:
        return self.severity, self.message, self.offset, self.db, self.key

    def __eq__(self, other: object) -> bool:
        return self._said() == other._said() if isinstance(other, Problem) else NotImplemented

    __hash__ = None  # type: ignore[assignment]  # as it was: what can be changed is no key of a table

    def __repr__(self) -> str:
        return f"Problem{self._said()!r}"

    @classmethod
    def of(cls, error: DecodeError) -> Problem:
        """The error as a problem; a limit of this process is none of the data."""
        severity: Severity = "not verified" if isinstance(error, LimitExceeded) else "error"
        return cls(severity, error.message, error.offset, error.db, error.key, cause=error)

    def place(self, *, hide_keys: Hiding = False) -> str:
        """Where it is, in words."""
        words = [f"offset {self.offset}"] if self.offset is not None else []
        if self.key is not None:
            words += [f"db {self.db}", key_words(self.key, hide_keys) or "a key"]
        return ", ".join(words)


def entry_problems(entry: Entry) -> list[Problem]:
    """What is wrong with a key, its attributes and its value; a value that passes by has passed then."""
    found: list[Problem] = []
    try:
        if isinstance(entry, AttributedEntry):
            found += odd_problems(attribute_oddities(entry), entry)
        if entry.is_large:
            found += problems_in(entry, None)
        elif not is_plain(entry):
            found += _problems_of(entry)
    except DecodeError as error:
        found.append(Problem.of(error))
    return found


def record_problems(record: Record) -> list[Problem]:
    """What is wrong with a function library or a hash template."""
    return list(odd_problems(record_oddities(record), record))


def odd_problems(oddities: Iterable[Oddity], record: Record) -> Iterator[Problem]:
    """Oddities of a record as problems, each with its place."""
    for oddity in oddities:
        severity, message = _odd_words(oddity)
        if isinstance(record, Entry):
            yield Problem(severity, message, record.offset, record.db, record.key)
        else:
            yield Problem(severity, message, record.offset)


def _odd_words(oddity: Oddity) -> tuple[Severity, str]:
    """What is odd, and who refuses it where that is not everybody."""
    trait = TRAITS[oddity.trait]
    words = oddity.detail or trait.says
    if trait.is_refused_everywhere:
        return "error", words
    refusing, dying = trait.words("refuses"), trait.words("dies")
    words += f"; {refusing} refuse it" if refusing else ""
    words += f"; {dying} may end when it is used" if dying else ""
    return "warning" if trait.is_harmless else "error", words


def value_of(entry: Entry) -> Any:
    """The decoded value; None for one that unpacks to more than is held: it passes by like a large one."""
    try:
        return entry.value()
    except LimitExceeded:
        return None


def doubtful(batch: Batch) -> Iterator[Entry]:
    """The entries that must be looked at, in their order: those of kinds of which many are asked at once
    show here that nothing is odd about them, the others one by one. None is large or has anything rare
    before it."""
    context, raws, codes = batch.context, batch.raws, batch.codes
    if context is None:
        yield from filterfalse(is_clear, candidates(batch.entries))
        return
    found = [place for place, raw in enumerate(raws) if not raw]
    for code in batch.kinds:
        places = [place for place, each in enumerate(codes) if each == code and raws[place]]
        of_kind = [raws[place] for place in places]
        found += compress(places, _are_doubtful(of_kind, context.types[code], context.limit))
    yield from filterfalse(is_clear, map(batch.entry, sorted(found)))


def _are_doubtful(raws: list[bytes], row: TypeRow, limit: int) -> Iterable[bool]:
    are_clear = layout_of(row).odd.are_clear
    if are_clear is None:
        return repeat(True, len(raws))
    try:
        return list(map(not_, are_clear(raws, limit)))
    except _UNCLEAR:
        return repeat(True, len(raws))


_UNCLEAR = (Unclear, DecodeError, IndexError, ValueError, struct.error)


def is_clear(entry: Entry) -> bool:
    """Whether decoding the value shows at once that nothing is wrong with a key that is held and has nothing
    rare before it; of most it does. `entry_problems` would find nothing then."""
    row = entry.row
    is_sound = _clear.get(row.name) or _clear.setdefault(row.name, _clearness(layout_of(row).odd))
    try:
        return is_sound(entry)
    except DecodeError:
        return False


_clear: dict[str, Callable[[Entry], bool]] = {}  # by the names of rows, as they are first met


def _clearness(odd: Odd) -> Callable[[Entry], bool]:
    if not odd.is_checked:
        return _is_good
    is_sound = odd.is_sound
    if is_sound is None:
        return lambda _: False
    return lambda entry: has_plain_key(entry) and is_sound(entry.value())


def _is_good(entry: Entry) -> bool:
    return _is_clearly_good(entry.value(), entry)


def _is_clearly_good(value: Any, entry: Entry) -> bool:
    """Whether a value has something in it, scores are numbers and, where they must be, in order."""
    if value.__class__ is not ZSet or not value:
        return bool(value)
    return _are_in_order(value) if _needs_order(entry) else not any(map(math.isnan, value.values()))


def _problems_of(entry: Entry) -> Iterable[Problem]:
    """What is wrong with a value that is held; of most it is clear at once that nothing is."""
    if layout_of(entry.row).odd.is_checked:
        found = oddities(entry)
        return odd_problems(found, entry) if found else ()
    value = value_of(entry)
    return () if _is_clearly_good(value, entry) else problems_in(entry, value)


def _needs_order(entry: Entry) -> bool:
    return entry.encoding in ("ziplist", "listpack")


def _are_in_order(value: ZSet) -> bool:
    """Whether each score is above the one before: then all are numbers, and members need not be compared."""
    scores = list(value.values())
    return all(map(lt, scores, scores[1:])) and scores[0] == scores[0]


def problems_in(entry: Entry, value: Any) -> Iterator[Problem]:
    """What is wrong inside a value; one that is None passes by."""
    if value is None and layout_of(entry.row).odd.is_checked:
        yield from odd_problems(large_oddities(entry), entry)
        return
    for severity, message in _check_large(entry) if value is None else _check_value(entry, value):
        yield Problem(severity, message, entry.offset, entry.db, entry.key)


def _check_value(entry: Entry, value: Any) -> Iterator[tuple[Severity, str]]:
    if hasattr(value, "__len__") and not len(value):
        yield "warning", f"an empty {entry.type}: servers drop the key or refuse the file"
    if isinstance(value, ZSet):
        yield from _check_scores(value, entry)


def _check_scores(value: ZSet, entry: Entry) -> Iterator[tuple[Severity, str]]:
    if any(map(math.isnan, value.values())):
        yield NOT_A_SCORE
    elif _needs_order(entry):
        pairs = [(score, member) for member, score in value.items()]
        if pairs != sorted(pairs):
            yield "warning", "the members are not in order of score: range queries will be wrong"


def _check_large(entry: Entry) -> Iterator[tuple[Severity, str]]:
    """A value that passes by: verified in batches, its members collected to find doubles."""
    bad_scores = False
    with Doubles() as found:
        for names, scores in entry.read_by(columns_of(entry.row), skip):
            found.add(names)
            bad_scores = bad_scores or has_nan(scores)
        doubles = found.count()
    if bad_scores:
        yield NOT_A_SCORE
    if doubles:
        yield "error", f"{doubles} members or fields occur more than once"
