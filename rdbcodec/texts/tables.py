"""A snapshot as one JSON array, and its keys as CSV (RFC 4180).

The array holds the objects of NDJSON (see ndjson). CSV has one row a key:

    db,key,type,encoding,expires_at,idle,freq,value

The value is its JSON text and so is a key that is no UTF-8 text: {"$b64": ...}. A hash whose fields
expire is told as [[field, value, ms], ...], so that no expiry is lost. What belongs to no key, and module
metadata of keys, CSV has no column for: NDJSON is the form that loses nothing.

A spreadsheet takes a cell that begins with = + - @ for a formula, and keys and values are foreign input:
`safe` puts an apostrophe before such cells, which is then part of what other readers see.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Iterator
from itertools import chain, islice

from rdbcodec.errors import RdbError
from rdbcodec.records import Entry, Record
from rdbcodec.texts.ndjson import BATCH_SIZE, joined
from rdbcodec.texts.scalars import MARK, json_bytes, marked, to_json
from rdbcodec.texts.values import large_pieces, single_value

COLUMNS = ("db", "key", "type", "encoding", "expires_at", "idle", "freq", "value")
LINE_END = "\r\n"


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
            value = single_value(record)
            if value is None:
                yield _taken(rows)
                yield from _large_row(record, cell)
            else:
                writer.writerow((*_head(record, cell), cell(value)))
            if rows.tell() >= BATCH_SIZE:
                yield _taken(rows)
    except RdbError:
        yield _taken(rows)
        raise
    yield _taken(rows)


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


def _head(entry: Entry, cell: Callable[[str], str]) -> tuple[object, ...]:
    key = json_bytes(entry.key)
    if not isinstance(key, str) or key.startswith(f'{{"{MARK}"'):  # text that would be taken for the mark
        key = to_json(marked(entry.key))
    return entry.db, cell(key), entry.type, entry.encoding, entry.expires_at_ms, entry.idle, entry.freq


def _large_row(entry: Entry, cell: Callable[[str], str]) -> Iterator[str]:
    """A row whose last cell comes in pieces, which the csv module cannot quote."""
    head = io.StringIO()
    csv.writer(head, lineterminator=LINE_END).writerow((*_head(entry, cell), ""))
    yield head.getvalue().removesuffix(LINE_END) + '"'
    pieces = filter(None, large_pieces(entry))
    for piece in chain(map(cell, islice(pieces, 1)), pieces):
        yield piece.replace('"', '""')
    yield '"' + LINE_END
