"""Questions about what was ordered: the SKU, its policies, its neighbours in a geo-replicated group."""

from __future__ import annotations

from rdbcodec.compat.questions.data import product_of
from rdbcodec.compat.questions.memory import sku_bytes, sku_of
from rdbcodec.compat.rule import Answer, Case, Found, Missing, Unknown, missing
from rdbcodec.compat.target import Target, targets
from rdbcodec.facts.memory.kinds import KEY, STRING
from rdbcodec.facts.profile import Profile
from rdbcodec.showing import size

_FLASH_RAM = 0.2  # of a Flash SKU's size; the rest is on NVMe
_KEY = 16  # bytes of a key below which no server has it: two pointers
_WITHOUT_GEO = ("B0", "B1")
_WITH_GEO = frozenset({"RediSearch", "RedisJSON"})


def sku_of_another(case: Case) -> Answer:
    """A SKU that the tier does not have."""
    sku, tier = sku_of(case), case.target.tier
    if sku is None or sku in (case.target.sizes or {}):
        return None
    owner = _owner_of(sku, case.target)
    says = (
        f"{sku} is a SKU of {owner}, and the target is {tier}"
        if owner
        else f"there is no SKU {sku} of {tier}"
    )
    return Unknown(says, remedy=f"name one of its SKUs: {', '.join(case.target.sizes or ())}")


def _owner_of(sku: str, target: Target) -> str | None:
    """The tier that has the SKU, with its service when that is another."""
    rows = [row for row in targets().values() if row.family == target.family and sku in (row.sizes or {})]
    if not rows:
        return None
    tier, product = rows[-1].tier or "", rows[-1].product
    return tier if product == target.product else f"{product}, {tier}"


def search_policy(case: Case) -> Answer:
    """RediSearch data, and policies of which it needs certain ones."""
    modules = case.profile.modules.values()
    if not any(product_of(module) == "RediSearch" for module in modules if module.keys or module.full_aux):
        return None
    policy, eviction = case.told("clustering_policy"), case.told("eviction_policy")
    if policy not in (None, "enterprise"):
        return Found({"what": f"the {policy} clustering policy"})
    if eviction is not None and eviction.lower() != "noeviction":
        return Found({"what": f"the eviction policy {eviction}"})
    return missing(case, "clustering_policy", "eviction_policy")


# --- Flash ------------------------------------------------------------------------------------------


def keys_beyond_ram(case: Case) -> Answer:
    """More bytes of keys than a Flash SKU has RAM, where all keys have to be."""
    room = sku_bytes(case)
    ram = None if room is None else int(room * _FLASH_RAM)
    need = sum(map(_key_bytes, (case.profile, *case.others)))
    if ram is None or need <= ram:
        return None
    return Found({"need": size(need), "ram": size(ram), "sku": sku_of(case)})


def _key_bytes(profile: Profile) -> int:
    """Bytes of memory below which no server holds the keys, without their values."""
    shapes = {} if profile.memory is None else profile.memory.shapes
    names = sum(times * shape[1] for shape, times in shapes.items() if shape[0] in (KEY, STRING))
    return names + _KEY * profile.keys


# --- geo-replication --------------------------------------------------------------------------------


def geo_replicated(case: Case) -> Answer:
    """The cache is one of a group that replicates; nobody is asked, for most are not."""
    return Found() if case.told("active_active") else None


def geo_sku(case: Case) -> Answer:
    """A group of the smallest SKUs, which have none."""
    if not case.told("active_active"):
        return None
    if case.told("sku") is None:
        return Missing(("sku",))
    return Found({"sku": sku_of(case)}) if sku_of(case) in _WITHOUT_GEO else None


def geo_modules(case: Case) -> Answer:
    """Data of modules that a group cannot have."""
    if not case.told("active_active"):
        return None
    modules = [module for module in case.profile.modules.values() if module.keys or module.full_aux]
    bad = [module for module in modules if product_of(module) not in _WITH_GEO]
    words = ", ".join(sorted({product_of(module) for module in bad}))
    return Found({"modules": words}, bad[0].first) if bad else None
