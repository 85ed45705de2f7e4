"""Between a conversion and its writer: nothing is written that the target refuses or falls over.

A value that has a trait its target does not load (rdbcodec.integrity.traits) is mended where that keeps all
of it, and counted as a hint. Where it cannot be mended it is left out and counted as lost data, which a
conversion that allows no loss refuses. What the target loads is written as it is, odd or not.
"""

from __future__ import annotations

import copy
import tempfile
from collections.abc import Iterator
from itertools import chain
from typing import IO, Protocol

from rdbcodec.formats import FIRST_VALKEY, RELEASES
from rdbcodec.integrity.oddities import is_plain, large_oddities, oddities, sound_value
from rdbcodec.integrity.record_oddities import attribute_oddities, record_oddities
from rdbcodec.integrity.traits import TRAITS, Effect, Trait
from rdbcodec.losses import Losses
from rdbcodec.reading.runs import Run, ShortStrings
from rdbcodec.records import AttributedEntry, CacheEntry, Entry, LargeEntry, Record
from rdbcodec.servers import Server
from rdbcodec.wire.strings import LZF
from rdbcodec.writing.repairs import repaired, repaired_pieces
from rdbcodec.writing.writer import Writer

PIECE = 256 << 10
_BRIEF = (Entry, CacheEntry)  # with nothing before them that servers dispute

# From the worst to the best: for several releases the worst counts.
_WORST: tuple[Effect, ...] = ("refuses", "unknown", "dies", "skips", "loads")


def releases_for(server: Server) -> list[tuple[str, str]]:
    """The releases that shall load a file for it: the one it loads like, or all that read it."""
    if server.release is not None:
        product, _, release = server.release.rpartition("-")
        return [(product, release)]
    own_magic = server.version >= FIRST_VALKEY
    rows = [row for row in RELEASES if row.dialect == server.dialect and row.accepts >= server.version]
    return [(row.product, row.release) for row in rows if not own_magic or row.accepts >= FIRST_VALKEY]


class Writing(Protocol):
    """What is guarded: a Writer, or what brings entries to their server in another way."""

    dropped: int

    @property
    def server(self) -> Server: ...

    @property
    def losses(self) -> Losses: ...

    def lose(self, kind: str, record: Record, /) -> None: ...

    def write_entry(
        self, entry: Entry, *, db: int | None = None, key: bytes | None = None, value: object = None
    ) -> bool: ...

    def write_record(self, record: Record) -> None: ...


class Guard:
    """A writer that looks at each entry first."""

    def __init__(self, writer: Writing) -> None:
        self._writer = writer
        self._write_entry = writer.write_entry
        self._releases = releases_for(writer.server)
        self._effects: dict[str, Effect] = {}

    @property
    def losses(self) -> Losses:
        """Those of the writer."""
        return self._writer.losses

    def write_entry(self, entry: Entry, *, db: int | None = None, key: bytes | None = None) -> bool:
        """As the writer does; False when the entry was left out."""
        if entry.__class__ in _BRIEF and is_plain(entry):
            # Without the arguments it takes a tenth less, and most of what is written comes this way.
            write = self._write_entry
            return write(entry) if db is None and key is None else write(entry, db=db, key=key)
        if isinstance(entry, LargeEntry):
            return self._write_large(entry, db, key)
        value = sound_value(entry)
        if value is not None:
            return self._write(entry, db, key, value)
        traits = self._refused([trait for trait, _ in oddities(entry)])
        if traits:
            if self._drops(traits, entry):
                return False
            entry = repaired(entry, {trait.name for trait in traits}, self._writer.server)
        return self._write(entry, db, key)

    def write_run(self, run: Run) -> bool:
        """As a Writer does: nothing is odd about short strings."""
        return (
            isinstance(run, ShortStrings) and isinstance(self._writer, Writer) and self._writer.write_run(run)
        )

    def _write(self, entry: Entry, db: int | None, key: bytes | None, value: object = None) -> bool:
        if isinstance(entry, AttributedEntry) and (entry.meta is not None or entry.disputed is not None):
            traits = self._refused([trait for trait, _ in attribute_oddities(entry)])
            for trait in traits:
                self._writer.lose(trait.loss, entry)
            if any(trait.loss == "key-metadata" for trait in traits):
                entry = entry.without_meta()
        return self._write_entry(entry, db=db, key=key, value=value)

    def _write_large(self, entry: LargeEntry, db: int | None, key: bytes | None) -> bool:
        """A value that passes by waits in a temporary file until all of it was looked at."""
        with tempfile.TemporaryFile() as file:
            if entry.type == "string":
                chunks = entry.chunks()
                head = next(chunks, b"")
                if head[:1] != bytes((LZF,)):
                    return self._write(_from(entry, chain((head,), chunks)), db, key)
                file.write(head)
                file.writelines(chunks)
            else:
                file.writelines(entry.chunks())
            traits = self._refused([trait for trait, _ in large_oddities(_from(entry, _pieces(file)))])
            if self._drops(traits, entry):
                return False
            pieces = _pieces(file)
            if traits:
                names, server = {trait.name for trait in traits}, self._writer.server
                pieces = repaired_pieces(_from(entry, pieces), lambda: _pieces(file), names, server)
            return self._write(_from(entry, pieces), db, key)

    def write_record(self, record: Record) -> None:
        """As the writer does, but for a template that no loader takes: its hashes carry their own names."""
        traits = self._refused([trait for trait, _ in record_oddities(record)])
        losses = [trait.loss for trait in traits if trait.repair == "rewrite"]
        for loss in losses:
            self._writer.lose(loss, record)
        if not losses:
            self._writer.write_record(record)

    def _refused(self, names: list[str]) -> list[Trait]:
        """The traits that the target does not simply load."""
        return [TRAITS[name] for name in names if self._effect(name) != "loads"]

    def _effect(self, name: str) -> Effect:
        if name not in self._effects:
            effects = {TRAITS[name].effect(product, release) for product, release in self._releases}
            self._effects[name] = next((effect for effect in _WORST if effect in effects), "unknown")
        return self._effects[name]

    def _drops(self, traits: list[Trait], entry: Entry) -> bool:
        """Count what is done about traits; whether the entry cannot be mended and is left out."""
        hopeless = [trait for trait in traits if trait.repair != "rewrite"]
        for loss in dict.fromkeys(trait.loss for trait in hopeless or traits):
            self._writer.lose(loss, entry)
        self._writer.dropped += bool(hopeless)
        return bool(hopeless)


class _Passing:
    """Where the bytes of a large value come from the second time."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces

    def pieces(self) -> Iterator[bytes]:
        """What was not read of the value yet."""
        return self._pieces

    def drain(self) -> int:
        """Walk to the end of the value; the bytes that were left of it."""
        return sum(map(len, self._pieces))


def _from(entry: LargeEntry, pieces: Iterator[bytes]) -> LargeEntry:
    """The entry with its value to be had from elsewhere, once."""
    changed = copy.copy(entry)
    changed.pass_by(_Passing(pieces))
    return changed


def _pieces(file: IO[bytes]) -> Iterator[bytes]:
    file.seek(0)
    while piece := file.read(PIECE):
        yield piece
