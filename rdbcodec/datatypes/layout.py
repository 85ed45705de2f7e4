"""How the file of a type says what it does: a Layout for each of its rows, a DataType for each type.

    LAYOUTS = {"gcra": Layout(decode_gcra, whole(decode_gcra), unknown_count, encode_gcra)}
    TYPES = (DataType("gcra", (Gcra,), as_it_is, is_named=True),)

rdbcodec.datatypes.registry finds them in this folder; nothing else names a row of the table.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, Literal

from rdbcodec.datatypes.odd import UNDECODABLE, Odd
from rdbcodec.datatypes.scope import HEADER_SIZE, Items, Scope, read_blob
from rdbcodec.formats import TypeRow, VersionRow
from rdbcodec.losses import Lose
from rdbcodec.named_tuples import NamedTuple
from rdbcodec.servers import Server
from rdbcodec.wire import lengths, strings
from rdbcodec.wire.cursor import Cursor
from rdbcodec.wire.long_strings import Held, LongString

if TYPE_CHECKING:
    from rdbcodec.datatypes.values import Value

Decode = Callable[[bytes, Scope], "Value"]
FromBlob = Callable[[bytes], "Value"]
CountOf = Callable[[bytes, Scope], "int | None"]
Encode = Callable[[Any, Server], bytes]  # each takes the value class its decode gives

# What elements are on disk: bytes, and strings too large to hold, which pass by.
Part = bytes | LongString
Text = Callable[[bytes], Part]  # a string as it is to stand there
EncodeElements = Callable[[Iterable[Any], Text], Iterable[Part]]
EncodeParts = Callable[[Iterator[Any], Server], Iterator[tuple[int, bytes]]]


class Layout(NamedTuple):
    """The functions of one row of the table.

    `decode`, `items` and `count_of` are the three ways to look at a value; without `encode` nobody can
    write one. `elements`, of layouts that are a number and so many elements, writes such as `items` gives:
    of values that are held, by `encode`, and of those that pass by, behind `head` and the number.
    `parts` makes of values that are parts of one what `encode` makes of the whole, behind the number: of each
    how much of that it is, and its bytes. It raises EncodeError for parts of which it cannot.
    `expiring_items` gives (element, expiry) where `items` leaves the expiries out. `odd` is how a value of
    this layout is looked at for what contradicts itself. `from_blob`, of layouts that are one packed
    structure behind `blob_at` bytes, makes the value of its bytes: the shortest way there is. With a
    `blob_head` they are one only where those bytes are it.
    """

    decode: Decode
    items: Items
    count_of: CountOf
    encode: Encode | None = None
    elements: EncodeElements | None = None
    parts: EncodeParts | None = None
    head: bytes = b""
    expiring_items: Items | None = None
    odd: Odd = UNDECODABLE
    from_blob: FromBlob | None = None
    blob_at: int = 0
    blob_head: bytes = b""


def packed_layout(
    from_blob: FromBlob, items: Items, count_of: CountOf, encode: Encode, odd: Odd, *, at: int = 0
) -> Layout:
    """The Layout of a value that is one packed structure, behind `at` bytes that say nothing."""

    def decode(raw: bytes, scope: Scope) -> Value:
        return from_blob(read_blob(raw, scope, at))

    return Layout(decode, items, count_of, encode, odd=odd, from_blob=from_blob, blob_at=at)


def as_it_is(value: Any) -> Any:
    """A value that is its own natural form."""
    return value


def _whole_value(value: Any, row: TypeRow, server: Server, lose: Lose) -> Any:
    del row, server, lose
    return value


class Passing(NamedTuple):
    """A value too large to hold: what reads it, its row, and the version of its file."""

    cursor: Cursor
    scope: Scope
    row: TypeRow
    origin: VersionRow


# What Python value -> its class; which rows a server would write it with, best first; as much of it as a
# row of a server holds; its bytes made of those of another layout; its pieces of those passing by.
Natural = Callable[[Any], Any]
Choose = Callable[[Any, Server], Iterable[str]]
Adapt = Callable[[Any, TypeRow, Server, Lose], Any]
Rewrite = Callable[[Any, bytes, TypeRow, Server, Lose], bytes]
Pass = Callable[[Passing, TypeRow, Server, Lose], Iterator[bytes]]


class DataType(NamedTuple):
    """What is true of a Redis type in all of its layouts.

    `classes` are the Python values that are taken for one; one that `is_named` must be asked for by name.
    Without `choose` the newest layout a server has is written. `empty` is what servers make of an empty
    value: a key like others, one that newer ones drop, or a reason to refuse the file. `texts` are those
    of a value that may stand in listpacks, `names` what among a batch of items must be there once.
    `expiry_loss` is the loss of fields' or members' expiries. `rewrite` and `passing` make a value for a
    server out of its bytes, where the elements stay as they are.
    """

    name: str
    classes: tuple[type, ...]
    natural: Natural = as_it_is
    choose: Choose | None = None
    adapt: Adapt = _whole_value
    empty: Literal["kept", "dropped", "refused"] = "kept"
    is_named: bool = False
    texts: Callable[[Any], Iterable[bytes]] = iter
    names: Callable[[list[Any]], list[bytes]] | None = None
    expiry_loss: str = ""
    rewrite: Rewrite | None = None
    passing: Pass | None = None


# --- counts and items that several types share ------------------------------------------------------


def count_length(raw: bytes, scope: Scope) -> int:
    """The LENGTH at the start."""
    del scope
    return lengths.read(raw, 0)[0]


def count_after(skip: int) -> CountOf:
    """The LENGTH behind so many bytes."""

    def count(raw: bytes, scope: Scope) -> int:
        del scope
        return lengths.read(raw, skip)[0]

    return count


def count_packed(elements_in: Callable[[bytes], int | None], width: int = 1, skip: int = 0) -> CountOf:
    """Elements of a packed structure by its header alone; `width` of them make one of the value's."""

    def count(raw: bytes, scope: Scope) -> int | None:
        del scope
        elements = elements_in(strings.peek(raw, skip, HEADER_SIZE))
        return None if elements is None else elements // width

    return count


def unknown_count(raw: bytes, scope: Scope) -> None:
    """Of layouts whose headers do not tell."""
    del raw, scope


def whole(decode: Decode) -> Items:
    """Items of a type that is only decoded whole: one batch, of the value, if it can be held."""

    def items(cursor: Cursor, scope: Scope) -> Iterator[list[Any]]:
        held, limit = b"", max(cursor.held.limit, cursor.held.needed)
        while not cursor.at_end():
            held += cursor.buf[cursor.pos :]
            cursor.pos = len(cursor.buf)
            if len(held) > limit:
                raise Held(limit).refuse("the value", len(held))
        yield [decode(held, scope)]

    return items


# --- expiries of fields and members -----------------------------------------------------------------


def adapt_expiries(type_loss: str) -> Adapt:
    """For types whose elements may expire: without the expiries, and a loss, where a row has no place."""

    def adapt(value: Any, row: TypeRow, server: Server, lose: Lose) -> Any:
        if not value.expires_at_ms:
            return value
        if row.expires:
            lose_fractions(value.expires_at_ms.values(), server, lose)
            return value
        lose(type_loss)
        return value.__class__(value)

    return adapt


def lose_fractions(expiries: Iterable[int], server: Server, lose: Lose) -> None:
    """Tell of times that Dragonfly, which counts seconds, cannot hold whole."""
    if server.dialect == "dragonfly" and any(at % 1000 for at in expiries):
        lose("sub-second-expiry")
