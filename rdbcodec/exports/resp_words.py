"""What commands are made of: words in RESP, batches of bounded size, and the server that takes them.

*2\\r\\n$3\\r\\nGET\\r\\n$1\\r\\nk\\r\\n        the command GET k
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from itertools import accumulate
from typing import Any

from rdbcodec.named_tuples import NamedTuple
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
    return command_of([word if word.__class__ is bytes else _raw(word) for word in words])


def command_of(words: Sequence[bytes]) -> bytes:
    """The same of words that are bytes: many of them cost no call each."""
    lines = [b"\r\n"] * (2 * len(words) + 2)
    lines[0] = b"*%d" % len(words)
    lines[1:-1:2] = heads_of(words)
    lines[2::2] = words
    return b"".join(lines)


def heads_of(words: Sequence[bytes]) -> list[bytes]:
    """What stands before each of the words, with the end of the line before that."""
    return _heads([*map(len, words)])


def _heads(sizes: list[int]) -> list[bytes]:
    heads = _HEADS
    try:
        return [heads[size] for size in sizes]
    except IndexError:
        return [_HEAD % size for size in sizes]


_HEAD = b"\r\n$%d\r\n"
_HEADS = [_HEAD % size for size in range(1 << 10)]  # of most sizes


def command_pieces(*words: Word | LongString) -> Iterator[bytes]:
    """The same in pieces: its words may be too large to hold."""
    try:
        told = command_of(words)  # type: ignore[arg-type] # all are bytes, or else:
    except TypeError:
        pass
    else:
        yield told
        return
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


def one_command(
    name: bytes, key: bytes, words: Collection[bytes], count: int, recipient: Recipient
) -> bytes | None:
    """The command that takes all words of `count` elements, as nearly always; None when it takes several."""
    if not 0 < count <= recipient.many:
        return None
    sizes = [len(word) for word in words]
    if sum(sizes) >= MUCH:
        return None
    lines = [b"\r\n"] * (2 * len(sizes) + 2)
    lines[0] = b"*%d\r\n$%d\r\n%b\r\n$%d\r\n%b" % (len(sizes) + 2, len(name), name, len(key), key)
    lines[1:-1:2] = _heads(sizes)
    lines[2::2] = words
    return b"".join(lines)


def batched(
    values: Iterable[Sequence[Any]], words: Callable[[Sequence[Any]], list[Any]], *, many: int = MANY
) -> Iterator[tuple[Sequence[Any], list[Any]]]:
    """Elements of one command each time: at most `many`, and as many as make one of bounded size.

    They come many at once. `words` are those of elements that count; they are given as well.
    """
    held: Sequence[Any] = ()
    for elements in values:
        held, start = [*held, *elements] if held else elements, 0
        while start < len(held):
            batch = held[start : start + many]
            told = words(batch)
            if sum(map(len, told)) >= MUCH:
                batch = batch[: _fitting(batch, words)]
                told = words(batch)
            elif len(batch) < many:
                break
            yield batch, told
            start += len(batch)
        held = held[start:]
    if held:
        yield held, words(held)


def _fitting(batch: Sequence[Any], words: Callable[[Sequence[Any]], list[Any]]) -> int:
    """How many elements make a command that is large enough."""
    sizes = accumulate(sum(map(len, words([element]))) for element in batch)
    return next(count for count, size in enumerate(sizes, 1) if size >= MUCH)


def large_elements(entry: Entry) -> Iterator[Sequence[Any]]:
    """The elements of a value that passes by, as `items` tells them; long strings go to files."""
    return entry.items(spool=Spool())


def expect_some(count: int, entry: Entry, recipient: Recipient) -> None:
    """No command makes a key without elements."""
    if not count:
        recipient.lose("empty", entry)
