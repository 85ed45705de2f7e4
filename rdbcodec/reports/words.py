"""Facts in words: sizes, times, keys."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta, timezone
from typing import Any

from rdbcodec.showing import CutKey, Hiding
from rdbcodec.showing import size as size  # noqa: PLC0414 - reports have their words from here

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


def number(value: int | None) -> str:
    """An integer with separators; "unknown" for None."""
    return "unknown" if value is None else f"{value:,}"


def plural(count: int, word: str) -> str:
    """`1 key`, `2 keys`."""
    return f"{count:,} {word}" + ("" if count == 1 else "s")


def functions_left_out(count: int) -> str:
    """What filters do to what is no key."""
    libraries = "1 function library" if count == 1 else f"{count:,} function libraries"
    return f"{libraries} left out: filters choose keys, --functions keeps functions too"


def modules_kept(products: Sequence[str]) -> str:
    """What a filter says of records of modules that belong to no key, and so to no filter."""
    return (
        f"kept beside the keys: records of {', '.join(products)}; servers without them refuse the file, and "
        "rdbcodec convert --to RELEASE leaves out those of modules the release does not have"
    )


def moment(at_ms: int) -> str:
    """Absolute milliseconds as a UTC date; the number itself where no calendar goes that far."""
    try:
        at = _EPOCH + timedelta(milliseconds=at_ms)
    except OverflowError:
        return f"{at_ms} ms"
    return at.strftime("%Y-%m-%d %H:%M:%S UTC")


def text(raw: bytes) -> str:
    """Bytes for a person: as UTF-8 when that is printable, escaped otherwise."""
    try:
        shown = raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("latin-1").encode("unicode_escape").decode("ascii")
    return shown if shown.isprintable() else shown.encode("unicode_escape").decode("ascii")


def json_bytes(raw: bytes) -> Any:
    """Bytes in JSON, as NDJSON has them."""
    from rdbcodec.exports.scalars import json_bytes as of_exports  # noqa: PLC0415 - loads what reads JSON

    return of_exports(raw)


def json_key(key: bytes | None, hide_keys: Hiding) -> Any:
    """A key for programs: as NDJSON has it, hidden as words are; None when there is none to show.

    Of one that is too long for a report {"head": ..., "size": ...}.
    """
    if key is None or hide_keys is True:
        return None
    if hide_keys is not False:
        return hide_keys.of(key)
    return {"head": json_bytes(bytes(key)), "size": key.size} if isinstance(key, CutKey) else json_bytes(key)


def shortened(raw: bytes, width: int = 60, *, size: int | None = None) -> str:
    """Bytes for a table cell; what is cut off is counted. `size` is that of the whole `raw` begins."""
    whole = len(raw) if size is None else size
    return text(raw) if whole <= width else f"{text(raw[:width])}... ({whole} bytes)"
