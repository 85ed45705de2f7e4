"""What the bytes of a packed structure are, for those who explain one: parts, each byte in one.

The structures give them in `parts`, beside `decode`. Damage is what their decoder says it is, behind the
parts that stand before it.
"""

from __future__ import annotations

from rdbcodec.named_tuples import NamedTuple


class Part(NamedTuple):
    """Bytes from `start` up to `end`: a part of the structure itself, or an element when `label` is ELEMENT.

    `kind` says how they are written, `value` what they stand for.
    """

    start: int
    end: int
    label: str
    kind: str
    value: bytes | int


ELEMENT = "element"
