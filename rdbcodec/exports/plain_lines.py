"""Lines of NDJSON written many at a time: keys of plain ASCII as `ndjson.lines` tells them, which most are.

Of a line only its frame is looked at, for many lines by one search; the value goes through the `plain` of its
form and the encoder of its layout, and its record stands beside those of other lines until they are written
together. Nothing is decided here: whatever is unusual about a line, its value, its database or the server
leaves the line to who asked, who takes it the general way, with its words and its losses.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import count
from typing import TYPE_CHECKING, Any, NoReturn

from rdbcodec.datatypes.registry import layout_of, type_named
from rdbcodec.errors import EncodeError
from rdbcodec.exports.ndjson import frames, plain_of
from rdbcodec.records.attributes import encode_expiry
from rdbcodec.wire import lzf, strings
from rdbcodec.wire.strings import LAST_DIGIT
from rdbcodec.writing.values import STRING

if TYPE_CHECKING:
    from rdbcodec.exports.long_lines import Line, LongLine
    from rdbcodec.formats import TypeRow
    from rdbcodec.reading.duplicates import KeyIndex
    from rdbcodec.servers import Server
    from rdbcodec.writing.writer import Writer

Encode = Callable[
    [bytes], "bytes | None"
]  # JSON text of "value" to a value on disk; None of what is not plain
Coder = tuple[int, Encode]  # behind the type byte

_GROUP = 64 << 10  # bytes of lines that are taken together


class PlainLines:
    """Writes the plain ones among lines, and notes their keys; `others` gives what is left."""

    def __init__(self, writer: Writer, index: KeyIndex) -> None:
        self._writer = writer
        self._index = index
        self._expires = "expiretime-ms" in writer.server.opcodes
        self._coders: dict[tuple[bytes, bytes], Coder] = {}

    def others(self, lines: Iterable[Line]) -> Iterator[tuple[int, Line]]:
        """The lines that are not plain, with their numbers, each when all before it are written."""
        number = 1
        for group in _groups(lines):
            if isinstance(group, list):
                yield from self._others(group, number)
                number += len(group)
            else:
                yield number, group
                number += 1

    def _others(self, group: list[bytes], number: int) -> Iterator[tuple[int, Line]]:
        found = frames().findall(b"\n".join(group) + b"\n")
        if len(found) != len(group):  # there are lines with ends in them
            yield from enumerate(group, number)
            return
        # Long and without helpers: a call for each line costs as much as a tenth of most.
        writer, coders, expires = self._writer, self._coders, self._expires
        selected = b"%a" % writer.selected
        records: list[bytes] = []
        keys: list[bytes] = []
        places: list[int] = []
        for place, line, (db, key, type_, encoding, at_ms, text) in zip(count(number), group, found):
            record = None
            if db == selected and (not at_ms or (expires and at_ms != b"0")):
                code, encode = coders.get((type_, encoding)) or self._coder(type_, encoding)
                record = encode(text)
            if record is None:
                self._write(records, keys, places)
                yield place, line
                selected = b"%a" % writer.selected
                continue
            head = encode_expiry(int(at_ms), writer.server, _refuse) if at_ms else b""
            size = len(key)
            if 0 < size < lzf.MIN_SIZE and key[0] > LAST_DIGIT:  # as strings.encode has it
                records.append(b"%b%c%c%b%b" % (head, code, size, key, record))
            else:
                shown = strings.encode(key, compress=writer.server.compress)
                records.append(b"%b%c%b%b" % (head, code, shown, record))
            keys.append(key)
            places.append(place)
        self._write(records, keys, places)

    def _write(self, records: list[bytes], keys: list[bytes], places: list[int]) -> None:
        """What was made so far."""
        if keys:
            self._writer.put_records(records, keys)
            self._index.note_all(keys, places, self._writer.selected or 0)
            records.clear()
            keys.clear()
            places.clear()

    def _coder(self, type_: bytes, encoding: bytes) -> Coder:
        """What encodes values of a layout."""
        kind, layout = type_.decode("ascii"), encoding.decode("ascii")
        plain = plain_of(kind, layout)
        row = None if plain is None else self._writer.coded_row(kind, layout)
        if plain is None or row is None:
            return 0, _not_plain  # names may be made up: they are not kept
        server = self._writer.server
        made = _string(plain, server.compress) if kind == STRING else _encode(plain, row, server)
        self._coders[type_, encoding] = coder = row.code, made
        return coder


def _groups(lines: Iterable[Line]) -> Iterator[list[bytes] | LongLine]:
    """Lines that are taken together; a long one is alone."""
    group: list[bytes] = []
    size = 0
    try:
        for line in lines:
            if isinstance(line, bytes):
                group.append(line)
                size += len(line)
                if size < _GROUP:
                    continue
            if group:
                yield group
                group, size = [], 0
            if not isinstance(line, bytes):
                yield line
    except Exception:
        if group:  # what is wrong with these was before it
            yield group
        raise
    if group:
        yield group


def _not_plain(text: bytes) -> None:
    del text


def _string(plain: Callable[[bytes], Any], compress: bool) -> Encode:
    """What encodes strings."""

    def encode(text: bytes) -> bytes | None:
        value = plain(text)
        return None if value is None else strings.encode(value, compress=compress)

    return encode


def _encode(plain: Callable[[bytes], Any], row: TypeRow, server: Server) -> Encode:
    """What encodes values of a row as transcoding.encode_as does; the general way says what is wrong."""
    adapt, encode_layout = type_named(row.type).adapt, layout_of(row).encode
    assert encode_layout is not None  # such a row is in no target

    def encode(text: bytes) -> bytes | None:
        value = plain(text)
        if not value:  # for empty ones there are rules
            return None
        try:
            return encode_layout(adapt(value, row, server, _refuse), server)
        except (EncodeError, ValueError, OverflowError):
            return None

    return encode


def _refuse(kind: str) -> NoReturn:
    raise EncodeError(f"{kind} would be lost")
