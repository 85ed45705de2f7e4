"""Arrow arrays of what Python holds, out of the buffers that they are made of.

`pyarrow.array` would do, but it looks whether it was given something of pandas, for which it imports all of
that, and `pyarrow.compute`, which each cast needs, makes Python functions of all there are: 0.3 seconds
together, as long as a hundred thousand keys take. The buffers are those that these two would make:

    validity    a bit a row, that of the first is the lowest of its byte; None where no row is null
    offsets     of bytes and texts: where each begins in the values, and where the last ends
    values      one behind the other; of a row that is null there may be anything
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from itertools import accumulate, pairwise, repeat
from operator import is_not
from typing import Any

import pyarrow as pa

_DIGITS = bytes.maketrans(b"\0\1", b"01")
_WITHIN_A_CHARACTER = bytes(range(0x80, 0xC0))  # bytes with which none begins in UTF-8


def of_buffer(numbers: bytearray | array[Any], type_: Any) -> Any:
    """Numbers of which none is null, as they lie in memory."""
    return pa.Array.from_buffers(type_, len(numbers), [None, pa.py_buffer(numbers)])


def of_numbers(values: Sequence[float | None], code: str, type_: Any) -> Any:
    """Numbers, null for None; `code` is that of `array` for the type.

    Raises OverflowError for a number that is none of the type.
    """
    nulls = values.count(None)
    if not nulls:
        return of_buffer(array(code, values), type_)
    if nulls == len(values):
        return pa.nulls(nulls, type_)
    held = array(code, [0 if value is None else value for value in values])
    return pa.Array.from_buffers(type_, len(values), [_validity(values), pa.py_buffer(held)])


def of_bytes(values: Sequence[bytes | None], type_: Any) -> Any:
    """Bytes, null for None; as texts if that is the type, and then they must be UTF-8."""
    nulls = values.count(None)
    if nulls == len(values):
        return pa.nulls(nulls, type_)
    held = [value or b"" for value in values]
    buffers = [_validity(values) if nulls else None, *_joined(held)]
    return pa.Array.from_buffers(type_, len(values), buffers)


def bytes_and_texts(held: bytearray, offsets: array[int]) -> tuple[Any, Any]:
    """Bytes, and the same as texts, null where they are no UTF-8: the two share their buffers."""
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(held)]
    binary = pa.Array.from_buffers(pa.binary(), len(offsets) - 1, buffers)
    if not held.isascii():
        values = [bytes(held[begin:end]) for begin, end in pairwise(offsets)]
        if not _all_texts(values, held):
            return binary, of_bytes([value if _is_text(value) else None for value in values], pa.string())
    return binary, pa.Array.from_buffers(pa.string(), len(offsets) - 1, buffers)


def _joined(values: Sequence[bytes]) -> tuple[Any, Any]:
    """The buffers of offsets and values."""
    offsets = array("i", accumulate(map(len, values), initial=0))
    return pa.py_buffer(offsets), pa.py_buffer(b"".join(values))


def _validity(values: Sequence[object]) -> Any:
    """The buffer that says which are not None: read as digits of a number, the last row's first."""
    digits = bytes(map(is_not, values, repeat(None)))[::-1].translate(_DIGITS)
    return pa.py_buffer(int(digits, 2).to_bytes(len(values) + 7 >> 3, "little"))


def _all_texts(values: Sequence[bytes], held: bytearray) -> bool:
    """Whether each is UTF-8: all of them together are, and none begins within a character."""
    firsts = b"".join([value[:1] for value in values])
    return _is_text(held) and firsts == firsts.translate(None, _WITHIN_A_CHARACTER)


def _is_text(value: bytes | bytearray) -> bool:
    try:
        value.decode()
    except UnicodeDecodeError:
        return False
    return True
