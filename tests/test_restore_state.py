"""How far a restore has come, in a file: what is saved is loaded, and nothing else is taken for it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from rdbcodec.errors import StateError
from rdbcodec.live.restore_state import FileState, State, StateFile, check
from rdbcodec.records.state import FileContext, Position

HALF = Position(700, FileContext("redis", True, 15, 3, {7: (b"name", b"\xff")}, False))
STATE = State(
    "redis://host:6379",
    {"on_conflict": "fail"},
    [FileState("a.rdb", 900, "0a", position=HALF, until=800), FileState("b.rdb", None, "0b")],
    {"made": [["string", "restore", 2]]},
)


def test_a_state_is_loaded_as_it_was_saved_and_is_gone_when_all_is_done(tmp_path: Path) -> None:
    file = StateFile(tmp_path / "state")
    assert file.load() is None
    file.save(STATE)
    assert file.load() == STATE
    file.remove()
    assert (file.load(), [*tmp_path.iterdir()]) == (None, [])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"\xff", "{} is not the state of a restore: another name keeps it as it is"),
        (b"[]", "{} is not the state of a restore: another name keeps it as it is"),
        (b'{"format": 2}', "the state is of form 2, this version reads 1"),
    ],
)
def test_what_is_no_state_stays_as_it_is(text: bytes, words: str, tmp_path: Path) -> None:
    path = tmp_path / "state"
    path.write_bytes(text)
    with pytest.raises(StateError) as error:
        StateFile(path).load()
    assert (str(error.value), path.read_bytes()) == (words.format(path), text)


def test_a_state_that_cannot_be_written_leaves_the_one_before(tmp_path: Path) -> None:
    file = StateFile(tmp_path / "state")
    file.save(STATE)
    with pytest.raises(TypeError):
        file.save(replace(STATE, terms={"filters": {1}}))
    assert (file.load(), [*tmp_path.iterdir()]) == (STATE, [tmp_path / "state"])


@pytest.mark.parametrize(
    ("other", "words"),
    [
        (
            replace(STATE, place="redis://h"),
            "the state is of a restore to redis://host:6379, not to redis://h",
        ),
        (replace(STATE, files=[]), "the state is of 2 snapshots, 0 are given"),
        (
            replace(STATE, files=[STATE.files[0], replace(STATE.files[1], size=5)]),
            "the state is of another b.rdb: its size or its first bytes differ",
        ),
        (
            replace(STATE, terms={}),
            "the state is of a restore with other databases or filters: give the same ones",
        ),
    ],
)
def test_a_state_is_of_one_place_and_of_its_snapshots(other: State, words: str) -> None:
    with pytest.raises(StateError) as error:
        check(STATE, other)
    assert str(error.value) == words
    check(STATE, replace(STATE, counts={}))  # what was counted is for who goes on
