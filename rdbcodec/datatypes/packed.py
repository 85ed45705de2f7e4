"""What the encoders of collections share: strings in a row, packed structures in a string."""

from __future__ import annotations

from collections.abc import Iterable

from rdbcodec.errors import EncodeError
from rdbcodec.servers import Form
from rdbcodec.structures import listpack, ziplist
from rdbcodec.wire import strings

# Sizes of strings whose listpack elements are as long as the two back-length rules disagree on: the
# element is the string and a header of 5 bytes (rdb-format.md, 4.4.3).
CRITICAL = frozenset(size - 5 for size in (16383, 2097151, 268435455))
SMALLEST_CRITICAL = min(CRITICAL)


def encode_strings(texts: Iterable[bytes], form: Form) -> bytes:
    """STRING*n."""
    encode, compress = strings.encode, form.compress
    return b"".join([encode(text, compress=compress) for text in texts])


def encode_blob(blob: bytes, form: Form) -> bytes:
    """A packed structure as the STRING it stands in."""
    return strings.encode(blob, compress=form.compress)


def encode_ziplist(texts: Iterable[bytes | int], form: Form) -> bytes:
    """A ziplist the target reads."""
    return ziplist.encode(texts, small_integers=form.small_integers)


def encode_listpack(elements: Iterable[bytes | int], form: Form) -> bytes:
    """A listpack the target reads; raises EncodeError for a size its two kinds of server disagree on."""
    if form.back_length == "either":
        elements = list(elements)
        if has_critical(elements):
            raise EncodeError(
                "servers of this RDB version do not agree on elements of exactly 16378, 2097146 or "
                "268435450 bytes: name the release"
            )
    return listpack.encode(elements, short_backlen=form.back_length == "new")


def has_critical(elements: Iterable[bytes | int]) -> bool:
    """Whether the two back-length rules differ for these elements."""
    return any(isinstance(element, bytes) and len(element) in CRITICAL for element in elements)


def entry_estimate(text: bytes) -> int:
    """About how many bytes a string takes in a listpack or ziplist."""
    size = len(text)
    return size + (2 if size < 64 else 4 if size < 4096 else 8)
