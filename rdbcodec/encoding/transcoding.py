"""What a writer may and should write: the type and layout for a value and a target.

    natural    a plain Python value -> the value class of its Redis type
    choose     a value and a Server -> the row of the table that this very server would write
    encode     a value and a row -> its bytes, with rules that no server forgives checked first
    transcode  a value as on disk -> the same for the target: as it is when the target holds it

What differs between types stands in their files (rdbcodec.datatypes). What gets lost is told to a `Lose`
function, kind by kind; a caller that must not lose anything raises in it. A key that cannot be written at
all is lost as a whole: `transcode` answers None.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from rdbcodec.datatypes.hashes import Referring, template_of
from rdbcodec.datatypes.modules import ModuleValue, is_held
from rdbcodec.datatypes.packed import SMALLEST_CRITICAL, has_critical
from rdbcodec.datatypes.plain import expiries_of
from rdbcodec.datatypes.registry import layout_of, type_named, type_of
from rdbcodec.datatypes.scope import Scope
from rdbcodec.errors import CorruptStructure, EncodeError
from rdbcodec.formats import SINCE, TypeRow, VersionRow
from rdbcodec.losses import TYPE_PREFIX, Lose
from rdbcodec.servers import Server
from rdbcodec.wire import lzf
from rdbcodec.wire.strings import LZF

_SMALL_INTEGERS_SINCE = SINCE["small-integers"]


def natural(value: object) -> tuple[str, Any]:
    """The Redis type of a Python value, and the value as that type's class, all elements bytes.

    bytes, str and int are strings, list and tuple lists, set and frozenset sets (sorted, so that equal
    sets give equal bytes), dict a hash; sorted sets need ZSet. Raises EncodeError for anything else.
    """
    kind = type_of(value)
    return kind.name, kind.natural(value)


# --- choosing ---------------------------------------------------------------------------------------


def choose(type_: str, value: Any, server: Server) -> TypeRow | None:
    """The row the target's own server would write a value with; None when it has no such type."""
    choose_names = type_named(type_).choose
    if choose_names is None:
        return newest(type_, server)
    types = server.types
    for name in choose_names(value, server):
        if name in types:
            return types[name]
    return None


def newest(type_: str, server: Server) -> TypeRow | None:
    """The newest row of a type with one layout, or with generations of it."""
    rows = (row for row in server.types.values() if row.type == type_)
    return max(rows, key=lambda row: row.code, default=None)


def row_named(type_: str, encoding: str, server: Server) -> TypeRow | None:
    """The target's row with this type and encoding, in the words of the table."""
    rows = (row for row in server.types.values() if row.type == type_ and row.encoding == encoding)
    return next(rows, None)


# --- encoding ---------------------------------------------------------------------------------------


Templates = Mapping[tuple[bytes, ...], int]  # what a file has of them: names -> id
_NO_TEMPLATES: Templates = MappingProxyType({})


def encode(row: TypeRow, value: Any, server: Server, templates: Templates = _NO_TEMPLATES) -> bytes:
    """A value in the layout of a row of the target. Raises EncodeError when no server loads it.

    `templates` are those written before it.
    """
    encode_layout = layout_of(row).encode
    assert encode_layout is not None  # such a row is in no target
    try:
        if not value:
            _check_size(row)
        if not row.expires:
            _check_place(row, value)
        return encode_layout(_referring(value, templates) if row.refers else value, server)
    except EncodeError as error:
        error.locate(type=row.type, server=server.name)
        raise
    except (ValueError, OverflowError) as error:  # a number or a size its field cannot hold
        raise EncodeError(str(error), value=value, type=row.type, server=server.name) from error


def _check_size(row: TypeRow) -> None:
    """Of a value without elements."""
    if type_named(row.type).empty == "dropped":
        raise EncodeError(
            f"an empty {row.type}: Redis 2.4 to 6.0 load it, 6.2 and later drop the key; "
            "drop-empty leaves it out"
        )


def _check_place(row: TypeRow, value: Any) -> None:
    if expiries_of(value):
        raise EncodeError(f"a {row.type} in the layout {row.encoding!r} has no place for its expiries")


def encode_value(type_: str, value: Any, server: Server, lose: Lose) -> tuple[TypeRow, bytes] | None:
    """A decoded value for the target; None, and a loss told, when it has no such type."""
    if type_ == "module" and _lacks_module(value, server):
        lose("module")
        return None
    row = choose(type_, value, server)
    if row is None:
        lose(TYPE_PREFIX + type_)
        return None
    return row, encode(row, type_named(type_).adapt(value, row, server, lose), server)


def _referring(value: Any, templates: Templates) -> Referring:
    template = templates.get(template_of(value))
    if template is None:
        raise EncodeError("the hash's template was not written before it")
    return Referring(template, value)


def encode_as(
    row: TypeRow, value: Any, server: Server, lose: Lose, templates: Templates = _NO_TEMPLATES
) -> tuple[TypeRow, bytes] | None:
    """A decoded value in a layout asked for; in the target's choice when that one cannot hold all of it.

    A reference to a template cannot when none with these field names was written before.
    """
    lacks_template = row.refers and template_of(value) not in templates
    lacks_place = not row.expires and expiries_of(value)
    if row.type == "module" or lacks_template or lacks_place:
        return encode_value(row.type, value, server, lose)
    return row, encode(row, type_named(row.type).adapt(value, row, server, lose), server, templates)


def _lacks_module(value: ModuleValue, server: Server) -> bool:
    return server.modules is not None and value.module.name not in server.modules


# --- from one server to another ---------------------------------------------------------------------


def copies(row: TypeRow, origin: VersionRow, server: Server) -> bool:
    """Whether any value of a row, out of a file of this version, is the target's as it is."""
    if server.types.get(row.name) is not row or row.refers:
        return False
    if row.packed == "ziplist" and origin.version >= _SMALL_INTEGERS_SINCE and not server.small_integers:
        return False
    if row.packed == "listpack" and origin.back_length != server.back_length:
        return False
    return row.type != "module" or server.modules is None


def copies_this(row: TypeRow, raw: bytes, origin: VersionRow, server: Server) -> bool:
    """`copies`, for one value: most listpacks hold nothing the rules differ on."""
    if copies(row, origin, server):
        return True
    if server.types.get(row.name) is not row or row.refers:
        return False
    if row.type == "module":
        return is_held(raw, server)
    return row.packed == "listpack" and not _may_be_critical(raw)


def transcode(
    row: TypeRow,
    raw: bytes,
    scope: Scope,
    origin: VersionRow,
    *,
    server: Server,
    lose: Lose,
    value: Any = None,
) -> tuple[TypeRow, bytes] | None:
    """A value as on disk for the target; byte for byte where the target reads it so.

    `value` is the same decoded, if it was decoded already.
    """
    if copies_this(row, raw, origin, server):
        return row, raw
    if row.type == "module" and row.name in server.types:
        lose("module")
        return None
    if newest(row.type, server) is None:
        lose(TYPE_PREFIX + row.type)
        return None
    if value is None:
        value = _decoded(row, raw, scope)
    if origin.back_length == server.back_length or not _is_critical(row, raw, value):
        if server.types.get(row.name) is row and row.packed == "listpack" and not row.refers:
            return row, raw
        rewritten = _rewritten(row, raw, value, server, lose)
        if rewritten is not None:
            return rewritten
    return encode_value(row.type, value, server, lose)


def _decoded(row: TypeRow, raw: bytes, scope: Scope) -> Any:
    try:
        return layout_of(row).decode(raw, scope)
    except IndexError:
        raise CorruptStructure("the value ends inside an element") from None


def _rewritten(
    row: TypeRow, raw: bytes, value: Any, server: Server, lose: Lose
) -> tuple[TypeRow, bytes] | None:
    """The value with its elements as they are, for types that can have it so."""
    rewrite = type_named(row.type).rewrite
    target = None if rewrite is None else choose(row.type, value, server)
    if rewrite is None or target is None:
        return None
    return target, rewrite(value, raw, target, server, lose)


def _may_be_critical(raw: bytes) -> bool:
    """Whether an element of a critical size may be in it; False costs no decoding."""
    if len(raw) * lzf.MAX_EXPANSION < SMALLEST_CRITICAL:
        return False
    return len(raw) >= SMALLEST_CRITICAL or LZF in raw


def _is_critical(row: TypeRow, raw: bytes, value: Any) -> bool:
    """Whether a value has a text of a size that the two back-length rules differ on."""
    return _may_be_critical(raw) and has_critical(type_named(row.type).texts(value))
