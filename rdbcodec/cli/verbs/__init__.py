"""The verbs: one file each, found by the folder. A new verb is a new file here, and nothing else.

    HELP = "what it does, in one line"      shown by --help
    ORDER = 10                              its place there; without one it comes last
    add_arguments(parser)                   of the command line
    run(options) -> int                     the exit code

What several verbs share stands one folder up. `--help` reads HELP and ORDER out of the files: only the
verb that is run is imported.
"""

from __future__ import annotations

import importlib
import os
import re
from typing import Any

_FOLDER = os.path.dirname(__file__)  # noqa: PTH120 - as below
_HELP = r'(?m)^HELP = "(.+)"$'
_ORDER = r"(?m)^ORDER = (\d+)$"
_LAST = 1 << 16


def known() -> dict[str, str]:
    """Each verb and what it does, in the order of --help."""
    found = []
    for name in os.listdir(_FOLDER):  # noqa: PTH208 - pathlib would be half of the time this takes
        if name.endswith(".py") and name != "__init__.py":
            with open(f"{_FOLDER}/{name}", encoding="utf-8") as file:  # noqa: PTH123 - as above
                text = file.read()
            order, help_ = re.search(_ORDER, text), re.search(_HELP, text)
            found.append((int(order[1]) if order else _LAST, name[:-3], help_[1] if help_ else ""))
    return {name: help_ for _, name, help_ in sorted(found)}


def is_known(name: str) -> bool:
    """Whether there is such a verb."""
    return name.isidentifier() and os.path.isfile(f"{_FOLDER}/{name}.py")  # noqa: PTH113 - as above


def module_of(verb: str) -> Any:
    """The module of a verb, imported."""
    return importlib.import_module(f"{__name__}.{verb}")
