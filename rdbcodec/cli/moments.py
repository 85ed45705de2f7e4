"""A time on the command line: seconds, milliseconds, a date of ISO 8601, or so long from now.

1795355656        seconds since 1970: numbers below 10^11, which as seconds reach the year 5138
1795355656000     milliseconds: from 10^11 on, which as milliseconds begin in 1973
@1795355656.5     seconds, whatever their size
2026-11-22T13:54  a date, UTC unless it says otherwise
+7d  -1h          from now on; s, m, h, d, w
"""

from __future__ import annotations

import argparse
import re
import time

_FIRST_MILLISECONDS = 10**11
_LAST = 253_402_300_799_999  # the end of the year 9999, the last a calendar can show
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}


def moment(text: str) -> int:
    """Unix milliseconds; what argparse calls a type."""
    at = _moment(text)
    if at is None:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no time: expected seconds or milliseconds since 1970, @seconds, "
            "a date such as 2026-11-22T13:54:16Z, or +7d"
        )
    if not 0 <= at <= _LAST:
        raise argparse.ArgumentTypeError(f"{text!r} is not within the years 1970 to 9999")
    return at


def _moment(text: str) -> int | None:
    if re.fullmatch(r"\d{1,18}", text, re.ASCII):
        number = int(text)
        return number if number >= _FIRST_MILLISECONDS else number * 1000
    if found := re.fullmatch(r"@(\d{1,12})(?:\.(\d{1,3})\d*)?", text, re.ASCII):
        return int(found[1]) * 1000 + int((found[2] or "").ljust(3, "0"))
    if found := re.fullmatch(r"([+-])(\d{1,9})([smhdw])", text, re.ASCII):
        sign = 1 if found[1] == "+" else -1
        return time.time_ns() // 1_000_000 + sign * int(found[2]) * _UNITS[found[3]] * 1000
    return _date(text)


def _date(text: str) -> int | None:
    from datetime import datetime, timezone  # noqa: PLC0415 - few times are typed as dates

    try:
        date = datetime.fromisoformat(text.replace("Z", "+00:00"))  # Python 3.10 does not know Z
    except ValueError:
        return None
    if date.tzinfo is None:
        date = date.replace(tzinfo=timezone.utc)
    return round(date.timestamp() * 1000)
