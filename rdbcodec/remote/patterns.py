"""Patterns and folders that stand for files, here and in stores."""

from __future__ import annotations

import errno
import glob
import os
from pathlib import Path

from rdbcodec.remote.urls import scheme_of


def expanded(place: str) -> list[str]:
    """The files that a place stands for, in the order of their names; a plain one stands for itself.

    A pattern has `*`, `?` or `[` in it and is the name of no file; `**` is any folders. A folder stands for
    all files in it and below, those apart whose names begin with a dot. FileNotFoundError for none.
    """
    if scheme_of(place):
        from rdbcodec.remote import objects  # noqa: PLC0415 - only where there is a URL

        return objects.expanded(place)
    if os.path.isdir(place):  # noqa: PTH112 - as `place` is written, its end too
        return _some(sorted(map(str, _below(Path(place)))), place, "there is no file in this folder")
    if glob.has_magic(place) and not os.path.exists(place):  # noqa: PTH110
        found = [path for path in glob.glob(place, recursive=True) if os.path.isfile(path)]  # noqa: PTH113, PTH207
        return _some(sorted(found), place, "no file has such a name")
    return [place]


def _below(folder: Path) -> list[Path]:
    found = []
    for path in folder.iterdir():
        if path.name.startswith("."):
            continue
        if path.is_dir():
            found += _below(path)
        elif path.is_file():
            found.append(path)
    return found


def _some(found: list[str], place: str, otherwise: str) -> list[str]:
    if not found:
        raise FileNotFoundError(errno.ENOENT, otherwise, place)
    return found
