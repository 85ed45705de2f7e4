"""`rdbcodec azure plan|run [FILE...] --target T`: the way of snapshots into an Azure cache, or out of one.

The exit code is that of `compat`: 0 yes, 1 no (and no steps), 10 yes after the steps named, 11 nobody knows.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Mapping
from typing import NoReturn

from rdbcodec import compat
from rdbcodec.cli import azure_running, circumstances
from rdbcodec.cli.common import (
    STDIN,
    add_source_arguments,
    add_tail_argument,
    print_json,
    print_lines,
)
from rdbcodec.cli.profiles import profile_of_file, room_is_told
from rdbcodec.compat.azure.case import Names
from rdbcodec.compat.azure.plan import Plan, plan
from rdbcodec.compat.verdict import Loads
from rdbcodec.errors import TargetError
from rdbcodec.facts.profile import Profile
from rdbcodec.reports import azure, azure_script
from rdbcodec.reports.answers import CODES

HELP = "print the steps that bring snapshots into an Azure cache, or out of one"
ORDER = 120

# As `compat` has them.
_CODES: Mapping[Loads, int] = {
    "yes": CODES["yes"],
    "no": CODES["no"],
    "after-conversion": CODES["after"],
    "unknown": CODES["unknown"],
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The two actions there are, and their arguments."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    planning = actions.add_parser("plan", help=HELP, description=HELP)
    _add_plan_arguments(planning, "print the steps although the answer is NO; nothing is written over")
    planning.add_argument(
        "--format",
        choices=("text", "json", "sh"),
        default="text",
        help="text, JSON, or a script for bash (default: text)",
    )
    planning.add_argument(
        "--sources", action="store_true", help="say where each command and sentence is from"
    )
    running = actions.add_parser("run", help=azure_running.HELP, description=azure_running.HELP)
    _add_plan_arguments(running, "go on although the answer is NO or UNKNOWN")
    azure_running.add_arguments(running)


def _add_plan_arguments(parser: argparse.ArgumentParser, force: str) -> None:
    parser.add_argument(
        "files", nargs="*", metavar="FILE", help="snapshots, all of one import; none for an export"
    )
    parser.add_argument(
        "--target", metavar="T", help="the cache, such as amr-balanced-7.4 (needed; left out, all are named)"
    )
    parser.add_argument("--even-if-no", "--force", dest="even_if_no", action="store_true", help=force)
    parser.add_argument("--resource-group", metavar="NAME", help="of the cache")
    parser.add_argument("--database-name", metavar="NAME", help="of Azure Managed Redis and Enterprise")
    parser.add_argument("--storage-account", metavar="NAME", help="where the blobs will lie")
    parser.add_argument("--container", metavar="NAME", help="where in it")
    parser.add_argument("--blob-prefix", metavar="TEXT", default="", help="what each blob's name begins with")
    add_source_arguments(parser)
    add_tail_argument(parser)
    circumstances.add_arguments(parser)


def run(options: argparse.Namespace) -> int:
    """Print the plan, or do it; neither when a file cannot be read to its end."""
    target = _target(options)
    told = circumstances.circumstances_of(options)
    names = _names(options)
    if options.action == "run":
        told, names = azure_running.settled(options, told, names)
    _check_files(options, told)
    profiles = {name: _profile(name, options, told) for name in options.files}
    found = plan(profiles, target, told, names, although=options.even_if_no, tails=options.ignore_tail)
    options.answer = _CODES[found.loads]
    if options.action == "run":
        return azure_running.run(found, options)
    if options.format == "json":
        print_json(azure.as_json(found))
    else:
        print_lines(_lines(found, options))
    return _CODES[found.loads]


def _lines(found: Plan, options: argparse.Namespace) -> Iterator[str]:
    if options.format == "sh":
        return azure_script.script(found)
    return azure.lines(found, with_sources=options.sources, hide_keys=options.hide_keys)


def _target(options: argparse.Namespace) -> compat.Target:
    if options.target is None:
        _leave(options, f"--target is needed: {_all_targets()}")
    try:
        target = compat.find(options.target)
    except TargetError as error:
        _leave(options, str(error))
    if target.family != "azure":
        _leave(options, f"--target {target.id} is none of Azure's: {_all_targets()}")
    return target


def _all_targets() -> str:
    """Azure's targets by the names of their kinds, each of which is that of its newest version."""
    kinds = {id.rpartition("-")[0]: None for id, row in compat.targets().items() if row.family == "azure"}
    return f"one of {', '.join(kinds)}, or one with a version (compat --list-targets)"


def _check_files(options: argparse.Namespace, told: compat.Circumstances) -> None:
    if STDIN in options.files:
        _leave(options, "a plan needs the names of files, stdin has none")
    if told.operation == "export" and options.files:
        _leave(options, "an export takes no FILE: it makes them")
    if told.operation != "export" and not options.files:
        _leave(options, "a FILE is needed, or --operation export")


def _leave(options: argparse.Namespace, message: str) -> NoReturn:
    leave: Callable[[str], NoReturn] = options.usage_error
    leave(message)


def _profile(name: str, options: argparse.Namespace, told: compat.Circumstances) -> Profile:
    options.current = name
    return profile_of_file(name, options, memory=room_is_told(told))


def _names(options: argparse.Namespace) -> Names:
    return Names(
        resource_group=options.resource_group,
        database=options.database_name,
        storage_account=options.storage_account,
        container=options.container,
        blob_prefix=options.blob_prefix,
        sas_variables=tuple(options.sas_env or ()),
    )
