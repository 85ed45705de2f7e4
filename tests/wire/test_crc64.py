"""CRC-64/Redis: the constants, every engine against the definition, files that servers wrote."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from cases import every
from hypothesis import given
from hypothesis import strategies as st
from interpreters import built_engines

from rdbcodec.wire import accelerators, crc64

if TYPE_CHECKING:
    from rdbcodec.wire.crc64 import Engine

ROOT = Path(__file__).parents[2]
SNAPSHOTS = sorted((ROOT / "fixtures" / "snapshots").glob("*.rdb"))
EMPTY_V9 = bytes.fromhex("52 45 44 49 53 30 30 30 39 ff 9a ac 7a bc fb 0f ad 74")
FIRST_CHECKED = 5  # the version whose files end with a checksum
ENGINES = list(crc64.LOADERS)
# On both sides of everything that changes the path: the table alone, each row of FOLDS, one block, two.
SIZES = [1, 2, 7, 8, 9, crc64.SMALL, crc64.SMALL + 1, crc64.BLOCK - 1, crc64.BLOCK, crc64.BLOCK + 1, 140_001]
SIZES += [power // 8 + extra for power, _ in crc64.FOLDS for extra in (0, 1, 2, 9)]


def engine_or_skip(name: str) -> Engine:
    try:
        return crc64.load(name)
    except ImportError as error:
        pytest.skip(f"{name}: {error}")


def by_definition(data: bytes, crc: int = 0) -> int:
    """Bit by bit, without any table."""
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x95AC9329AC4BC9B5 if crc & 1 else 0)
    return crc


def power_of_x(exponent: int) -> int:
    """x^exponent modulo the polynomial, one multiplication by x at a time."""
    residue = 1
    for _ in range(exponent):
        residue <<= 1
        if residue >> 64:
            residue ^= 1 << 64 | 0xAD93D23594C935A9
    return residue


def python(code: str, **environment: str) -> str:
    """What a fresh interpreter prints."""
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **environment}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.mark.parametrize("name", ENGINES)
def test_every_engine_gives_the_check_value_of_the_catalogue(name: str) -> None:
    assert engine_or_skip(name)(b"123456789", 0) == 0xE9C6D914C4B8D9CA


@pytest.mark.parametrize("name", ENGINES)
def test_an_empty_version_9_file_ends_with_the_crc_of_its_first_ten_bytes(name: str) -> None:
    crc = engine_or_skip(name)(EMPTY_V9[:10], 0)
    assert crc == 0x74AD0FFBBC7AAC9A
    assert crc.to_bytes(8, "little") == EMPTY_V9[10:]


def test_the_hex_in_the_essay_is_that_file() -> None:
    essay = crc64.__doc__ or ""
    for piece in (
        "52 45 44 49 53  ",
        "30 30 30 39  ",
        "ff  ",
        "9a ac 7a bc fb 0f ad 74  ",
        "0x74ad0ffbbc7aac9a",
    ):
        assert piece in essay, piece


def test_both_forms_of_the_polynomial_are_the_same_one() -> None:
    assert f"{crc64.POLYNOMIAL:064b}"[::-1] == f"{crc64.REFLECTED:064b}"


def test_the_table_is_what_the_servers_have_in_crc64_c() -> None:
    assert len(crc64.TABLE) == 256
    assert tuple(by_definition(bytes((byte,))) for byte in range(256)) == crc64.TABLE
    assert [crc64.TABLE[i] for i in (0, 1, 128, 255)] == [
        0x0000000000000000,
        0x7AD870C830358979,
        0x95AC9329AC4BC9B5,
        0x29B7D047EFEC8728,
    ]


@every(("power", "terms"), crc64.FOLDS)
def test_every_row_of_folds_is_true_modulo_the_polynomial(power: int, terms: tuple[int, ...]) -> None:
    total = 0
    for term in terms:
        total ^= power_of_x(term)
    assert power_of_x(power) == total


def test_rows_of_folds_go_down_and_so_do_their_terms() -> None:
    powers = [power for power, _ in crc64.FOLDS]
    assert powers == sorted(powers, reverse=True)
    for power, terms in crc64.FOLDS:
        assert list(terms) == sorted(set(terms), reverse=True)
        assert power - terms[0] >= 8, "a row must take at least a byte off"


@every("name", ENGINES)
@every("size", sorted(set(SIZES)))
def test_every_engine_agrees_with_the_byte_table_at_every_turn_of_the_folding(name: str, size: int) -> None:
    data = bytes((i * i * 7 + i * 13 + (i >> 8) * 31) & 255 for i in range(size))
    crc = 0xFEDCBA9876543210
    assert engine_or_skip(name)(data, crc) == crc64.byte_by_byte(data, crc)


@pytest.mark.parametrize("name", ENGINES)
@given(data=st.binary(min_size=1, max_size=3000), crc=st.integers(0, 2**64 - 1))
def test_every_engine_agrees_with_the_definition(name: str, data: bytes, crc: int) -> None:
    assert engine_or_skip(name)(data, crc) == by_definition(data, crc)


@given(data=st.binary(max_size=100), crc=st.integers(0, 2**64 - 1))
def test_eight_bytes_at_a_time_give_the_crc_of_one_at_a_time(data: bytes, crc: int) -> None:
    assert crc64.crc64_by_halves(data, crc) == by_definition(data, crc)
    assert crc64.crc64_by_halves(memoryview(data), crc) == by_definition(data, crc)


@pytest.mark.parametrize(("pypy", "engine"), [(False, "crc64_pure"), (True, "crc64_by_halves")])
def test_the_pure_engine_suits_the_interpreter(
    pypy: bool, engine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(accelerators, "PYPY", pypy)
    assert crc64.load_pure() is getattr(crc64, engine)


def test_pypy_takes_no_engine_that_was_built_for_cpython(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RDBCODEC_PURE", raising=False)
    monkeypatch.setattr(accelerators, "PYPY", True)
    accelerators.check_allowed("pure")
    with pytest.raises(ImportError, match=r"^anycrc is made for CPython; PyPy takes the pure engine$"):
        accelerators.check_allowed("anycrc")


@given(st.binary(max_size=300), st.binary(max_size=300))
def test_the_crc_of_both_is_that_of_each_and_the_size_of_the_second(first: bytes, second: bytes) -> None:
    both = crc64.combine(crc64.crc64(first), crc64.crc64(second), len(second))
    assert both == crc64.crc64(first + second)


def test_a_crc_is_combined_over_terabytes() -> None:
    zeros = crc64.combine(crc64.CHECK, 0, 1 << 20)
    assert zeros == crc64.crc64(crc64.CHECK_INPUT + bytes(1 << 20))
    assert crc64.combine(crc64.combine(crc64.CHECK, 0, 1 << 39), 0, 1 << 39) == crc64.combine(
        crc64.CHECK, 0, 1 << 40
    )


@given(data=st.binary(max_size=3000), cut=st.integers(0, 3000))
def test_a_crc_goes_on_where_it_stopped(data: bytes, cut: int) -> None:
    assert crc64.crc64(data[cut:], crc64.crc64(data[:cut])) == crc64.crc64(data)


@pytest.mark.parametrize("name", ENGINES)
def test_a_crc_goes_on_across_blocks(name: str) -> None:
    run = engine_or_skip(name)
    data = bytes(range(256)) * 1024
    assert run(data[100_001:], run(data[:100_001], 0)) == run(data, 0)


@pytest.mark.parametrize("size", [0, 1, 3, 200, 70_000])
def test_bytes_bytearray_and_any_memoryview_of_them_have_one_crc(size: int) -> None:
    data = bytes(i * 37 & 255 for i in range(size * 8))
    whole = crc64.byte_by_byte(data, 0)
    assert crc64.crc64(data) == whole
    assert crc64.crc64(bytearray(data)) == whole
    assert crc64.crc64(memoryview(data)) == whole
    assert crc64.crc64(memoryview(bytearray(data))[:]) == whole
    assert crc64.crc64(memoryview(data).cast("Q")) == whole
    assert crc64.crc64(memoryview(data)[::3]) == crc64.byte_by_byte(data[::3], 0)


def test_a_bytearray_can_grow_again_once_its_crc_is_known() -> None:
    data = bytearray(200_000)
    crc64.crc64(data)
    crc64.crc64(memoryview(data))
    crc64.crc64_pure(data, 0)
    data.append(1)
    assert len(data) == 200_001


def test_no_bytes_leave_the_crc_as_it_was() -> None:
    assert crc64.crc64(b"") == 0
    assert crc64.crc64(b"", 0x74AD0FFBBC7AAC9A) == 0x74AD0FFBBC7AAC9A
    assert crc64.crc64_pure(b"", 0x74AD0FFBBC7AAC9A) == 0x74AD0FFBBC7AAC9A


def test_there_are_snapshots_to_check() -> None:
    assert len(SNAPSHOTS) >= 20


@every("path", SNAPSHOTS, ids=lambda path: path.stem)
def test_every_snapshot_of_a_server_ends_with_its_checksum_or_with_none(path: Path) -> None:
    data = path.read_bytes()
    if data.startswith(b"REDIS") and int(data[5:9]) < FIRST_CHECKED:
        assert data[-1] == 0xFF, "before version 5 the EOF opcode is the end"
        return
    stored = int.from_bytes(data[-8:], "little")
    assert stored in (0, crc64.crc64(data[:-8]))
    assert (stored == 0) == path.stem.endswith("-plain"), "only those were written with rdbchecksum no"


def test_importing_the_module_imports_no_engine() -> None:
    code = "import sys, rdbcodec.wire.crc64; print([m for m in ('anycrc', 'crcmod') if m in sys.modules])"
    assert python(code) == "[]"


def test_the_engine_in_use_is_the_first_available_one() -> None:
    assert crc64.engine() == crc64.available()[0]
    assert [name for name in ENGINES if name in crc64.available()] == crc64.available()
    assert crc64.available()[-1] == "pure"


def test_rdbcodec_pure_turns_every_accelerator_off() -> None:
    code = (
        "from rdbcodec.wire import crc64; import sys\n"
        "print(crc64.engine(), crc64.available(), hex(crc64.crc64(b'123456789')),"
        " [m for m in ('anycrc', 'crcmod') if m in sys.modules])"
    )
    assert python(code, RDBCODEC_PURE="1") == "pure ['pure'] 0xe9c6d914c4b8d9ca []"


@pytest.mark.parametrize("name", ["anycrc", "crcmod"])
def test_an_engine_that_is_turned_off_says_so(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RDBCODEC_PURE", "1")
    with pytest.raises(ImportError) as caught:
        crc64.load.__wrapped__(name)
    assert str(caught.value) == f"RDBCODEC_PURE=1 turns {name} off"


@built_engines
def test_crcmod_without_its_c_extension_is_left_alone_and_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("crcmod", reason="crcmod is not installed")
    monkeypatch.delenv("RDBCODEC_PURE", raising=False)
    monkeypatch.setitem(sys.modules, "crcmod._crcfunext", None)
    with pytest.raises(ImportError) as caught:
        crc64.load.__wrapped__("crcmod")
    assert str(caught.value) == "crcmod is here without its C extension"


@built_engines
def test_an_engine_that_computes_another_crc_is_left_alone_and_says_why(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("RDBCODEC_PURE", raising=False)
    monkeypatch.setitem(crc64.LOADERS, "crcmod", lambda: lambda data, crc: len(data) + crc)
    with pytest.raises(ImportError) as caught:
        crc64.load.__wrapped__("crcmod")
    assert str(caught.value) == "crcmod does not compute CRC-64/Redis"


@built_engines
def test_an_engine_that_is_not_installed_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RDBCODEC_PURE", raising=False)
    monkeypatch.setitem(sys.modules, "anycrc", None)
    with pytest.raises(ImportError) as caught:
        crc64.load.__wrapped__("anycrc")
    assert str(caught.value) == "import of anycrc halted; None in sys.modules"


def test_a_skipped_engine_gives_its_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(name: str) -> Engine:
        raise ImportError(f"no {name} today")

    monkeypatch.setattr(crc64, "load", refuse)
    with pytest.raises(pytest.skip.Exception) as caught:
        engine_or_skip("anycrc")
    assert str(caught.value) == "anycrc: no anycrc today"


def test_an_engine_of_an_unknown_name_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(KeyError):
        crc64.load("md5")
