"""What is told of a key beside its value: one table of columns, for NDJSON, `keys` and CSV.

Most keys of large files are short plain strings. `runs` takes them together, so that none of them costs a
call: all of those forms are then made of many at once. A reader that is asked for them gives many as they
stand in the file, which costs not even an entry.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from operator import attrgetter
from typing import Any

from rdbcodec.errors import RdbError
from rdbcodec.exports.scalars import MARK, json_bytes, marked, quoted, quoted_bytes, to_json
from rdbcodec.formats import TypeRow
from rdbcodec.named_tuples import NamedTuple
from rdbcodec.reading.runs import ShortStrings
from rdbcodec.records import Entry, Record
from rdbcodec.records.attributes import EXPIRETIME_MS, EXPIRY_SIZE

BATCH = 1000  # rows handed on at a time
BATCH_SIZE = 256 << 10  # characters handed on at a time, however few the rows

_SHORT = 0x40  # strings below are one head byte and the bytes
_NUL = b"\0"
MARKED = f'{{"{MARK}"'


class Column(NamedTuple):
    """One thing told of a key: the attribute of the entry it is (None: the key has none), its place in JSON,
    the texts there and in the cell of a table where they are not the value itself. Tables may lack it."""

    name: str
    attribute: str
    place: str = "%s"
    json: Callable[[Any], str] | None = None
    cell: Callable[[Any], str] | None = None
    in_tables: bool = True


def plain(raw: bytes) -> str:
    """Bytes as they are, but for those that are no text or would be taken for the mark of such."""
    text = json_bytes(raw)
    if isinstance(text, str) and _NUL not in raw and not text.startswith(MARKED):
        return text
    return to_json(marked(raw))


def _marked(raw: bytes) -> str:
    return to_json(marked(raw))


COLUMNS = (  # of every key
    Column("db", "db"),
    Column("key", "key", json=quoted_bytes, cell=plain),
    Column("type", "type", '"%s"'),
    Column("encoding", "encoding", '"%s"'),
)
ATTRIBUTES = (  # of those that have them
    Column("expires_at", "expires_at_ms"),
    Column("idle", "idle"),
    Column("freq", "freq"),
    Column("meta", "meta", json=_marked, in_tables=False),
)
NAMES = tuple(column.name for column in (*COLUMNS, *ATTRIBUTES))
TABLE = tuple(column for column in (*COLUMNS, *ATTRIBUTES) if column.in_tables)


Tellers = Sequence[tuple[int, Callable[[Any], str]]]  # of the columns that are not the value itself, by place


def tellers_of(tellers: Iterable[Callable[[Any], str] | None]) -> Tellers:
    """Those there are, with their places."""
    return [(at, tell) for at, tell in enumerate(tellers) if tell is not None]


def told(values: Iterable[Any], tellers: Tellers) -> list[Any]:
    """The values of columns, those with a teller as it tells them."""
    texts = list(values)
    for at, tell in tellers:
        if texts[at] is not None:
            texts[at] = tell(texts[at])
    return texts


_attributes = attrgetter(*(column.attribute for column in ATTRIBUTES))
_ATTRIBUTES_JSON = tellers_of(column.json for column in ATTRIBUTES)
_PLACES = [f',"{column.name}":{column.place}' for column in ATTRIBUTES]


def head_of(entry: Entry) -> str:
    """The JSON object of a key without its value, still open.

    What COLUMNS and ATTRIBUTES say (a test holds that), without going through them for each key.
    """
    context, record = entry._context, entry._record  # noqa: SLF001 - as its properties do, without their calls
    row = context.types[entry.code]
    kind = _KINDS.get(row.name) or _kind(row)
    size = record[1]
    name = record[2 : 2 + size] if size < _SHORT else entry.key
    try:
        key = quoted(name.decode())
    except UnicodeDecodeError:
        key = quoted_bytes(name)
    head = f'{{"db":{context.db},"key":{key}{kind}'
    if entry.__class__ is Entry:  # others may have attributes
        return head
    attributes = entry.attribute_bytes
    if len(attributes) == EXPIRY_SIZE and attributes[0] == EXPIRETIME_MS:  # no more, as caches have it
        expires_at_ms = entry.expires_at_ms
        return head if expires_at_ms is None else f'{head},"expires_at":{expires_at_ms}'
    values = zip(_PLACES, told(_attributes(entry), _ATTRIBUTES_JSON), strict=True)
    return head + "".join([place % value for place, value in values if value is not None])


def _kind(row: TypeRow) -> str:
    return _KINDS.setdefault(row.name, f',"type":"{row.type}","encoding":"{row.encoding}"')


_KINDS: dict[str, str] = {}  # by the names of rows, as they are first met


class Run(NamedTuple):
    """Short strings of one database that stand one after another: key, value, key, value ... `times` has when
    each expires, absolute milliseconds, or nothing when none does."""

    db: int
    parts: list[bytes]
    times: Sequence[int] = ()


InRuns = Record | ShortStrings  # what is read, with some or none of it in runs


def runs(records: Iterable[InRuns]) -> Iterator[Run | Record]:
    """The records, short plain strings in runs. Raises what reading the records raises, behind the last run.

    The loop is long for speed: a short plain string, as most are, costs no call of ours.
    """
    parts: list[bytes] = []
    context: Any = None
    try:
        for record in records:
            if type(record) is Entry and not record.code:
                raw, start = record._record, record._start  # noqa: SLF001 - as `key` and `value` do
                if raw[start] < _SHORT and raw[1] < _SHORT:
                    if record._context is not context or len(parts) >= 2 * BATCH:  # noqa: SLF001
                        if parts:
                            yield Run(context.db, parts)
                            parts = []
                        context = record._context  # noqa: SLF001
                    parts.append(raw[2:start])
                    parts.append(raw[start + 1 :])
                    continue
            if parts:
                yield Run(context.db, parts)
                parts = []
            if type(record) is ShortStrings:  # isinstance of what is abstract takes long
                yield Run(record.context.db, record.strings(), record.expiries())
            else:
                yield record  # type: ignore[misc] # no run
    except RdbError:
        if parts:  # what was read before the damage is sound
            yield Run(context.db, parts)
        raise
    if parts:
        yield Run(context.db, parts)


def records_of(records: Iterable[InRuns]) -> Iterator[Record]:
    """The records, none of them in runs."""
    for record in records:
        if isinstance(record, ShortStrings):
            yield from record.entries()
        else:
            yield record


def texts_of_run(parts: list[bytes], plain: bytes) -> list[str] | None:
    """The parts as text, when all of their bytes are among those that are `plain`, which "\\n" is not.

    Mostly nothing in a whole batch needs an escape or is not ASCII. Deleting what is plain says so (four
    times as fast as a search), and one decode and one split make the texts.
    """
    if b"".join(parts).translate(None, plain):
        return None
    return b"\n".join(parts).decode("ascii").split("\n")
