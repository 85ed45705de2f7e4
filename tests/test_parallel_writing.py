"""A snapshot written by several processes is, byte for byte, the one that a single process writes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hostile_jobs import COMMANDS, Counts, differences, made
from test_parallel import NOW_MS, in_parts, long_string
from ways import pair, snapshot

from rdbcodec.errors import EncodeError, LossyConversion, RdbError
from rdbcodec.facts.selection import Selection
from rdbcodec.reading.parallel.opening import InParts
from rdbcodec.reading.reader import Reader
from rdbcodec.writing.conversion import convert

Job = dict[str, Any]
SOME = Selection(patterns=[b"[13579]$"], ttl="none", now_ms=NOW_MS).take
JOBS: tuple[Job, ...] = (
    {},
    {"keep": SOME},
    {"to": "redis-6.2"},
    {"to": "redis-2.8", "allow_loss": True},
    {"to": "valkey-9.1", "keep": SOME, "functions": False},
    {"to": "dragonfly-1.27", "allow_loss": True, "look": False},
)


def many(*, version: int = 11) -> bytes:
    """Four databases with keys of all sorts, the third of them twice, and nothing in the second."""
    records: list[bytes] = [b"\xfa" + long_string(b"redis-ver") + long_string(b"7.2.0")]
    for number in range(900):
        if number % 300 == 0:
            records.append(b"\xfe" + bytes([number // 300 * 2]) + b"\xfb\x41\x2c\x00")
        key, at = b"key:%03d" % number, (NOW_MS + number * 999).to_bytes(8, "little")
        value = b"\x0cvalue %06d" % number
        record = pair(0, value, key)
        if number % 7 == 0:
            record = pair(4, b"\x02\x02f1" + value + b"\x02f2" + value, key)
        records.append(b"\xfc" + at + record if number % 3 == 0 else record)
    return snapshot(*records, magic=b"REDIS%04d" % version)


class Written:
    """What a job writes: the bytes, what it says of them, or the error; and how the parts came together."""

    def __init__(self, output: Path, job: Job, open_: Callable[[], Reader]) -> None:
        self.readers: list[Reader] = []

        def again() -> Reader:
            self.readers.append(open_())
            return self.readers[-1]

        output.unlink(missing_ok=True)
        try:
            done = convert(again, output, **job)
            self.said: Any = [getattr(done, name) for name in done.__slots__]
        except LossyConversion as error:
            self.said = error.losses
        except RdbError as error:
            self.said = str(error)
        self.data = output.read_bytes() if output.exists() else None
        assert [*output.parent.glob(".*")] == []

    @property
    def joined(self) -> list[int]:
        """Of each reading the parts that others read."""
        return [reader.joined for reader in self.readers if isinstance(reader, InParts)]


def same(path: Path, job: Job, cut: tuple[int, int] = (2000, 8)) -> Written:
    """What one process writes is what several write, which is given."""
    alone = Written(path.with_suffix(".out"), job, lambda: Reader(path))
    parts = Written(path.with_suffix(".out"), job, lambda: in_parts(path, cut))
    assert (parts.said, parts.data) == (alone.said, alone.data), job
    return parts


@pytest.mark.parametrize("job", JOBS, ids=lambda job: " ".join([str(job.get("to", "a copy")), *job]))
def test_what_is_copied_in_parts_is_the_same_file(tmp_path: Path, job: Job) -> None:
    path = tmp_path / "in.rdb"
    path.write_bytes(many())
    written = same(path, job)
    assert written.data is not None
    assert max(written.joined) > 8


@pytest.mark.parametrize("seed", [0, 1, 2, 6, 7])
def test_hostile_files_are_to_several_processes_what_they_are_to_one(tmp_path: Path, seed: int) -> None:
    path, counts = tmp_path / "in.rdb", Counts([], [])
    path.write_bytes(made(seed)[1])
    verbs = [*COMMANDS][seed % 2 :: 2]
    for verb in verbs:
        assert differences(path, seed, (verb, *COMMANDS[verb][-1]), counts, jobs=(2 + seed % 6,)) == []
    assert sum(counts.joined) > 0


def test_a_key_that_is_there_twice_is_told_by_one_process_with_its_places(tmp_path: Path) -> None:
    path = tmp_path / "in.rdb"
    keys = [pair(0, b"\x01v", b"key:%d" % (number % 495)) for number in range(500)]
    path.write_bytes(snapshot(*keys))
    written = same(path, {}, (500, 8))
    assert written.data is None
    assert "the key is there twice, at offsets 9 and 5344, " in written.said
    assert written.joined[0] > 5
    assert len(same(path, {"on_duplicate": "allow"}, (500, 8)).data or b"") == path.stat().st_size
    assert same(path, {"on_duplicate": "last"}, (500, 8)).joined == [0, 0]


def test_counts_of_keys_go_when_a_part_drops_one(tmp_path: Path) -> None:
    stream = pair(15, b"\x00\x00\x00\x00\x00", b"events")
    path = tmp_path / "in.rdb"
    keys = [pair(0, b"\x01v", b"key:%d" % number) for number in range(400)]
    path.write_bytes(snapshot(b"\xfe\x00\xfb\x41\x91\x00", *keys, stream, magic=b"REDIS0009"))
    written = same(path, {"to": "redis-3.2", "allow_loss": True}, (500, 8))
    assert written.data is not None
    assert b"\xfb\x41\x91\x00" not in written.data
    assert written.joined == [16, 17]


def test_damage_leaves_no_file(tmp_path: Path) -> None:
    path = tmp_path / "in.rdb"
    data = bytearray(many())
    data[-3000] ^= 0x40
    path.write_bytes(data)
    for job in JOBS:
        assert same(path, job).data is None


def test_the_remark_about_a_key_goes_with_it_wherever_a_part_ends(tmp_path: Path) -> None:
    about = b"\xfa" + long_string(b"keydb-subexpire-key") + long_string(b"member")
    path = tmp_path / "in.rdb"
    keys = [pair(2, b"\x01\x01m", b"key:%d" % number) + about for number in range(300)]
    path.write_bytes(snapshot(*keys, magic=b"REDIS0009"))
    written = same(path, {"keep": SOME}, (120, 1))
    assert written.data is not None
    assert written.data.count(b"keydb-subexpire-key") == 150


def test_bytes_behind_a_snapshot_are_copied_behind_its_parts(tmp_path: Path) -> None:
    path = tmp_path / "in.rdb"
    path.write_bytes(many() + b"*1\r\n$4\r\nPING\r\n")
    assert (same(path, {}).data or b"").endswith(b"PING\r\n")


def test_a_path_is_converted_by_several_processes_when_they_are_asked_for(tmp_path: Path) -> None:
    path, output = tmp_path / "in.rdb", tmp_path / "out.rdb"
    path.write_bytes(many())
    assert convert(path, output, to="redis-7.0", jobs=4).keys == 900
    with pytest.raises(EncodeError):
        convert(path, output, to="redis-7.0", jobs=4, on_duplicate="no such")  # type: ignore[arg-type]
