"""Profiles as JSON: taken on the machine that has the snapshot, judged on another, without the snapshot.

    {"rdbcodec_profile": 1, "now_ms": ..., "magic": ..., "databases": [[0, {...}]], ...}

The shape is that of the facts in `profile`, field by field. Bytes are text when that is valid UTF-8,
else {"$b64": ...}; a key above 1 KiB is {"head": ..., "size": ..., "digest": ...}; tables whose keys are no
text are lists of pairs; a value type is its name in the table of formats, a shape (`facts.memory`) its parts
with spaces between them, as in "string 10 120 1". The file holds the names of keys, never a value.
"""

from __future__ import annotations

import base64
import json
import os
import re
from collections import Counter
from collections.abc import Callable, Mapping
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from rdbcodec.compat.documents import parse_json, read_text
from rdbcodec.errors import ProfileError
from rdbcodec.facts.biggest import BigKey, BigKeys
from rdbcodec.facts.memory.counted import Memory
from rdbcodec.facts.memory.kinds import KINDS, Shape
from rdbcodec.facts.named import Named
from rdbcodec.facts.profile import Profile
from rdbcodec.formats import TYPES, TypeRow
from rdbcodec.showing import CutKey, Hiding
from rdbcodec.tail import Tail

FORM = 4  # of the file; raised when a reader of the old form would misread the new one
_MARK = "rdbcodec_profile"
HIDDEN_KEY = "(hidden)"
_ADDED = frozenset({"oddities", "memory"})  # fields that files of before do not have: nobody looked
_TYPE_ROWS = {row.name: row for row in TYPES}
_LATE = {"Memory": Memory}  # what a profile loads only where it is counted, so that `inspect` starts quickly


def dumps(facts: Profile, *, hide_keys: Hiding = False) -> str:
    """A profile as JSON text."""
    document = _plain(facts)
    if hide_keys is not False:
        _hide(document, (lambda _: HIDDEN_KEY) if hide_keys is True else hide_keys.of)
    return json.dumps({_MARK: FORM, **document}, indent=1, ensure_ascii=False) + "\n"


def load(path: str | os.PathLike[str]) -> Profile:
    """The profile in a file; OSError when it cannot be read, ProfileError when it is no profile."""
    name = os.fspath(path)
    document = parse_json(name, read_text(name, ProfileError), ProfileError)
    try:
        return loads(document)
    except ProfileError as error:
        raise ProfileError(f"{name}: {error}") from None


def loads(document: object) -> Profile:
    """The profile of a parsed document."""
    if not isinstance(document, dict) or _MARK not in document:
        raise ProfileError(f"no profile: key {_MARK!r} is missing")
    if document[_MARK] != FORM:
        raise ProfileError(f"key {_MARK!r}: {document[_MARK]!r}, this program reads {FORM}")
    rest = {key: value for key, value in document.items() if key != _MARK}
    made: Profile = _made(Profile, rest, "profile")
    return made


# --- out --------------------------------------------------------------------------------------------


def _plain(value: Any) -> Any:
    if isinstance(value, CutKey):
        return {"head": _plain_bytes(value), "size": value.size, "digest": value.digest.hex()}
    if isinstance(value, bytes):
        return _plain_bytes(value)
    if isinstance(value, TypeRow):
        return value.name
    if isinstance(value, Tail):
        return value._asdict()
    if isinstance(value, Named):
        return {name: _plain(one) for name, one in vars(value).items()}
    if isinstance(value, dict):
        if all(isinstance(key, str) for key in value):
            return {key: _plain(one) for key, one in value.items()}
        if isinstance(value, Counter) and all(isinstance(key, tuple) for key in value):
            return {" ".join(map(str, key)): count for key, count in value.items()}
        return [[_plain(key), _plain(one)] for key, one in value.items()]
    return [_plain(one) for one in value] if isinstance(value, (list, tuple)) else value


def _plain_bytes(value: bytes) -> Any:
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return {"$b64": base64.b64encode(value).decode("ascii")}


def _hide(document: Any, new_name: Callable[[bytes], str]) -> None:
    """Replace what stands under "key": the name of a key, wherever it stands in a profile."""
    for member in document.values() if isinstance(document, dict) else document:
        if isinstance(member, dict | list):
            _hide(member, new_name)
    if isinstance(document, dict) and document.get("key") is not None:
        document["key"] = new_name(_bytes(document["key"], "key"))


# --- in ---------------------------------------------------------------------------------------------


def _made(kind: Any, value: Any, place: str) -> Any:
    """A value of an annotated kind, made of plain JSON; `place` names the key for errors."""
    origin, arguments = get_origin(kind), get_args(kind)
    if kind == Shape:
        return _shape(value, place)
    if origin in (Union, UnionType):
        return None if value is None else _made(_without_none(arguments), value, place)
    if origin is Literal:
        return value if value in arguments else _wrong(place, f"one of {', '.join(arguments)}", value)
    if isinstance(kind, type) and issubclass(kind, (Named, Tail)):
        return _make(kind, _made_fields(kind, value, place))
    if kind is BigKeys:
        return BigKeys(_items((BigKey,), value, place))
    if origin is not None:
        return _COLLECTIONS[origin](arguments, value, place)
    return _SCALARS[kind](value, place)


def _make(kind: Any, values: dict[str, Any]) -> Any:
    return kind(**values)


def _without_none(arguments: tuple[Any, ...]) -> Any:
    return next(one for one in arguments if one is not NoneType)


def _made_fields(kind: Any, value: Any, place: str) -> dict[str, Any]:
    hints = {
        name: hint for name, hint in get_type_hints(kind, localns=_LATE).items() if not name.startswith("_")
    }
    if isinstance(value, dict):
        value = {**dict.fromkeys(_ADDED & hints.keys()), **value}
    if not isinstance(value, dict) or set(value) != set(hints):
        odd = sorted(set(value) ^ set(hints)) if isinstance(value, dict) else []
        _wrong(place, f"a table of {', '.join(hints)}", f"other keys: {', '.join(odd)}" if odd else value)
    return {key: _made(hints[key], one, f"{place}.{key}") for key, one in value.items()}


def _pairs(arguments: tuple[Any, ...], value: Any, place: str) -> dict[Any, Any]:
    pairs = list(value.items()) if isinstance(value, dict) else value
    if not isinstance(pairs, list) or any(
        not isinstance(pair, (list, tuple)) or len(pair) != 2 for pair in pairs
    ):
        _wrong(place, "a table, or a list of pairs", value)
    of_key, of_value = arguments
    return {_made(of_key, key, place): _made(of_value, one, f"{place}.{key}") for key, one in pairs}


def _items(arguments: tuple[Any, ...], value: Any, place: str) -> list[Any]:
    if not isinstance(value, list):
        _wrong(place, "a list", value)
    return [_made(arguments[0], one, f"{place}[{at}]") for at, one in enumerate(value)]


_COLLECTIONS: Mapping[Any, Callable[[tuple[Any, ...], Any, str], Any]] = {
    dict: _pairs,
    Counter: lambda arguments, value, place: Counter(_pairs((*arguments, int), value, place)),
    list: _items,
    tuple: lambda arguments, value, place: tuple(_items(arguments, value, place)),
}


def _bytes(value: Any, place: str) -> Any:
    try:
        if isinstance(value, str):
            return value.encode("utf-8")
        if "head" in value:
            return CutKey.of(
                _bytes(value["head"], place), _number(value["size"], place), bytes.fromhex(value["digest"])
            )
        return base64.b64decode(value["$b64"], validate=True)
    except (TypeError, KeyError, ValueError):  # no text of Unicode's, no base64
        return _wrong(place, 'text or {"$b64": ...}', value)


def _number(value: Any, place: str) -> Any:
    if not isinstance(value, int) or isinstance(value, bool):
        return _wrong(place, "a number", value)
    return value if abs(value) < 1 << 64 else _wrong(place, "a number of at most 64 bits", value)


def _truth(value: Any, place: str) -> Any:
    return value if isinstance(value, bool) else _wrong(place, "true or false", value)


def _text(value: Any, place: str) -> Any:
    return value if isinstance(value, str) else _wrong(place, "text", value)


def _shape(value: Any, place: str) -> Any:
    parts = value.split(" ") if isinstance(value, str) else []
    if len(parts) != _PARTS or parts[0] not in KINDS or not all(map(_NUMBER.fullmatch, parts[1:])):
        return _wrong(place, "a shape, such as 'string 10 120 1'", value)
    return (parts[0], *map(int, parts[1:]))


_PARTS = len(get_args(Shape))
_NUMBER = re.compile(r"-1|-2|\d{1,12}", re.ASCII)


def _row(value: Any, place: str) -> Any:
    found = _TYPE_ROWS.get(value) if isinstance(value, str) else None
    return found or _wrong(place, "a value type of the table of formats", value)


_SCALARS: Mapping[Any, Callable[[Any, str], Any]] = {
    bool: _truth,
    bytes: _bytes,
    int: _number,
    str: _text,
    TypeRow: _row,
}


def _wrong(place: str, expected: str, found: object) -> Any:
    raise ProfileError(f"key {place!r}: expected was {expected}, found {str(found)[:60]}")
