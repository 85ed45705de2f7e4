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
from functools import cache
from pathlib import Path

TESTS = Path(__file__).parent
PAGE = TESTS.parent / "docs/contributing.md"

# Files whose every test has a mark of pyproject.toml. What takes the fixture of a server is marked as well.
FILES = {
    "server": ("test_servers*.py", "test_compat_servers.py"),
    "process": ("test_signals.py", "test_files.py", "test_report_browser.py"),
    "once": (
        *("compat/*", "compat_azure/*", "test_house.py", "test_recipes.py", "test_typing.py"),
        *("test_conversion.py", "test_integrity*.py", "test_secrets.py", "test_hiding.py", "test_live*.py"),
        "test_restore*.py",
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
    """What a lane leaves out: marks, all but so many cases of a test (others each turn), files and tests.

    `small` is how many cases it takes of a test of many small ones.
    """

    runs: str
    without: tuple[str, ...]
    cases: int
    small: int
    turn: int
    leaves: tuple[str, ...] = ()


LANES = {
    "pure": Lane("`RDBCODEC_PURE=1`", ("server", "process", "once"), cases=8, small=8, turn=1),
    "3.10": Lane("Python 3.10", ("server", "process", "once"), cases=4, small=4, turn=2),
    "3.13": Lane(
        "Python 3.13, and which branches the tests take",
        ("server", "process"),
        cases=4,
        small=12,
        turn=0,
        leaves=(
            "compat/test_cli_compat.py::test_every_target_from_one_pass",
            "compat/test_cli_compat.py::test_profile_saved_elsewhere_gives_the_same_answer",
            "compat/test_cli_compat.py::test_with_all_targets_each_file_needs_one_that_takes_it",
            "compat/test_formats.py::test_json_is_what_its_schema_says",
            "compat/test_report.py::test_no_line_is_wider_than_a_terminal",
            "compat/test_rules.py::test_nothing_needs_azure_but_its_wing_the_rulebook_its_report_and_the_command_line",
            "compat/test_verdict.py::test_profile_saved_and_loaded_gives_the_same_verdicts",
            "compat_azure/test_sas.py::test_any_text_gives_facts_and_findings",
            "structures/test_intset.py::test_any_one_byte_changed_gives_members_or_damage_and_the_same_in_chunks",
            "structures/test_listpack.py::test_a_listpack_with_65535_elements_or_near_is_walked_to_its_end",
            "structures/test_listpack.py::test_any_one_byte_changed_gives_elements_or_damage_and_the_same_in_chunks",
            "structures/test_ziplist.py::test_a_ziplist_with_65535_elements_or_near_is_walked_to_its_end",
            "structures/test_ziplist.py::test_any_one_byte_changed_gives_elements_or_damage_and_the_same_in_chunks",
            "test_conversion.py::test_every_kind_of_server_is_given_what_it_has",
            "test_conversion.py::test_filtering_everything_through_changes_no_byte_of_a_key",
            "test_conversion.py::test_the_same_input_gives_the_same_bytes",
            "test_damage.py::test_a_cut_file_gives_the_records_before_the_cut_and_says_that_it_is_cut",
            "test_damage.py::test_a_flipped_byte_gives_records_or_an_error",
            "test_damage.py::test_a_huge_number_anywhere_in_a_value_costs_neither_memory_nor_time",
            "test_damage.py::test_a_packed_snapshot_cut_anywhere_is_refused",
            "test_damage.py::test_a_packed_snapshot_with_a_flipped_byte_gives_records_or_an_error",
            "test_dump.py::test_an_entry_s_payload_for_any_version_holds_its_value_or_says_what_would_get_lost",
            "test_encoders.py::test_a_stream_of_any_version_is_written_for_any_other",
            "test_encoders.py::test_a_stream_that_goes_up_and_down_again_is_what_it_was",
            "test_hostile.py::test_a_million_attributes_before_a_key_are_read_once_each",
            "test_house.py::test_console_output_in_the_docs_is_real",
            "test_house.py::test_imports_point_down",
            "test_house.py::test_no_module_imports_itself_by_others",
            "test_house.py::test_python_in_the_docs_runs",
            "test_padding.py::test_a_hundred_mib_of_zeros_are_held_as_a_number",
            "test_parallel.py::test_damage_is_told_with_the_same_words_at_the_same_place",
            "test_parallel.py::test_every_snapshot_is_the_same_in_parts",
            "test_parallel.py::test_text_of_hostile_parts_is_that_of_the_whole",
            "test_parallel.py::test_values_that_look_like_records_change_nothing",
            "test_recipes.py",
            "test_selection.py::test_a_pass_over_selected_keys_is_told_what_select_lets_through",
            "test_sizes.py",
            "test_split.py::test_what_is_split_and_merged_is_the_same_data",
            "test_typing.py",
            "wire/test_lzf.py::test_a_stream_of_any_length_takes_the_same_memory",
            "wire/test_lzf_exact.py::test_every_string_packed_by_a_server_since_3_2_comes_out_byte_for_byte",
        ),
    ),
}


@cache  # asked of each test for each row: half of the time of collecting all
def name_of(path: Path) -> str:
    """How this table names a file of tests."""
    return path.relative_to(TESTS).as_posix()


@cache
def marks_of(path: Path) -> frozenset[str]:
    """The marks that every test of a file has."""
    name = name_of(path)
    return frozenset(mark for mark, files in FILES.items() if any(fnmatch(name, file) for file in files))


def leaves_file(lane: Lane, path: Path) -> bool:
    """Whether the lane takes no test of a file, which is then not even imported."""
    return name_of(path) in lane.leaves or not marks_of(path).isdisjoint(lane.without)


def _marked(mark: str) -> Iterator[str]:
    """The tests that have a mark of their own."""
    for path in sorted(TESTS.rglob("test_*.py")):
        text = path.read_text()
        if f"pytest.mark.{mark}" not in text:
            continue
        for node in ast.parse(text).body:
            if isinstance(node, ast.FunctionDef) and f"pytest.mark.{mark}" in map(
                ast.unparse, node.decorator_list
            ):
                yield f"{path.stem}::{node.name}"


def render() -> str:
    """The part of docs/contributing.md."""
    lines = [
        "| lane | runs on | leaves out | cases of a test | small ones |",
        "|---|---|---|---|---|",
        "| readme | Python 3.12, with every server and process | nothing | all | all |",
    ]
    for name, lane in LANES.items():
        left = [f"`{mark}`" for mark in lane.without] + (["what is named below"] if lane.leaves else [])
        lines.append(f"| {name} | {lane.runs} | {', '.join(left)} | {lane.cases} | {lane.small} |")
    for mark, why in WHY.items():
        lines += ["", f"`{mark}`: {why}.", "", *(f"* `{each}`" for each in [*FILES[mark], *_marked(mark)])]
    for name, lane in LANES.items():
        if lane.leaves:
            lines += ["", f"Left out of {name} by name:", "", *(f"* `{each}`" for each in lane.leaves)]
    return "\n".join(lines) + "\n"


def write() -> None:
    """Lay the table and what follows it, up to the next heading, anew."""
    text = PAGE.read_text()
    start = text.index("| lane |")
    PAGE.write_text(text[:start] + render() + text[text.index("\n## ", start) :])


if __name__ == "__main__":
    write()
