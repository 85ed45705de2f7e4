"""Where keys stand in the bytes in hand, and where they end: the loop that counting keys of all kinds takes.

The forms that most values have are walked in place, which takes half of the time of a call.
"""

from __future__ import annotations

from itertools import repeat
from typing import TYPE_CHECKING

from rdbcodec.framing.whole import walk_nodes
from rdbcodec.records.attributes import EXPIRETIME_MS, EXPIRY_SIZE, IDLE, NEGATIVE, hint_end
from rdbcodec.wire import strings
from rdbcodec.wire.strings import LZF

if TYPE_CHECKING:
    from rdbcodec.reading.window import Window

KEYS = 1024  # of one run at most: passes look at runs by turns, and somebody waits for progress
NUMBERS = (2, 3, 5)  # bytes of strings that are numbers: INT8, INT16, INT32

# Of an LZF block whose two sizes take two bytes each: what the first byte adds to the size on disk, and the
# five bytes of the header; 0 for what begins no size of two bytes.
_PACKED_SIZES = [((byte & 0x3F) << 8) + 5 if 0x40 <= byte < 0x80 else 0 for byte in range(256)]
_HAS_TWO_BYTES = frozenset(range(0x40, 0x80))


def walk_keys(
    window: Window, pos: int, types: list[int], ends: list[int], heads: list[int], *, knows_expiries: bool
) -> None:
    """Notes where keys stand, and end, and what stands before them; the last may end beyond the window.

    Stops at what is none, or odd, or large, and raises what walking raises, for want of bytes mostly.
    """
    buf, walks, max_value = window.buf, window.walks, window.max_value
    walk_string, numbers, add_type, add_end = strings.walk, NUMBERS, types.append, ends.append
    packed, add_head, nodes, has_two = _PACKED_SIZES, heads.append, walk_nodes, _HAS_TWO_BYTES
    for _ in repeat(None, KEYS):
        at = pos
        code = buf[pos]
        if code >= IDLE:
            if code == EXPIRETIME_MS:
                if buf[pos + 8] >= NEGATIVE or not knows_expiries:
                    break
                at += EXPIRY_SIZE
                code = buf[at]
            if code >= IDLE:
                at = hint_end(window, buf, at)
                code = buf[at]
            add_head(pos)
            add_head(at)
        head = buf[at + 1]
        start = at + 2 + head if head < 0x40 else walk_string(buf, at + 1)
        walk = walks[code]
        head = buf[start]
        if walk is walk_string:
            # A string, or a collection in one: its forms inline take half of the time of a call.
            if head < 0x40:
                pos = start + 1 + head  # which is never too large
                add_type(at)
                add_end(pos)
                continue
            if head < 0x80:
                pos = start + 2 + ((head & 0x3F) << 8 | buf[start + 1])
            elif head == LZF:
                size = packed[buf[start + 1]]
                if size and buf[start + 3] in has_two:
                    pos = start + size + buf[start + 2]
                else:
                    pos = walk_string(buf, start)
            elif head >= 0xC0:
                pos = start + numbers[head - 0xC0]
            else:
                pos = walk_string(buf, start)
        elif walk is None or 0x50 <= head <= 0x80:
            break  # 4,096 elements or more may not end in this window: reading.core walks them once
        elif head == 1 and walk is nodes:
            # A list of one node, as nearly all are: a byte for what kind of node it is, and its string.
            head = buf[start + 2]
            if buf[start + 1] >= 0x40 or head >= 0x80:
                pos = walk(buf, start)
            elif head < 0x40:
                pos = start + 3 + head
            else:
                pos = start + 4 + ((head & 0x3F) << 8 | buf[start + 3])
        else:
            pos = walk(buf, start)
        if pos - start > max_value:
            break
        add_type(at)
        add_end(pos)
