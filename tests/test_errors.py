"""Errors say what, where and what was expected, and survive being handed around."""

from __future__ import annotations

import pickle

import pytest

from rdbcodec import errors
from rdbcodec.errors import (
    ChecksumMismatch,
    CorruptStructure,
    DecodeError,
    LimitExceeded,
    RdbError,
    UnknownOpcode,
    show_key,
)

ALL = [
    CorruptStructure("listpack ends", 7),
    ChecksumMismatch(1, 2),
    UnknownOpcode("opcode 200 is unknown", code=200, dialect="redis"),
    LimitExceeded("too large", limit=10, wanted=11),
]


@pytest.mark.parametrize("error", ALL, ids=lambda error: type(error).__name__)
def test_errors_cross_process_borders_whole(error: DecodeError) -> None:
    error.locate(offset=5, db=1, key=b"k", type="hash")
    copy = pickle.loads(pickle.dumps(error))
    assert (type(copy), str(copy), copy.__dict__) == (type(error), str(error), error.__dict__)


def test_a_message_names_the_place_and_keeps_what_was_known_first() -> None:
    error = CorruptStructure("listpack ends", 7)
    assert str(error) == "listpack ends"
    error.locate(offset=5)
    error.locate(offset=6, db=0, key=b"k", type="hash")
    assert str(error) == "offset 5, db 0, key b'k', type hash: listpack ends"


def test_long_keys_are_cut_in_messages() -> None:
    assert show_key(b"k" * 81) == f"b'{'k' * 80}'... (81 bytes)"
    assert show_key(b"\x00") == r"b'\x00'"


def test_every_error_is_an_rdb_error() -> None:
    raised = [
        kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, Exception)
    ]
    assert len(raised) == 15
    assert all(issubclass(kind, RdbError) for kind in raised)
