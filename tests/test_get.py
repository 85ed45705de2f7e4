"""One key of a snapshot: exactly that, by its whole name, with an index or without."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from commands import run
from ways import SNAPSHOTS

import rdbcodec
from rdbcodec import Entry, Hash, List, ZSet
from rdbcodec.errors import StaleIndex
from rdbcodec.tools.indexing import make_index
from rdbcodec.tools.key_files import KeyFile

KINDS = ("types", "hfe", "tmpl", "new", "falkor")
SAMPLE = [path for path in SNAPSHOTS if path.stem.rpartition("-")[2] in KINDS and path.suffix == ".rdb"][::4]
KEYS: dict[bytes, Any] = {
    b"text": b"0123456789",
    b"\xff\\": b"binary \xff",
    b"list": List([b"a", b"b", b"c", b"d"]),
    b"hash": Hash({b"f": b"v", b"\xfe": b"w"}),
    b"zset": ZSet({b"m": 1.5}),
}


@pytest.fixture(params=["by reading", "by index"])
def file(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    path = tmp_path / "dump.rdb"
    with rdbcodec.create(path) as writer:
        for key, value in KEYS.items():
            writer.write(key, value)
        writer.write(b"text", b"of another database", db=3)
    if request.param == "by index":
        assert run("index", path).returncode == 0
    return path


def told(path: Path, *words: str) -> bytes:
    done = run("get", path, *words)
    assert (done.returncode, done.stderr) == (0, b"")
    return done.stdout


def test_a_key_is_what_dump_has(file: Path) -> None:
    assert told(file, "hash") == (
        b'{"db":0,"key":"hash","type":"hash","encoding":"listpack",'
        b'"value":[["f","v"],[{"$b64":"/g=="},"w"]]}\n'
    )
    assert told(file, "text", "--raw") == b"0123456789"
    assert told(file, "text", "--db", "3", "--raw") == b"of another database"


def test_a_binary_name_is_typed_in_escapes_or_base64(file: Path) -> None:
    assert told(file, r"\xff\\", "--raw") == b"binary \xff"
    name = base64.b64encode(b"\xff\\").decode()
    assert told(file, name, "--base64", "--raw") == b"binary \xff"


def test_a_field_a_score_and_a_range_are_shown_alone(file: Path) -> None:
    assert told(file, "hash", "--field", r"\xfe") == b'"w"\n'
    assert told(file, "hash", "--field", "f", "--raw") == b"v"
    assert told(file, "zset", "--field", "m") == b"1.5\n"
    assert told(file, "list", "--range", "1..2") == b'["b", "c"]\n'
    assert told(file, "list", "--range", "3..99") == b'["d"]\n'
    assert told(file, "text", "--range", "2..4", "--raw") == b"234"


def test_a_payload_is_what_restore_takes(file: Path) -> None:
    assert told(file, "list", "--dump") == rdbcodec.dump.encode(KEYS[b"list"], version=11)


def test_what_is_not_there_is_a_no(file: Path) -> None:
    for words, said in (
        (("none",), "there is no key b'none'"),
        (("list", "--db", "3"), "there is no key b'list' in database 3"),
        (("hash", "--field", "none"), "there is no such field"),
    ):
        done = run("get", file, *words)
        assert (done.returncode, done.stdout, done.stderr.decode()) == (1, b"", said + "\n")


@pytest.mark.parametrize(
    "words",
    [("list", "--raw"), ("list", "--field", "f"), ("a", "--base64"), ("text", "--dump", "--range", "0..1")],
)
def test_what_cannot_be_meant_is_wrong_usage(words: tuple[str, ...], file: Path) -> None:
    assert run("get", file, *words).returncode == 2


# --- the index --------------------------------------------------------------------------------------


@pytest.mark.once
@pytest.mark.parametrize("path", SAMPLE, ids=lambda path: path.stem)
def test_every_key_is_found_by_the_index(path: Path, tmp_path: Path) -> None:
    index = tmp_path / "idx"
    count = make_index(str(path), index)
    with rdbcodec.open(path) as reader:
        entries = [record for record in reader if isinstance(record, Entry)]
    assert count == len(entries)
    with KeyFile(str(path), str(index)) as keys:
        for entry in entries:
            found = keys.find(entry.db, entry.key)
            assert found is not None
            assert (found.offset, found.raw, found.expires_at_ms) == (
                entry.offset,
                entry.raw,
                entry.expires_at_ms,
            )
            assert type(found.value()) is type(entry.value())
        assert keys.find(0, b"no such key") is None


def test_an_index_of_another_state_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "dump.rdb"
    shutil.copy(SAMPLE[0], path)
    index = Path(f"{path}.idx")
    assert run("index", path).returncode == 0
    path.write_bytes(path.read_bytes() + bytes(8))
    with pytest.raises(StaleIndex):
        KeyFile(str(path), str(index))
    done = run("get", path, "x")
    said = f"the index {index} is of the file as it was: make it anew: "
    said += "rdbcodec index --force, or get --no-index\n"
    assert (done.returncode, done.stderr.decode()) == (4, said)
    assert run("index", path).returncode == 4  # without --force
    index.write_bytes(b"no index")
    assert run("get", path, "x").stderr.startswith(f"{index} is no index of this version".encode())


def test_a_compressed_file_has_no_index(tmp_path: Path) -> None:
    path = tmp_path / "dump.rdb.gz"
    rdbcodec.convert(SAMPLE[0], path, compression="gzip")
    done = run("index", path)
    assert (done.returncode, done.stderr.decode()) == (
        3,
        f"{path}: a gzip file has no places: unpack it, and index that\n",
    )
    assert list(tmp_path.iterdir()) == [path]


def test_the_answer_is_json_for_programs(file: Path) -> None:
    assert json.loads(told(file, "text", "--json")) == {
        "db": 0,
        "key": "text",
        "type": "string",
        "encoding": "string",
        "value": "0123456789",
    }


@pytest.mark.process
def test_a_key_by_index_loads_nothing_that_reads_or_writes_whole_snapshots(tmp_path: Path) -> None:
    path = tmp_path / "dump.rdb"
    with rdbcodec.create(path) as writer:
        writer.write(b"text", b"0123456789")
    assert run("index", path).returncode == 0
    program = (
        "import sys\n"
        "before = {*sys.modules}\n"
        "from rdbcodec.cli.main import main\n"
        f"main(['get', {str(path)!r}, 'text', '--json'])\n"
        "print(*sorted({*sys.modules} - before), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    loaded = done.stderr.split()
    assert [name for name in _SLOW if name in loaded] == []
    rooms = ("tools", "exports", "writing", "facts", "integrity", "compat", "reports")
    assert [name for name in loaded if name.startswith(tuple(f"rdbcodec.{room}." for room in rooms))] == [
        "rdbcodec.exports.form",
        "rdbcodec.exports.forms",
        "rdbcodec.exports.ndjson",
        "rdbcodec.exports.records",
        "rdbcodec.exports.resp_words",
        "rdbcodec.exports.rows",
        "rdbcodec.exports.scalars",
        "rdbcodec.exports.values",
        "rdbcodec.tools.hashing",
        "rdbcodec.tools.key_files",
        "rdbcodec.writing.naming",
    ]


_SLOW = (  # each takes 1 to 20 ms
    *(
        "anycrc",
        "datetime",
        "gzip",
        "hashlib",
        "inspect",
        "ipaddress",
        "pathlib",
        "random",
        "shutil",
        "tempfile",
    ),
    *("rdbcodec.datatypes.lists", "rdbcodec.datatypes.packed", "rdbcodec.datatypes.streams"),
    *("rdbcodec.reading.containers", "rdbcodec.reading.reader"),
)
