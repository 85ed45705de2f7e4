"""Object stores through fsspec: `az://`, `s3://`, `gs://` and whatever else it can open.

Credentials are found as the store's own package finds them: AZURE_STORAGE_CONNECTION_STRING or the account's
name and DefaultAzureCredential, profiles and variables of AWS, Google's defaults. Its exceptions may hold
whole URLs, so what is shown of one is its class and its service's own name for the refusal.
"""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from rdbcodec.remote.urls import ACCOUNT_IN, NO_ACCOUNT, SERVERS, STORES, WEB, refusal, scheme_of
from rdbcodec.remote.web import refused

BLOCK = 8 << 20  # bytes of one request: half the processor time of the stores' own default, measured


@contextmanager
def errors_of(url: str) -> Iterator[None]:
    """What a store's package raises, as an OSError that names the URL and shows no secret."""
    try:
        yield
    except OSError as error:
        raise _of_system(url, error) from None
    except Exception as error:  # noqa: BLE001 - each package has classes of its own
        raise _of_service(url, error) from None


def _of_system(url: str, error: OSError) -> OSError:
    if error.filename == url:
        return error  # in words of ours
    status = getattr(error, "status", None) or getattr(error, "status_code", None)
    if isinstance(status, int):
        return refused(url, status, None)
    if isinstance(error, FileNotFoundError):
        return refusal(url, "there is no such object", errno.ENOENT)
    if isinstance(error, PermissionError):
        return refusal(url, "the credentials do not allow it", errno.EACCES)
    return refusal(url, (error.errno and error.strerror) or type(error).__name__, error.errno or errno.EIO)


def _of_service(url: str, error: Exception) -> OSError:
    status = getattr(error, "status_code", None)
    told = getattr(error, "error_code", None)
    answer = getattr(error, "response", None)
    if isinstance(answer, dict):  # botocore
        status = answer.get("ResponseMetadata", {}).get("HTTPStatusCode")
        told = answer.get("Error", {}).get("Code")
    if isinstance(status, int):
        code = str(getattr(told, "value", told))
        return refused(url, status, code if re.fullmatch(r"[A-Za-z]{1,60}", code) else None)
    return refusal(url, f"{type(error).__module__.partition('.')[0]} says {type(error).__name__}")


def is_configured() -> bool:
    """Whether fsspec has settings of its own, which only it understands."""
    settings = os.path.expanduser("~/.config/fsspec")  # noqa: PTH111 - pathlib takes as long as all else here
    return any(name.startswith("FSSPEC_") for name in os.environ) or os.path.isdir(settings)  # noqa: PTH112


def filesystem(url: str) -> tuple[Any, str]:
    """fsspec's file system for a URL, and the path in it. OSError that names the extra when it is missing."""
    scheme = scheme_of(url) or ""
    if scheme in SERVERS:
        raise refusal(url, "this is a server: `restore` writes a snapshot into one", errno.EINVAL)
    store = STORES.get(scheme)
    extra = store.extra if store else "remote"
    try:
        import fsspec  # noqa: PLC0415 - optional
    except ImportError:
        raise _missing(url, extra) from None
    with errors_of(url):
        try:
            system, path = fsspec.core.url_to_fs(url)
        except ImportError:
            raise _missing(url, extra) from None
        except ValueError as error:
            raise refusal(url, _unknown(scheme, fsspec, error), errno.EINVAL) from None
    return system, path


def _missing(url: str, extra: str) -> OSError:
    return refusal(url, f"this URL needs the extra {extra}: pip install 'rdbcodec[{extra}]'", errno.ENOSYS)


def _unknown(scheme: str, fsspec: Any, error: ValueError) -> str:
    if scheme not in fsspec.available_protocols():
        return f"nothing here opens {scheme}:// URLs"
    if scheme in STORES and STORES[scheme].extra == "azure" and ACCOUNT_IN.isdisjoint(os.environ):
        return NO_ACCOUNT
    return f"{scheme}:// needs more to be told: {type(error).__name__} of its package"


class ObjectFile:
    """An object that is read forward, in blocks; `size` is that of the packed object."""

    def __init__(self, url: str) -> None:
        self.name = url
        system, path = filesystem(url)
        with errors_of(url):
            self._file = system.open(path, "rb", block_size=BLOCK, cache_type="readahead")
        size = getattr(self._file, "size", None)
        self.size = size if isinstance(size, int) else None

    def read(self, size: int, /) -> bytes:
        """Up to `size` bytes; b"" at the end."""
        with errors_of(self.name):
            data: bytes = self._file.read(size)
        return data

    def close(self) -> None:
        """Give the object up."""
        with errors_of(self.name):
            self._file.close()


class ObjectOutput:
    """An object that is written: there whole after `commit`, not at all after `discard`.

    Object stores give it its name in the last request. Where fsspec writes in place (memory, sftp) it is
    there from the first byte on, and removed after an error.
    """

    def __init__(self, url: str, *, replace: bool) -> None:
        self.name = url
        self._system, self._path = filesystem(url)
        with errors_of(url):
            self._existed = self._system.exists(self._path)
            if self._existed and not replace:
                raise FileExistsError(errno.EEXIST, "exists already", url)
            self._opened = self._system.open(self._path, "wb", block_size=BLOCK)
        self._is_open = True

    def write(self, data: bytes | memoryview, /) -> int:
        """Take all of it."""
        if self._is_open:
            with errors_of(self.name):
                self._opened.write(data)
        return len(data)

    def commit(self) -> None:
        """Give the object its name."""
        with errors_of(self.name):
            self._opened.close()
        self._is_open = False

    def discard(self) -> None:
        """Leave no object behind; what was sent is forgotten by the store."""
        if not self._is_open:
            return
        self._is_open = False
        with suppress(Exception):  # the error that brought us here says more
            self._opened.discard()
        if hasattr(self._opened, "offset"):  # a buffered upload, which its finalizer would finish
            self._opened.closed = True
        elif not self._existed:  # a file that was there from its first byte on (memory, sftp)
            with suppress(Exception):
                self._opened.close()
                self._system.rm_file(self._path)


def expanded(url: str) -> list[str]:
    """The URLs that a URL with `*` or `[` in its path, or a folder's with a `/` at its end, stands for.

    In the order of their names. A URL of any other form stands for itself. FileNotFoundError for none.
    """
    is_folder = url.endswith("/")
    if scheme_of(url) in (*WEB, *SERVERS) or not (is_folder or re.search(r"[*\[]", url)):
        return [url]
    system, path = filesystem(url)
    with errors_of(url):
        found = system.find(path) if is_folder else filter(system.isfile, system.glob(path))
        names = sorted(found)
    if not names:
        raise refusal(url, "there is no such object", errno.ENOENT)
    return [_beside(url, name) for name in names]


def _beside(url: str, name: str) -> str:
    """The URL of an object that fsspec names: with the account that the other URL has."""
    scheme, _, rest = url.partition("://")
    place = rest.partition("/")[0]
    bucket, _, key = name.lstrip("/").partition("/")
    return f"{scheme}://{place if '@' in place else bucket}/{key}"
