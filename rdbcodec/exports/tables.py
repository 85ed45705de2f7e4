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
from itertools import chain, islice
from typing import Any

from rdbcodec.errors import RdbError
from rdbcodec.exports.form import value_of, whole_string
from rdbcodec.exports.ndjson import BATCH_SIZE, joined
from rdbcodec.exports.scalars import MARK, decoded_pieces, json_bytes, marked, marked_pieces, to_json
from rdbcodec.exports.values import FORMS, large_pieces, single_value
from rdbcodec.records import Entry, Record
from rdbcodec.wire.long_strings import LongString

COLUMNS = ("db", "key", "type", "encoding", "expires_at", "idle", "freq", "value")
LINE_END = "\r\n"
_NUL = b"\0"
_MARKED = f'{{"{MARK}"'


def json_array(records: Iterable[Record], *, everything: bool = False) -> Iterator[str]:
    """A snapshot as a JSON array, in pieces of text."""
    objects = joined(records, first="[\n", before=",\n", after="", everything=everything)
    first = next(objects, "[")
    yield from chain((first,), objects)
    yield "\n]\n"


def csv_rows(records: Iterable[Record], *, safe: bool = False) -> Iterator[str]:
    """The keys of a snapshot as CSV with a head row, in pieces of text; `safe` defuses formulas.

    Raises what reading the records raises; the rows of those before have been yielded then.
    """
    cell = _defused if safe else _as_it_is
    rows = io.StringIO()
    writer = csv.writer(rows, lineterminator=LINE_END)
    writer.writerow(COLUMNS)
    try:
        for record in records:
            if not isinstance(record, Entry):
                continue
            value = value_of(record)
            db, key, *attributes = _head(record, cell)
            if value is None or len(key) > BATCH_SIZE:
                yield _taken(rows)
                yield f"{db},"
                yield from _quoted((key,))
                yield f",{_line(attributes)},"
                yield from _long_cell(record, value, cell)
            else:
                writer.writerow((db, key, *attributes, cell(_cell_of(record, value))))
            if rows.tell() >= BATCH_SIZE:
                yield _taken(rows)
    except RdbError:
        yield _taken(rows)
        raise
    yield _taken(rows)


def _cell_of(entry: Entry, value: object) -> str:
    return _plain(value) if isinstance(value, bytes) else single_value(entry.type, value)


def _taken(rows: io.StringIO) -> str:
    text = rows.getvalue()
    rows.seek(0)
    rows.truncate()
    return text


# Tabs and line ends are skipped by some before they look; full-width characters are taken for the others.
_FORMULA = frozenset("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")


def _defused(cell: str) -> str:
    return f"'{cell}" if cell[:1] in _FORMULA else cell


def _as_it_is(cell: str) -> str:
    return cell


def _plain(raw: bytes) -> str:
    """Bytes as they are, but for those that are no text or would be taken for the mark of such."""
    text = json_bytes(raw)
    if isinstance(text, str) and _NUL not in raw and not text.startswith(_MARKED):
        return text
    return to_json(marked(raw))


def _plain_pieces(text: bytes | LongString) -> Iterator[str]:
    """The same for a string that may be too large to hold."""
    if isinstance(text, bytes):
        yield _plain(text)
    elif (
        text.is_text
        and not next(text.pieces()).startswith(_MARKED.encode())
        and not any(_NUL in piece for piece in text.pieces())
    ):
        yield from decoded_pieces(text.pieces())
    else:
        yield from marked_pieces(text.pieces())


def _head(entry: Entry, cell: Callable[[str], str]) -> tuple[Any, ...]:
    attributes = entry.type, entry.encoding, entry.expires_at_ms, entry.idle, entry.freq
    return entry.db, cell(_plain(entry.key)), *attributes


def _long_cell(entry: Entry, value: object, cell: Callable[[str], str]) -> Iterator[str]:
    """The last cell of a row of any size, of which the csv module would make many copies.

    `value` is None for one that comes in pieces.
    """
    pieces = _long_pieces(entry) if value is None else iter((_cell_of(entry, value),))
    pieces = filter(None, pieces)
    yield from _quoted(chain(map(cell, islice(pieces, 1)), pieces))
    yield LINE_END


def _long_pieces(entry: Entry) -> Iterator[str]:
    return _plain_pieces(whole_string(entry)) if FORMS[entry.type].is_bytes else large_pieces(entry)


def _quoted(pieces: Iterable[str]) -> Iterator[str]:
    yield '"'
    for piece in pieces:
        yield piece.replace('"', '""')
    yield '"'


def _line(cells: Iterable[object]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(cells)
    return line.getvalue()
