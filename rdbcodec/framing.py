"""Where a value ends: the framings of the table, made runnable.

Two walkers read the one notation of rdbcodec.formats:

* `compile_walk` turns a framing into a function `walk(buf, pos) -> end` for bytes that are (probably) all
  there. It raises IndexError, or answers an end beyond the buffer, when they are not. Collections of
  strings get a loop of their own: they are most of what large files hold.
* `Walk` goes through the same framing with bytes that arrive in pieces. It can stop at any byte and go
  on later, so values of any size are walked in constant memory and no byte is looked at twice.

What no table can say (`Special`) is a generator here: it yields the primitive it wants next and gets
the number read when that was one. Both walkers run the same generators.

A hostile count costs nothing by itself: a Repeat of fixed-size steps is one multiplication, any other
ends with the bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from functools import cache

from rdbcodec.errors import CorruptStructure
from rdbcodec.formats import (
    F64,
    I64,
    ITEMS,
    LENGTH,
    STRING,
    TEXT_DOUBLE,
    Fixed,
    Framing,
    Primitive,
    Repeat,
    Special,
    Step,
)
from rdbcodec.structures import listpack
from rdbcodec.wire import doubles, lengths, strings

WalkFunction = Callable[[bytes, int], int]
Templates = Mapping[int, Sequence[bytes]]


class Skip:
    """A request for so many bytes, whatever is in them; a Fixed whose size was read from the file."""

    __slots__ = ("size",)

    def __init__(self, size: int) -> None:
        self.size = size


class Strings:
    """A request for so many strings in a row, each with `tail` bytes behind it."""

    __slots__ = ("count", "tail")

    def __init__(self, count: int, tail: int = 0) -> None:
        self.count = count
        self.tail = tail


# A STRING that holds the listpack of a template's names: the answer is how many there are.
NAMES = Primitive("template names")

# Numbers that only specials ask for: four bytes little endian, and a line of RESP, `*3\r\n` or `$5\r\n`.
U32_NUMBER = Primitive("u32 number")
RESP_COUNT, RESP_SIZE = Primitive("resp count"), Primitive("resp size")

_ASKS_TEMPLATES = frozenset({Special("template_array_ref")})

Request = Primitive | Fixed | Skip | Strings
Steps = Generator[Request, int, None]


# --- all bytes there --------------------------------------------------------------------------------


def compile_walk(framing: Framing, templates: Templates) -> WalkFunction:
    """A function that finds the end of a value with this framing.

    One for all decoders, but where it hangs on the templates of a file: compiling takes longer than
    reading a small file.
    """
    return _compile(framing, templates) if _ASKS_TEMPLATES.intersection(framing) else _compiled(framing)


@cache
def _compiled(framing: Framing) -> WalkFunction:
    return _compile(framing, {})


def _compile(framing: Framing, templates: Templates) -> WalkFunction:
    walks = tuple(_compile_step(step, templates) for step in framing)
    if len(walks) == 1:
        return walks[0]

    def walk(buf: bytes, pos: int) -> int:
        for step in walks:
            pos = step(buf, pos)
        return pos

    return walk


def _compile_step(step: Step, templates: Templates) -> WalkFunction:
    if isinstance(step, Repeat):
        return _compile_repeat(step, templates)
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


def _compile_repeat(repeat: Repeat, templates: Templates) -> WalkFunction:
    size = _fixed_size(repeat.steps)
    if size is not None:
        return lambda buf, pos: _walk_table(buf, pos, size)
    run = _string_run(repeat.steps)
    if run is not None:
        return lambda buf, pos: _walk_run(buf, pos, *run)
    body = compile_walk(repeat.steps, templates)

    def walk(buf: bytes, pos: int) -> int:
        count, pos = lengths.read(buf, pos)
        end = len(buf)
        while count and pos < end:
            pos = body(buf, pos)
            count -= 1
        if count:
            raise IndexError
        return pos

    return walk


def _fixed_size(steps: Framing) -> int | None:
    sizes = [step.size for step in steps if isinstance(step, Fixed)]
    return sum(sizes) if len(sizes) == len(steps) else None


def _walk_table(buf: bytes, pos: int, size: int) -> int:
    count, pos = lengths.read(buf, pos)
    return pos + count * size


def _string_run(steps: Framing) -> tuple[int, int] | None:
    """Strings in a step and bytes behind each, when the step is nothing but strings, or one and a field."""
    if set(steps) == {STRING}:
        return len(steps), 0
    if len(steps) == 2 and steps[0] is STRING and isinstance(steps[1], Fixed):
        return 1, steps[1].size
    return None


def _walk_run(buf: bytes, pos: int, width: int, tail: int) -> int:
    count, pos = lengths.read(buf, pos)
    left, pos = walk_strings(buf, pos, count * width, tail)
    if left:
        raise IndexError
    return pos


def walk_strings(buf: bytes, pos: int, count: int, tail: int, stop: int | None = None) -> tuple[int, int]:
    """Walk up to `count` whole strings with `tail` bytes behind each; how many are left, and where.

    Only those that end up to `stop`. Inlined for the two short length forms: three quarters of the time
    of calling strings.walk.
    """
    size = len(buf) if stop is None else min(len(buf), stop)
    short, long = 1 + tail, 2 + tail
    try:
        while count:
            head = buf[pos]
            if head < 0x40:
                end = pos + short + head
            elif head < 0x80:
                end = pos + long + ((head & 0x3F) << 8 | buf[pos + 1])
            else:
                end = strings.walk(buf, pos) + tail
            if end > size:
                break
            pos = end
            count -= 1
    except IndexError:
        pass
    return count, pos


def _walk_length(buf: bytes, pos: int) -> int:
    return lengths.read(buf, pos)[1]


def walk_items(buf: bytes, pos: int) -> int:
    """Module items up to and with their end mark: (opcode, data)* 0."""
    while True:
        opcode, pos = lengths.read(buf, pos)
        if opcode == ITEM_EOF:
            return pos
        pos = _item_walk(opcode, pos)(buf, pos)


ITEM_EOF, ITEM_SINT, ITEM_UINT, ITEM_FLOAT, ITEM_DOUBLE, ITEM_STRING = range(6)
_ITEM_REQUESTS: dict[int, Request] = {
    ITEM_SINT: LENGTH,
    ITEM_UINT: LENGTH,
    ITEM_FLOAT: Fixed(4),
    ITEM_DOUBLE: F64,
    ITEM_STRING: STRING,
}
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


def _item_walk(opcode: int, pos: int | None) -> WalkFunction:
    walk = _ITEM_WALKS.get(opcode)
    if walk is None:
        raise CorruptStructure(f"module item opcode {opcode} is none of 0 to 5", pos)
    return walk


def _compile_special(name: str, templates: Templates) -> WalkFunction:
    def walk(buf: bytes, pos: int) -> int:
        steps = SPECIALS[name](templates)
        value = 0
        try:
            request = next(steps)
            while True:
                value, pos = _perform(request, buf, pos)
                request = steps.send(value)
        except StopIteration:
            return pos
        except CorruptStructure as error:
            error.pos = pos if error.pos is None else error.pos
            raise

    return walk


def _perform(request: Request, buf: bytes, pos: int) -> tuple[int, int]:
    """Read a number, step over anything else."""
    if request is LENGTH:
        return lengths.read(buf, pos)
    if isinstance(request, (Fixed, Skip)):
        return 0, pos + request.size
    if isinstance(request, Strings):
        left, pos = walk_strings(buf, pos, request.count, request.tail)
        if left:
            raise IndexError
        return 0, pos
    walk = _PRIMITIVES.get(request)
    return _NUMBERS[request](buf, pos) if walk is None else (0, walk(buf, pos))


# Both headers of an LZF string and enough of its block for the 6 bytes of a listpack header: the walk
# must not wait for a string whose size the file made up.
NAMES_HEAD = 64


def _count_names(buf: bytes, pos: int) -> tuple[int, int]:
    """How many elements the listpack in the string at `pos` has, and the end of the string."""
    end = strings.walk(buf, pos)
    if len(buf) < min(end, pos + NAMES_HEAD):
        raise IndexError
    count = listpack.count(strings.peek(buf, pos, 6))
    if count is None:
        raise CorruptStructure("a template with 65535 or more names has no count to walk by", pos)
    return count, end


def _read_u32(buf: bytes, pos: int) -> tuple[int, int]:
    if pos + 4 > len(buf):
        raise IndexError
    return int.from_bytes(buf[pos : pos + 4], "little"), pos + 4


RESP_LINE = 24  # bytes: a mark, 20 digits, CR LF


def _read_resp(mark: bytes) -> Callable[[bytes, int], tuple[int, int]]:
    def read(buf: bytes, pos: int) -> tuple[int, int]:
        stop = buf.find(b"\r\n", pos, pos + RESP_LINE)
        if stop < 0 and len(buf) < pos + RESP_LINE:
            raise IndexError
        digits = buf[pos + 1 : stop]
        if buf[pos : pos + 1] != mark or stop < 0 or not digits.isdigit():
            raise CorruptStructure("a replicated command is not in RESP form", pos)
        return int(digits), stop + 2

    return read


_NUMBERS: dict[Request, Callable[[bytes, int], tuple[int, int]]] = {
    NAMES: _count_names,
    U32_NUMBER: _read_u32,
    RESP_COUNT: _read_resp(b"*"),
    RESP_SIZE: _read_resp(b"$"),
}


# --- bytes that arrive in pieces --------------------------------------------------------------------


class Walk:
    """A walk through one value that stops where the bytes end and goes on when there are more."""

    __slots__ = ("_request", "_skip", "_steps")

    def __init__(self, framing: Framing, templates: Templates) -> None:
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
            answer, end = _perform(request, buf, pos)
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


def _steps(framing: Framing, templates: Templates) -> Steps:
    """The framing as a sequence of requests."""
    for step in framing:
        if isinstance(step, Repeat):
            count = yield LENGTH
            yield from _repeat(step.steps, count, templates)
        elif isinstance(step, Special):
            yield from SPECIALS[step.name](templates)
        elif step is ITEMS:
            yield from _item_steps()
        else:
            yield step


def _repeat(steps: Framing, count: int, templates: Templates) -> Steps:
    size, run = _fixed_size(steps), _string_run(steps)
    if size is not None:
        yield Skip(count * size)
    elif run is not None:
        width, tail = run
        yield Strings(count * width, tail)
    else:
        while count:
            yield from _steps(steps, templates)
            count -= 1


def _item_steps() -> Steps:
    while opcode := (yield LENGTH):
        _item_walk(opcode, None)
        yield _ITEM_REQUESTS[opcode]


# --- what no table can say --------------------------------------------------------------------------


def _module_v1(templates: Templates) -> Steps:
    """Items without opcodes and without end: only the module itself knows where they end (4.8.3)."""
    del templates
    yield LENGTH
    raise CorruptStructure(
        "a module value of version 1 (Redis 4.0 release candidates) has no framing to walk by"
    )


def _array(templates: Templates) -> Steps:
    """Count, cursor flag, cursor if flagged, then (index, tag, value by tag)* (rdb-v13-15.md, 5.2)."""
    del templates
    count = yield LENGTH
    flag = yield LENGTH
    if flag > 1:
        raise CorruptStructure(f"array cursor flag is {flag}, expected 0 or 1")
    if flag:
        yield LENGTH
    while count:
        yield LENGTH
        tag = yield LENGTH
        if tag >= len(_ARRAY_VALUES):
            raise CorruptStructure(f"array element tag is {tag}, expected 0 to 3")
        yield _ARRAY_VALUES[tag]
        count -= 1


_ARRAY_VALUES: tuple[Request, ...] = (STRING, I64, F64, STRING)


def _template_fields(templates: Templates) -> Generator[Request, int, int]:
    """The field names of a self-contained template hash; the answer is how many (rdb-v13-15.md, 4.4)."""
    del templates
    form = yield LENGTH
    if form > 1:
        raise CorruptStructure(f"template field format is {form}, expected 0 or 1")
    if form == 0:
        return (yield NAMES)
    count = yield LENGTH
    yield Strings(count)
    return count


def _template_listpack(templates: Templates) -> Steps:
    yield from _template_fields(templates)
    yield STRING


def _template_array(templates: Templates) -> Steps:
    count = yield from _template_fields(templates)
    yield Strings(count)


def _template_array_ref(templates: Templates) -> Steps:
    template = yield LENGTH
    fields = templates.get(template)
    if fields is None:
        raise CorruptStructure(f"hash refers to template {template}, which the file has not defined")
    yield Strings(len(fields))


def _chunked(templates: Templates) -> Steps:
    """Dragonfly: a total size, then (size, bytes)* until the total is reached."""
    del templates
    total = yield LENGTH
    while total > 0:
        size = yield LENGTH
        if not 0 < size <= total:
            raise CorruptStructure(f"chunk of {size} bytes where {total} are left")
        yield Skip(size)
        total -= size


def _count_min_sketch(templates: Templates) -> Steps:
    del templates
    width = yield LENGTH
    depth = yield LENGTH
    yield LENGTH
    yield Skip(8 * width * depth)


def _function_pre_ga(templates: Templates) -> Steps:
    """Name, engine, whether there is a description, perhaps the description, code (2.2)."""
    del templates
    yield Strings(2)
    has_description = yield LENGTH
    yield Strings(2 if has_description else 1)


def _key_attributes(templates: Templates) -> Steps:
    """Dragonfly: u32 mask, and u32 memcached flags when bit 1 is set."""
    del templates
    mask = yield U32_NUMBER
    if mask & 2:
        yield Skip(4)


def _tagged_chunk(templates: Templates) -> Steps:
    """Dragonfly: u32 stream id, u32 size, then so many bytes."""
    del templates
    yield U32_NUMBER
    yield Skip((yield U32_NUMBER))


def _resp_command(templates: Templates) -> Steps:
    """Valkey 9.2, replication only: one command in RESP."""
    del templates
    count = yield RESP_COUNT
    while count:
        yield Skip((yield RESP_SIZE) + 2)
        count -= 1


SPECIALS: dict[str, Callable[[Templates], Steps]] = {
    "array": _array,
    "chunked": _chunked,
    "count_min_sketch": _count_min_sketch,
    "function_pre_ga": _function_pre_ga,
    "module_v1": _module_v1,
    "template_array": _template_array,
    "template_array_ref": _template_array_ref,
    "template_listpack": _template_listpack,
    "key_attributes": _key_attributes,
    "resp_command": _resp_command,
    "tagged_chunk": _tagged_chunk,
}
