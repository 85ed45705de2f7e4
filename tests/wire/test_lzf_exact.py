"""compress_exact: the blocks of real servers again, byte for byte, and the procedure by which they come."""

from __future__ import annotations

from pathlib import Path

import pytest
from cases import every, examples
from hypothesis import given
from hypothesis import strategies as st
from test_lzf import BLOCKS, PLAIN, TEXTS, by_definition, engine_or_skip

import rdbcodec
from rdbcodec.wire import lzf
from rdbcodec.wire.lzf import exact

FIXTURES = Path(__file__).parents[2] / "fixtures" / "snapshots"
SNAPSHOTS = sorted(path for path in FIXTURES.iterdir() if path.suffix in (".rdb", ".aof"))
OLDER = ("redis-2.", "redis-3.0.")  # another revision of the library

# A string whose text mixes two letters comes to references of every length and to every kind of end.
MIXED = st.lists(st.sampled_from([b"a", b"b", b"ab", b"aab"]), min_size=8, max_size=120).map(b"".join)
ENDS = st.builds(
    lambda head, unit, count, end: head + unit * count + end,
    st.binary(max_size=40),
    st.binary(min_size=1, max_size=12),
    st.integers(2, 60),
    st.binary(max_size=4),
)


def by_the_book(data: bytes) -> bytes | None:
    """The steps of rdb-format.md, section 3.3, one byte at a time, with the output position they count."""
    size, limit = len(data), len(data) - 4
    table: dict[int, int] = {}
    out, run, i = bytearray(), bytearray(), 0

    def close() -> None:
        if run:
            out.append(len(run) - 1)
            out.extend(run)
            run.clear()

    def insert(at: int) -> int | None:
        rolling = int.from_bytes(data[at : at + 3], "big")
        slot = ((rolling >> 8) - 5 * rolling) % 65536
        before, table[slot] = table.get(slot), at
        return before

    while i < size - 2:
        pos = len(out) + 1 + len(run)
        ref = insert(i)
        off = -1 if ref is None else i - ref - 1
        if ref and off < 8192 and data[ref : ref + 3] == data[i : i + 3]:
            if (pos + 4 if run else pos - 1 + 4) >= limit:
                return None
            close()
            longest, length, open_end = min(size - i - 2, 264), 2, True
            if longest > 16:
                for _ in range(16):
                    length += 1
                    if data[ref + length] != data[i + length]:
                        open_end = False
                        break
            while open_end:
                length += 1
                open_end = length < longest and data[ref + length] == data[i + length]
            more = length - 2
            out += bytes([off >> 8 | more << 5] if more < 7 else [off >> 8 | 224, more - 7]) + bytes(
                [off & 255]
            )
            i += 1 + more + 1
            if i >= size - 2:
                break
            insert(i - 2)
            insert(i - 1)
            continue
        if pos >= limit:
            return None
        run.append(data[i])
        i += 1
        if len(run) == 32:
            close()
    if len(out) + 1 + len(run) + 3 > limit:
        return None
    for byte in data[i:]:
        run.append(byte)
        if len(run) == 32:
            close()
    close()
    return bytes(out)


@pytest.mark.parametrize(("block", "text"), BLOCKS)
def test_redis_6_2_packs_its_strings_like_this(block: bytes, text: bytes) -> None:
    assert exact.compress_exact(text) == block


def blocks_of(path: Path, monkeypatch: pytest.MonkeyPatch) -> list[tuple[bytes, bytes]]:
    """Every LZF string of a snapshot, in keys, values and elements: the block and the text."""
    found: list[tuple[bytes, bytes]] = []
    read = lzf.reader()

    def remember(block: bytes, size: int) -> bytes | None:
        text = read(block, size)
        assert text is not None, "an engine left it to the pure one: its block is damaged, or no server's"
        found.append((block, text))
        return text

    with monkeypatch.context() as patched, rdbcodec.open(path) as reader:
        patched.setattr(lzf, "reader", lambda: remember)
        for record in reader:
            if isinstance(record, rdbcodec.Entry):
                record.value()
    return found


def test_every_string_packed_by_a_server_since_3_2_comes_out_byte_for_byte(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    compared = {
        path.name: [exact.compress_exact(text) == block for block, text in blocks_of(path, monkeypatch)]
        for path in SNAPSHOTS
        if not path.name.startswith(OLDER)
    }
    assert {name: same for name, same in compared.items() if not all(same)} == {}
    assert (
        sum(map(len, compared.values())) >= 587
    )  # fewer: the fixtures, or the way to their strings, are gone


def test_servers_before_3_2_packed_some_strings_in_another_way(monkeypatch: pytest.MonkeyPatch) -> None:
    older = [path for path in SNAPSHOTS if path.name.startswith(OLDER)]
    same = [
        exact.compress_exact(text) == block for path in older for block, text in blocks_of(path, monkeypatch)
    ]
    assert (same.count(True), same.count(False)) == (147, 27)


@examples(300)
@given(text=PLAIN | MIXED | ENDS)
def test_the_procedure_is_the_one_of_the_servers(text: bytes) -> None:
    if len(text) > 20:
        assert exact.compress_exact(text) == by_the_book(text)


def test_the_procedure_holds_for_long_and_for_nasty_strings() -> None:
    assert [exact.compress_exact(text) for text in TEXTS] == [by_the_book(text) for text in TEXTS]


@every("left", range(20))
@every("after", range(5))
def test_a_reference_near_the_end_ends_where_the_servers_end_it(left: int, after: int) -> None:
    head = bytes(range(100, 160))
    text = head + b"=" + head[10 : 10 + left] + b"." * after
    assert exact.compress_exact(text) == by_the_book(text)
    repeated = head + head[:30] * 2 + head[10 : 10 + left] + b"." * after
    assert exact.compress_exact(repeated) == by_the_book(repeated)


def test_a_string_of_20_bytes_is_stored_plain_and_one_of_21_is_packed() -> None:
    assert exact.compress_exact(b"a" * 20) is None
    assert exact.compress_exact(b"a" * 21) == bytes.fromhex("01 61 61 e0 0a 00")


def test_a_block_that_would_just_save_4_bytes_is_refused_where_the_servers_refuse_it() -> None:
    text = b"0123456789a" + b"123456789" + b"."
    block = b"\x0a0123456789a" + b"\xe0\x00\x09" + b"\x00."
    assert by_definition(block) == text
    assert len(block) == len(text) - 4
    assert exact.compress_exact(text) is None
    longer = b"0123456789ab" + b"123456789ab" + b"."
    assert exact.compress_exact(longer) == b"\x0b0123456789ab" + b"\xe0\x01\x0a" + b"\x01b."


def test_slots_are_computed_chunk_by_chunk_without_a_seam(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = [exact.compress_exact(text) for text in TEXTS]
    for chunk in (1, 7, 264, 265):
        monkeypatch.setattr(exact, "CHUNK", chunk)
        assert [exact.compress_exact(text[:3000]) for text in TEXTS[:40]] == whole[:40]
    monkeypatch.setattr(exact, "CHUNK", 1000)
    assert [exact.compress_exact(text) for text in TEXTS] == whole


@given(text=st.binary(min_size=3, max_size=400))
def test_a_slot_follows_from_three_bytes(text: bytes) -> None:
    triples = zip(text, text[1:], text[2:], strict=False)
    assert exact.slots_of(text) == tuple(((a << 8 | b) - 5 * (b << 8 | c)) % 65536 for a, b, c in triples)


@given(text=PLAIN | MIXED)
def test_what_is_packed_comes_back(text: bytes) -> None:
    block = exact.compress_exact(text)
    if block is not None:
        assert by_definition(block) == text
        assert len(block) <= len(text) - 4


@examples(300)
@given(text=PLAIN | MIXED | ENDS)
def test_python_lzf_packs_the_same(text: bytes) -> None:
    run = engine_or_skip("python-lzf")
    assert len(text) <= 20 or run.compress(text) == exact.compress_exact(text)
