"""The modules a snapshot needs."""

from __future__ import annotations

from collections.abc import Iterable

from rdbcodec.errors import LimitExceeded
from rdbcodec.facts.named import Named
from rdbcodec.facts.passes import Batch, Pass
from rdbcodec.facts.places import Place, Table, place_of
from rdbcodec.formats import TYPES
from rdbcodec.limits import MAX_MODULES
from rdbcodec.records import Entry, ModuleAux, Record
from rdbcodec.wire import lengths
from rdbcodec.wire.module_ids import ModuleId, decode_module_id

MODULE_TYPES = frozenset(row.name for row in TYPES if row.type == "module")
_CODES = frozenset(row.code for row in TYPES if row.type == "module")


class Module(Named):
    """A module the snapshot needs: encoding version, keys of its type, records beside the keys.

    `empty_aux` of the records hold nothing; `full_aux` is where the first stands that does.
    """

    name: str
    version: int
    first: Place
    keys: int = 0
    aux: int = 0
    empty_aux: int = 0
    full_aux: Place | None = None

    def merge(self, other: Module) -> Module:
        """Keys and records of both."""
        return self.replace(
            keys=self.keys + other.keys,
            aux=self.aux + other.aux,
            empty_aux=self.empty_aux + other.empty_aux,
            full_aux=self.full_aux or other.full_aux,
        )


class Modules(Pass[Table[str, Module]]):
    """Counts keys and records of modules, by name and encoding version."""

    def __init__(self) -> None:
        self.modules: Table[str, Module] = Table()

    def batch(self, batch: Batch) -> None:
        """Most batches have no such key."""
        if _CODES.isdisjoint(batch.kinds):
            return
        self._count(entry for entry in batch.entries if entry.row.name in MODULE_TYPES)

    def _count(self, entries: Iterable[Entry]) -> None:
        for entry in entries:
            if not entry.is_large:
                module = decode_module_id(lengths.read(entry.raw, 0)[0])
                self._module(module, place_of(entry)).keys += 1

    def record(self, record: Record) -> None:
        """What modules saved beside the keys."""
        if not isinstance(record, ModuleAux):
            return
        module = self._module(record.module, Place(record.offset))
        module.aux += 1
        if record.is_empty:
            module.empty_aux += 1
        elif module.full_aux is None:
            module.full_aux = Place(record.offset)

    def _module(self, module: ModuleId, place: Place) -> Module:
        name = f"{module.name} {module.version}"
        if len(self.modules) >= MAX_MODULES and name not in self.modules:
            wanted = MAX_MODULES + 1
            raise LimitExceeded(
                "too many modules to name each", limit=MAX_MODULES, wanted=wanted, unit="modules"
            )
        return self.modules.setdefault(name, Module(*module, place))

    def fork(self) -> Modules:
        """It needs to know nothing."""
        return Modules()

    def part(self) -> Table[str, Module]:
        """The modules."""
        return self.modules

    def fits(self, part: Table[str, Module]) -> bool:
        """Unless there are too many, which is said where the first of those stands."""
        return len(self.modules.keys() | part.keys()) <= MAX_MODULES

    def join(self, part: Table[str, Module]) -> None:
        """The modules of both."""
        self.modules = self.modules.merge(part)

    def end(self) -> Table[str, Module]:
        """The modules, in the order they were met."""
        return self.modules
