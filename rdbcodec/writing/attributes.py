"""What stands before a key: its expiry, idle time, frequency and metadata, as the server reads them."""

from __future__ import annotations

import enum
from typing import Final

from rdbcodec.datatypes.modules import metas_held
from rdbcodec.errors import DecodeError, EncodeError
from rdbcodec.losses import Lose
from rdbcodec.records import AttributedEntry, Attributes, CacheEntry, Entry
from rdbcodec.records.attributes import encode_expiry, encode_freq, encode_idle
from rdbcodec.records.aux_field import is_held
from rdbcodec.records.kinds import CODES
from rdbcodec.writing.arguments import check_expiry, check_freq, check_idle, check_meta
from rdbcodec.writing.records import RecordWriter


class Keep(enum.Enum):
    """The type of KEEP."""

    KEEP = "as it is"


KEEP: Final = Keep.KEEP  # the entry's own expiry, where None stands for no expiry


class AttributeWriter(RecordWriter):
    """A Writer but for keys themselves."""

    def _attributes(
        self, expires_at_ms: int | None, idle: int | None, freq: int | None, meta: bytes | None, lose: Lose
    ) -> bytes:
        """What the caller said of a key, checked."""
        head = b"" if expires_at_ms is None else encode_expiry(check_expiry(expires_at_ms), self.server, lose)
        return head + self._hints(
            None if idle is None else check_idle(idle),
            None if freq is None else check_freq(freq),
            None if meta is None else check_meta(meta),
            lose,
        )

    def _hints(self, idle: int | None, freq: int | None, meta: bytes | None, lose: Lose) -> bytes:
        head = b""
        if idle is not None:
            head += self._hint("idle", "idle", encode_idle(idle), lose)
        if freq is not None:
            head += self._hint("freq", "freq", encode_freq(freq), lose)
        if meta is not None:
            head += self._meta(meta, lose)
        return head

    def _meta(self, meta: bytes, lose: Lose) -> bytes:
        """Metadata of the classes the target has or may pass over; a loss when that is not all of it."""
        try:
            held = metas_held(meta, self.server.modules) if "key-meta" in self.server.opcodes else b""
        except (IndexError, DecodeError) as error:
            raise EncodeError("the module metadata is not whole") from error
        if held != meta:
            lose("key-metadata")
        return held

    def _hint(self, opcode: str, kind: str, data: bytes, lose: Lose) -> bytes:
        if opcode in self.server.opcodes:
            return data
        lose(kind)
        return b""

    def _attributes_of(self, entry: Entry, expires_at_ms: int | Keep | None = KEEP) -> bytes:
        """What stands before the key, with another expiry if that is not to be kept."""
        attributes = _attributes_in(entry)
        if expires_at_ms is KEEP and (attributes is None or self._verbatim or not attributes.raw):
            return b"" if attributes is None else bytes(attributes.raw)

        def lose(kind: str) -> None:
            self.lose(kind, entry)

        head = b""
        if attributes is None:
            attributes = Attributes(entry.offset)
        else:
            head = self._vendor_attributes(attributes, entry, lose)
        if expires_at_ms is not KEEP:
            at_ms = None if expires_at_ms is None else check_expiry(expires_at_ms)
            head += b"" if at_ms is None else encode_expiry(at_ms, self.server, lose)
        elif attributes.expires_at_ms is not None:
            head += encode_expiry(attributes.expires_at_ms, self.server, lose)
            is_short = len(attributes.raw) == 5 and attributes.raw[:1] == CODES["expiretime"]
            if is_short and self.server.dialect != "dragonfly":
                return bytes(attributes.raw)  # seconds: read by all others, so left as they are
        return head + self._hints(attributes.idle, attributes.freq, attributes.meta, lose)

    def _vendor_attributes(self, attributes: Attributes, entry: Entry, lose: Lose) -> bytes:
        if attributes.vendor is not None:
            self._lose_opcode(attributes.vendor, entry)
        head = b""
        for aux in attributes.aux:
            if is_held(aux, self.server):
                head += aux.raw
            else:
                lose("aux")
        return head


def _attributes_in(entry: Entry) -> Attributes | None:
    if isinstance(entry, CacheEntry):
        return entry.attributes()
    return entry._attributes if isinstance(entry, AttributedEntry) else None  # noqa: SLF001 - the writer's
