"""What no table can say: one generator for each Special of the table, and one for ITEMS.

Each yields the primitive it wants next, with the name of what it reads, and gets the number read when that
was one. Every walker runs the same generators.
"""

from __future__ import annotations

from collections.abc import Callable, Generator

from rdbcodec.errors import CorruptStructure
from rdbcodec.formats import F64, I64, LENGTH, STRING, Fixed
from rdbcodec.framing.asking import (
    ITEM_DOUBLE,
    ITEM_FLOAT,
    ITEM_SINT,
    ITEM_STRING,
    ITEM_UINT,
    NAMES,
    RESP_COUNT,
    RESP_SIZE,
    U32_NUMBER,
    Ask,
    Asks,
    Skip,
    Strings,
    Templates,
    unknown_item,
)

_OPCODE = Ask("[].opcode", LENGTH)
_ITEM_VALUES = {
    ITEM_SINT: Ask("[].value", LENGTH),
    ITEM_UINT: Ask("[].value", LENGTH),
    ITEM_FLOAT: Ask("[].value", Fixed(4, "f32")),
    ITEM_DOUBLE: Ask("[].value", F64),
    ITEM_STRING: Ask("[].value", STRING),
}


def module_items() -> Asks:
    """Module items up to and with their end mark: (opcode, data)* 0."""
    while opcode := (yield _OPCODE):
        if opcode not in _ITEM_VALUES:
            raise unknown_item(opcode, None)
        yield _ITEM_VALUES[opcode]


def _module_v1(templates: Templates) -> Asks:
    """Items without opcodes and without end: only the module itself knows where they end (4.8.3)."""
    del templates
    yield Ask("module_id", LENGTH)
    raise CorruptStructure(
        "a module value of version 1 (Redis 4.0 release candidates) has no framing to walk by"
    )


_INDEX, _TAG = Ask("elements[].index", LENGTH), Ask("elements[].tag", LENGTH)
_ARRAY_VALUES = tuple(Ask("elements[].value", request) for request in (STRING, I64, F64, STRING))


def _array(templates: Templates) -> Asks:
    """Count, cursor flag, cursor if flagged, then (index, tag, value by tag)* (rdb-v13-15.md, 5.2)."""
    del templates
    count = yield Ask("count", LENGTH)
    flag = yield Ask("has_cursor", LENGTH)
    if flag > 1:
        raise CorruptStructure(f"array cursor flag is {flag}, expected 0 or 1")
    if flag:
        yield Ask("cursor", LENGTH)
    while count:
        yield _INDEX
        tag = yield _TAG
        if tag >= len(_ARRAY_VALUES):
            raise CorruptStructure(f"array element tag is {tag}, expected 0 to 3")
        yield _ARRAY_VALUES[tag]
        count -= 1


def _template_fields(templates: Templates) -> Generator[Ask, int, int]:
    """The field names of a self-contained template hash; the answer is how many (rdb-v13-15.md, 4.4)."""
    del templates
    form = yield Ask("fields_format", LENGTH)
    if form > 1:
        raise CorruptStructure(f"template field format is {form}, expected 0 or 1")
    if form == 0:
        return (yield Ask("fields_listpack", NAMES))
    count = yield Ask("fields.count", LENGTH)
    yield Ask("fields[]", Strings(count))
    return count


def _template_listpack(templates: Templates) -> Asks:
    yield from _template_fields(templates)
    yield Ask("values_listpack", STRING)


def _template_array(templates: Templates) -> Asks:
    count = yield from _template_fields(templates)
    yield Ask("values[]", Strings(count))


def _template_array_ref(templates: Templates) -> Asks:
    template = yield Ask("template_id", LENGTH)
    fields = templates.get(template)
    if fields is None:
        raise CorruptStructure(f"hash refers to template {template}, which the file has not defined")
    yield Ask("values[]", Strings(len(fields)))


def _chunked(templates: Templates) -> Asks:
    """Dragonfly: a total size, then (size, bytes)* until the total is reached."""
    del templates
    total = yield Ask("total", LENGTH)
    while total > 0:
        size = yield Ask("chunks[].size", LENGTH)
        if not 0 < size <= total:
            raise CorruptStructure(f"chunk of {size} bytes where {total} are left")
        yield Ask("chunks[].bytes", Skip(size))
        total -= size


def _count_min_sketch(templates: Templates) -> Asks:
    del templates
    width = yield Ask("width", LENGTH)
    depth = yield Ask("depth", LENGTH)
    yield Ask("total", LENGTH)
    yield Ask("counters", Skip(8 * width * depth))


def _function_pre_ga(templates: Templates) -> Asks:
    """Name, engine, whether there is a description, perhaps the description, code (2.2)."""
    del templates
    yield Ask("name", STRING)
    yield Ask("engine", STRING)
    if (yield Ask("has_description", LENGTH)):
        yield Ask("description", STRING)
    yield Ask("code", STRING)


def _key_attributes(templates: Templates) -> Asks:
    """Dragonfly: u32 mask, and u32 memcached flags when bit 1 is set."""
    del templates
    mask = yield Ask("mask", U32_NUMBER)
    if mask & 2:
        yield Ask("memcached_flags", Skip(4))


def _tagged_chunk(templates: Templates) -> Asks:
    """Dragonfly: u32 stream id, u32 size, then so many bytes."""
    del templates
    yield Ask("stream_id", U32_NUMBER)
    size = yield Ask("size", U32_NUMBER)
    yield Ask("bytes", Skip(size))


def _resp_command(templates: Templates) -> Asks:
    """Valkey 9.2, replication only: one command in RESP."""
    del templates
    count = yield Ask("count", RESP_COUNT)
    while count:
        size = yield Ask("words[].size", RESP_SIZE)
        yield Ask("words[].text", Skip(size + 2))
        count -= 1


SPECIALS: dict[str, Callable[[Templates], Asks]] = {
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
