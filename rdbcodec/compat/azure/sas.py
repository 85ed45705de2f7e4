"""Shared access signatures, judged offline: a SAS URI in, facts and findings out.

    https://account.blob.core.windows.net/container/blob?sv=...&se=...&sp=r&sr=b&sig=...

The rules this file keeps:

* The signature is a password. `parse` notes that there is one and forgets it: no field, repr, finding or
  error holds it. A value is kept only when it has the form its parameter must have, so that a URI with a
  broken query (no `?`, `&amp;`, encoded twice) does not carry the signature in under another name.
* `parse` takes any text. What is wrong with it is a finding, because a person wants to hear all of it.
* What a stored access policy (`si`) keeps on the server is unknown here, and unknown is not ok.

`source` names the section of the page "Import and export data in Azure Managed Redis" of 2024-11-15, or the
key of another source (docs/compat.md); `confidence` is that of the fact, as compat-facts.md has the words.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple
from urllib.parse import unquote, urlsplit

Operation = Literal["import", "export"]
Severity = Literal["blocker", "warning", "info", "unknown"]
OPERATIONS: tuple[Operation, ...] = ("import", "export")

MINUTE_MS = 60_000
# FAQ "I received a timeout error ...": the service's own words for both limits.
EXPIRES_AHEAD_MS = 60 * MINUTE_MS
STARTS_BEFORE_MS = 15 * MINUTE_MS

# FAQ "Which permissions need to be granted ...": letter -> what it grants.
EXPORT_PERMISSIONS = {
    "r": "read",
    "a": "add",
    "c": "create",
    "w": "write",
    "d": "delete",
    "t": "tag",
    "m": "move",
}


@dataclass(frozen=True, slots=True)
class Sas:
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


class SasFinding(NamedTuple):
    """One thing to know about a SAS; plain data, like a compatibility finding."""

    id: str
    severity: Severity
    says: str
    remedy: str
    source: str
    date: str
    confidence: str


# --- parsing ----------------------------------------------------------------------------------------

_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?")
_BLOB_HOST = re.compile(r"([a-z0-9]{3,24})(?:-secondary)?\.blob\.core\.[a-z0-9.-]+", re.IGNORECASE)
# A signature that strayed into the path, encoded any number of times.
_STRAY = re.compile(r"sig(=|%(25)*3d)", re.IGNORECASE)
_TIME = re.compile(r"(\d{4})-(\d\d)-(\d\d)(?:T(\d\d):(\d\d)(?::(\d\d))?(?:Z|([+-])(\d\d):(\d\d)))?", re.ASCII)

# Parameter -> (field of Sas, the form its value must have). `se` and `st` become milliseconds.
_FORMS: Mapping[str, tuple[str, re.Pattern[str]]] = {
    "se": ("expires_at_ms", _TIME),
    "st": ("starts_at_ms", _TIME),
    "sp": ("permissions", re.compile(r"[a-z]{1,20}")),
    "sr": ("resource", re.compile(r"[a-z]{1,3}")),
    "ss": ("services", re.compile(r"[bfqt]{1,4}")),
    "srt": ("resource_types", re.compile(r"[sco]{1,3}")),
    "spr": ("protocols", re.compile(r"https?(,https?)?")),
    "sip": ("addresses", re.compile(r"[0-9.]{7,15}(-[0-9.]{7,15})?")),
    "sv": ("version", re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)),
}
_NAMES = frozenset({*_FORMS, "si", "sig"})
_TIMES = frozenset({"se", "st"})


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
    kept = value if found and name not in _TIMES else found and _milliseconds(found)
    fields[field] = kept
    return kept is not None


def _milliseconds(time: re.Match[str]) -> int | None:
    """A matched time as Unix milliseconds; None when no calendar has it. A day alone is its midnight."""
    year, month, day, hour, minute, second = (int(time[at] or 0) for at in range(1, 7))
    ahead, behind = int(time[8] or 0), int(time[9] or 0)
    if not (year and 1 <= month <= 12 and 1 <= day <= calendar.monthrange(year, month)[1]):
        return None
    if hour > 23 or minute > 59 or second > 59 or ahead > 23 or behind > 59:
        return None
    offset = (ahead * 60 + behind) * (-1 if time[7] == "-" else 1)
    return (calendar.timegm((year, month, day, hour, minute, second)) - offset * 60) * 1000


# --- judging ----------------------------------------------------------------------------------------


def check(sas: Sas, *, operation: Operation, now_ms: int) -> list[SasFinding]:
    """What speaks against using this SAS for the operation at this time, in the order of the table."""
    found: list[SasFinding] = []
    for rule in RULES:
        says = rule.question(sas, now_ms) if operation in rule.operations else None
        if says is not None:
            found.append(SasFinding(rule.id, rule.severity, says, rule.remedy, *rule.evidence))
    return found


class Evidence(NamedTuple):
    """Who said so, when, and how sure that is."""

    source: str
    date: str
    confidence: str


class SasRule(NamedTuple):
    """A row: `question` gives what to say, or None when the rule has nothing to say."""

    id: str
    severity: Severity
    operations: tuple[Operation, ...]
    question: Callable[[Sas, int], str | None]
    evidence: Evidence
    remedy: str


def _no_url(sas: Sas, _: int) -> str | None:
    if sas.is_url:
        return None
    return "this is no https://ACCOUNT.blob.core.../CONTAINER/BLOB?PARAMETERS"


def _no_signature(sas: Sas, _: int) -> str | None:
    return None if sas.has_signature else "the URI has no signature (sig)"


def _repeated(sas: Sas, _: int) -> str | None:
    return f"given more than once: {', '.join(sas.repeated)}" if sas.repeated else None


def _unreadable(sas: Sas, _: int) -> str | None:
    names = ", ".join(sas.unreadable)
    return f"the value has not the form the parameter needs: {names}" if names else None


def _leftover(sas: Sas, _: int) -> str | None:
    return "text follows the parameters behind a semicolon" if sas.has_leftover else None


def _expired(sas: Sas, now_ms: int) -> str | None:
    end = sas.expires_at_ms
    return None if end is None or end > now_ms else f"the SAS expired {_span(now_ms - end)} ago"


def _expires_soon(sas: Sas, now_ms: int) -> str | None:
    end = sas.expires_at_ms
    if end is None or not now_ms < end < now_ms + EXPIRES_AHEAD_MS:
        return None
    return f"the SAS ends in {_span(end - now_ms)}, it needs at least {_span(EXPIRES_AHEAD_MS)}"


def _starts_late(sas: Sas, now_ms: int) -> str | None:
    start = sas.starts_at_ms
    if start is None or start <= now_ms - STARTS_BEFORE_MS:
        return None
    when = f"started {_span(now_ms - start)} ago" if start <= now_ms else f"starts in {_span(start - now_ms)}"
    return f"the SAS {when}, a start must lie at least {_span(STARTS_BEFORE_MS)} back"


def _no_expiry(sas: Sas, _: int) -> str | None:
    if sas.expires_at_ms is not None or sas.has_policy or "se" in sas.unreadable:
        return None
    return "the URI has neither an expiry (se) nor a stored access policy (si)"


def _policy(sas: Sas, _: int) -> str | None:
    told = {"se": sas.expires_at_ms, "st": sas.starts_at_ms, "sp": sas.permissions}
    hidden = [name for name, value in told.items() if value is None and name not in sas.unreadable]
    if not sas.has_policy or not hidden:
        return None
    return f"a stored access policy may hold what the URI does not say: {', '.join(hidden)}"


def _lacking(letters: Mapping[str, str]) -> Callable[[Sas, int], str | None]:
    def question(sas: Sas, _: int) -> str | None:
        if sas.permissions is None and (sas.has_policy or "sp" in sas.unreadable):
            return None  # AZ-SAS-SI and AZ-SAS-FORM say so
        told = sas.permissions or ""
        missing = [f"{word} ({letter})" for letter, word in letters.items() if letter not in told]
        return f"the permissions (sp) lack {', '.join(missing)}" if missing else None

    return question


def _plain_http(sas: Sas, _: int) -> str | None:
    return (
        "the URI begins with http://, the signature would travel readable" if sas.scheme == "http" else None
    )


def _http_refused(sas: Sas, _: int) -> str | None:
    if sas.scheme != "http" or sas.protocols != "https":
        return None
    return "the URI begins with http://, and its spr allows https only"


def _addresses(sas: Sas, _: int) -> str | None:
    if sas.addresses is None and "sip" not in sas.unreadable:
        return None
    return "the SAS is bound to client addresses (sip); the cache's own address must be among them"


def _import_resource(sas: Sas, _: int) -> str | None:
    if sas.resource == "c":
        return "the SAS is one for a container (sr=c), an import names blobs"
    if sas.is_url and sas.blob is None:
        return "the URI names no blob"
    return None


def _export_resource(sas: Sas, _: int) -> str | None:
    if sas.resource == "b":
        return "the SAS is one for a blob (sr=b), an export writes into a container"
    if sas.is_url and sas.container is None:
        return "the URI names no container"
    return None


def _other_service(sas: Sas, _: int) -> str | None:
    if sas.services is None or "b" in sas.services:
        return None
    return f"the account SAS is for other services than blobs (ss={sas.services})"


def _host(sas: Sas, _: int) -> str | None:
    if sas.host is None or sas.account is not None:
        return None
    return f"the host {sas.host} is no blob endpoint (ACCOUNT.blob.core...)"


def _version(sas: Sas, now_ms: int) -> str | None:
    if "sv" in sas.unreadable:
        return None  # AZ-SAS-FORM says so
    if sas.version is None:
        return "the URI names no version of the storage service (sv)"
    found = _TIME.fullmatch(sas.version)
    day = found and _milliseconds(found)
    if day is not None and day <= now_ms:
        return None
    return f"the version {sas.version} (sv) is none that can exist yet"


def _span(milliseconds: int) -> str:
    """A time span in the two units a person needs: 59 minutes, 3 hours 5 minutes, 12 days."""
    minutes = milliseconds // MINUTE_MS
    if minutes < 1:
        return f"{milliseconds // 1000} s"
    days, hours, minutes = minutes // 1440, minutes // 60 % 24, minutes % 60
    parts = [(days, "day"), (hours, "hour"), (minutes, "minute")]
    return " ".join(f"{n} {word}{'' if n == 1 else 's'}" for n, word in parts if n)


_BOTH, _IMPORT, _EXPORT = OPERATIONS, OPERATIONS[:1], OPERATIONS[1:]

_TIMEOUT = Evidence('seed: FAQ "I received a timeout error ..."', "2024-11-15", "documented")
_GRANTS = Evidence('seed: FAQ "Which permissions need to be granted ..."', "2024-11-15", "documented")
# The seed lists no permission for an import; that reading is needed is inferred from scripts that work.
_SCRIPTS = Evidence("field-kr", "2026", "inferred")
_IMPORT_HELP = Evidence("azcli-ent: help of database import", "2025-05-01", "documented")
_EXPORT_HELP = Evidence("azcli-ent: help of database export", "2026-06-01", "documented")
_TIME_FORMS = Evidence("azstorage-iso", "unknown", "documented")
_FORMAT = Evidence("compat-facts: 1.1 SAS string checks in detail", "2026-11-22", "general knowledge")
_INFERRED = Evidence("compat-facts: 1.1 SAS string checks in detail", "2026-11-22", "inferred")
_COMMANDS = Evidence("compat-facts: 1.2 Commands", "2026-11-22", "documented")

_LATER = "make a new SAS that ends well over an hour after the operation starts"
_TIMES_ARE = "times are YYYY-MM-DD, YYYY-MM-DDThh:mmZ or YYYY-MM-DDThh:mm:ssZ"
_WHOLE = "copy the whole URI, in quotes: & ends a command"
_SEMICOLON = "old examples put a storage key there, web pages write &amp; for &"
_AT_POLICY = "look at the container's policy: the same rules hold there"
_SEVEN = "make a new SAS with r, a, c, w, d, t and m"
_ALL_SEVEN = _lacking(EXPORT_PERMISSIONS)
_READ = _lacking({"r": EXPORT_PERMISSIONS["r"]})

RULES: tuple[SasRule, ...] = (
    SasRule("AZ-SAS-URL", "blocker", _BOTH, _no_url, _FORMAT, "give the whole URI, in quotes"),
    SasRule("AZ-SAS-SIG", "blocker", _BOTH, _no_signature, _FORMAT, _WHOLE),
    SasRule("AZ-SAS-REPEATED", "blocker", _BOTH, _repeated, _FORMAT, "leave each parameter once"),
    SasRule("AZ-SAS-FORM", "unknown", _BOTH, _unreadable, _TIME_FORMS, _TIMES_ARE),
    SasRule("AZ-SAS-LEFTOVER", "warning", _BOTH, _leftover, _COMMANDS, _SEMICOLON),
    SasRule("AZ-SAS-EXPIRED", "blocker", _BOTH, _expired, _TIMEOUT, _LATER),
    SasRule("AZ-SAS-SE", "blocker", _BOTH, _expires_soon, _TIMEOUT, _LATER),
    SasRule("AZ-SAS-ST", "blocker", _BOTH, _starts_late, _TIMEOUT, "make a new SAS without a start time"),
    SasRule("AZ-SAS-NOSE", "blocker", _BOTH, _no_expiry, _FORMAT, "make a new SAS with an expiry time"),
    SasRule("AZ-SAS-SI", "unknown", _BOTH, _policy, _FORMAT, _AT_POLICY),
    SasRule("AZ-SAS-PERM-EXPORT", "blocker", _EXPORT, _ALL_SEVEN, _GRANTS, _SEVEN),
    SasRule("AZ-SAS-PERM-IMPORT", "blocker", _IMPORT, _READ, _SCRIPTS, "make a new SAS that allows reading"),
    SasRule("AZ-SAS-RESOURCE", "warning", _IMPORT, _import_resource, _IMPORT_HELP, "one SAS for each blob"),
    SasRule("AZ-SAS-RESOURCE", "warning", _EXPORT, _export_resource, _EXPORT_HELP, "a SAS for the container"),
    SasRule("AZ-SAS-SERVICE", "blocker", _BOTH, _other_service, _FORMAT, "make a SAS for the blob service"),
    SasRule("AZ-SAS-HOST", "warning", _BOTH, _host, _INFERRED, "check the address of the storage account"),
    SasRule("AZ-SAS-SPR", "blocker", _BOTH, _http_refused, _FORMAT, "write https:// instead"),
    SasRule("AZ-SAS-HTTP", "warning", _BOTH, _plain_http, _FORMAT, "write https:// instead"),
    SasRule("AZ-SAS-SIP", "warning", _BOTH, _addresses, _INFERRED, "make a SAS without an address range"),
    SasRule("AZ-SAS-SV", "unknown", _BOTH, _version, _FORMAT, "make a new SAS"),
)
