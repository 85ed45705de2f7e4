"""Errors name the next step."""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Callable
from pathlib import Path

import lz4.frame
import pytest
import zstandard

import rdbcodec
from rdbcodec.cli.hints import hint_of
from rdbcodec.cli.main import main
from rdbcodec.errors import BadMagic, LossyConversion, RdbError
from rdbcodec.losses import Loss, row_of

GOOD = b"REDIS0009\x00\x01k\x01v\xff" + bytes(8)
BAD_SET = b"\x0b\x01s\x03abc"  # an intset of three bytes
DAMAGED = b"REDIS0009" + BAD_SET + b"\x00\x01k\x01v\xff" + bytes(8)
PACK: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "LZ4": lz4.frame.compress,
    "zstd": zstandard.ZstdCompressor().compress,
}
NEXT = {
    "an unknown version": (
        ["inspect"],
        b"REDIS0099\xff" + bytes(8),
        "--any-version reads it, as long as everything in it is known",
    ),
    "a wrong checksum": (
        ["keys"],
        GOOD[:-1] + b"\1",
        "--no-checksum reads it all the same, `salvage` makes a sound file of it",
    ),
    "a damaged value": (["dump"], DAMAGED, "filter --no-checksum --not-key KEY keeps all the other keys"),
    "a damaged value in a check": (
        ["check"],
        DAMAGED,
        "filter --no-checksum --not-key KEY keeps all the other keys",
    ),
    "a cut file": (
        ["check"],
        GOOD[:12],
        "the file is cut: `salvage` saves what stands before the cut",
    ),
}


@pytest.mark.parametrize("name", NEXT)
def test_the_last_line_says_what_to_do_next(
    name: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    command, data, hint = NEXT[name]
    path = tmp_path / "x.rdb"
    path.write_bytes(data)
    assert main([*command, str(path)]) == 3
    assert capfd.readouterr().err.splitlines()[-1] == f"hint: {hint}"


def test_what_the_hint_about_a_damaged_value_says_works(tmp_path: Path) -> None:
    path, out = tmp_path / "x.rdb", tmp_path / "out.rdb"
    path.write_bytes(DAMAGED)
    assert main(["filter", "--no-checksum", "--not-key", "s", str(path), "-o", str(out)]) == 0
    assert main(["check", str(out)]) == 0


def test_damage_that_hides_the_next_record_has_a_hint_that_works(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "x.rdb"
    path.write_bytes(b"REDIS0009\x00\x01k\xf0v\xff" + bytes(8))
    assert main(["dump", str(path)]) == 3
    last = capfd.readouterr().err.splitlines()[-1]
    assert last == "hint: `salvage --resync` saves what stands before and behind the damage"
    assert main(["salvage", "--resync", str(path), "-o", str(tmp_path / "saved.rdb")]) == 1


def test_a_loss_of_field_expiries_names_the_servers_that_hold_them() -> None:
    loss = Loss(*row_of("field-ttl"), 1, None, None, None)
    assert hint_of(LossyConversion([loss], server="redis-7.2")) == (
        "hint: --to redis-7.4 or later, or valkey-9.0, holds the expiry of fields"
    )
    assert hint_of(RdbError("x")) == ""


def test_a_loss_of_empty_keys_names_the_flag_that_leaves_them_out() -> None:
    loss = Loss(*row_of("empty"), 1, None, None, None)
    assert hint_of(LossyConversion([loss], server="redis-6.2")) == (
        "hint: --drop-empty leaves such keys out, as Redis since 6.2 does"
    )


def test_encode_names_the_next_step_of_a_loss_too(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "x.ndjson"
    path.write_text(
        '{"db":0,"key":"k","type":"hash","encoding":"listpack-ttl","value":{"f":"v"},'
        '"field_expires_at":{"f":2000000000000}}\n'
    )
    assert main(["encode", str(path), "--to", "redis-6.2", "-o", str(tmp_path / "x.rdb")]) == 1
    assert capfd.readouterr().err.splitlines()[1:] == [
        "with --allow-loss the rest is written all the same",
        "hint: --to redis-7.4 or later, or valkey-9.0, holds the expiry of fields",
    ]


@pytest.mark.parametrize(
    ("type_", "value", "servers"),
    [
        ("path-hash", '{"p":{"f":"v"}}', "valkey-9.2"),
        ("json", '"{}"', "dragonfly-1.0"),
        ("array", '{"elements":[[1,"a"]]}', "redis-8.8"),
    ],
)
def test_encode_names_the_servers_that_have_a_type(
    type_: str, value: str, servers: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path, out = tmp_path / "x.ndjson", tmp_path / "x.rdb"
    path.write_text(f'{{"key":"k","type":"{type_}","value":{value}}}\n')
    assert main(["encode", str(path), "--to", "redis-6.2", "-o", str(out)]) == 1
    assert capfd.readouterr().err.splitlines()[-1] == f"hint: --to {servers} has the type {type_}"
    assert main(["encode", str(path), "--to", servers, "-o", str(out)]) == 0


@pytest.mark.parametrize("form", ["text", "json"])
@pytest.mark.parametrize("name", ["gzip", "LZ4", "zstd"])
def test_a_container_that_is_cut_in_its_first_bytes_gets_a_report(
    name: str, form: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "x.rdb.packed"
    path.write_bytes(PACK[name](b"REDIS0009" + random.Random(8).randbytes(1 << 12).hex().encode())[:40])
    assert main(["check", "--format", form, str(path)]) == 3
    out, err = capfd.readouterr()
    message = f"the {name} file ends inside its compressed data"
    if form == "json":
        (problem,) = json.loads(out)["problems"]
        assert (problem["offset"], problem["message"]) == (0, message)
    else:
        assert out.splitlines() == [
            f"{path}: NOT SOUND, reading ended after 0 keys",
            f"  error: offset 0: {message}",
        ]
    assert err.splitlines() == [
        f"{path}: offset 0: {message}",
        "hint: fetch the file again; `salvage` saves what stands before that",
    ]


def test_an_empty_zstd_file_is_empty_and_not_cut(tmp_path: Path) -> None:
    path = tmp_path / "x.rdb.zst"
    path.write_bytes(zstandard.ZstdCompressor(write_checksum=True).compress(b""))
    with rdbcodec.open(path) as reader, pytest.raises(BadMagic, match=r"^offset 0: the file is empty$"):
        list(reader)


def test_a_window_that_is_too_large_is_no_damage(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "x.rdb.zst"
    settings = zstandard.ZstdCompressionParameters(window_log=27)
    packer = zstandard.ZstdCompressor(compression_params=settings).compressobj()
    path.write_bytes(packer.compress(GOOD) + packer.flush())
    for command in ("check", "inspect"):
        assert main([command, str(path)]) == 3
        assert capfd.readouterr() == (
            "",
            f"{path}: the zstd file wants a window above 16 MiB: unpack it with `zstd -d --long=31` first\n",
        )


def test_a_cut_zstd_file_gets_the_report_of_a_cut_file(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    source = random.Random(8)
    noise = (b"\x00\x03k%02d\x80\x00\x01\x00\x00" % at + source.randbytes(1 << 16) for at in range(40))
    packed = zstandard.ZstdCompressor().compress(b"REDIS0009" + b"".join(noise) + b"\xff" + bytes(8))
    path = tmp_path / "x.rdb.zst"
    path.write_bytes(packed[: len(packed) // 2])
    assert main(["check", "--format", "json", str(path)]) == 3
    out, err = capfd.readouterr()
    report = json.loads(out)
    (problem,) = report["problems"]
    assert (report["sound"], report["complete"], problem["db"]) == (False, False, 0)
    assert report["keys"] > 0
    assert problem["offset"] > 65536
    assert err.splitlines()[1] == "hint: the file is cut: `salvage` saves what stands before the cut"


@pytest.mark.parametrize("pack", [gzip.compress, lz4.frame.compress])
def test_a_cut_container_gets_the_report_of_a_cut_file(
    pack: Callable[[bytes], bytes], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    noise = random.Random(8).randbytes(1 << 16)
    entries = b"".join(b"\x00\x03k%02d\x80\x00\x01\x00\x00" % at + noise for at in range(40))
    path = tmp_path / "x.rdb.packed"
    packed = pack(b"REDIS0009" + entries + b"\xff" + bytes(8))
    path.write_bytes(packed[: len(packed) // 2])
    assert main(["check", "--format", "json", str(path)]) == 3
    out, err = capfd.readouterr()
    report = json.loads(out)
    (problem,) = report["problems"]
    assert (report["sound"], report["complete"], problem["db"]) == (False, False, 0)
    assert report["keys"] > 0
    assert problem["offset"] > 65536
    assert problem["message"].endswith("file ends inside its compressed data")
    assert err.splitlines()[1] == "hint: fetch the file again; `salvage` saves what stands before that"
