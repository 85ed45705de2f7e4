"""Text forms: the values that each row may hold go to JSON and back, held and in pieces alike."""

from __future__ import annotations

import io
from typing import Any

import pytest
from cases import examples
from hypothesis import given
from hypothesis import strategies as st
from strategies import VALUES
from ways import plain_value

import rdbcodec
from rdbcodec.errors import LimitExceeded
from rdbcodec.exports import ndjson
from rdbcodec.exports.form import RAW
from rdbcodec.exports.values import form_of
from rdbcodec.formats import TYPES, VERSIONS, TypeRow, types_of, version_row

ROWS = {row.type: row for row in TYPES if row.name in VALUES and form_of(row.type) is not RAW}


def snapshot_of(row: TypeRow, value: Any) -> bytes:
    """A file of the newest version that has the row."""
    versions = (one.version for one in VERSIONS if version_row(row.dialect, one.version) is not None)
    version = max(one for one in versions if row in types_of(row.dialect, one).values())
    out = io.BytesIO()
    options = {"dialect": row.dialect, "allow_loss": True}
    with rdbcodec.create(out, version=version, **options) as writer:  # type: ignore[arg-type]
        writer.write(b"k", value, type=row.type)
    return out.getvalue()


def told(data: bytes, row: TypeRow, **options: Any) -> Any:
    """The value of the only key, by way of its text."""
    with rdbcodec.open(data, dialect=row.dialect, **options) as reader:
        text = "".join(ndjson.lines(reader))
    (entry,) = (one for _, one in ndjson.read([text.encode()]) if isinstance(one, ndjson.TextEntry))
    return plain_value(entry.value)


@pytest.mark.parametrize("row", ROWS.values(), ids=list(ROWS))
@examples(25)
@given(data=st.data())
def test_a_large_value_is_told_as_a_held_one_is(row: TypeRow, data: st.DataObject) -> None:
    """Above 3 bytes a string is large, and so is a value."""
    raw = snapshot_of(row, data.draw(VALUES[row.name]))
    try:
        large = told(raw, row, max_value=3)
    except LimitExceeded:
        return  # of a type that is read whole
    assert large == told(raw, row)


@pytest.mark.parametrize(("size", "shape"), [(60, '{"f":"%s"}'), (70, '[["f","%s"]]')])
def test_a_path_of_a_large_path_hash_is_an_object_until_a_string_in_it_is_long(size: int, shape: str) -> None:
    """Above 64 bytes a string is long, and so is a value; whether one is text is known at its end only."""
    text = bytes(range(0x30, 0x5B)) + bytes(range(0x61, 0x61 + size - 43))  # nothing to compress
    paths = rdbcodec.PathHash({b"p": rdbcodec.Hash({b"f": text})})
    with rdbcodec.open(snapshot_of(ROWS["path-hash"], paths), max_value=64) as reader:
        told_large = "".join(ndjson.lines(reader)).partition('"value":')[2]
    assert told_large == f'[["p",{shape % text.decode()}]]}}\n'
