"""Keys with something before them: an expiry, idle time, frequency, metadata (see attributes.py)."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

from rdbcodec.records.attributes import EXPIRETIME_MS, EXPIRY_SIZE, FREQ, IDLE, Attributes, is_usual
from rdbcodec.records.entry import Context, Entry
from rdbcodec.wire import lengths

if TYPE_CHECKING:
    from collections.abc import Sequence

    from typing_extensions import Self

    from rdbcodec.records.aux_field import Aux

_IDLE, _FREQ = bytes((IDLE,)), bytes((FREQ,))


class CacheEntry(Entry):
    """An Entry as caches have millions of: an expiry before it, idle time or frequency, and nothing else.

    They stand as servers write them (see `is_usual`), are kept as they came and parsed when asked for.
    """

    __slots__ = ("_head",)

    _head: bytes

    @property
    def expires_at_ms(self) -> int | None:
        head = self._head
        return int.from_bytes(head[1:EXPIRY_SIZE], "little") if head[0] == EXPIRETIME_MS else None

    @property
    def idle(self) -> int | None:
        hint = self._hint
        return lengths.read(hint, 1)[0] if hint[:1] == _IDLE else None

    @property
    def freq(self) -> int | None:
        hint = self._hint
        return hint[1] if hint[:1] == _FREQ else None

    def attributes(self) -> Attributes:
        """What stands before the key, parsed."""
        found = Attributes(self.offset, self._head)
        found.expires_at_ms, found.idle, found.freq = self.expires_at_ms, self.idle, self.freq
        return found

    @property
    def _hint(self) -> bytes:
        return self._head[EXPIRY_SIZE:] if self._head[0] == EXPIRETIME_MS else self._head

    @property
    def serialized_size(self) -> int:
        return len(self._head) + len(self._record)


class AttributedEntry(Entry):
    """An Entry with an expiry, an eviction hint or metadata."""

    __slots__ = ("_attributes",)

    _attributes: Attributes

    @property
    def offset(self) -> int:
        return self._attributes.offset

    @property
    def expires_at_ms(self) -> int | None:
        return self._attributes.expires_at_ms

    @property
    def idle(self) -> int | None:
        return self._attributes.idle

    @property
    def freq(self) -> int | None:
        return self._attributes.freq

    @property
    def meta(self) -> bytes | None:
        return self._attributes.meta

    @property
    def disputed(self) -> str | None:
        return self._attributes.disputed

    @property
    def attribute_bytes(self) -> bytes:
        return bytes(self._attributes.raw)

    @property
    def remarks(self) -> Sequence[Aux]:
        """The AUX fields that stand before the key and belong to it."""
        return self._attributes.aux

    def with_attributes(self, raw: bytes) -> Self:
        """The entry with this before its type byte, for a copy in the form of the original."""
        changed = copy.copy(self)
        changed._attributes = copy.copy(self._attributes)
        changed._attributes.raw = raw
        return changed

    @property
    def is_meta_apart(self) -> bool:
        """Whether a record that is none of its attributes stands between its metadata and the key."""
        return self._attributes.is_meta_apart

    def without_meta(self) -> Self:
        """The entry without the metadata of modules."""
        changed = copy.copy(self)
        changed._attributes = copy.copy(self._attributes)
        changed._attributes.meta = None
        return changed

    @property
    def serialized_size(self) -> int:
        return len(self._attributes.raw) + len(self._record)


def attributed(attributes: Attributes, context: Context) -> Entry:
    """An entry with what stood before its key: the same class however the bytes came, its record still to be
    filled in."""
    raw, pos = bytes(attributes.raw), attributes.offset - context.base
    if is_usual(raw):
        usual = CacheEntry()
        usual._head, usual._pos = raw, pos
        return usual
    entry = AttributedEntry()
    entry._attributes, entry._pos = attributes, pos
    return entry
