"""--hide-keys: the name of a key comes out of no command, by no way."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cases import every
from test_files import Ran, ran
from ways import pair, read, snapshot, string

import rdbcodec
from rdbcodec.cli.hiding import SECRET_VARIABLE
from rdbcodec.errors import CorruptStructure, EncodeError
from rdbcodec.showing import KeyDigest, key_words

__all__ = ["ran"]  # a fixture

KEYS = [b"secret:ann", b"secret:\xff\n", b"secret:" + b"x" * 50, b"\xc3\x0b\x28secret:"]
GOOD = snapshot(
    pair(0, string(b"v"), KEYS[0]),
    b"\xfc" + (2**41).to_bytes(8, "little") + pair(1, b"\x01" + string(b"e"), KEYS[1]),
    b"\xfe\x02",
    pair(0, string(b"w" * 300_000), KEYS[2]),  # passes by in `dump` and `keys`
    pair(4, b"\x01" + string(b"f") + string(b"v"), KEYS[3]),
)
DAMAGED = snapshot(pair(0, string(b"v"), KEYS[0]), pair(11, string(b"\x05" + bytes(7)), KEYS[0]))
TWICE = snapshot(pair(0, string(b"v"), KEYS[0]), pair(0, string(b"w"), KEYS[0]))
EMPTY = snapshot(pair(1, b"\x00", KEYS[0]), b"\xf9\x05" + pair(0, string(b"v"), KEYS[1]))


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name, data in (("good", GOOD), ("damaged", DAMAGED), ("twice", TWICE), ("empty", EMPTY)):
        (tmp_path / f"{name}.rdb").write_bytes(data)
    (tmp_path / "good.ndjson").write_text(
        '{"db":0,"key":"secret:ann","type":"string","value":"v","idle":5}\n'
    )
    (tmp_path / "bad.ndjson").write_text(
        '{"db":0,"key":"secret:ann","type":"hash","value":{"f":"v"},"field_expires_at":{"f":5}}\n'
    )
    return tmp_path


COMMANDS = [
    "inspect FILE",
    "inspect FILE --format json",
    "check FILE",
    "check FILE --format json",
    "keys FILE",
    "keys FILE --format ndjson",
    "keys FILE --format raw0",
    "dump FILE",
    "dump FILE --format json",
    "dump FILE --format csv",
    "dump FILE --format resp",
    "dump FILE --format resp --restore",
    "dump FILE --records",
    "convert FILE -o out.rdb --to redis-2.4 --fold-databases {db}: --format json",
    "convert FILE -o out.rdb --to redis-2.4",
    "filter FILE -o out.rdb --type string",
    "compat FILE --target redis-2.4 --verbose",
    "compat FILE --target redis-2.4 --format json",
    "compat FILE --target redis-7.4 --format markdown --duplicates",
    "compat FILE --target redis-2.4 --format sarif",
    "compat FILE --target redis-2.4 --format junit",
    "compat FILE --target redis-2.4 --format github",
    "compat FILE --profile-out profile.json",
    "azure plan FILE --target amr-balanced-7.4",
    "azure plan FILE --target amr-balanced-7.4 --format json",
    "azure plan FILE --target amr-balanced-7.4 --format sh --force",
    "pad FILE -o out.rdb",
]


@every("how", ["--hide-keys", "--hide-keys=hash"])
@every("name", ["good", "damaged", "twice", "empty"])
@every("command", COMMANDS)
def test_no_command_shows_a_key(
    command: str, name: str, how: str, files: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    words = command.replace("FILE", f"{name}.rdb").split()
    rdbcodec_main([*words, how])
    out, err = capfdbinary.readouterr()
    assert b"secret" not in out + err
    if (files / "profile.json").exists():
        assert b"secret" not in (files / "profile.json").read_bytes()


def rdbcodec_main(words: list[str]) -> int:
    from rdbcodec.cli.main import main  # noqa: PLC0415 - capfd has its streams only now

    return main(words)


@pytest.mark.parametrize("name", ["good", "bad"])
def test_encode_hides_them_as_well(name: str, files: Path, ran: Ran) -> None:
    code, out, err = ran("encode", f"{name}.ndjson", "-o", "out.rdb", "--to", "redis-2.4", "--hide-keys")
    assert "secret" not in out + err
    assert code == (1 if name == "bad" else 0)
    assert out + err != ""


def test_a_hidden_key_has_a_number_where_there_must_be_a_name(files: Path, ran: Ran) -> None:
    assert ran("keys", "good.rdb", "--hide-keys")[0] == 0
    assert ran("dump", "good.rdb", "--hide-keys", "-o", "out.ndjson")[0] == 0
    lines = [json.loads(line) for line in Path("out.ndjson").read_text().splitlines()]
    assert [line["key"] for line in lines] == ["key#1", "key#2", "key#3", "key#4"]
    assert ran("encode", "out.ndjson", "-o", "out.rdb")[0] == 0
    before, after = entries(GOOD), entries(Path("out.rdb").read_bytes())
    assert [(e.db, e.type, e.value(), e.expires_at_ms) for e in before] == [
        (e.db, e.type, e.value(), e.expires_at_ms) for e in after
    ]


def entries(data: bytes) -> list[rdbcodec.Entry]:
    return [record for record in read(data) if isinstance(record, rdbcodec.Entry)]


def test_digests_are_the_same_with_the_same_secret_and_in_every_command(
    files: Path, ran: Ran, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(SECRET_VARIABLE, "of this project")
    digest = KeyDigest(b"of this project").of(KEYS[0])
    assert digest == "key#744e1ede0d053e15"
    shown = [
        ran("inspect", "twice.rdb", "--hide-keys=hash")[1],
        ran("check", "twice.rdb", "--hide-keys=hash")[2],
        ran("check", "damaged.rdb", "--hide-keys=hash", "--format", "json")[1],
        ran("dump", "damaged.rdb", "--hide-keys=hash", "-o", "x")[2],
        ran("encode", "bad.ndjson", "-o", "x.rdb", "--to", "redis-2.4", "--hide-keys=hash")[2],
    ]
    assert [digest in text for text in shown] == [True] * len(shown)


def test_without_a_secret_digests_are_those_of_one_run(files: Path, ran: Ran) -> None:
    first, second = (ran("inspect", "twice.rdb", "--hide-keys=hash")[1] for _ in range(2))
    assert "key#" in first
    assert first != second


def test_a_digest_cannot_be_looked_up_and_is_its_own_digest() -> None:
    digest, other = KeyDigest(b"a"), KeyDigest(b"b")
    assert digest.of(b"k") != other.of(b"k")
    assert digest.of(digest.of(b"k").encode()) == digest.of(b"k")
    assert digest.of(b"key#1") != "key#1"
    assert KeyDigest(b"s" * 1000).of(b"k") != KeyDigest(b"s" * 1001).of(b"k")


@pytest.mark.parametrize(
    ("hide_keys", "words"), [(False, "key b'k'"), (True, None), (KeyDigest(b""), "key#ecce1f49cda48079")]
)
def test_the_words_of_a_key(hide_keys: bool | KeyDigest, words: str | None) -> None:
    assert key_words(b"k", hide_keys) == words
    assert key_words(None, hide_keys) is None


def test_errors_hide_the_key_and_keep_the_rest() -> None:
    error = CorruptStructure("a listpack ends")
    error.locate(offset=5, db=0, key=b"k", type="hash")
    assert error.text(hide_keys=True) == "offset 5, type hash: a listpack ends"
    assert error.text() == str(error) == "offset 5, db 0, key b'k', type hash: a listpack ends"
    encoding = EncodeError("no such type")
    encoding.locate(type="hash", server="redis-2.4", db=0, key=b"k")
    assert encoding.text(hide_keys=True) == "hash, for redis-2.4: no such type"


def test_hide_keys_takes_no_file_for_its_value(files: Path, ran: Ran) -> None:
    assert ran("check", "--hide-keys", "good.rdb")[0] == 0
    with pytest.raises(SystemExit):
        ran("check", "--hide-keys=hush", "good.rdb")
