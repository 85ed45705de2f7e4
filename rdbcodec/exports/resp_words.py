"""What commands are made of: words in RESP, batches of bounded size, and the server that takes them.

*2\\r\\n$3\\r\\nGET\\r\\n$1\\r\\nk\\r\\n        the command GET k
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import chain
from typing import Any, NamedTuple

from rdbcodec.records import Entry, Record
from rdbcodec.wire.long_strings import LongString, Spool

MANY = 500  # elements in one command: a server is busy with it for less than a millisecond
MUCH = 64 << 10  # bytes in one command, unless a single element has more

_VARIADIC_SINCE = 2

Word = bytes | str | int


class Recipient(NamedTuple):
    """The server: RDB version, the types it has, the time in milliseconds; `add` counts a loss.

    `modules` are the module types it has, None when nobody says.
    """

    version: int
    types: frozenset[str]
    now_ms: int
    add: Callable[..., None]
    modules: frozenset[str] | None = None

    @property
    def many(self) -> int:
        """Elements in one command; servers up to Redis 2.2 take one."""
        return MANY if self.version >= _VARIADIC_SINCE else 1

    def lose(self, kind: str, record: Record) -> None:
        """Count what this record loses."""
        entry = record if isinstance(record, Entry) else None
        self.add(
            kind,
            offset=record.offset,
            db=None if entry is None else entry.db,
            key=None if entry is None else entry.key,
        )


def command(*words: Word) -> bytes:
    """One command."""
    raws = [word if word.__class__ is bytes else _raw(word) for word in words]
    return _form(len(raws)) % tuple(chain.from_iterable(zip(map(len, raws), raws, strict=True)))


@lru_cache(maxsize=MANY)
def _form(count: int) -> bytes:
    """A command of so many words, each behind its length."""
    return b"*%d\r\n" % count + b"$%d\r\n%b\r\n" * count


def command_pieces(*words: Word | LongString) -> Iterator[bytes]:
    """The same in pieces: its words may be too large to hold."""
    parts = [b"*%d\r\n" % len(words)]
    for word in words:
        if isinstance(word, LongString):
            yield b"".join([*parts, b"$%d\r\n" % len(word)])
            yield from word.pieces()
            parts = [b"\r\n"]
        else:
            parts.append(_bulk(word))
    yield b"".join(parts)


def _bulk(word: Word) -> bytes:
    raw = _raw(word)
    return b"$%d\r\n%b\r\n" % (len(raw), raw)


def _raw(word: Word) -> bytes:
    return word if isinstance(word, bytes) else str(word).encode()


def is_one_command(elements: Collection[bytes], recipient: Recipient) -> bool:
    """Whether elements that are held make one batch, as nearly all do."""
    return 0 < len(elements) <= recipient.many and sum(map(len, elements)) < MUCH


def batched(elements: Iterable[Sequence[Any]], *, many: int = MANY) -> Iterator[list[Sequence[Any]]]:
    """Elements, each the words of one, at most `many`, as many as make a command of bounded size."""
    batch: list[Sequence[Any]] = []
    size = 0
    for element in elements:
        batch.append(element)
        for word in element:
            if word.__class__ is bytes or isinstance(word, bytes | LongString):
                size += len(word)
        if len(batch) >= many or size >= MUCH:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def large_elements(entry: Entry) -> Iterator[Any]:
    """The elements of a value that passes by, as `items` tells them; long strings go to files."""
    return chain.from_iterable(entry.items(spool=Spool()))


def expect_some(count: int, entry: Entry, recipient: Recipient) -> None:
    """No command makes a key without elements."""
    if not count:
        recipient.lose("empty", entry)
