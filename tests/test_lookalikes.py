"""Files that are no snapshot are called what they are; captures of a replication are read."""

from __future__ import annotations

import base64
import bz2
import gzip
import io
import lzma
import tarfile
import zipfile
from pathlib import Path
from typing import BinaryIO, cast

import pytest
from cases import every

import rdbcodec
from rdbcodec.cli.main import main
from rdbcodec.reading.lookalikes import LOOKALIKES, resemblance

ID = b"0123456789abcdef" * 2 + b"01234567"
SNAPSHOT = b"REDIS0011\xfa\x09redis-ver\x057.2.6\xfa\x0aredis-bits\xc0\x40\xfe\x00\x00\x01k\x01v\xff" + bytes(
    8
)


def zipped() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("dump.rdb", SNAPSHOT)
    return out.getvalue()


def tarred() -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        entry = tarfile.TarInfo("dump.rdb")
        entry.size = len(SNAPSHOT)
        archive.addfile(entry, io.BytesIO(SNAPSHOT))
    return out.getvalue()


FOUND: list[tuple[bytes, str]] = [
    (
        SNAPSHOT.decode("utf-8", "replace").encode(),
        "a snapshot in which bytes that are no UTF-8 were replaced",
    ),
    (SNAPSHOT.decode("latin-1").encode(), "a snapshot that was encoded as UTF-8 as if it were text"),
    (SNAPSHOT.replace(b"\n", b"\r\n"), "a snapshot whose newlines were changed in transfer (LF to CR LF)"),
    (b"\xef\xbb\xbf" + SNAPSHOT, "a snapshot behind a byte-order mark, so it was taken for text"),
    (
        b"\xff\xfe" + SNAPSHOT.decode("latin-1").encode("utf-16-le"),
        "a snapshot that was encoded as UTF-16, as > does in PowerShell",
    ),
    (SNAPSHOT[5:], "a snapshot without its first bytes"),
    (SNAPSHOT[9:], "a snapshot without its first bytes"),
    (base64.encodebytes(SNAPSHOT), "a snapshot in base64"),
    (base64.b64encode(gzip.compress(SNAPSHOT)), "a gzip file in base64"),
    (SNAPSHOT.hex().encode(), "a snapshot in hexadecimal digits"),
    (b"00000000: 5245 4449 5330 3031 31fa  REDIS0011.\n", "a hex dump of a snapshot"),
    (b"*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n", "an append-only file without a snapshot in front (AOF)"),
    (b"#TS:1700000000\r\n*1\r\n", "an append-only file without a snapshot in front (AOF)"),
    (b"file appendonly.aof.1.base.rdb seq 1 type b\n", "the manifest of an append-only file"),
    (b"+CONTINUE\r\n*1\r\n", "a partial resynchronisation, commands without a snapshot"),
    (b"-NOAUTH Authentication required.\r\n", "an error that a server answered"),
    (b'{"db":0,"key":"k","type":"string","value":"v"}\n', "NDJSON such as `dump` writes"),
    (b'[{"db":0,"key":"k"}]', "JSON such as `dump --format json` writes"),
    (b'{"error":{"code":"AuthenticationFailed"}}', "JSON"),
    (
        b'\xef\xbb\xbf<?xml version="1.0"?><Error><Code>AuthenticationFailed</Code><Message>sig=SECRET',
        "an error page or other XML or HTML (AuthenticationFailed)",
    ),
    (
        b"<!DOCTYPE html><html><title>404: Not Found</title>",
        "an error page or other XML or HTML (404: Not Found)",
    ),
    (b"<html><title>https://x/?sig=SECRET</title>", "an error page or other XML or HTML"),
    (b"version https://git-lfs.github.com/spec/v1\noid sha256:4d\n", "a pointer of git LFS"),
    (b"../.git/annex/objects/a/b", "a pointer of git-annex"),
    (zipped(), "a zip archive"),
    (tarred(), "a tar archive"),
    (gzip.compress(tarred()), "a tar archive"),
    (lzma.compress(SNAPSHOT), "an xz file"),
    (bz2.compress(SNAPSHOT), "a bzip2 file"),
    (b"7z\xbc\xaf\x27\x1c\0\4", "a 7-Zip archive"),
    (b"Rar!\x1a\x07\x01\0", "a RAR archive"),
    (b"\xff\x06\0\0sNaPpY", "a snappy file"),
    (b"Salted__12345678", "a file encrypted with openssl"),
    (b"age-encryption.org/v1\n", "a file encrypted with age"),
    (b"-----BEGIN PGP MESSAGE-----\n", "a file encrypted with PGP"),
    (b"SQLite format 3\0", "an SQLite database"),
    (bytes(1000), "nothing but zeros"),
    (rdbcodec.dump.encode(b"hello", version=9), "the answer of DUMP, one value without its key"),
]


@pytest.mark.parametrize(("data", "says"), FOUND, ids=[says for _, says in FOUND])
def test_a_file_that_is_plainly_something_else_is_called_by_its_name(
    data: bytes, says: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "x.rdb"
    path.write_bytes(data)
    assert main(["inspect", str(path)]) == 3
    out, err = capfd.readouterr()
    first, second = err.splitlines()
    assert (out, first) == ("", f"{path}: offset 0: expected a snapshot, found {says}")
    assert second.startswith("hint: ")


def test_every_row_has_an_example() -> None:
    names = {says.partition(" (4")[0].partition(" (Auth")[0] for _, says in FOUND}
    assert {row.says for row in LOOKALIKES} <= names


@pytest.mark.parametrize(
    "data", [SNAPSHOT, b"VALKEY080\xff" + bytes(8), b"REDIS0001\xff", b"hello", b"", bytes(9)]
)
def test_a_snapshot_and_what_nobody_can_tell_have_no_other_name(data: bytes) -> None:
    assert resemblance(data) is None


CAPTURES = {
    "keep-alives": b"\n\n$EOF:" + ID + b"\r\n" + SNAPSHOT + ID,
    "keep-alives without a line": b"\n\n\n" + SNAPSHOT,
    "many keep-alives": b"\n" * 5000 + b"$%d\r\n" % len(SNAPSHOT) + SNAPSHOT,
    "a full resynchronisation": b"+FULLRESYNC %s 1234\r\n$%d\r\n" % (ID, len(SNAPSHOT)) + SNAPSHOT,
    "with keep-alives": b"+FULLRESYNC %s 0\r\n\n\n\n$EOF:%s\r\n" % (ID, ID) + SNAPSHOT + ID,
    "the whole handshake": b"+PONG\r\n+OK\r\n+OK\r\n+FULLRESYNC %s 0\r\n$9\r\n" % ID + SNAPSHOT,
}


class Drops(io.RawIOBase):
    """A pipe that gives a few bytes at a time and cannot seek."""

    def __init__(self, data: bytes, size: int) -> None:
        self._file, self._size = io.BytesIO(data), size

    def read(self, size: int = -1) -> bytes:
        return self._file.read(min(size, self._size))


@every("size", [1, 5, 1 << 20])
@every("name", CAPTURES)
def test_a_capture_of_a_replication_is_read(name: str, size: int) -> None:
    for data in (CAPTURES[name], gzip.compress(CAPTURES[name])):
        with rdbcodec.open(cast("BinaryIO", Drops(data, size))) as reader:
            assert [record.key for record in reader if isinstance(record, rdbcodec.Entry)] == [b"k"]
            assert reader.containers[-1] == "replication"
            assert reader.tail() == rdbcodec.Tail("nothing", 0)
