"""What a masked snapshot has kept, what was replaced in it, and what is not in it, in words and as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rdbcodec.named_tuples import NamedTuple
from rdbcodec.reports.words import plural
from rdbcodec.showing import Hiding
from rdbcodec.tools.mask import Masked


class Asked(NamedTuple):
    """What was to be replaced; `seed` says whether the same can be made again."""

    keys: bool
    keep_prefix: int
    any_slot: bool
    keep_fields: bool
    seed: bool


def lines(name: str, output: str, found: Masked, asked: Asked, *, hide_keys: Hiding = False) -> Iterator[str]:
    """The report, a line at a time."""
    yield f"{output}: {plural(found.keys, 'key')} of {name}, with other content"
    for title, told in (
        ("replaced", _replaced(asked)),
        ("kept", _kept(found, asked)),
        ("left out", _left_out(found, hide_keys)),
        ("note", _notes(found, asked)),
    ):
        for at, words in enumerate(told):
            yield f"  {'' if at else title:<9} {words}"


def _replaced(asked: Asked) -> Iterator[str]:
    yield "texts, integers and scores, by others of the same length and form"
    if not asked.keep_fields:
        yield "the names of fields, groups and consumers"
    if asked.keys:
        yield "keys" if asked.any_slot else "keys, by others in the same cluster slot"


def _kept(found: Masked, asked: Asked) -> Iterator[str]:
    yield "types, layouts, sizes, counts, expiries, times, IDs of streams"
    yield "punctuation in texts, which scores are greater, their decimals"
    if not asked.keys:
        yield "keys (--keys replaces them too)"
    elif asked.keep_prefix:
        yield f"keys up to their colon number {asked.keep_prefix}"
    if asked.keep_fields:
        yield "the names of fields"
    if found.functions:
        yield f"{_libraries(found.functions)}, as they are"
    if found.same_name:
        yield f"{plural(found.same_name, 'key')} for which there is no other name in the slot"


def _left_out(found: Masked, hide_keys: Hiding) -> Iterator[str]:
    if found.functions_left_out:
        yield f"{_libraries(found.functions_left_out)}: filters choose keys, --functions keeps functions too"
    for loss in found.losses:
        yield loss.text(hide_keys=hide_keys)
    if found.remarks:
        yield f"{plural(found.remarks, 'remark')} of the writer that may name machines"


def _notes(found: Masked, asked: Asked) -> Iterator[str]:
    if found.resized:
        of = f"{found.resized:,} of {plural(found.compressed, 'compressed string')}"
        verb = "takes" if found.resized == 1 else "take"
        yield f"{of} {verb} another room on disk; in memory all is as before"
    if not asked.seed:
        yield "made with a secret that nobody has any more: another run makes another file"


def _libraries(count: int) -> str:
    return "1 function library" if count == 1 else f"{count:,} function libraries"


def as_json(
    name: str, output: str, found: Masked, asked: Asked, *, hide_keys: Hiding = False
) -> dict[str, Any]:
    """The same for programs."""
    return {
        "file": name,
        "output": output,
        "keys": found.keys,
        "keys_replaced": asked.keys,
        "keys_of_the_same_name": found.same_name,
        "fields_replaced": not asked.keep_fields,
        "functions_kept": found.functions,
        "dropped": found.dropped,
        "losses": [
            {"kind": loss.kind, "times": loss.times, "text": loss.text(hide_keys=hide_keys)}
            for loss in found.losses
        ],
        "functions_left_out": found.functions_left_out,
        "remarks_left_out": found.remarks,
        "compressed_strings": found.compressed,
        "resized_strings": found.resized,
        "repeatable": asked.seed,
    }
