"""Any bytes give records or an RdbError, in bounded memory and time, whatever was cut, flipped or made up.

The first half damages every fixture in processes of their own, whose address space is capped and whose
cases are timed. There a value that lies in the undamaged file with the very same bytes is not decoded
again: a value is a pure function of its type and bytes, and without this the half would take an hour.
The second half are files made by hand, each asserted to its whole message.
"""

from __future__ import annotations

import contextlib
import faulthandler
import gzip
import json
import multiprocessing
import os
import pickle
import random
import resource
import signal
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from itertools import islice, product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import lz4.frame
import pytest
from cases import every
from ways import (
    FIXTURES,
    SNAPSHOTS,
    WAYS,
    covering,
    entries,
    fed,
    gzip_members,
    lzf_run,
    pair,
    plain,
    read,
    snapshot,
    string,
)

import rdbcodec
from rdbcodec import (
    BadMagic,
    ChecksumMismatch,
    ContainerError,
    CorruptStructure,
    DamagedContainer,
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
ALL_CUTS = 256  # files up to this size are cut at every length
# Of larger ones a sample, and the nightly profile a larger one: tests/differential.py damages values as well.
LONGER = os.environ.get("RDBCODEC_HYPOTHESIS") == "nightly"
CUTS, FLIPS = (300, 500) if LONGER else (35, 50)
CHECKSUMMED = 1 if LONGER else 3  # of so many flips one is shown to who verifies the checksum
LIES = (
    1 if LONGER else 3
)  # of so many lies one is told, each in turn: a place has 16, three places all of them
BYTEWISE = 1 if LONGER else 5  # of so many that are told one is fed a byte at a time


class TookTooLong(BaseException):
    """No Exception, so that nothing under test can catch it."""


def _stop(signum: int, frame: FrameType | None) -> None:
    raise TookTooLong("more processor time than a case may take")


def enter_cell() -> None:
    """Cap this process. RLIMIT_AS counts address space, of which the interpreter has some already."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    cap = pages * resource.getpagesize() + HEADROOM
    resource.setrlimit(resource.RLIMIT_AS, (cap, cap))
    signal.signal(signal.SIGPROF, _stop)


class Verdict:
    """What came of reading: the records, and the error that ended it, if one did."""

    def __init__(self, data: bytes, known: frozenset[object] = frozenset(), **options: Any) -> None:
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


def complaints(
    cases: Iterator[tuple[str, Callable[[], str | None]]], seconds: float = CASE_SECONDS
) -> list[str]:
    """Run cases under the clock; what they found, and what escaped from them."""
    faulthandler.dump_traceback_later(JOB_SECONDS, exit=True)
    found = []
    for name, run in cases:
        signal.setitimer(signal.ITIMER_PROF, seconds)
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
    return complaints((f"cut at {size}", partial(check, size)) for size in sizes)


def flips(path: Path) -> list[str]:
    """A file with one byte changed gives records or an error, and an error when it has a checksum."""
    data = path.read_bytes()
    whole = Verdict(data)
    known = frozenset(identity(record) for record in whole.records if isinstance(record, Entry))
    end = whole.records[-1]
    assert isinstance(end, End)

    def check(turn: int, at: int, mask: int) -> str | None:
        flipped = bytearray(data)
        flipped[at] ^= mask
        damaged = bytes(flipped)
        Verdict(damaged, known, verify_checksum=False)
        if turn % CHECKSUMMED or end.checksum != "ok" or at >= end.size or says_it_has_no_checksum(damaged):
            return None
        try:
            read(damaged)
        except RdbError:
            return None
        return "a checksum that does not notice"

    places = spread(len(data), FLIPS)
    masks = random.Random(len(data))
    cases = [(place, masks.randrange(1, 256)) for place in places * max(1, FLIPS // len(places))]
    return complaints(
        (f"flip {at} by {mask}", partial(check, turn, at, mask)) for turn, (at, mask) in enumerate(cases)
    )


def says_it_has_no_checksum(data: bytes) -> bool:
    """Whether the flip made the header that of a version without one: then nothing can be noticed."""
    return data[:9] in {b"REDIS%04d" % version for version in range(1, 5)}


MINIMAL: dict[str, str] = json.loads((FIXTURES / "vectors/minimal_values.json").read_text())["values_hex"]
HUGE = [b"\x80\xff\xff\xff\xff", *(b"\x81" + size.to_bytes(8, "big") for size in (2**60, 2**63, 2**64 - 1))]
HUGE_LZF = [b"\xc3" + packed + size for packed in (b"\x03", HUGE[0], HUGE[1]) for size in HUGE]


def hostile(type: str) -> list[str]:
    """A huge length, count or LZF header in place of each byte of a value, framing or not."""
    value, code = bytes.fromhex(MINIMAL[type]), int(type.removeprefix("valkey"))
    magic = b"VALKEY080" if type.startswith("valkey") else b"REDIS0014"

    def check(turn: int, data: bytes) -> None:
        Verdict(data)
        Verdict(data, max_value=64)
        if turn % BYTEWISE == 0:
            with contextlib.suppress(RdbError):
                fed(data, 1)

    def cases() -> Iterator[tuple[str, Callable[[], str | None]]]:
        told = islice(product(range(len(value)), HUGE + HUGE_LZF), 0, None, LIES)
        for turn, (at, lie) in enumerate(told):
            data = snapshot(pair(code, value[:at] + lie + value[at + 1 :]), magic=magic)
            yield f"{lie.hex()} at {at}", partial(check, turn, data)

    return complaints(cases())


@pytest.fixture(scope="module")
def cell() -> Iterator[ProcessPoolExecutor]:
    spawn = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(1, mp_context=spawn, initializer=enter_cell)
    yield pool
    pool.shutdown(cancel_futures=True)


# Files that have every layout, module and kind of record in every version; the others repeat them.
every_snapshot = every("path", covering(SNAPSHOTS), ids=lambda path: path.name)


@pytest.mark.once
@every_snapshot
def test_a_cut_file_gives_the_records_before_the_cut_and_says_that_it_is_cut(
    path: Path, cell: ProcessPoolExecutor
) -> None:
    assert cell.submit(cuts, path).result() == []


@pytest.mark.once
@every_snapshot
def test_a_flipped_byte_gives_records_or_an_error(path: Path, cell: ProcessPoolExecutor) -> None:
    assert cell.submit(flips, path).result() == []


@pytest.mark.once
@every("type", MINIMAL)
def test_a_huge_number_anywhere_in_a_value_costs_neither_memory_nor_time(
    type: str, cell: ProcessPoolExecutor
) -> None:
    assert cell.submit(hostile, type).result() == []


def allocate_too_much() -> list[str]:
    return complaints(iter([("allocation", lambda: str(len(bytes(HEADROOM))))]))


def loop_forever() -> list[str]:
    def loop() -> str | None:
        while True:
            pass

    return complaints(iter([("loop", loop)]), 0.05)


def test_the_cell_notices_an_allocation_and_a_loop(cell: ProcessPoolExecutor) -> None:
    assert cell.submit(allocate_too_much).result() == ["allocation: MemoryError: "]
    assert cell.submit(loop_forever).result() == [
        "loop: TookTooLong: more processor time than a case may take"
    ]


# --- bombs -------------------------------------------------------------------------------------------


def unpacked(value: bytes, code: int) -> tuple[str, int | str]:
    """What value() says of a bomb, and how many bytes items() finds in it."""
    (entry,) = entries(snapshot(pair(code, value)))
    with pytest.raises(LimitExceeded) as refused:
        entry.value()
    try:
        return refused.value.message, sum(len(element) for batch in entry.items() for element in batch)
    except LimitExceeded as error:
        return refused.value.message, error.message


def test_a_string_that_unpacks_to_96_mib_is_refused_whole_and_read_in_pieces(
    cell: ProcessPoolExecutor,
) -> None:
    matches = (96 << 20) // 264
    size = 1 + 264 * matches
    message = f"the value unpacks to more than allowed: {size} bytes, max_value is {64 << 20}"
    assert cell.submit(unpacked, lzf_run(b"a", matches), 0).result() == (message, size)


def test_a_list_that_unpacks_to_128_mib_is_refused_whole_and_read_in_batches(
    cell: ProcessPoolExecutor,
) -> None:
    """No element of it is larger than 64 KiB."""
    count, matches = 2048, 248
    element = 1 + 264 * matches
    fitting = (64 << 20) // element + 1
    message = f"the value unpacks to more than allowed: {fitting * element} bytes, max_value is {64 << 20}"
    value = lengths.encode(count) + lzf_run(b"a", matches) * count
    assert cell.submit(unpacked, value, 1).result() == (message, count * element)


def test_an_lzf_string_says_its_size_and_is_not_believed() -> None:
    packed = lzf_run(b"a", 1)
    small = pair(0, packed.replace(lengths.encode(265), lengths.encode(264)))
    large = pair(0, packed.replace(lengths.encode(265), lengths.encode(266)))
    for lie in (small, large, pair(0, packed.replace(lengths.encode(265), HUGE[1]))):
        (entry,) = entries(snapshot(lie))
        with pytest.raises(DecodeError) as refused:
            entry.value()
        assert (refused.value.offset, refused.value.db, refused.value.key) == (9, 0, b"k")
        assert refused.value.type == "string"


# --- files by hand -----------------------------------------------------------------------------------

PLAIN = pair(0, b"\x01v")
OTHER = pair(0, b"\x01w", b"l")
GOOD = snapshot(PLAIN)
EXPIRY = b"\xfc" + (1234567890123).to_bytes(8, "little")
REMARK = b"\xfa\x01a\x01b"


def refusal(data: bytes) -> RdbError:
    verdict = Verdict(data)
    assert verdict.error is not None
    return verdict.error


def values(data: bytes) -> list[tuple[int, bytes, int | None, object]]:
    return [(entry.db, entry.key, entry.expires_at_ms, entry.value()) for entry in entries(data)]


MAGIC_WANTED = "offset 0: expected REDIS and 4 digits or VALKEY and 3 digits, found"
BROKEN: dict[str, tuple[bytes, type[RdbError], str]] = {
    "empty file": (b"", BadMagic, "offset 0: the file is empty"),
    "text file": (b"name,age\nal,42\n", BadMagic, f"{MAGIC_WANTED} b'name,age\\n'"),
    "half a magic": (b"REDIS", BadMagic, f"{MAGIC_WANTED} b'REDIS'"),
    "small letters": (b"redis0009\xff", BadMagic, f"{MAGIC_WANTED} b'redis0009'"),
    "no digits": (b"REDIS 009\xff", BadMagic, f"{MAGIC_WANTED} b'REDIS 009'"),
    "superscript digits": (b"REDIS00\xb2\xb3\xff", BadMagic, f"{MAGIC_WANTED} b'REDIS00\\xb2\\xb3'"),
    "version 0": (
        snapshot(magic=b"REDIS0000"),
        UnsupportedVersion,
        "offset 5: version 0 of redis is unknown: known are 1 to 15",
    ),
    "version 16": (
        snapshot(magic=b"REDIS0016"),
        UnsupportedVersion,
        (
            "offset 5: version 16 of redis, said to be that of Redis 8.12, of which a first release "
            "candidate is out (2026-10), is unknown: known are 1 to 15"
        ),
    ),
    "Redis magic with a Valkey version": (
        snapshot(magic=b"REDIS0080"),
        UnsupportedVersion,
        "offset 5: version 80 of redis is unknown: known are 1 to 15",
    ),
    "Valkey 79": (
        snapshot(magic=b"VALKEY079"),
        UnsupportedVersion,
        "offset 5: version 79 of valkey is unknown: known are 80 to 81",
    ),
    "module of a release candidate": (
        snapshot(pair(6, b"\x00")),
        CorruptStructure,
        (
            "offset 13, db 0, key b'k', type module: a module value of version 1 "
            "(Redis 4.0 release candidates) has no framing to walk by"
        ),
    ),
    "string of encoding 4": (
        snapshot(pair(0, b"\xc4")),
        CorruptStructure,
        "offset 12, db 0, key b'k', type string: expected a string, found encoding byte 0xc4",
    ),
    "key of encoding 4": (
        snapshot(b"\x00\xc4"),
        CorruptStructure,
        "offset 10: expected a string, found encoding byte 0xc4",
    ),
    "string encoding for a count": (
        snapshot(pair(1, b"\xc0\x01")),
        CorruptStructure,
        "offset 12, db 0, key b'k', type list: expected a length, found byte 0xc0, a string encoding",
    ),
    "length of an unassigned form": (
        snapshot(pair(1, b"\x82\x01")),
        CorruptStructure,
        "offset 12, db 0, key b'k', type list: expected a length, found byte 0x82, no form of length",
    ),
    "EOF after an expiry": (
        snapshot(PLAIN, EXPIRY),
        CorruptStructure,
        "offset 23: the file ends after the attributes of a key, without the key",
    ),
    "no EOF mark": (GOOD[:14], Truncated, "offset 14: the file ends inside a record"),
    "no checksum": (GOOD[:15], Truncated, "offset 15: the file ends inside a record"),
    "half a checksum": (GOOD[:19], Truncated, "offset 19: the file ends inside a record"),
    "gzip of a gzip": (
        gzip.compress(gzip.compress(GOOD)),
        ContainerError,
        "the gzip file holds a gzip file, not a snapshot",
    ),
    "gzip of an LZ4 frame": (
        gzip.compress(lz4.frame.compress(GOOD)),
        ContainerError,
        "the gzip file holds a lz4 file, not a snapshot",
    ),
    "gzip and garbage": (
        gzip.compress(GOOD) + b"garbage",
        DamagedContainer,
        "bytes that are no gzip follow the gzip data",
    ),
    "gzip, padding and garbage": (
        gzip.compress(GOOD) + bytes(9) + b"garbage",
        DamagedContainer,
        "bytes that are no gzip follow the gzip data",
    ),
    "LZ4 and garbage": (
        lz4.frame.compress(GOOD) + b"garbage",
        DamagedContainer,
        "bytes that are no LZ4 follow the LZ4 data",
    ),
    "gzip of nothing": (gzip.compress(b""), BadMagic, "offset 0: the file is empty"),
    "half a Valkey envelope": (b"VCS\x01", ContainerError, "unknown Valkey compression envelope 56 43 53 01"),
    "Valkey envelope of version 2": (
        b"VCS\x02\x01\x00\x01" + lz4.frame.compress(GOOD),
        ContainerError,
        "unknown Valkey compression envelope 56 43 53 02 01 00 01",
    ),
    "Valkey envelope of nothing": (
        b"VCS\x01\x01\x00\x01" + GOOD,
        ContainerError,
        "the Valkey compression envelope holds no LZ4 frame",
    ),
    "replication line without a number": (
        b"$12x\r\n" + GOOD,
        BadMagic,
        f"{MAGIC_WANTED} b'$12x\\r\\nRED'",
    ),
}


@every("name", BROKEN)
def test_a_broken_file_is_refused_with_what_is_wrong_and_where(name: str) -> None:
    data, kind, message = BROKEN[name]
    error = refusal(data)
    assert (type(error), str(error)) == (kind, message)


@pytest.mark.parametrize(
    ("record", "kind", "code", "offset", "what"),
    [
        (pair(8, b"\x00"), UnknownType, 8, 9, "type 8"),
        (pair(34, b"\x00"), UnknownType, 34, 9, "type 34"),
        (PLAIN + pair(99, b"\x00"), UnknownType, 99, 14, "type 99"),
        (PLAIN + b"\x96\x00", UnknownOpcode, 150, 14, "opcode 150"),
        # After attributes only a type may stand.
        (EXPIRY + b"\x96\x00", UnknownType, 150, 18, "type 150"),
    ],
    ids=["never assigned", "of the next Redis", "of nobody", "opcode", "after an expiry"],
)
def test_an_unknown_code_is_named_with_its_dialect_and_place(
    record: bytes, kind: type[UnknownType | UnknownOpcode], code: int, offset: int, what: str
) -> None:
    error = refusal(snapshot(record))
    assert isinstance(error, (UnknownType, UnknownOpcode))
    assert (type(error), error.code, error.dialect, error.offset) == (kind, code, "redis", offset)
    assert str(error) == f"offset {offset}: {what} is unknown in dialect redis (header version 12)"


@pytest.mark.parametrize("magic", [b"REDIS0016", b"REDIS0079", b"VALKEY082", b"VALKEY999"])
def test_a_future_version_is_read_when_asked_for(magic: bytes) -> None:
    with rdbcodec.open(snapshot(PLAIN, magic=magic), any_version=True) as reader:
        header, entry, _ = reader
    assert isinstance(header, Header)
    assert isinstance(entry, Entry)
    assert (header.raw, header.version, entry.value()) == (magic, int(magic.lstrip(b"REDISVALKY")), b"v")


@pytest.mark.parametrize("magic", [b"REDIS0000", b"VALKEY000"])
def test_version_0_is_never_read(magic: bytes) -> None:
    with (
        pytest.raises(UnsupportedVersion),
        rdbcodec.open(snapshot(PLAIN, magic=magic), any_version=True) as reader,
    ):
        list(reader)


# --- attributes --------------------------------------------------------------------------------------


def test_an_expiry_belongs_to_the_next_key_only() -> None:
    assert values(snapshot(EXPIRY + PLAIN, OTHER)) == [(0, b"k", 1234567890123, b"v"), (0, b"l", None, b"w")]


def test_idle_time_and_frequency_belong_to_the_next_key_only() -> None:
    first, second = entries(snapshot(b"\xf8\x05\xf9\x07" + PLAIN, OTHER))
    assert (first.idle, first.freq, second.idle, second.freq) == (5, 7, None, None)


@every("way", WAYS)
def test_a_remark_between_an_expiry_and_its_key_separates_nothing(way: str, tmp_path: Path) -> None:
    data = snapshot(EXPIRY, REMARK, PLAIN, OTHER)
    _, remark, first, second, _ = WAYS[way](data, tmp_path)
    assert remark == rdbcodec.Aux(18, REMARK, b"a", b"b", of_next_key=True)
    assert isinstance(first, Entry)
    assert isinstance(second, Entry)
    assert (first.offset, first.serialized_size, first.expires_at_ms) == (9, 19, 1234567890123)
    assert (second.offset, second.serialized_size, second.expires_at_ms) == (28, 5, None)


@pytest.mark.parametrize(
    ("attribute", "expires_at_ms"),
    [
        (b"\xfc" + b"\xff" * 8, None),
        (b"\xfc" + bytes(8), 0),
        (b"\xfd" + (2**31 - 1).to_bytes(4, "little"), (2**31 - 1) * 1000),
        (b"\xfd" + (-2).to_bytes(4, "little", signed=True), -2000),
        (b"\xfc" + (5).to_bytes(8, "little") + b"\xfc" + (6).to_bytes(8, "little"), 6),
    ],
    ids=["-1 is never", "1970", "the last second of 32 bits", "wrapped after 2038", "the last of two counts"],
)
def test_expiries_mean_what_servers_take_them_for(attribute: bytes, expires_at_ms: int | None) -> None:
    assert values(snapshot(attribute + PLAIN)) == [(0, b"k", expires_at_ms, b"v")]


def test_one_database_may_be_selected_twice_and_out_of_order() -> None:
    data = snapshot(b"\xfe\x09", PLAIN, b"\xfe\x01", PLAIN, b"\xfe\x09", OTHER)
    assert [(db, key) for db, key, _, _ in values(data)] == [(9, b"k"), (1, b"k"), (9, b"l")]
    selected = [record.db for record in read(data) if isinstance(record, SelectDb)]
    assert selected == [9, 1, 9]


# --- the end -----------------------------------------------------------------------------------------


def test_the_checksum_is_right_wrong_disabled_absent_or_not_looked_at() -> None:
    content = GOOD[:15]
    right = crc64(content).to_bytes(8, "little")
    wrong = bytes((right[0] ^ 1,)) + right[1:]
    endings = {
        "ok": read(content + right)[-1],
        "disabled": read(content + bytes(8))[-1],
        "absent": read(snapshot(PLAIN, magic=b"REDIS0004"))[-1],
        "not verified": Verdict(content + wrong, verify_checksum=False).records[-1],
    }
    assert {name: isinstance(end, End) and end.checksum for name, end in endings.items()} == {
        name: name for name in endings
    }
    error = refusal(content + wrong)
    assert isinstance(error, ChecksumMismatch)
    assert (error.expected, error.found) == (crc64(content) ^ 1, crc64(content))
    assert str(error) == (
        f"offset 23: checksum of the content is {error.found:#018x}, the file says {error.expected:#018x}"
    )


MARK = b"0123456789abcdef0123456789abcdef01234567"
ONE = snapshot(PLAIN, magic=b"REDIS0001")
TAILS: dict[str, tuple[bytes, Tail]] = {
    "nothing": (GOOD, Tail("nothing", 0)),
    "zero padding": (GOOD + bytes(489), Tail("zero padding", 489)),
    "a MiB of zero padding": (GOOD + bytes(1 << 20), Tail("zero padding", 1 << 20)),
    "zero padding without a checksum": (ONE + bytes(497), Tail("zero padding", 497)),
    "a second snapshot": (GOOD + GOOD, Tail("another snapshot", len(GOOD))),
    "a Valkey snapshot": (GOOD + snapshot(magic=b"VALKEY080"), Tail("another snapshot", 18)),
    "other bytes": (GOOD + b"abc", Tail("other bytes", 3)),
    "zeros and then other bytes": (GOOD + bytes(300000) + b"a", Tail("other bytes", 300001)),
    "AOF commands": (GOOD + b"*1\r\n$4\r\nPING\r\n", Tail("AOF commands", None)),
    "an AOF annotation": (GOOD + b"#TS:1700000000\r\n", Tail("AOF commands", None)),
    "a padded gzip": (gzip.compress(GOOD) + bytes(400), Tail("zero padding", 400)),
    "a gzip of a padded file": (gzip.compress(GOOD + bytes(100)), Tail("zero padding", 100)),
    "a padded gzip of a padded file": (
        gzip.compress(GOOD + bytes(100)) + bytes(50),
        Tail("zero padding", 150),
    ),
    "two gzips": (gzip.compress(GOOD) + gzip.compress(GOOD), Tail("another snapshot", len(GOOD))),
    "a padded LZ4 frame": (lz4.frame.compress(GOOD) + bytes(400), Tail("zero padding", 400)),
    "a diskless replication": (b"$EOF:" + MARK + b"\r\n" + GOOD + MARK, Tail("nothing", 0)),
    "a replication without its mark": (b"$EOF:" + MARK + b"\r\n" + GOOD, Tail("nothing", 0)),
    "half a mark": (b"$EOF:" + MARK + b"\r\n" + GOOD + MARK[:20], Tail("other bytes", 20)),
    "a padded replication": (b"$EOF:" + MARK + b"\r\n" + GOOD + MARK + bytes(7), Tail("zero padding", 7)),
    "a replication of known size": (b"$%d\r\n" % len(GOOD) + GOOD, Tail("nothing", 0)),
    "a gzip of a replication": (gzip.compress(b"$EOF:" + MARK + b"\r\n" + GOOD + MARK), Tail("nothing", 0)),
}


@every("name", TAILS)
def test_what_follows_a_snapshot_is_told_and_hurts_nobody(name: str) -> None:
    data, tail = TAILS[name]
    verdict = Verdict(data)
    assert (verdict.error, verdict.tail, verdict.ended) == (None, tail, True)
    assert [record.value() for record in verdict.records if isinstance(record, Entry)] == [b"v"]


@pytest.mark.parametrize("name", [name for name in TAILS if "replication" in name])
def test_offsets_in_a_replication_stream_count_from_the_start_of_the_snapshot(name: str) -> None:
    assert [plain(record) for record in read(TAILS[name][0])] == [plain(record) for record in read(GOOD)]


PACKINGS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": lambda data: gzip.compress(data, mtime=0),
    "gzip of two members": gzip_members,
    "LZ4": lambda data: lz4.frame.compress(data, content_checksum=True),
}


@pytest.mark.parametrize("name", PACKINGS)
def test_a_packed_snapshot_cut_anywhere_is_refused(name: str) -> None:
    packed = PACKINGS[name](snapshot(*(pair(0, b"\x01v", b"%d" % at) for at in range(200))))
    verdicts = [Verdict(packed[:size]) for size in range(len(packed))]
    assert [size for size, verdict in enumerate(verdicts) if verdict.error is None] == []
    assert Verdict(packed).error is None


@pytest.mark.parametrize("name", PACKINGS)
def test_a_packed_snapshot_with_a_flipped_byte_gives_records_or_an_error(name: str) -> None:
    packed = PACKINGS[name](snapshot(*(pair(0, b"\x01v", b"%d" % at) for at in range(200))))
    whole = outline(Verdict(packed).records)
    for at in range(len(packed)):
        for mask in (1, 0x80, 0xFF):
            damaged = bytearray(packed)
            damaged[at] ^= mask
            verdict = Verdict(bytes(damaged))
            assert verdict.error is not None or outline(verdict.records) == whole


# --- values that contradict themselves ---------------------------------------------------------------

TEMPLATE = bytes.fromhex("f2000303616765046e616d6505656d61696c")  # 0: age, name, email
NAMES = bytes.fromhex("03 03616765 046e616d65 05656d61696c")  # the same three, by count

CONTRADICTIONS: dict[str, tuple[bytes, str]] = {
    "template without fields": (b"\xf2\x00\x00", "a hash template has no fields"),
    "template of equal fields": (b"\xf2\x00\x02\x01a\x01a", "the fields of a hash template do not ascend"),
    "template of falling fields": (b"\xf2\x00\x02\x01b\x01a", "the fields of a hash template do not ascend"),
    "template with a longer field first": (
        b"\xf2\x00\x02\x02aa\x01b",
        "the fields of a hash template do not ascend",
    ),
    "template defined twice": (TEMPLATE + TEMPLATE, "hash template 0 is defined twice"),
    "reference to a template that is not there": (
        TEMPLATE + pair(32, b"\x07\x01a"),
        "hash refers to template 7, which the file has not defined",
    ),
    "packed reference to a template that is not there": (
        TEMPLATE + pair(30, string(bytes.fromhex("0c0000000200 0701 816102 ff"))),
        "hash refers to template 7, which the file has not defined",
    ),
    "values without a template id": (
        TEMPLATE + pair(30, string(bytes.fromhex("0a0000000100 816102 ff"))),
        "a template hash does not begin with a template id",
    ),
    "no values and no template id": (
        TEMPLATE + pair(30, string(bytes.fromhex("070000000000ff"))),
        "a template hash does not begin with a template id",
    ),
    "one value for three fields": (
        TEMPLATE + pair(30, string(bytes.fromhex("0c0000000200 0001 816102 ff"))),
        "hash has 1 values, its template 3 fields",
    ),
    "unknown form of field names": (pair(31, b"\x02" + NAMES), "template field format is 2, expected 0 or 1"),
    "array without elements": (pair(28, b"\x00\x00"), "array without elements"),
    "array with a cursor flag of 2": (
        pair(28, b"\x01\x02\x00\x00\x00\x01a"),
        "array cursor flag is 2, expected 0 or 1",
    ),
    "array with an element of no kind": (
        pair(28, b"\x01\x00\x00\x04\x01a"),
        "array element tag is 4, expected 0 to 3",
    ),
    "short text of 8 bytes": (
        pair(28, b"\x01\x00\x00\x03\x08abcdefgh"),
        "short array text of 8 bytes, at most 7 can be",
    ),
    "array index that is none": (
        pair(28, b"\x01\x00\x81" + b"\xff" * 8 + b"\x00\x01a"),
        "array index is 2**64 - 1",
    ),
    "set of one member twice": (
        pair(2, b"\x02\x01a\x01a"),
        "set members are not unique: 2, of which 1 distinct",
    ),
    "hash of one field twice": (
        pair(4, b"\x02\x01a\x01b\x01a\x01c"),
        "hash fields are not unique: 2, of which 1 distinct",
    ),
    "sorted set of one member twice": (
        pair(3, b"\x02\x01a\x011\x01a\x012"),
        "sorted set members are not unique: 2, of which 1 distinct",
    ),
    "score that is no number": (pair(3, b"\x01\x01a\x03abc"), "a score is not a number"),
    "empty plain node": (pair(18, b"\x01\x01\x00"), "a plain list node is empty"),
    "list node of container 3": (pair(18, b"\x01\x03\x01a"), "list node container is 3, expected 1 or 2"),
    "module item 6": (
        pair(7, b"\x81" + bytes(8) + b"\x06\x00"),
        "module item opcode 6 is none of 0 to 5",
    ),
    "stream node of a short key": (
        pair(15, b"\x01\x01a" + string(bytes.fromhex("070000000000ff")) + bytes(4)),
        "stream node key is 1 bytes, expected 16",
    ),
    "stream node without a master entry": (
        pair(15, b"\x01\x10" + bytes(16) + string(bytes.fromhex("070000000000ff")) + bytes(4)),
        "stream node: the listpack ends inside an entry",
    ),
    "stream with two groups of one name": (
        pair(15, b"\x00\x00\x00\x00\x02" + (b"\x01g" + bytes(4)) * 2),
        "stream has two groups of one name",
    ),
    "consumer of an entry its group does not know": (
        pair(15, b"\x00\x00\x00\x00\x01\x01g\x00\x00\x00\x01\x01c" + bytes(8) + b"\x01" + bytes(16)),
        "consumer has 0-0 pending, its group has not",
    ),
}


@every("name", CONTRADICTIONS)
def test_a_value_that_contradicts_itself_is_refused(name: str) -> None:
    records, message = CONTRADICTIONS[name]
    with pytest.raises(CorruptStructure) as refused:
        values(snapshot(records, OTHER, magic=b"REDIS0015"))
    assert refused.value.message == message
    assert refused.value.offset is not None


def test_a_damaged_value_does_not_hurt_its_neighbours() -> None:
    damaged, sound = entries(snapshot(pair(2, b"\x02\x01a\x01a"), OTHER))
    with pytest.raises(CorruptStructure) as refused:
        damaged.value()
    assert str(refused.value) == (
        "offset 9, db 0, key b'k', type set: set members are not unique: 2, of which 1 distinct"
    )
    assert (sound.key, sound.value()) == (b"l", b"w")


def test_an_error_shows_the_key_but_never_the_value() -> None:
    error = refusal(snapshot(pair(4, b"\x01\x06secret" + b"\xc4" + b"x" * 20)))
    assert str(error) == ("offset 20, db 0, key b'k', type hash: expected a string, found encoding byte 0xc4")


@pytest.mark.parametrize("name", ["half a checksum", "version 16", "gzip and garbage"])
def test_an_error_survives_the_way_to_another_process(name: str) -> None:
    assert shipped(refusal(BROKEN[name][0]))


@pytest.mark.parametrize(
    "data",
    [
        snapshot(pair(8, b"\x00")),
        snapshot(PLAIN, checksum=b"12345678"),
    ],
    ids=["UnknownType", "ChecksumMismatch"],
)
def test_an_error_with_details_survives_the_way_to_another_process(data: bytes) -> None:
    assert shipped(refusal(data))


def test_an_exceeded_limit_survives_the_way_to_another_process() -> None:
    (entry,) = entries(snapshot(pair(0, lzf_run(b"a", 1))), max_value=64)
    with pytest.raises(LimitExceeded) as refused:
        entry.value()
    assert shipped(refused.value)


def shipped(error: RdbError) -> bool:
    """Whether pickling keeps an error as it is; multiprocessing breaks its pool when it cannot."""
    copy = pickle.loads(pickle.dumps(error))
    return (type(copy), str(copy), vars(copy)) == (type(error), str(error), vars(error))
