"""The header, and what stands beside the keys: AUX fields, function libraries, records of every opcode."""

from __future__ import annotations

from collections import Counter

from rdbcodec.facts.named import Named, made
from rdbcodec.facts.passes import Pass
from rdbcodec.facts.places import Place, merged
from rdbcodec.limits import MAX_AUX, MAX_AUX_VALUE
from rdbcodec.reading.reader import Reader
from rdbcodec.records import Aux, Checksum, End, Function, Header, Record
from rdbcodec.records.registry import kind_of


class AuxFact(Named):
    """An AUX field: its first value, and how often it occurs (some come once a slot, or once a key).

    Of a value longer than MAX_AUX_VALUE only the beginning is kept; `size` is that of the whole.
    """

    value: bytes
    size: int
    count: int = 0

    def merge(self, other: AuxFact) -> AuxFact:
        """The first value, and how often the field occurs in both."""
        return self.replace(count=self.count + other.count)


class Library(Named):
    """A function library; the name is None when its first line does not tell."""

    name: bytes | None
    size: int


class RecordFacts(Named):
    """What the records tell; of two files the header is that of the first, and sizes are sums.

    `opcodes` counts records by the names of the table, those aside that stand before a key; `places` are of
    the first of each.
    """

    magic: bytes = b""
    version: int = 0
    size: int = 0
    checksum: Checksum = "absent"
    aux: dict[bytes, AuxFact] = made(factory=dict)
    aux_unlisted: int = 0
    functions: list[Library] = made(factory=list)
    opcodes: Counter[str] = made(factory=Counter)
    places: dict[str, Place] = made(factory=dict)

    def merge(self, other: RecordFacts) -> RecordFacts:
        """The records of both."""
        aux, unlisted = merged_aux(self.aux, other.aux)
        return self.replace(
            size=self.size + other.size,
            aux=aux,
            aux_unlisted=self.aux_unlisted + other.aux_unlisted + unlisted,
            functions=self.functions + other.functions,
            opcodes=self.opcodes + other.opcodes,
            places=merged(self.places, other.places),
        )


def merged_aux(first: dict[bytes, AuxFact], second: dict[bytes, AuxFact]) -> tuple[dict[bytes, AuxFact], int]:
    """The fields of both, as many as are listed, and how many are not."""
    aux = merged(first, second)
    listed = dict(list(aux.items())[:MAX_AUX])
    return listed, sum(fact.count for fact in aux.values()) - sum(fact.count for fact in listed.values())


class RecordPass(Pass[RecordFacts]):
    """Notes the header, and counts the records beside the keys."""

    def __init__(self) -> None:
        self.facts = RecordFacts()

    def begin(self, header: Header) -> None:
        """The header."""
        self.facts.magic, self.facts.version = header.raw, header.version

    def record(self, record: Record) -> None:
        """Every record counts, and of some there is more to say."""
        facts = self.facts
        if isinstance(record, Aux):
            self._add_aux(record)
        elif isinstance(record, Function):
            facts.functions.append(Library(record.library, len(record.code)))
        elif isinstance(record, End):
            facts.checksum, facts.size = record.checksum, record.size
        kind = kind_of(record)
        if kind is not None:
            # Libraries count as such in whichever of their two forms: release candidates had another.
            name = "function" if isinstance(record, Function) else kind.opcode
            facts.opcodes[name] += 1
            if name not in facts.places:
                facts.places[name] = Place(record.offset)

    def _add_aux(self, record: Aux) -> None:
        aux = self.facts.aux
        if record.name in aux or len(aux) < MAX_AUX:
            fact = AuxFact(record.value[:MAX_AUX_VALUE], len(record.value))
            aux.setdefault(record.name[:MAX_AUX_VALUE], fact).count += 1
        else:
            self.facts.aux_unlisted += 1

    def fork(self) -> RecordPass:
        """It needs to know nothing."""
        return RecordPass()

    def part(self) -> RecordFacts:
        """What was noted."""
        return self.facts

    def fits(self, part: RecordFacts) -> bool:
        """Unless there are so many AUX fields that only the first are listed."""
        return len(self.facts.aux.keys() | part.aux.keys()) < MAX_AUX

    def join(self, part: RecordFacts) -> None:
        """The records of both."""
        self.facts = self.facts.merge(part)

    def after(self, reader: Reader) -> None:
        """Opcodes that no record tells of: what others are packed in."""
        for name, offset in reader.opcodes.items():
            self.facts.places.setdefault(name, Place(offset))

    def end(self) -> RecordFacts:
        """What was noted."""
        return self.facts
