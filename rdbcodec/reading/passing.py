"""A value too large to hold, while the decoder stands inside it: its bytes pass by once."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from rdbcodec.errors import CorruptStructure, DecodeError, RdbError
from rdbcodec.framing import Walk
from rdbcodec.reading.window import Window
from rdbcodec.records.large import PASSED_BY


class Passing:
    """A ValueSource. `locate` says in whose value damage is; `fail` ends the reading with an error.

    When the next record is asked for the decoder makes another for what is `rest`, and whoever still holds
    the first is told so.
    """

    __slots__ = ("_at", "_done", "_fail", "_is_over", "_locate", "_walk", "_window")

    def __init__(
        self,
        window: Window,
        walk: Walk,
        at: int,
        *,
        locate: Callable[[DecodeError], None],
        fail: Callable[[BaseException], None],
    ) -> None:
        self._window = window
        self._walk = walk
        self._locate = locate
        self._fail = fail
        self._done = walk.done and at == window.pos
        self._is_over = False
        self._at = at  # how far the walk has come in the window

    def rest(self) -> Passing:
        """What is left of the value, from now on for this one's holder only."""
        self._is_over = True
        return Passing(self._window, self._walk, self._at, locate=self._locate, fail=self._fail)

    def pieces(self) -> Iterator[bytes]:
        """What is left of the value; b"" while more must be fed. RdbError once the next record came."""
        window = self._window
        while not self._done:
            if self._is_over:
                raise RdbError(PASSED_BY)
            pos = window.pos
            if self._at > pos:
                window.pos, self._done = self._at, self._walk.done
                yield window.buf[pos : self._at]
            else:
                yield from self._advance()

    def _advance(self) -> Iterator[bytes]:
        window = self._window
        try:
            self._at = self._walk.advance(window.buf, window.pos)
            if self._at == window.pos and not self._walk.done:
                for _ in window.wait(window.pos):
                    yield b""
                self._at = self._walk.advance(window.buf, 0)
            self._done = self._walk.done and self._at == window.pos
        except GeneratorExit:
            raise
        except BaseException as error:
            if isinstance(error, DecodeError):
                window.locate(error)
            if isinstance(error, CorruptStructure) and error.pos is not None:
                self._locate(error)
            self._done = True
            self._fail(error)
            raise

    def drain(self) -> int:
        """Walk to the end of the value; the bytes that were left of it."""
        size = 0
        for piece in self.pieces():
            if not piece:
                raise RdbError("a value that is still being fed has no size yet")
            size += len(piece)
        return size
