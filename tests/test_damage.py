"""Any bytes give records or an RdbError: in bounded memory, in bounded time, whatever was cut, flipped or made up.

The first half damages every fixture in processes of their own, whose address space is capped and whose
cases are timed. There a value that lies in the undamaged file with the very same bytes is not decoded
again: a value is a pure function of its type and bytes, and without this the half would take an hour.
The second half are files made by hand, each asserted to its whole message.
"""

from __future__ import annotations

import faulthandler
import gzip
import json
import multiprocessing
import random
import resource
import signal
from concurrent.futures import Future, ProcessPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import lz4.frame
import pytest
from ways import FIXTURES, SNAPSHOTS, WAYS, entries, fed, gzip_members, pair, plain, read, snapshot

import rdbcodec
from rdbcodec import (
    BadMagic,
    ChecksumMismatch,
    ContainerError,
    CorruptStructure,
    DecodeError,
    End,
    Entry,
    Header,
    LimitExceeded,
    RdbError,
    SelectDb,
    Tail,
    Truncated,
    UnknownOpcode,
    UnknownType,
    UnsupportedVersion,
)
from rdbcodec.wire import lengths
from rdbcodec.wire.crc64 import crc64

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

    from rdbcodec import Record

# --- the cell: where damaged files are read ----------------------------------------------------------

HEADROOM = 512 << 20  # bytes over what the interpreter has: eight times the largest value that is held
CASE_SECONDS = 5.0  # of processor time; the slowest honest case takes a tenth of one
JOB_SECONDS = 300  # when C code hangs, no signal handler runs: then the process dies with a traceback
ALL_CUTS = 4096  # files up to this size are cut at every length
CUTS, FLIPS = 300, 500


class TookTooLong(BaseException):
    """No Exception, so that nothing under test can catch it."""


def _stop(signum: int, frame: FrameType | None) -> None:
    raise TookTooLong(f"more than {CASE_SECONDS} s")


def enter_cell() -> None:
    """Cap this process. RLIMIT_AS counts address space, of which the interpreter has some already."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    cap = pages * resource.getpagesize() + HEADROOM
    resource.setrlimit(resource.RLIMIT_AS, (cap, cap))
    signal.signal(signal.SIGPROF, _stop)


class Verdict:
    """What came of reading: the records, and the error that ended it, if one did."""

    def __init__(self, data: bytes, known: frozenset[object] = frozenset(), **options: Any) -> None:  # noqa: ANN401 - those of rdbcodec.open
        self.records: list[Record] = []
        self.error: RdbError | None = None
        self.tail: Tail | None = None
        try:
            with rdbcodec.open(data, **options) as reader:
                for record in reader:
                    self.records.append(record)
                    if isinstance(record, Entry):
                        look_into(record, known)
                self.tail = reader.tail()
        except RdbError as error:
            self.error = error

    @property
    def ended(self) -> bool:
        return bool(self.records) and isinstance(self.records[-1], End)


def identity(entry: Entry) -> object:
    return None if entry.is_large else (entry.row.name, entry.raw)


def look_into(entry: Entry, known: frozenset[object]) -> None:
    """Everything an entry can be asked. Damage inside a value hurts those who ask, and nobody else."""
    questions: list[Callable[[], object]] = [
        lambda: sum(len(batch) for batch in entry.items()),
        entry.value,
        lambda: entry.key,
        lambda: (entry.count, entry.serialized_size, entry.offset),
        entry.verify,
    ]
    for ask in questions[2:4] if identity(entry) in known else questions:
        try:
            ask()
        except RdbError as error:
            str(error)


def outline(records: list[Record]) -> list[object]:
    """Records without their decoded values."""
    return [
        (record.offset, record.key, identity(record)) if isinstance(record, Entry) else record
        for record in records
    ]


def complaints(cases: Iterator[tuple[str, Callable[[], str | None]]]) -> list[str]:
    """Run cases under the clock; what they found, and what escaped from them."""
    faulthandler.dump_traceback_later(JOB_SECONDS, exit=True)
    found = []
    for name, run in cases:
        signal.setitimer(signal.ITIMER_PROF, CASE_SECONDS)
        try:
            complaint = run()
        except BaseException as error:  # noqa: BLE001 - MemoryError and TookTooLong are what is looked for
            complaint = f"{type(error).__name__}: {error}"
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)
        found += [f"{name}: {complaint}"] if complaint else []
    faulthandler.cancel_dump_traceback_later()
    return found


def spread(size: int, count: int) -> list[int]:
    """Up to `count` positions below `size`, evenly spread but not in step with anything."""
    if size <= count:
        return list(range(size))
    jitter = random.Random(size)
    return [int((at + jitter.random()) * size / count) for at in range(count)]


def cuts(path: Path) -> list[str]:
    """A cut file gives the records before the cut and says that it is cut."""
    data = path.read_bytes()
    whole = Verdict(data)
    known = frozenset(identity(record) for record in whole.records if isinstance(record, Entry))
    expected, end = outline(whole.records), whole.records[-1]
    assert isinstance(end, End)

    def check(size: int) -> str | None:
        verdict = Verdict(data[:size], known)
        found = outline(verdict.records)
        if found != expected[: len(found)]:
            return "other records than in the whole file"
        if size >= end.size:
            return None if verdict.ended and verdict.error is None else f"{verdict.error!r} after the end"
        if verdict.ended:
            return "an End record in a cut file"
        wanted = Truncated if size >= 9 else BadMagic
        return None if type(verdict.error) is wanted else f"{verdict.error!r}, expected {wanted.__name__}"

    sizes = range(len(data)) if len(data) <= ALL_CUTS else spread(len(data), CUTS)
    return complaints((f"cut at {size}", lambda size=size: check(size)) for size in sizes)  # type: ignore[misc]


def flips(path: Path) -> list[str]:
    """A file with one byte changed gives records or an error, and an error when it has a checksum."""
    data = path.read_bytes()
    whole = Verdict(data)
    known = frozenset(identity(record) for record in whole.records if isinstance(record, Entry))
    end = whole.records[-1]
    assert isinstance(end, End)

    def check(at: int, mask: int) -> str | None:
        flipped = bytearray(data)
        flipped[at] ^= mask
        damaged = bytes(flipped)
        Verdict(damaged, known, verify_checksum=False)
        if end.checksum != "ok" or at >= end.size or says_it_has_no_checksum(damaged):
            return None
        try:
            read(damaged)
        except RdbError:
            return None
        return "a checksum that does not notice"

    places = spread(len(data), FLIPS)
    masks = random.Random(len(data))
    cases = [(place, masks.randrange(1, 256)) for place in places * (FLIPS // len(places))]
    return complaints(
        (f"flip {at} by {mask}", lambda at=at, mask=mask: check(at, mask)) for at, mask in cases
    )  # type: ignore[misc]


def says_it_has_no_checksum(data: bytes) -> bool:
    """Whether the flip made the header that of a version without one: then nothing can be noticed."""
    return data[:9] in {b"REDIS%04d" % version for version in range(1, 5)}


MINIMAL: dict[str, str] = json.loads((FIXTURES / "vectors/minimal_values.json").read_text())["values_hex"]
HUGE = [b"\x80\xff\xff\xff\xff", *(b"\x81" + size.to_bytes(8, "big") for size in (2**60, 2**63, 2**64 - 1))]
HUGE_LZF = [b"\xc3" + packed + size for packed in (b"\x03", HUGE[0], HUGE[1]) for size in HUGE]
LZF_OF_30 = b"\xc3\x09"  # a block of 9 bytes that unpacks to 30; its size is what the cases lie about
LZF_BLOCK = bytes.fromhex("016161e01100016161")


def hostile(type: str) -> list[str]:
    """A huge length, count or LZF header in place of each byte of a value, framing or not."""
    value, code = bytes.fromhex(MINIMAL[type]), int(type.removeprefix("valkey"))
    magic = b"VALKEY080" if type.startswith("valkey") else b"REDIS0014"

    def check(data: bytes) -> str | None:
        Verdict(data)
        Verdict(data, max_value=64)
        try:
            fed(data, 1)
        except RdbError:
            pass
        return None

    def cases() -> Iterator[tuple[str, Callable[[], str | None]]]:
        for at in range(len(value)):
            for lie in HUGE + HUGE_LZF:
                data = snapshot(pair(code, value[:at] + lie + value[at + 1 :]), magic=magic)
                yield f"{lie.hex()} at {at}", lambda data=data: check(data)  # type: ignore[misc]

    return complaints(cases())


@pytest.fixture(scope="module")
def cell() -> Iterator[ProcessPoolExecutor]:
    spawn = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(2, mp_context=spawn, initializer=enter_cell)
    yield pool
    pool.shutdown(cancel_futures=True)


Jobs = dict[object, "Future[list[str]]"]


@pytest.fixture(scope="module")
def jobs(cell: ProcessPoolExecutor) -> Jobs:
    """All of them at once, so that both processes have work while a test waits for its own."""
    answers: Jobs = {}
    for path in SNAPSHOTS:
        answers[cuts, path] = cell.submit(cuts, path)
        answers[flips, path] = cell.submit(flips, path)
    for type in MINIMAL:
        answers[hostile, type] = cell.submit(hostile, type)
    return answers


every_snapshot = pytest.mark.parametrize("path", SNAPSHOTS, ids=lambda path: path.name)


@every_snapshot
def test_a_cut_file_gives_the_records_before_the_cut_and_says_that_it_is_cut(path: Path, jobs: Jobs) -> None:
    assert jobs[cuts, path].result() == []


@every_snapshot
def test_a_flipped_byte_gives_records_or_an_error(path: Path, jobs: Jobs) -> None:
    assert jobs[flips, path].result() == []


@pytest.mark.parametrize("type", MINIMAL)
def test_a_huge_number_anywhere_in_a_value_costs_neither_memory_nor_time(type: str, jobs: Jobs) -> None:
    assert jobs[hostile, type].result() == []
