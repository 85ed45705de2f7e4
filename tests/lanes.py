"""Which tests run in which lane of CI: `pytest --lane 3.10` takes what that one takes.

Without a lane every test runs with all of its cases: that is the lane `readme`, which holds all that another
one leaves out. `python tests/lanes.py` writes the part of docs/contributing.md that says so by name, and
tests/test_house.py holds that it stands there.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

TESTS = Path(__file__).parent
PAGE = TESTS.parent / "docs/contributing.md"

# Files whose every test has a mark of pyproject.toml. What takes the fixture of a server is marked as well.
FILES = {
    "server": ("test_servers*.py", "test_compat_servers.py"),
    "process": ("test_signals.py", "test_files.py", "test_report_browser.py"),
    "once": (
        *("compat/*", "compat_azure/*", "test_house.py", "test_recipes.py", "test_typing.py"),
        *("test_conversion.py", "test_integrity*.py", "test_secrets.py", "test_hiding.py"),
    ),
}
WHY = {
    "server": "what a server says to the same bytes depends on neither the engine nor the Python; a test "
    "that takes the fixture of a server has this mark, too",
    "process": "processes of the command line, which are the same for each",
    "once": "rules, documents, conversions and the layers of the code are made of the same values, which "
    "`test_snapshots`, `test_vectors` and `test_encoders` hold in every lane; and tests that repeat for each "
    "fixture what others tell apart",
}


@dataclass(frozen=True)
class Lane:
    """What a lane leaves out: marks, all but so many cases of a test (others each turn), files and tests."""

    runs: str
    without: tuple[str, ...]
    cases: int
    turn: int
    leaves: tuple[str, ...] = ()


LANES = {
    "pure": Lane("`RDBCODEC_PURE=1`", ("server", "process", "once"), 8, 1),
    "3.10": Lane("Python 3.10", ("server", "process", "once"), 8, 2),
    "3.13": Lane(
        "Python 3.13, and which branches the tests take",
        ("server", "process"),
        4,
        0,
        (
            "test_damage.py",
            "test_recipes.py",
            "test_typing.py",
            "test_duplicates.py::test_more_databases_than_anybody_has_are_refused",
            "test_hostile.py::test_a_million_attributes_before_a_key_are_read_once_each",
            "test_padding.py::test_half_a_gib_of_zeros_are_held_as_a_number",
            "test_conversion.py::test_filtering_everything_through_changes_no_byte_of_a_key",
            "test_conversion.py::test_every_kind_of_server_is_given_what_it_has",
            "test_conversion.py::test_the_same_input_gives_the_same_bytes",
        ),
    ),
}


def name_of(path: Path) -> str:
    """How this table names a file of tests."""
    return path.relative_to(TESTS).as_posix()


def marks_of(path: Path) -> set[str]:
    """The marks that every test of a file has."""
    return {mark for mark, files in FILES.items() if any(fnmatch(name_of(path), file) for file in files)}


def leaves_file(lane: Lane, path: Path) -> bool:
    """Whether the lane takes no test of a file, which is then not even imported."""
    return name_of(path) in lane.leaves or bool(marks_of(path) & set(lane.without))


def _marked(mark: str) -> Iterator[str]:
    """The tests that have a mark of their own."""
    for path in sorted(TESTS.rglob("test_*.py")):
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.FunctionDef) and f"pytest.mark.{mark}" in map(
                ast.unparse, node.decorator_list
            ):
                yield f"{path.stem}::{node.name}"


def render() -> str:
    """The part of docs/contributing.md."""
    lines = [
        "| lane | runs on | leaves out | cases of a test |",
        "|---|---|---|---|",
        "| readme | Python 3.12, with every server and process | nothing | all |",
    ]
    for name, lane in LANES.items():
        left = [f"`{mark}`" for mark in lane.without] + (["what is named below"] if lane.leaves else [])
        lines.append(f"| {name} | {lane.runs} | {', '.join(left)} | {lane.cases} |")
    for mark, why in WHY.items():
        lines += ["", f"`{mark}`: {why}.", "", *(f"* `{each}`" for each in [*FILES[mark], *_marked(mark)])]
    for name, lane in LANES.items():
        if lane.leaves:
            lines += ["", f"Left out of {name} by name:", "", *(f"* `{each}`" for each in lane.leaves)]
    return "\n".join(lines) + "\n"


def write() -> None:
    """Lay the table and what follows it, up to the next heading, anew."""
    text = PAGE.read_text()
    start = text.index(render().partition("\n")[0])
    PAGE.write_text(text[:start] + render() + text[text.index("\n## ", start) :])


if __name__ == "__main__":
    write()
