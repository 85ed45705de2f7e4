"""Patterns and folders that stand for files, here and in stores."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator

from rdbcodec.remote.urls import scheme_of


def stands_for_several(place: str) -> bool:
    """Whether a place is none that is opened as it is written: a URL may be one, a pattern or a folder is."""
    if scheme_of(place):
        return True
    return os.path.isdir(place) or _is_pattern(place)  # noqa: PTH112 - as `place` is written


def expanded(place: str) -> list[str]:
    """The files that a place stands for, in the order of their names; a plain one stands for itself.

    A pattern has `*`, `?` or `[` in it and is the name of no file; `**` is any folders. A folder stands for
    the files in it and below that have `.rdb` in their names, unless these begin with a dot, and in a store
    for all objects. FileNotFoundError for none.
    """
    if scheme_of(place):
        from rdbcodec.remote import objects  # noqa: PLC0415 - only where there is a URL

        return objects.expanded(place)
    if os.path.isdir(place):  # noqa: PTH112 - as `place` is written, its end too
        return _some(sorted(_below(place)), place, "there is no file in this folder with .rdb in its name")
    if _is_pattern(place):
        import glob  # noqa: PLC0415 - hardly any command needs it

        found = [path for path in glob.glob(place, recursive=True) if os.path.isfile(path)]  # noqa: PTH113, PTH207
        return _some(sorted(found), place, "no file has such a name")
    return [place]


def _is_pattern(place: str) -> bool:
    return any(letter in place for letter in "*?[") and not os.path.exists(place)  # noqa: PTH110


def _below(folder: str) -> Iterator[str]:
    for path, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        yield from (os.path.join(path, name) for name in files if ".rdb" in name[1:] and name[0] != ".")  # noqa: PTH118


def _some(found: list[str], place: str, otherwise: str) -> list[str]:
    if not found:
        raise FileNotFoundError(errno.ENOENT, otherwise, place)
    return found
