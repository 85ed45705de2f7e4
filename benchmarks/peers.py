"""The other tools: who does what, how each is run, and what each verifies and loses.

What is said of them is what they did with snapshots of 20 servers and with damaged copies of them. No package
registry of ours has librdb and HDT3213/rdb: what is said of them is what builds of their public sources did.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from typing import NamedTuple

from measuring import Run, Tool, in_process, whole_process


class Peer(NamedTuple):
    """What a tool reads, and what it does with that."""

    name: str
    is_in: str
    verifies: str
    loses: str


PEERS = (
    Peer(
        "redis-check-rdb of Redis 7.0",
        "C",
        "framing and checksum",
        "writes nothing; files of newer servers are refused",
    ),
    Peer(
        "rdb-py 0.4.0",
        "Rust",
        "framing; of 3,000 files with a flipped bit it read 2,753 as good",
        "streams, module values, functions, LRU, LFU and field TTLs; refuses files of Valkey 9, Redis 8.10",
    ),
    Peer(
        "librdb (parser of 2025)",
        "C",
        "framing, structures and checksum; of 1,707 files with a flipped bit it reported 1,705",
        "not looked at, but that keys and values of plain types are all there",
    ),
    Peer(
        "HDT3213/rdb (2025)",
        "Go",
        "framing; no checksum, and the exit code is 0 on errors",
        "files of Redis 8.8 and later, and those with modules, are refused",
    ),
    Peer(
        "redis-rdb-tools 0.1.15",
        "Python",
        "framing; a file with a wrong checksum is read as good",
        "files of Redis 7.0 and later and of Valkey 9 are refused",
    ),
    Peer(
        "rdbcodec",
        "Python",
        "framing, checksum, duplicates; check, convert and compat also every value",
        "counts and names what an output cannot hold",
    ),
)


def peers(options: dict[str, str | None]) -> Iterator[Tool]:
    """Those that are here: programs on the PATH, or as the options name them."""
    if server := options["server"]:
        yield Tool("inspect", "redis-check-rdb", whole_process(["redis-check-rdb"], executable=server))
    if hdt := options["hdt"]:
        yield Tool("inspect", "HDT memory", whole_process([hdt, "-c", "memory", "-o", "/dev/null"]))
        yield Tool("dump to JSON", "HDT json", whole_process([hdt, "-c", "json", "-o", "/dev/null"]))
    if python := options["rdb_py"]:
        yield Tool("values", "rdb-py", in_process(python, "rdb-py"))
    if tools := options["rdb_tools"]:
        yield Tool("dump to JSON", "redis-rdb-tools", whole_process([tools, "--command", "json"]))
    if librdb := options["librdb"] or shutil.which("rdb-cli"):
        yield Tool("dump to JSON", "librdb json", _librdb(librdb, "json"))
        yield Tool("dump as commands", "librdb resp", _librdb(librdb, "resp"))


def _librdb(program: str, form: str) -> Run:
    """Its file comes before its command."""
    return whole_process(["sh", "-c", f'"{program}" "$0" {form}'])


def table() -> Iterator[str]:
    """What each verifies and loses, as Markdown."""
    yield "| tool | in | verifies | loses |"
    yield "|---|---|---|---|"
    for peer in PEERS:
        yield f"| {' | '.join(peer)} |"
