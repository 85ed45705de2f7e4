"""JSON and TOML of users: what no hand writes is refused with file and line, by whoever reads it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from cases import every

from rdbcodec.cli.main import main
from rdbcodec.compat import circumstances, profile_json, target
from rdbcodec.errors import CircumstancesError, ProfileError, RdbError, TargetError

READERS: dict[str, tuple[Callable[[Path], object], type[RdbError]]] = {
    "circumstances": (circumstances.load, CircumstancesError),
    "targets": (target.load, TargetError),
    "profile": (profile_json.load, ProfileError),
}
SHAPES = {
    "deep.json": ("[\n" + "[" * 100_000, "line 2: brackets stand more than 100 deep in one another"),
    "tables.json": ('{"a":\n' * 1000, "line 101: brackets stand more than 100 deep in one another"),
    "deep.toml": ("\na = " + "[" * 100_000, "line 2: brackets stand more than 100 deep in one another"),
    "inline.toml": ("a = " + "{a=[" * 1000, "line 1: brackets stand more than 100 deep in one another"),
    "number.json": (
        '{"now_ms":\n' + "1" * 5000 + "}",
        "line 2: a number has 5000 characters, expected at most 80",
    ),
    "negative.json": ("[-" + "1" * 5000 + "]", "line 1: a number has 5001 characters, expected at most 80"),
    "number.toml": ("\nshards = " + "1" * 5000, "line 2: a number has 5000 characters, expected at most 80"),
    "hexadecimal.toml": (
        "shards = 0x" + "f" * 5000,
        "line 1: a number has 5002 characters, expected at most 80",
    ),
}


@every("name", SHAPES)
@every("kind", READERS)
def test_deep_brackets_and_long_numbers_are_refused_with_file_and_line(
    kind: str, name: str, tmp_path: Path
) -> None:
    load, error_class = READERS[kind]
    text, message = SHAPES[name]
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises(error_class) as refused:
        load(path)
    assert str(refused.value) == f"{path}: {message}"


def test_brackets_and_digits_in_strings_and_comments_are_none(tmp_path: Path) -> None:
    path = tmp_path / "facts.toml"
    brackets, digits = "[{" * 200, "1" * 5000
    comment = f"# {brackets} {digits}\n"
    path.write_text(f'{comment}cluster_name = "{brackets} \\" {digits}"\nrole = \'{brackets}\'\n')
    facts = circumstances.load(path)
    assert (facts.cluster_name, facts.role) == (f'{brackets} " {digits}', brackets)


def test_a_number_of_more_than_63_bits_is_none_of_a_server(tmp_path: Path) -> None:
    path = tmp_path / "facts.json"
    path.write_text(f'{{"now_ms": {1 << 63}}}')
    with pytest.raises(CircumstancesError) as refused:
        circumstances.load(path)
    assert str(refused.value) == (
        f"{path}: line 1: key 'now_ms': a number of more than 63 bits, a smaller one was expected"
    )


def test_the_command_line_says_so_without_a_traceback(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "profile.json"
    path.write_text("[" * 5000)
    assert main(["compat", "--profile-in", str(path), "--target", "redis-7.2"]) == 3
    message = f"{path}: line 1: brackets stand more than 100 deep in one another"
    assert message in capsys.readouterr().err
