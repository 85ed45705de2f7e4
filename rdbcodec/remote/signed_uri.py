"""Signed URIs, a fact about where a file lies: what a shared access signature (SAS) says of itself.

    https://account.blob.core.windows.net/container/blob?sv=...&se=...&sp=r&sr=b&sig=...

The rules this file keeps:

* The signature is a password. `parse` notes that there is one and forgets it: no field, repr, finding or
  error holds it. A value is kept only when it has the form its parameter must have, so that a URI with a
  broken query (no `?`, `&amp;`, encoded twice) does not carry the signature in under another name.
* `parse` takes any text. What is wrong with it is a finding of `azure.sas`, because a person wants to hear
  all of it.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote, urlsplit

from rdbcodec.named_tuples import NamedTuple


class Sas(NamedTuple):
    """What a SAS URI says, without its signature; None where it does not say.

    `repeated` and `unreadable` name parameters that occur twice or whose value has no form of theirs.
    """

    is_url: bool
    scheme: str | None = None
    host: str | None = None
    container: str | None = None
    blob: str | None = None
    expires_at_ms: int | None = None
    starts_at_ms: int | None = None
    key_expires_at_ms: int | None = None
    key_starts_at_ms: int | None = None
    permissions: str | None = None
    resource: str | None = None
    services: str | None = None
    resource_types: str | None = None
    protocols: str | None = None
    addresses: str | None = None
    version: str | None = None
    has_policy: bool = False
    has_signature: bool = False
    has_leftover: bool = False
    repeated: tuple[str, ...] = ()
    unreadable: tuple[str, ...] = ()

    @property
    def account(self) -> str | None:
        """The storage account, when the host is a blob endpoint."""
        found = _BLOB_HOST.fullmatch(self.host or "")
        return found[1] if found else None


_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?")
_BLOB_HOST = re.compile(r"([a-z0-9]{3,24})(?:-secondary)?\.blob\.core\.[a-z0-9.-]+", re.IGNORECASE)
# A signature that strayed into the path, encoded any number of times.
_STRAY = re.compile(r"sig(=|%(25)*3d)", re.IGNORECASE)
TIME = re.compile(r"(\d{4})-(\d\d)-(\d\d)(?:T(\d\d):(\d\d)(?::(\d\d))?(?:Z|([+-])(\d\d):(\d\d)))?", re.ASCII)

# Parameter -> (field of Sas, the form its value must have). Times become milliseconds.
_FORMS: Mapping[str, tuple[str, re.Pattern[str]]] = {
    "se": ("expires_at_ms", TIME),
    "st": ("starts_at_ms", TIME),
    # A user delegation SAS is signed with a key that has a life of its own.
    "ske": ("key_expires_at_ms", TIME),
    "skt": ("key_starts_at_ms", TIME),
    "sp": ("permissions", re.compile(r"[a-z]{1,20}")),
    "sr": ("resource", re.compile(r"[a-z]{1,3}")),
    "ss": ("services", re.compile(r"[bfqt]{1,4}")),
    "srt": ("resource_types", re.compile(r"[sco]{1,3}")),
    "spr": ("protocols", re.compile(r"https?(,https?)?")),
    "sip": ("addresses", re.compile(r"[0-9.]{7,15}(-[0-9.]{7,15})?")),
    "sv": ("version", re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)),
}
_NAMES = frozenset({*_FORMS, "si", "sig"})
_TIMES = frozenset({"se", "st", "ske", "skt"})


def parse(uri: str) -> Sas:
    """The facts of a SAS URI; any text is taken, and the signature is forgotten here."""
    text = uri.strip()
    address, _, query = text.partition("?")
    if not query and "://" not in text:  # the token alone, as some tools print it
        address, query = "", text
    # Examples of 2020 append ";" and the storage key: neither is a parameter.
    query, leftover, _ = query.partition("#")[0].partition(";")
    places = _address(address)
    fields: dict[str, Any] = {}  # _FORMS names fields of Sas and what each may hold
    values = _values(query)
    unreadable = [name for name in _FORMS if name in values and not _keep(name, values[name][0], fields)]
    return Sas(
        is_url=places is not None,
        **(places or {}),
        **fields,
        has_policy="si" in values,
        has_signature=bool(values.get("sig", [""])[0]),
        has_leftover=bool(leftover),
        repeated=tuple(sorted(name for name, found in values.items() if len(found) > 1)),
        unreadable=tuple(unreadable),
    )


def _address(address: str) -> dict[str, Any] | None:
    """Scheme, host, container and blob; None when this is no address, or has a signature in it."""
    try:
        parts = urlsplit(address)
        host = parts.hostname or ""
    except ValueError:  # urlsplit's word for brackets that are no IPv6 address
        return None
    if parts.scheme not in ("http", "https") or not _HOST.fullmatch(host) or _STRAY.search(address):
        return None
    container, _, blob = parts.path.lstrip("/").partition("/")
    return {
        "scheme": parts.scheme,
        "host": host,
        "container": unquote(container) or None,
        "blob": unquote(blob) or None,
    }


def _values(query: str) -> dict[str, list[str]]:
    """The values of the known parameters; what else there is, is not looked at."""
    values: dict[str, list[str]] = {}
    for part in query.split("&"):
        name, _, value = part.partition("=")
        if unquote(name) in _NAMES:
            values.setdefault(unquote(name), []).append(unquote(value))
    return values


def _keep(name: str, value: str, fields: dict[str, Any]) -> bool:
    field, form = _FORMS[name]
    found = form.fullmatch(value)
    kept = value if found and name not in _TIMES else found and milliseconds(found)
    fields[field] = kept
    return kept is not None


def milliseconds(time: re.Match[str]) -> int | None:
    """A matched time as Unix milliseconds; None when no calendar has it. A day alone is its midnight."""
    year, month, day, hour, minute, second = (int(time[at] or 0) for at in range(1, 7))
    ahead, behind = int(time[8] or 0), int(time[9] or 0)
    if not (year and 1 <= month <= 12 and 1 <= day <= calendar.monthrange(year, month)[1]):
        return None
    if hour > 23 or minute > 59 or second > 59 or ahead > 23 or behind > 59:
        return None
    offset = (ahead * 60 + behind) * (-1 if time[7] == "-" else 1)
    return (calendar.timegm((year, month, day, hour, minute, second)) - offset * 60) * 1000
