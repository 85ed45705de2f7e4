"""LZF, the compression inside RDB strings (marker C3): both directions, whole, peeked and streamed.

A block is a sequence of tokens until its input is used up. Each begins with a control byte:

    000LLLLL                     literal run: the next L+1 bytes as they are               1..32 bytes
    LLLDDDDD dddddddd            back-reference, LLL = 1..6: L+2 bytes from D+1 back       3..8 bytes
    111DDDDD LLLLLLLL dddddddd   back-reference, long: L+9 bytes from D+1 back             9..264 bytes

D is the 13 bits DDDDDdddddddd, so a reference reaches 1..8192 bytes back in the output. Source and
destination may overlap: "30 bytes from 1 back" repeats the last byte 30 times.

One real instance, 30 times the letter a, out of DUMP of Redis 6.2.14:

    01          literal run of 2
    61 61       "aa"
    e0 11 00    long reference, 0x11 + 9 = 26 bytes from 0 + 1 back: the last "a" 26 times
    01          literal run of 2
    61 61       "aa"

and ten times abc: one literal run of 4, one reference, one literal run of 2:

    03 61 62 63 61   "abca"
    e0 0f 02         0x0f + 9 = 24 bytes from 2 + 1 back
    01 62 63         "bc"

What this module promises:

* Neither length is inside the block; RDB says both in front of it. Output of another size than the
  declared one is damage, as every server since 6.2 says (older ones forgave a size too large).
* 3 bytes of input make 264 bytes of output at most, so a block that declares more than 88 times its
  own size is refused before anything is allocated.
* Every complaint is a CorruptStructure whose `pos` is the control byte, in the compressed data, of
  the token at fault; the end of the data when it is the whole that is wrong.
* Whatever compress() returns, decompress() reads. The same engine makes the same bytes every time;
  the two engines do not make the same bytes, and no loader cares.
"""

from __future__ import annotations

import importlib
import os
from functools import cache, partial
from typing import TYPE_CHECKING, NamedTuple

from rdbcodec.errors import CorruptStructure

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

MAX_LITERAL = 32
MAX_MATCH = 264
MIN_MATCH = 3
MAX_DISTANCE = 8192
MAX_EXPANSION = MAX_MATCH // 3  # a long back-reference: 3 bytes in, 264 out
SLACK = MAX_MATCH  # no honest block needs it; it keeps the bomb check clear of the exact limit
PIECE = 65536  # what iter_decompress() yields at a time, give or take one token
MIN_SIZE = 21  # servers leave strings of 20 bytes and less alone
MIN_SAVED = 4  # and store the plain string when LZF would save less than this
MAX_SIZE = 0x7E000000  # the most LZ4 takes in one call; python-lzf counts in 32 bits
PROBE_SIZE = 1 << 20  # from here on the allocation python-lzf does not check is tried by Python first

VECTOR = bytes.fromhex("01 61 61 e0 11 00 01 61 61")  # 30 times "a": what an engine must read to be used


class Engine(NamedTuple):
    """One implementation; None from either function means "not me": damage, or not worth compressing."""

    decompress: Callable[[bytes, int], bytes | None]
    compress: Callable[[bytes], bytes | None]


def decompress(data: bytes, size: int) -> bytes:
    """The `size` bytes that the whole block `data` stands for.

    Raises CorruptStructure when the block is damaged or makes more or less than `size` bytes.
    """
    most = len(data) * MAX_EXPANSION + SLACK
    if size > most:
        raise CorruptStructure(
            f"LZF block of {len(data)} bytes declares {size}, it can make {most} at most", 0
        )
    out = chosen()[1].decompress(data, size)
    return decompress_pure(data, size) if out is None else out


def decompress_pure(data: bytes, size: int) -> bytes:
    """decompress() without any engine; it is also the one that has the words for damage."""
    out = bytearray()
    pos, start = expand(data, 0, out, size)
    if pos != len(data) or len(out) != size:
        raise explain(data, pos, start, made=len(out), size=size)
    return bytes(out)


def decompress_prefix(data: bytes, count: int) -> bytes:
    """The first `count` bytes of the output, fewer if `data`, which may be cut anywhere, ends before.

    Reads only as much of `data` as that takes. Raises CorruptStructure for a reference before the start.
    """
    out = bytearray()
    pos, _ = expand(data, 0, out, count)
    if len(out) < count and pos < len(data) and data[pos] < MAX_LITERAL:
        out += data[pos + 1 :]  # half a literal run is as good as a whole one here
    return bytes(out[:count])


def iter_decompress(chunks: Iterable[bytes], size: int) -> Iterator[bytes]:
    """decompress() in constant memory: pieces of about 64 KiB, from input cut up in any way.

    Raises what decompress() raises, but only on getting there: the pieces before the damage are out by
    then. A `size` that cannot be is met as output that ends too early; nothing is allocated for it.
    """
    window = bytearray()  # what references may reach, already yielded, then what is not yielded yet
    seen = 0  # bytes of `window` already yielded
    left = size  # bytes not yet yielded
    data, pos, start, base = b"", 0, 0, 0  # `data` begins at `base` in the block
    for chunk in chunks:
        data, base, pos = data[pos:] + chunk, base + pos, 0  # less than one token is carried over
        while True:
            stop = seen + min(left, PIECE)
            pos, start = expand(data, pos, window, stop, base=base)
            made = len(window) - seen
            if made > left or (made == left and pos < len(data)):
                raise explain(data, pos, start, made=size - left + made, size=size, base=base)
            if made < PIECE:
                break
            yield bytes(window[seen:])
            left -= made
            del window[:-MAX_DISTANCE]
            seen = len(window)
    if pos < len(data) or len(window) - seen != left:
        raise explain(data, pos, start, made=size - left + len(window) - seen, size=size, base=base)
    if left:
        yield bytes(window[seen:])


def expand(data: bytes, pos: int, out: bytearray, stop: int, *, base: int = 0) -> tuple[int, int]:
    """Append what the tokens of `data` from `pos` on stand for until `out` holds `stop` bytes.

    Returns where the first token not used begins (the end of `data`, or a token that is not all there)
    and where the last used one began. The last one may overshoot `stop`: never by more than 263 bytes.
    Raises CorruptStructure, with `base` added to the position, for a reference before the start.

    One loop, nothing called, every name local: a function per token would halve the speed.
    """
    start = pos
    here = len(out)
    control = 0
    try:
        while here < stop:
            control = data[pos]
            start = pos
            if control < 32:
                pos += control + 2
                out += data[start + 1 : pos]
                here += control + 1
                continue
            if control < 224:
                length = (control >> 5) + 2
                source = here - ((control & 31) << 8) - data[pos + 1] - 1
                pos += 2
            else:
                length = data[pos + 1] + 9
                source = here - ((control & 31) << 8) - data[pos + 2] - 1
                pos += 3
            if source < 0:  # as a slice bound it would silently count from the end
                raise CorruptStructure(
                    f"LZF reference reaches {here - source} bytes back, the output has {here}", base + start
                )
            if source + length <= here:
                out += out[source : source + length]
            else:  # source and destination overlap: the tail of the output repeats itself
                out += (out[source:] * (length // (here - source) + 1))[:length]
            here += length
    except IndexError:  # no more input, or a reference without its last bytes: `pos` still stands before it
        pass
    if pos > len(data):  # a literal run without its last bytes: a slice does not raise, so take them back
        del out[here - control - 1 :]
        pos = start
    return pos, start


def explain(data: bytes, pos: int, start: int, *, made: int, size: int, base: int = 0) -> CorruptStructure:
    """The damage that left expand() at `pos`, its last token at `start`, with `made` bytes of `size`."""
    if made > size:
        return CorruptStructure(f"LZF output is longer than the {size} bytes declared", base + start)
    if pos == len(data):
        return CorruptStructure(f"LZF output ends at {made} bytes, {size} were declared", base + pos)
    if made == size:
        return CorruptStructure(f"LZF output is longer than the {size} bytes declared", base + pos)
    token = "literal run" if data[pos] < MAX_LITERAL else "back-reference"
    return CorruptStructure(f"LZF block ends at {base + len(data)}, inside a {token}", base + pos)


def compress(data: bytes) -> bytes | None:
    """`data` as an LZF block where a server would store one, else None: too short, or too little saved."""
    if not MIN_SIZE <= len(data) <= MAX_SIZE:
        return None
    out = chosen()[1].compress(data)
    return out if out is not None and len(out) <= len(data) - MIN_SAVED else None


def compress_pure(data: bytes) -> bytes:
    """An LZF block of `data`, larger than it perhaps: LZ4 finds the matches, in C, and we respell them.

    An LZ4 block is a row of sequences: a token (literal count, match length - 4, four bits each),
    more count if 15, the literals, a distance of two bytes little endian, more length if 15. The last
    sequence ends after its literals. LZ4 looks 65535 bytes back: matches farther than LZF can say
    stay literals, together with those around them.

    One loop, long so that nothing is called per sequence: strings of 300 bytes have forty of them.
    """
    found = lz4_compress()(data)
    out = bytearray()
    add = out.append
    pos = here = pending = 0  # in `found`; in `data`; where the literals not yet written begin in `data`
    last = len(found)
    while True:
        token = found[pos]
        if token < 240:
            count = token >> 4
            pos += count + 1
            here += count
        else:
            count = 15
            pos += 1
            while (more := found[pos]) == 255:
                count += 255
                pos += 1
            count += more
            pos += count + 1
            here += count
        if pos == last:
            break
        low = found[pos]
        high = found[pos + 1]
        pos += 2
        length = (token & 15) + 4
        if length == 19:
            while (more := found[pos]) == 255:
                length += 255
                pos += 1
            length += more
            pos += 1
        if low:  # LZ4 counts distances from 1, LZF from 0
            low -= 1
        else:
            low = 255
            high -= 1
        if high < 32:
            if here != pending:
                while here - pending > 32:
                    add(31)
                    out += data[pending : pending + 32]
                    pending += 32
                add(here - pending - 1)
                out += data[pending:here]
            if length < 9:
                add((length << 5) - 64 + high)
                add(low)
            elif length < 265:
                add(224 + high)
                add(length - 9)
                add(low)
            else:
                out += long_match(length, high, low)
            pending = here + length
        here += length
    while here - pending > 32:
        add(31)
        out += data[pending : pending + 32]
        pending += 32
    if here != pending:
        add(here - pending - 1)
        out += data[pending:]
    return bytes(out)


def long_match(length: int, high: int, low: int) -> bytes:
    """A match longer than LZF can say at once, as several of 3 to 264 bytes, all from equally far back."""
    full, rest = divmod(length, MAX_MATCH)
    if 0 < rest < MIN_MATCH:  # 1 or 2 bytes cannot be said: let the last full one lend some
        full, rest = full - 1, rest + MAX_MATCH - MIN_MATCH
        tail = bytes((32 + high, low))
    else:
        tail = b""
    out = bytes((224 + high, MAX_MATCH - 9, low)) * full
    if rest > 8:
        return out + bytes((224 + high, rest - 9, low)) + tail
    return out + bytes(((rest << 5) - 64 + high, low)) if rest else out


def engine() -> str:
    """The engine in use: "python-lzf" or "pure"."""
    return chosen()[0]


def available() -> list[str]:
    """The engines that work here, fastest first; ["pure"] under RDBCODEC_PURE=1."""
    return [name for name in LOADERS if works(name)]


@cache
def load(name: str) -> Engine:
    """The engine of that name. Raises ImportError, which says why not, and KeyError for a name unknown."""
    loader = LOADERS[name]
    if name != "pure" and os.environ.get("RDBCODEC_PURE") == "1":
        raise ImportError(f"RDBCODEC_PURE=1 turns {name} off")
    return loader()


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


def load_pure() -> Engine:
    """The one in this file."""
    return Engine(decompress_pure, compress_pure)


def load_python_lzf() -> Engine:
    """python-lzf, the C library that the servers carry a copy of."""
    module = importlib.import_module("lzf")
    try:
        out = module.decompress(VECTOR, 30)
    except (AttributeError, TypeError, ValueError, SystemError) as error:
        # another package of that name, or one built as Python 3.10 no longer allows (SystemError)
        raise ImportError(f"the package lzf is here, but does not work: {error}") from error
    if out != b"a" * 30:
        raise ImportError("the package lzf is here, but does not speak LZF")

    def decompress_native(data: bytes, size: int) -> bytes | None:
        if not (0 < len(data) <= MAX_SIZE and 0 < size <= MAX_SIZE):
            return None  # it reads one byte of an empty block, and cuts larger sizes to 32 bits
        if size > PROBE_SIZE:
            bytes(size)  # it trusts malloc: fail here with MemoryError, not there. Untouched memory is free
        try:
            found: bytes | None = module.decompress(data, size)
        except ValueError:
            return None
        return found if found is not None and len(found) == size else None

    def compress_native(data: bytes) -> bytes | None:
        block: bytes | None = module.compress(data, len(data) - MIN_SAVED - 1)  # it takes one byte more
        return block

    return Engine(decompress_native, compress_native)


LOADERS: dict[str, Callable[[], Engine]] = {
    "python-lzf": load_python_lzf,
    "pure": load_pure,
}


@cache
def lz4_compress() -> Callable[[bytes], bytes]:
    """LZ4's block compressor without the size in front, imported when the first string is compressed."""
    compress_block: Callable[..., bytes] = importlib.import_module("lz4.block").compress
    return partial(compress_block, store_size=False)
