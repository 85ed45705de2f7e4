"""The types and their layouts, found in the files of this folder.

Each file (or folder) of a type declares LAYOUTS, by the names of its rows, and TYPES: see layout.py. A file
is loaded when something is asked for that may stand in it; those named like the type are asked first, so
that who reads hashes loads hashes.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING

from rdbcodec.errors import EncodeError
from rdbcodec.folders import likely_first
from rdbcodec.formats import TypeRow

if TYPE_CHECKING:
    from rdbcodec.datatypes.layout import DataType, Layout

_FOLDER, _PACKAGE = os.path.dirname(__file__), __name__.rpartition(".")[0]  # noqa: PTH120 - pathlib is slow to load


def layout_of(row: TypeRow) -> Layout:
    """The functions for a row; every row of the table has them (a test holds this)."""
    return _layout_named(row.name, row.type)


@cache
def _layout_named(name: str, type_: str) -> Layout:
    return next(layouts[name] for layouts in map(_layouts_in, _files_for(type_)) if name in layouts)


@cache
def type_named(name: str) -> DataType:
    """What is true of all values of a Redis type, by the word for it in the table."""
    return next(kind for file in _files_for(name) for kind in _types_in(file) if kind.name == name)


@cache
def types() -> dict[str, DataType]:
    """All of them, by name."""
    return {kind.name: kind for file in _files() for kind in _types_in(file)}


def type_of(value: object) -> DataType:
    """The type that a Python value is written as; raises EncodeError when it is none."""
    by_class = _types_by_class()
    found = by_class.get(type(value))
    if found is None:
        found = next((by_class[base] for base in type(value).__mro__ if base in by_class), None)
    if found is not None:
        return found
    if isinstance(value, float):
        raise EncodeError("a float has no one text: give the bytes it shall be", value=value)
    raise EncodeError(f"no Redis type for a {type(value).__name__}", value=value)


@cache
def _types_by_class() -> dict[type, DataType]:
    return {base: kind for kind in types().values() for base in kind.classes}


def _layouts_in(file: str) -> dict[str, Layout]:
    layouts: dict[str, Layout] = getattr(import_module(file), "LAYOUTS", {})
    return layouts


def _types_in(file: str) -> tuple[DataType, ...]:
    kinds: tuple[DataType, ...] = getattr(import_module(file), "TYPES", ())
    return kinds


def _files_for(type_: str) -> list[str]:
    """The modules to look in, those named like the type first."""
    return likely_first(_files(), f"{_PACKAGE}.{type_}")


@cache
def _files() -> tuple[str, ...]:
    return tuple(_modules_in(_FOLDER, _PACKAGE))


def _modules_in(folder: str, package: str) -> Iterator[str]:
    for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
        stem, ending = os.path.splitext(entry.name)  # noqa: PTH122 - see above
        if ending == ".py" and stem != "__init__":
            yield f"{package}.{stem}"
        elif entry.is_dir() and not stem.startswith("_"):
            yield f"{package}.{stem}"
            yield from _modules_in(entry.path, f"{package}.{stem}")
