"""What bytes are, in words: offset and hex on the left, what they mean on the right. And as JSON.

    000000a3  10                       type 16: hash-listpack, RDB 10 on, db 0
    000000a4  10 61 63 6d 65 3a 75 …   key: "acme:user:133473"
    000000b5  c3 40 7f 40 9a 00 00 …   listpack: LZF, 131 -> 154 bytes
         +0   9a 00 00 00                total: 154

What a string unpacks to counts from its own start, with a plus.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator
from typing import Any

from rdbcodec.exports.scalars import json_bytes, json_score
from rdbcodec.formats import OPCODES, TYPES
from rdbcodec.reports.words import json_key, moment, text
from rdbcodec.reports.wrapping import WIDTH
from rdbcodec.showing import Hiding, key_size
from rdbcodec.tools.meanings import DAMAGED, Meaning

_BYTES = 8  # in a line
_PLACE = 8  # characters of an offset
_LEFT = _PLACE + 2 + 3 * _BYTES + 1
_RIGHT = WIDTH - _LEFT
_CUT = "…"
HIDDEN = "(hidden)"


def lines(meanings: Iterable[Meaning], *, is_full: bool = False, hide_keys: Hiding = False) -> Iterator[str]:
    """The annotated bytes; an empty line between two records."""
    record: int | None = None
    within = ""
    for meaning in meanings:
        if meaning.record != record:
            if record is not None:
                yield ""
            yield f"offset {meaning.record} ({meaning.record:#x})"
            record, within = meaning.record, ""
        is_part = (
            bool(within) and meaning.label.startswith(f"{within}.") and meaning.label != f"{within}.size"
        )
        label = meaning.label.removeprefix(f"{within}.") if is_part else meaning.label
        indent = "  " * (is_part + bool(meaning.inside and not is_part))
        room = -1 if is_full else _RIGHT - len(indent) - len(label) - 2
        words = f"{label}: {_words(meaning, room, hide_keys)}"
        yield from _laid_out(meaning, indent, words, is_full, _is_hidden(meaning, hide_keys))
        if meaning.label.endswith(".size") or meaning.kind == "lzf":
            within = meaning.label.removesuffix(".size")


def _laid_out(meaning: Meaning, indent: str, words: str, is_full: bool, is_hidden: bool) -> Iterator[str]:
    place = f"+{meaning.start:x}".rjust(_PLACE) if meaning.inside else f"{meaning.start:0{_PLACE}x}"
    size = meaning.end - meaning.start
    raw = b"" if is_hidden else meaning.raw[:size]
    width = _RIGHT - len(indent)
    if not is_full:
        yield f"{place}  {_hex(raw, size):<{3 * _BYTES}} {indent}{_cut(words, width)}".rstrip()
        return
    told = textwrap.wrap(words, width, break_on_hyphens=False) or [""]
    pieces = [raw[at : at + _BYTES] for at in range(0, len(raw), _BYTES)] or [b""]
    for number in range(max(len(told), len(pieces))):
        at = place if not number else " " * _PLACE
        piece = pieces[number] if number < len(pieces) else b""
        line = told[number] if number < len(told) else ""
        yield f"{at}  {_hex(piece, len(piece)):<{3 * _BYTES}} {indent}{line}".rstrip()


def _hex(raw: bytes, size: int) -> str:
    if size and not raw:
        return HIDDEN
    return raw.hex(" ") if size <= _BYTES else f"{raw[: _BYTES - 1].hex(' ')} {_CUT}"


def _is_hidden(meaning: Meaning, hide_keys: Hiding) -> bool:
    return hide_keys is not False and meaning.label.rpartition(".")[2] == "key"


def _words(meaning: Meaning, room: int, hide_keys: Hiding) -> str:
    """What it means, in so many characters if that can be; -1 for as many as it takes."""
    value, note = meaning.value, f", {meaning.note}" if meaning.note else ""
    if meaning.kind == DAMAGED:
        return f"{value!s}{note}"
    if meaning.label in ("type", "opcode") and isinstance(value, str):
        return f"{_row_words(meaning.label, value)}{note}"
    if _is_hidden(meaning, hide_keys):
        return _hidden_words(meaning, hide_keys)
    if meaning.kind == "lzf":
        sizes = f"LZF, {meaning.end - meaning.start:,} -> {meaning.size:,} bytes"
        if value is None:
            return f"{sizes}{note}"
        return f"{_quoted(meaning, room - len(sizes) - len(note) - 2)}, {sizes}{note}"
    if isinstance(value, bytes):
        form = f" ({meaning.kind})" if meaning.kind.startswith("i") else ""
        return f"{_quoted(meaning, room - len(form) - len(note))}{form}{note}"
    if isinstance(value, int) and meaning.label.endswith(("_at_ms", "_at_s")) and value > 0:
        return f"{moment(value if meaning.label.endswith('_ms') else 1000 * value)}{note}"
    if meaning.label == "checksum" and isinstance(value, int):
        return f"{value:#018x}{note}" if value else "none"
    return f"{value}{note}"


def _hidden_words(meaning: Meaning, hide_keys: Hiding) -> str:
    size = f"{meaning.size:,} bytes"
    if isinstance(hide_keys, bool) or not isinstance(meaning.value, bytes):
        return f"{size}, {HIDDEN}"
    return f"{size}, {hide_keys.of(meaning.value)}"


def _quoted(meaning: Meaning, room: int) -> str:
    """A text, as much of it as there is room for, and its size when that is not all."""
    assert isinstance(meaning.value, bytes)
    told = text(bytes(meaning.value))
    whole = key_size(meaning.value) if meaning.size is None else meaning.size
    rest = "" if len(meaning.value) == whole else f"{_CUT} {whole:,} bytes"
    if room > 0 and len(told) + len(rest) + 2 > room:
        rest = f"{_CUT} {whole:,} bytes"
        told = told[: max(room - len(rest) - 2, _LEAST)]
    return f'"{told}"{rest}'


_LEAST = 8  # characters of a text that are shown, however long what stands before it is


def _cut(words: str, width: int) -> str:
    return words if len(words) <= width else words[: width - 1] + _CUT


def _row_words(what: str, name: str) -> str:
    rows = TYPES if what == "type" else OPCODES
    row = next(row for row in rows if row.name == name)
    return f"{row.code}, {name}, RDB {row.since} on"


# --- JSON -------------------------------------------------------------------------------------------


def as_json(meaning: Meaning, *, hide_keys: Hiding = False) -> dict[str, Any]:
    """One of them for programs; bytes as everywhere in JSON, what they are on disk in hex."""
    is_hidden = _is_hidden(meaning, hide_keys)
    return {
        "record": meaning.record,
        "start": meaning.start,
        "end": meaning.end,
        "label": meaning.label,
        "kind": meaning.kind,
        "value": _hidden_json(meaning, hide_keys) if is_hidden else _json(meaning.value),
        "size": meaning.size,
        "hex": None if is_hidden else meaning.raw.hex(),
        "inside": meaning.inside or None,
        "note": meaning.note or None,
    }


def _hidden_json(meaning: Meaning, hide_keys: Hiding) -> Any:
    return json_key(meaning.value, hide_keys) if isinstance(meaning.value, bytes) else None


def _json(value: Any) -> Any:
    if isinstance(value, bytes):
        return json_bytes(value)
    return json_score(value) if isinstance(value, float) else value
