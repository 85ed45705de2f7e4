"""Values on disk with other texts, numbers and scores in the same layout.

What a framing calls a field or a value is replaced, lengths, counts, times and IDs stay. An element of a
packed structure is replaced in its place. A compressed text keeps its block, which gets other literals: it
is as long as before, packed and unpacked. A compressed structure, and a text of very few different bytes,
are packed anew, and may take more room.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable, Iterator
from enum import Enum

from rdbcodec.formats import Framing, TypeRow
from rdbcodec.framing import Span, Templates, labels
from rdbcodec.framing.labels import Bytes, InHand
from rdbcodec.limits import MAX_ELEMENT
from rdbcodec.structures import listpack, ziplist
from rdbcodec.structures.rewriting import rewritten
from rdbcodec.tools.element_names import Names, names_of
from rdbcodec.tools.masking.disguise import PIECE, Disguise
from rdbcodec.tools.masking.templates import fields_in, order_of, ordered, template_id
from rdbcodec.wire import lengths, lzf, strings
from rdbcodec.wire.long_strings import Held
from rdbcodec.wire.lzf import literals

# What cannot be given another content of the same form: nobody but its server knows what would still load.
REFUSED = frozenset(("module", "bloom", "cms", "topk", "cuckoo", "json", "cron"))


class Role(Enum):
    """What becomes of something."""

    STAYS = 0
    FIELD = 1
    VALUE = 2
    SCORE = 3


_STAYS, _FIELD, _VALUE, _SCORE = Role
ROLES = {
    **dict.fromkeys(("field", "fields", "path"), _FIELD),
    **dict.fromkeys(("value", "values", "member", "members", "element", "elements"), _VALUE),
    **dict.fromkeys(("name", "id", "iid"), _VALUE),  # of groups, consumers and producers
    **dict.fromkeys(("master_id", "ttl"), _STAYS),
    "score": _SCORE,
}
_STRUCTURES = {
    **dict.fromkeys(("listpack", "fields_listpack", "values_listpack", "node"), "listpack"),
    **dict.fromkeys(("ziplist", "intset", "zipmap"), ""),
}
_PLAIN_NODE = 1
_HEAD = 24  # bytes: an encoding and two lengths
_INDEX = re.compile(r"\[\d+\]")
_F64 = struct.Struct("<d")


class Values:
    """What masks values. Of `compressed` strings `resized` take another room on disk."""

    def __init__(self, disguise: Disguise, *, keep_fields: bool = False) -> None:
        self._disguise = disguise
        self._kept = {_STAYS, _FIELD} if keep_fields else {_STAYS}
        self.compressed = 0
        self.resized = 0

    def masked(
        self, framing: Framing, source: bytes | Bytes, row: TypeRow | None, templates: Templates
    ) -> Iterator[bytes]:
        """The value in pieces. Raises DecodeError for one that is damaged."""
        whole = InHand(source) if isinstance(source, bytes) else source
        if row is not None and "template" in row.encoding:
            yield self._by_template(framing, whole, row, templates)
            return
        for span, pieces in self._units(framing, whole, row, templates):
            del span
            yield from pieces

    def _units(
        self, framing: Framing, whole: Bytes, row: TypeRow | None, templates: Templates
    ) -> Iterator[tuple[Span, Iterable[bytes]]]:
        """Each part of the value, masked; to be taken before the next."""
        before = 0
        for span in labels(framing, whole, templates):
            name = _name(span.label)
            if span.kind in ("string", "template names"):
                yield span, self._string(span, whole, name, row, before)
                continue
            raw = whole.read_at(span.start, span.end - span.start)
            if span.kind == "length":
                before = lengths.read(raw, 0)[0]
            yield span, (self._number(span, name, raw, row),)

    def _by_template(self, framing: Framing, whole: Bytes, row: TypeRow, templates: Templates) -> bytes:
        told = self._units(framing, whole, row, templates)
        units = [(span.label.removeprefix("hash."), b"".join(pieces)) for span, pieces in told]
        fields = fields_in(units)
        if row.refers:
            fields = [self.field(name) for name in templates[template_id(units)]]
        return ordered(units, order_of(fields))

    def template(self, framing: Framing, operands: bytes) -> tuple[bytes, tuple[bytes, ...]]:
        """The operands of a template's record, and its fields."""
        units = [
            (span.label, b"".join(told)) for span, told in self._units(framing, InHand(operands), None, {})
        ]
        named = [("fields[", raw) if label.startswith("fields[") else (label, raw) for label, raw in units]
        fields = fields_in(named)
        order = order_of(fields)
        kept = [raw for label, raw in named if label != "fields["]
        made = [raw for label, raw in named if label == "fields["]
        return b"".join([*kept, *(made[at] for at in order)]), tuple(fields[at] for at in order)

    def field(self, name: bytes) -> bytes:
        """The name of a field."""
        return self.text(name, _FIELD)

    def text(self, text: bytes, role: Role = _VALUE) -> bytes:
        """A text in this role."""
        return text if role in self._kept else self._disguise.text(text)

    def _number(self, span: Span, name: str, raw: bytes, row: TypeRow | None) -> bytes:
        if name == "score" and span.kind == "text double":
            return raw[:1] + self._disguise.score_text(raw[1:])
        is_number = name == "score" or (name == "value" and row is not None and row.type == "array")
        if is_number and span.kind == "f64":
            return _F64.pack(self._disguise.score(_F64.unpack(raw)[0]))
        if is_number and span.kind == "i64":
            number = int.from_bytes(raw, "little", signed=True)
            return self._disguise.integer(number).to_bytes(8, "little", signed=True)
        return raw

    # --- strings -------------------------------------------------------------------------------------

    def _string(
        self, span: Span, whole: Bytes, name: str, row: TypeRow | None, before: int
    ) -> Iterator[bytes]:
        is_text = name not in _STRUCTURES or (name == "node" and before == _PLAIN_NODE)
        role = _VALUE if name == "node" else ROLES[name] if is_text else _VALUE
        size = span.end - span.start
        if is_text and role in self._kept:
            yield from _pieces(whole, span.start, size)
            return
        head = whole.read_at(span.start, _HEAD)
        if head[0] == strings.LZF:
            yield self._unpacked(span, _all(whole, span), None if is_text else name, row)
        elif head[0] in strings.INTEGER_SIZE:
            number, _ = strings.read(head, 0, strings.Budget(0))
            made = self._disguise.integer(int(number))
            yield head[:1] + made.to_bytes(strings.INTEGER_SIZE[head[0]], "little", signed=True)
        elif is_text:
            yield from self._plain(span, whole, lengths.read(head, 0))
        else:
            assert row is not None  # records beside the keys hold no structures
            raw = _all(whole, span)
            _, begins = lengths.read(raw, 0)
            yield raw[:begins] + self._packed(raw[begins:], span.label, row)

    def _plain(self, span: Span, whole: Bytes, head: tuple[int, int]) -> Iterator[bytes]:
        size, begins = head
        start = span.start + begins
        yield whole.read_at(span.start, begins)
        if size <= PIECE:
            yield self._disguise.text(whole.read_at(start, size))
            return
        for number, piece in enumerate(_pieces(whole, start, size)):
            yield self._disguise.piece(piece, number)

    def _unpacked(self, span: Span, raw: bytes, structure: str | None, row: TypeRow | None) -> bytes:
        """A compressed string, as a string."""
        self.compressed += 1
        _, size, begins = strings.read_lzf_header(raw, 0)
        block = raw[begins:]
        if size > MAX_ELEMENT:
            raise Held(MAX_ELEMENT).refuse("a compressed string", size)
        text = lzf.decompress(block, size)
        if structure is None:
            runs = literals.runs(block)
            made = self._disguise.literals(literals.taken(block, runs))
            if made is not None:
                return raw[:begins] + literals.replaced(block, runs, made)
            found = strings.encode(self._disguise.text(text))
        else:
            assert row is not None  # as above
            found = strings.encode(self._packed(text, span.label, row))
        self.resized += len(found) != len(raw)
        return found

    # --- packed structures ---------------------------------------------------------------------------

    def _packed(self, blob: bytes, label: str, row: TypeRow) -> bytes:
        name = _name(label)
        structure = _STRUCTURES[name] or name
        names = Names(names_of(row, label))

        def replace(element: bytes | int) -> bytes | int:
            role = ROLES.get(_name(names.of(element)), _STAYS)
            if role in self._kept:
                return element
            if role is _SCORE:
                return self._score(element)
            return self._disguise.integer(element) if isinstance(element, int) else self.text(element, role)

        made = rewritten(structure, blob, replace)
        return _in_order(made, structure) if row.type == "zset" else made

    def _score(self, score: bytes | int) -> bytes | int:
        if isinstance(score, int):
            return self._disguise.whole_score(score)
        return self._disguise.score_text(score)


def _name(label: str) -> str:
    """What something is: the last word of its path, without its number."""
    return _INDEX.sub("", label.rpartition(".")[2])


def _all(whole: Bytes, span: Span) -> bytes:
    size = span.end - span.start
    if size > MAX_ELEMENT:
        raise Held(MAX_ELEMENT).refuse("a string that is looked into", size)
    return whole.read_at(span.start, size)


def _pieces(whole: Bytes, start: int, size: int) -> Iterator[bytes]:
    for pos in range(start, start + size, PIECE):
        yield whole.read_at(pos, min(PIECE, start + size - pos))


def _in_order(blob: bytes, structure: str) -> bytes:
    """A packed sorted set whose members of equal scores are in their order again."""
    elements = listpack.decode(blob) if structure == "listpack" else ziplist.decode(blob)
    pairs = list(zip(elements[::2], elements[1::2], strict=True))
    ordered = sorted(pairs, key=lambda pair: (float(pair[1]), pair[0]))
    if ordered == pairs:
        return blob
    texts = [text for pair in ordered for text in pair]
    return listpack.encode(texts) if structure == "listpack" else ziplist.encode(texts)
