"""Shared access signatures, judged offline: the facts of a SAS URI in, findings out.

What a stored access policy (`si`) keeps on the server is unknown here, and unknown is not ok.

`source` names the section of the page "Import and export data in Azure Managed Redis" of 2024-11-15, or the
key of another source (docs/compat.md); `confidence` is that of the fact, as compat-facts.md has the words.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from rdbcodec.compat.circumstances import OPERATIONS, Operation
from rdbcodec.compat.rule import Case, Finding, Severity
from rdbcodec.named_tuples import NamedTuple
from rdbcodec.remote.permits import MINUTE_MS, end_of, ended, span
from rdbcodec.remote.signed_uri import TIME, Sas, milliseconds

# FAQ "I received a timeout error ...": the service's own words for both limits.
EXPIRES_AHEAD_MS = 60 * MINUTE_MS
STARTS_BEFORE_MS = 15 * MINUTE_MS
# A user delegation key lives no longer, and so does a SAS that is signed with one.
KEY_LIFE_MS = 7 * 24 * 60 * MINUTE_MS

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


def findings(case: Case) -> Iterator[Finding]:
    """What speaks against each SAS that was told."""
    told = case.circumstances
    now_ms = case.profile.now_ms if told.now_ms is None else told.now_ms
    for sas in told.sas or ():
        yield from check(sas, operation=told.operation or "import", now_ms=now_ms)


def check(sas: Sas, *, operation: Operation, now_ms: int) -> list[Finding]:
    """What speaks against using this SAS for the operation at this time, in the order of the table."""
    found: list[Finding] = []
    for rule in RULES:
        says = rule.question(sas, now_ms) if operation in rule.operations else None
        if says is not None:
            found.append(Finding(rule.id, rule.severity, says, rule.remedy, *rule.evidence))
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
    return ended(sas, now_ms)


def _expires_soon(sas: Sas, now_ms: int) -> str | None:
    end, what = end_of(sas)
    if end is None or not now_ms < end < now_ms + EXPIRES_AHEAD_MS:
        return None
    return f"{what} ends in {span(end - now_ms)}, it needs at least {span(EXPIRES_AHEAD_MS)}"


def _starts_late(sas: Sas, now_ms: int) -> str | None:
    start = sas.starts_at_ms
    if start is None or start <= now_ms - STARTS_BEFORE_MS:
        return None
    when = f"started {span(now_ms - start)} ago" if start <= now_ms else f"starts in {span(start - now_ms)}"
    return f"the SAS {when}, a start must lie at least {span(STARTS_BEFORE_MS)} back"


def _key_not_yet(sas: Sas, now_ms: int) -> str | None:
    start = sas.key_starts_at_ms
    if start is None or start <= now_ms:
        return None
    return f"the user delegation key of the SAS (skt) starts in {span(start - now_ms)}"


def _lives_too_long(sas: Sas, now_ms: int) -> str | None:
    """Longer than a key can: by its own times, or by those of the SAS, counted from now at the latest."""
    if sas.key_expires_at_ms is None and sas.key_starts_at_ms is None:
        return None  # signed with an account key, which has no end
    ends = [end for end in (sas.expires_at_ms, sas.key_expires_at_ms) if end is not None]
    life = max(ends, default=now_ms) - (sas.key_starts_at_ms if sas.key_starts_at_ms is not None else now_ms)
    if life <= KEY_LIFE_MS:
        return None
    return f"the SAS is to live {span(life)}, and a user delegation key lives {span(KEY_LIFE_MS)} at most"


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
    found = TIME.fullmatch(sas.version)
    day = found and milliseconds(found)
    if day is not None and day <= now_ms:
        return None
    return f"the version {sas.version} (sv) is none that can exist yet"


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
_DELEGATION = Evidence("azstorage-delegation", "2026-11-26", "general knowledge")
_COMMANDS = Evidence("compat-facts: 1.2 Commands", "2026-11-22", "documented")

_LATER = "make a new SAS that ends well over an hour after the operation starts"
_WEEK = "make a new SAS that ends within 7 days"
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
    SasRule("AZ-SAS-SKT", "blocker", _BOTH, _key_not_yet, _DELEGATION, "wait, or make a new SAS"),
    SasRule("AZ-SAS-KEY-LIFE", "blocker", _BOTH, _lives_too_long, _DELEGATION, _WEEK),
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
