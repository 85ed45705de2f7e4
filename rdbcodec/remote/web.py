"""`https://`, without any package, and what services answer there.

The text of no exception from below is shown: some hold the whole URL, and with it a signature. What a person
reads is the number, the name the service gives its refusal, and words of ours.
"""

from __future__ import annotations

import errno
import re
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from functools import cache
from http.client import HTTPException, HTTPResponse
from typing import NoReturn

from rdbcodec.remote import forward, permits
from rdbcodec.remote.batched import Batched
from rdbcodec.remote.forward import Body, Forward, Stream
from rdbcodec.remote.urls import refusal

Signing = Callable[[dict[str, str]], dict[str, str]]

TIMEOUT = 60  # seconds without a byte
_SECRET = ("Authorization", "x-amz-security-token")
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


class WebFile(Forward):
    """The body of an https URL as a source."""

    def __init__(self, url: str) -> None:
        permits.check(url, "read")
        super().__init__(url)

    def _connect(self) -> Body:
        return connected(self.name, self._address(), self.position, self._tag, self._headers)

    def _address(self) -> str:
        """Where the bytes are asked for, when it is not the URL that people are told."""
        return self.name

    def _headers(self, headers: dict[str, str]) -> dict[str, str]:
        """The headers of a request together with those that say who asks."""
        return headers


class _Https(urllib.request.HTTPSHandler):
    """The certificates of this machine are read when the first server shows its own.

    Reading them takes longer than all that is imported here, and http:// needs none.
    """

    def __init__(self) -> None:
        self._has_read = False

    def https_open(self, req: urllib.request.Request) -> HTTPResponse:
        if not self._has_read:
            super().__init__()
            self._has_read = True
        return super().https_open(req)


@cache
def _opener() -> urllib.request.OpenerDirector:
    """Proxies are those of the environment."""
    return urllib.request.build_opener(_Https)


def connected(name: str, address: str, position: int, tag: str | None, signed: Signing) -> Body:
    """A body that begins at the position; asked for again when the server says that may help."""
    headers = {"Accept-Encoding": "identity"}
    if position:
        headers |= {"Range": f"bytes={position}-"}
        headers |= {"If-Match": tag} if tag else {}
    for tries in range(forward.TRIES):
        request = _request(address, signed(headers))
        try:
            response: HTTPResponse = _opener().open(request, timeout=TIMEOUT)
        except urllib.error.HTTPError as error:
            with error:  # it holds the connection
                code = _code_of(error)
            if error.code not in _TRANSIENT or tries == forward.TRIES - 1:
                raise refused(name, error.code, code) from None
            time.sleep(forward.PAUSE * 2**tries)
            continue
        except (urllib.error.URLError, HTTPException, OSError, ValueError) as error:
            _not_reached(name, error)
        return _body(name, response, position)
    raise AssertionError  # the last try returns or raises


def _request(address: str, headers: dict[str, str]) -> urllib.request.Request:
    """Who asks is told to this address alone, not to where its answer may point."""
    request = urllib.request.Request(address)  # noqa: S310 - http and https alone
    for name, value in headers.items():
        add = request.add_unredirected_header if name in _SECRET else request.add_header
        add(name, value)
    return request


def _body(name: str, response: HTTPResponse, position: int) -> Body:
    tag = response.headers.get("ETag")
    if position and response.status != 206:
        response.close()
        raise refusal(name, "the connection was lost, and the server cannot go on in the middle")
    length = response.headers.get("Content-Length", "")
    size = int(length) if length.isdecimal() else None
    stream: Stream = response
    if size is not None:
        stream = Batched(response, size, is_plain=response.url.startswith("http:"), patient=not position)
    return Body(stream, size, tag if tag and not tag.startswith("W/") else None)


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
