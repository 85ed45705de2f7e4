"""Questions about Azure: tiers, versions, what an import does, what a cache has room for."""

from __future__ import annotations

import re
from collections.abc import Callable

from rdbcodec.compat.questions.data import databases_from, databases_named
from rdbcodec.compat.questions.format import START, own_magic, reads_header
from rdbcodec.compat.questions.memory import sku_bytes, sku_of
from rdbcodec.compat.questions.origin import source_version
from rdbcodec.compat.rule import Answer, Case, Found, Missing, Unknown, missing
from rdbcodec.compat.target_names import version_key
from rdbcodec.facts.profile import Profile

AMR = ("amr",)
ENTERPRISE = ("enterprise", "enterprise-flash")
TIERS = {
    "basic": "the Basic tier",
    "standard": "the Standard tier",
    "premium": "the Premium tier",
    "enterprise": "the Enterprise tier",
    "enterprise-flash": "the Enterprise Flash tier",
    "amr": "Azure Managed Redis",
    "other": "another server",
}
EXPORTING = ("premium", *ENTERPRISE, *AMR)
_GIB = 1 << 30
_NON_CLUSTERED_GB = 25
_CLUSTER_NAME = re.compile(r"(?=.{1,60}$)[A-Za-z0-9]+(-[A-Za-z0-9]+)*")


# --- versions and tiers -----------------------------------------------------------------------------


def undocumented_version(case: Case) -> Answer:
    """The engine reads the version, and the vendor's page speaks of a lower one only.

    What the service wrote itself it takes back: moving data between its instances is what it is meant for.
    """
    documented, version = case.target.documented_rdb, case.profile.version
    if documented is None or not reads_header(case) or version <= documented:
        return None
    if case.told("source_tier") in AMR:
        return None
    return Unknown(
        f"the file is RDB {version}; the import page (2024-11-15, again 2025-05-18) speaks of Redis 7.2 and "
        f"RDB {documented} only, later pages (2025-05-18 to 2026-03-16) of Redis {case.target.version}, "
        f"which reads {version}; no vendor page says whether it is imported",
        START,
        () if case.told("source_tier") else ("source_tier",),
    )


def from_redis_enterprise(case: Case) -> Answer:
    """The file comes out of Redis Enterprise: told, or shown by opcodes only that has."""
    tier = case.told("source_tier")
    if tier in (*AMR, *ENTERPRISE):
        return Found({"tier": TIERS[tier]})
    if tier is None and case.profile.dialect == "enterprise":
        return Found({"tier": "Redis Enterprise, as its opcodes show"})
    return Missing(("source_tier",)) if tier is None else None


def amr_to_enterprise(case: Case) -> Answer:
    """An export of Azure Managed Redis goes back only into the same Redis version."""
    if case.told("source_tier") is None:
        return Missing(("source_tier",))
    source, target = source_version(case), case.target.version
    if case.told("source_tier") not in AMR:
        return None
    if source is None or target is None:
        return Missing(("source_version",))
    same = version_key(source) == version_key(target)
    return None if same else Found({"source": source, "version": target})


def from_tier(*tiers: str) -> Callable[[Case], Answer]:
    """The question whether the file comes from one of these tiers; for remarks, so it asks nobody."""

    def question(case: Case) -> Answer:
        tier = case.told("source_tier")
        return Found({"tier": TIERS[tier]}) if tier in tiers else None

    return question


def exported_by(*tiers: str) -> Callable[[Case], Answer]:
    """The question whether the file is an export of one of these tiers, as far as is told."""

    def question(case: Case) -> Answer:
        is_export = case.told("source_kind") in (None, "export")
        return Found() if is_export and case.told("source_tier") in tiers else None

    return question


def as_of_before(date: str, *, is_before: bool) -> Callable[[Case], Answer]:
    """The question whether the sources are those of before a date."""
    return lambda case: (
        Found() if (case.told("as_of") is not None and case.told("as_of") < date) == is_before else None
    )


def filled_before_use(case: Case) -> Answer:
    """A cache nobody uses yet."""
    return Found() if case.told("target_empty") is True else None


def _valkey(case: Case) -> str | None:
    """The Valkey version that wrote the file, as its AUX field tells."""
    fact = case.profile.aux.get(b"valkey-ver")
    return None if fact is None else fact.value.decode("ascii", "replace")


def from_any_server(case: Case) -> Answer:
    """The file comes from no cache of Azure, as far as is told, and not from Valkey."""
    return Found() if case.told("source_tier") in (None, "other") and _valkey(case) is None else None


def by_valkey(case: Case) -> Answer:
    """Valkey wrote the file, in the format of Redis."""
    version = _valkey(case)
    return None if version is None or own_magic(case.profile) else Found({"version": version}, START)


def persistence_file(case: Case) -> Answer:
    """What a cache wrote for itself; servers of one's own write snapshots for that, which are no matter."""
    kind, tier = case.told("source_kind"), case.told("source_tier")
    if tier == "other":
        return None
    if kind is None:
        return Missing(("source_kind",))
    if kind != "persistence":
        return None
    return Found({"what": _PERSISTED.get(tier, _PERSISTED[None])})


_PERSISTED = {
    "premium": "a persistence file of the Premium tier lies in your storage account, and no other cache "
    "imports it",
    None: "a persistence file of a cache is not accessible, and no other cache imports it",
}


def gzip_export(case: Case) -> Answer:
    """The file is gzipped, as an export of Azure is."""
    return Found() if "gzip" in case.profile.containers else None


# --- what an import does ----------------------------------------------------------------------------


def wipes(case: Case) -> Answer:
    """What is in the cache now is deleted; not worth a word when nothing is, and in a group nobody knows."""
    return None if case.told("target_empty") is True or case.told("active_active") else Found()


def wipes_needed_data(case: Case) -> Answer:
    """There is data in the cache that is still needed."""
    told = case.told("target_empty")
    if told is None:
        return Missing(("target_empty",))
    return None if told else Found()


def several_files(case: Case) -> Answer:
    """More than one file of one export."""
    count = max(len(case.told("files") or ()), len(case.others) + 1)
    return Found({"count": count}, count=count) if count > 1 else None


def age(case: Case) -> Answer:
    """How old the snapshot is."""
    hours = _age_hours(case.profile)
    when = "when it was made is not in it" if hours is None else f"it was made {hours:,} hours before"
    return Found({"when": when})


def _age_hours(profile: Profile) -> int | None:
    created = profile.created_s
    return None if created is None else max(0, profile.now_ms - created * 1000) // 3_600_000


def bad_cluster_name(case: Case) -> Answer:
    """A name of a cache that cannot be one."""
    name = case.told("cluster_name")
    return Found({"name": name}) if name is not None and not _CLUSTER_NAME.fullmatch(name) else None


# --- databases, memory, modules ---------------------------------------------------------------------


def databases_beyond_sku(case: Case) -> Answer:
    """Databases above what the size of a classic cache can have, or above what it has by default."""
    told, limits = sku_of(case), case.target.sku_databases or {}
    default = case.target.databases or 0
    most = (
        limits.get(told, max(limits.values(), default=default)) if told else max(limits.values(), default=0)
    )
    above = databases_from(case.profile, most)
    if above:
        return _databases(case, above, most)
    above = databases_from(case.profile, default)
    if not above:
        return None
    named = databases_named(above)
    says = (
        f"{named['databases']} {named['are']} imported only when the cache was created with more than the "
        f"{default} databases of the default"
    )
    return Unknown(says, case.profile.databases[above[0]].first, () if told else ("sku",))


def _databases(case: Case, dbs: list[int], limit: int) -> Found:
    keys = sum(case.profile.databases[db].keys for db in dbs)
    values = {**databases_named(dbs), "keys": keys, "limit": limit}
    return Found(values, case.profile.databases[dbs[0]].first)


def non_clustered(case: Case) -> Answer:
    """The non-clustered policy on a SKU too big for it, or on Flash."""
    if case.told("clustering_policy") != "non-clustered":
        return None
    size = sku_bytes(case)
    if case.target.tier == "Flash Optimized" or (size is not None and size > _NON_CLUSTERED_GB * _GIB):
        return Found({"sku": sku_of(case) or "Flash Optimized"})
    return None if size is not None else Missing(("sku",))


def clustered_premium(case: Case) -> Answer:
    """Keys outside database 0 on the way into a clustered cache."""
    above = databases_from(case.profile, 1)
    if not above or case.told("clustered") is False:
        return None
    return missing(case, "clustered") or _databases(case, above, 1)
