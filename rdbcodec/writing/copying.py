"""Records of one snapshot on their way into another: those that are kept, in the order of the file."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from rdbcodec.errors import EncodeError
from rdbcodec.module_names import product_of
from rdbcodec.reading.runs import Run
from rdbcodec.records import Aux, End, Entry, Function, ModuleAux, Record, ResizeDb, SelectDb, SlotInfo
from rdbcodec.writing.folding import Folding
from rdbcodec.writing.guard import Guard
from rdbcodec.writing.writer import Writer

COUNTS = (SelectDb, ResizeDb, SlotInfo)  # the writer selects databases by itself
_TICK = 0x3FF  # records between two looks at the progress, a power of two less one


class Copying:
    """What becomes of records: which are kept, how many are not, whose modules they need.

    `copies_modules` says that what modules saved beside the keys is copied, whatever keys are. A copy that
    begins in the middle of a snapshot does not know what became of the key before: `was_kept` is None.
    """

    def __init__(
        self,
        *,
        keep: Callable[[Entry], bool] | None,
        functions: bool,
        copies_modules: bool,
        fold: Folding | None = None,
        skipped: tuple[type, ...] = (),
        was_kept: bool | None = False,
    ) -> None:
        self.keep = keep
        self.functions = functions
        self.copies_modules = copies_modules
        self.fold = fold
        self.skipped = skipped
        self.was_kept = was_kept
        self.filtered = self.filtered_functions = 0
        self.modules: set[str] = set()
        self.end: End | None = None

    @property
    def asks_keys(self) -> bool:
        """Whether keys are looked at one by one: which to keep, under which name."""
        return self.keep is not None or self.fold is not None

    def of_a_part(self) -> Copying:
        """One that does the same with some records behind; what is folded is not."""
        return Copying(
            keep=self.keep,
            functions=self.functions,
            copies_modules=self.copies_modules,
            skipped=self.skipped,
            was_kept=None,
        )

    def copy(
        self,
        records: Iterator[Record | Run],
        writer: Writer | Guard,
        tick: Callable[[], object],
        counting: Writer | None = None,
    ) -> bool:
        """Every record but the kinds `skipped`. Keys come first in the loop: it runs once for each of them.

        Runs may be among them when nothing is asked of single keys (`asks_keys`).
        False when counts were copied and are wrong: the writer that is `counting` dropped a key.
        """
        keep, fold, write_entry, skipped = self.keep, self.fold, writer.write_entry, self.skipped
        at = -1
        dropped_at = -2 if self.was_kept else -1  # of the last key not written, or of a remark about it
        for at, record in enumerate(records):
            if isinstance(record, Entry):
                if keep is not None and not keep(record):
                    self.filtered += 1
                    dropped_at = at
                elif not (write_entry(record) if fold is None else self._fold(record, writer, fold)):
                    dropped_at = at
            elif isinstance(record, Run):
                if not self._copy_run(record, writer):
                    dropped_at = at
                tick()
            elif isinstance(record, End):
                self.end = record
            elif isinstance(record, Function) and not self.functions:
                self.filtered_functions += 1
            elif dropped_at == at - 1 and isinstance(record, Aux) and record.of_last_key:
                if at == 0 and self.was_kept is None:
                    raise EncodeError("a remark about a key that is not known here")
                dropped_at = at
            elif keep is not None and isinstance(record, Aux) and record.name == b"used-mem":
                writer.losses.add("used-mem", offset=record.offset)
            elif not isinstance(record, skipped):
                writer.write_record(record)
                if isinstance(record, ModuleAux) and self.copies_modules:
                    self.modules.add(product_of(*record.module))
            if not at & _TICK:
                tick()
                if counting is not None and counting.dropped:
                    return False
        if at >= 0:
            self.was_kept = dropped_at != at
        return counting is None or not counting.dropped

    @staticmethod
    def _copy_run(run: Run, writer: Writer | Guard) -> bool:
        """Keys at once where that can be; whether the last of them was written."""
        if writer.write_run(run):
            return True
        is_written = True
        for entry in run.entries():
            is_written = writer.write_entry(entry)
        return is_written

    def _fold(self, entry: Entry, writer: Writer | Guard, fold: Folding) -> bool:
        if fold.renames(entry.db):
            fold.renamed[entry.db] += 1
        return writer.write_entry(entry, db=0, key=fold.key_of(entry.db, entry.key))
