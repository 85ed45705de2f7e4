"""From snapshots into a server that runs, or a cluster: `rdbcodec.restore`.

    done = rdbcodec.restore("dump.rdb", "redis://localhost:6379")
    done.keys, done.expired, done.losses, done.failures

One pass over each snapshot, in bounded memory: keys go as RESTORE with payloads of the server's version, what
RESTORE cannot take as commands. With `state` a run that was ended, however, is taken up again: no key gets
lost and none is there twice (see restore_state).
"""

from __future__ import annotations

import errno
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import IO, TYPE_CHECKING, Any

from rdbcodec.errors import RdbError
from rdbcodec.exports.resp import record_commands
from rdbcodec.exports.resp_words import Recipient
from rdbcodec.live.connect import Live, connect
from rdbcodec.live.errors import live_error
from rdbcodec.live.replies import Refused
from rdbcodec.live.restore_done import Failures, Restored, RestoreStopped, literal, stopped
from rdbcodec.live.restore_exchange import Sent
from rdbcodec.live.restore_functions import put_library
from rdbcodec.live.restore_judge import now_ms
from rdbcodec.live.restore_nodes import Nodes
from rdbcodec.live.restore_reading import Reading, Snapshot
from rdbcodec.live.restore_send import MANY, MUCH, Rehearsal, Sender
from rdbcodec.live.restore_state import AHEAD, FileState, State, StateFile, check, file_state
from rdbcodec.live.restore_terms import Pace, Terms, most_bulk, server_of
from rdbcodec.live.restore_ways import Ways, Why
from rdbcodec.records import Entry, Function, Record
from rdbcodec.records.function import is_held
from rdbcodec.showing import show_key
from rdbcodec.writing.guard import Guard

if TYPE_CHECKING:
    from rdbcodec.facts.selection import Selection
    from rdbcodec.live.address import Options
    from rdbcodec.reading.source import Source

_SAVE_EVERY = 1.0  # seconds between two times a state is written, unless it must be


def restore(
    source: Source | Snapshot | Sequence[Snapshot],
    server: str | Live,
    terms: Terms | None = None,
    *,
    options: Options | None = None,
    state: str | None = None,
    failures: IO[str] | None = None,
    dry_run: bool = False,
    progress: Callable[[int, int], object] | None = None,
    on_resume: Callable[[Restored], object] | None = None,
) -> Restored:
    """Bring the keys and function libraries of snapshots into a server; what was done is in the answer.

    `server` is a URL or a server that was reached. `state` is a file that says how far it has come: when it
    is there the restore goes on where it ended, and when all is done it is removed. `failures` takes a line
    of JSON for each key that fails. `dry_run` sends nothing. `progress` is told the bytes of all snapshots
    read so far and the keys.
    Raises RestoreStopped, an OSError, when the server refuses everything (OOM) or a key is there already and
    `on_conflict` is "fail"; StateError for a state of something else; LiveError when the server is not
    reached; DecodeError for a damaged snapshot, after the keys before the damage.
    """
    snapshots = _snapshots_of(source)
    live = server if isinstance(server, Live) else connect(server, options)
    try:
        run = _Run(live, terms or Terms(), snapshots, failures, dry_run=dry_run)
        if progress is not None:
            run.progress = progress
        run.begin(None if state is None or dry_run else StateFile(state))
        if on_resume is not None and run.done.is_resumed:
            on_resume(run.done)
        return run.run()
    finally:
        if live is not server:
            live.close()


def _snapshots_of(source: Source | Snapshot | Sequence[Snapshot]) -> list[Snapshot]:
    if isinstance(source, Snapshot):
        return [source]
    if isinstance(source, (list, tuple)):
        return list(source)
    return [Snapshot(source)]  # type: ignore[arg-type] # no Sequence of snapshots is bytes


def _nothing(*_: object) -> None:
    """Nobody watches."""


class _Run:
    """One restore under way."""

    def __init__(
        self, live: Live, terms: Terms, snapshots: list[Snapshot], failures: IO[str] | None, *, dry_run: bool
    ) -> None:
        if live.database:
            words = f"the URL names database {live.database}: a restore is told by map_db which keys go there"
            raise live_error(live.url, words, errno.EINVAL)
        self.terms = terms
        self.done = Restored(live.url, str(live.identity), is_dry=dry_run)
        self.progress: Callable[[int, int], object] = _nothing
        self._snapshots = snapshots
        self._map_db = terms.map_db
        self._nodes = Nodes(live)
        self._ways = Ways(server_of(live, terms.to), on_conflict=terms.on_conflict, most_bulk=most_bulk(live))
        self._ways.now_ms = now_ms() if terms.now_ms is None else terms.now_ms
        self._ways.keep_expired = terms.keep_expired
        self._pace = Pace(terms.keys_per_second, terms.bytes_per_second)
        self._sender = self._sender_of(failures)
        self._guard = Guard(self._sender)
        self._state_file: StateFile | None = None
        self._state = State(live.url, terms.told())
        self._file = FileState("", None, "")
        self._reading: Reading | None = None
        self._saved_at = 0.0
        self._before = 0  # bytes of the snapshots that are done

    def _sender_of(self, failures: IO[str] | None) -> Sender:
        terms = self.terms
        kind = Rehearsal if self.done.is_dry else Sender
        sender = kind(
            self._nodes,
            self._ways,
            self.done,
            Failures(self.done, failures, terms.name),
            why=Why.ASKED if terms.by_commands else None,
            fail_fast=terms.fail_fast,
            patience=terms.patience,
            most=self._pace.most(MANY, MUCH),
        )
        sender.before, sender.after = self._announce, self._settled
        return sender

    # --- the state ------------------------------------------------------------------------------------

    def begin(self, file: StateFile | None) -> None:
        """Look what a run before this one has left."""
        self._state_file = file
        if file is None:
            return
        self._state.files = [file_state(one.name, one.source) for one in self._snapshots]
        before = file.load()
        if before is None:
            self._state.counts = self._counts()
            self._save()
            return
        check(before, self._state)
        self._state = before
        self.done.take(before.counts, self._ways.losses)
        self.done.is_resumed = True

    def _save(self) -> None:
        if self._state_file is not None:
            self._state_file.save(self._state)
            self._saved_at = time.monotonic()

    def _announce(self, last: int) -> None:
        """Before keys are sent, the last of which begins there."""
        if last >= self._file.until and self._state_file is not None:
            self._file.until = last + AHEAD
            self._save()

    def _settled(self, batch: Sent) -> None:
        """Everything up to the end of the batch was answered for."""
        if batch.place is not None and self._state_file is not None:
            self._file.position = batch.place
            self._state.counts = self._counts()
            if time.monotonic() - self._saved_at > _SAVE_EVERY:
                self._save()
        if self._reading is not None:
            self.progress(self._before + self._reading.bytes_read, self.done.keys)
        self._pace.wait(batch.count, batch.size)
        if self.terms.now_ms is None:
            self._ways.now_ms = now_ms()

    def _counts(self) -> dict[str, Any]:
        return self.done.counts(self._ways.losses)

    # --- the snapshots --------------------------------------------------------------------------------

    def run(self) -> Restored:
        """All of them."""
        try:
            for number, snapshot in enumerate(self._snapshots):
                if self._state_file is not None:
                    self._file = self._state.files[number]
                if not self._file.done:
                    self._restore(snapshot)
        except BaseException as error:
            self._save()
            if isinstance(error, RestoreStopped):
                error.done = self._result()
            raise
        finally:
            self._nodes.close()
        if self._state_file is not None:
            self._state_file.remove()
        return self._result()

    def _result(self) -> Restored:
        losses = self._ways.losses
        self.done.losses, self.done.hints = tuple(losses.of("data")), tuple(losses.of("hint"))
        return self.done

    def _restore(self, snapshot: Snapshot) -> None:
        file, sender = self._file, self._sender
        sender.doubt_until = file.until
        with snapshot.reading(file.position) as reading:
            self._reading, sender.position = reading, reading.position
            try:
                for record in self._chosen(reading):
                    self._record(record)
            except RdbError:  # what stands before the damage is restored
                sender.flush()
                raise
            sender.flush()
            reading.check()
            self._before += reading.bytes_read
        file.done = True
        self._state.counts = self._counts()
        self._save()

    def _chosen(self, reading: Reading) -> Iterator[Record]:
        selection = self.terms.selection
        records = reading.records()
        if selection is None or selection.is_empty:
            return records
        return self._selected(records, selection)

    def _selected(self, records: Iterator[Record], selection: Selection) -> Iterator[Record]:
        left_out: Counter[str] = Counter()
        done = self.done

        def counted() -> Iterator[Record]:
            for record in records:
                done.filtered += isinstance(record, Entry)
                yield record

        for record in selection.select(counted(), left_out):
            done.filtered -= isinstance(record, Entry)
            yield record
        done.functions_filtered += left_out["function"]

    def _record(self, record: Record) -> None:
        if isinstance(record, Entry):
            self._entry(record)
        elif isinstance(record, Function):
            self._function(record)
        else:
            self._other(record)

    def _entry(self, entry: Entry) -> None:
        expires = entry.expires_at_ms
        if expires is not None and expires <= self._ways.now_ms and not self._ways.keep_expired:
            self.done.expired += 1
            return
        db = entry.db
        self._guard.write_entry(entry, db=self._map_db.get(db, db))

    # --- what is no key -------------------------------------------------------------------------------

    def _function(self, record: Function) -> None:
        server = self._ways.server
        if not is_held(record, server):
            self._ways.lose("function-refused" if "function" in server.opcodes else "function", record)
            return
        if not self.done.is_dry:
            outcome = put_library(record, self._nodes, server, self.terms.on_conflict)
            if outcome == "skipped":
                self.done.functions_skipped += 1
                return
            if isinstance(outcome, Refused):
                raise self._refused_library(record, outcome)
        self.done.functions += 1

    def _refused_library(self, record: Function, refused: Refused) -> RestoreStopped:
        name = show_key(record.library or b"")
        words = f"the function library {name} is refused: {refused}"
        if "already exists" in refused.detail:
            words = f"another function library {name} is there already, and stays as it is"
        code = "BUSYKEY" if "already exists" in refused.detail else refused.code
        return stopped(self.done, literal(words), errno.EIO, code=code)

    def _other(self, record: Record) -> None:
        """Remarks and counts; cached scripts are loaded, what modules save beside keys is lost."""
        losses, server = self._ways.losses, self._ways.server
        recipient = Recipient(server.version, frozenset(), self._ways.now_ms, losses.add, server.modules)
        pieces = list(record_commands(record, recipient))
        if not pieces or self.done.is_dry:
            return
        self._sender.flush()
        for place in self._nodes.primaries:
            pipe = self._nodes.pipe(place)
            pipe.send(pieces)
            if any(isinstance(answer, Refused) for answer in pipe.answers(1) or ()):
                self._ways.lose("cached-script", record)
