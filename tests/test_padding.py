"""Padding for page blobs: what is added is taken off again, and nothing else."""

from __future__ import annotations

import gzip
import io
import os
import threading
from pathlib import Path
from subprocess import CompletedProcess

import lz4.frame
import pytest
from cases import every
from commands import run
from ways import SNAPSHOTS, entries, gzip_members, pair, snapshot, string

import rdbcodec
from rdbcodec.wire.crc64 import crc64
from rdbcodec.writing.padding import PAGE, Padding, pad, padded_size, unpad

RDB = [path for path in SNAPSHOTS if path.suffix == ".rdb"]
AOF = [path for path in SNAPSHOTS if path.suffix == ".aof"]


def padded(data: bytes) -> bytes:
    out = io.BytesIO()
    pad(data, out)
    return out.getvalue()


def unpadded(data: bytes) -> bytes:
    out = io.BytesIO()
    unpad(data, out)
    return out.getvalue()


def snapshot_of(size: int) -> bytes:
    """A snapshot without checksum of so many bytes."""
    filler = size - len(snapshot(pair(0, string(bytes(128)))))
    return snapshot(pair(0, string(b"x" * (128 + filler))))


@every("path", RDB, ids=lambda path: path.name)
def test_every_snapshot_comes_back_byte_for_byte(path: Path) -> None:
    data = path.read_bytes()
    whole = padded(data)
    assert whole == data + bytes(-len(data) % PAGE)
    assert unpadded(whole) == data
    assert [e.key for e in entries(whole)] == [e.key for e in entries(data)]


def test_a_page_blob_of_1000_bytes_is_1024_after_pad() -> None:
    data = snapshot_of(1000)
    out = io.BytesIO()
    assert pad(data, out) == Padding(end=1000, read=1000, written=1024)
    assert len(data) % PAGE == 488
    assert len(out.getvalue()) == 1024
    assert out.getvalue() == data + bytes(24)


@pytest.mark.parametrize(("size", "pages"), [(0, 0), (1, 1), (511, 1), (512, 1), (513, 2), (1000, 2)])
def test_sizes_are_rounded_up_to_pages(size: int, pages: int) -> None:
    assert padded_size(size) == pages * PAGE


def test_a_whole_page_stays_as_it_is() -> None:
    data = snapshot_of(1024)
    assert padded(data) == data


def test_padding_to_larger_blocks_is_kept_by_pad_and_cut_by_unpad() -> None:
    data = snapshot_of(1000)
    longer = data + bytes(4096 - 1000)
    assert padded(longer) == longer
    assert unpadded(longer) == data


def test_a_disabled_checksum_is_not_padding() -> None:
    data = snapshot(pair(0, string(b"v")))
    assert data.endswith(b"\xff" + bytes(8))
    assert unpadded(data) == data
    assert unpadded(padded(data)) == data


def test_zeros_behind_a_snapshot_that_has_no_checksum_are_padding() -> None:
    data = snapshot(pair(0, string(b"v")), magic=b"REDIS0004")
    assert data.endswith(b"\xff")
    assert unpadded(data + bytes(8)) == data


def test_a_value_of_zeros_longer_than_the_window_is_copied() -> None:
    data = snapshot(pair(0, string(bytes(3 << 20))))
    assert unpadded(padded(data)) == data


def test_a_checksum_ending_in_zeros_is_kept() -> None:
    for number in range(1 << 14):  # one in 256 will do
        body = snapshot(pair(0, string(b"%d" % number)))[:-8]
        data = body + crc64(body).to_bytes(8, "little")
        if data.endswith(b"\0"):
            assert unpadded(data + bytes(100)) == data
            return
    pytest.fail("no checksum ends in a zero byte")


@pytest.mark.parametrize("pack", [gzip.compress, gzip_members], ids=["one member", "two members"])
def test_gzip_stays_gzip_and_its_trailing_zeros_are_its_own(pack: object) -> None:
    assert callable(pack)
    data = snapshot_of(1000)
    packed: bytes = pack(data)
    assert packed.endswith(b"\0")  # the size in the trailer, little-endian
    out = io.BytesIO()
    assert pad(packed, out) == Padding(len(packed), len(packed), padded_size(len(packed)))
    assert unpadded(out.getvalue()) == packed
    assert unpadded(packed) == packed


def test_padding_inside_gzip_is_refused_by_unpad() -> None:
    packed = gzip.compress(snapshot_of(1000) + bytes(24))
    with pytest.raises(rdbcodec.ContainerError) as caught:
        unpadded(packed)
    assert str(caught.value) == "24 bytes of padding are inside the gzip data; decompress it first"


BEHIND = [
    (bytes(20) + b"x", "other bytes"),
    (b"x", "other bytes"),
    (snapshot(), "another snapshot"),
    (b"*1\r\n$4\r\nPING\r\n", "AOF commands"),
]


@every("copy", [padded, unpadded])
@every(("tail", "kind"), BEHIND)
@every("pack", [bytes, gzip.compress])
def test_what_is_no_padding_is_refused_and_named(copy: object, tail: bytes, kind: str, pack: object) -> None:
    assert callable(copy)
    assert callable(pack)
    with pytest.raises(rdbcodec.ContainerError) as caught:
        copy(pack(snapshot_of(1000) + tail))
    assert str(caught.value) == f"offset 1000: {kind} after the snapshot, zeros or nothing expected"


@pytest.mark.parametrize("path", AOF, ids=lambda path: path.name)
def test_aof_files_are_refused(path: Path) -> None:
    with pytest.raises(rdbcodec.ContainerError, match="AOF commands after the snapshot"):
        padded(path.read_bytes())


def test_an_lz4_file_is_refused() -> None:
    with pytest.raises(rdbcodec.ContainerError) as caught:
        padded(lz4.frame.compress(snapshot_of(1000)))
    assert str(caught.value) == "a snapshot or its gzip can be padded, this is wrapped in lz4"


def test_a_truncated_snapshot_is_not_padded() -> None:
    with pytest.raises(rdbcodec.Truncated):
        padded(snapshot_of(1000)[:900])


def test_a_pipe_is_copied_in_one_pass() -> None:
    data = snapshot(pair(0, string(b"x" * 1_000_000)))
    source, sink = os.pipe()

    def pour() -> None:
        with os.fdopen(sink, "wb") as file:
            file.write(data)

    feeder = threading.Thread(target=pour)
    feeder.start()
    out = io.BytesIO()
    with os.fdopen(source, "rb", buffering=0) as file:
        pad(file, out)
    feeder.join()
    assert out.getvalue() == data + bytes(-len(data) % PAGE)


class Sparse(io.RawIOBase):
    """A snapshot of zeros without end in sight: a string of 64 MiB, then padding of 64 MiB."""

    VALUE = 1 << 26
    HEAD = b"REDIS0012\x00\x01k\x80" + VALUE.to_bytes(4, "big")
    SIZE = len(HEAD) + VALUE + 9 + VALUE

    def __init__(self) -> None:
        super().__init__()
        self.pos = 0

    def read(self, size: int = -1, /) -> bytes:
        data = bytearray(min(size, self.SIZE - self.pos))
        end = len(self.HEAD) + self.VALUE
        for at, byte in [*enumerate(self.HEAD), (end, 0xFF)]:
            if self.pos <= at < self.pos + len(data):
                data[at - self.pos] = byte
        self.pos += len(data)
        return bytes(data)


class Counting(io.BytesIO):
    """A sink that keeps nothing."""

    size = 0

    def write(self, data: object, /) -> int:
        assert isinstance(data, bytes)
        assert len(data) <= 1 << 20, "one write is one window"
        self.size += len(data)
        return len(data)


@pytest.mark.once
def test_a_hundred_mib_of_zeros_are_held_as_a_number() -> None:
    import resource  # noqa: PLC0415 - Unix only

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    out = Counting()
    done = unpad(Sparse(), out)  # a raw file will do
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    end = len(Sparse.HEAD) + Sparse.VALUE + 9
    assert (done, out.size) == (Padding(end, Sparse.SIZE, end), end)
    assert grown < 32 << 10, f"{grown} KiB more"


# --- the commands -----------------------------------------------------------------------------------


def told(done: CompletedProcess[bytes]) -> tuple[int, str, str]:
    return done.returncode, done.stdout.decode(), done.stderr.decode()


@pytest.fixture
def dump(tmp_path: Path) -> Path:
    path = tmp_path / "dump.rdb"
    path.write_bytes(snapshot_of(1000))
    return path


def test_pad_and_unpad_say_what_they_did(dump: Path, tmp_path: Path) -> None:
    page, back = tmp_path / "page.rdb", tmp_path / "back.rdb"
    assert told(run("pad", str(dump), "-o", str(page))) == (
        0,
        f"{page}: 1,024 bytes, 24 zero bytes added\n",
        "",
    )
    assert told(run("unpad", str(page), "-o", str(back))) == (
        0,
        f"{back}: 1,000 bytes, 24 zero bytes cut off\n",
        "",
    )
    assert back.read_bytes() == dump.read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["back.rdb", "dump.rdb", "page.rdb"]


def test_pad_works_between_pipes() -> None:
    data = snapshot_of(1000)
    done = run("pad", "-", "-o", "-", data=data)
    assert (done.returncode, done.stdout, done.stderr) == (0, data + bytes(24), b"")


def test_an_existing_file_is_kept_unless_forced(dump: Path, tmp_path: Path) -> None:
    page = tmp_path / "page.rdb"
    page.write_bytes(b"precious")
    refusal = f"{page}: exists already, --force writes over it\n"
    assert told(run("pad", str(dump), "-o", str(page))) == (4, "", refusal)
    assert page.read_bytes() == b"precious"
    assert run("pad", str(dump), "-o", str(page), "--force").returncode == 0
    assert page.stat().st_size == 1024


def test_a_file_can_be_padded_in_place_with_force(dump: Path) -> None:
    before = dump.read_bytes()
    assert run("pad", str(dump), "-o", str(dump), "--force").returncode == 0
    assert dump.read_bytes() == before + bytes(24)


def test_what_cannot_be_read_leaves_no_output(dump: Path, tmp_path: Path) -> None:
    dump.write_bytes(snapshot_of(1000)[:900])
    done = told(run("pad", str(dump), "-o", str(tmp_path / "page.rdb")))
    hint = "hint: the file is cut: `salvage` saves what stands before the cut\n"
    assert done == (3, "", f"{dump}: offset 900: the file ends inside a record\n{hint}")
    assert list(tmp_path.iterdir()) == [dump]


def test_other_bytes_behind_the_end_are_exit_3_with_their_offset(dump: Path, tmp_path: Path) -> None:
    dump.write_bytes(snapshot_of(1000) + b"junk")
    done = told(run("unpad", str(dump), "-o", str(tmp_path / "back.rdb")))
    message = f"{dump}: offset 1000: other bytes after the snapshot, zeros or nothing expected\n"
    assert done == (3, "", message)
    assert list(tmp_path.iterdir()) == [dump]


def test_a_missing_file_is_exit_4_and_no_output_exit_2(tmp_path: Path) -> None:
    missing = tmp_path / "none.rdb"
    done = told(run("pad", str(missing), "-o", str(tmp_path / "page.rdb")))
    assert done == (4, "", f"{missing}: No such file or directory\n")
    assert list(tmp_path.iterdir()) == []
    assert run("pad", str(missing)).returncode == 2
