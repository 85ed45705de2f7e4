"""Array elements in Redis 8.10: the texts we read are those it answers, those we write it keeps."""

from __future__ import annotations

import io
import random
import struct

import pytest
from servers import Pool
from ways import entries, pair, snapshot

import rdbcodec
from rdbcodec.wire import lengths

TAG_FLOAT = 2


def doubles(count: int) -> list[float]:
    """Of every size and kind: any bits, amounts, whole numbers, powers of two."""
    pick = random.Random(8102)
    kinds = (
        lambda: struct.unpack("<d", pick.randbytes(8))[0],
        lambda: round(pick.uniform(-1e9, 1e9), pick.randrange(12)),
        lambda: float(pick.randrange(1 << 64)),
        lambda: 2.0 ** pick.randrange(-1074, 1024),
    )
    return [float(kinds[at % len(kinds)]()) for at in range(count)]


def array_of(values: list[float]) -> bytes:
    """An array of floats as on disk, whatever a server would make of their texts."""
    elements = (
        lengths.encode(index) + lengths.encode(TAG_FLOAT) + struct.pack("<d", value)
        for index, value in enumerate(values)
    )
    return lengths.encode(len(values)) + b"\0" + b"".join(elements)


def test_floats_of_a_file_have_the_texts_the_server_answers(pool: Pool) -> None:
    values = doubles(4000)
    data = snapshot(b"\xfe\0", pair(28, array_of(values)), magic=b"REDIS0015")
    server = pool("redis-8.10")
    server.load(data)
    answers = server.commands([("ARGET", "k", index) for index in range(len(values))])
    (entry,) = entries(data)
    assert list(entry.value_as(rdbcodec.Array).elements.values()) == answers


@pytest.mark.parametrize("shape", ["{}", "{:.3f}", "{:.17g}", "{:.0f}.0", "{:e}", "-{}", "0{}"])
def test_texts_that_are_written_are_the_texts_the_server_keeps(shape: str, pool: Pool) -> None:
    texts = {at: shape.format(abs(value)).encode() for at, value in enumerate(doubles(500))}
    out = io.BytesIO()
    with rdbcodec.create(out, to="redis-8.10") as writer:
        writer.write("k", rdbcodec.Array(texts))
    server = pool("redis-8.10")
    server.load(out.getvalue())
    assert server.commands([("ARGET", "k", index) for index in texts]) == list(texts.values())
