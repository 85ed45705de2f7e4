"""Packed structures with other elements of the same form: nothing but the elements changes.

    rewritten("listpack", blob, replace)        `replace` gets each element and gives another

A text must be as long as the one it stands for, a number must fit into the form of the other. The members
of an intset are put in order again. What a zipmap has left over from values that were longer becomes zeros.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from rdbcodec.structures import intset, listpack, ziplist, zipmap
from rdbcodec.structures.parts import ELEMENT, Part

Replace = Callable[["bytes | int"], "bytes | int"]
PARTS: dict[str, Callable[[bytes], Iterator[Part]]] = {
    "listpack": listpack.parts,
    "ziplist": ziplist.parts,
    "intset": intset.parts,
    "zipmap": zipmap.parts,
}


def rewritten(structure: str, blob: bytes, replace: Replace) -> bytes:
    """The structure with other elements; raises CorruptStructure."""
    if structure == "intset":
        return _intset(blob, replace)
    put = _PUT[structure]
    made = []
    for part in PARTS[structure](blob):
        raw = blob[part.start : part.end]
        made.append(put(raw, part.kind, replace(part.value)) if part.label == ELEMENT else raw)
    if structure == "zipmap":  # without what values have left over
        made[2:-1:2] = [_without_rest(raw) for raw in made[2:-1:2]]
    return b"".join(made)


def _intset(blob: bytes, replace: Replace) -> bytes:
    width = int.from_bytes(blob[:4], "little")
    members = sorted(int(replace(part.value)) for part in intset.parts(blob) if part.label == ELEMENT)
    return blob[:8] + b"".join(member.to_bytes(width, "little", signed=True) for member in members)


def _in_listpack(raw: bytes, kind: str, value: bytes | int) -> bytes:
    if isinstance(value, bytes):
        begins = 1 if raw[0] < 0xC0 else 2 if raw[0] < 0xF0 else 5
        return raw[:begins] + value + raw[begins + len(value) :]
    if kind == "u7":
        return bytes((value, *raw[1:]))
    if kind == "i13":
        return (0xC000 | value & 0x1FFF).to_bytes(2, "big") + raw[2:]
    size = int(kind[1:]) // 8
    return raw[:1] + value.to_bytes(size, "little", signed=True) + raw[1 + size :]


def _in_ziplist(raw: bytes, kind: str, value: bytes | int) -> bytes:
    if isinstance(value, int):
        size = int(kind[1:]) // 8
        value = value.to_bytes(size, "little", signed=True) if size else bytes((0xF1 + value,))
    return raw[: len(raw) - len(value)] + value


def _in_zipmap(raw: bytes, kind: str, value: bytes | int) -> bytes:
    """A field is its length and its text. A value has a byte between them, and perhaps something behind."""
    del kind
    assert isinstance(value, bytes)  # nothing here is a number
    begins = 5 if raw[0] == 0xFE else 1
    begins += len(raw) != begins + len(value)
    return raw[:begins] + value + raw[begins + len(value) :]


def _without_rest(raw: bytes) -> bytes:
    begins = 6 if raw[0] == 0xFE else 2
    return raw[: len(raw) - raw[begins - 1]] + bytes(raw[begins - 1])


_PUT: dict[str, Callable[[bytes, str, bytes | int], bytes]] = {
    "listpack": _in_listpack,
    "ziplist": _in_ziplist,
    "zipmap": _in_zipmap,
}
