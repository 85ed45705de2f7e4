"""Before a restore: what `compat` says of the snapshots and the server, told on stderr."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from rdbcodec.cli.common import STDIN, USAGE, Refusal
from rdbcodec.cli.connecting import connection_of
from rdbcodec.cli.profiles import profile_of_file
from rdbcodec.compat.verdict import Verdict
from rdbcodec.live.connect import Live, connect
from rdbcodec.live.restore_fit import databases_beyond, judge, memory_of, target_of
from rdbcodec.live.restore_terms import Terms
from rdbcodec.remote.urls import can_be_read_again
from rdbcodec.reports.answers import Judged
from rdbcodec.reports.compat import Wish, lines
from rdbcodec.showing import name as shown
from rdbcodec.showing import size


def fits(options: argparse.Namespace, terms: Terms) -> bool:
    """Whether a restore is to begin. What goes on was judged when it began."""
    goes_on = options.state is not None and Path(options.state).exists()
    if options.no_compat or goes_on:
        return True
    unread = [name for name in options.files if name == STDIN or not _is_read_twice(name)]
    if unread:
        print(f"{shown(unread[0])}: not judged before, as it can be read once only", file=sys.stderr)
        return True
    with connect(options.target, connection_of(options)) as live:
        return _judged(options, terms, live)


def _is_read_twice(name: str) -> bool:
    return not Path(name).exists() or can_be_read_again(name)


def _judged(options: argparse.Namespace, terms: Terms, live: Live) -> bool:
    target, memory = target_of(live), memory_of(live)
    profiles = [
        profile_of_file(name, options, memory=memory is not None, duplicates=True) for name in options.files
    ]
    if live.is_cluster and terms.selection is not None and terms.selection.is_empty:
        for name, profile in zip(options.files, profiles, strict=True):
            beyond = databases_beyond(profile, terms.map_db)
            if beyond:
                db = beyond[0]
                words = f"a cluster has database 0 only, and keys of {db} are in the file: --map-db {db}=0"
                raise Refusal(USAGE, f"{shown(name)}: {words} puts them there")
    if target is None:
        print(f"{live.url}: not judged before, as nobody knows {live.identity}", file=sys.stderr)
        return True
    verdicts = judge(profiles, live, target, memory)
    for name, profile, verdict in zip(options.files, profiles, verdicts, strict=True):
        _tell(Judged(name, profile, [verdict]), verdict, options)
    if memory is not None:
        print(f"{live.url}: {size(memory.free)} of maxmemory {size(memory.most)} are free", file=sys.stderr)
    if all(verdict.loads != "no" for verdict in verdicts) or options.force or options.dry_run:
        return True
    print("nothing was restored: with --force what can be restored is, all the same", file=sys.stderr)
    return False


def _tell(judged: Judged, verdict: Verdict, options: argparse.Namespace) -> None:
    """A line for a yes: laying out anew is what a restore does. All of it for anything else."""
    if verdict.loads in ("yes", "after-conversion"):
        print(f"{shown(judged.name)}: can be restored into {verdict.target.name}", file=sys.stderr)
        return
    for line in lines([judged], Wish(verbose=True, hide_keys=options.hide_keys), {}):
        print(line.text, file=sys.stderr)
