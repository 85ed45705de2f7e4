"""The flags for what a snapshot cannot tell, shared by `compat` and `azure plan`.

One flag a row of `compat.circumstances.FACTS`; `--circumstances FILE` gives many at once, and flags win over
the file. A SAS may come by the name of an environment variable, so that its signature stays out of process
lists and of the shell's history.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from typing import Any, NoReturn

from rdbcodec.cli.common import now_of
from rdbcodec.compat import circumstances
from rdbcodec.compat.circumstances import FACTS, READERS, Circumstances, Fact
from rdbcodec.errors import CircumstancesError
from rdbcodec.remote import signed_uri

# `files` are the FILE arguments, `now_ms` is --now, a SAS has two flags of its own.
_TOLD_OTHERWISE = frozenset({"files", "now_ms", "sas"})
_PREFIX = "about_"  # keeps the facts apart from the other options


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of every fact."""
    group = parser.add_argument_group(
        "circumstances", "what the file cannot tell; a fact not told is unknown"
    )
    group.add_argument("--circumstances", metavar="FILE", help="a TOML or JSON file of the facts below")
    for fact in FACTS:
        if fact.name not in _TOLD_OTHERWISE:
            _add_flag(group, fact)
    group.add_argument(
        "--sas-env", action="append", metavar="NAME", help="environment variable with a SAS URI"
    )
    group.add_argument(
        "--sas", "--sas-uri", action="append", metavar="URI", help="a SAS URI; --sas-env is safer"
    )
    parser.set_defaults(usage_error=parser.error)


def circumstances_of(options: argparse.Namespace) -> Circumstances:
    """What flags and circumstances file say, flags first; a usage error when they say it wrongly."""
    try:
        known = Circumstances(now_ms=now_of(options))
        if options.circumstances is not None:
            known = known.merged(circumstances.load(options.circumstances).told())
        return known.merged({**_facts_of(options), **_told_otherwise(options)})
    except CircumstancesError as error:
        leave: Callable[[str], NoReturn] = options.usage_error
        leave(str(error))


def _facts_of(options: argparse.Namespace) -> dict[str, Any]:
    return {fact.name: _value(fact, options) for fact in FACTS if fact.name not in _TOLD_OTHERWISE}


def _value(fact: Fact, options: argparse.Namespace) -> object:
    value = getattr(options, _PREFIX + fact.name)
    try:
        return None if value is None else READERS[fact.kind](value, fact)
    except CircumstancesError as error:
        raise CircumstancesError(f"argument {_flag(fact)}: {error}") from None


def _told_otherwise(options: argparse.Namespace) -> dict[str, Any]:
    uris = [*map(_variable, options.sas_env or ()), *(options.sas or ())]
    return {
        "files": tuple(options.files) if len(options.files) > 1 else None,
        "now_ms": options.now,
        "sas": tuple(map(signed_uri.parse, uris)) or None,
    }


def _variable(name: str) -> str:
    if not name.isidentifier() or name not in os.environ:  # a URI given for a name is not repeated
        raise CircumstancesError("argument --sas-env: the environment has no variable of that name")
    return os.environ[name]


def _flag(fact: Fact) -> str:
    return "--" + fact.name.replace("_", "-")


def _add_flag(group: Any, fact: Fact) -> None:
    """`group` is an argparse group, whose class has no public name."""
    by_kind: dict[str, dict[str, Any]] = {
        "word": {"choices": fact.words},
        "flag": {"action": argparse.BooleanOptionalAction},
        "texts": {"action": "append", "metavar": "NAME"},
        "modules": {"action": "append", "metavar": "NAMES"},
        "number": {"type": int, "metavar": "N"},
        "version": {"metavar": "VERSION"},
        "date": {"metavar": "DATE"},
    }
    how = by_kind.get(fact.kind, {"metavar": "TEXT"})
    group.add_argument(_flag(fact), dest=_PREFIX + fact.name, help=fact.question, **how)
