"""What a restore did, in words and as JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from textwrap import wrap
from typing import Any

from rdbcodec.live.restore_done import Failure, Restored
from rdbcodec.losses import Loss
from rdbcodec.reports.words import functions_left_out, json_key, plural
from rdbcodec.showing import Hiding, key_words

WIDTH = 80  # columns


def lines(done: Restored, *, hide_keys: Hiding = False) -> Iterator[str]:
    """The account of a restore, or of what one would do."""
    verb = "would be restored" if done.is_dry else "restored"
    yield f"{done.place}: {plural(done.keys, 'key')} {verb}, {done.server}"
    if done.keys:
        yield f"  {', '.join(_types(done))}"
    for why, times in done.reasons.items():
        yield f"  by commands: {plural(times, 'key')}, because {why}"
    if done.there:
        yield f"  {plural(done.there, 'key')} of these had come before an interruption"
    for count, words in (
        (done.skipped, "in the server already, which stay as they are there"),
        (done.expired, "with no time left, not restored: --keep-expired restores them"),
        (done.filtered, "not chosen"),
        (done.left_out, "the server cannot have: see what is lost"),
    ):
        if count:
            yield f"  {plural(count, 'key')} {words}"
    if done.functions:
        yield f"  {_libraries(done.functions)}"
    if done.functions_filtered:
        yield f"  {functions_left_out(done.functions_filtered)}"
    if done.functions_skipped:
        yield f"  {_libraries(done.functions_skipped)} of the server stay as they are there"
    for title, told in (("lost", done.losses), ("hints left out", done.hints)):
        for loss in told:
            yield from _lost(title, loss.text(hide_keys=hide_keys))
    yield from _failed(done, hide_keys)


def _lost(title: str, text: str) -> Iterator[str]:
    """A loss in one line if it fits; else the place of the first has a line of its own."""
    line = f"  {title}: {text}"
    if len(line) <= WIDTH:
        yield line
        return
    what, _, first = line.partition("; first")
    yield from wrap(what.strip(), WIDTH, initial_indent="  ", subsequent_indent="    ")
    yield f"    first{first}"


def _types(done: Restored) -> Iterator[str]:
    types: Counter[str] = Counter()
    for (type_, _), times in done.made.items():
        types[type_] += times
    for type_, times in types.most_common():
        yield f"{type_} {times:,}"


def _libraries(count: int) -> str:
    return "1 function library" if count == 1 else f"{count:,} function libraries"


def _failed(done: Restored, hide_keys: Hiding) -> Iterator[str]:
    if not done.failed:
        return
    yield f"  failed: {plural(done.failed, 'key')}"
    for one in done.failures:
        words = key_words(one.key, hide_keys)
        key = "a key" if words is None else words
        yield f"    {key} in db {one.db}, {one.type} at offset {one.offset}: {one.answer}"
    if done.failed > len(done.failures):
        yield f"    and {done.failed - len(done.failures):,} more: --failures FILE has all of them"


def as_json(done: Restored, *, hide_keys: Hiding = False) -> dict[str, Any]:
    """The same for programs."""
    made: dict[str, dict[str, int]] = {}
    for (type_, way), times in done.made.items():
        made.setdefault(type_, {})[way] = times
    return {
        "server": done.place,
        "product": done.server,
        "dry_run": done.is_dry,
        "resumed": done.is_resumed,
        "keys": done.keys,
        "made": made,
        "by_commands": dict(done.reasons),
        "there_before": done.there,
        "skipped": done.skipped,
        "expired": done.expired,
        "not_chosen": done.filtered,
        "left_out": done.left_out,
        "functions": done.functions,
        "functions_not_chosen": done.functions_filtered,
        "functions_skipped": done.functions_skipped,
        "failed": done.failed,
        "failures": [_failure(one, hide_keys) for one in done.failures],
        "losses": [_loss(loss, hide_keys) for loss in done.losses],
        "hints": [_loss(loss, hide_keys) for loss in done.hints],
    }


def _failure(failure: Failure, hide_keys: Hiding) -> dict[str, Any]:
    return failure.as_json(lambda key: json_key(key, hide_keys))


def _loss(loss: Loss, hide_keys: Hiding) -> dict[str, Any]:
    first: dict[str, Any] = {"offset": loss.offset}
    if loss.key is not None:
        first |= {"db": loss.db, "key": json_key(loss.key, hide_keys)}
    return {"kind": loss.kind, "times": loss.times, "says": loss.says, "first": first}
