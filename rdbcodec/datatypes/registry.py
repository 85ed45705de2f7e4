"""The types and their layouts, collected from the files of this folder when the first is asked for.

Each file (or folder) of a type declares LAYOUTS, by the names of its rows, and TYPES: see layout.py.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from types import ModuleType
from typing import Any

from rdbcodec import datatypes
from rdbcodec.datatypes.layout import DataType, Layout
from rdbcodec.errors import EncodeError
from rdbcodec.formats import TypeRow


def layout_of(row: TypeRow) -> Layout:
    """The functions for a row; every row of the table has them (a test holds this)."""
    return _layout_named(row.name)


def type_named(name: str) -> DataType:
    """What is true of all values of a Redis type, by the word for it in the table."""
    return types()[name]


def type_of(value: object) -> DataType:
    """The type that a Python value is written as; raises EncodeError when it is none."""
    by_class = _types_by_class()
    found = next((by_class[base] for base in type(value).__mro__ if base in by_class), None)
    if found is not None:
        return found
    if isinstance(value, float):
        raise EncodeError("a float has no one text: give the bytes it shall be", value=value)
    raise EncodeError(f"no Redis type for a {type(value).__name__}", value=value)


@cache
def layouts() -> dict[str, Layout]:
    """All of them, by the names of their rows."""
    return {name: layout for module in _files() for name, layout in _declared(module, "LAYOUTS", {}).items()}


@cache
def types() -> dict[str, DataType]:
    """All of them, by name."""
    return {kind.name: kind for module in _files() for kind in _declared(module, "TYPES", ())}


@cache
def _layout_named(name: str) -> Layout:
    return layouts()[name]


@cache
def _types_by_class() -> dict[type, DataType]:
    return {base: kind for kind in types().values() for base in kind.classes}


def _files() -> Iterator[ModuleType]:
    for file in pkgutil.walk_packages(datatypes.__path__, f"{datatypes.__name__}."):
        yield import_module(file.name)


def _declared(module: ModuleType, name: str, nothing: Any) -> Any:
    return getattr(module, name, nothing)
