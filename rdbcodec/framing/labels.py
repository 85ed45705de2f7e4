"""What every byte of a value is, by the names in its framing.

    hash of 1 field      01  01 66  01 76
    fields.count         01
    fields[0].field          01 66
    fields[0].value                 01 76

A name is a path: steps inside steps are joined by points, repetitions are numbered from 0 and their number
stands in `count`. Nothing is unpacked: a string is one span, whether it holds text or a listpack.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Protocol

from rdbcodec.errors import CorruptStructure, Truncated
from rdbcodec.formats import ITEMS, LENGTH, STRING, Fixed, Framing, Primitive, Repeat, Special, Step
from rdbcodec.framing.asking import Asks, Skip, Strings, Templates, perform
from rdbcodec.framing.specials import SPECIALS, module_items
from rdbcodec.named_tuples import NamedTuple


class Span(NamedTuple):
    """Bytes of a value from `start` up to `end`: what they are, and how they are read ("string", "i64")."""

    start: int
    end: int
    label: str
    kind: str


class Bytes(Protocol):
    """Bytes that may be too many to hold: some of them at a place, fewer only where they end."""

    size: int

    def read_at(self, pos: int, size: int, /) -> bytes: ...


class InHand:
    """Bytes that are held, as Bytes."""

    def __init__(self, raw: bytes) -> None:
        self._raw = raw
        self.size = len(raw)

    def read_at(self, pos: int, size: int, /) -> bytes:
        """Some of them."""
        return self._raw[pos : pos + size]


def labels(
    framing: Framing, raw: bytes | Bytes, templates: Templates | None = None, *, pos: int = 0
) -> Iterator[Span]:
    """The spans of a value, or of an opcode's operands, from `pos` on: every byte of it in exactly one.

    Nothing is held but the beginnings of strings. A hash that refers to a template needs the templates of its
    file. Raises CorruptStructure for a value that contradicts itself and Truncated for one that is not whole,
    behind the spans before that.
    """
    spans = _Labels(InHand(raw) if isinstance(raw, bytes) else raw, pos, templates or {})
    return spans.framing(framing, "")


class _Labels:
    """A walk that tells what it walks over."""

    def __init__(self, raw: Bytes, pos: int, templates: Templates) -> None:
        self.raw = raw
        self.pos = pos
        self.templates = templates

    def framing(self, framing: Framing, prefix: str) -> Iterator[Span]:
        for name, step in zip(framing.names, framing, strict=True):
            yield from self._step(step, prefix + name)

    def _step(self, step: Step, name: str) -> Iterator[Span]:
        if isinstance(step, Repeat):
            count, span = self._read(LENGTH, f"{name}.count")
            yield span
            for index in range(count):
                yield from self.framing(step.steps, f"{name}[{index}].")
        elif isinstance(step, Special):
            yield from self._asked(SPECIALS[step.name](self.templates), f"{name}.")
        elif step is ITEMS:
            yield from self._asked(module_items(), name)
        else:
            yield self._read(step, name)[1]

    def _asked(self, asks: Asks, prefix: str) -> Iterator[Span]:
        """The spans of a generator's requests, some of which turn out to be empty."""
        seen = Counter[str]()
        answer: int | None = None  # a generator that is new takes nothing else
        try:
            while True:
                name, request = asks.send(answer)  # type: ignore[arg-type] # what typeshed has no word for
                left = request.count if isinstance(request, Strings) else 1
                primitive = STRING if isinstance(request, Strings) else request
                answer = 0
                while left:
                    answer, span = self._read(primitive, prefix + name.replace("[]", f"[{seen[name]}]"))
                    if span.start < span.end:
                        yield span
                    seen[name] += 1
                    left -= 1
        except StopIteration:
            pass
        except CorruptStructure as error:
            error.pos = self.pos if error.pos is None else error.pos
            raise

    def _read(self, request: Primitive | Fixed | Skip, label: str) -> tuple[int, Span]:
        start = self.pos
        try:
            answer, size = perform(request, self.raw.read_at(start, _SEEN), 0)
            self.pos = start + size
        except IndexError:
            self.pos = self.raw.size + 1
        except CorruptStructure as error:
            error.pos = start + (error.pos or 0)
            raise
        if self.pos > self.raw.size:
            raise Truncated(f"the value ends inside {label}", start)
        return answer, Span(start, self.pos, label, "bytes" if isinstance(request, Skip) else request.name)


_SEEN = 256  # bytes: no request asks for more to tell how long it is, whatever follows
