"""Short strings come to the text forms in runs: the text is what it is when each key comes alone."""

from __future__ import annotations

import random
from itertools import chain
from pathlib import Path

import pytest

import rdbcodec
from rdbcodec.errors import RdbError
from rdbcodec.exports.parts import Commands, Csv, Form, Json, Ndjson, whole
from rdbcodec.losses import Losses
from rdbcodec.reading.reader import Reader
from rdbcodec.reading.runs import ShortStrings

FORMS: tuple[Form, ...] = (
    Ndjson(),
    Ndjson(everything=True),
    Json(),
    Csv(),
    Csv(safe=True),
    Commands(),
    Commands(version=5),  # seconds only: what is lost of a time is told of its key
    Commands(restore=True),
)
PLAIN = [b"value", b"", b"0", b"-1", b"-32769", b"2147483647", b"-129", bytes(range(35, 92))]
ODD = [b'say "hi"', b"a,b", b"=1+1", "é\u2028".encode(), b"\xff\x00", b"back\\slash", b"two\nlines"]


def written(path: Path, values: list[bytes], *, expiring: bool) -> Path:
    """Some windows of short strings of two databases, a longer one, and a hash."""
    rng = random.Random(7)
    with rdbcodec.create(path, version=11) as writer:
        for number in range(12_000):
            at_ms = 1_700_000_000_000 + number * 37 if expiring else None
            db, key = number // 9_000, b"key:%d" % number
            if number == 8_345:
                writer.write(key, rdbcodec.Hash({b"f": b"v"}), db=db)
            else:
                value = b"y" * 300 if number == 7_000 else rng.choice(values)
                writer.write(key, value, db=db, expires_at_ms=at_ms)
    return path


def text_of(form: Form, path: Path, *, in_runs: bool) -> tuple[bytes, str, str]:
    """The text, what was lost, and the error that ended it."""
    losses, failure = Losses(), ""
    told: list[bytes] = []
    with Reader(path) as reader:
        records = chain.from_iterable(reader.short_runs(1 << 20)) if in_runs else iter(reader)
        try:
            told.extend(whole(form, records, losses))
        except RdbError as error:
            failure = str(error)
    return b"".join(told), repr([*losses.of("data"), *losses.of("hint")]), failure


@pytest.mark.parametrize("expiring", [False, True])
@pytest.mark.parametrize("values", [PLAIN, PLAIN + ODD], ids=["plain", "odd"])
def test_text_of_runs_is_that_of_keys(tmp_path: Path, values: list[bytes], expiring: bool) -> None:
    path = written(tmp_path / "in.rdb", values, expiring=expiring)
    with Reader(path) as reader:
        records = list(chain.from_iterable(reader.short_runs(1 << 20)))
    assert sum(len(record) for record in records if isinstance(record, ShortStrings)) > 3_000
    for form in FORMS:
        assert text_of(form, path, in_runs=True) == text_of(form, path, in_runs=False), form


@pytest.mark.parametrize("form", FORMS, ids=repr)
def test_what_stands_before_damage_is_told_of_runs_too(tmp_path: Path, form: Form) -> None:
    path = written(tmp_path / "in.rdb", PLAIN, expiring=True)
    data = bytearray(path.read_bytes())
    at = data.index(b"key:11900") - 2  # the type byte of a key
    data[at] = 99
    path.write_bytes(data)
    found = text_of(form, path, in_runs=True)
    assert found == text_of(form, path, in_runs=False)
    assert "99" in found[2]
    assert b"key:11899" in found[0]
