"""Which URLs there are, and the package that each kind needs."""

from __future__ import annotations

import errno
import os
import re

from rdbcodec.named_tuples import NamedTuple

_IN_SCHEMES = frozenset("abcdefghijklmnopqrstuvwxyz0123456789+.-")


class Store(NamedTuple):
    """What a scheme needs: the module that fsspec opens it with, and our extra that brings it."""

    module: str
    extra: str


ACCOUNT_IN = frozenset({"AZURE_STORAGE_CONNECTION_STRING", "AZURE_STORAGE_ACCOUNT_NAME"})
NO_ACCOUNT = "no storage account: set AZURE_STORAGE_CONNECTION_STRING or AZURE_STORAGE_ACCOUNT_NAME"
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
    if not isinstance(place, str):
        return None
    scheme, separator, _ = place.partition("://")
    scheme = scheme.lower()
    if not separator or len(scheme) < 2 or not _IN_SCHEMES.issuperset(scheme) or not scheme[0].isalpha():
        return None  # one letter would be a drive of Windows
    return None if os.path.exists(place) else scheme  # noqa: PTH110 - Path folds the "//"


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
