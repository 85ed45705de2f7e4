"""The recipes of docs/contributing.md, followed in a copy of the tree: what is new works at once.

Each writes new files and adds rows to tables; nothing else is touched, which is the point.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "rdbcodec"
SNAPSHOT = PACKAGE.parent / "fixtures" / "snapshots" / "redis-7.0.15-types.rdb"


class Tree:
    """A copy of the package, and what was changed in it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        shutil.copytree(PACKAGE, root / "rdbcodec", ignore=shutil.ignore_patterns("__pycache__"))

    def new(self, name: str, text: str) -> None:
        """A new file."""
        path = self.root / "rdbcodec" / name
        assert not path.exists()
        path.write_text(text)

    def row(self, name: str, before: str, row: str) -> None:
        """A new row before one that is there."""
        path = self.root / "rdbcodec" / name
        text = path.read_text()
        assert text.count(before) == 1, f"{before!r} is {text.count(before)} times in {name}"
        path.write_text(text.replace(before, row + before))

    def python(self, *words: str) -> str:
        """What Python prints, run with the copy."""
        done = subprocess.run(
            [sys.executable, *words],
            cwd=self.root,
            env={**os.environ, "PYTHONPATH": str(self.root)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    return Tree(tmp_path)


VERB = '''"""`rdbcodec count FILE`: how many keys there are."""

from __future__ import annotations

import argparse

from rdbcodec.cli.common import OK, add_source_arguments, open_file
from rdbcodec.limits import MAX_VALUE
from rdbcodec.records import Entry

HELP = "count the keys"
ORDER = 75


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of this command."""
    parser.add_argument("files", nargs=1, metavar="FILE")
    add_source_arguments(parser)


def run(options: argparse.Namespace) -> int:
    """Print the number."""
    with open_file(options.files[0], options, max_value=MAX_VALUE) as reader:
        print(sum(isinstance(record, Entry) for record in reader))
    return OK
'''


def test_a_verb_is_one_file(tree: Tree) -> None:
    tree.new("cli/verbs/count.py", VERB)
    assert tree.python("-m", "rdbcodec", "count", str(SNAPSHOT)) == "94\n"
    assert "    count     count the keys\n" in tree.python("-m", "rdbcodec", "--help")


TARGET = """{
  "targets": [
    {"id": "examplecloud-7.0", "family": "other", "product": "Example Cloud", "version": "7.0",
     "reads_like": "redis-7.0", "databases": 16, "beyond_databases": "refused", "gzip": "no", "import": "yes",
     "import_formats": ["file in a bucket"], "notes": "an example", "sources": ["exp"],
     "confidence": "documented"}
  ]
}
"""


def test_a_target_is_one_file(tree: Tree) -> None:
    tree.new("compat/known/95-example.json", TARGET)
    listed = tree.python("-m", "rdbcodec", "compat", "--list-targets")
    assert "examplecloud-7.0" in listed
    judge = (
        "import sys; from rdbcodec import compat; print(compat.check(sys.argv[1], 'examplecloud-7.0').loads)"
    )
    assert tree.python("-c", judge, str(SNAPSHOT)) == "yes\n"


RULE = '''"""What an example needs."""

from __future__ import annotations

from rdbcodec.compat.rule import Answer, Case, Found, Rule


def _functions(case: Case) -> Answer:
    libraries = len(case.profile.functions)
    return Found({"libraries": libraries}) if libraries else None


RULES: tuple[Rule, ...] = (
    Rule(
        "X-FUNCTIONS",
        ("*",),
        "info",
        _functions,
        "the file has function libraries: {libraries}",
        None,
        ("exp",),
        "5.3",
        "verified",
    ),
)
'''


def test_a_rule_is_one_file(tree: Tree) -> None:
    tree.new("compat/rules/functions.py", RULE)
    shown = tree.python("-m", "rdbcodec", "compat", str(SNAPSHOT), "--target", "redis-7.0", "--verbose")
    assert "X-FUNCTIONS: the file has function libraries: 1" in shown
