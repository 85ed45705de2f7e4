"""A masked snapshot has the form of the original and nothing of its content."""

from __future__ import annotations

import io
import itertools
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cases import examples
from commands import run
from hypothesis import given
from hypothesis import strategies as st
from ways import FIXTURES, entries, pair, snapshot, string

import rdbcodec
from rdbcodec import Entry, Hash, Masked, ZSet, mask
from rdbcodec.facts.slots import key_slot
from rdbcodec.facts.soundness import check
from rdbcodec.formats import OPCODES, STRING, TYPES, Framing, Repeat
from rdbcodec.structures import intset, listpack, ziplist, zipmap
from rdbcodec.structures.rewriting import rewritten
from rdbcodec.tools.masking.disguise import Disguise
from rdbcodec.tools.masking.names import Names
from rdbcodec.tools.masking.values import REFUSED, ROLES

FOLDER = FIXTURES / "snapshots"
SAMPLE = (
    *("redis-2.4.18-types", "redis-3.2.13-types", "redis-7.2.6-types", "redis-8.10.2-new"),
    *("redis-8.10.2-tmpl", "redis-8.10.2-tmplload", "valkey-9.1.2-new"),
)
DISGUISE = Disguise(b"secret")


def masked(data: bytes, **how: Any) -> tuple[bytes, Masked]:
    out = io.BytesIO()
    found = mask(data, out, **{"secret": b"secret", **how})
    return out.getvalue(), found


def texts_of(value: object) -> Iterator[bytes]:
    """All texts in a value."""
    if isinstance(value, bytes):
        yield value
    elif isinstance(value, rdbcodec.Stream):
        for entry in value.entries:
            yield from texts_of(entry.fields)
    elif isinstance(value, rdbcodec.Array):
        yield from value.elements.values()
    elif isinstance(value, dict):
        yield from texts_of(list(value.items()))
    elif isinstance(value, list | tuple | set | frozenset):
        for part in value:
            yield from texts_of(part)


# --- whole files ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "keys"), [*((name, False) for name in SAMPLE), ("redis-8.10.2-new", True)])
def test_each_key_keeps_its_form_and_nothing_of_its_content(name: str, keys: bool) -> None:
    data = (FOLDER / f"{name}.rdb").read_bytes()
    made, found = masked(data, keys=keys, allow_loss=True, keep_functions=True)
    assert check(rdbcodec.open(made), now_ms=0).verdict == "sound"
    before, after = entries(data), entries(made)
    assert found.keys == len(before) == len(after)
    for old, new in zip(before, after, strict=True):
        assert (new.row, new.db, new.expires_at_ms) == (old.row, old.db, old.expires_at_ms)
        assert (len(new.key), key_slot(new.key)) == (len(old.key), key_slot(old.key))
        assert keys or new.key == old.key
        olds, news = list(texts_of(old.value())), list(texts_of(new.value()))
        assert sorted(map(len, olds)) == sorted(map(len, news))
        said = b" ".join(news)
        words = b" ".join(text for text in olds if b"." not in text)  # the decimals of numbers stay
        for word in re.findall(rb"[A-Za-z0-9]{12,}", words):
            assert word[:24] not in said, old


def test_the_same_secret_makes_the_same_and_another_makes_another() -> None:
    data = (FOLDER / "redis-7.2.6-new.rdb").read_bytes()
    made = masked(data)[0]
    assert masked(data)[0] == made
    assert masked(data, secret=b"other")[0] != made
    assert masked(data, secret=None)[0] != masked(data, secret=None)[0]


def test_a_compressed_text_takes_the_same_room() -> None:
    text = b'{"name":"Robert","mail":"robert@example.com","roles":["robert","admin"]}' * 3
    data = snapshot(pair(0, rdbcodec.wire.strings.encode(text)))
    made, found = masked(data)
    (entry,) = entries(made)
    assert len(entry.raw) == len(entries(data)[0].raw)
    assert (found.compressed, found.resized) == (1, 0)
    assert re.sub(rb"[A-Za-z]", b"x", entry.value()) == re.sub(rb"[A-Za-z]", b"x", text)  # type: ignore[arg-type] # a string


@pytest.mark.once
def test_values_too_large_to_hold_are_masked_as_they_pass() -> None:
    out = io.BytesIO()
    with rdbcodec.create(out) as writer:
        writer.write(b"h", Hash({b"field%d" % at: b"value%d of a field" % at for at in range(12000)}))
        writer.write(b"s", b"plain text " * 100_000)
    made, _ = masked(out.getvalue())
    large, long = entries(made)
    value = large.value_as(Hash)
    assert (len(value), len({*value} & {b"field%d" % at for at in range(12000)})) == (12000, 0)
    text = long.value_as(bytes)
    assert (len(text), b"plain" in text, text[5:6]) == (1_100_000, False, b" ")
    assert check(rdbcodec.open(made), now_ms=0).verdict == "sound"


def test_members_of_a_set_get_the_fields_expiry_names_of_keydb() -> None:
    members = b"\x02" + string(b"alice") + string(b"carol")
    aux = b"\xfa" + string(b"keydb-subexpire-key") + string(b"alice")
    when = b"\xfa" + string(b"keydb-subexpire-when") + string(b"1732000000000")
    made, _ = masked(snapshot(pair(2, members), aux, when, magic=b"REDIS0009"))
    with rdbcodec.open(made) as reader:
        records = list(reader)
    named = next(r.value for r in records if isinstance(r, rdbcodec.Aux) and r.name.endswith(b"-key"))
    members_made = next(r.value() for r in records if isinstance(r, Entry))
    assert named in members_made  # type: ignore[operator] # a set
    assert named != b"alice"


# --- what cannot be masked --------------------------------------------------------------------------


def test_functions_and_values_of_modules_are_never_passed_on_silently() -> None:
    function = b"\xf5" + string(b"#!lua name=mylib\nredis.register_function('f', function() end)")
    data = snapshot(function, pair(0, string(b"v")))
    with pytest.raises(rdbcodec.LossyConversion, match="function: 1 x a function library"):
        masked(data)
    assert b"mylib" not in masked(data, allow_loss=True)[0]
    assert b"mylib" in masked(data, keep_functions=True)[0]
    modules = (FOLDER / "redis-7.2.6-modules.rdb").read_bytes()
    with pytest.raises(rdbcodec.LossyConversion, match=r"not-masked: .* a key whose value cannot be masked"):
        masked(modules)
    made, found = masked(modules, allow_loss=True)
    assert {loss.kind for loss in found.losses} == {"module-aux", "not-masked"}
    assert {entry.type for entry in entries(made)} <= {"string"}


def test_remarks_that_may_name_a_machine_are_left_out() -> None:
    host, version = b"\xfa" + string(b"repl-host") + string(b"db1.internal"), b"\xfa\x09redis-ver\x057.2.6"
    made, found = masked(snapshot(version, host))
    assert (b"7.2.6" in made, b"internal" in made, found.remarks) == (True, False, 1)


def strings_in(framing: Framing) -> Iterator[str]:
    for name, step in zip(framing.names, framing, strict=True):
        if isinstance(step, Repeat):
            yield from strings_in(step.steps)
        elif step is STRING:
            yield name


def test_every_string_in_the_table_is_known_to_be_text_or_a_structure() -> None:
    structures = {"listpack", "ziplist", "intset", "zipmap", "node"}
    for row in TYPES:
        if row.type not in REFUSED:
            assert set(strings_in(row.framing)) <= {*ROLES, *structures}, row.name
    template = next(row for row in OPCODES if row.name == "hash-template")
    assert set(strings_in(template.framing)) <= {*ROLES}


# --- disguises --------------------------------------------------------------------------------------


@examples(50)
@given(st.binary(max_size=200))
def test_a_text_keeps_its_length_and_what_kinds_of_bytes_it_has(text: bytes) -> None:
    made = DISGUISE.text(text)
    assert len(made) == len(text)
    assert [bytes((byte,)).isdigit() for byte in made] == [bytes((byte,)).isdigit() for byte in text]
    assert [bytes((byte,)).islower() for byte in made] == [bytes((byte,)).islower() for byte in text]


# Of one to four bytes, first and last of a stretch. st.text would begin with tables of all of Unicode.
UTF_8 = "\t\n\r azAZ09~-_:{}\x80\xa0\xe9\xff\u0100\u03b1\u07ff\u0800\u0e01\u6f22\ud7ff\ue000\ufffd"
UTF_8 += "\U00010000\U0001f389\U0010ffff"


@examples(50)
@given(st.lists(st.sampled_from(UTF_8), max_size=60).map("".join))
def test_what_was_utf_8_still_is(text: str) -> None:
    assert len(DISGUISE._text(text.encode()).decode("utf-8", "replace")) == len(text)


def test_no_two_texts_or_integers_have_the_same_disguise() -> None:
    for made in (
        {DISGUISE.text(b"%03d" % number) for number in range(1000)},
        {DISGUISE.text(b"a%d" % number) for number in range(1000)},
        {DISGUISE.text(bytes((number, 0))) for number in range(256) if number} | {b"other" * 3},
        {DISGUISE.text(b"%d" % number) for number in range(-500, 500)},
        {DISGUISE.integer(number) for number in range(-500, 500)},
    ):
        assert len(made) in (1000, 256)


@pytest.mark.parametrize("module", [listpack, ziplist], ids=["listpack", "ziplist"])
@given(number=st.one_of(st.integers(-(2**63), 2**63 - 1), st.integers(-70000, 70000)))
def test_an_integer_stays_one_of_the_same_width(module: Any, number: int) -> None:
    made = DISGUISE.integer(number)
    assert len(module.encode([made])) == len(module.encode([number]))
    assert len(rdbcodec.wire.strings.encode(b"%d" % made)) == len(
        rdbcodec.wire.strings.encode(b"%d" % number)
    )
    assert len(str(made)) == len(str(number))


@given(st.lists(st.floats(allow_nan=False), min_size=2, max_size=2).map(sorted))
def test_scores_keep_their_order(scores: list[float]) -> None:
    low, high = map(DISGUISE.score, scores)
    assert low <= high


def test_packed_scores_keep_order_length_and_decimals() -> None:
    scores = [b"-12.25", b"0", b"3", b"17.5", b"18.5", b"1e+300", b"inf"]
    made = [DISGUISE.score_text(score) for score in scores]
    assert [len(text) for text in made] == [len(score) for score in scores]
    assert sorted(made, key=float) == made
    assert made[0].endswith(b".25")
    assert (made[1], made[5], made[6]) == (b"0", b"1e+300", b"inf")


def test_members_of_equal_scores_are_in_their_order() -> None:
    value = ZSet({b"m%d" % at: 7.0 for at in range(50)})
    out = io.BytesIO()
    with rdbcodec.create(out) as writer:
        writer.write(b"z", value)
    made = list(entries(masked(out.getvalue())[0])[0].value_as(ZSet).items())
    assert made == sorted(made, key=lambda pair: (pair[1], pair[0]))


@pytest.mark.parametrize(
    "key", [b"a", b"\xff\x00\x01\x02{", b"{tag}x", b"Name:7", "schlüssel".encode(), b"x" * 40]
)
def test_a_key_stays_in_its_slot(key: bytes) -> None:
    made = Names(DISGUISE).of(key)
    assert (len(made), key_slot(made)) == (len(key), key_slot(key))


def test_keys_stay_apart_and_change_where_there_is_room() -> None:
    names = Names(DISGUISE)
    keys = [b"user:%d" % number for number in range(100)]
    made = [names.of(key) for key in keys]
    assert len({*made}) == len(keys)
    assert not {*made} & {*keys}
    assert all(name[4:5] == b":" for name in made)
    first, second = names.of(b"{user1}.cart"), names.of(b"{user1}.name")
    assert first.partition(b".")[0] == second.partition(b".")[0] != b"{user1}"
    assert Names(DISGUISE, keep=1).of(b"user:12345678")[:5] == b"user:"
    assert key_slot(Names(DISGUISE, same_slot=False).of(b"a-long-name-1234")) != key_slot(b"a-long-name-1234")


def test_keys_of_one_prefix_have_one_prefix_afterwards() -> None:
    names = Names(DISGUISE)
    keys = [
        b"%b:%d:%b" % (kind, number, part)
        for kind in (b"user", b"session", b"cart-v2")
        for number in range(9)
        for part in (b"name", b"x")
    ]
    made = [names.of(key) for key in keys]
    assert {(key.split(b":")[0], name.split(b":")[0]) for key, name in zip(keys, made, strict=True)} == {
        (b"user", names.of(b"user:1").split(b":")[0]),
        (b"session", names.of(b"session:1").split(b":")[0]),
        (b"cart-v2", names.of(b"cart-v2:1").split(b":")[0]),
    }
    assert len({name.split(b":")[0] for name in made} - {b"user", b"session", b"cart-v2"}) == 3
    assert list(map(key_slot, made)) == list(map(key_slot, keys))
    assert len({*made}) == len(keys)
    assert names.of(b"{user:1}:session:2")[9:17] == names.of(b"session:1")[:8]
    free = Names(DISGUISE, same_slot=False)
    assert free.of(b"user:1")[:5] == free.of(b"user:2")[:5] != b"user:"


def test_names_are_told_by_their_kinds_alone_so_that_none_gets_that_of_another() -> None:
    """All names of four letters, a colon and a digit of one slot stay apart, and so does what is no text."""
    names = Names(DISGUISE)
    words = [bytes(letters) for letters in itertools.product(b"abc", repeat=4)]
    keys = [b"%b:%d" % (word, number) for word in words for number in range(3)]
    assert len({names.of(key) for key in keys}) == len(keys)
    long = b"\x00" * (1 << 16)
    assert len(names.of(long)) == len(long)


def test_structures_are_the_same_when_each_element_stands_for_itself() -> None:
    numbers = [0, 12, 13, -1, 127, 128, -4096, 30000, -70000, 1 << 30, 1 << 40]
    texts = [b"", b"x" * 63, b"x" * 64, b"x" * 5000, b"x" * 20000]
    for structure, blob in (
        ("listpack", listpack.encode([*numbers, *texts])),
        ("ziplist", ziplist.encode([*numbers, *texts])),
        ("intset", intset.encode(numbers)),
        ("zipmap", zipmap.encode([(b"f" * 300, b"v"), (b"g", b"w" * 300)])),
    ):
        assert rewritten(structure, blob, lambda element: element) == blob
    assert rewritten("zipmap", b"\x01\x01g\x02\x02hi!!\xff", lambda element: element) == (
        b"\x01\x01g\x02\x02hi\0\0\xff"
    )


# --- the command ------------------------------------------------------------------------------------


def test_the_command_says_what_is_kept_and_what_is_replaced(tmp_path: Path) -> None:
    source, output = tmp_path / "dump.rdb", tmp_path / "masked.rdb"
    source.write_bytes(snapshot(pair(0, string(b"private"), b"user:1")))
    done = run("mask", source, "-o", output, "--seed", "x", "--keys", "--keep-prefix", "1")
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.decode().splitlines() == [
        f"{output}: 1 key of {source}, with other content",
        "  replaced  texts, integers and scores, by others of the same length and form",
        "            the names of fields, groups and consumers",
        "            keys, by others in the same cluster slot",
        "  kept      types, layouts, sizes, counts, expiries, times, IDs of streams",
        "            punctuation in texts, which scores are greater, their decimals",
        "            keys up to their colon number 1",
        "            1 key for which there is no other name in the slot",
    ]
    assert b"private" not in output.read_bytes()


def test_the_command_refuses_losses_and_leaves_no_file(tmp_path: Path) -> None:
    output = tmp_path / "masked.rdb"
    done = run("mask", FOLDER / "redis-7.2.6-modules.rdb", "-o", output)
    assert (done.returncode, output.exists()) == (1, False)
    assert "not-masked: " in done.stderr.decode()
    allowed = run(
        "mask", FOLDER / "redis-7.2.6-modules.rdb", "-o", output, "--allow-loss", "--format", "json"
    )
    assert [loss["kind"] for loss in json.loads(allowed.stdout)["losses"]] == ["module-aux", "not-masked"]
    assert run("mask", FOLDER / "redis-7.2.6-new.rdb", "-o", output, "--any-slot").returncode == 2


def test_a_seed_in_the_environment_is_in_no_list_of_processes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = FOLDER / "redis-7.2.6-new.rdb"
    run("mask", source, "-o", tmp_path / "a.rdb", "--seed", "x")
    monkeypatch.setenv("RDBCODEC_MASK_SEED", "x")
    run("mask", source, "-o", tmp_path / "b.rdb")
    assert (tmp_path / "a.rdb").read_bytes() == (tmp_path / "b.rdb").read_bytes()
