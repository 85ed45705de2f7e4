"""What is done about an answer that is not simply OK.

BUSYKEY, RENAMENX 0                 there already: `on_conflict` says, or it is from an interrupted run
MOVED, ASK                          sent to the node that has the slot now
LOADING, TRYAGAIN, CLUSTERDOWN ...  sent again after a while
no answer, the connection is lost   sent again on a new one, and in doubt
NOPERM, unknown command             RESTORE is forbidden: this key and all others go by commands
OOM, READONLY, MISCONF ...          the end: no other key would fare better
anything else                       by commands, if the payload was refused; else a failure of this key
"""

from __future__ import annotations

import errno
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal

from rdbcodec.exports.resp_words import command
from rdbcodec.live.errors import LiveError
from rdbcodec.live.replies import Refused
from rdbcodec.live.restore_answers import ENDING, WAITING, forbids, is_done, is_named, refusal
from rdbcodec.live.restore_done import literal
from rdbcodec.live.restore_doubt import Ours, is_ours, question
from rdbcodec.live.restore_exchange import Answers, Exchange, Odd
from rdbcodec.live.restore_nodes import Nodes, Place, redirection
from rdbcodec.live.restore_ways import Request, Ways, Why
from rdbcodec.losses import Losses
from rdbcodec.records import Entry

if TYPE_CHECKING:
    from rdbcodec.live.restore_done import Failures, Restored

PATIENCE = 60.0  # seconds without a key restored before it is given up
_PAUSE, _LONGEST = 0.05, 2.0  # seconds between two tries, the first and the longest
_MANY, _MUCH = 500, 1 << 20  # values and bytes that are asked for at once
_ASKING = command(b"ASKING")

Verdict = Literal["done", "again", "wait", "compare"]


class Judge(Exchange):
    """Sees to each odd answer until its key is restored, left out or has failed."""

    def __init__(
        self,
        nodes: Nodes,
        ways: Ways,
        done: Restored,
        failures: Failures,
        *,
        why: Why | None = None,
        fail_fast: bool = False,
        patience: float = PATIENCE,
    ) -> None:
        super().__init__(nodes, ways, done)
        self._failures = failures
        self._why = why  # of all keys from here on: they go by commands
        self._fail_fast = fail_fast
        self._patience = patience

    def _see_to(self, odd: Odd) -> None:
        """RestoreStopped when it cannot go on."""
        deadline, pause = None, _PAUSE
        while odd:
            made = self._done.keys
            verdicts = [(request, self._judge(request, answers)) for request, answers in odd]
            doubtful = [request for request, verdict in verdicts if verdict == "compare"]
            verdicts = [one for one in verdicts if one[1] != "compare"] + [*self._compared(doubtful)]
            later = [request for request, verdict in verdicts if verdict != "done"]
            if self._done.keys > made:
                deadline, pause = None, _PAUSE
            if any(verdict == "wait" for _, verdict in verdicts):
                deadline = deadline or time.monotonic() + self._patience
                if time.monotonic() > deadline:
                    words = f"{_why_wait(odd)}, for {self._patience:.0f} seconds"
                    raise self._stopped(words, errno.ETIMEDOUT)
                time.sleep(pause)
                pause = min(2 * pause, _LONGEST)
                self._nodes.look_again()
            odd = self._exchange(later)

    def _judge(self, request: Request, answers: Answers) -> Verdict:
        if answers is None:
            request.doubt = True
            return "wait"
        refused = refusal(answers)
        if refused is None or refused.code == "BUSYKEY":
            return self._conflict(request)
        if refused.code == "MOVED" and self._nodes.is_cluster:
            self._nodes.moved(*redirection(refused.detail, self._nodes.place_of(request.key)))
            return "again"
        if refused.code == "ASK" and self._nodes.is_cluster:
            return self._ask(request, refused)
        if refused.code in WAITING or (refused.code == "READONLY" and self._nodes.is_cluster):
            return "wait"
        if refused.code in ENDING:
            number = errno.ENOMEM if refused.code == "OOM" else errno.EIO
            raise self._stopped(ENDING[refused.code], number, code=refused.code, key=request.key)
        return self._refused(request, answers, refused)

    def _ask(self, request: Request, refused: Refused) -> Verdict:
        """A slot on its way: the node it goes to takes RESTORE after ASKING, but no transaction."""
        if request.way == "commands" or request.pieces is not None:
            return "wait"  # until the slot has arrived
        _, place = redirection(refused.detail, self._nodes.place_of(request.key))
        try:
            pipe = self._nodes.pipe(place)
            pipe.send((_ASKING, *request.commands))
            own = (pipe.answers(2) or [b"OK", b"OK"])[1:]
        except LiveError as error:
            self._lost(place, error)
            return self._judge(request, None)
        if is_done(request, own):
            self._made(request)
            return "done"
        again = refusal(own)
        if again is not None and again.code in ("MOVED", "ASK"):
            return "wait"
        return self._judge(request, own)

    # --- there already --------------------------------------------------------------------------------

    def _conflict(self, request: Request) -> Verdict:
        if request.doubt:
            return "compare"
        if self._ways.on_conflict == "skip":
            self._done.skipped += 1
            return "done"
        words = f"{{key}} is in database {request.db} already, and stays as it is there"
        raise self._stopped(words, errno.EEXIST, code="BUSYKEY", key=request.key)

    def _compared(self, requests: list[Request]) -> Iterator[tuple[Request, Verdict]]:
        """Ask for the values of keys that may be ours, many at once."""
        groups: dict[Place, list[Request]] = {}
        for request in requests:
            groups.setdefault(self._nodes.place_of(request.key), []).append(request)
        for place, group in groups.items():
            for some in _portions(group):
                try:
                    pipe = self._pipe(place, some[0].db)
                    pipe.send((b"".join([question(request) for request in some]),))
                    answers = pipe.answers(len(some)) or []
                except LiveError as error:
                    self._lost(place, error)
                    yield from ((request, "wait") for request in some)
                    continue
                for request, answer in zip(some, answers, strict=True):
                    yield request, self._verdict_of(request, is_ours(request, answer, self._ways))

    def _verdict_of(self, request: Request, ours: Ours) -> Verdict:
        if ours == "gone":
            return "again"
        if ours == "unknown":
            return "wait"
        if ours == "no":
            request.doubt = False
            return self._conflict(request)
        self._made(request)
        self._done.there += 1
        return "done"

    # --- refused --------------------------------------------------------------------------------------

    def _refused(self, request: Request, answers: list[object], refused: Refused) -> Verdict:
        """What says no to this key, or to the command."""
        if request.way == "restore":
            forbidden = forbids(refused)
            why = Why.FORBIDDEN if forbidden else Why.REFUSED
            if forbidden:
                self._why = why
            if (forbidden or refused.code == "ERR") and self._goes_by_commands(request, why):
                return "again"
        else:
            expires = request.entry.expires_at_ms
            if "no such key" in refused.detail and expires is not None and expires <= now_ms():
                self._done.expired += 1  # while it was being made
                return "done"
            self._undo(request, answers)
        self._fail(request.entry, request.db, str(refused), refused.code)
        return "done"

    def _goes_by_commands(self, request: Request, why: Why) -> bool:
        """Make it a request of commands, if there are any but RESTORE; what only they lose is counted."""
        with self._ways.counting(Losses()) as counted:
            self._ways.payload(request.entry)
        with self._ways.counting(Losses()) as others:
            other = self._ways.request(request.entry, request.db, why)
        if other is None or other.restores:
            return False
        known = {loss.kind for loss in counted.all()}
        for loss in others.all():
            if loss.kind not in known:
                self._ways.lose(loss.kind, request.entry)
        request.become(other)
        return True

    def _undo(self, request: Request, answers: list[object]) -> None:
        """A value of which a part was refused does not stay under the key's name, or under its own."""
        pipe = self._pipe(self._nodes.place_of(request.key), request.db)
        pipe.ask("DEL", request.name)
        if is_named(answers):
            pipe.ask("DEL", request.key)

    def _fail(self, entry: Entry, db: int, answer: str, code: str | None = None) -> None:
        failure = self._failures.add(entry, db, answer)
        if self._fail_fast:
            words = f"{{key}} is refused: {literal(failure.answer)}"
            raise self._stopped(words, errno.EIO, code=code, key=entry.key, failure=failure)


def _portions(requests: list[Request]) -> Iterator[list[Request]]:
    """As many as have values of a bounded size together."""
    some: list[Request] = []
    size = 0
    for request in requests:
        some.append(request)
        size += sum(map(len, request.commands))
        if len(some) >= _MANY or size >= _MUCH:
            yield some
            some, size = [], 0
    if some:
        yield some


def now_ms() -> int:
    """The time, in milliseconds."""
    return time.time_ns() // 1_000_000


def _why_wait(odd: Odd) -> str:
    answers = next((answers for _, answers in odd), None)
    refused = refusal(answers or ())
    return "the server is not reached" if refused is None else f"the server answers {refused.code}"
