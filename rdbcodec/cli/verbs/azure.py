"""`rdbcodec azure plan FILE... --target T`: the steps of an import into an Azure cache."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import NoReturn

from rdbcodec import compat
from rdbcodec.cli import circumstances
from rdbcodec.cli.common import (
    NEGATIVE,
    OK,
    STDIN,
    add_reading_arguments,
    now_of,
    open_file,
    print_json,
    print_lines,
    progress_of,
)
from rdbcodec.compat.azure.case import Names
from rdbcodec.compat.azure.plan import plan
from rdbcodec.errors import TargetError
from rdbcodec.facts.profile import Profile, profile
from rdbcodec.limits import COUNTED_VALUE
from rdbcodec.reports import azure

HELP = "print the steps that bring snapshots into an Azure cache"
ORDER = 120


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The one action there is, and its arguments."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    planning = actions.add_parser("plan", help=parser.description, description=parser.description)
    add_reading_arguments(planning)
    planning.add_argument("--target", required=True, metavar="T", help="such as amr-balanced-7.4")
    planning.add_argument("--resource-group", metavar="NAME", help="of the cache")
    planning.add_argument("--database-name", metavar="NAME", help="of Azure Managed Redis and Enterprise")
    planning.add_argument("--storage-account", metavar="NAME", help="where the blobs will lie")
    planning.add_argument("--container", metavar="NAME", help="where in it")
    planning.add_argument("--blob-prefix", metavar="TEXT", default="", help="put before each blob's name")
    circumstances.add_arguments(planning)


def run(options: argparse.Namespace) -> int:
    """Print the plan; nothing when a file cannot be read to its end."""
    target = _target(options)
    told = circumstances.circumstances_of(options)
    if told.operation == "export":
        _leave(options, "a plan is for an import, the circumstances say export")
    profiles = {name: _profile(name, options) for name in options.files}
    found = plan(profiles, target, told, _names(options))
    if options.format == "json":
        print_json(azure.as_json(found))
    else:
        print_lines(azure.lines(found))
    return OK if found.is_possible else NEGATIVE


def _target(options: argparse.Namespace) -> compat.Target:
    if STDIN in options.files:
        _leave(options, "a plan needs the names of files, stdin has none")
    try:
        target = compat.find(options.target)
    except TargetError as error:
        _leave(options, str(error))
    if target.family != "azure":
        _leave(options, f"argument --target: {target.name} is none of Azure's")
    return target


def _leave(options: argparse.Namespace, message: str) -> NoReturn:
    leave: Callable[[str], NoReturn] = options.usage_error
    leave(message)


def _profile(name: str, options: argparse.Namespace) -> Profile:
    options.current = name
    with (
        open_file(name, options, max_value=COUNTED_VALUE) as reader,
        progress_of(name, reader, options) as tick,
    ):
        return profile(reader, now_ms=now_of(options), progress=tick)


def _names(options: argparse.Namespace) -> Names:
    return Names(
        resource_group=options.resource_group,
        database=options.database_name,
        storage_account=options.storage_account,
        container=options.container,
        blob_prefix=options.blob_prefix,
        sas_variables=tuple(options.sas_env or ()),
    )
