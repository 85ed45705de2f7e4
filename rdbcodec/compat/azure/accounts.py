"""Questions about the storage account: blobs, subscriptions, who signs in and how, firewalls."""

from __future__ import annotations

from rdbcodec.compat.azure.questions import EXPORTING
from rdbcodec.compat.rule import Answer, Case, Found, Missing, missing
from rdbcodec.writing.padding import PAGE

IDENTITY = "managed-identity"
ROLE = "Storage Blob Data Contributor"
# Whoever has the second may do whatever the first allows, and more.
_ROLES = frozenset({ROLE.lower(), "storage blob data owner"})
_SCRIPTED = {"cli": "the CLI", "powershell": "PowerShell"}


# --- blobs ------------------------------------------------------------------------------------------


def append_blob(case: Case) -> Answer:
    """A kind of blob that no import reads; an export lies in none of it, so there nobody is asked."""
    told = case.told("blob_type")
    if told is None:
        is_export = case.told("source_kind") == "export" and case.told("source_tier") in EXPORTING
        return None if is_export else Missing(("blob_type",))
    return Found() if told == "append" else None


def unfit_page_blob(case: Case) -> Answer:
    """A page blob of a size that is not whole pages, which none can have, whoever wrote the file."""
    size = case.profile.file_size
    if size is None or size % PAGE == 0:
        return None
    told = case.told("blob_type")
    if told is None:
        return Missing(("blob_type",))
    return Found({"size": size, "lacks": -size % PAGE}) if told == "page" else None


def unfit_if_page_blob(case: Case) -> Answer:
    """The same, as a remark while nobody told the kind of blob."""
    size = case.profile.file_size
    if size is None or size % PAGE == 0 or case.told("blob_type") is not None:
        return None
    return Found({"size": size})


# --- subscriptions and identities -------------------------------------------------------------------


def _subscriptions_differ(case: Case) -> bool:
    cache, storage = case.told("cache_subscription"), case.told("storage_subscription")
    return cache is not None and storage is not None and cache.lower() != storage.lower()


def in_other_subscription(case: Case) -> Answer:
    """Another subscription, where nothing helps."""
    gaps = missing(case, "cache_subscription", "storage_subscription")
    return gaps or (Found() if _subscriptions_differ(case) else None)


def other_subscription(case: Case) -> Answer:
    """Another subscription, and not signed in with a managed identity."""
    gaps = missing(case, "cache_subscription", "storage_subscription")
    if gaps:
        return None if has_identity(case) else gaps
    if not _subscriptions_differ(case) or has_identity(case):
        return None
    return missing(case, "authentication") or Found({"authentication": case.told("authentication")})


def other_subscription_with_identity(case: Case) -> Answer:
    """Another subscription with a managed identity, which may be."""
    return Found() if _subscriptions_differ(case) and has_identity(case) else None


def has_identity(case: Case) -> bool:
    """Whether the cache signs in with a managed identity."""
    return bool(case.told("authentication") == IDENTITY)


def with_identity(case: Case) -> Answer:
    """A managed identity, where there is none."""
    return Found() if has_identity(case) else None


def identity_without_portal(case: Case) -> Answer:
    """A managed identity, and a channel whose operations take SAS URIs only."""
    if not has_identity(case) or case.told("channel") == "portal":
        return None
    return missing(case, "channel") or Found({"channel": _SCRIPTED[case.told("channel")]})


def wrong_role(case: Case) -> Answer:
    """A managed identity that may not do what the operation does; a firewall has a rule of its own."""
    if not has_identity(case) or case.told("firewall") is True:
        return None
    return missing(case, "role") or (None if _has_role(case) else Found({"role": case.told("role")}))


def _has_role(case: Case) -> bool:
    return case.told("role").lower() in _ROLES


def sas_not_given(case: Case) -> Answer:
    """A SAS is to be used and was not given, so it could not be judged."""
    if case.told("sas") is None and case.told("authentication") == "sas":
        return Missing(("sas",))
    return None


# --- firewalls --------------------------------------------------------------------------------------


def firewall_without_conditions(case: Case) -> Answer:
    """A firewall without all three of trusted services, managed identity and role."""
    if case.told("firewall") is not True:
        return missing(case, "firewall")
    known = {
        "trusted_services": case.told("trusted_services"),
        "authentication": None if not case.told("authentication") else has_identity(case),
        "role": None if case.told("role") is None else _has_role(case),
    }
    lacks = [_FIREWALL_NEEDS[name] for name, fits in known.items() if fits is False]
    return Found({"lacks": ", ".join(lacks)}) if lacks else missing(case, *known)


_FIREWALL_NEEDS = {
    "trusted_services": "the exception for trusted Azure services",
    "authentication": "a managed identity",
    "role": f"the role {ROLE} for it",
}


def firewall_with_conditions(case: Case) -> Answer:
    """A firewall, and nothing known to lack of what some page asks for."""
    if case.told("firewall") is not True or isinstance(firewall_without_conditions(case), Found):
        return None
    return Found()


def firewall_scripted(case: Case) -> Answer:
    """A firewall, which needs a managed identity, and a channel that has none."""
    channel = case.told("channel")
    if case.told("firewall") is not True or channel not in _SCRIPTED:
        return None
    return Found({"channel": _SCRIPTED[channel]})


def private_endpoint(case: Case) -> Answer:
    """Behind a private endpoint; asked for only where there is a firewall, which such accounts have."""
    if case.told("private_endpoint") is None:
        return Missing(("private_endpoint",)) if case.told("firewall") is True else None
    return Found() if case.told("private_endpoint") else None


def firewalled(case: Case) -> Answer:
    """The storage account cannot be reached from everywhere."""
    told = case.told("firewall"), case.told("private_endpoint")
    if True in told:
        return Found()
    return Missing(("firewall",)) if told[0] is None else None


def firewall_and_key(case: Case) -> Answer:
    """A key or SAS while nobody tells of a firewall; where there is one, a blocker says so."""
    held = case.told("authentication") in ("access-key", "sas")
    return Found() if held and case.told("firewall") is None else None
