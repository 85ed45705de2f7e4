"""Codecs of modules: registered by a program, or named by an installed package."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import rdbcodec
from rdbcodec.datatypes.modules import ModuleValue, codecs
from rdbcodec.errors import CorruptStructure, TextError
from rdbcodec.exports import ndjson
from rdbcodec.exports.build import build
from rdbcodec.wire import lengths
from rdbcodec.wire.module_ids import ModuleId

NAME = "ReJSON-RL"


class Words:
    """A module whose values are their strings."""

    def decode(self, value: ModuleValue) -> list[bytes]:
        words = [item for _, item in value.items() if isinstance(item, bytes)]
        if not words:
            raise CorruptStructure("no words")
        return words

    def json(self, decoded: list[bytes]) -> Any:
        return [word.decode() for word in decoded]


@pytest.fixture
def words() -> Iterator[Words]:
    codec = Words()
    codecs.register(NAME, codec)
    yield codec
    codecs.unregister(NAME)


def module_id() -> bytes:
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    number = 0
    for letter in NAME:
        number = number << 6 | letters.index(letter)
    return lengths.encode(number << 10 | 3)


RAW = module_id() + b"\x05\x02hi\x05\x01x\x00"
WORDLESS = module_id() + b"\x02\x07\x00"


def snapshot(raw: bytes = RAW) -> bytes:
    out = io.BytesIO()
    with rdbcodec.create(out, version=11) as writer:
        writer.write(b"k", ModuleValue(ModuleId(NAME, 3), raw))
    return out.getvalue()


def value_in(line: str) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(line)["value"]
    return value


def dumped(data: bytes) -> str:
    return "".join(ndjson.lines(rdbcodec.open(data)))


def test_a_value_of_a_module_nobody_understands_is_itself() -> None:
    value = ModuleValue(ModuleId(NAME, 3), RAW)
    assert codecs.codec_of(NAME) is codecs.OPAQUE
    assert value.decoded() is value
    assert list(value_in(dumped(snapshot()))) == ["module", "version", "raw"]


def test_a_registered_codec_decodes_the_value(words: Words) -> None:
    assert codecs.codec_of(NAME) is words
    assert ModuleValue(ModuleId(NAME, 3), RAW).decoded() == [b"hi", b"x"]


def test_what_a_codec_says_is_told_beside_the_bytes_and_encoded_back_they_are_the_same(words: Words) -> None:
    line = dumped(snapshot())
    assert list(value_in(line)) == ["module", "version", "raw", "decoded"]
    assert value_in(line)["decoded"] == ["hi", "x"]
    out = io.BytesIO()
    build([line.encode()], out)
    assert [record.raw for record in rdbcodec.open(out.getvalue()) if isinstance(record, rdbcodec.Entry)] == [
        RAW
    ]


def test_a_text_made_with_a_codec_is_read_without_it(words: Words) -> None:
    line = dumped(snapshot())
    codecs.unregister(NAME)
    assert ndjson.decode(line.encode()).value.raw == RAW  # type: ignore[union-attr] # it is a TextEntry


def test_a_value_that_the_codec_cannot_read_says_why(words: Words) -> None:
    line = dumped(snapshot(WORDLESS))
    assert value_in(line)["undecoded"] == "no words"
    assert ndjson.decode(line.encode()).value.raw == WORDLESS  # type: ignore[union-attr] # it is a TextEntry


def test_words_that_were_changed_in_the_decoded_form_alone_are_refused(words: Words) -> None:
    with pytest.raises(TextError) as error:
        ndjson.decode(dumped(snapshot()).replace('"hi"', '"ho"').encode())
    assert error.value.message == (
        "decoded is not what raw says, and raw is what is written: leave decoded out"
    )


def test_an_installed_package_brings_a_codec(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "words_of_tests.py").write_text(
        "class Words:\n    def decode(self, value): return len(value.raw)\n"
        "    def json(self, decoded): return decoded\ncodec = Words()\n"
    )
    info = tmp_path / "words_of_tests-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: words-of-tests\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[rdbcodec.modules]\n{NAME} = words_of_tests:codec\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    codecs._in_packages.cache_clear()
    try:
        assert value_in(dumped(snapshot()))["decoded"] == len(RAW)
    finally:
        codecs._in_packages.cache_clear()
        sys.modules.pop("words_of_tests", None)


def test_packages_are_looked_at_once_however_many_modules_a_file_names(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A look takes milliseconds, and what it found was kept for each name: both are for who made the file."""
    looks: list[dict[str, str]] = []

    def none(**asked: str) -> tuple[()]:
        looks.append(asked)
        return ()

    monkeypatch.setattr("importlib.metadata.entry_points", none)
    codecs._in_packages.cache_clear()
    try:
        for number in range(100):
            assert codecs.codec_of(f"module{number:03}") is codecs.OPAQUE
    finally:
        codecs._in_packages.cache_clear()
    assert looks == [{"group": codecs.GROUP}]
