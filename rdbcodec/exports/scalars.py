"""What text forms are made of: bytes, numbers, scores and stream IDs as JSON, and back.

    bytes       text when they are valid UTF-8, else {"$b64": "..."}
    score       a number, its shortest form that reads back exactly; "inf", "-inf" or "nan"
    stream ID   "1600000000000-0"

A line of NDJSON has to be one line for every program: JSON escapes the ASCII line ends, and
`escape_line_ends` those that only Unicode has. A number that is no score stays an integer: JSON readers
that hold numbers as doubles lose digits above 2**53, this one does not.

`to_json` gives the JSON text of a whole value; json.dumps would write other characters and spaces. Each
`..._of` is a way back: it takes what JSON had and raises TextError for what it should not have had.

Nothing here shows what it refuses: messages name its kind and what was expected.
"""

from __future__ import annotations

import base64
import binascii
import codecs
import json
import math
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from functools import lru_cache
from json.encoder import encode_basestring
from typing import Any, NoReturn

from rdbcodec.errors import TextError
from rdbcodec.structures.stream_node import StreamId
from rdbcodec.wire.long_strings import LongString
from rdbcodec.wire.module_ids import ModuleId

MARK = "$b64"
_DIGITS = 20  # of 2**64 - 1, with which nothing in a snapshot has more
MAX_SIGNED = (1 << 63) - 1
MAX_UNSIGNED = (1 << 64) - 1

quoted = encode_basestring  # in C, where Python has its accelerators
_TEXT = {str}
_KINDS = {dict: "an object", list: "an array", str: "text", bool: "true or false", type(None): "null"}
_SPECIAL = {"inf": math.inf, "-inf": -math.inf, "nan": math.nan}
_NAMES = {math.inf: "inf", -math.inf: "-inf"}
_STREAM_ID = re.compile(r"(\d{1,20})-(\d{1,20})", re.ASCII)
_LINE_ENDS = {"\x85": "\\u0085", "\u2028": "\\u2028", "\u2029": "\\u2029"}

_ENCODER = json.JSONEncoder(ensure_ascii=False, check_circular=False, separators=(",", ":"))


def _without_waste() -> Callable[[Any], str]:
    """What the encoder gives, without the C object that it makes for each value: a third of a small one."""
    make = getattr(json.encoder, "c_make_encoder", None)
    if make is None:  # another Python
        return _ENCODER.encode
    made = make(None, _ENCODER.default, quoted, None, ":", ",", False, False, True)
    return lambda value: "".join(made(value, 0))


to_json = _without_waste()


# --- to JSON ----------------------------------------------------------------------------------------


def json_bytes(raw: bytes) -> Any:
    """Bytes in JSON without loss: text when valid UTF-8, else {"$b64": ...}."""
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return marked(raw)


def marked(raw: bytes) -> dict[str, str]:
    """{"$b64": ...}, whatever the bytes are."""
    return {MARK: base64.b64encode(raw).decode("ascii")}


def quoted_bytes(raw: bytes) -> str:
    """The JSON text of `json_bytes`."""
    try:
        return quoted(raw.decode("utf-8"))
    except UnicodeDecodeError:
        return to_json(marked(raw))


def plain_texts(raws: Collection[bytes]) -> str | None:
    """The JSON texts of strings with commas between, of several at once; None when one is not plain ASCII.

    When what is plain is deleted from all of it, only the quotes that were put in may be left.
    """
    joined = b'","'.join(raws)
    left = joined.translate(None, PLAIN_ASCII)
    return f'"{joined.decode("ascii")}"' if raws and len(left) == 2 * len(raws) - 2 else None


def plain_pairs(
    pairs: Collection[tuple[bytes, bytes]], inside: bytes = b'":"', between: bytes = b'","'
) -> str | None:
    """The same for names with a text each, as an object has them, or with something else around them."""
    joined = between.join(map(inside.join, pairs))
    left = joined.translate(None, PLAIN_ASCII)
    return f'"{joined.decode("ascii")}"' if pairs and len(left) == 4 * len(pairs) - 2 else None


def plain_flat(flat: Sequence[bytes]) -> str | None:
    """The same of names and texts in turn, of which there are few: two thirds of the time."""
    joined = _pairs(len(flat) // 2) % tuple(flat)
    left = joined.translate(None, PLAIN_ASCII)
    return f'"{joined.decode("ascii")}"' if len(left) == 2 * len(flat) - 2 else None


@lru_cache(maxsize=256)
def _pairs(count: int) -> bytes:
    return b'","'.join([b'%b":"%b'] * count)


PLAIN_ASCII = bytes(byte for byte in range(0x20, 0x7F) if byte not in b'"\\')  # what JSON has as it is


def marked_pieces(pieces: Iterable[bytes]) -> Iterator[str]:
    """The JSON text of `marked` for bytes that come in pieces."""
    yield f'{{"{MARK}":"'
    rest = b""
    for piece in pieces:
        rest += piece
        whole = len(rest) - len(rest) % 3  # base64 turns three bytes into four letters
        yield base64.b64encode(rest[:whole]).decode("ascii")
        rest = rest[whole:]
    yield base64.b64encode(rest).decode("ascii") + '"}'


def text_pieces(text: bytes | LongString) -> Iterator[str]:
    """The same, in pieces, for a string that may be too large to hold."""
    if isinstance(text, bytes):
        yield quoted_bytes(text)
    elif not text.is_text:
        yield from marked_pieces(text.pieces())
    else:
        yield '"'
        for piece in decoded_pieces(text.pieces()):
            yield quoted(piece)[1:-1]
        yield '"'


def decoded_pieces(pieces: Iterable[bytes]) -> Iterator[str]:
    """UTF-8 in pieces as text in pieces, whatever characters were cut in two."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    return map(decoder.decode, pieces)


def json_score(score: float) -> float | str:
    """A score as JSON can hold it."""
    if math.isfinite(score):
        return score
    return _NAMES.get(score, "nan")


def table(pairs: Sequence[tuple[bytes, Any]]) -> Any:
    """Named JSON values: an object when every name is text and occurs once, else an array of pairs."""
    try:
        named = {name.decode("utf-8"): value for name, value in pairs}
    except UnicodeDecodeError:
        named = {}
    return named if len(named) == len(pairs) else [[json_bytes(name), value] for name, value in pairs]


def escape_line_ends(text: str) -> str:
    """JSON text without the line ends that Unicode adds to ASCII's; outside strings JSON has none."""
    if text.isascii():
        return text
    for end, escape in _LINE_ENDS.items():
        text = text.replace(end, escape)
    return text


# --- from JSON --------------------------------------------------------------------------------------


def parse_json(text: bytes) -> Any:
    """What stands in JSON. Raises TextError, for a name that is there twice in an object as well."""
    try:
        return _PARSER.decode(text.decode("utf-8").rstrip("\r\n"))
    except UnicodeDecodeError as error:
        raise TextError(f"byte {error.start + 1} is not UTF-8") from None
    except json.JSONDecodeError as error:
        raise TextError(f"column {error.pos + 1} is not JSON: {error.msg}") from None
    except RecursionError:
        raise TextError("JSON is nested too deeply") from None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    return distinct(pairs, "the members of an object")


def _refuse(name: str) -> NoReturn:
    raise TextError(f"{name} is not JSON")


def _integer(digits: str) -> int:
    if len(digits) > _DIGITS:  # Python's own limit is higher, and raises what is no error of ours
        raise TextError(f"an integer has {len(digits)} digits, expected at most {_DIGITS}")
    return int(digits)


_PARSER = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_refuse, parse_int=_integer)


def kind_of(found: object) -> str:
    """What a JSON value is, in words that do not show it."""
    return _KINDS.get(type(found), "a number")


def wrong(what: str, found: object, expected: str) -> TextError:
    """The error that says what something is and what was expected."""
    return TextError(f"{what} is {kind_of(found)}, expected {expected}")


def unknown_word(what: str, found: object, known: Iterable[str]) -> TextError:
    """The error for a word of the form that is none of those known; words are no secrets."""
    expected = f"one of {', '.join(known)}"
    if isinstance(found, str):
        return TextError(f"{what} is {found[:40]!r}, expected {expected}")
    return wrong(what, found, expected)


def bytes_of(found: object, what: str) -> bytes:
    """The bytes that text or {"$b64": ...} stand for."""
    if isinstance(found, str):
        try:
            return found.encode("utf-8")
        except UnicodeEncodeError:
            raise TextError(f'{what} has half a surrogate pair, expected text or {{"{MARK}": ...}}') from None
    if not isinstance(found, dict) or list(found) != [MARK] or not isinstance(found[MARK], str):
        raise wrong(what, found, f'text or {{"{MARK}": ...}}')
    try:
        return base64.b64decode(found[MARK], validate=True)
    except (binascii.Error, ValueError):
        raise TextError(f"{what} is not base64") from None


def integer_of(found: object, what: str, low: int = 0, high: int = MAX_UNSIGNED) -> int:
    """An integer in a range."""
    if not isinstance(found, int) or isinstance(found, bool):
        raise wrong(what, found, "an integer")
    if not low <= found <= high:
        raise TextError(f"{what} is out of range, expected {low} to {high}")
    return found


def time_of(found: object, what: str) -> int:
    """A time in milliseconds, before 1970 too."""
    return integer_of(found, what, -MAX_SIGNED - 1, MAX_SIGNED)


def score_of(found: object, what: str) -> float:
    """A score."""
    if isinstance(found, str) and found in _SPECIAL:
        return _SPECIAL[found]
    if not isinstance(found, (int, float)) or isinstance(found, bool):
        raise wrong(what, found, 'a number, "inf", "-inf" or "nan"')
    score = float(found)  # an integer has 20 digits at most, see ndjson
    if math.isinf(score):
        raise TextError(f"{what} is a number that no double can hold")
    return score


def stream_id_of(found: object, what: str) -> StreamId:
    """A stream ID."""
    match = _STREAM_ID.fullmatch(found) if isinstance(found, str) else None
    if match is None:
        raise wrong(what, found, 'a stream ID such as "1600000000000-0"')
    ms, seq = int(match[1]), int(match[2])
    if max(ms, seq) > MAX_UNSIGNED:
        raise TextError(f"{what} is out of range, expected two numbers below 2**64")
    return StreamId(ms, seq)


def array_of(found: object, what: str) -> list[Any]:
    """A JSON array."""
    if not isinstance(found, list):
        raise wrong(what, found, "an array")
    return found


def object_of(found: object, what: str) -> dict[str, Any]:
    """A JSON object."""
    if not isinstance(found, dict):
        raise wrong(what, found, "an object")
    return found


def pairs_of(found: object, what: str) -> list[tuple[bytes, Any]]:
    """The pairs of a table: an object with text for names, or an array of [name, ...]."""
    if isinstance(found, dict):
        names = plain_bytes(found)
        if names is not None:
            return list(zip(names, found.values(), strict=True))
        return [(bytes_of(name, f"a name of {what}"), value) for name, value in found.items()]
    if not isinstance(found, list):
        raise wrong(what, found, "an object or an array of pairs")
    pairs = [array_of(pair, f"a pair of {what}") for pair in found]
    if any(len(pair) != 2 for pair in pairs):
        raise TextError(f"a pair of {what} has not two elements")
    return [(bytes_of(name, f"a name of {what}"), value) for name, value in pairs]


def texts_of(found: object, what: str) -> list[bytes]:
    """The bytes of an array's elements."""
    elements = array_of(found, what)
    texts = plain_bytes(elements)
    return [bytes_of(element, f"an element of {what}") for element in elements] if texts is None else texts


def plain_bytes(found: Collection[Any]) -> list[bytes] | None:
    """The bytes of texts, when all are such; else None, and `bytes_of` says of each what it is."""
    if set(map(type, found)) <= _TEXT:
        with suppress(UnicodeEncodeError):
            return list(map(str.encode, found))
    return None


def plain_array(text: bytes) -> list[bytes] | None:
    """The texts of an array as `plain_texts` makes it; None of others, whose quotes are more or fewer."""
    texts = text[2:-2].split(b'","')
    return texts if _are_framed(text, b'[""]', 2 * len(texts)) else None


def plain_object(text: bytes) -> list[tuple[bytes, bytes]] | None:
    """Names and texts of an object as `plain_pairs` makes it, which is what the end asks; None of others."""
    texts = text[2:-2].replace(b'":"', b'","').split(b'","')
    if not _are_framed(text, b'{""}', 2 * len(texts)):
        return None
    pairs = list(zip(texts[::2], texts[1::2]))  # noqa: B905 - of an odd number the next line says so
    return pairs if b'","'.join(map(b'":"'.join, pairs)) == text[2:-2] else None


def plain_arrays(text: bytes) -> list[tuple[bytes, bytes]] | None:
    """The same of an array of pairs, as long tables have them."""
    texts = text[3:-3].replace(b'"],["', b'","').split(b'","')
    if text[:1] + text[-1:] != b"[]" or not _are_framed(text[1:-1], b'[""]', 2 * len(texts)):
        return None
    pairs = list(zip(texts[::2], texts[1::2]))  # noqa: B905 - as above
    return pairs if b'"],["'.join(map(b'","'.join, pairs)) == text[3:-3] else None


def _are_framed(text: bytes, frame: bytes, quotes: int) -> bool:
    """Whether there is plain ASCII in a frame, and so many quotes."""
    left = text.translate(None, PLAIN_ASCII)
    return text[:2] + text[-2:] == frame and left == b'"' * quotes


def distinct(pairs: list[tuple[Any, Any]], what: str) -> dict[Any, Any]:
    """A dict of the pairs; raises TextError when one would replace another."""
    table = dict(pairs)
    if len(table) != len(pairs):
        raise TextError(f"{what} are not unique: {len(pairs)}, of which {len(table)} distinct")
    return table


def known_names(found: dict[str, Any], known: Iterable[str], what: str) -> None:
    """Raise TextError for a name that means nothing: a misspelt one would be lost silently."""
    known = list(known)
    for name in found:
        if name not in known:
            raise TextError(f"{what} has a member {name[:40]!r}, known are {', '.join(known)}")


def all_of(
    found: object, what: str, names: tuple[str, ...], optional: tuple[str, ...] = ()
) -> dict[str, Any]:
    """An object with all of these members, and none but them and the optional ones."""
    members = object_of(found, what)
    known_names(members, (*names, *optional), what)
    missing = [name for name in names if name not in members]
    if missing:
        raise TextError(f"{what} has no {missing[0]!r}")
    return members


def module_of(name: object, version: object) -> ModuleId:
    """The module data type of a name and a version."""
    if not isinstance(name, str):
        raise wrong("the name of a module", name, "text")
    return ModuleId(name, integer_of(version, "the version of a module", 0, 1023))
