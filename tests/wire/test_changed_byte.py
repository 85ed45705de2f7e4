"""The one byte that was changed is told by the checksum, wherever it is; a difference of more is not."""

from __future__ import annotations

import random

import pytest

from rdbcodec.wire.changed_byte import MAX_STRIDE, changed_byte
from rdbcodec.wire.crc64 import crc64


@pytest.mark.parametrize("size", [1, 2, 255, 256, 70_000, 255 * MAX_STRIDE**2])
def test_the_changed_byte_is_told(size: int) -> None:
    data = random.Random(size).randbytes(size)
    for offset in {0, size // 2, size - 1}:
        changed = data[:offset] + bytes((data[offset] ^ 0x81,)) + data[offset + 1 :]
        assert changed_byte(crc64(data), crc64(changed), size) == (offset, 0x81)


@pytest.mark.parametrize("byte", range(8))
def test_one_of_the_checksum_itself_is_told(byte: int) -> None:
    data = random.Random(5).randbytes(500)
    assert changed_byte(crc64(data) ^ 0x42 << 8 * byte, crc64(data), 500) == (500 + byte, 0x42)


def test_more_than_one_is_told_of_none() -> None:
    data = random.Random(5).randbytes(5000)
    assert changed_byte(crc64(data), crc64(data[:-2] + b"ab"), 5000) is None
    assert changed_byte(crc64(data) ^ 0x4242, crc64(data), 5000) is None
