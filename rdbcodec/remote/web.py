"""`https://`, without any package: one forward stream that goes on where a lost connection left it.

The text of no exception from below is shown: some hold the whole URL, and with it a signature. What a person
reads is the number, the name the service gives its refusal, and words of ours.
"""

from __future__ import annotations

import errno
import re
import time
import urllib.error
import urllib.request
from http.client import HTTPException, HTTPResponse
from typing import NoReturn

from rdbcodec.remote import permits
from rdbcodec.remote.urls import refusal

TIMEOUT = 60  # seconds without a byte
TRIES = 4  # connections one after another that bring nothing new
PAUSE = 0.5  # seconds before the second try, twice as many before each further one
_TRANSIENT = (408, 429, 500, 502, 503, 504)
_NUMBERS = {401: errno.EACCES, 403: errno.EACCES, 404: errno.ENOENT, 410: errno.ENOENT}
# Names of refusals, as services send them: "Blob service error codes", learn.microsoft.com; "Error
# responses", docs.aws.amazon.com.
_REFUSALS = {
    "AuthenticationFailed": "the signature does not fit the URL, or the SAS is not valid now",
    "AuthorizationPermissionMismatch": "the SAS or identity lacks a permission that this needs",
    "AuthorizationFailure": "the SAS, or a network rule of the storage account, does not allow it",
    "AuthorizationSourceIPMismatch": "the SAS is bound to other client addresses (sip)",
    "AuthorizationProtocolMismatch": "the SAS allows https only (spr)",
    "PublicAccessNotPermitted": "the storage account allows no anonymous access: a SAS is needed",
    "BlobNotFound": "there is no such blob",
    "ContainerNotFound": "there is no such container",
    "ResourceNotFound": "there is no such blob, or it may not be read without a SAS",
    "NoSuchKey": "there is no such object",
    "NoSuchBucket": "there is no such bucket",
    "AccessDenied": "the credentials or the signed URL do not allow it, or the URL has expired",
    "SignatureDoesNotMatch": "the signature does not fit the URL",
    "ExpiredToken": "the credentials have expired",
}
_CODE = re.compile(rb"<Code>([A-Za-z]{1,60})</Code>")


class WebFile:
    """The body of an https URL as a source; `size` is None when the server does not say."""

    def __init__(self, url: str) -> None:
        permits.check(url, "read")
        self.name = url
        self.position = 0
        self._tag: str | None = None
        self._response: HTTPResponse | None = self._connected()
        length = self._response.headers.get("Content-Length", "") if self._response else ""
        self.size = int(length) if length.isdecimal() else None

    def read(self, size: int, /) -> bytes:
        """Up to `size` bytes; b"" at the end. OSError, which names the URL, when no try brings more."""
        for tries in range(TRIES):
            try:
                self._response = self._response or self._connected()
                data = self._response.read(size)
            except (OSError, HTTPException) as error:
                self._lost(error, tries)
                continue
            if not data and self.size is not None and self.position < self.size:
                self._lost(ConnectionError(), tries)
                continue
            self.position += len(data)
            return data
        raise refusal(self.name, f"the connection was lost {TRIES} times after {self.position} bytes")

    def close(self) -> None:
        """Give up the connection."""
        if self._response is not None:
            self._response.close()

    def _lost(self, error: Exception, tries: int) -> None:
        """A connection that broke off: the next one goes on there, after a pause."""
        if isinstance(error, OSError) and error.filename == self.name:
            raise error  # it was refused in words of ours
        self.close()
        self._response = None
        time.sleep(PAUSE * 2**tries)

    def _connected(self) -> HTTPResponse:
        """A response whose body begins at the position; tried again when the server says that may help."""
        headers = {"Accept-Encoding": "identity"}
        if self.position:
            headers |= {"Range": f"bytes={self.position}-"}
            headers |= {"If-Match": self._tag} if self._tag else {}
        request = urllib.request.Request(self.name, headers=headers)  # noqa: S310 - http and https alone
        for tries in range(TRIES):
            try:
                response: HTTPResponse = urllib.request.urlopen(request, timeout=TIMEOUT)  # noqa: S310
            except urllib.error.HTTPError as error:
                if error.code not in _TRANSIENT or tries == TRIES - 1:
                    raise refused(self.name, error.code, _code_of(error)) from None
                time.sleep(PAUSE * 2**tries)
                continue
            except (urllib.error.URLError, HTTPException, OSError, ValueError) as error:
                _not_reached(self.name, error)
            return self._resumed(response)
        raise AssertionError  # the last try returns or raises

    def _resumed(self, response: HTTPResponse) -> HTTPResponse:
        tag = response.headers.get("ETag")
        if self.position and response.status != 206:
            response.close()
            raise refusal(self.name, "the connection was lost, and the server cannot go on in the middle")
        self._tag = tag if tag and not tag.startswith("W/") else None
        return response


def refused(url: str, status: int, code: str | None) -> OSError:
    """What a service answered, as an error that names the URL; `code` is its own name for the refusal."""
    if status == 412:
        return refusal(url, "it was changed while it was read: begin again")
    if code == "BlobAlreadyExists":
        return refusal(url, "exists already", errno.EEXIST)
    words = _REFUSALS.get(code or "", "the server refuses it")
    name = f" {code}" if code else ""
    return refusal(url, f"{words} (HTTP {status}{name})", _NUMBERS.get(status, errno.EIO))


def _code_of(error: urllib.error.HTTPError) -> str | None:
    """The service's own name for its refusal: a header of Azure's, an element of the body elsewhere."""
    told = error.headers.get("x-ms-error-code")
    if told is None:
        found = _CODE.search(error.read(4096))
        told = found[1].decode() if found else None
    return told if told and re.fullmatch(r"[A-Za-z]{1,60}", told) else None


def _not_reached(url: str, error: Exception) -> NoReturn:
    """Without the text of the error: it may hold the URL."""
    reason = getattr(error, "reason", error)
    words = getattr(reason, "strerror", None) or type(reason).__name__
    raise refusal(url, f"the server is not reached: {words}") from None
