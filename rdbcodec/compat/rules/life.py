"""Rules about the life of targets: those that retire say when, those that are gone say what took their place.

Which one is what stands in the column `status` of the targets, and what the vendor says of it in `life`.
"""
# ruff: noqa: E501 - a table

from __future__ import annotations

from datetime import date

from rdbcodec.compat.rule import Answer, Case, Found, Rule, always

_OTHERS = ("*", "!azure", "!redis-enterprise")
_CHOOSE = "choose a target that stays"
_RETIRES = "{target} retires on {date}{life}"
_GONE = "{target} is retired{life}"


def retiring(case: Case) -> Answer:
    """The vendor has named the day on which the target ends, and that is to come."""
    last = _last_day(case)
    return _end(case, last) if last is not None and _day(case) <= last.toordinal() else None


def ended(case: Case) -> Answer:
    """The day on which the target was to end is past."""
    last = _last_day(case)
    return _end(case, last) if last is not None and _day(case) > last.toordinal() else None


def _end(case: Case, last: date) -> Found:
    return Found({"date": last.isoformat(), "life": _life(case)})


def _last_day(case: Case) -> date | None:
    word, _, day = case.target.status.partition(" ")
    return date.fromisoformat(day) if word == "retiring" else None


def _day(case: Case) -> int:
    """By which day to judge, as `date.toordinal` counts; times may be beyond every calendar."""
    as_of, now_ms = case.told("as_of"), case.told("now_ms")
    if as_of is not None:
        return date.fromisoformat(as_of).toordinal()
    now_ms = case.profile.now_ms if now_ms is None else now_ms
    return _EPOCH + int(now_ms) // _DAY_MS


_EPOCH, _DAY_MS = date(1970, 1, 1).toordinal(), 24 * 60 * 60 * 1000


def retired(case: Case) -> Answer:
    """The vendor has none of it left."""
    return Found({"life": _life(case)}) if case.target.status == "retired" else None


def preview(case: Case) -> Answer:
    """The vendor does not stand by it yet."""
    return Found({"life": _life(case)}) if case.target.status == "preview" else None


def doubtful_size(case: Case) -> Answer:
    """The SKU that was told is one whose size no page at hand says."""
    told = case.told("sku")
    sku = None if told is None else told.rpartition("_")[2].partition("-")[0].upper()
    if sku is None or sku not in case.target.doubtful_sizes:
        return None
    return Found({"sku": sku, "size": f"{(case.target.sizes or {})[sku]:g}"})


def _life(case: Case) -> str:
    return f": {case.target.life}" if case.target.life else ""


# fmt: off
RULES: tuple[Rule, ...] = (
    Rule("LIFE-RETIRING", _OTHERS, "warning", retiring, _RETIRES, _CHOOSE, ("general",), "its row says so",
         "general knowledge", (), "any"),
    Rule("LIFE-ENDED", ("*",), "blocker", ended, "{target} retired on {date}{life}", _CHOOSE, ("general",),
         "its row says so", "general knowledge", (), "any"),
    Rule("LIFE-RETIRED", _OTHERS, "blocker", retired, _GONE, _CHOOSE, ("general",), "its row says so",
         "general knowledge", (), "any"),
    Rule("LIFE-PREVIEW", ("*",), "info", preview, "{target} is a preview{life}", None, ("general",),
         "its row says so", "general knowledge", (), "any"),
    Rule("AZ-RETIRING", ("acr-*",), "warning", retiring, _RETIRES, "choose a tier of Azure Managed Redis",
         ("acr-life",), "lifecycle", "documented", (), "any"),
    Rule("AZ-RETIRED", ("acr-basic-*", "acr-standard-*", "acr-premium-*"), "blocker", retired, _GONE,
         "judge the file for Redis 6.0, which the caches run now", ("acr-retired",), "Redis 4", "documented", (), "any"),
    Rule("AZ-RETIRED-ENT", ("acr-enterprise*",), "blocker", retired, _GONE,
         "judge the file for Redis 7.2, which the caches run now", ("amr-mig-ent",), "versions", "documented", (), "any"),
    Rule("RC-RETIRING", ("redis-cloud-*",), "warning", retiring, _RETIRES, "choose a newer version",
         ("rc-versions",), "version management", "documented", (), "any"),
    Rule("AZ-AMR-72", ("amr-*-7.2",), "warning", always,
         "no page has an instance of Azure Managed Redis on 7.2 any more; they run 7.4", "judge the file for 7.4",
         ("amr-upgrade", "amr-mig-bsp", "amr-mig-ent"), "version table", "documented", (), "any"),
    Rule("AZ-SIZE-DOUBT", ("acr-*",), "warning", doubtful_size,
         "that {sku} has {size} GB is remembered of a price list which was not read anew",
         "compare it with the price list", ("acr-prices",), "memory of the SKUs", "general knowledge"),
)
# fmt: on
