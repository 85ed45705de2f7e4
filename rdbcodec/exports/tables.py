"""A snapshot as one JSON array, and its keys as CSV (RFC 4180).

The array holds the objects of NDJSON (see ndjson). CSV has one row a key:

    db,key,type,encoding,expires_at,idle,freq,value

Keys and strings stand as they are, and as {"$b64": ...} when they are no UTF-8 text or hold a NUL character,
which readers of CSV do not take; other values are their JSON text. A hash whose fields expire is told as
[[field, value, ms], ...], so that no expiry is lost. What belongs to no key, and module metadata of keys,
CSV has no column for: NDJSON is the form that loses nothing.

A spreadsheet takes a cell that begins with = + - @ for a formula, and keys and values are foreign input:
`safe` puts an apostrophe before such cells, which is then part of what other readers see.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Iterator
from itertools import chain, islice, repeat
from operator import attrgetter
from typing import Any

from rdbcodec.errors import RdbError
from rdbcodec.exports.form import value_of, whole_string
from rdbcodec.exports.ndjson import joined
from rdbcodec.exports.rows import (
    BATCH_SIZE,
    MARKED,
    TABLE,
    InRuns,
    Run,
    plain,
    runs,
    tellers_of,
    texts_of_run,
    told,
)
from rdbcodec.exports.scalars import decoded_pieces, marked_pieces
from rdbcodec.exports.values import form_of, large_pieces, single_value
from rdbcodec.records import Entry
from rdbcodec.wire.long_strings import LongString

COLUMNS = (*(column.name for column in TABLE), "value")
_cells = attrgetter(*(column.attribute for column in TABLE))
LINE_END = "\r\n"
_BEGIN, _BETWEEN = "[\n", ",\n"
_NUL = b"\0"
# What stands between key and value of a short string, and the bytes that need no quotes in a cell.
_STRING_CELLS = ("string", "string"), ("", "")  # before and behind the time of expiry
_STRING = ",".join(_STRING_CELLS[0]), ",".join(_STRING_CELLS[1])
_PLAIN = bytes(byte for byte in range(0x20, 0x7F) if byte not in b'",')


def json_array(records: Iterable[InRuns], *, everything: bool = False) -> Iterator[str]:
    """A snapshot as a JSON array, in pieces of text."""
    is_begun = False
    for piece in json_objects(records, everything=everything):
        is_begun = True
        yield piece
    yield json_end(is_begun=is_begun)


def json_objects(
    records: Iterable[InRuns], *, everything: bool = False, is_begun: bool = False
) -> Iterator[str]:
    """Objects of such an array without its end; the others when it `is_begun`."""
    begin = _BETWEEN if is_begun else _BEGIN
    return joined(records, first=begin, before=_BETWEEN, after="", everything=everything)


def json_end(*, is_begun: bool) -> str:
    """What ends the array, which has no object unless it `is_begun`."""
    return "\n]\n" if is_begun else "[\n]\n"


def csv_rows(records: Iterable[InRuns], *, safe: bool = False, head: bool = True) -> Iterator[str]:
    """The keys of a snapshot as CSV, in pieces of text; `safe` defuses formulas.

    The row that names the columns is the first, unless `head` is False.

    Raises what reading the records raises; the rows of those before have been yielded then.
    """
    table = _Table(safe=safe, head=head)
    try:
        for item in runs(records):
            if isinstance(item, Run):
                table.add_run(item)
            elif isinstance(item, Entry):
                value = value_of(item)
                if value is None or len(item.key) > BATCH_SIZE:
                    yield table.taken()
                    yield from table.long_row(item, value)
                else:
                    table.add(item, value)
            if table.size >= BATCH_SIZE:
                yield table.taken()
    except RdbError:
        yield table.taken()
        raise
    yield table.taken()


class _Table:
    """Rows of CSV that were not handed on yet, first the one that names the columns."""

    def __init__(self, *, safe: bool, head: bool) -> None:
        self._cell = _defused if safe else _as_it_is
        self._is_safe = safe
        self._tellers = tellers_of(_defusing(column.cell) if safe else column.cell for column in TABLE)
        self._text = io.StringIO()
        self._writer = csv.writer(self._text, lineterminator=LINE_END)
        if head:
            self._writer.writerow(COLUMNS)

    @property
    def size(self) -> int:
        return self._text.tell()

    def taken(self) -> str:
        text = self._text.getvalue()
        self._text.seek(0)
        self._text.truncate()
        return text

    def add(self, entry: Entry, value: object) -> None:
        self._writer.writerow((*self._head(entry), self._cell(_cell_of(entry, value))))

    def add_run(self, run: Run) -> None:
        """Rows of strings, which mostly need no quotes."""
        texts = texts_of_run(run.parts, _PLAIN)
        if texts is not None and not (self._is_safe and any(text[:1] in _FORMULA for text in texts)):
            self._text.write(LINE_END.join([*_plain_lines(run, texts), ""]))
            return
        cells = [self._cell(plain(part)) for part in run.parts]
        before, behind = _STRING_CELLS
        self._writer.writerows(
            (run.db, key, *before, at_ms, *behind, value)
            for key, value, at_ms in zip(
                cells[::2], cells[1::2], run.times or repeat("", len(cells) // 2), strict=True
            )
        )

    def long_row(self, entry: Entry, value: object) -> Iterator[str]:
        """A row of any size, of which the csv module would make many copies; its value is None if it comes in
        pieces."""
        db, key, *others = self._head(entry)
        pieces = _long_pieces(entry) if value is None else iter((_cell_of(entry, value),))
        pieces = filter(None, pieces)
        yield f"{db},"
        yield from _quoted((str(key),))
        yield f",{_line(others)},"
        yield from _quoted(chain(map(self._cell, islice(pieces, 1)), pieces))
        yield LINE_END

    def _head(self, entry: Entry) -> list[Any]:
        """The cells before the value; those that are told are in anybody's own words."""
        return told(_cells(entry), self._tellers)


def _plain_lines(run: Run, texts: list[str]) -> list[str]:
    """Rows of texts that need no quotes."""
    pairs = iter(texts)
    (before, behind), begin = _STRING, f"{run.db},"
    if not run.times:
        middle = f",{before},,{behind},"
        return [f"{begin}{key}{middle}{value}" for key, value in zip(pairs, pairs, strict=True)]
    before, behind = f",{before},", f",{behind},"
    return [
        f"{begin}{key}{before}{at_ms}{behind}{value}"
        for key, value, at_ms in zip(pairs, pairs, run.times, strict=True)
    ]


def _cell_of(entry: Entry, value: object) -> str:
    return plain(value) if isinstance(value, bytes) else single_value(entry.type, value)


# Tabs and line ends are skipped by some before they look; full-width characters are taken for the others.
_FORMULA = frozenset("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")


def _defused(cell: str) -> str:
    return f"'{cell}" if cell[:1] in _FORMULA else cell


def _defusing(tell: Callable[[Any], str] | None) -> Callable[[Any], str] | None:
    return None if tell is None else lambda value: _defused(tell(value))


def _as_it_is(cell: str) -> str:
    return cell


def _plain_pieces(text: bytes | LongString) -> Iterator[str]:
    """The same for a string that may be too large to hold."""
    if isinstance(text, bytes):
        yield plain(text)
    elif (
        text.is_text
        and not next(text.pieces()).startswith(MARKED.encode())
        and not any(_NUL in piece for piece in text.pieces())
    ):
        yield from decoded_pieces(text.pieces())
    else:
        yield from marked_pieces(text.pieces())


def _long_pieces(entry: Entry) -> Iterator[str]:
    return _plain_pieces(whole_string(entry)) if form_of(entry.type).is_bytes else large_pieces(entry)


def _quoted(pieces: Iterable[str]) -> Iterator[str]:
    yield '"'
    for piece in pieces:
        yield piece.replace('"', '""')
    yield '"'


def _line(cells: Iterable[object]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(cells)
    return line.getvalue()
