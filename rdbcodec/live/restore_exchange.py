"""Requests to the nodes, and their answers: in groups, a group for each node; a large value alone."""

from __future__ import annotations

import errno
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from rdbcodec.live.errors import LiveError, live_error
from rdbcodec.live.replies import Refused
from rdbcodec.live.restore_answers import NO_DATABASE, WAITING, is_done, refusal
from rdbcodec.live.restore_done import RestoreStopped, literal, stopped
from rdbcodec.live.restore_nodes import Nodes, Place
from rdbcodec.live.restore_pipe import Pipe
from rdbcodec.live.restore_ways import Counter, Request, Ways, naming

if TYPE_CHECKING:
    from rdbcodec.live.restore_done import Restored
    from rdbcodec.records.state import Position

Answers = list[Any] | None  # None: nobody knows whether it was done
Odd = list[tuple[Request, Answers]]


class Sent:
    """A batch: what went to which node, by which pipe; None where there was no connection."""

    def __init__(self) -> None:
        self.groups: dict[Place, list[Request]] = {}
        self.pipes: dict[Place, Pipe | None] = {}
        self.count = self.size = self.last = 0
        self.place: Position | None = None  # behind its last key


class Exchange:
    """What goes to and fro. What is simply OK is counted here; what is odd is handed on."""

    def __init__(self, nodes: Nodes, ways: Ways, done: Restored) -> None:
        self._nodes = nodes
        self._ways = ways
        self._done = done

    def _send(self, batch: Sent) -> None:
        for place, group in batch.groups.items():
            batch.pipes[place] = None
            try:
                pipe = self._pipe(place, group[0].db)
                pipe.send((b"".join([part for request in group for part in request.commands]),))
                batch.pipes[place] = pipe
            except LiveError as error:
                self._lost(place, error)

    def _pipe(self, place: Place, db: int) -> Pipe:
        """The connection to a node, with this database selected."""
        pipe = self._nodes.pipe(place)
        if pipe.db != db:
            is_there = pipe.db is None and not db and self._nodes.is_cluster
            told = b"OK" if is_there else pipe.ask("SELECT", db)
            if isinstance(told, Refused):
                if told.code == "ERR":
                    raise self._stopped(
                        literal(NO_DATABASE.format(db=db, told=told)), errno.EINVAL, code=told.code
                    )
                raise live_error(self._done.place, str(told), code=told.code)
            pipe.db = db
        return pipe

    def _lost(self, place: Place, error: LiveError) -> None:
        """Give up a connection. A refusal that has a name is no loss of one, and ends the restore."""
        if isinstance(error, RestoreStopped):
            raise error
        self._nodes.drop(place)
        if error.code is not None and error.code not in WAITING:
            raise self._stopped(literal(str(error.strerror)), error.errno or errno.EIO, code=error.code)

    def _read(self, batch: Sent) -> Odd:
        """Read all answers; those that are not simply OK."""
        odd: Odd = []
        for place, group in batch.groups.items():
            pipe = batch.pipes[place]
            try:
                if pipe is None or pipe.is_closed:
                    odd += [(request, None) for request in group]
                    continue
                odd += self._odd_of(group, pipe.answers(sum(len(one.commands) for one in group)))
            except LiveError as error:
                self._lost(place, error)
                odd += [(request, None) for request in group]
        return odd

    def _odd_of(self, group: list[Request], answers: list[Any] | None) -> Iterator[tuple[Request, Answers]]:
        if answers is None:
            made = self._done.made
            for request in group:
                made[request.entry.type, request.way] += 1
            return  # +OK and nothing else is no answer to commands, whose reasons are counted too
        at = 0
        for request in group:
            own = answers[at : at + len(request.commands)]
            at += len(request.commands)
            if is_done(request, own):
                self._made(request)
            else:
                yield request, own

    def _made(self, request: Request) -> None:
        self._done.made[request.entry.type, request.way] += 1
        if request.why is not None:
            self._done.reasons[request.why.value] += 1

    def _exchange(self, requests: Iterable[Request]) -> Odd:
        """Send requests when nothing is outstanding, and read what is answered: what is not simply OK."""
        batch, odd = Sent(), Odd()
        for request in requests:
            if request.pieces is not None:
                odd += self._exchange_large(request)
            else:
                batch.groups.setdefault(self._nodes.place_of(request.key), []).append(request)
        self._send(batch)
        return odd + self._read(batch)

    def _exchange_large(self, request: Request) -> Odd:
        """A value made by commands gets its name when all of them are known to be done."""
        place, counter = self._nodes.place_of(request.key), Counter()
        assert request.pieces is not None
        try:
            pipe = self._pipe(place, request.db)
            pipe.send(_counted(request.pieces(), counter))
            if not counter.commands:
                self._done.left_out += 1
                return []
            answers = pipe.answers(counter.commands) or [b"OK"]
            if request.way == "commands" and refusal(answers) is None:
                replaces = self._ways.on_conflict == "replace"
                answers = [
                    [pipe.ask(*words) for words in naming(request.name, request.key, replaces=replaces)]
                ]
        except LiveError as error:
            self._lost(place, error)
            return [(request, None)]
        if not is_done(request, answers):
            return [(request, answers)]
        self._made(request)
        return []

    def _stopped(self, words: str, number: int, **told: Any) -> RestoreStopped:
        return stopped(self._done, words, number, **told)


def _counted(pieces: Iterable[bytes], counter: Counter) -> Iterator[bytes]:
    for piece in pieces:
        counter.add(piece)
        yield piece
