"""The parts of a snapshot, and several that became one, in words and as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rdbcodec.reports.slots import slot_words
from rdbcodec.reports.words import functions_left_out, plural, size
from rdbcodec.tools.merge import Merge
from rdbcodec.tools.split import Split

_SHOWN = 50  # parts that the text names; JSON has all


def lines(name: str, done: Split) -> Iterator[str]:
    """A line a part, and what they are together."""
    shown = done.parts[:_SHOWN]
    width = max((len(part.path) for part in shown), default=0)
    for part in shown:
        yield f"{part.path:<{width}}  {plural(part.count, 'key'):>14}  {size(part.size):>10}"
    if len(done.parts) > _SHOWN:
        yield f"... and {plural(len(done.parts) - _SHOWN, 'more part')}"
    functions = f", {_libraries(done.functions)} in each" if done.functions else ""
    yield f"{name}: {plural(done.keys, 'key')} in {plural(len(done.parts), 'part')}{functions}"
    if done.functions_left_out:
        yield f"  {functions_left_out(done.functions_left_out)}"


def _libraries(count: int) -> str:
    return "1 function library" if count == 1 else f"{count:,} function libraries"


def as_json(name: str, done: Split) -> dict[str, Any]:
    """The same for programs."""
    return {
        "file": name,
        "keys": done.keys,
        "functions": done.functions,
        "functions_left_out": done.functions_left_out,
        "parts": [
            {
                "part": part.label,
                "output": part.path,
                "keys": part.count,
                "databases": {str(db): keys for db, keys in sorted(part.keys.items())},
                "size": part.size,
            }
            for part in done.parts
        ],
    }


def merge_lines(output: str, done: Merge, on_conflict: str) -> Iterator[str]:
    """What became one, and whether slots are missing or twice."""
    yield f"{output}: {plural(done.keys, 'key')} of {plural(len(done.files), 'file')}"
    if done.conflicts:
        were = "was" if done.conflicts == 1 else "were"
        yield f"  {plural(done.conflicts, 'key')} {were} there before: {on_conflict} stays"
    if done.functions:
        yield f"  {_libraries(done.functions)}, each once"
    for name, loss in done.left_out.items():
        yield f"  left out: {name} ({loss:,})"
    yield f"  slots: {_slot_words(done)}"


def _slot_words(done: Merge) -> str:
    words = f"{len(done.slots):,} of 16,384 have keys"
    twice = (
        f"{slot_words(done.slots_twice)} in more than one file" if done.slots_twice else "none in two files"
    )
    missing = done.slots_missing
    return f"{words}, {twice}" + (f"; none of slots {slot_words(missing)}" if missing else "")


def merge_as_json(output: str, done: Merge) -> dict[str, Any]:
    """The same for programs."""
    return {
        "output": output,
        "files": [{"file": name, "keys": keys} for name, keys in done.files],
        "keys": done.keys,
        "conflicts": done.conflicts,
        "functions": done.functions,
        "left_out": dict(done.left_out),
        "slots": len(done.slots),
        "slots_twice": done.slots_twice,
        "slots_missing": done.slots_missing,
    }
