"""Made to hurt: what costs more than its size, what is held without need, and readers that were hurt.

A decoder or reader that met damage says so for ever after, and never that the snapshot is complete. What
a file holds comes out the same however its bytes were cut. No test here measures time: what is not
linear does not come to an end.
"""

from __future__ import annotations

import io
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cases import every
from ways import fed, pair, plain, read, snapshot, string

import rdbcodec
from rdbcodec import NEED_DATA, CorruptStructure, Decoder, Entry, LimitExceeded, RdbError, Truncated
from rdbcodec.compat import profile_json
from rdbcodec.facts.profile import profile
from rdbcodec.facts.soundness import check
from rdbcodec.limits import MAX_TEMPLATE_NAMES, MAX_TEMPLATES
from rdbcodec.records import PASSED_BY
from rdbcodec.records.attributes import EXPIRY_MINUS_1, EXPIRY_TWICE
from rdbcodec.reports.words import json_key
from rdbcodec.showing import KeyDigest, show_key
from rdbcodec.wire import lengths

K, L = pair(0, b"\x01v"), pair(0, b"\x01w", b"l")
GOOD = snapshot(K)
DAMAGED = snapshot(K, pair(1, b"\xc0\x01"), L)
DAMAGE = "offset 17, db 0, key b'k', type list: expected a length, found byte 0xc0, a string encoding"


def refusal(ask: Callable[[], object]) -> str:
    with pytest.raises(RdbError) as refused:
        ask()
    return str(refused.value)


# --- in error since ----------------------------------------------------------------------------------


def test_a_decoder_that_met_damage_says_so_for_ever_after() -> None:
    decoder = Decoder()
    decoder.feed(DAMAGED)
    assert [type(decoder.next_record()).__name__ for _ in range(2)] == ["Header", "Entry"]
    for _ in range(3):
        assert refusal(decoder.next_record) == DAMAGE
    assert refusal(lambda: decoder.feed(b"more")) == DAMAGE


def test_a_reader_that_met_damage_says_so_for_ever_after() -> None:
    reader = rdbcodec.open(DAMAGED)
    records = iter(reader)
    assert [type(next(records)).__name__ for _ in range(2)] == ["Header", "Entry"]
    for ask in (lambda: next(records), lambda: next(records), lambda: iter(reader), reader.next_record):
        assert refusal(ask) == DAMAGE
    assert refusal(reader.tail) == (
        "what follows the snapshot is known after its End record: read that first"
    )


def test_a_source_that_fails_leaves_no_complete_snapshot_behind() -> None:
    class Failing(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            if self.tell():
                raise OSError(5, "Input/output error")
            return super().read(size)

    reader = rdbcodec.open(Failing(snapshot(*[K] * 200_000)))
    with pytest.raises(OSError, match="Input/output error"):
        list(reader)
    expected = "reading ended before the snapshot did: OSError(5, 'Input/output error')"
    assert (refusal(lambda: iter(reader)), refusal(reader.next_record)) == (expected, expected)


def test_a_snapshot_is_read_once() -> None:
    reader = rdbcodec.open(GOOD)
    records = iter(reader)
    assert len(list(records)) == 3
    assert (list(records), reader.next_record(), reader.tail().kind) == ([], None, "nothing")
    assert refusal(lambda: iter(reader)) == (
        "the snapshot was read to its end: open it again to read it again"
    )


def test_a_loop_that_was_left_goes_on_where_it_was() -> None:
    reader = rdbcodec.open(GOOD)
    header = next(iter(reader))
    assert [type(header).__name__, *(type(record).__name__ for record in reader)] == [
        "Header",
        "Entry",
        "End",
    ]


def test_nothing_is_fed_after_the_end_was_said() -> None:
    decoder = Decoder()
    decoder.feed(GOOD[:5])
    decoder.feed_eof()
    assert (
        refusal(lambda: decoder.feed(GOOD[5:])) == "feed() after feed_eof(), which said that there is no more"
    )


def test_a_reader_offers_nothing_that_is_meant_for_decoders() -> None:
    reader = rdbcodec.open(GOOD)
    assert [name for name in ("feed", "feed_eof", "pieces", "drain", "unused") if hasattr(reader, name)] == []


def test_pieces_of_a_value_that_passed_by_do_not_end_as_if_they_were_all() -> None:
    large = pair(0, string(b"x" * 1_000_000))
    records = iter(rdbcodec.open(snapshot(large, large), max_value=1000))
    _, entry = next(records), next(records)
    assert isinstance(entry, Entry)
    pieces = entry.chunks()
    assert next(pieces)
    entry = next(records)
    assert refusal(lambda: next(pieces)) == PASSED_BY
    assert isinstance(entry, Entry)
    batches = entry.items()
    assert next(batches)
    next(records)
    assert refusal(lambda: list(batches)) == PASSED_BY


# --- sources -----------------------------------------------------------------------------------------


def test_a_file_that_was_closed_is_an_error_of_ours(tmp_path: Path) -> None:
    path = tmp_path / "dump.rdb"
    path.write_bytes(snapshot(*[K] * 200_000))
    reader = rdbcodec.open(path)
    next(iter(reader))
    reader.close()
    assert refusal(lambda: list(reader)) == "the source cannot be read: I/O operation on closed file"


def test_a_source_that_does_not_wait_is_named() -> None:
    class Empty:
        def read(self, size: int, /) -> None:
            del size

    with pytest.raises(BlockingIOError, match="a snapshot is read from one that waits"):
        rdbcodec.open(Empty())  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("source", "kind"), [(None, "NoneType"), (5, "int"), (io.StringIO("REDIS"), "a file opened in text mode")]
)
def test_a_wrong_source_is_named_with_what_is_wanted(source: Any, kind: str) -> None:
    with pytest.raises(TypeError) as refused:
        rdbcodec.open(source)
    assert str(refused.value) == f"source is {kind}, expected a path, bytes or a file opened in binary mode"


@pytest.mark.parametrize(("target", "kind"), [(None, "NoneType"), (5, "int"), (b"x.rdb", "bytes")])
def test_a_wrong_output_is_named_with_what_is_wanted(target: Any, kind: str) -> None:
    with pytest.raises(TypeError) as refused:
        rdbcodec.create(target)
    expected = "expected a path or a file opened in binary mode for writing"
    assert str(refused.value) == f"output is {kind}, {expected}"


@pytest.mark.parametrize("max_value", [None, 1.5, "64mb", True])
def test_a_wrong_size_is_named_with_what_is_wanted(max_value: Any) -> None:
    for make in (lambda: rdbcodec.open(GOOD, max_value=max_value), lambda: Decoder(max_value=max_value)):
        with pytest.raises(TypeError) as refused:
            make()
        assert str(refused.value) == f"max_value is {type(max_value).__name__}, expected a number of bytes"


def test_a_wrong_dialect_is_named_with_what_is_wanted() -> None:
    with pytest.raises(ValueError, match="dialect is 'vlkey', expected None or one of redis, valkey, keydb"):
        rdbcodec.open(GOOD, dialect="vlkey")  # type: ignore[arg-type]


# --- however it was cut ------------------------------------------------------------------------------


def outcome(data: bytes, size: int, max_value: int) -> tuple[list[object], str]:
    """Records and error of a decoder that gets `size` bytes at a time."""
    decoder = Decoder(max_value=max_value)
    found: list[object] = []
    at = 0
    while True:
        try:
            record = decoder.next_record()
        except RdbError as error:
            return found, f"{type(error).__name__}: {error}"
        if record is None:
            return found, ""
        if record is NEED_DATA:
            decoder.feed(data[at : at + size])
            at += size
            if at >= len(data):
                decoder.feed_eof()
        elif isinstance(record, Entry):
            found.append((record.offset, record.key, record.is_large))
        else:
            found.append(record)


TEXTS = b"".join(string(b"%06d" % number) for number in range(40))
CUT: dict[str, bytes] = {
    "damage in a list": snapshot(K, pair(1, b"\x29" + TEXTS + b"\xc4", b"list"), L),
    "damage late in a list": snapshot(pair(1, b"\x3f" + TEXTS + b"\xc0\x01" * 9 + b"\xc4" + TEXTS, b"list")),
    "damage at the edge": snapshot(pair(1, b"\x29" + b"\x3d" + bytes(61) + b"\xc4" + TEXTS, b"list")),
    "a string beyond the edge": snapshot(pair(1, b"\x02" + string(bytes(300)) + b"\xc4", b"list")),
    "an array": snapshot(pair(28, b"\x09\x00" + b"\x01\x00\x03abc" * 3 + b"\x01\x07", b"array")),
    "module items": snapshot(pair(7, b"\x81" + bytes(8) + b"\x02\x01" * 20 + b"\x07", b"module")),
    "a key": snapshot(K, b"\x00\xc4"),
    "a slot import": snapshot(b"\xf3" + string(b"j" * 40) + b"\x20" + b"\x01\x02" * 31 + b"\xc0",
                              magic=b"VALKEY080"),
    "a template": snapshot(b"\xf2\x00\x20" + TEXTS[:70] + b"\xc4", magic=b"REDIS0015"),
    "cut in a list": snapshot(pair(1, b"\x29" + TEXTS, b"list"))[:200],
}  # fmt: skip


@every("max_value", [64, 128, 1 << 20])
@every("name", CUT)
def test_a_damaged_file_gives_the_same_records_and_error_however_it_was_cut(
    name: str, max_value: int
) -> None:
    data = CUT[name]
    whole = outcome(data, len(data), max_value)
    assert whole[1]
    for size in (1, 2, 3, 7, 61, 64, 100):
        assert outcome(data, size, max_value) == whole


def test_damage_in_a_value_that_passes_by_names_its_key() -> None:
    data = CUT["damage late in a list"]
    with pytest.raises(CorruptStructure) as refused:
        read_small(data)
    assert (refused.value.db, refused.value.key, refused.value.type) == (0, b"list", "list")


def read_small(data: bytes) -> list[object]:
    return list(rdbcodec.open(data, max_value=64))


# --- no more than it costs ---------------------------------------------------------------------------

PIECE = 1460  # bytes of a TCP segment


def test_a_large_hash_in_small_pieces_is_the_same_hash() -> None:
    count = 100_000
    body = b"".join(b"\x10field:%010d\x14twenty bytes of text" % number for number in range(count))
    data = snapshot(pair(4, lengths.encode(count) + body))
    assert list(map(plain, fed(data, PIECE))) == list(map(plain, read(data)))


def test_a_template_in_small_pieces_is_the_same_template() -> None:
    names = b"".join(string(b"%08d" % number) for number in range(50_000))
    data = snapshot(b"\xf2\x00" + lengths.encode(50_000) + names, magic=b"REDIS0015")
    assert fed(data, 64) == read(data)


def test_a_long_command_in_small_pieces_is_the_same_command() -> None:
    command = b"\xf2*20001\r\n$3\r\nDEL\r\n" + b"$1\r\nk\r\n" * 20_000
    data = snapshot(command, magic=b"VALKEY081")
    assert fed(data, 64) == read(data)


def test_a_million_attributes_before_a_key_are_read_once_each() -> None:
    (entry,) = [record for record in read(snapshot(b"\xf9\x05" * 300_000 + K)) if isinstance(record, Entry)]
    assert (entry.freq, entry.offset, entry.serialized_size) == (5, 9, 600_005)


def test_too_many_attributes_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rdbcodec.reading.core.MAX_RECORD", 1000)
    expected = "the attributes of a key are too large to hold: 1002 bytes, the limit is 1000"
    assert refusal_of(snapshot(b"\xf9\x05" * 600 + K), max_value=64) == expected


def refusal_of(data: bytes, **options: Any) -> str:
    with pytest.raises(LimitExceeded) as refused:
        list(rdbcodec.open(data, **options))
    return refused.value.message


def test_a_slot_import_has_no_more_ranges_than_there_are_slots() -> None:
    ranges = lengths.encode(16385) + b"\x00\x00" * 16385
    data = snapshot(b"\xf3" + string(b"j" * 40) + ranges, magic=b"VALKEY080")
    expected = "a slot import of more ranges than there are slots: 16385 ranges, the limit is 16384"
    assert refusal_of(data) == expected
    with pytest.raises(LimitExceeded) as refused:
        fed(data, 7)
    assert refused.value.message == expected


def test_names_of_templates_are_counted_for_the_whole_file() -> None:
    names = b"".join(string(b"%08d" % number) for number in range(90_000))
    templates = [b"\xf2" + bytes([id]) + lengths.encode(90_000) + names for id in range(3)]
    assert refusal_of(snapshot(*templates, magic=b"REDIS0015")) == (
        f"too many names of hash templates: 270000 names, the limit is {MAX_TEMPLATE_NAMES}"
    )


def test_names_of_templates_are_weighed() -> None:
    name = string(bytes(MAX_TEMPLATES // 2))
    templates = [b"\xf2" + bytes([id]) + b"\x01" + name for id in range(3)]
    wanted = MAX_TEMPLATES // 2 * 3
    assert refusal_of(snapshot(*templates, magic=b"REDIS0015")) == (
        f"the names of hash templates are too large: {wanted} bytes, the limit is {MAX_TEMPLATES}"
    )


def test_stretches_are_the_records_in_runs_of_about_their_size() -> None:
    large = b"\x00" + string(b"k" * 100_000) + string(b"v")
    data = snapshot(*[large] * 50, b"\xfa\x01a" + string(bytes(200_000)), *[K] * 1000)
    runs = [list(run) for run in rdbcodec.open(data).stretches(1_000_000)]
    assert [record.offset for run in runs for record in run] == [record.offset for record in read(data)]
    sizes = [sum(record.serialized_size for record in run if isinstance(record, Entry)) for run in runs]
    assert 5 <= len(sizes) <= 7
    assert max(sizes) < 1_400_000


def test_stretches_end_with_the_error_that_ends_the_snapshot() -> None:
    runs = rdbcodec.open(GOOD[:14]).stretches(1 << 20)
    with pytest.raises(Truncated):
        list(next(runs))


# --- what servers take differently -------------------------------------------------------------------


def expiry(at_ms: int) -> bytes:
    return b"\xfc" + at_ms.to_bytes(8, "little", signed=True)


@pytest.mark.parametrize(
    ("attributes", "disputed"),
    [
        (expiry(5), None),
        (expiry(5) + expiry(6), EXPIRY_TWICE),
        (b"\xfd\x05\x00\x00\x00" + expiry(6), EXPIRY_TWICE),
        (expiry(-1), EXPIRY_MINUS_1),
        (expiry(5) + expiry(-1), EXPIRY_TWICE),
    ],
)
def test_expiries_that_servers_take_differently_are_disputed(attributes: bytes, disputed: str | None) -> None:
    """Asked: Redis 6.2, 7.0, 8.2, 8.10 and Valkey 8.0, 8.1, 9.1; 8.10 is the one that differs."""
    (entry,) = [record for record in read(snapshot(attributes + K)) if isinstance(record, Entry)]
    assert entry.disputed == disputed


def test_check_calls_a_disputed_expiry_an_error() -> None:
    data = snapshot(expiry(5) + expiry(6) + K, L)
    found = check(rdbcodec.open(data), now_ms=0)
    assert [(problem.severity, problem.message, problem.offset) for problem in found.problems] == [
        ("error", EXPIRY_TWICE, 9)
    ]


def test_a_profile_names_no_more_modules_than_anybody_has() -> None:
    ids = (b"\x81" + (number << 10).to_bytes(8, "big") for number in range(1, 5000))
    data = snapshot(*(b"\xf7" + id + b"\x02\x02\x00" for id in ids))
    with pytest.raises(LimitExceeded) as refused:
        profile(rdbcodec.open(data), now_ms=0)
    assert refused.value.message == "too many modules to name each: 4097 modules, the limit is 4096"


# --- memory -----------------------------------------------------------------------------------------

PEAK = """
import re, sys
from rdbcodec.cli.main import main
sys.argv = ["rdbcodec", *sys.argv[1:]]
code = main()
print(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1], file=sys.stderr)
sys.exit(code)
"""


@pytest.mark.process
@pytest.mark.skipif(sys.platform != "linux", reason="reads the peak from /proc")
@pytest.mark.parametrize(
    "command",
    [["inspect"], ["check"], ["keys"], ["filter"]]
    + [["dump", "--format", form] for form in ("ndjson", "json", "csv", "resp")],
    ids=" ".join,
)
def test_long_keys_are_not_held_together(command: list[str], tmp_path: Path) -> None:
    """100 keys of 500 KB, half of them binary, which are 125 MB as text."""
    path, out = tmp_path / "long-keys.rdb", tmp_path / "out"
    keys = [b"%03d" % number + (b"\xff" if number % 2 else b"k") * 500_000 for number in range(100)]
    records = (b"\x00\x80" + len(key).to_bytes(4, "big") + key + b"\x01v" for key in keys)
    path.write_bytes(b"REDIS0011" + b"".join(records) + b"\xff" + bytes(8))
    with out.open("wb") as file:
        words = [*command, str(path), *(["-o", str(tmp_path / "copy.rdb")] if command == ["filter"] else [])]
        done = subprocess.run(
            [sys.executable, "-c", PEAK, *words], stdout=file, stderr=subprocess.PIPE, check=True
        )
    assert int(done.stderr.split()[-1]) < 64 << 10, "KiB"


def test_long_keys_of_text_are_not_held_together(tmp_path: Path) -> None:
    """200 lines of 500 KB each."""
    path = tmp_path / "long-keys.ndjson"
    line = '{"db":0,"key":"%03d%s","type":"string","encoding":"string","value":"v"}\n'
    path.write_text("".join(line % (number, "k" * 500_000) for number in range(200)))
    words = ["encode", str(path), "-o", str(tmp_path / "copy.rdb")]
    done = subprocess.run([sys.executable, "-c", PEAK, *words], stderr=subprocess.PIPE, check=True)
    assert int(done.stderr.split()[-1]) < 80 << 10, "KiB"


def test_a_profile_keeps_the_beginning_of_a_long_key_and_knows_its_size() -> None:
    key = "\u00e9".encode() * 1_000_000
    data = b"REDIS0011\x00\x80" + len(key).to_bytes(4, "big") + key + b"\x01v\xff" + bytes(8)
    facts = profile(rdbcodec.open(data), now_ms=0)
    (big,) = facts.biggest
    assert (big.key, len(big.key)) == (key[:1024], 1024)
    assert json_key(big.key, hide_keys=False) == {"head": "\u00e9" * 512, "size": 2_000_000}
    assert show_key(big.key) == f"{key[:80]!r}... (2000000 bytes)"
    assert KeyDigest(b"secret").of(big.key) == KeyDigest(b"secret").of(key)
    again = profile_json.loads(json.loads(profile_json.dumps(facts)))
    assert again == facts
    assert show_key(again.biggest[0].key) == show_key(key)


def test_keys_that_differ_behind_their_beginning_have_digests_of_their_own() -> None:
    of = KeyDigest(b"secret").of
    assert len({of(b"k" * 5000 + bytes([last])) for last in range(10)}) == 10
