"""Keys on their way to the nodes, in batches: while one is on its way the next one is made.

As soon as an answer is odd nothing more is sent, all that is outstanding is read, and the odd ones are seen
to one after another.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from rdbcodec.errors import DecodeError, EncodeError
from rdbcodec.live.errors import LiveError
from rdbcodec.live.restore_exchange import Sent
from rdbcodec.live.restore_judge import Judge
from rdbcodec.live.restore_ways import Request
from rdbcodec.records import Entry, Record

if TYPE_CHECKING:
    from rdbcodec.losses import Losses
    from rdbcodec.records.state import Position
    from rdbcodec.servers import Server

MANY, MUCH = 2000, 1 << 20  # keys and bytes in a batch; one key may be larger


class Sender(Judge):
    """Brings entries to the nodes; a Guard writes to it as to a Writer."""

    def __init__(self, *given: Any, most: tuple[int, int] = (MANY, MUCH), **told: Any) -> None:
        super().__init__(*given, **told)
        self._most_keys, self._most_size = most
        self._batch = Sent()
        self._under_way: Sent | None = None
        self._db: int | None = None
        self.doubt_until = 0  # keys before this offset may be there already
        # Set by who reads the file: where the reader is, and what to do before and after a batch.
        self.position: Callable[[], Position | None] = lambda: None
        self.before: Callable[[int], object] = lambda _: None
        self.after: Callable[[Sent], object] = lambda _: None

    # --- as a writer ----------------------------------------------------------------------------------

    @property
    def server(self) -> Server:
        """What keys are made for."""
        return self._ways.server

    @property
    def dropped(self) -> int:
        """Keys that the server cannot have."""
        return self._done.left_out

    @dropped.setter
    def dropped(self, count: int) -> None:
        self._done.left_out = count

    @property
    def losses(self) -> Losses:
        """What was lost so far."""
        return self._ways.losses

    def lose(self, kind: str, record: Record, /) -> None:
        """Count what is lost of a record."""
        self._ways.lose(kind, record)

    def write_record(self, record: Record) -> None:
        """Records that are no keys go another way."""
        raise TypeError(f"{type(record).__name__} is no key")

    def write_entry(
        self, entry: Entry, *, db: int | None = None, key: bytes | None = None, value: object = None
    ) -> bool:
        """Send a key; False when the server cannot have it."""
        del key, value
        to = entry.db if db is None else db
        try:
            request = self._ways.request(entry, to, self._why)
        except (DecodeError, EncodeError) as error:
            self._fail(entry, to, error.message)
            return True
        if request is None:
            self.dropped += 1
            return False
        if self.doubt_until and entry.offset < self.doubt_until:
            request.doubt = True
        self._add(request)
        return True

    def _add(self, request: Request) -> None:
        if request.db != self._db:
            self.flush()
            self._db = request.db
        if request.pieces is not None:
            self._send_large(request)
            return
        batch, commands = self._batch, request.commands
        place = self._nodes.place_of(request.key)
        group = batch.groups.get(place)
        if group is None:
            batch.groups[place] = [request]
        else:
            group.append(request)
        batch.count += 1
        batch.size += len(commands[0]) if len(commands) == 1 else sum(map(len, commands))
        batch.last = request.entry.offset
        if batch.count >= self._most_keys or batch.size >= self._most_size:
            self._turn()

    # --- batches --------------------------------------------------------------------------------------

    def flush(self) -> None:
        """Until everything was sent and answered for."""
        if self._batch.count:
            self._turn()
        if self._under_way is not None:
            batch, self._under_way = self._under_way, None
            self._see_to(self._read(batch))
            self.after(batch)

    def _turn(self) -> None:
        """Send the batch; read what is answered to the one before."""
        batch, self._batch = self._batch, Sent()
        batch.place = self.position()
        self.before(batch.last)
        self._send(batch)
        before, self._under_way = self._under_way, batch
        if before is None:
            return
        odd = self._read(before)
        if odd:
            odd += self._read(batch)
            self._under_way = None
            self._see_to(odd)
            # As one: what was counted of both is not what stands before the end of the first.
            batch.count, batch.size = batch.count + before.count, batch.size + before.size
            self.after(batch)
        else:
            self.after(before)

    def _send_large(self, request: Request) -> None:
        """A key alone, whose value passes by."""
        self.flush()
        self.before(request.entry.offset)
        if self._ways.on_conflict != "replace" and self._is_there(request):
            self._see_to([(request, [b"OK", [0, 0]])])
        else:
            self._see_to(self._exchange([request]))
        alone = Sent()
        alone.count = 1
        self.after(alone)

    def _is_there(self, request: Request) -> bool:
        """Asked before a large value is sent for nothing."""
        place = self._nodes.place_of(request.key)
        try:
            there: object = self._pipe(place, request.db).ask("EXISTS", request.key)
        except LiveError as error:
            self._lost(place, error)
            return False
        return there == 1


class Rehearsal(Sender):
    """Sends nothing: counts what would go which way."""

    def _add(self, request: Request) -> None:
        self._made(request)
