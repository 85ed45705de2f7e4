"""Questions about memory: does the data fit into the target, and what would it fit into?"""

from __future__ import annotations

from collections.abc import Callable

from rdbcodec.compat.need import Need, need_of
from rdbcodec.compat.rule import Answer, Case, Found, Missing, Unknown
from rdbcodec.compat.target import Target
from rdbcodec.showing import size

_GIB = 1 << 30
_NEAR = 0.64  # of a SKU's size: four fifths of the four fifths that may be used; our choice
_COUNT_IT = "rdbcodec compat {file} counts what its values need when it is given the file and no --fast"


def sku_of(case: Case) -> str | None:
    """The short name of the SKU: B10 of `Balanced_B10`."""
    told: str | None = case.told("sku")
    return None if told is None else told.rpartition("_")[2].partition("-")[0].upper()


def sku_bytes(case: Case) -> float | None:
    """The memory of the SKU; None when it was not told or is none of the target's."""
    gib = (case.target.sizes or {}).get(sku_of(case) or "")
    return None if gib is None else gib * _GIB


def too_big_for_sku(case: Case) -> Answer:
    """More data than the SKU leaves room for, all files of the import together."""
    if case.told("sku") is None:
        return Missing(("sku",))
    room = sku_bytes(case)
    if room is None:
        return _other_sku(case)
    usable, need = room * case.target.usable, need_of(case)
    fits = need.fits(usable)
    if fits is None:
        says = f"{_data(case)} needs {need.words}, and {sku_of(case)} leaves {size(int(usable))} for it"
        return Unknown(
            says, remedy=f"choose {_fitting(case.target, need)}" if case.profile.memory else _COUNT_IT
        )
    if fits:
        return None
    values = {"data": _data(case), "used": need.words, "usable": size(int(usable)), "sku": sku_of(case)}
    return Found({**values, "a larger SKU": _fitting(case.target, need)})


def _data(case: Case) -> str:
    files = len(case.others) + 1
    return "the data" if files == 1 else f"the data of all {files} files"


def _fitting(target: Target, need: Need) -> str:
    """The smallest SKU that the data certainly fits into."""
    room = ((gib, name) for name, gib in (target.sizes or {}).items())
    fitting = [name for gib, name in sorted(room) if need.fits(gib * _GIB * target.usable)]
    if fitting:
        return f"{fitting[0]}, the smallest SKU of this tier that has room"
    return "another tier, or several caches: no SKU of this tier has room"


def _other_sku(case: Case) -> Answer:
    """A SKU of which nobody says how large it is."""
    if case.target.id.startswith("amr-") and case.told("as_of") is None:
        return None  # AZ-SKU says what is wrong with it; on some days nobody knew the SKUs
    known = ", ".join(case.target.sizes or ())
    return Unknown(
        f"how much memory {case.told('sku')} has in {case.target.name} is not known",
        remedy=f"name one of its SKUs: {known}" if known else None,
    )


def nearly_too_big(case: Case) -> Answer:
    """Data that fills most of what the SKU leaves."""
    room, need = sku_bytes(case), need_of(case)
    if room is None or not need.fits(room * case.target.usable) or need.at_most <= room * _NEAR:
        return None
    usable = size(int(room * case.target.usable))
    return Found({"data": _data(case), "used": need.words, "usable": usable, "sku": sku_of(case)})


def too_big_for_node(case: Case) -> Answer:
    """More data than a node of the target has memory; asks how much that is."""
    has, need = case.told("memory_bytes"), need_of(case)
    if has is None:
        return Missing(("memory_bytes",))
    if need.fits(has) is None:
        says = f"{_data(case)} needs {need.words}, and a node has {size(has)}"
        return Unknown(says, remedy=None if case.profile.memory else _COUNT_IT)
    return too_big_for_server(case)


def too_big_for_server(case: Case) -> Answer:
    """Data that may be more than a server has memory for, which nobody is asked for."""
    has, need = case.told("memory_bytes"), need_of(case)
    if has is None or need.fits(has):
        return None
    return Found({"data": _data(case), "used": need.words, "has": size(has)})


def beyond_share(share: float) -> Callable[[Case], Answer]:
    """The question for data that fits into a node, and not into the share of it that is for data."""

    def question(case: Case) -> Answer:
        has, need = case.told("memory_bytes"), need_of(case)
        if has is None or not need.fits(has) or need.at_most <= has * share:
            return None
        return Found({"data": _data(case), "used": need.words, "left": size(int(has * share))})

    return question
