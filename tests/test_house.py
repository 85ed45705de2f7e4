"""The rules of the house: layers, exports, the table, light imports, docs that are true."""

from __future__ import annotations

import ast
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import lanes
import pytest
from cases import every

import rdbcodec
from rdbcodec.datatypes.registry import layout_of, types
from rdbcodec.exports import values
from rdbcodec.exports.form import RAW
from rdbcodec.formats import (
    DIALECTS,
    OPCODES,
    TYPES,
    VERSIONS,
    Dialect,
    Repeat,
    Special,
    Step,
    opcodes_of,
    types_of,
)
from rdbcodec.framing import SPECIALS
from rdbcodec.reports.format_page import render

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "rdbcodec"

# Which room stands on which floor (docs/architecture.md): imports point down or stay in the room.
LAYERS = {
    room: floor
    for floor, room in enumerate(
        (
            *(
                "named_tuples",
                "folders",
                "formats",
                "limits",
                "showing",
                "losses",
                "tail",
                "errors",
                "module_names",
                "servers",
                "remote",
            ),
            *("wire", "structures", "framing", "datatypes", "encoding", "records", "reading", "integrity"),
            *(
                "writing",
                "facts",
                "tools",
                "fleet",
                "",
                "exports",
                "spark",
                "compat",
                "live",
                "reports",
                "cli",
                "__main__",
            ),
        )
    )
}
SOURCES = sorted(PACKAGE.rglob("*.py"))
MOST_LINES = 400
TABLES = {"formats.py"}  # read by the row, not from top to bottom


def room_of(path: Path) -> str:
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return "" if parts == ("__init__",) else parts[0]


def imports_of(path: Path) -> list[str]:
    names: list[str] = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module is not None:
            found = [node.module]
            if node.module == "rdbcodec" or node.module.count(".") == 1:
                found = [f"{node.module}.{alias.name}" for alias in node.names]
            names += found
        elif isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
    return [name for name in names if name.split(".")[0] == "rdbcodec"]


@every("path", SOURCES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_point_down(path: Path) -> None:
    # The package names what is public in any room below the command line, and loads it when it is first used.
    own = LAYERS[room_of(path) or "reports"]
    for name in imports_of(path):
        room = name.split(".")[1]
        floor = LAYERS.get(room, LAYERS[""])
        assert floor <= own, f"{path.relative_to(ROOT)} imports {name}"


def test_every_room_has_a_floor() -> None:
    assert {room_of(path) for path in SOURCES} == set(LAYERS)


def module_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


MODULES = {module_of(path) for path in SOURCES}


def loads_of(path: Path) -> set[str]:
    """The modules that importing this one imports: neither for annotations only nor when first used."""
    loads: set[str] = set()
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.ImportFrom) and node.module is not None:
            loads |= {f"{node.module}.{alias.name}" for alias in node.names} | {node.module}
    return loads & MODULES - {"rdbcodec"}


def test_no_module_imports_itself_by_others() -> None:
    left = {module_of(path): loads_of(path) for path in SOURCES}
    while free := {name for name, loads in left.items() if not loads & left.keys()}:
        left = {name: loads for name, loads in left.items() if name not in free}
    assert {name: sorted(loads & left.keys()) for name, loads in left.items()} == {}


def test_no_file_but_a_table_is_longer_than_anybody_reads() -> None:
    lines = {str(path.relative_to(PACKAGE)): path.read_text().count("\n") for path in SOURCES}
    assert {name: most for name, most in lines.items() if most > MOST_LINES} == {
        name: lines[name] for name in TABLES
    }


def test_every_page_cited_stands_in_docs() -> None:
    pages = {page.name for page in (ROOT / "docs").rglob("*.md")} | {"README.md", "CHANGELOG.md"}
    citing = [*SOURCES, *(ROOT / "tests").rglob("*.py"), *(ROOT / "benchmarks").glob("*.py")]
    cited = {
        (page, path.name)
        for path in citing
        for page in re.findall(r"(?<![\w./-])[a-z][\w-]*\.md\b", path.read_text())
    }
    assert {(page, name) for page, name in cited if page not in pages} == set()


def test_the_rooms_in_the_docs_are_those_of_the_house() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text()
    rooms = re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE)
    assert [room.replace("rdbcodec", "") for room in rooms] == [*LAYERS][:-1]


def test_every_public_name_is_there_and_sorted() -> None:
    assert rdbcodec.__all__ == sorted(
        rdbcodec.__all__, key=lambda name: (not name.isupper(), name.islower(), name)
    )
    assert [name for name in rdbcodec.__all__ if not hasattr(rdbcodec, name)] == []


def test_importing_rdbcodec_loads_one_module_of_its_own_and_no_other_package() -> None:
    program = "import sys; before = {*sys.modules}; import rdbcodec; print(*sorted({*sys.modules} - before))"
    done = subprocess.run([sys.executable, "-S", "-c", program], capture_output=True, text=True, check=True)
    loaded = done.stdout.split()
    assert [name for name in loaded if name.partition(".")[0] not in sys.stdlib_module_names] == ["rdbcodec"]
    assert [name for name in loaded if name in _SLOW] == []


_SLOW = (
    "argparse",
    "dataclasses",
    "enum",
    "inspect",
    "json",
    "pathlib",
    "re",
    "typing",
)  # each takes 3 ms or more


def test_the_first_name_that_reads_pulls_in_no_optional_package_no_compat_and_no_cli() -> None:
    heavy = ("compat", "cli", "reports", "exports", "tools", "writing")
    optional = ("lz4", "crcmod", "anycrc", "lzf", "rich", "zstandard")
    slow = ("argparse", "dataclasses", "difflib", "hashlib", "inspect", "json", "pathlib", "tempfile")
    program = (
        "import sys; before = {*sys.modules}; import rdbcodec; rdbcodec.open; print(*{*sys.modules} - before)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    loaded = done.stdout.split()
    assert [
        name for name in (*(f"rdbcodec.{room}" for room in heavy), *optional, *slow) if name in loaded
    ] == []


def test_inspect_of_a_small_file_pulls_in_nothing_that_it_does_not_need() -> None:
    """Rules of verdicts were half of the time that it takes, and a quarter of the rest was these modules."""
    small = ROOT / "fixtures" / "snapshots" / "redis-7.2.6-types.rdb"
    program = (
        "import sys; from rdbcodec.cli.main import main; code = main(['inspect', sys.argv[1]]); "
        "print(*sys.modules, file=sys.stderr); sys.exit(code)"
    )
    done = subprocess.run([sys.executable, "-c", program, small], capture_output=True, text=True, check=True)
    loaded = done.stderr.split()
    rooms = ("rdbcodec.compat.rule", "rdbcodec.compat.verdict", "rdbcodec.live", "rdbcodec.tools")
    slow = ("anycrc", "crcmod", "dataclasses", "hashlib", "inspect", "pathlib", "tempfile", "urllib.parse")
    assert [name for name in loaded if name.startswith(rooms) or name in slow] == []


@every("path", SOURCES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_named_tuples_are_those_that_compile_no_annotation(path: Path) -> None:
    """Those of typing were a tenth of what a small file takes: named_tuples.py, which alone names them."""
    if path.name != "named_tuples.py":
        assert _makers_of_named_tuples(path) <= {"rdbcodec.named_tuples.NamedTuple"}


def _makers_of_named_tuples(path: Path) -> set[str]:
    nodes = [*ast.walk(ast.parse(path.read_text()))]
    imported = {
        f"{node.module}.{alias.name}"
        for node in nodes
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    asked = {
        f"{node.value.id}.{node.attr}"
        for node in nodes
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)
    }
    return {name for name in imported | asked if name.lower().endswith(".namedtuple")}


def test_the_table_has_no_code_twice() -> None:
    types = [(row.dialect, row.code) for row in TYPES]
    opcodes = [(row.dialect, row.code) for row in OPCODES]
    assert len(set(types)) == len(types)
    assert len(set(opcodes)) == len(opcodes)
    assert len({row.name for row in TYPES}) == len(TYPES)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_no_code_is_a_type_and_an_opcode_of_one_dialect(dialect: Dialect) -> None:
    for row in VERSIONS:
        assert set(types_of(dialect, row.version)) & set(opcodes_of(dialect, row.version)) == set()


def test_every_type_has_its_decoders() -> None:
    assert all(layout_of(row) for row in TYPES)
    assert set(types()) == {row.type for row in TYPES}


def test_every_text_form_stands_in_the_list_of_shapes() -> None:
    """Those as on disk stand there as one."""
    shapes = re.findall(r"^    (\w\S*(?:, \w+)*)  ", values.__doc__ or "", re.MULTILINE)
    listed = {name for shape in shapes for name in shape.split(", ")}
    missing = {type_ for type_, form in values.all_forms().items() if form is not RAW} - listed
    assert not missing, "the docstring of rdbcodec/exports/values.py lists what each type looks like"


def test_every_special_framing_has_its_generator() -> None:
    def specials(steps: tuple[Step, ...]) -> set[str]:
        found = {step.name for step in steps if isinstance(step, Special)}
        for step in steps:
            found |= specials(step.steps) if isinstance(step, Repeat) else set()
        return found

    used: set[str] = set()
    for framing in [row.framing for row in TYPES] + [row.framing for row in OPCODES]:
        used |= specials(framing)
    assert used == set(SPECIALS)


def test_every_row_says_who_said_so() -> None:
    seen = [row.seen for row in TYPES] + [row.seen for row in OPCODES] + [row.seen for row in VERSIONS]
    assert all(seen)


def test_format_page_is_what_the_table_says() -> None:
    page = ROOT / "docs" / "format.md"
    assert page.read_text() == render(), "run: python -m rdbcodec.reports.format_page > docs/format.md"


def code_blocks(language: str) -> list[tuple[str, str]]:
    pages = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
    return [
        (f"{page.name}-{at}", code)
        for page in pages
        for at, code in enumerate(re.findall(rf"```{language}\n(.*?)```", page.read_text(), re.DOTALL))
    ]


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A folder that looks like the repository to what the docs run, and may be written to."""
    (tmp_path / "fixtures").symlink_to(ROOT / "fixtures")
    return tmp_path


@pytest.mark.parametrize("code", [pytest.param(code, id=name) for name, code in code_blocks("python")])
def test_python_in_the_docs_runs(code: str, clone: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        cwd=clone,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    expected = "".join(f"{line[2:]}\n" for line in re.findall(r"^# .*$", code, re.MULTILINE))
    assert done.stdout == expected, "what the code prints stands in its comments"


@pytest.mark.parametrize("block", [pytest.param(code, id=name) for name, code in code_blocks("console")])
def test_console_output_in_the_docs_is_real(block: str, clone: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    for command, shown in re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", block, re.MULTILINE):
        line = re.sub(r"^python ", f"{shlex.quote(sys.executable)} ", command)
        done = subprocess.run(
            ["sh", "-c", line], cwd=clone, env=environment, capture_output=True, text=True, check=False
        )
        assert done.stdout + done.stderr == shown, command


def test_what_each_lane_leaves_out_stands_in_the_docs_by_name() -> None:
    assert lanes.render() in lanes.PAGE.read_text(), "run: python tests/lanes.py"


def test_what_a_lane_leaves_out_by_name_is_there() -> None:
    left = [name for lane in lanes.LANES.values() for name in lane.leaves]
    for file, _, test in (name.partition("::") for name in left):
        assert f"\ndef {test}(" in (lanes.TESTS / file).read_text() if test else (lanes.TESTS / file).exists()
