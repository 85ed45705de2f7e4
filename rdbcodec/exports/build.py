"""NDJSON into a snapshot: the way back of ndjson.lines."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, suppress
from typing import IO, Any, Literal, cast, get_args

from rdbcodec.datatypes.registry import type_named
from rdbcodec.errors import EncodeError, TextError
from rdbcodec.exports.long_lines import Line, Parts, lines_of
from rdbcodec.exports.ndjson import TextEntry, read, read_numbered
from rdbcodec.exports.plain_lines import PlainLines
from rdbcodec.exports.records import Asked
from rdbcodec.formats import VERSIONS
from rdbcodec.named_tuples import NamedTuple
from rdbcodec.reading.duplicates import KeyIndex
from rdbcodec.servers import DEFAULT_VERSION
from rdbcodec.writing.arguments import check_word
from rdbcodec.writing.create import create
from rdbcodec.writing.output import OutputLike
from rdbcodec.writing.values import NO_ATTRIBUTES, STRING
from rdbcodec.writing.writer import Writer

OnDuplicate = Literal["error", "first", "last", "allow"]

_BOM = b"\xef\xbb\xbf"
_MAGICS = (b"REDIS0", b"VALKEY")
_BUFFER = 256 << 10  # bytes
_SPOOL = 1 << 20  # bytes of text for which there is no need of a file
_NAMES_SERVER = {"version", "dialect", "to"}
_LATER = tuple(
    sorted(row.version for row in VERSIONS if row.dialect == "redis" and row.version > DEFAULT_VERSION)
)


class Built(NamedTuple):
    """The writer, closed, with its count of keys and its losses; `lacked` is the kind of loss that kept the
    default version from being enough."""

    writer: Writer
    lacked: str | None


def build(
    source: Iterable[bytes],
    output: OutputLike,
    *,
    on_duplicate: OnDuplicate = "error",
    drop_empty: bool = False,
    **options: Any,
) -> Built:
    """Write a snapshot of what the lines tell.

    The options are those of `create`. Dialect and version are those of the line {"rdb": ...} unless an
    option names a version, a dialect or a server; without either it is the oldest from RDB 11 on that
    holds everything. A key on two lines is an error; `on_duplicate` "first" and "last" keep one of them,
    "allow" writes both. `drop_empty` leaves out keys without elements. Raises TextError for a line that is
    not what the form says or that the target cannot hold; then there is no snapshot.
    """
    check_word("on_duplicate", on_duplicate, get_args(OnDuplicate))
    with ExitStack() as stack:
        job = _Job(stack, on_duplicate, options, drop_empty=drop_empty)
        again = _place_of(source)
        lines = _begun(source)
        first: Line = next(lines, b"")
        is_free = not _NAMES_SERVER & {name for name, value in options.items() if value is not None}
        if is_free:
            asked = _asked(first)
            job.options |= asked
            is_free = not asked
        if not is_free and on_duplicate in ("error", "allow"):
            return Built(job.write(_all(first, lines), output), None)
        text = source if again is not None else stack.enter_context(_spooled(_all(first, lines)))
        job.start = again or 0
        if on_duplicate in ("first", "last"):
            job.find_surplus(job.lines(text))
        if not is_free:
            return Built(job.write(job.lines(text), output), None)
        return _oldest(job, text, output)


def _oldest(job: _Job, text: Any, output: OutputLike) -> Built:
    """Version after version, until one holds everything; if none does, what the default one says."""
    try:
        return Built(_attempt(job, text, output, DEFAULT_VERSION), None)
    except TextError as error:
        lacked = getattr(error.__cause__, "loss", None)
        if lacked in (None, "duplicate"):
            raise
        for version in _LATER:
            with suppress(TextError):
                return Built(_attempt(job, text, output, version), lacked)
        if not job.options["allow_loss"]:
            raise
    return Built(_attempt(job, text, output, DEFAULT_VERSION, **job.options), None)


def _attempt(job: _Job, text: Any, output: OutputLike, version: int, **options: Any) -> Writer:
    """One version; a file object gets what an attempt wrote only when it is whole."""
    options = {"allow_loss": False} | options | {"version": version}
    if isinstance(output, str | os.PathLike):
        return job.write(job.lines(text), output, **options)
    with tempfile.SpooledTemporaryFile(max_size=_SPOOL) as spool:
        writer = job.write(job.lines(text), cast("IO[bytes]", spool), **options)
        spool.seek(0)
        shutil.copyfileobj(spool, output)
    return writer


class _Job:
    """What is asked of every attempt."""

    def __init__(
        self, stack: ExitStack, on_duplicate: OnDuplicate, options: dict[str, Any], *, drop_empty: bool
    ) -> None:
        self.stack = stack
        self.on_duplicate = on_duplicate
        self.options = {"allow_loss": False} | options
        self.drop_empty = drop_empty
        self.start = 0  # of the lines in their file
        self.index: KeyIndex | None = None  # of all keys, when some of them are surplus

    def lines(self, text: Any) -> Iterator[Line]:
        """All of them once more."""
        text.seek(self.start)
        return _begun(text)

    def find_surplus(self, lines: Iterator[Line]) -> None:
        self.index = self.stack.enter_context(KeyIndex())
        for number, told in read(lines):
            if isinstance(told, TextEntry):
                self.index.note(told.key, number, told.db)

    def write(self, lines: Iterator[Line], output: OutputLike, **options: Any) -> Writer:
        """A snapshot of the lines; keys are looked for twice here, as a line says more than a number."""
        surplus: Iterator[int] = iter(())
        if self.index is not None:
            surplus = self.index.surplus("first" if self.on_duplicate == "first" else "last")
        keys, unwanted = -1, next(surplus, None)
        with KeyIndex() as index, create(output, duplicates="allow", **self.options | options) as writer:
            # Which of them to leave out is counted by keys: then each is looked at.
            rest = enumerate(lines, 1) if self.index is not None else PlainLines(writer, index).others(lines)
            for number, told in read_numbered(rest):
                try:
                    if isinstance(told, TextEntry):
                        keys += 1
                        if keys == unwanted:
                            unwanted = next(surplus, None)
                            writer.lose_key("duplicate", told.db, told.key)
                        elif self.drop_empty and not told.value and type_named(told.type).empty != "kept":
                            writer.lose_key("empty-dropped", told.db, told.key)
                        else:
                            _write_key(writer, told)
                            index.note(told.key, number, told.db)
                    elif not isinstance(told, Asked):
                        writer.write_record(told)
                except TextError as error:  # of a long line that was taken whole
                    error.line = number
                    raise
                except EncodeError as error:
                    raise TextError(str(error), number) from error
            if self.on_duplicate == "error":
                _refuse_duplicate(index, writer)
        return writer


def _refuse_duplicate(index: KeyIndex, writer: Writer) -> None:
    duplicate = next(index.duplicates(), None)
    if duplicate is not None:
        error = EncodeError(
            f"the key is on line {duplicate.first} as well, and no server loads a key twice: "
            "on-duplicate first or last keeps one",
            server=writer.server.name,
        )
        error.db, error.key, error.loss = duplicate.db, duplicate.key, "duplicate"
        raise TextError(str(error), duplicate.place) from error


def _begun(source: Iterable[bytes]) -> Iterator[Line]:
    """The lines, without the mark some editors put before the first; a snapshot is no text."""
    lines = lines_of(source)
    for first in lines:
        begin = first if isinstance(first, bytes) else first.begin
        if begin.startswith(_MAGICS):
            raise TextError("this is a snapshot, not NDJSON: convert is the command for it", 1)
        if isinstance(first, bytes):
            yield first.removeprefix(_BOM)
        else:
            first.begin = begin.removeprefix(_BOM)
            yield first
        break
    yield from lines


def _all(first: Line, rest: Iterator[Line]) -> Iterator[Line]:
    yield first
    yield from rest


def _texts(lines: Iterator[Line]) -> Iterator[bytes]:
    for line in lines:
        if isinstance(line, bytes):
            yield line if line[-1:] == b"\n" else line + b"\n"
        else:
            yield from line.pieces()
            yield b"\n"


def _place_of(source: Any) -> int | None:
    """Where a file stands that can be read again from there."""
    try:
        return source.tell() if source.seekable() else None
    except (AttributeError, OSError):
        return None


def _spooled(lines: Iterator[Line]) -> IO[bytes]:
    """A file of lines that pass by once; a spooled one would hold all that `writelines` is given."""
    text = tempfile.TemporaryFile(buffering=_BUFFER)  # noqa: SIM115 - whoever asked closes it
    text.writelines(_texts(lines))
    return text


def _asked(first: Line) -> dict[str, Any]:
    """The target that a first line may ask for; from version 80 on a version names its dialect."""
    for _, told in read([first]):
        if isinstance(told, Asked):
            return {"dialect": told.dialect, "version": told.version}
    return {}


def _write_key(writer: Writer, told: TextEntry) -> None:
    if told.value.__class__ is Parts:
        if writer.write_parts(
            told.key, told.value, told.type, told.encoding, db=told.db, attributes=told[5:]
        ):
            return
        told = told.value.whole()
    if told.type == STRING and told[5:] == NO_ATTRIBUTES:
        writer.write(told.key, told.value, db=told.db, encoding=told.encoding)
    else:
        writer.write_decoded(told.key, told.value, told.type, told.encoding, db=told.db, attributes=told[5:])
