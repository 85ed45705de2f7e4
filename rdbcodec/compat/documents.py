"""JSON and TOML files that a user wrote: parsed with file and line in every error.

Parsers of Python go as deep as a document says and turn as many digits into a number as there are: the
first ends in a RecursionError, the second in a ValueError that names a setting of the interpreter. So a
document is looked through before it is parsed, and what nobody writes by hand is refused by name.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

from rdbcodec.errors import RdbError

MAX_DEPTH = 100  # brackets inside brackets; ours nest four deep, and Python's parsers end near 1000
MAX_NUMBER = 80  # characters of a number: one of 64 bits takes 66 in binary, the longest form

ErrorClass = type[RdbError]

# Strings and comments, in which brackets and digits mean nothing; brackets; the start of a long number.
_WORDS = re.compile(
    r'"""(?:[^"\\]|\\.|"(?!""))*"""' + r"|'''.*?'''" + r'|"(?:[^"\\\n]|\\.)*"' + r"|'[^'\n]*'" + r"|#[^\n]*"
    rf"|[\[\]{{}}]|(?<![\w.])[+-]?\d\w{{{MAX_NUMBER},}}",
    re.DOTALL,
)


def read_text(path: str | os.PathLike[str], error_class: ErrorClass) -> str:
    """The text of a file. Raises OSError when it cannot be read, `error_class` when it is not UTF-8."""
    try:
        return Path(path).read_bytes().decode("utf-8")
    except UnicodeDecodeError as error:
        raise error_class(f"{os.fspath(path)}: offset {error.start}: not UTF-8") from None


def parse_json(
    name: str,
    text: str,
    error_class: ErrorClass,
    *,
    pairs_hook: Callable[[list[tuple[str, Any]]], Any] | None = None,
) -> Any:
    """What a JSON document holds. Raises `error_class`, which names file and line."""
    _check_shape(name, text, error_class)
    try:
        return json.loads(text, object_pairs_hook=pairs_hook)
    except json.JSONDecodeError as error:
        # The error holds the whole document, a SAS in it too: it must not travel on as a cause.
        raise error_class(f"{name}: line {error.lineno}: no JSON: {error.msg}") from None


def parse_toml(name: str, text: str, error_class: ErrorClass) -> dict[str, Any]:
    """What a TOML document holds. Raises `error_class`, which names file and line."""
    _check_shape(name, text, error_class)
    toml = _toml_reader(name, error_class)
    try:
        table: dict[str, Any] = toml.loads(text)
    except ValueError as error:  # TOMLDecodeError of whichever package it is
        what, _, place = str(error).partition(" (at ")
        line = re.match(r"line (\d+)", place)
        number = int(line[1]) if line else text.count("\n") + 1
        raise error_class(f"{name}: line {number}: no TOML: {what}") from None
    return table


def _toml_reader(name: str, error_class: ErrorClass) -> Any:
    for module in ("tomllib", "tomli"):  # the first is in Python since 3.11
        try:
            return import_module(module)
        except ImportError:
            continue
    raise error_class(f"{name}: TOML needs Python 3.11 or the package tomli; JSON needs neither")


def _check_shape(name: str, text: str, error_class: ErrorClass) -> None:
    depth = 0
    for match in _WORDS.finditer(text):
        word = match[0]
        if word in "[{":
            depth += 1
        elif word in "]}":
            depth -= 1
        elif word[0] in "+-0123456789":
            what = f"a number has {len(word)} characters, expected at most {MAX_NUMBER}"
            raise error_class(f"{name}: line {_line(text, match)}: {what}")
        if depth > MAX_DEPTH:
            what = f"brackets stand more than {MAX_DEPTH} deep in one another"
            raise error_class(f"{name}: line {_line(text, match)}: {what}")


def _line(text: str, match: re.Match[str]) -> int:
    return text.count("\n", 0, match.start()) + 1
