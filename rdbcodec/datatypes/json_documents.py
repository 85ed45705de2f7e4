"""JSON documents of Dragonfly: strings of their own kind (rdb-format.md, 9.2).

20, 30   STRING
"""

from __future__ import annotations

from rdbcodec.datatypes.layout import DataType, Layout
from rdbcodec.datatypes.scope import Scope
from rdbcodec.datatypes.strings import count_string, decode_string, encode_string, string_items


class Json(bytes):
    """A JSON document of Dragonfly, its text; not a string, and not written as one."""

    __slots__ = ()


def decode_json(raw: bytes, scope: Scope) -> Json:
    """Dragonfly types 20 and 30."""
    return Json(decode_string(raw, scope))


_JSON = Layout(decode_json, string_items, count_string, encode_string)
LAYOUTS = {"json": _JSON, "json-old": _JSON}
TYPES = (DataType("json", (Json,), is_named=True),)
