"""What a shared access signature allows, before it is used: by its own words and this machine's clock.

A service answers 403 to whatever is wrong with one, and to some by the whole URL. What the URL itself tells
is said here first, in words.
"""

from __future__ import annotations

import errno
import time
from typing import Literal

from rdbcodec.remote.signed_uri import Sas, parse
from rdbcodec.remote.urls import refusal

Use = Literal["read", "write"]
# Permission letters, of which one must be there: "Create a service SAS", learn.microsoft.com.
_LETTERS: dict[Use, dict[str, str]] = {
    "read": {"r": "read"},
    "write": {"w": "write", "c": "create"},
}
MINUTE_MS = 60_000
_LOOPBACK = ("127.0.0.1", "localhost", "[::1]", "::1")


def check(url: str, use: Use, *, signed: str | None = None) -> None:
    """Raise PermissionError, which names the URL, when the SAS in it says that this cannot be done now.

    The SAS stands in `signed` when it comes from elsewhere and people are told a URL without.
    """
    sas = parse(signed or url)
    if not sas.has_signature or sas.version is None:  # not a SAS: other services sign in their own ways
        return
    words = what_forbids(sas, use, time.time_ns() // 1_000_000)
    if words is not None:
        raise refusal(url, words, errno.EACCES)


def what_forbids(sas: Sas, use: Use, now_ms: int) -> str | None:
    """Why a SAS does not allow this use at this time (Unix milliseconds); None when nothing in it says so."""
    if sas.scheme == "http" and sas.host not in _LOOPBACK:
        return "the URL begins with http://, its signature would travel readable: use https://"
    return ended(sas, now_ms) or not_begun(sas, now_ms) or _lacks(sas, use)


def end_of(sas: Sas) -> tuple[int | None, str]:
    """When a SAS ends (Unix milliseconds), and what ends it: itself, or the key that signed it."""
    own, key = sas.expires_at_ms, sas.key_expires_at_ms
    if key is not None and (own is None or key < own):
        return key, "the user delegation key of the SAS (ske)"
    return own, "the SAS"


def ended(sas: Sas, now_ms: int) -> str | None:
    """That it ended, and how long ago."""
    end, what = end_of(sas)
    return None if end is None or end > now_ms else f"{what} expired {span(now_ms - end)} ago"


def not_begun(sas: Sas, now_ms: int) -> str | None:
    """That it begins later, and in how long."""
    for start, what in (
        (sas.starts_at_ms, "the SAS (st)"),
        (sas.key_starts_at_ms, "the user delegation key of the SAS (skt)"),
    ):
        if start is not None and start > now_ms:
            return f"{what} starts in {span(start - now_ms)}"
    return None


def _lacks(sas: Sas, use: Use) -> str | None:
    if sas.permissions is None:  # a stored access policy may hold them
        return None
    letters = _LETTERS[use]
    if any(letter in sas.permissions for letter in letters):
        return None
    needed = " or ".join(f"{word} ({letter})" for letter, word in letters.items())
    return f"the permissions of the SAS (sp={sas.permissions}) lack {needed}"


def span(milliseconds: int) -> str:
    """A time span in the two units a person needs: 59 minutes, 3 hours 5 minutes, 12 days."""
    minutes = milliseconds // MINUTE_MS
    if minutes < 1:
        return f"{milliseconds // 1000} s"
    days, hours, minutes = minutes // 1440, minutes // 60 % 24, minutes % 60
    parts = [(days, "day"), (hours, "hour"), (minutes, "minute")]
    return " ".join([f"{n} {word}{'' if n == 1 else 's'}" for n, word in parts if n][:2])
