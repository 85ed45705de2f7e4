"""Of a damaged snapshot all is saved that can be, as a sound file, and the account explains every key."""

from __future__ import annotations

import gzip
import io
import json
import random
from pathlib import Path
from typing import Any

import pytest
from commands import run
from servers import Pool
from ways import SNAPSHOTS, pair, snapshot, string

import rdbcodec
from rdbcodec import Entry, Hash
from rdbcodec.facts.soundness import check
from rdbcodec.reading.unwrapped import Unwrapped
from rdbcodec.tools.diff import diff
from rdbcodec.tools.salvage import Salvage, salvage
from rdbcodec.tools.survivors import Survivors
from rdbcodec.wire import lengths
from rdbcodec.wire.crc64 import crc64
from rdbcodec.wire.module_ids import ModuleId, encode_module_id

TYPES = Path(__file__).parent.parent / "fixtures" / "snapshots" / "redis-7.2.6-types.rdb"
K = [pair(0, string(b"value"), b"key%d" % at) for at in range(9)]
ENDLESS = b"\x00\x04long\x7f\xff"  # a string of 16383 bytes that are not there
BAD_SET = b"\x0b\x03bad\x03abc"  # an intset of three bytes


def saved(data: bytes, **how: Any) -> tuple[bytes, Salvage]:
    out = io.BytesIO()
    found = salvage(data, out, **how)
    assert check(rdbcodec.open(out.getvalue()), now_ms=0).verdict == "sound"
    return out.getvalue(), found


def names(data: bytes) -> list[bytes]:
    with rdbcodec.open(data) as reader:
        return [record.key for record in reader if isinstance(record, Entry)]


def spans(found: Salvage) -> list[tuple[int, int, str]]:
    return [(gap.start, gap.end, gap.error.message) for gap in found.gaps]


# --- damage -----------------------------------------------------------------------------------------


def test_all_that_stands_before_a_cut_is_saved() -> None:
    head = b"\xfe\x00\xfb\x09\x00"
    out, found = saved(snapshot(head, *K)[:-20])
    assert names(out) == [b"key%d" % at for at in range(8)]
    assert (found.keys, dict(found.kept), found.announced, found.missing) == (8, {0: 8}, {0: 9}, {0: 1})
    assert spans(found) == [(110, 111, "the file ends inside a record")]
    assert (found.ends, found.checksum, found.is_whole) == (False, "not reached", False)


def test_keys_that_a_damaged_length_has_swallowed_are_found_in_the_value() -> None:
    whole = snapshot(*K)
    at = whole.index(b"key3") + 4  # the length of its value, which takes in two more keys and a part
    data = whole[:at] + bytes((37,)) + whole[at + 1 :]
    _, found = saved(data)
    assert found.keys == 4  # key3 with too much in it, and nothing behind it
    out, found = saved(data, resync=True)
    assert names(out) == [b"key%d" % at for at in (0, 1, 2, 4, 5, 6, 7, 8)]
    assert [(start, end) for start, end, _ in spans(found)] == [(45, 57)]


def test_zeros_in_a_damaged_time_are_no_key_without_a_name() -> None:
    expiring = [b"\xfc" + (1 << 40).to_bytes(8, "little") + record for record in K]
    data = bytearray(snapshot(*expiring))
    data[9] = 0xF4
    out, found = saved(bytes(data), resync=True)
    assert names(out) == [b"key%d" % at for at in range(9)]
    assert [(beside.side, beside.key) for beside in found.beside] == [("behind", b"key0")]


def test_a_key_right_before_damage_may_have_lost_the_end_of_its_value() -> None:
    whole = snapshot(*K)
    at = whole.index(b"key3") + 4
    out, found = saved(whole[:at] + b"\x01" + whole[at + 1 :], resync=True)
    first = found.beside[0]
    assert (first.side, first.key) == ("before", b"key3")
    assert names(out) == [b"key%d" % at for at in range(9)]


def test_a_whole_snapshot_is_saved_whole(tmp_path: Path) -> None:
    found = salvage(TYPES, tmp_path / "out.rdb", resync=True)
    assert (found.is_whole, found.checksum, found.gaps, found.missing, found.keys) == (True, "ok", [], {}, 94)
    assert diff(lambda: rdbcodec.open(TYPES), lambda: rdbcodec.open(tmp_path / "out.rdb")).is_equal


def test_a_wrong_checksum_alone_costs_nothing() -> None:
    data = TYPES.read_bytes()
    out, found = saved(data[:-2] + bytes((data[-2] ^ 1, data[-1] ^ 1)))
    assert diff(lambda: rdbcodec.open(TYPES), lambda: rdbcodec.open(out)).is_equal
    assert (found.checksum, found.gaps, found.ends, found.is_whole) == ("wrong", [], True, False)
    assert (found.mended, found.unvouched) == (None, 94)


@pytest.mark.parametrize("at", [0, 8, 12, 40, 300, 44_000, -9, -8, -1])
def test_a_changed_byte_is_told_by_the_checksum_and_put_right(at: int) -> None:
    data = bytearray(TYPES.read_bytes())
    was = data[at]
    data[at] ^= 0x5A
    out, found = saved(bytes(data))
    assert found.mended == (at % len(data), was ^ 0x5A, was)
    assert out == saved(TYPES.read_bytes())[0]
    assert (found.checksum, found.gaps, found.keys, found.unvouched) == ("ok", [], 94, 0)
    assert not found.is_whole


def test_a_changed_byte_of_a_page_blob_is_put_right_too() -> None:
    data = bytearray(TYPES.read_bytes())
    data[5000] ^= 1
    assert saved(bytes(data).ljust(-(-len(data) // 512) * 512, b"\0"))[1].mended is not None


def test_two_changed_bytes_are_not_told() -> None:
    data = bytearray(TYPES.read_bytes())
    data[5000] ^= 1
    data[5001] ^= 1
    assert saved(bytes(data))[1].mended is None


def test_the_account_says_which_byte_was_put_right_and_in_which_key(tmp_path: Path) -> None:
    path, out = tmp_path / "dump.rdb", tmp_path / "saved.rdb"
    with rdbcodec.create(path) as writer:
        for at in range(9):
            writer.write(b"key%d" % at, b"value")
    data = path.read_bytes()
    end = data.index(b"key4") + 3
    path.write_bytes(data[:end] + b"X" + data[end + 1 :])
    done = run("salvage", path, "-o", out)
    assert (done.returncode, done.stderr) == (1, b"")
    assert done.stdout.decode().splitlines()[:3] == [
        f"{out}: 9 keys saved of {path}",
        f"  mended   byte {end}, db 0 key b'key4': 0x58 in the file, 0x34 by its checksum, which is right so",
        "  kept     9 keys (db 0: 9), 0 function libraries",
    ]
    told = json.loads(run("salvage", path, "-o", out, "--force", "--format", "json").stdout)
    assert told["mended"] == {"offset": end, "found": 88, "was": 52, "db": 0, "key": "key4"}


def test_a_value_that_does_not_decode_is_left_out_or_kept_by_choice() -> None:
    data = snapshot(K[0], BAD_SET, K[1])
    out, found = saved(data)
    assert (names(out), dict(found.dropped)) == ([b"key0", b"key1"], {0: 1})
    (problem,) = found.problems
    assert (problem.offset, problem.key, problem.message) == (
        21,
        b"bad",
        "intset is 3 bytes, its header takes 8",
    )
    kept = io.BytesIO()
    found = salvage(data, kept, keep_damaged=True)
    assert (names(kept.getvalue()), found.kept_damaged) == ([b"key0", b"bad", b"key1"], 1)


def test_a_type_that_files_of_this_version_cannot_have_is_damage() -> None:
    later = pair(33, b"\x01", b"later")  # of RDB 15
    out, found = saved(snapshot(K[0], later, K[1]))
    assert (names(out), dict(found.dropped)) == ([b"key0", b"key1"], {0: 1})
    assert [problem.message for problem in found.problems] == ["type 33 is of RDB 15, the file is of RDB 12"]


def aux(name: bytes, value: bytes) -> bytes:
    return b"\xfa" + string(name) + string(value)


def test_a_byte_that_looks_like_another_vendors_does_not_change_the_dialect() -> None:
    changed = b"\xdc" + K[1][1:]  # the attributes of a key, in a file of Dragonfly
    out, found = saved(snapshot(aux(b"redis-ver", b"5.0.14"), K[0], changed, *K[2:]), resync=True)
    assert names(out) == [b"key%d" % at for at in (0, *range(2, 9))]
    assert (spans(found)[0][2], rdbcodec.open(out).dialect) == (
        "opcode 220 is unknown in dialect redis (header version 12)",
        "redis",
    )


def test_a_vendors_hint_right_before_damage_is_left_out() -> None:
    """Redis Enterprise's 121 is followed by a number, which a type byte was that became it."""
    out, found = saved(snapshot(K[0], b"\x79" + K[1][1:], *K[2:]), resync=True)
    assert b"\x79\x04" not in out
    assert names(out) == [b"key%d" % at for at in (0, *range(2, 9))]
    assert [problem.message for problem in found.problems] == [
        "a vendor's record slot-number, and damage behind it"
    ]


def test_a_remark_that_valkey_refuses_is_left_out() -> None:
    out, found = saved(snapshot(aux(b"slot-info", b"12182,1\xba0"), *K))
    assert (b"slot-info" in out, found.keys) == (False, 9)
    assert [problem.message for problem in found.problems] == [
        "a remark slot-info that is not three numbers; Valkey 8.0 and later refuse it"
    ]


def test_a_value_whose_form_servers_refuse_is_written_anew_with_what_it_held() -> None:
    """A changed digit in an expiry of a packed hash: its fields are not in the order of their expiries."""
    fields = Hash({b"f": b"v", b"g": b"w"})
    fields.expires_at_ms = {b"f": 1893456000000, b"g": 1893456000001}
    made = io.BytesIO()
    with rdbcodec.create(made, to="redis-8.2") as writer:
        writer.write(b"hash", fields)
    data = bytearray(made.getvalue())
    at = data.rindex((1893456000000).to_bytes(8, "little"))
    data[at] += 9
    out, found = saved(bytes(data), verify_checksum=False)
    (entry,) = (record for record in rdbcodec.open(out) if isinstance(record, Entry))
    value = entry.value()
    assert isinstance(value, Hash)
    assert value.expires_at_ms == {b"f": 1893456000009, b"g": 1893456000001}
    assert check(rdbcodec.open(out), now_ms=0).problems == []
    assert (found.rewritten, found.keys) == (1, 1)


def module_value(name: str, version: int, *items: bytes) -> bytes:
    number = encode_module_id(ModuleId(name, version))
    return b"\x81" + number.to_bytes(8, "big") + b"".join(b"\x05" + string(item) for item in items) + b"\x00"


def test_a_module_whose_name_is_a_byte_off_a_known_one_and_a_document_that_is_no_json_are_left_out() -> None:
    changed = bytearray(module_value("ReJSON-RL", 3, b"{}"))
    changed[3] ^= 0x40
    values = [module_value("ReJSON-RL", 3, b'{"a": 1}'), bytes(changed), module_value("ReJSON-RL", 3, b"{1")]
    out, found = saved(snapshot(*(pair(7, value, b"key%d" % at) for at, value in enumerate(values))))
    assert names(out) == [b"key0"]
    assert [problem.message for problem in found.problems] == [
        "module ReISON-RL is ReJSON-RL with a byte changed",
        "ReJSON-RL writes no such value: its text is no JSON",
    ]


def test_numbers_of_a_damaged_module_value_are_no_module_under_an_odd_name() -> None:
    """What a module wrote is many numbers: 7 2 is a record of a module, and 2 is the module's number."""
    numbers = b"\x02\x07\x02\x02\x02\x02\x02\x01" * 20
    whole = b"\x07\x03vec\x81" + encode_module_id(ModuleId("vectorset", 0)).to_bytes(8, "big") + numbers
    data = snapshot(K[0], whole[:14] + b"\x09" + whole[15:] + b"\x00", *K[1:])
    out, found = saved(data, resync=True)
    assert names(out) == [b"key%d" % at for at in range(9)]
    assert len(spans(found)) == 1


def test_a_value_that_its_module_never_writes_is_left_out_unless_the_checksum_vouches_for_it() -> None:
    """Redis 8 refuses a whole file for a vector set whose quantization is 122."""
    items = b"".join(b"\x02" + lengths.encode(number) for number in (3, 0, 4096 + 122, 0)) + b"\x00"
    flawed = pair(7, b"\x81" + encode_module_id(ModuleId("vectorset", 0)).to_bytes(8, "big") + items, b"vec")
    out, found = saved(snapshot(K[0], flawed))
    assert (names(out), found.checksum) == ([b"key0"], "none")
    assert [(problem.key, problem.message) for problem in found.problems] == [
        (b"vec", "vectorset writes no such value: quantization is 122")
    ]
    body = snapshot(K[0], flawed, checksum=b"")
    out, found = saved(body + crc64(body, 0).to_bytes(8, "little"))
    assert (names(out), found.checksum, found.problems) == ([b"key0", b"vec"], "ok", [])


def test_behind_damage_a_module_nobody_knows_is_believed_when_its_key_is_a_word_or_it_was_met_before() -> (
    None
):
    mine, other = module_value("mymodule1", 0, b"x"), module_value("other-one", 0, b"x")
    behind = [pair(7, mine, b"\x01\xff"), pair(7, other, b"\x02\xff"), pair(7, other, b"word")]
    data = snapshot(pair(7, mine, b"first"), K[0], b"\xf3\x04name\x00", *K[1:5], *behind)
    out, found = saved(data, resync=True)
    assert names(out) == [b"first", *(b"key%d" % at for at in range(5)), b"\x01\xff", b"word"]
    assert [problem.message for problem in found.problems] == [
        "module other-one is not known, and its key no word, behind damage"
    ]


def test_a_slot_import_that_valkey_refuses_is_damage() -> None:
    changed = b"\xf3" + string(b"x" * 40) + b"\x01\x05\x02"
    data = snapshot(K[0], b"\xf3\x04name\x00", *K[1:4], changed, *K[4:], magic=b"VALKEY080")
    out, found = saved(data, resync=True)
    assert names(out) == [b"key%d" % at for at in range(9)]
    assert [message for _, _, message in spans(found)] == [
        "a slot import of a job whose name is 4 bytes, expected 40",
        "a slot import of the slots 5 to 2",
    ]


def test_a_key_whose_compressed_name_is_damaged_is_left_out() -> None:
    name = b"\xc3\x03\x20\x00ab"  # three bytes of LZF, which are said to be 32 and are two
    out, found = saved(snapshot(K[0], b"\x01" + name + b"\x01\x01v", K[1]))
    assert (names(out), dict(found.dropped)) == ([b"key0", b"key1"], {0: 1})
    assert [(problem.offset, problem.key) for problem in found.problems] == [(21, None)]


def test_records_behind_damage_come_back_with_resync() -> None:
    data = snapshot(K[0], ENDLESS, *K[1:])
    assert [names(saved(data, resync=resync)[0]) for resync in (False, True)] == [
        [b"key0"],
        [b"key%d" % at for at in range(9)],
    ]
    found = saved(data, resync=True)[1]
    assert spans(found) == [(21, 29, "the file ends inside a record")]
    assert (found.behind, found.ends, found.checksum) == (8, True, "none")


def test_an_expiry_behind_damage_stays_with_its_key() -> None:
    expiring = b"\xfc" + (1893456000000).to_bytes(8, "little") + K[1]
    out, _ = saved(snapshot(ENDLESS, expiring, *K[2:]), resync=True)
    with rdbcodec.open(out) as reader:
        first = next(record for record in reader if isinstance(record, Entry))
    assert (first.key, first.expires_at_ms) == (b"key1", 1893456000000)


def test_zeros_are_no_records() -> None:
    data = snapshot(K[0], ENDLESS, bytes(90), b"\x70", *K[1:])
    assert names(saved(data, resync=True)[0]) == [b"key%d" % at for at in range(9)]


def test_two_records_are_enough_only_before_the_end_of_the_file() -> None:
    data = snapshot(ENDLESS, *K[:2], b"\x70", *K[2:4])
    out, found = saved(data, resync=True)
    assert (names(out), len(found.gaps)) == ([b"key2", b"key3"], 1)


def test_fields_of_a_damaged_hash_are_not_taken_for_strings() -> None:
    fields = Hash({b"field%02d" % at: b"value%02d" % at for at in range(40)})
    fields.expires_at_ms = {b"field00": 1893456000000}
    made = io.BytesIO()
    with rdbcodec.create(made, to="redis-8.2", settings={"hash-max-listpack-entries": 4}) as writer:
        writer.write(b"hash", fields)
        for at in range(50):
            writer.write(b"key%d" % at, b"value")
    data = bytearray(made.getvalue())
    place = data.index(b"\x07field05")
    data[place] = 0x40  # the name is as long as what follows until somewhere inside of another
    kept = names(saved(bytes(data), resync=True, verify_checksum=False)[0])
    assert [name for name in kept if not name.startswith(b"key")] == []
    assert kept[-1] == b"key49"


def test_a_byte_that_looks_like_the_end_is_none_when_records_follow() -> None:
    data = bytearray(snapshot(*K))
    data[9 + 12] = 0xFF
    out, found = saved(bytes(data), resync=True)
    assert names(out) == [b"key%d" % at for at in (0, *range(2, 9))]
    assert spans(found) == [(21, 33, "an EOF mark, and behind it bytes that belong to no snapshot's end")]


@pytest.mark.parametrize("at", range(9))
def test_a_damaged_header_is_told_by_what_the_server_says_of_itself(at: int) -> None:
    data = bytearray(TYPES.read_bytes())
    data[at] ^= 0x40
    out, found = saved(bytes(data), verify_checksum=False)
    assert (out[:9], found.is_header_guessed, found.keys) == (b"REDIS0011", True, 94)


@pytest.mark.parametrize("data", [b"", b"no snapshot at all", b"REDIS0099\xff" + bytes(8)])
def test_what_is_no_snapshot_is_not_saved(data: bytes) -> None:
    with pytest.raises(rdbcodec.DecodeError):
        salvage(data, io.BytesIO(), resync=True)


def test_of_a_key_that_is_there_twice_the_first_stays() -> None:
    again = pair(0, string(b"again"), b"key1")
    out, found = saved(snapshot(*K, again, pair(0, string(b"other"), b"other")))
    assert (names(out), found.keys) == ([*(b"key%d" % at for at in range(9)), b"other"], 10)
    assert [(problem.key, problem.message) for problem in found.problems] == [
        (b"key1", "the key stood there before")
    ]


def test_a_cut_gzip_gives_what_could_be_unpacked(tmp_path: Path) -> None:
    noise = random.Random(8)
    records = [pair(0, b"\x80\x00\x01\x00\x00" + noise.randbytes(1 << 16), b"k%02d" % at) for at in range(20)]
    packed = gzip.compress(snapshot(*records))
    path = tmp_path / "dump.rdb.gz"
    path.write_bytes(packed[: len(packed) // 2])
    found = salvage(path, tmp_path / "out.rdb")
    assert found.keys == 9
    assert [gap.error.message for gap in found.gaps] == ["the gzip file ends inside its compressed data"]


# --- every fixture, cut and flipped -----------------------------------------------------------------

SAMPLE = [path for path in SNAPSHOTS if path.suffix == ".rdb" and path.stat().st_size < 60_000][::6]


def explained(damaged: bytes, found: Salvage, place: int, size: int) -> bool:
    """Whether a key that stood there and is not in the output is accounted for."""
    if any(problem.offset == place for problem in found.problems):
        return True
    if place >= len(damaged):
        return not found.ends
    if any(gap.start < place + size and place < gap.end for gap in found.gaps):
        return True
    with Unwrapped(damaged) as whole:  # a changed byte in its name or its database: it is there as another
        return any(isinstance(record, Entry) and record.offset == place for record in Survivors(whole))


@pytest.mark.once
@pytest.mark.parametrize("path", SAMPLE, ids=lambda path: path.stem)
def test_kept_lost_and_unknown_explain_every_key(path: Path) -> None:
    data, chance = path.read_bytes(), random.Random(path.name)
    with rdbcodec.open(data) as reader:
        keys = [record for record in reader if isinstance(record, Entry)]
    damaged = [data[: chance.randrange(9, len(data))] for _ in range(3)]
    for _ in range(3):
        flipped = bytearray(data)
        flipped[chance.randrange(9, len(data))] ^= 1 << chance.randrange(8)
        damaged.append(bytes(flipped))
    for each in damaged:
        # With the checksum, which tells the changed byte, nothing would be lost.
        out, found = saved(each, resync=True, verify_checksum=False)
        with rdbcodec.open(out) as reader:
            there = {(record.db, record.key) for record in reader if isinstance(record, Entry)}
        lost = [key for key in keys if (key.db, key.key) not in there]
        assert [key for key in lost if not explained(each, found, key.offset, key.serialized_size)] == []


@pytest.mark.parametrize("name", ["redis-6.2", "redis-8.10", "valkey-9.1"])
def test_what_is_saved_loads(name: str, pool: Pool) -> None:
    product, _, release = name.partition("-")
    path = next(
        path for path in SNAPSHOTS if path.name.startswith(f"{product}-{release}") and "types" in path.name
    )
    data = bytearray(path.read_bytes())
    data[len(data) // 3] ^= 0x80
    data[len(data) // 2] ^= 0x80
    out, found = saved(bytes(data[:-3000]), resync=True)
    server = pool(name)
    server.load(out)
    loaded = [
        int(line.split(b"keys=")[1].split(b",")[0])
        for line in server.command("INFO", "keyspace").splitlines()
        if b"keys=" in line
    ]
    assert 0 < sum(loaded) <= found.keys  # but for those that have expired


# --- the command ------------------------------------------------------------------------------------


@pytest.fixture
def cut(tmp_path: Path) -> Path:
    path = tmp_path / "cut.rdb"
    path.write_bytes(snapshot(b"\xfe\x00\xfb\x09\x00", K[0], BAD_SET, *K[1:])[:-20])
    return path


def test_the_account_says_what_is_kept_lost_and_unknown(cut: Path, tmp_path: Path) -> None:
    out, report = tmp_path / "saved.rdb", tmp_path / "report.json"
    done = run("salvage", cut, "-o", out, "--report", report)
    assert (done.returncode, done.stderr) == (1, b"")
    assert done.stdout.decode().splitlines() == [
        f"{out}: 8 keys saved of {cut}",
        "  damage   bytes 119 to 120 (1 B): the file ends inside a record",
        "  kept     8 keys (db 0: 8), 0 function libraries",
        "  lost     1 key left out",
        "  lost       offset 26, db 0, key b'bad': intset is 3 bytes, its header takes 8",
        "  unknown  what stood behind the damage: the end was not met, other databases may have followed",
        "  unknown  all 8 keys kept: no checksum vouches for their names, texts and expiries",
        "  checksum not reached",
        f"  next     rdbcodec check {out}",
        f"           rdbcodec diff {out} BACKUP",
    ]
    document = json.loads(report.read_bytes())
    assert (document["kept"]["keys"], document["lost"]["left_out"], document["ends"]) == (8, {"0": 1}, False)
    printed = run("salvage", cut, "-o", out, "--force", "--format", "json")
    assert json.loads(printed.stdout) == document


def test_no_key_is_named_where_keys_are_hidden(cut: Path, tmp_path: Path) -> None:
    done = run("salvage", cut, "-o", tmp_path / "saved.rdb", "--hide-keys")
    assert b"b'bad'" not in done.stdout
    assert b"offset 26, db 0, a key: intset" in done.stdout


def test_outputs_are_refused_before_anything_is_written(cut: Path, tmp_path: Path) -> None:
    out, report = tmp_path / "saved.rdb", tmp_path / "report.json"
    report.write_bytes(b"mine")
    tries = {
        (out, report): f"{report}: exists already, --force writes over it\n",
        (cut, None): f"{cut}: is the input, which is never written over\n",
        (out, cut): f"{cut}: is the input, which is never written over\n",
        (out, out): f"{out}: the report and the snapshot cannot be one file\n",
    }
    for (output, account), said in tries.items():
        words = () if account is None else ("--report", account)
        done = run("salvage", cut, "-o", output, *words)
        assert (done.returncode, done.stderr.decode(), out.exists()) == (4, said, False)
    assert report.read_bytes() == b"mine"


def test_a_snapshot_that_is_whole_is_a_yes(tmp_path: Path) -> None:
    done = run("salvage", TYPES, "-o", "-")
    assert (done.returncode, done.stdout[:9]) == (0, b"REDIS0011")
    assert done.stderr.decode().splitlines()[0] == f"-: 94 keys saved of {TYPES}"
