"""A snapshot read in parts is what it is when one process reads all of it: results, order, errors."""

from __future__ import annotations

import io
import pickle
import random
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from commands import run as run_command
from ways import SNAPSHOTS, pair, snapshot

import rdbcodec
from rdbcodec.cli import common
from rdbcodec.errors import RdbError
from rdbcodec.exports.parts import Commands, Csv, Form, Json, Ndjson, whole, write_in_parts
from rdbcodec.facts.kinds import Kinds
from rdbcodec.facts.largest import ORDERS, TopPass
from rdbcodec.facts.memory.entries import EntryPass, Together
from rdbcodec.facts.passes import Batch, Pass, run
from rdbcodec.facts.prefixes import PrefixPass
from rdbcodec.facts.profile import ProfilePass
from rdbcodec.facts.soundness import check
from rdbcodec.facts.ttls import TtlPass
from rdbcodec.facts.usage import StatPass
from rdbcodec.limits import CHECKED_VALUE, COUNTED_VALUE
from rdbcodec.losses import Losses
from rdbcodec.reading.parallel import opening, workers
from rdbcodec.reading.parallel.guess import Guesser
from rdbcodec.reading.parallel.here import Here
from rdbcodec.reading.parallel.jobs import PART, cores, jobs_for
from rdbcodec.reading.parallel.opening import InParts
from rdbcodec.reading.parallel.scan import AHEAD
from rdbcodec.reading.parallel.workers import Processes
from rdbcodec.reading.reader import Reader
from rdbcodec.reports.ttls import ttl_json
from rdbcodec.reports.usage import stat_json

NOW_MS = 1_700_000_000_000
CUTS = ((97, 1), (2000, 8))  # bytes of a part, records in a row that make a guess
FEW = [path for path in SNAPSHOTS if path.suffix == ".rdb"][::24]


def in_parts(path: Path, cut: tuple[int, int], max_value: int = COUNTED_VALUE) -> InParts:
    return InParts(path, {"max_value": max_value}, lambda _: Here(3), size=cut[0], records=cut[1])


def profiled(reader: Reader, path: Path) -> Any:
    """All there is to count, but for the order of shapes, which is that of batches."""
    with reader:
        each = ProfilePass(
            now_ms=NOW_MS, biggest=3, duplicates=True, values=True, memory=True, reopen=lambda: Reader(path)
        )
        profile = run(reader, [each])[0]
    assert profile.memory is not None
    shapes = sorted(profile.memory.shapes.items())
    profile.memory.shapes.clear()
    return repr(profile), shapes


def checked(reader: Reader, path: Path) -> Any:
    with reader:
        return repr(check(reader, now_ms=NOW_MS, reopen=lambda: Reader(path)))


def told(reader: Reader, path: Path) -> Any:
    """What stat, top, prefix, ttl and the report tell, as they tell it."""
    del path
    with reader:
        passes: list[EntryPass[Any]] = [
            StatPass(now_ms=NOW_MS),
            PrefixPass(now_ms=NOW_MS, separators=":%", depth=3),
            TtlPass(now_ms=NOW_MS),
            *(TopPass(wanted=7, order=order) for order in ORDERS),
        ]
        (found,) = run(reader, [Together(passes)])
    stat, prefixes, ttls, *largest = found
    with stat, prefixes, ttls:
        return (
            stat_json(stat),
            [*prefixes.rows()],
            prefixes.largest(3),
            prefixes.total,
            ttl_json(ttls, rows=5),
            [[*keys] for keys in largest],
        )


def outcome(job: Callable[[Reader, Path], Any], reader: Reader, path: Path) -> Any:
    try:
        return job(reader, path)
    except RdbError as error:
        return type(error), str(error)


def alike(path: Path, *, cuts: tuple[tuple[int, int], ...] = CUTS) -> list[tuple[int, int]]:
    """Both jobs, one process and parts: the same. For each cut how many parts were joined, and read again."""
    counts = []
    for job, most in ((profiled, COUNTED_VALUE), (checked, CHECKED_VALUE), (told, COUNTED_VALUE)):
        wanted = outcome(job, Reader(path, max_value=most), path)
        for cut in cuts:
            reader = in_parts(path, cut, most)
            assert outcome(job, reader, path) == wanted, cut
            counts.append((reader.joined, reader.read_here))
    return counts


@pytest.mark.parametrize("path", FEW, ids=lambda path: path.stem)
def test_every_snapshot_is_the_same_in_parts(path: Path) -> None:
    alike(path)


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three databases of keys of all sorts, with and without a time to live."""
    path = tmp_path_factory.mktemp("parallel") / "many.rdb"
    with rdbcodec.create(path, version=11) as writer:
        for number in range(1200):
            value: Any = b"value %d" % number
            if number % 7 == 0:
                value = rdbcodec.Hash({b"f%d" % field: b"v" for field in range(number % 40 + 1)})
            at = NOW_MS + number * 999 - 1_000_000 if number % 3 == 0 else None
            writer.write(b"key:%d" % number, value, db=number // 400, expires_at_ms=at)
    return path


def test_parts_are_joined_where_guesses_are_right(many: Path) -> None:
    (joined, read_again), *others = alike(many, cuts=((2000, 16),))
    assert (joined > 8, read_again, others) == (True, 0, [(joined, 0)] * 2)


@pytest.mark.parametrize("databases", [1, 5])
def test_databases_are_looked_for_where_there_is_more_than_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, databases: int
) -> None:
    path = tmp_path / "databases.rdb"
    looked: list[int] = []
    with rdbcodec.create(path, version=11) as writer:
        for number in range(2000):
            writer.write(b"key:%d" % number, b"value", db=number * databases // 2000)
    find = Guesser.database

    def looking(guesser: Guesser, begin: int, end: int) -> int | None:
        looked.append(begin)
        return find(guesser, begin, end)

    monkeypatch.setattr(Guesser, "database", looking)
    ((joined, read_here), *_) = alike(path, cuts=((2000, 8),))
    assert (joined > 8, read_here, bool(looked)) == (True, 0, databases > 1)


def test_keys_of_the_second_half_are_found_twice_in_the_first(tmp_path: Path) -> None:
    path = tmp_path / "twice.rdb"
    keys = [pair(0, b"\x01v", b"key:%d" % (number % 995)) for number in range(1000)]
    path.write_bytes(snapshot(*keys))
    with in_parts(path, (1000, 16), CHECKED_VALUE) as reader:
        found = check(reader, now_ms=NOW_MS, reopen=lambda: Reader(path))
    assert reader.joined > 5
    assert [problem.key for problem in found.problems] == [b"key:%d" % number for number in range(5)]


@pytest.mark.parametrize("seed", range(9))
def test_damage_is_told_with_the_same_words_at_the_same_place(many: Path, tmp_path: Path, seed: int) -> None:
    rng, data = random.Random(seed), bytearray(many.read_bytes())
    if seed % 3 == 0:
        del data[rng.randrange(len(data)) :]
    else:
        for _ in range(seed % 3):
            data[rng.randrange(20, len(data))] ^= 1 << rng.randrange(8)
    path = tmp_path / "damaged.rdb"
    path.write_bytes(data)
    alike(path, cuts=((2000, 4),))


def hostile(seed: int) -> bytes:
    """A snapshot whose values look like records, or like whole snapshots, at every cut."""
    rng = random.Random(seed)
    small = [pair(0, b"\x02v%d" % (n % 10), b"k%02d" % n) for n in range(20)]
    inner = snapshot(*small, b"\xfe\x03", b"\xfb\x02\x00", *small)
    records = []
    for number in range(rng.randrange(15, 50)):
        key = b"%d" % number
        records.append(Shapes(rng, key, b"".join(small), inner).record())
    return snapshot(*records, magic=rng.choice((b"REDIS0011", b"REDIS0012", b"REDIS0009", b"REDIS0006")))


def long_string(text: bytes) -> bytes:
    return b"\x80" + len(text).to_bytes(4, "big") + text


class Shapes(NamedTuple):
    """Records of which each looks like others."""

    rng: random.Random
    key: bytes
    small: bytes
    inner: bytes

    def record(self) -> bytes:
        rng, key, small = self.rng, self.key, self.small
        plain = pair(0, b"\x01v", key)
        records = (
            pair(0, long_string(small * rng.randrange(1, 9)), key),
            pair(0, long_string(self.inner * rng.randrange(1, 4)), key),
            pair(0, long_string(bytes(rng.randrange(500))), key),
            b"\xfe" + bytes([rng.randrange(16)]) + plain,
            b"\xfe\x05\xfb\x01\x00" + plain,
            b"\xfc" + rng.randbytes(8) + plain,
            b"\xfc" + small[:8] + b"\xf9\x05" + plain,
            b"\xf8\x05" + pair(1, b"\x02\x01a" + long_string(small), key),
            b"\xfa" + long_string(small) + b"\x01v" + plain,
            plain,
        )
        return rng.choice(records)


@pytest.mark.parametrize("seed", range(12))
def test_values_that_look_like_records_change_nothing(tmp_path: Path, seed: int) -> None:
    path = tmp_path / "hostile.rdb"
    path.write_bytes(hostile(seed))
    alike(path, cuts=((97, 1), (500, 3)))


def test_templates_behind_the_head_are_known_to_the_parts_that_follow(tmp_path: Path) -> None:
    templates = [
        b"\xf2" + bytes([number, 2]) + b"\x01f\x01g" + pair(0, b"\x01v", b"k%d" % number) * 500
        for number in range(1, 4)
    ]
    path = tmp_path / "templates.rdb"
    path.write_bytes(snapshot(*templates, magic=b"REDIS0015"))
    (joined, again), *_ = alike(path, cuts=((200, 4),))
    assert joined > 0
    assert again > 0


# --- text ---------------------------------------------------------------------------------------------

FORMS = (
    Ndjson(),
    Ndjson(everything=True),
    Csv(),
    Csv(safe=True),
    Json(),
    Json(everything=True),
    Commands(now_ms=NOW_MS),
    Commands(version=2, now_ms=NOW_MS),
    Commands(restore=True, now_ms=NOW_MS),
)


def dumped(reader: Reader, form: Form) -> Any:
    """The text, what was lost, and the error that ended it."""
    out, losses, failure = io.BytesIO(), Losses(), ""
    with reader:
        try:
            if not write_in_parts(reader, form, out, losses=losses):
                for piece in whole(form, iter(reader), losses):
                    out.write(piece)
        except RdbError as error:
            failure = str(error)
    return out.getvalue(), losses.of("data"), losses.of("hint"), failure


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_text_of_parts_is_that_of_the_whole(many: Path, form: Form) -> None:
    reader = in_parts(many, (2000, 16))
    assert dumped(reader, form) == dumped(Reader(many, max_value=COUNTED_VALUE), form)
    assert (reader.joined > 8, reader.read_here) == (True, 0)


@pytest.mark.parametrize("seed", range(4))
def test_text_of_hostile_parts_is_that_of_the_whole(tmp_path: Path, seed: int) -> None:
    path = tmp_path / "hostile.rdb"
    path.write_bytes(hostile(100 + seed))
    for form in FORMS[1::2]:
        wanted = dumped(Reader(path, max_value=COUNTED_VALUE), form)
        assert dumped(in_parts(path, (97, 1)), form) == wanted
        assert dumped(in_parts(path, (300, 3)), form) == wanted


@pytest.mark.parametrize("form", [Ndjson(), Csv(), Json()], ids=str)
def test_a_snapshot_whose_first_bytes_hold_no_key_is_one_table(tmp_path: Path, form: Form) -> None:
    path = tmp_path / "late.rdb"
    remarks = [b"\xfa" + long_string(b"name") + long_string(bytes(40)) for _ in range(9)]
    path.write_bytes(snapshot(*remarks, *(pair(0, b"\x01v", b"k%d" % number) for number in range(99))))
    wanted = dumped(Reader(path), form)
    assert dumped(in_parts(path, (50, 4)), form) == wanted
    assert wanted[0].count(b"k7") == 11


def test_what_stands_before_damage_is_told_without_a_key_too(tmp_path: Path) -> None:
    path = tmp_path / "damaged.rdb"
    remarks = [b"\xfa" + long_string(b"name") + b"\x01%d" % number for number in range(9)]
    path.write_bytes(snapshot(*remarks)[:-14])
    wanted = dumped(Reader(path), Ndjson(everything=True))
    assert wanted[0].count(b"\n") == 9
    assert dumped(in_parts(path, (50, 1)), Ndjson(everything=True)) == wanted


# --- libraries ----------------------------------------------------------------------------------------


def test_scan_gives_the_results_of_each_pass_and_tells_how_far_it_is(many: Path) -> None:
    told: list[tuple[int, int | None, int]] = []
    kinds, profile = rdbcodec.scan(
        many,
        [Kinds(), ProfilePass(now_ms=NOW_MS)],
        jobs=1,
        progress=lambda done, whole, keys: told.append((done, whole, keys)),
    )
    assert {name: kind.keys for name, kind in kinds.items()} == {"string": 1028, "hash-listpack": 172}
    assert (profile.keys, told[-1]) == (1200, (many.stat().st_size, many.stat().st_size, 1200))


class Alone(Pass[int]):
    """A pass that says nothing of parts."""

    keys = 0

    def batch(self, batch: Batch) -> None:
        self.keys += len(batch.entries)

    def end(self) -> int:
        return self.keys


def test_a_pass_that_knows_no_parts_is_given_all(many: Path) -> None:
    with in_parts(many, (2000, 16)) as reader:
        assert run(reader, [Alone()]) == [1200]
    assert reader.joined == 0


def test_small_files_and_what_is_no_file_have_one_process(many: Path, tmp_path: Path) -> None:
    large = tmp_path / "large.rdb"
    with large.open("wb") as file:
        file.truncate(100 << 20)
    assert (jobs_for(many, None), jobs_for(many, 4), jobs_for("/dev/null", 4)) == (1, 1, 1)
    assert (jobs_for(large, 3), jobs_for(large, 1), jobs_for(large, None)) == (3, 1, min(cores(), 8))
    with large.open("wb") as file:
        file.truncate(2 * PART)
    assert (jobs_for(large, 3), jobs_for(large, None)) == (3, 1)


# --- processes ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["spawn"])
def test_processes_find_what_one_finds(many: Path, method: str) -> None:
    wanted = profiled(Reader(many), many)
    reader = InParts(many, {}, lambda _: Processes(2, method), size=8_000, records=16)
    with reader:
        each = ProfilePass(now_ms=NOW_MS, biggest=3, values=True, memory=True)
        profile = run(reader, [each])[0]
    assert reader.joined > 1  # how many hangs on the engine that packed the file
    assert repr(profile.biggest) in wanted[0]
    assert profile.memory is not None
    assert sorted(profile.memory.shapes.items()) == wanted[1]


def test_a_process_that_is_killed_is_an_error_that_says_so(many: Path) -> None:
    started: list[Processes] = []

    def start(_: bool) -> Processes:
        started.append(Processes(1, "spawn"))
        for process in started[0].processes:
            process.kill()
            process.code()
        return started[0]

    with (
        InParts(many, {}, start, size=8_000, records=16) as reader,
        pytest.raises(ChildProcessError) as told,
    ):
        run(reader, [Kinds()])
    said = f"a process that read a part ended by signal {int(signal.SIGKILL)}"
    assert (told.value.strerror, told.value.filename) == (said, str(many))


@pytest.mark.skipif(sys.platform != "linux", reason="processes are forked on Linux only")
def test_processes_end_when_the_one_that_started_them_is_gone() -> None:
    code = (
        "import os; from rdbcodec.reading.parallel.workers import Processes;"
        "started = Processes(3, 'fork'); os._exit(7)"
    )
    # Its stdout is theirs, too, so that this waits for all of them.
    ended = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, timeout=60, check=False)
    assert ended.returncode == 7


@pytest.mark.skipif(sys.platform != "linux", reason="processes are forked on Linux only")
def test_forked_processes_find_what_one_finds_and_one_that_is_killed_is_an_error(many: Path) -> None:
    with Reader(many) as reader:
        wanted = run(reader, [Kinds()])
    started: list[Processes] = []

    def start(_: bool) -> Processes:
        started.append(Processes(2, "fork"))
        return started[-1]

    def kill() -> None:
        for process in started[-1].processes if len(started) == 2 else ():
            process.kill()

    with InParts(many, {}, start, size=8_000, records=16) as reader:
        assert run(reader, [Kinds()]) == wanted
    assert reader.joined >= 5
    with (
        InParts(many, {}, start, size=2_000, records=16) as reader,
        pytest.raises(ChildProcessError, match=f"ended by signal {int(signal.SIGKILL)}"),
    ):
        run(reader, [Kinds()], progress=kill)
    assert [each.processes for each in started] == [[], []]


@pytest.mark.skipif(sys.platform != "linux", reason="processes are forked on Linux only")
def test_a_forked_process_that_fails_says_why(many: Path, capfd: pytest.CaptureFixture[str]) -> None:
    processes = Processes(1, "fork")
    processes.begin(FailingJob(str(many)))
    processes.give(1)
    with pytest.raises(ChildProcessError, match="ended with code 1"):
        processes.take(lambda: None)
    processes.close()
    assert capfd.readouterr().err.endswith("ZeroDivisionError: no part is like this\n")


class FailingJob(NamedTuple):
    """One that cannot even say that it cannot."""

    path: str

    def read(self, _: int) -> None:
        raise ZeroDivisionError("no part is like this")


def test_where_processes_are_not_forked_none_is_started_for_what_compares_hashes(
    many: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[int] = []

    def processes(count: int, method: str, *, ahead: int) -> Here:
        assert (method, ahead) == ("spawn", AHEAD)
        started.append(count)
        return Here(count)

    monkeypatch.setattr(workers, "start_method", lambda: "spawn")
    monkeypatch.setattr(workers, "Processes", processes)
    for module in (common, opening):
        monkeypatch.setattr(module, "jobs_for", lambda _, jobs: jobs)
    monkeypatch.setattr(opening.InParts.__init__, "__kwdefaults__", {"size": 8_000, "records": 16})
    check: list[str | Path] = ["check", many]
    convert: list[str | Path] = ["convert", many, "--to", "redis-7.2", "--force", "-o", tmp_path / "all.rdb"]
    for words in (check, convert):
        alone, asked = (run_command(*words, "--jobs", jobs) for jobs in ("1", "3"))
        assert (alone.returncode, alone.stdout, alone.stderr) == (
            asked.returncode,
            asked.stdout,
            asked.stderr,
        )
    assert started == []
    run_command("stat", many, "--jobs", "3")
    assert started == [3]


def test_an_exception_of_the_progress_ends_the_processes(many: Path) -> None:
    started: list[Processes] = []

    def stop() -> None:
        if started:
            raise KeyboardInterrupt

    def start(_: bool) -> Processes:
        started.append(Processes(1, "spawn"))
        return started[0]

    with (
        pytest.raises(KeyboardInterrupt),
        InParts(many, {}, start, size=8_000, records=16) as reader,
    ):
        run(reader, [Kinds()], progress=stop)
    assert started[0].processes == []


def test_a_file_that_is_replaced_meanwhile_is_read_by_the_one_who_has_it_open(
    many: Path, tmp_path: Path
) -> None:
    path = tmp_path / "live.rdb"
    path.write_bytes(many.read_bytes())
    with in_parts(path, (2000, 16)) as reader:
        path.unlink()
        path.write_bytes(snapshot())
        kinds = run(reader, [Kinds()])[0]
    assert (reader.joined, sum(kind.keys for kind in kinds.values())) == (0, 1200)


def test_what_goes_to_processes_is_small(many: Path) -> None:
    each = ProfilePass(now_ms=NOW_MS, values=True, memory=True)
    assert len(pickle.dumps(each.fork())) < 2000


# --- commands -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("verb", ["inspect", "check", "stat", "top", "compat", "report"])
def test_a_small_file_is_read_by_one_process_however_many_are_asked_for(many: Path, verb: str) -> None:
    words = {"compat": ["--target", "redis-7.2"], "report": ["-o", "-"]}.get(verb, [])
    now = ["--now", "2026-11-27T10:00Z"]
    alone, asked = run_command(verb, many, *now, *words), run_command(verb, many, *now, *words, "--jobs", "3")
    assert (alone.returncode, alone.stdout) == (asked.returncode, asked.stdout)
    assert alone.stdout


@pytest.mark.parametrize("word", ["0", "-1", "257", "many", "\u0663"])
def test_a_number_of_processes_that_is_none_is_wrong_usage(many: Path, word: str) -> None:
    told = run_command("inspect", many, f"--jobs={word}")
    assert told.returncode == 2
    assert f"{word!r} is no number from 1 to 256".encode() in told.stderr


def test_small_files_need_no_multiprocessing(many: Path) -> None:
    code = (
        "import sys; from rdbcodec.cli.main import main; code = main(sys.argv[1:]);"
        "sys.exit(code or 'multiprocessing' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code, "inspect", str(many)], check=True, capture_output=True)


@pytest.mark.skipif(sys.platform != "linux", reason="others start processes by multiprocessing")
def test_processes_are_started_without_what_slows_their_end(many: Path) -> None:
    code = (
        "import sys; from rdbcodec.cli.main import main; from rdbcodec.reading.parallel import jobs;"
        "jobs.PART = 100; code = main(sys.argv[1:]);"
        "assert 'rdbcodec.reading.parallel.forked' in sys.modules;"
        "sys.exit(code or 'threading' in sys.modules)"
    )
    words = [sys.executable, "-c", code, "check", str(many), "--jobs", "2"]
    subprocess.run(words, check=True, capture_output=True)
