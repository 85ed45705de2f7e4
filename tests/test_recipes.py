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
     "confidence": "documented", "status": "live", "checked": "2026-11-26"}
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


TYPE_ROW = '    TypeRow("redis", 34, "counter", "counter", "counter", BLOB, 15, "an example"),\n'
TYPE = '''"""Counters of an example: texts of their own kind. 34: STRING."""

from __future__ import annotations

from rdbcodec.datatypes.layout import DataType, Layout
from rdbcodec.datatypes.scope import Scope
from rdbcodec.datatypes.strings import count_string, decode_string, encode_string, string_items


class Counter(bytes):
    """The text of a counter."""


def decode_counter(raw: bytes, scope: Scope) -> Counter:
    """Type 34."""
    return Counter(decode_string(raw, scope))


LAYOUTS = {"counter": Layout(decode_counter, string_items, count_string, encode_string)}
TYPES = (DataType("counter", (Counter,), is_named=True),)
'''
USE_TYPE = """
import io, rdbcodec
from rdbcodec.datatypes.counters import Counter

out = io.BytesIO()
with rdbcodec.create(out, version=15) as writer:
    writer.write(b"visits", Counter(b"42"), type="counter")
open("counter.rdb", "wb").write(out.getvalue())
with rdbcodec.open(out.getvalue()) as snapshot:
    for record in snapshot:
        if isinstance(record, rdbcodec.Entry):
            print(record.code, record.type, repr(record.value()), list(record.items()))
"""


def test_a_type_like_strings_is_a_row_and_a_file(tree: Tree) -> None:
    tree.row("formats.py", '    TypeRow("valkey",     22,', TYPE_ROW)
    tree.new("datatypes/counters.py", TYPE)
    assert tree.python("-c", USE_TYPE) == "34 counter b'42' [[b'42']]\\n".replace("\\n", "\n")
    assert tree.python("-m", "rdbcodec", "check", "counter.rdb").startswith("counter.rdb: sound, 1 key")
    line = '{"db":0,"key":"visits","type":"counter","encoding":"counter","value":"42"}\n'
    assert tree.python("-m", "rdbcodec", "dump", "counter.rdb") == line
    tree.python("-m", "rdbcodec", "dump", "counter.rdb", "-o", "counter.ndjson")
    tree.python("-m", "rdbcodec", "encode", "counter.ndjson", "-o", "back.rdb", "--rdb-version", "15")
    assert tree.python("-m", "rdbcodec", "diff", "counter.rdb", "back.rdb").startswith("EQUAL")
    judged = tree.python("-m", "rdbcodec", "inspect", "back.rdb")
    assert "counter  counter     34     1" in judged


FORM = '''"""Counters of an example: {"count": text}."""

from __future__ import annotations

from rdbcodec.datatypes.counters import Counter
from rdbcodec.exports.form import Form, Members, whole
from rdbcodec.exports.scalars import all_of, bytes_of, json_bytes


def _members(value: Counter) -> Members:
    return {"value": {"count": json_bytes(value)}}


def _counter_of(members: Members) -> Counter:
    return Counter(bytes_of(all_of(members["value"], "a counter", ("count",))["count"], "the count"))


FORMS = {"counter": Form(_members, whole(_members), _counter_of)}
'''


def test_a_text_form_is_one_file(tree: Tree) -> None:
    tree.row("formats.py", '    TypeRow("valkey",     22,', TYPE_ROW)
    tree.new("datatypes/counters.py", TYPE)
    tree.new("exports/forms/counters.py", FORM)
    tree.python("-c", USE_TYPE)
    line = '{"db":0,"key":"visits","type":"counter","encoding":"counter","value":{"count":"42"}}\n'
    assert tree.python("-m", "rdbcodec", "dump", "counter.rdb") == line
    tree.python("-m", "rdbcodec", "dump", "counter.rdb", "-o", "counter.ndjson")
    tree.python("-m", "rdbcodec", "encode", "counter.ndjson", "-o", "back.rdb", "--rdb-version", "15")
    assert tree.python("-m", "rdbcodec", "diff", "counter.rdb", "back.rdb").startswith("EQUAL")


def test_a_type_without_its_text_form_is_told_which_file_it_needs(tree: Tree) -> None:
    (tree.root / "rdbcodec" / "exports" / "forms" / "path_hashes.py").unlink()
    code = "import rdbcodec.exports.values as v\ntry: v.all_forms()\nexcept TypeError as error: print(error)"
    assert tree.python("-c", code) == (
        "the type path-hash has no text form: its values are PathHash, no bytes, so a file of "
        "rdbcodec/exports/forms/ has to have FORMS = {'path-hash': Form(...)}\n"
    )


OPCODE_ROW = '    OpcodeRow("redis", 241, "mark", Framing(mark=LENGTH), 15, "an example"),\n'
RECORD = '''"""A mark of an example. F1: LENGTH mark."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rdbcodec.named_tuples import NamedTuple
from rdbcodec.records.kinds import RecordKind

if TYPE_CHECKING:
    from rdbcodec.formats import OpcodeRow
    from rdbcodec.records.kinds import Decoded
    from rdbcodec.records.state import State


class Mark(NamedTuple):
    """A mark in the file."""

    offset: int
    raw: bytes
    mark: int


def decode(state: State, row: OpcodeRow, pos: int) -> Decoded:
    """A number."""
    del row
    (mark,), end = state.lengths(pos, 1)
    return Mark(state.offset(), state.raw(end), mark), end


KINDS = (RecordKind("mark", decode, loss="vendor-record", record=Mark),)
'''
USE_RECORD = """
import rdbcodec

open("marked.rdb", "wb").write(b"REDIS0015\\xf1\\x07\\x00\\x01k\\x01v\\xff" + bytes(8))
with rdbcodec.open("marked.rdb") as snapshot:
    print([record for record in snapshot if not isinstance(record, rdbcodec.Entry)][1])
"""
WRITE_RECORD = """
import io, rdbcodec
from rdbcodec.exports import ndjson

records = list(rdbcodec.open("marked.rdb"))
print(next(ndjson.lines(records)).splitlines()[0])
for version in (15, 14):
    output = io.BytesIO()
    with rdbcodec.create(output, version=version, allow_loss=True) as writer:
        for record in records:
            writer.write(record)
    print(sum(type(record).__name__ == "Mark" for record in rdbcodec.open(output.getvalue())))
    print([loss.kind for loss in writer.losses.of("data")])
"""


def test_a_record_is_a_row_and_a_file(tree: Tree) -> None:
    tree.row("formats.py", '    OpcodeRow("valkey",     243,', OPCODE_ROW)
    tree.new("records/mark.py", RECORD)
    assert tree.python("-c", USE_RECORD) == "Mark(offset=9, raw=b'\\xf1\\x07', mark=7)\n"
    assert tree.python("-m", "rdbcodec", "check", "marked.rdb").startswith("marked.rdb: sound, 1 key")
    told = '{"vendor":"mark","raw":{"$b64":"8Qc="}}'
    assert tree.python("-c", WRITE_RECORD).splitlines() == [told, "1", "[]", "0", "['vendor-record']"]
    tree.python("-m", "rdbcodec", "filter", "marked.rdb", "-o", "copy.rdb")
    assert (tree.root / "copy.rdb").read_bytes() == (tree.root / "marked.rdb").read_bytes()
    converted = ("marked.rdb", "-o", "old.rdb", "--to", "redis-7.2")
    assert "vendor-record: 1 x" in tree.python("-m", "rdbcodec", "convert", *converted, "--allow-loss")
