"""What two snapshots do not have in common, in words and as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rdbcodec.exports.scalars import json_bytes
from rdbcodec.reports.words import json_key, moment, plural, shortened
from rdbcodec.showing import Hiding, key_words
from rdbcodec.tools.changes import Change
from rdbcodec.tools.diff import Comparison, Difference

_INSIDE = 3  # changes inside one value that are shown
_WIDTH = 24  # characters of a name or a value


def lines(
    names: tuple[str, str], found: Comparison, *, hide_keys: Hiding = False, show_values: bool = False
) -> Iterator[str]:
    """The report, a line at a time: the answer first."""
    first, second = names
    yield f"{'EQUAL' if found.is_equal else 'NOT EQUAL'}: {first}, {second}"
    yield f"  compared  {plural(found.keys[0], 'key')} and {plural(found.keys[1], 'key')}"
    yield f"  equal     {plural(found.equal, 'key')}"
    if found.missing:
        yield f"  missing   {plural(found.missing, 'key')}{_expired(found.missing, found.missing_expired)}"
    if found.extra:
        yield f"  extra     {plural(found.extra, 'key')}{_expired(found.extra, found.extra_expired)}"
    if found.changed:
        yield f"  changed   {plural(found.changed, 'key')}"
    for library in found.functions:
        yield f"  function library {shortened(library)} is not the same"
    for module in found.modules:
        yield f"  what module {module} saved beside the keys is not the same"
    for difference in found.differences:
        yield from _lines_of(difference, hide_keys, show_values=show_values)
    unlisted = found.missing + found.extra + found.changed - len(found.differences)
    if unlisted:
        yield f"  ... and {plural(unlisted, 'key')} more: -n shows more of them"


def _expired(count: int, expired: int) -> str:
    if not expired:
        return ""
    return ", all expired by now" if count == expired else f", of them {expired:,} expired by now"


_SIGNS = {"missing": "-", "extra": "+", "changed": "~"}


def _lines_of(difference: Difference, hide_keys: Hiding, *, show_values: bool) -> Iterator[str]:
    place = " ".join(filter(None, (f"db {difference.db}", key_words(difference.key, hide_keys))))
    what = f": {', '.join(difference.what)}" if difference.what else ""
    yield f"  {_SIGNS[difference.kind]} {place} ({difference.type}){what}"
    if "ttl" in difference.what and difference.expires_at_ms[0] != difference.expires_at_ms[1]:
        yield f"      expires {_when(difference.expires_at_ms[0])} -> {_when(difference.expires_at_ms[1])}"
    if hide_keys is not False or difference.inside is None:
        return  # names of fields are as secret as those of keys
    for change in difference.inside[:_INSIDE]:
        yield f"      {_change(change, show_values=show_values)}"
    if len(difference.inside) > _INSIDE:
        yield f"      ... and {len(difference.inside) - _INSIDE:,} more"


def _when(at_ms: int | None) -> str:
    return "never" if at_ms is None else moment(at_ms)


def _change(change: Change, *, show_values: bool) -> str:
    name = shortened(change.name, _WIDTH) if isinstance(change.name, bytes) else str(change.name)
    head = f"{change.what} {name}".rstrip()
    if isinstance(change.before, int) and isinstance(change.after, int) and change.what == "length":
        return f"{head}: {change.before:,} -> {change.after:,}"
    if show_values:
        return f"{head}: {_shown(change.before)} -> {_shown(change.after)}"
    if change.before is None or change.after is None:
        return f"{head} {'came' if change.before is None else 'went'}"
    return f"{head} changed"


def _shown(value: Any) -> str:
    if value is None:
        return "nothing"
    return (
        shortened(value, _WIDTH) if isinstance(value, bytes) else shortened(repr(value).encode(), 2 * _WIDTH)
    )


def as_json(
    names: tuple[str, str], found: Comparison, *, hide_keys: Hiding = False, show_values: bool = False
) -> dict[str, Any]:
    """The same for programs."""
    return {
        "first": names[0],
        "second": names[1],
        "equal": found.is_equal,
        "keys": list(found.keys),
        "same": found.equal,
        "missing": found.missing,
        "missing_expired": found.missing_expired,
        "extra": found.extra,
        "extra_expired": found.extra_expired,
        "changed": found.changed,
        "functions": [json_bytes(name) for name in found.functions],
        "modules": found.modules,
        "differences": [_json(one, hide_keys, show_values=show_values) for one in found.differences],
    }


def _json(difference: Difference, hide_keys: Hiding, *, show_values: bool) -> dict[str, Any]:
    inside = None if hide_keys is not False else difference.inside
    return {
        "kind": difference.kind,
        "db": difference.db,
        "key": json_key(difference.key, hide_keys),
        "type": difference.type,
        "what": list(difference.what),
        "expires_at": list(difference.expires_at_ms),
        "inside": None
        if inside is None
        else [_json_change(change, show_values=show_values) for change in inside],
    }


def _json_change(change: Change, *, show_values: bool) -> dict[str, Any]:
    document = {"what": change.what, "name": _json_value(change.name)}
    if show_values:
        document |= {"before": _json_value(change.before), "after": _json_value(change.after)}
    return document


def _json_value(value: Any) -> Any:
    if isinstance(value, bytes):
        return json_bytes(value)
    return value if value is None or isinstance(value, (str, int, float)) else repr(value)
