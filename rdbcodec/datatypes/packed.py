"""What the encoders of collections share: strings in a row, packed structures in a string."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from rdbcodec.datatypes.plain import expiries_of
from rdbcodec.errors import EncodeError
from rdbcodec.servers import Server
from rdbcodec.structures import listpack, ziplist
from rdbcodec.wire import lengths, lzf, strings
from rdbcodec.wire.strings import MAX_INTEGER_TEXT

# Sizes of strings whose listpack elements are as long as the two back-length rules disagree on: the
# element is the string and a header of 5 bytes (rdb-format.md, 4.4.3).
CRITICAL = frozenset(size - 5 for size in (16383, 2097151, 268435455))
SMALLEST_CRITICAL = min(CRITICAL)
MAX_OVERHEAD = 8  # bytes of an estimate beside those of the string


_DIGITS = b":"  # greater than every text that begins with a digit or a minus


def text_encoder(server: Server) -> Callable[[bytes], bytes]:
    """What makes a STRING of bytes."""
    return strings.encode if server.compress else _uncompressed


def _uncompressed(text: bytes) -> bytes:
    return strings.encode(text, compress=False)


def encode_strings(texts: Iterable[bytes], server: Server) -> bytes:
    """STRING*n. The short ones, as most are, are written here, by the rules of strings.encode."""
    text, most = text_encoder(server), MAX_INTEGER_TEXT
    return b"".join(
        [
            b"%c%b" % (size, each)
            if (size := len(each)) < lzf.MIN_SIZE and (size > most or each > _DIGITS)
            else text(each)
            for each in texts
        ]
    )


def encode_table(
    count: int, elements: Iterable[Any], encode: Callable[..., Iterable[Any]], server: Server
) -> bytes:
    """LENGTH n, then n elements, by the function that also encodes those passing by."""
    return lengths.encode(count) + b"".join(encode(elements, text_encoder(server)))


def parts_of_table(
    items: Callable[[Any], Iterable[Any]], encode: Callable[..., Iterable[Any]], *, expires: bool = False
) -> Callable[[Iterator[Any], Server], Iterator[tuple[int, bytes]]]:
    """`parts` of such a layout: `items` gives the elements of a value."""

    def parts(values: Iterator[Any], server: Server) -> Iterator[tuple[int, bytes]]:
        text = text_encoder(server)
        for value in values:
            if not expires and expiries_of(value):
                raise EncodeError(_NO_PLACE)
            yield len(value), b"".join(encode(items(value), text))

    return parts


def parts_of_strings(
    texts: Callable[[Any], Iterable[bytes]],
) -> Callable[[Iterator[Any], Server], Iterator[tuple[int, bytes]]]:
    """The same of a layout that is nothing but strings."""

    def parts(values: Iterator[Any], server: Server) -> Iterator[tuple[int, bytes]]:
        for value in values:
            if expiries_of(value):
                raise EncodeError(_NO_PLACE)
            yield len(value), encode_strings(texts(value), server)

    return parts


_NO_PLACE = "a part has expiries, and there is no place for them"


def encode_texts(texts: Iterable[bytes], text: Callable[[bytes], Any]) -> Iterable[Any]:
    """The elements of lists and sets."""
    return map(text, texts)


def encode_blob(blob: bytes, server: Server) -> bytes:
    """A packed structure as the STRING it stands in."""
    return strings.encode(blob, compress=server.compress)


def encode_ziplist(texts: Iterable[bytes | int], server: Server) -> bytes:
    """A ziplist the target reads."""
    return ziplist.encode(texts, small_integers=server.small_integers)


def encode_listpack(elements: Iterable[bytes | int], server: Server) -> bytes:
    """A listpack the target reads; raises EncodeError for a size its two kinds of server disagree on."""
    if server.back_length == "either":
        elements = list(elements)
        if has_critical(elements):
            raise EncodeError(
                "servers of this RDB version do not agree on elements of exactly 16378, 2097146 or "
                "268435450 bytes: name the release"
            )
    return listpack.encode(elements, short_backlen=server.back_length == "new")


def has_critical(elements: Iterable[bytes | int]) -> bool:
    """Whether the two back-length rules differ for these elements."""
    return not CRITICAL.isdisjoint([len(element) for element in elements if isinstance(element, bytes)])


def entry_estimate(text: bytes) -> int:
    """About how many bytes a string takes in a listpack or ziplist."""
    size = len(text)
    return size + (2 if size < 64 else 4 if size < 4096 else MAX_OVERHEAD)


def is_small(texts: Iterable[bytes], count: int, most: int, size: int) -> bool:
    """Whether a server with these thresholds keeps a value of so many elements compact."""
    return count <= most and max(map(len, texts), default=0) <= size


def is_clear(texts: Iterable[bytes], server: Server) -> bool:
    """Whether no text has a size that the two kinds of server of the target's version disagree on."""
    return server.back_length != "either" or CRITICAL.isdisjoint(map(len, texts))
