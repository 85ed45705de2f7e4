"""What a value needs from its surroundings to be decoded."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from rdbcodec.errors import CorruptStructure
from rdbcodec.wire import lengths, strings
from rdbcodec.wire.cursor import Cursor
from rdbcodec.wire.long_strings import Held
from rdbcodec.wire.strings import Budget

T = TypeVar("T")

HEADER_SIZE = 10  # bytes of the longest header of a packed structure (the ziplist's)


class Scope:
    """The unpacking budget of one decode and the hash templates of the file."""

    __slots__ = ("budget", "templates")

    def __init__(self, budget: Budget, templates: Mapping[int, Sequence[bytes]]) -> None:
        self.budget = budget
        self.templates = templates


# Values and elements differ by type; each function below says its own.
Decode = Callable[[bytes, Scope], Any]
Items = Callable[[Cursor, Scope], Iterator[list[Any]]]


def read_blob(raw: bytes, scope: Scope, pos: int = 0) -> bytes:
    """The packed structure that makes up the rest of a value from `pos` on."""
    return strings.read(raw, pos, scope.budget)[0]


def blob_items(
    cursor: Cursor,
    decode: Callable[[bytes], list[T]],
    iter_decode: Callable[[Iterator[bytes], Held], Iterator[list[T]]],
) -> Iterator[list[T]]:
    """The elements of the packed structure in the next string; one too large to hold is streamed."""
    cursor.budget.refill()
    if cursor.string_is_long():
        yield from iter_decode(cursor.string_pieces(), cursor.held)
    else:
        yield decode(cursor.string())


def grouped(batches: Iterator[list[T]], width: int, what: str) -> Iterator[list[tuple[T, ...]]]:
    """Flat elements as tuples of `width`, whatever the batches are cut at."""
    rest: list[T] = []
    for batch in batches:
        flat = rest + batch
        whole = len(flat) - len(flat) % width
        rest = flat[whole:]
        yield list(zip(*[iter(flat[:whole])] * width, strict=True))
    check_width(rest, width, what)


def flat_items(cursor: Cursor, scope: Scope, width: int) -> Iterator[list[bytes]]:
    """LENGTH n, STRING * n * width, in batches cut anywhere."""
    yield from cursor.batches(take_strings(scope), Cursor.element, cursor.length() * width)


def check_width(elements: Sequence[object], width: int, what: str) -> None:
    """Raise CorruptStructure unless the elements make up whole tuples."""
    if len(elements) % width:
        raise CorruptStructure(f"{what} of {len(elements)} elements, expected a multiple of {width}")


def take_strings(scope: Scope) -> Callable[[bytes, int, int, list[bytes]], int]:
    """A cursor reader for plain strings."""
    budget = scope.budget

    def reader(buf: bytes, pos: int, count: int, out: list[bytes]) -> int:
        return strings.take(buf, pos, count, out, budget)

    return reader


def read_strings(raw: bytes, scope: Scope, width: int = 1) -> list[bytes]:
    """The value LENGTH n, STRING * n * width, complete."""
    count, pos = lengths.read(raw, 0)
    out: list[bytes] = []
    end = strings.take(raw, pos, count * width, out, scope.budget)
    check_whole(len(out), count * width, end, raw, scope.budget)
    return out


def check_whole(found: int, count: int, end: int, raw: bytes, budget: Budget) -> None:
    """Raise CorruptStructure unless exactly the whole value was read, LimitExceeded if that stopped it."""
    if budget.failure is not None:
        raise budget.failure
    if found != count or end != len(raw):
        raise CorruptStructure(
            f"the value holds {found} of {count} elements and ends at {end} of {len(raw)}", end
        )


def check_distinct(distinct: int, count: int, what: str) -> None:
    """Raise CorruptStructure when a set, sorted set or hash names something twice."""
    if distinct != count:
        raise CorruptStructure(f"{what} are not unique: {count}, of which {distinct} distinct")
