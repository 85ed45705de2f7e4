"""Strings: bytes; in RESP SET, and APPEND of those too large for one command."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rdbcodec.exports.form import TEXT
from rdbcodec.exports.resp_words import Recipient, command
from rdbcodec.records import Entry


def _commands(entry: Entry, recipient: Recipient, value: Any) -> Iterator[bytes]:
    del recipient
    if value is not None:
        yield command(b"SET", entry.key, value)
        return
    name = b"SET"
    batches: Iterator[list[Any]] = entry.items()
    for batch in batches:
        for piece in batch:
            yield command(name, entry.key, piece)
            name = b"APPEND"


FORMS = {"string": TEXT._replace(commands=_commands)}
