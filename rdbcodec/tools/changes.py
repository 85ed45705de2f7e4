"""What changed inside a value: the fields, members, elements and entries that are not the same in both."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from typing import Any

from rdbcodec.datatypes.streams import Stream
from rdbcodec.named_tuples import NamedTuple


class Change(NamedTuple):
    """One of them: what it is ("field", "member", "element", "entry", "group", ...), its name, and what it
    was and is; None for what is not there. Text stays bytes, numbers are numbers."""

    what: str
    name: bytes | int | str
    before: Any
    after: Any


def changes(before: Any, after: Any) -> Iterator[Change]:
    """All changes from one value to another of the same Redis type."""
    if isinstance(before, Stream):
        yield from _in_stream(before, after)
        return
    if isinstance(before, Mapping):
        word = "member" if any(isinstance(score, float) for score in before.values()) else "field"
        yield from _in_mapping(word, before, after)
    elif isinstance(before, AbstractSet):
        yield from _in_mapping("member", dict.fromkeys(before, b""), dict.fromkeys(after, b""))
    elif isinstance(before, list):
        yield from _in_list(before, after)
    elif before != after:
        yield Change("value", "", before, after)
    yield from _in_mapping(
        "expiry of", getattr(before, "expires_at_ms", {}), getattr(after, "expires_at_ms", {})
    )


def _in_mapping(what: str, before: Mapping[Any, Any], after: Mapping[Any, Any]) -> Iterator[Change]:
    """What went or changed in the order of the first, then what came in that of the second."""
    for name, value in before.items():
        if name not in after or after[name] != value:
            yield Change(what, name, value, after.get(name))
    for name, value in after.items():
        if name not in before:
            yield Change(what, name, None, value)


def _in_list(before: list[bytes], after: list[bytes]) -> Iterator[Change]:
    if len(before) != len(after):
        yield Change("length", "", len(before), len(after))
    for at, (mine, other) in enumerate(zip(before, after, strict=False)):
        if mine != other:
            yield Change("element", at, mine, other)


def _in_stream(before: Stream, after: Stream) -> Iterator[Change]:
    yield from _in_mapping(
        "entry",
        {str(one.id): one.fields for one in before.entries},
        {str(one.id): one.fields for one in after.entries},
    )
    yield from _in_mapping(
        "group", {one.name: one for one in before.groups}, {one.name: one for one in after.groups}
    )
    if before.last_id != after.last_id:
        yield Change("last ID", "", str(before.last_id), str(after.last_id))
    if before.idempotence != after.idempotence:
        yield Change("producers", "", before.idempotence, after.idempotence)
