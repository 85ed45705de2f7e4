"""Outputs: there whole or not at all, with the right mode, under any name, whatever happens on the way."""

from __future__ import annotations

import errno
import gc
import gzip
import io
import os
import secrets
import stat
from collections.abc import Iterator
from pathlib import Path

import lz4.frame
import pytest
import zstandard

import rdbcodec
from rdbcodec.writing.output import Output, OutputPath, like, whole_output
from rdbcodec.writing.packing import Compression


def modes(folder: Path) -> dict[str, int]:
    return {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}


@pytest.fixture
def umask() -> Iterator[None]:
    old = os.umask(0o022)
    yield
    os.umask(old)


# --- what is taken ----------------------------------------------------------------------------------


class Pipe:
    """A file that takes as many bytes as its answers say, one answer a write."""

    def __init__(self, *answers: object) -> None:
        self.answers = list(answers)
        self.taken = b""

    def write(self, data: bytes | memoryview, /) -> object:
        answer = self.answers.pop(0)
        if isinstance(answer, int):
            self.taken += bytes(data[:answer])
        return answer


def test_a_file_that_takes_a_part_is_given_the_rest() -> None:
    pipe = Pipe(3, 1, 6)
    with whole_output(pipe) as file:
        assert file.write(b"0123456789") == 10
    assert pipe.taken == b"0123456789"


@pytest.mark.parametrize("answers", [(None,), (4, None)])
def test_a_full_pipe_that_does_not_wait_is_an_error(answers: tuple[object, ...]) -> None:
    with pytest.raises(BlockingIOError) as caught, whole_output(Pipe(*answers)) as file:
        file.write(b"0123456789")
    assert caught.value.errno == errno.EAGAIN
    assert caught.value.strerror == "takes nothing and does not wait: its write answered None"


@pytest.mark.parametrize("answer", [0, 11, -1, "10", True])
def test_a_write_that_does_not_say_what_it_took_is_an_error(answer: object) -> None:
    pipe = Pipe(answer, 0)
    with pytest.raises(OSError, match="its write answered") as caught, whole_output(pipe) as file:
        file.write(b"0123456789")
    assert caught.value.errno == errno.EIO


def fill(writer: rdbcodec.Writer) -> None:
    for at in range(200_000):
        writer.write(b"key:%d" % at, b"value")


def test_200000_keys_into_a_nonblocking_pipe_are_no_success() -> None:
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    with os.fdopen(reading, "rb"), os.fdopen(writing, "wb", buffering=0) as pipe:
        writer = rdbcodec.create(pipe)
        with pytest.raises(BlockingIOError):
            fill(writer)
        writer.abort()


# --- whole or not at all ----------------------------------------------------------------------------


def test_a_temporary_file_of_a_killed_process_is_in_nobodys_way(tmp_path: Path) -> None:
    first, second = Output(tmp_path / "out.rdb"), Output(tmp_path / "out.rdb")
    names = {path.name for path in tmp_path.iterdir()}
    assert len(names) == 2
    assert all(name.startswith(".out.rdb.") and name.endswith(".tmp") for name in names)
    first.discard()
    second.write(b"whole")
    second.commit()
    assert [path.name for path in tmp_path.iterdir()] == ["out.rdb"]


def test_a_name_that_is_taken_is_left_alone_and_another_is_tried(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".out.rdb.taken.tmp").write_bytes(b"of somebody else")
    names = iter(["taken", "free"])
    monkeypatch.setattr(secrets, "token_hex", lambda _: next(names))
    made = Output(tmp_path / "out.rdb")
    made.discard()
    assert (tmp_path / ".out.rdb.taken.tmp").read_bytes() == b"of somebody else"
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("compression", [None, "gzip", "lz4", "zstd"])
def test_a_writer_that_is_dropped_leaves_no_file(compression: Compression | None, tmp_path: Path) -> None:
    writer = rdbcodec.create(tmp_path / "out.rdb", compression=compression)
    writer.write("k", "v" * 1_000_000)
    assert len(list(tmp_path.iterdir())) == 1
    del writer
    gc.collect()
    assert list(tmp_path.iterdir()) == []


def test_a_fork_that_ends_does_not_remove_its_parents_file(tmp_path: Path) -> None:
    made = Output(tmp_path / "out.rdb")
    made.write(b"whole")
    child = os.fork()
    if not child:
        made.discard()
        os._exit(0)
    os.waitpid(child, 0)
    made.commit()
    assert (tmp_path / "out.rdb").read_bytes() == b"whole"


@pytest.mark.parametrize("size", [255, 254, 240, 63])
@pytest.mark.parametrize("letter", ["n", "ключ"])
def test_names_of_255_bytes_can_be_written(size: int, letter: str, tmp_path: Path) -> None:
    name = (letter * 255).encode()[:size].decode("utf-8", "ignore")
    with whole_output(tmp_path / name) as file:
        file.write(b"whole")
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_what_a_link_points_at_is_replaced_and_the_link_stays(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "folder" / "out.rdb")
    with whole_output(tmp_path / "link") as file:
        file.write(b"whole")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "folder" / "out.rdb").read_bytes() == b"whole"


def test_the_folder_is_synced_after_the_rename(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[tuple[bool, bool]] = []

    def fsync(fd: int) -> None:
        synced.append((stat.S_ISDIR(os.fstat(fd).st_mode), (tmp_path / "out.rdb").exists()))

    monkeypatch.setattr(os, "fsync", fsync)
    with whole_output(tmp_path / "out.rdb") as file:
        file.write(b"whole")
    assert synced == [(False, False), (True, True)]


# --- modes ------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("umask")
def test_a_new_file_has_the_mode_of_its_source_within_the_umask(tmp_path: Path) -> None:
    source = tmp_path / "in.rdb"
    source.write_bytes(b"")
    for mode, expected in ((0o600, 0o600), (0o640, 0o640), (0o666, 0o644), (0o444, 0o444)):
        source.chmod(mode)
        with whole_output(like(tmp_path / f"{mode:o}", source)):
            pass
        assert modes(tmp_path)[f"{mode:o}"] == expected


@pytest.mark.usefixtures("umask")
def test_a_new_file_without_a_source_has_the_mode_of_any_new_file(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    sources: list[object] = [None, tmp_path / "nothing", tmp_path, b"bytes", reading]
    for at, source in enumerate(sources):
        with whole_output(like(tmp_path / f"out{at}", source)):
            pass
    os.close(reading)
    os.close(writing)
    assert set(modes(tmp_path).values()) == {0o644}


@pytest.mark.usefixtures("umask")
def test_a_replaced_file_keeps_its_mode_and_nobody_else_sees_the_bytes_before(tmp_path: Path) -> None:
    target = tmp_path / "out.rdb"
    target.write_bytes(b"old")
    for mode in (0o600, 0o666, 0o440):
        target.chmod(mode)
        with whole_output(OutputPath(target, 0o644)) as file:
            file.write(b"new")
            assert set(modes(tmp_path).values()) == {mode}
        assert modes(tmp_path) == {"out.rdb": mode}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give a file to another")
def test_a_replaced_file_keeps_its_owner(tmp_path: Path) -> None:
    target = tmp_path / "out.rdb"
    target.write_bytes(b"old")
    os.chown(target, 12, 34)
    with whole_output(target) as file:
        file.write(b"new")
    assert (target.stat().st_uid, target.stat().st_gid) == (12, 34)


# --- errors -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "kind", "says"),
    [
        ("/dev/full", OSError, "No space left on device"),
        ("nodir/x.rdb", FileNotFoundError, "there is no such folder"),
        (".", IsADirectoryError, "is a directory"),
        ("old.rdb", FileExistsError, "exists already"),
        ("n" * 256, OSError, "File name too long"),
    ],
)
def test_errors_name_the_output_as_it_was_given(
    name: str, kind: type[OSError], says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("old.rdb").write_bytes(b"old")
    with pytest.raises(kind) as caught, whole_output(name, replace=False) as file:
        file.write(bytes(1 << 20))
    assert (caught.value.filename, caught.value.strerror) == (name, says)
    assert [path.name for path in tmp_path.iterdir()] == ["old.rdb"]


def test_a_file_that_appeared_meanwhile_is_not_replaced(tmp_path: Path) -> None:
    target = tmp_path / "out.rdb"
    made = Output(target, replace=False)
    made.write(b"ours")
    target.write_bytes(b"theirs")
    with pytest.raises(FileExistsError):
        made.commit()
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"out.rdb": b"theirs"}


# --- compression ------------------------------------------------------------------------------------


@pytest.mark.parametrize("compression", ["gzip", "lz4", "zstd"])
def test_every_compression_is_read_back_and_has_the_same_bytes_twice(compression: Compression) -> None:
    data = [written(compression) for _ in range(2)]
    assert data[0] == data[1]
    unpack = {"gzip": gzip.decompress, "lz4": lz4.frame.decompress, "zstd": unpack_zstd}
    assert unpack[compression](data[0]) == written(None)
    with rdbcodec.open(data[0]) as reader:
        assert reader.containers == (compression,)
        assert [record.key for record in reader if isinstance(record, rdbcodec.Entry)] == [b"k"]


def written(compression: Compression | None) -> bytes:
    out = io.BytesIO()
    with rdbcodec.create(out, compression=compression) as writer:
        writer.write("k", "v" * 100_000)
    return out.getvalue()


def unpack_zstd(data: bytes) -> bytes:
    unpacked: bytes = zstandard.ZstdDecompressor().stream_reader(io.BytesIO(data)).read()
    return unpacked
