"""The files of a folder, for tables that find their rows in files: a new file is all that a new row needs."""

from __future__ import annotations

import importlib
import os
from collections.abc import Iterable
from types import ModuleType


def modules_of(package: ModuleType) -> list[str]:
    """The modules and packages in the folder of a package, by name.

    pkgutil knows them too, and would load a tenth of all of rdbcodec to say so.
    """
    parts = map(os.path.splitext, os.listdir(package.__path__[0]))  # noqa: PTH208 - pathlib is slow to load
    return sorted(stem for stem, ending in parts if ending in ("", ".py") and not stem.startswith(("_", ".")))


def likely_first(names: Iterable[str], type_: str) -> list[str]:
    """The names of modules, those first that begin like the word for a type."""
    like = type_.replace("-", "_")
    return sorted(names, key=lambda name: not name.startswith(like))


def load(package: ModuleType, name: str) -> ModuleType:
    """One of them."""
    return importlib.import_module(f"{package.__name__}.{name}")
