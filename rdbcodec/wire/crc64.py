"""CRC-64/Redis (also CRC-64/Jones), the checksum at the end of an RDB file and of a DUMP payload.

    polynomial 0xAD93D23594C935A9 (x^64 is implied)   input and output reflected   init 0   final xor 0
    check      "123456789" -> 0xE9C6D914C4B8D9CA

In a file of version 5 or later it covers every byte from the magic to the EOF opcode and follows as
eight bytes, little endian. One real instance, the empty version 9 file:

    52 45 44 49 53      "REDIS"
    30 30 30 39         "0009"
    ff                  EOF
    9a ac 7a bc fb 0f ad 74   crc64 of the ten bytes before: 0x74ad0ffbbc7aac9a

Eight zero bytes there mean that the writer computed none; a reader then has nothing to compare.

How it is computed without C. The bytes are a polynomial M over GF(2): reflected means that the lowest
bit of the first byte is its highest power, so `int.from_bytes(data, "little")` is M with bit i standing
for x^(n-1-i). The CRC is M times x^64, modulo P. A byte table takes one byte at a time, 7 MB/s.
Folding takes thousands of bits at a time. From x^D = x^a + x^b + ... + 1 (modulo P) follows

    h * x^D + rest  =  h * (x^a + x^b + ... + 1) + rest

for any h: the k highest bits of M (the lowest of the integer) go away when they are added back at a few
places further down, one shift and one XOR of big integers for each term, done in C. Powers may be
far apart, what counts is that they are few: FOLDS, at the bottom of the file, has five to eight where it
matters. Each row takes M down to about D bits; the last 27 bytes or so go through the byte table.
The running CRC needs no care: it is XORed into the first 64 bits, as in the byte loop.
"""

from __future__ import annotations

import importlib
from functools import cache
from itertools import pairwise
from struct import Struct
from typing import TYPE_CHECKING

from rdbcodec.wire import accelerators
from rdbcodec.wire.flat import flat

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

    Bytes: TypeAlias = bytes | bytearray | memoryview
    Engine: TypeAlias = Callable[[Bytes, int], int]

POLYNOMIAL = 0xAD93D23594C935A9
REFLECTED = 0x95AC9329AC4BC9B5  # the same, lowest power in the highest bit, as the table wants it
CHECK_INPUT = b"123456789"
CHECK = 0xE9C6D914C4B8D9CA

BLOCK = 65536  # bytes made into one integer: more is no faster, and temporaries are four times this
FEW = 256 << 10  # bytes in all that the pure engine does in less time than importing another one takes: 10 ms
_HALVES = Struct("<II")  # of eight bytes: the low one first
SMALL = 128  # up to here the byte table is as fast as folding


def crc64(data: Bytes, crc: int = 0) -> int:
    """The CRC of `data`, continued from `crc`: crc64(b, crc64(a)) == crc64(a + b)."""
    if not data:  # anycrc 1.3.0 fails on it
        return crc
    if isinstance(data, memoryview):  # anycrc and crcmod want plain bytes in a row
        data = flat(data)
    return _run(data, crc)


def _run_first(data: Bytes, crc: int) -> int:
    """The pure engine, until there are bytes enough to be worth importing another one."""
    global _run, _seen  # noqa: PLW0603 - what is settled once for the process
    _seen += len(data)
    if _seen > FEW:
        _run = chosen()[1]
        return _run(data, crc)
    return load("pure")(data, crc)


_run: Engine = _run_first
_seen = 0


def settle() -> None:
    """Settle the engine now: who is forked then need not, each for himself, and begins with the quick one."""
    global _run  # noqa: PLW0603 - as above
    _run = chosen()[1]


def combine(first: int, second: int, size: int) -> int:
    """The CRC of a + b from those of a and of b, which has `size` bytes: parts of a file are read apart.

    It is linear, as it begins with 0 and ends without a XOR: that of a + b is a's times x^(8 size), plus b's.
    """
    place = 0
    while size and first:
        if size & 1:
            first = _product(first, _power(place))
        size, place = size >> 1, place + 1
    return first ^ second


_X8 = 1 << 55  # x^8, reflected: the highest bit stands for 1, the next one for x


@cache
def _power(place: int) -> int:
    """x^8 squared so many times."""
    if not place:
        return _X8
    before = _power(place - 1)
    return _product(before, before)


def _product(left: int, right: int) -> int:
    """Two polynomials multiplied, modulo P; all reflected."""
    product = 0
    while right:
        if right & _ONE:
            product ^= left
        right = right << 1 & _ALL
        left = left >> 1 ^ (REFLECTED if left & 1 else 0)
    return product


_ONE = 1 << 63
_ALL = (1 << 64) - 1


def engine() -> str:
    """The engine in use: "anycrc", "crcmod" or "pure"."""
    return chosen()[0]


def available() -> list[str]:
    """The engines that work here, fastest first; ["pure"] under RDBCODEC_PURE=1."""
    return [name for name in LOADERS if works(name)]


@cache
def load(name: str) -> Engine:
    """The engine of that name, as a function of some bytes (not none, all in a row) and the CRC so far.

    Raises ImportError, which says why, when it cannot be used here, and KeyError for a name unknown.
    """
    loader = LOADERS[name]
    accelerators.check_allowed(name)
    run = loader()
    if run(CHECK_INPUT[4:], run(CHECK_INPUT[:4], 0)) != CHECK:
        raise ImportError(f"{name} does not compute CRC-64/Redis")
    return run


def works(name: str) -> bool:
    """Whether load() would give this engine."""
    try:
        load(name)
    except ImportError:
        return False
    return True


@cache
def chosen() -> tuple[str, Engine]:
    """Settled once, on first use: importing this module imports no engine."""
    name = next(filter(works, LOADERS))
    return name, load(name)


def load_anycrc() -> Engine:
    """anycrc, in C with carry-less multiplication."""
    module = importlib.import_module("anycrc")
    calc: Engine = module.CRC(64, POLYNOMIAL, 0, True, True, 0).calc
    return calc


def load_crcmod() -> Engine:
    """crcmod, but only its C half: its Python half is a byte loop slower than ours."""
    try:
        importlib.import_module("crcmod._crcfunext")
    except ModuleNotFoundError as error:
        if error.name == "crcmod._crcfunext":
            raise ImportError("crcmod is here without its C extension") from error
        raise
    module = importlib.import_module("crcmod")
    run: Engine = module.mkCrcFun((1 << 64) | POLYNOMIAL, initCrc=0, rev=True, xorOut=0)
    return run


def load_pure() -> Engine:
    """The one in this file that suits the interpreter."""
    return crc64_by_halves if accelerators.PYPY else crc64_pure


LOADERS: dict[str, Callable[[], Engine]] = {
    "anycrc": load_anycrc,
    "crcmod": load_crcmod,
    "pure": load_pure,
}


def crc64_pure(data: Bytes, crc: int) -> int:
    """crc64() by folding, block by block so that the integers stay in the processor's cache."""
    if len(data) <= BLOCK:
        return fold(data, crc)
    view = memoryview(data)  # a slice of it copies nothing
    for pos in range(0, len(view), BLOCK):
        crc = fold(view[pos : pos + BLOCK], crc)
    return crc


def fold(data: Bytes, crc: int) -> int:
    """The CRC of one block: down to a few bytes row by row, then through the table.

    A row adds h at the powers a > b > ... > 0 by Horner's rule, so that a shift is over no more than the
    gap between neighbours. In the reflected integer a lower power is further up, hence the order of `gaps`.
    """
    if len(data) <= SMALL:
        return byte_by_byte(data, crc)
    bits = len(data) * 8
    rest = int.from_bytes(data, "little") ^ crc
    for power, nearest, gaps in STEPS:
        while bits - power >= 8:
            count = min(nearest, bits - power) & ~7  # whole bytes, so that the table can take over
            head = rest & ((1 << count) - 1)
            rest >>= count
            spread = head
            for gap in gaps:
                spread = (spread << gap) ^ head
            rest ^= spread << (nearest - count)
            bits -= count
    return byte_by_byte(rest.to_bytes(bits // 8, "little"), 0)


def crc64_by_halves(data: Bytes, crc: int) -> int:
    """crc64() for a just-in-time compiler: eight bytes at a time through tables of 32 bits.

    Numbers of 64 bits are big integers there, halves of them are the processor's own if they do not come out
    of big ones: those stay big. In PyPy 7.3.19 this makes 730 MB/s, with masks and shifts 30, by folding 25.
    """
    data = bytes(data)
    low, high = _HALVES.unpack(crc.to_bytes(8, "little"))
    (a7, a6, a5, a4, a3, a2, a1, a0), (b7, b6, b5, b4, b3, b2, b1, b0) = half_tables()
    whole = len(data) & ~7
    pos = 0
    while pos < whole:
        i, j = low & 255 ^ data[pos], low >> 8 & 255 ^ data[pos + 1]
        k, m = low >> 16 & 255 ^ data[pos + 2], low >> 24 ^ data[pos + 3]
        n, p = high & 255 ^ data[pos + 4], high >> 8 & 255 ^ data[pos + 5]
        q, r = high >> 16 & 255 ^ data[pos + 6], high >> 24 ^ data[pos + 7]
        low = a7[i] ^ a6[j] ^ a5[k] ^ a4[m] ^ a3[n] ^ a2[p] ^ a1[q] ^ a0[r]
        high = b7[i] ^ b6[j] ^ b5[k] ^ b4[m] ^ b3[n] ^ b2[p] ^ b1[q] ^ b0[r]
        pos += 8
    return byte_by_byte(data[whole:], high << 32 | low)


@cache
def half_tables() -> tuple[list[list[int]], list[list[int]]]:
    """TABLE for a byte that 7, 6, ... 0 others follow: the low halves of each, and the high ones."""
    tables = [list(TABLE)]
    for _ in range(7):
        tables.insert(0, [entry >> 8 ^ TABLE[entry & 255] for entry in tables[0]])
    halves = [[_HALVES.unpack(entry.to_bytes(8, "little")) for entry in table] for table in tables]
    return [[low for low, _ in pairs] for pairs in halves], [[high for _, high in pairs] for pairs in halves]


def byte_by_byte(data: Bytes, crc: int) -> int:
    """The definition: one table look-up per byte."""
    table = TABLE
    for byte in data:
        crc = table[(crc ^ byte) & 255] ^ (crc >> 8)
    return crc


def make_table() -> tuple[int, ...]:
    """What the CRC register becomes when a byte leaves it: linear, so eight entries give the rest."""
    entry, single_bits = REFLECTED, [REFLECTED]
    for _ in range(7):
        entry = (entry >> 1) ^ (REFLECTED if entry & 1 else 0)
        single_bits.append(entry)
    table = [0]
    for single in reversed(single_bits):
        table += [entry ^ single for entry in table]
    return tuple(table)


def make_step(power: int, terms: tuple[int, ...]) -> tuple[int, int, tuple[int, ...]]:
    """A row of FOLDS as fold() wants it: the distance to the nearest term, and the gaps from the farthest."""
    return power, power - terms[0], tuple(high - low for high, low in pairwise(terms))[::-1]


# x^power = the sum of x^term for its terms, modulo P. Each row is proved in tests/wire/test_crc64.py.
#
# The rows 108653, 14063 and 1588 came out of a search in C, a few minutes each: with all terms below some
# w, put every 1 + x^b + x^c + ... into a hash table, then look every x^power + x^a + ... up in it. Among
# the 2^64 residues two sums meet about once when (powers tried) * (choices of terms) is 2^64.
# The rows above each of them are its squares: over GF(2) squaring doubles every power. The last three
# are residues as they are, the lightest x^power mod P near 2^8, 2^9 and 2^10.
FOLDS = (
    (217306, (16422, 13896, 11480, 3432, 0)),
    (108653, (8211, 6948, 5740, 1716, 0)),
    (56252, (2472, 2424, 1424, 116, 72, 0)),
    (28126, (1236, 1212, 712, 58, 36, 0)),
    (14063, (618, 606, 356, 29, 18, 0)),
    (6352, (2660, 2192, 2016, 832, 808, 568, 104, 0)),
    (3176, (1330, 1096, 1008, 416, 404, 284, 52, 0)),
    (1588, (665, 548, 504, 208, 202, 142, 26, 0)),
    (780, (57, 56, 54, 53, 51, 48, 47, 43, 41, 39, 35, 33, 31, 30, 25, 22, 21, 14, 12, 9, 6, 3, 0)),
    (349, (63, 62, 57, 49, 46, 43, 42, 39, 36, 33, 31, 27, 24, 23, 20, 18, 17, 16, 14, 13, 10, 8, 1, 0)),
    (214, (61, 55, 54, 49, 48, 41, 36, 35, 34, 30, 29, 27, 19, 18, 8, 7, 6, 3, 1, 0)),
)

TABLE = make_table()
STEPS = tuple(make_step(power, terms) for power, terms in FOLDS)
