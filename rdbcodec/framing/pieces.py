"""A walk over bytes that arrive in pieces.

`Walk` goes through the same framings as `compile_walk`. It can stop at any byte and go on later, so values of
any size are walked in constant memory and no byte is looked at twice.
"""

from __future__ import annotations

from rdbcodec.errors import CorruptStructure
from rdbcodec.formats import ITEMS, LENGTH, Repeat, Special, Steps
from rdbcodec.framing.asking import Asks, Request, Requests, Skip, Strings, Templates, perform, walk_strings
from rdbcodec.framing.specials import SPECIALS, module_items
from rdbcodec.framing.whole import fixed_size, string_run
from rdbcodec.wire import strings


class Walk:
    """A walk through one value that stops where the bytes end and goes on when there are more."""

    __slots__ = ("_request", "_skip", "_steps")

    def __init__(self, framing: Steps, templates: Templates) -> None:
        self._steps = _steps(framing, templates)
        self._skip = 0
        self._request: Request | None = next(self._steps, None)

    @property
    def done(self) -> bool:
        """Whether the last advance reached the end of the value."""
        return self._request is None and not self._skip

    @property
    def missing(self) -> int:
        """How many bytes beyond the last advance surely belong to the value."""
        return self._skip + (self._request is not None)

    def advance(self, buf: bytes, pos: int, stop: int | None = None) -> int:
        """Walk on from `pos`; the position reached, before which nothing need be kept.

        Bytes after that position are to be given again, with more behind them. Nothing is begun at
        `stop` or behind it: where a walk gives up must not depend on how many bytes are there.
        """
        size = len(buf)
        while True:
            if self._skip:
                step = min(self._skip, size - pos)
                self._skip -= step
                pos += step
            request = self._request
            if self._skip or request is None or (stop is not None and pos >= stop):
                return pos
            try:
                if isinstance(request, Strings):
                    request.count, pos = walk_strings(buf, pos, request.count, request.tail, stop)
                    if request.count and stop is not None and pos >= stop:
                        return pos
                pos = self._step(request, buf, pos)
            except IndexError:
                return pos

    def _step(self, request: Request, buf: bytes, pos: int) -> int:
        """One request; what lies beyond the buffer becomes a skip, so that nothing is kept for it."""
        answer, end = 0, pos
        if not isinstance(request, Strings):
            answer, end = perform(request, buf, pos)
        elif request.count:
            end = strings.walk(buf, pos) + request.tail  # walk_strings left it: it is not whole
            request.count -= 1
        self._skip = max(0, end - len(buf))
        if not isinstance(request, Strings) or not request.count:
            self._next(answer, end)
        return end - self._skip

    def _next(self, answer: int, end: int) -> None:
        try:
            self._request = self._steps.send(answer)
        except StopIteration:
            self._request = None
        except CorruptStructure as error:
            error.pos = end if error.pos is None else error.pos
            raise


def _steps(framing: Steps, templates: Templates) -> Requests:
    """The framing as a sequence of requests."""
    for step in framing:
        if isinstance(step, Repeat):
            count = yield LENGTH
            yield from _repeat(step.steps, count, templates)
        elif isinstance(step, Special):
            yield from _requests(SPECIALS[step.name](templates))
        elif step is ITEMS:
            yield from _requests(module_items())
        else:
            yield step


def _repeat(steps: Steps, count: int, templates: Templates) -> Requests:
    size, run = fixed_size(steps), string_run(steps)
    if size is not None:
        yield Skip(count * size)
    elif run is not None:
        width, tail = run
        yield Strings(count * width, tail)
    else:
        while count:
            yield from _steps(steps, templates)
            count -= 1


def _requests(asks: Asks) -> Requests:
    """The requests of a generator, without their names."""
    try:
        ask = next(asks)
        while True:
            ask = asks.send((yield ask.request))
    except StopIteration:
        pass
