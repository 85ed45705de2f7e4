"""Which URLs there are, and the package that each kind needs."""

from __future__ import annotations

import errno
import os
import re
from typing import NamedTuple

URL = re.compile(r"([a-z][a-z0-9+.-]+)://", re.IGNORECASE)  # one letter would be a drive of Windows


class Store(NamedTuple):
    """What a scheme needs: the module that fsspec opens it with, and our extra that brings it."""

    module: str
    extra: str


WEB = ("http", "https")
SERVERS = ("redis", "rediss", "unix", "valkey", "valkeys")
STORES = {
    "az": Store("adlfs", "azure"),
    "abfs": Store("adlfs", "azure"),
    "abfss": Store("adlfs", "azure"),
    "s3": Store("s3fs", "s3"),
    "s3a": Store("s3fs", "s3"),
    "gs": Store("gcsfs", "gcs"),
    "gcs": Store("gcsfs", "gcs"),
}


def scheme_of(place: object) -> str | None:
    """The scheme of a URL in lower case; None for what is none, such as a path that exists."""
    found = URL.match(place) if isinstance(place, str) else None
    if found is None or os.path.exists(place):  # type: ignore[arg-type]  # noqa: PTH110 - Path folds the "//"
        return None
    return found[1].lower()


def can_be_read_again(place: str | os.PathLike[str]) -> bool:
    """Whether a second opening gives the same bytes from the front: of a regular file, or of an object."""
    scheme = scheme_of(place)
    if scheme is not None:
        return scheme not in SERVERS
    return os.path.isfile(place)  # noqa: PTH113 - Path folds the "//" of a URL


def size_of(place: str) -> int:
    """Bytes of a file; 0 for a URL, whose size is known when it is open."""
    return 0 if scheme_of(place) else os.stat(place).st_size  # noqa: PTH116


def name_of(url: str) -> str:
    """The last part of a URL's path, which is where suffixes stand: without query and fragment."""
    return re.split(r"[?#]", url, maxsplit=1)[0].rpartition("/")[2]


def refusal(url: str, words: str, number: int = errno.EIO) -> OSError:
    """The error that a URL is reported with: a class of its own for what is not there or not allowed."""
    return OSError(number, words, url)
