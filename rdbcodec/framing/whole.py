"""The end of a value that is (probably) all there.

`compile_walk` turns a framing into a function `walk(buf, pos) -> end`. It raises IndexError, or answers an
end beyond the buffer, when the bytes are not all there. Collections of strings get a loop of their own: they
are most of what large files hold.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from itertools import groupby, repeat

from rdbcodec.errors import CorruptStructure
from rdbcodec.formats import ITEMS, LENGTH, STRING, TEXT_DOUBLE, Fixed, Repeat, Special, Step, Steps
from rdbcodec.framing.asking import (
    ITEM_DOUBLE,
    ITEM_EOF,
    ITEM_FLOAT,
    ITEM_SINT,
    ITEM_STRING,
    ITEM_UINT,
    Templates,
    WalkFunction,
    perform,
    unknown_item,
)
from rdbcodec.framing.specials import SPECIALS
from rdbcodec.wire import doubles, lengths, strings

_ASKS_TEMPLATES = frozenset({Special("template_array_ref")})


def compile_walk(framing: Steps, templates: Templates) -> WalkFunction:
    """A function that finds the end of a value with this framing.

    One for all decoders, but where it hangs on the templates of a file: compiling takes longer than
    reading a small file.
    """
    return _compile(framing, templates) if asks_templates(framing) else _compiled(framing)


def asks_templates(framing: Steps) -> bool:
    """Whether the end of such a value hangs on the templates of a file."""
    return not _ASKS_TEMPLATES.isdisjoint(framing)


@cache
def _compiled(framing: Steps) -> WalkFunction:
    return _compile(framing, {})


def _compile(framing: Steps, templates: Templates) -> WalkFunction:
    walks = tuple(_compile_steps(framing, templates))
    if len(walks) == 1:
        return walks[0]

    def walk(buf: bytes, pos: int) -> int:
        for step in walks:
            pos = step(buf, pos)
        return pos

    return walk


def _compile_steps(framing: Steps, templates: Templates) -> Iterator[WalkFunction]:
    """A walk of each step, and one for lengths in a row, of which streams have a dozen."""
    for step, run in groupby(framing):
        count = len(list(run))
        if step is LENGTH and count > 1:
            yield _walk_lengths(count)
        else:
            yield from repeat(_compile_step(step, templates), count)


def _walk_lengths(count: int) -> WalkFunction:
    def walk(buf: bytes, pos: int) -> int:
        for _ in repeat(None, count):
            head = buf[pos]
            if head < 0x40:
                pos += 1
            elif head == _EIGHT_BYTES:  # of IDs, mostly
                pos += 9
            elif head < 0x80:
                pos += 2
            else:
                pos = lengths.read(buf, pos)[1]
        return pos

    return walk


_EIGHT_BYTES = 0x81


def _compile_step(step: Step, templates: Templates) -> WalkFunction:
    if isinstance(step, Repeat):
        return _compile_repeat(step.steps, templates)
    if isinstance(step, Special):
        return _compile_special(step.name, templates)
    if isinstance(step, Fixed):
        return _compile_fixed(step.size)
    return _PRIMITIVES[step]


def _compile_fixed(size: int) -> WalkFunction:
    def walk(buf: bytes, pos: int) -> int:
        del buf
        return pos + size

    return walk


def _compile_repeat(steps: Steps, templates: Templates) -> WalkFunction:
    size = fixed_size(steps)
    if size is not None:
        return lambda buf, pos: _walk_table(buf, pos, size)
    run = string_run(steps)
    if run is not None:
        return lambda buf, pos: _walk_run(buf, pos, *run)
    if steps == (LENGTH, STRING):
        return walk_nodes
    body = compile_walk(steps, templates)

    def walk(buf: bytes, pos: int) -> int:
        if not buf[pos]:  # as most streams have no group
            return pos + 1
        count, pos = lengths.read(buf, pos)
        end = len(buf)
        while count and pos < end:
            pos = body(buf, pos)
            count -= 1
        if count:
            raise IndexError
        return pos

    return walk


def walk_nodes(buf: bytes, pos: int) -> int:
    """The nodes of a list, each a number and a string: inline, as there are many lists with one node."""
    count, pos = lengths.read(buf, pos)
    end = len(buf)
    while count and pos < end:
        pos = pos + 1 if buf[pos] < 0x40 else lengths.read(buf, pos)[1]
        head = buf[pos]
        if head < 0x40:
            pos += 1 + head
        elif head < 0x80:
            pos += 2 + ((head & 0x3F) << 8 | buf[pos + 1])
        else:
            pos = strings.walk(buf, pos)
        count -= 1
    if count:
        raise IndexError
    return pos


def fixed_size(steps: Steps) -> int | None:
    """Bytes of steps that always have as many."""
    sizes = [step.size for step in steps if isinstance(step, Fixed)]
    return sum(sizes) if len(sizes) == len(steps) else None


def _walk_table(buf: bytes, pos: int, size: int) -> int:
    count, pos = lengths.read(buf, pos)
    return pos + count * size


def string_run(steps: Steps) -> tuple[int, int] | None:
    """Strings in a step and bytes behind each, when the step is nothing but strings, or one and a field."""
    if set(steps) == {STRING}:
        return len(steps), 0
    if len(steps) == 2 and steps[0] is STRING and isinstance(steps[1], Fixed):
        return 1, steps[1].size
    return None


def _walk_run(buf: bytes, pos: int, width: int, tail: int) -> int:
    """As asking.walk_strings, for strings of which all are wanted or none."""
    head = buf[pos]
    count, pos = (head, pos + 1) if head < 0x40 else lengths.read(buf, pos)
    short, long = 1 + tail, 2 + tail
    for _ in repeat(None, min(count * width, len(buf) + 1)):  # more bring it beyond the end
        head = buf[pos]
        if head < 0x40:
            pos += short + head
        elif head < 0x80:
            pos += long + ((head & 0x3F) << 8 | buf[pos + 1])
        else:
            pos = strings.walk(buf, pos) + tail
    return pos


def _walk_length(buf: bytes, pos: int) -> int:
    return lengths.read(buf, pos)[1]


def walk_items(buf: bytes, pos: int) -> int:
    """Module items up to and with their end mark: specials.module_items without a generator, as vector sets
    are thousands of them."""
    while True:
        opcode, pos = lengths.read(buf, pos)
        if opcode == ITEM_EOF:
            return pos
        walk = _ITEM_WALKS.get(opcode)
        if walk is None:
            raise unknown_item(opcode, pos)
        pos = walk(buf, pos)


_ITEM_WALKS: dict[int, WalkFunction] = {
    ITEM_SINT: _walk_length,
    ITEM_UINT: _walk_length,
    ITEM_FLOAT: _compile_fixed(4),
    ITEM_DOUBLE: _compile_fixed(8),
    ITEM_STRING: strings.walk,
}
_PRIMITIVES: dict[Step, WalkFunction] = {
    STRING: strings.walk,
    LENGTH: _walk_length,
    TEXT_DOUBLE: doubles.walk_text,
    ITEMS: walk_items,
}


def _compile_special(name: str, templates: Templates) -> WalkFunction:
    def walk(buf: bytes, pos: int) -> int:
        asks = SPECIALS[name](templates)
        try:
            _, request = next(asks)
            while True:
                value, pos = perform(request, buf, pos)
                _, request = asks.send(value)
        except StopIteration:
            return pos
        except CorruptStructure as error:
            error.pos = pos if error.pos is None else error.pos
            raise

    return walk
