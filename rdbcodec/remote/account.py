"""Storage accounts of Azure: which one a URL means, and how a request says who asks.

    az://container/blob                                the account of the environment
    abfs://container@account.dfs.core.windows.net/blob this one

The environment is read by the names of adlfs, whose users have it set. A request is signed here, with what
Python has ("Authorize with Shared Key", learn.microsoft.com): azure-storage-blob takes 0.7 s to import.
"""

from __future__ import annotations

import base64
import binascii
import errno
import hashlib
import hmac
import os
from collections.abc import Callable, Mapping
from email.utils import formatdate
from urllib.parse import parse_qsl, quote, urlsplit

from rdbcodec.named_tuples import NamedTuple
from rdbcodec.remote import permits
from rdbcodec.remote.objects import errors_of, is_configured
from rdbcodec.remote.urls import refusal, scheme_of
from rdbcodec.remote.web import WebFile

SCHEMES = ("az", "abfs", "abfss")
VERSION = "2021-12-02"  # of the service: page blobs, block blobs and every way of signing are the same since
_SCOPE = "https://storage.azure.com/.default"
# Headers that a signature is about, in its order; the length of a request without a body is no text.
_SIGNED = ("Content-Encoding", "Content-Language", "Content-Length", "Content-MD5", "Content-Type", "Date",
           "If-Modified-Since", "If-Match", "If-None-Match", "If-Unmodified-Since", "Range")  # fmt: skip


class Place(NamedTuple):
    """Account (None: that of the environment), container and blob of a URL."""

    account: str | None
    container: str
    blob: str


class Account(NamedTuple):
    """Where the containers of an account are, and one of key, token of a SAS and source of bearer tokens."""

    name: str
    endpoint: str
    key: bytes | None = None
    sas: str | None = None
    bearer: Callable[[], str] | None = None


def place_of(url: str) -> Place:
    """What a URL of Azure names. OSError for one that names no blob."""
    if scheme_of(url) not in SCHEMES:
        raise refusal(url, "page blobs are Azure's: give az://CONTAINER/BLOB or a SAS URL", errno.EINVAL)
    container, _, blob = url.partition("://")[2].partition("/")
    container, _, host = container.partition("@")
    if not container or not blob:
        raise refusal(url, "the URL names no blob: az://CONTAINER/BLOB", errno.EINVAL)
    return Place(host.partition(".")[0] or None, container, blob)


def account_name(told: Mapping[str, str]) -> str | None:
    """The account that the environment names."""
    found = _of_connection(told.get("AZURE_STORAGE_CONNECTION_STRING", ""))
    return found.name if found else told.get("AZURE_STORAGE_ACCOUNT_NAME")


def account_of(place: Place, told: Mapping[str, str]) -> Account | None:
    """The account by the environment; None when it is told in a way that only adlfs understands."""
    text = told.get("AZURE_STORAGE_CONNECTION_STRING")
    if text:
        return _of_connection(text)
    name = place.account or told.get("AZURE_STORAGE_ACCOUNT_NAME")
    if not name or told.get("AZURE_STORAGE_CLIENT_ID") or told.get("AZURE_STORAGE_ANON"):
        return None
    endpoint = f"https://{name}.blob.core.windows.net"
    if key := told.get("AZURE_STORAGE_ACCOUNT_KEY"):
        return _with_key(name, endpoint, key)
    if sas := told.get("AZURE_STORAGE_SAS_TOKEN"):
        return Account(name, endpoint, sas=sas.removeprefix("?"))
    try:
        from azure.identity import DefaultAzureCredential  # noqa: PLC0415 - optional
    except ImportError:
        return None
    credential = DefaultAzureCredential()
    return Account(name, endpoint, bearer=lambda: str(credential.get_token(_SCOPE).token))


def _of_connection(text: str) -> Account | None:
    fields = dict(part.split("=", 1) for part in text.split(";") if "=" in part)
    name = fields.get("AccountName", "")
    suffix = fields.get("EndpointSuffix", "core.windows.net")
    endpoint = fields.get("BlobEndpoint") or (
        f"{fields.get('DefaultEndpointsProtocol', 'https')}://{name}.blob.{suffix}" if name else ""
    )
    if not endpoint:
        return None
    if key := fields.get("AccountKey"):
        return _with_key(name, endpoint, key) if name else None
    sas = fields.get("SharedAccessSignature")
    return Account(name, endpoint.rstrip("/"), sas=sas.removeprefix("?")) if sas else None


def _with_key(name: str, endpoint: str, key: str) -> Account | None:
    try:
        return Account(name, endpoint.rstrip("/"), key=base64.b64decode(key, validate=True))
    except binascii.Error:
        return None


# --- signing ----------------------------------------------------------------------------------------


def signed(verb: str, address: str, headers: Mapping[str, str], account: Account) -> dict[str, str]:
    """The headers of a request without a body, with those that say who asks."""
    dated = {**headers, "x-ms-date": formatdate(usegmt=True), "x-ms-version": VERSION}
    if account.bearer is not None:
        return {**dated, "Authorization": f"Bearer {account.bearer()}"}
    if account.key is None:
        return dated
    digest = hmac.new(
        account.key, _to_sign(verb, address, dated, account.name).encode(), hashlib.sha256
    ).digest()
    return {**dated, "Authorization": f"SharedKey {account.name}:{base64.b64encode(digest).decode()}"}


def _to_sign(verb: str, address: str, headers: Mapping[str, str], account: str) -> str:
    """The text that a signature is of: the verb, headers in their order, the service's own, what is asked."""
    own = sorted((name.lower(), value) for name, value in headers.items() if name.lower().startswith("x-ms-"))
    parts = urlsplit(address)
    asked = sorted(parse_qsl(parts.query, keep_blank_values=True))
    return "\n".join(
        [
            verb,
            *(headers.get(name, "") for name in _SIGNED),
            *(f"{name}:{value}" for name, value in own),
            f"/{account}{parts.path}",
            *(f"{name.lower()}:{value}" for name, value in asked),
        ]
    )


# --- reading ----------------------------------------------------------------------------------------


class BlobFile(WebFile):
    """A blob that is read by the credentials of the environment."""

    def __init__(self, url: str, place: Place, account: Account) -> None:
        self._account = account
        self._url = f"{account.endpoint}/{place.container}/{quote(place.blob, safe='/~')}"
        if account.sas:
            self._url += f"?{account.sas}"
            permits.check(url, "read", signed=self._url)
        super().__init__(url)

    def _address(self) -> str:
        return self._url

    def _headers(self, headers: dict[str, str]) -> dict[str, str]:
        with errors_of(self.name):
            return signed("GET", self._url, headers, self._account)


def open_blob(url: str) -> BlobFile | None:
    """A blob, when the environment says who asks; None when that is for adlfs to find out."""
    if scheme_of(url) not in SCHEMES or "?" in url or is_configured():
        return None
    place = place_of(url)
    account = account_of(place, os.environ)
    return BlobFile(url, place, account) if account else None
