"""What was fetched of a server, in words and as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rdbcodec.live.fetch import Fetched
from rdbcodec.reports.words import plural, size


def lines(done: Fetched) -> Iterator[str]:
    """A line a file, and what the method promises."""
    for name, keys in done.files.items():
        yield f"{name}: {plural(keys, 'key')}"
    whole = f"{plural(done.keys, 'key')}, " if len(done.files) > 1 else ""
    if done.method == "replication":
        moment = "each node's data of one moment" if done.identity.is_cluster else "all data of one moment"
        yield f"{done.url}: {whole}{done.identity}, by replication: {moment}, {size(done.bytes)}"
        return
    why = f" because {done.reason}" if done.reason else ""
    yield f"{done.url}: {whole}{done.identity}, key by key (SCAN){why}"
    yield "  no single moment in time: keys that were there all the time are in it, and keys that"
    yield "  changed meanwhile have one of their values"
    found = done.scanned
    if found is not None and found.vanished:
        yield f"  {plural(found.vanished, 'key')} went before their turn came"
    for lack in found.lacks if found is not None else ():
        yield f"  not in it: {lack}"


def as_json(done: Fetched) -> dict[str, Any]:
    """The same for programs."""
    found = done.scanned
    return {
        "url": done.url,
        "product": done.identity.product,
        "version": done.identity.version,
        "cluster": done.identity.is_cluster,
        "managed": done.identity.managed,
        "method": done.method,
        "reason": done.reason,
        "keys": done.keys,
        "bytes": done.bytes,
        "files": [{"output": name, "keys": keys} for name, keys in done.files.items()],
        "vanished": None if found is None else found.vanished,
        "not_in_it": [] if found is None else found.lacks,
    }
