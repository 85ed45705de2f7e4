"""Questions about where a snapshot comes from, and from where to where it goes."""

from __future__ import annotations

import re

from rdbcodec.compat.questions.format import START, reads_header
from rdbcodec.compat.rule import Answer, Case, Found, Unknown, known_then, missing
from rdbcodec.compat.target import sources
from rdbcodec.compat.target_names import version_key
from rdbcodec.servers.names import release_row


def unheard_of(case: Case) -> Answer:
    """A day was told by whose sources to judge, and none of that day speaks of the target."""
    day, named = case.told("as_of"), case.target.sources
    if day is None or not sources().keys() >= set(named) or known_then(named, day):
        return None  # a target of the user's own has sources of its own
    return Unknown(f"no source of {day} or before speaks of {case.target.name}")


def source_version(case: Case) -> str | None:
    """The Redis version the file comes from: told, or its AUX field; None when neither says."""
    told: str | None = case.told("source_version")
    fact = case.profile.aux.get(b"redis-ver")
    return told or (fact.value.decode("ascii", "replace") if fact else None)


def _is_newer(case: Case) -> bool:
    source, target = source_version(case), case.target.version
    return source is not None and target is not None and version_key(source) > version_key(target)


def newer_source(case: Case) -> Answer:
    """The source is newer than the target, and the file shows it."""
    if not _is_newer(case) or reads_header(case):
        return None
    return Found({"source": source_version(case), "version": case.target.version}, START)


def newer_source_same_rdb(case: Case) -> Answer:
    """The source is newer, but its file is one the target reads, and was not written for an older one."""
    if not _is_newer(case) or not reads_header(case) or _was_rewritten(case):
        return None
    return Found(
        {"source": source_version(case), "version": case.target.version, "rdb": case.profile.version}, START
    )


def _was_rewritten(case: Case) -> bool:
    """Whether the file is of an older form than its source writes: it was converted, and says so still."""
    writer = release_row(f"redis-{source_version(case)}")
    return writer is not None and case.profile.version < writer.accepts


def regions_differ(case: Case) -> Answer:
    """Storage account and cache are in different regions."""
    cache, storage = case.told("cache_region"), case.told("storage_region")
    if cache is None or storage is None:
        return missing(case, "cache_region", "storage_region")
    same = _region(cache) == _region(storage)
    return None if same else Found({"cache": cache, "storage": storage})


def _region(name: str) -> str:
    """`West Europe` and `westeurope` are the same region."""
    return re.sub(r"[\s_]", "", name).lower()
