"""NDJSON into a snapshot: the way back of ndjson.lines."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any

from rdbcodec import sink
from rdbcodec.errors import EncodeError, TextError
from rdbcodec.texts.ndjson import Asked, TextEntry, Told, read
from rdbcodec.writer import Writer, create


def build(source: Iterable[bytes], target: sink.Target, **options: Any) -> Writer:
    """Write a snapshot of what the lines tell; the writer, closed, with its count of keys and its losses.

    The options are those of `create`. Dialect and version are those of the line {"rdb": ...} unless an
    option names a version, a dialect or a release. Raises TextError for a line that is not what the form
    says or that the target cannot hold; then there is no snapshot.
    """
    told = read(source)
    first = list(_first(told))
    if not _NAMES_TARGET & {name for name, value in options.items() if value is not None}:
        options |= _asked(first)
    with create(target, **options) as writer:
        for number, one in chain(first, told):
            try:
                _write(writer, one)
            except EncodeError as error:
                raise TextError(str(error), number) from error
    return writer


_NAMES_TARGET = {"version", "dialect", "release"}


def _first(told: Iterator[tuple[int, Told]]) -> Iterator[tuple[int, Told]]:
    for one in told:
        yield one
        return


def _asked(first: list[tuple[int, Told]]) -> dict[str, Any]:
    """The target that a first line may ask for; from version 80 on a version names its dialect."""
    asked = [one for _, one in first if isinstance(one, Asked)]
    return {"dialect": asked[0].dialect, "version": asked[0].version} if asked else {}


def _write(writer: Writer, told: Told) -> None:
    if isinstance(told, Asked):
        return
    if not isinstance(told, TextEntry):
        writer.write_record(told)
        return
    writer.write(
        told.key,
        told.value,
        db=told.db,
        expires_at_ms=told.expires_at_ms,
        idle=told.idle,
        freq=told.freq,
        meta=told.meta,
        type=told.type,
        encoding=told.encoding,
    )
