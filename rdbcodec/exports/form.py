"""What a text form is: how one type stands in JSON, and which commands make it on a live server.

Each file in `forms/` has that of its type in a dict FORMS; rdbcodec.exports.values finds them. Types without
a file have one of two that stand here: TEXT, for values that are bytes, or RAW, for those kept as on disk.

A value too large to hold passes by once and is written in pieces, a table as pairs. A table inside one of its
elements stays as it is in a held value, but in elements near a string that is itself too large: that goes
through a temporary file, whether it is text is known at its end only, and their tables are pairs, too. A
reader takes either form.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from itertools import chain
from json.decoder import scanstring  # type: ignore[attr-defined] # in C, where Python has that
from types import MappingProxyType
from typing import Any

from rdbcodec.datatypes.scope import Scope
from rdbcodec.datatypes.sketches import RawValue
from rdbcodec.errors import LimitExceeded
from rdbcodec.exports.resp_words import (
    Recipient,
    batched,
    command_pieces,
    expect_some,
    large_elements,
    one_command,
)
from rdbcodec.exports.scalars import (
    PLAIN_ASCII,
    all_of,
    bytes_of,
    json_bytes,
    marked,
    marked_pieces,
    plain_texts,
    quoted_bytes,
    text_pieces,
    to_json,
)
from rdbcodec.limits import HELD_TEXT
from rdbcodec.named_tuples import NamedTuple
from rdbcodec.records import Entry
from rdbcodec.wire.cursor import Cursor
from rdbcodec.wire.long_strings import Held, LongString, Spool
from rdbcodec.wire.strings import Budget

Members = dict[str, Any]  # of a JSON object
Command = Callable[[Entry, Any, Recipient], bytes | None]
Commands = Callable[[Entry, Recipient, Any], Iterator[bytes]]


class Form(NamedTuple):
    """How one type is told.

    In JSON: `members` of a held value, {"value": ...} and what stands beside it. `pieces` of a large one:
    JSON text of "value" alone; `by_element(Teller(...))` gives them where `items` of the layout tells all,
    `whole(members)` where no value is large. `value` from the members, which have "value" and none but those
    that `beside` names; it raises TextError, which `bytes_of`, `pairs_of` and their like in scalars.py do.
    `single` is a held value in JSON with nothing beside it, where that differs from "value". `is_bytes` says
    that it is one string. `text` is the JSON text of what `members` gives, without the braces: a quick way
    for values of plain ASCII, which has None for others; `packed` makes it of the bytes of a packed
    structure, by names of rows, without the value, and has None, or raises DecodeError, for whatever it is
    not made for, damage before all. `plain` is the way back, from the JSON text of "value" alone, and has
    None for whatever it is not made for: who asks reads it as JSON then.
    `plain_in` gives it for an encoding, where values differ by that.

    In RESP: `commands` that make the key of a value, None of one too large to hold; `command` is a quick way
    for held values that one command makes, and has None for others; `packed_command` makes it
    of a key and the bytes of a packed structure, as `packed` does. No `commands`: only RESTORE can, and
    `only_restore` says of which keys that is so, with what `commands` gets as their value, so that nothing
    is read again. `is_taken` says whether the server takes the key at all, and counts it as lost.
    """

    members: Callable[[Any], Members]
    pieces: Callable[[Entry], Iterator[str]]
    value: Callable[[Members], Any]
    beside: tuple[str, ...] = ()
    single: Callable[[Any], Any] | None = None
    text: Callable[[Any], str | None] | None = None
    packed: Mapping[str, Callable[[bytes], str | None]] = MappingProxyType({})
    packed_command: Mapping[str, Callable[[bytes, bytes, Recipient], bytes | None]] = MappingProxyType({})
    plain: Callable[[bytes], Any] | None = None
    plain_in: Callable[[str], Callable[[bytes], Any]] | None = None
    is_bytes: bool = False
    commands: Commands | None = None
    command: Command | None = None
    only_restore: Callable[[Entry, Any], tuple[bool, Any]] | None = None
    is_taken: Callable[[Entry, Recipient], bool] | None = None


def value_of(entry: Entry) -> Any:
    """The decoded value; None for one that is too large to hold, packed or unpacked."""
    try:
        return entry.value()
    except LimitExceeded:
        return None


# --- large values in pieces -------------------------------------------------------------------------


def opened(entry: Entry, spool: Spool, chunks: Iterable[bytes] | None = None) -> tuple[Cursor, Scope]:
    """A cursor over a large value, for what `items` does not tell; its long strings go to the spool."""
    budget = Budget(entry.max_value)
    held = Held(budget.limit, spool.keep)
    chunks = entry.chunks() if chunks is None else chunks
    return Cursor(chunks, budget, streaming=True, held=held), Scope(budget, {})


def peeked(entry: Entry, size: int) -> tuple[bytes, Iterator[bytes]]:
    """The first bytes of a large value, and all of it."""
    chunks, head = entry.chunks(), b""
    while len(head) < size and (chunk := next(chunks, b"")):
        head += chunk
    return head, chain((head,), chunks)


class Teller(NamedTuple):
    """An element of the layout's `items` as JSON: `text` when all strings are held, else `parts`.

    Parts that are str go out as they stand: brackets, commas, numbers. Parts that are bytes or long strings
    are quoted here. Joined, the parts are what `text` gives, but for a table: parts have it as pairs. `batch`
    is the quick way for many elements of plain ASCII, with commas between; it has None for others.
    """

    text: Callable[[Any], str]
    parts: Callable[[Any], Iterable[Any]]
    batch: Callable[[Any], str | None] = lambda _: None


ELEMENT = Teller(quoted_bytes, lambda element: (element,), plain_texts)


def array_pieces(batches: Iterable[Iterable[Any]], tell: Teller, spool: Spool) -> Iterator[str]:
    """A JSON array of elements that come in batches."""
    between = ""
    yield "["
    for batch in batches:
        if spool.living:
            for element in batch:
                yield between
                for part in tell.parts(element):
                    yield from (part,) if isinstance(part, str) else text_pieces(part)
                between = ","
        else:
            text = tell.batch(batch) or ",".join(map(tell.text, batch))
            if text:
                yield between + text
                between = ","
    yield "]"


def by_element(tell: Teller) -> Callable[[Entry], Iterator[str]]:
    """The pieces of an array with one element for each of `items`."""

    def pieces(entry: Entry) -> Iterator[str]:
        spool = Spool()
        return array_pieces(entry.items(spool=spool), tell, spool)

    return pieces


def whole(members: Callable[[Any], Members]) -> Callable[[Entry], Iterator[str]]:
    """For types of which no large value can be: `value` says so."""

    def pieces(entry: Entry) -> Iterator[str]:
        yield to_json(members(entry.value())["value"])

    return pieces


# --- values that are bytes --------------------------------------------------------------------------


def whole_string(entry: Entry) -> bytes | LongString:
    """A large value that is one string; whether it is text its whole says, so a long one goes to a file."""
    pieces: Iterator[Any] = chain.from_iterable(entry.items())
    held: list[bytes] = []
    size = 0
    for piece in pieces:
        held.append(piece)
        size += len(piece)
        if size > HELD_TEXT:
            return Spool().keep(chain(held, pieces))
    return b"".join(held)


def text_of(members: Members) -> bytes:
    """The bytes that "value" stands for."""
    return bytes_of(members["value"], "the value")


def _json_text(value: bytes) -> Members:
    return {"value": json_bytes(value)}


def _text(value: bytes) -> str:
    return f'"value":{quoted_bytes(value)}'


def array_text(value: Collection[bytes]) -> str | None:
    """The members of a value that is an array of strings."""
    texts = plain_texts(value)
    return None if texts is None else f'"value":[{texts}]'


def _string_pieces(entry: Entry) -> Iterator[str]:
    return text_pieces(whole_string(entry))


def _json_raw(value: RawValue) -> Members:
    return {"value": {"raw": marked(value.raw)}}


def _raw_pieces(entry: Entry) -> Iterator[str]:
    yield '{"raw":'
    yield from marked_pieces(entry.chunks())
    yield "}"


def _raw_of(members: Members) -> RawValue:
    return RawValue(bytes_of(all_of(members["value"], "the value", ("raw",))["raw"], "raw"))


def _plain_text(text: bytes) -> bytes | None:
    """The string of JSON text; escapes, as JSON documents are full of, are undone in C."""
    if text.translate(None, PLAIN_ASCII) == b'""' and text[:1] == text[-1:] == b'"':
        return text[1:-1]
    if text[:1] != b'"':
        return None
    try:
        told = text.decode("utf-8")
        value, end = scanstring(told, 1)
        return value.encode("utf-8") if end == len(told) else None
    except ValueError:  # which the general way puts into words
        return None


TEXT = Form(_json_text, _string_pieces, text_of, text=_text, plain=_plain_text, is_bytes=True)
RAW = Form(_json_raw, _raw_pieces, _raw_of)


# --- commands ---------------------------------------------------------------------------------------


def pushed(name: bytes, entry: Entry, recipient: Recipient, value: Any) -> Iterator[bytes]:
    """A command that takes the elements one after another, as often as it needs."""
    count = 0
    for batch, words in batched(
        large_elements(entry) if value is None else [[*value]], list, many=recipient.many
    ):
        count += len(batch)
        yield from command_pieces(name, entry.key, *words)
    expect_some(count, entry, recipient)


def pushed_once(name: bytes) -> Command:
    """The same for a held value, when that takes one command."""

    def command(entry: Entry, value: Any, recipient: Recipient) -> bytes | None:
        return one_command(name, entry.key, value, len(value), recipient)

    return command
