"""What an LZF block is, and the reading of it: whole, peeked and streamed.

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

What reading promises:

* Neither length is inside the block; RDB says both in front of it. Output of another size than the
  declared one is damage, as every server since 6.2 says (older ones forgave a size too large).
* Every complaint is a CorruptStructure whose `pos` is the control byte, in the compressed data, of
  the token at fault; the end of the data when it is the whole that is wrong.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rdbcodec.errors import CorruptStructure

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

MAX_LITERAL = 32
MAX_MATCH = 264
MIN_MATCH = 3
MAX_DISTANCE = 8192
PIECE = 65536  # what iter_decompress() yields at a time, give or take one token
MIN_SIZE = 21  # servers leave strings of 20 bytes and less alone
MIN_SAVED = 4  # and store the plain string when LZF would save less than this


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


def unpacked_size(data: bytes) -> int | None:
    """How many bytes a whole block stands for; None when it is damaged.

    Only the first bytes of tokens are looked at, so this takes a third of the time of unpacking.
    """
    pos, here, end = 0, 0, len(data)
    try:
        while pos < end:
            control = data[pos]
            if control < 32:
                pos += control + 2
                here += control + 1
            elif control < 224:
                if ((control & 31) << 8) + data[pos + 1] >= here:
                    return None
                here += (control >> 5) + 2
                pos += 2
            else:
                if ((control & 31) << 8) + data[pos + 2] >= here:
                    return None
                here += data[pos + 1] + 9
                pos += 3
    except IndexError:
        return None
    return here if pos == end else None


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
