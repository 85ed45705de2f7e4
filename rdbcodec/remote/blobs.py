"""Blobs that are written through azure-storage-blob: to a URL with a SAS, and page blobs wherever they lie.

A block blob is there whole or not at all: its blocks are staged, and one request lists them. A page blob
has its size from the beginning and no such request, so its bytes wait in a temporary file until all are
there; what fails after that is deleted. Both get the MD5 of their bytes, as azcopy and the portal keep it.
"""

from __future__ import annotations

import base64
import errno
import hashlib
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import IO, Any

from rdbcodec.named_tuples import NamedTuple
from rdbcodec.remote import permits
from rdbcodec.remote.account import place_of
from rdbcodec.remote.objects import errors_of
from rdbcodec.remote.signed_uri import parse
from rdbcodec.remote.urls import NO_ACCOUNT, WEB, refusal, scheme_of

PAGE = 512  # bytes; "Understanding block blobs, append blobs, and page blobs", learn.microsoft.com
PIECE = 4 << 20  # bytes of one request: the most that one Put Page takes
BLOCK = 8 << 20


def output_of(url: str, *, replace: bool, page: bool) -> BlockOutput | PageOutput:
    """A blob to write to. OSError for a URL that names none, or whose SAS does not allow it."""
    if scheme_of(url) in WEB:
        permits.check(url, "write")
    client = _client_of(url)
    return (PageOutput if page else BlockOutput)(url, client, replace=replace)


class BlockOutput:
    """A block blob of staged blocks."""

    def __init__(self, url: str, client: Any, *, replace: bool) -> None:
        self.name = url
        self._client = client
        self._condition = _condition(replace=replace)
        self._held = bytearray()
        self._blocks: list[str] = []
        self._digest = hashlib.md5(usedforsecurity=False)
        self._is_open = True
        _refuse_existing(url, client, replace=replace)

    def write(self, data: bytes | memoryview, /) -> int:
        """Take all of it."""
        if self._is_open:
            self._held += data
            self._digest.update(data)
            while len(self._held) >= BLOCK:
                self._stage(BLOCK)
        return len(data)

    def _stage(self, size: int) -> None:
        name = base64.b64encode(b"%08d" % len(self._blocks)).decode()
        with errors_of(self.name):
            self._client.stage_block(name, bytes(self._held[:size]))
        del self._held[:size]
        self._blocks.append(name)

    def commit(self) -> None:
        """List the blocks, which makes the blob."""
        if self._held:
            self._stage(len(self._held))
        with errors_of(self.name):
            how = {**self._condition, **_with_digest(self._digest)}
            self._client.commit_block_list(self._blocks, **how)
        self._is_open = False

    def discard(self) -> None:
        """Staged blocks that nobody lists are forgotten by the service after a week."""
        self._is_open = False
        self._held.clear()


class PageOutput:
    """A page blob, padded with zero bytes to whole pages."""

    def __init__(self, url: str, client: Any, *, replace: bool) -> None:
        self.name = url
        self._client = client
        self._condition = _condition(replace=replace)
        _refuse_existing(url, client, replace=replace)
        self._digest = hashlib.md5(usedforsecurity=False)
        self._spool: IO[bytes] | None = tempfile.TemporaryFile()  # noqa: SIM115 - closed by both ends

    def write(self, data: bytes | memoryview, /) -> int:
        """Take all of it."""
        if self._spool is not None:
            self._spool.write(data)
            self._digest.update(data)
        return len(data)

    def commit(self) -> None:
        """Make the blob and upload its pages; one that fails half way is deleted."""
        assert self._spool is not None  # commit comes once
        spool, self._spool = self._spool, None
        with spool, errors_of(self.name):
            size = spool.seek(0, os.SEEK_END)
            padding = bytes(-size % PAGE)
            spool.write(padding)
            self._digest.update(padding)
            how = {**self._condition, **_with_digest(self._digest)}
            self._client.create_page_blob(spool.tell(), **how)
            try:
                for pos, piece in _pieces(spool):
                    self._client.upload_page(piece, pos, len(piece))
            except BaseException:
                with suppress(Exception):  # the error that brought us here says more
                    self._client.delete_blob()
                raise

    def discard(self) -> None:
        """Nothing was sent yet."""
        if self._spool is not None:
            self._spool.close()
            self._spool = None


def _pieces(spool: IO[bytes]) -> Iterator[tuple[int, bytes]]:
    """Place and bytes of each piece; pages of zeros need not travel: a new blob is full of them."""
    spool.seek(0)
    pos = 0
    while piece := spool.read(PIECE):
        if piece.count(0) != len(piece):
            yield pos, piece
        pos += len(piece)


def _with_digest(digest: Any) -> dict[str, Any]:
    """The MD5 that a blob is to have; `digest` is one of hashlib's."""
    from azure.storage.blob import ContentSettings  # noqa: PLC0415

    settings = ContentSettings(
        content_type="application/octet-stream", content_md5=bytearray(digest.digest())
    )
    return {"content_settings": settings}


def _condition(*, replace: bool) -> dict[str, Any]:
    """Nothing is written over what came into being meanwhile."""
    if replace:
        return {}
    from azure.core import MatchConditions  # noqa: PLC0415

    return {"match_condition": MatchConditions.IfMissing}


def _refuse_existing(url: str, client: Any, *, replace: bool) -> None:
    """Before anything is done. A SAS without reading cannot tell; the condition of the last request does."""
    if replace:
        return
    from azure.core.exceptions import HttpResponseError  # noqa: PLC0415

    exists = False
    with errors_of(url):
        try:
            exists = client.exists()
        except HttpResponseError as error:
            if error.status_code != 403:
                raise
    if exists:
        raise FileExistsError(errno.EEXIST, "exists already", url)


# --- what is there ----------------------------------------------------------------------------------


class Blob(NamedTuple):
    """A blob that is there: its bytes, its kind (block, page, append) and the MD5 it was given."""

    url: str
    size: int
    kind: str
    md5: bytes | None


def blob_at(url: str) -> Blob | None:
    """What is at a URL; None when nothing is."""
    client = _client_of(url)
    from azure.core.exceptions import ResourceNotFoundError  # noqa: PLC0415 - the client's own package

    with errors_of(url):
        try:
            return _blob(url, client.get_blob_properties())
        except ResourceNotFoundError:
            return None


def _blob(url: str, told: Any) -> Blob:
    md5 = told.content_settings.content_md5
    kind = str(getattr(told.blob_type, "value", told.blob_type)).removesuffix("Blob").lower()
    return Blob(url, told.size, kind, bytes(md5) if md5 else None)


def digest_of(path: str | os.PathLike[str], *, page: bool) -> tuple[int, bytes]:
    """Size and MD5 that the blob of a file has."""
    digest, size = hashlib.md5(usedforsecurity=False), 0
    with open(path, "rb") as file:  # noqa: PTH123 - reads a str as it is
        while piece := file.read(PIECE):
            digest.update(piece)
            size += len(piece)
    padding = bytes(-size % PAGE) if page else b""
    digest.update(padding)
    return size + len(padding), digest.digest()


def make_container(url: str) -> bool:
    """Make the container that a URL of a blob names; False when it is there already."""
    container = _service_of(url).get_container_client(place_of(url).container)
    from azure.core.exceptions import ResourceExistsError  # noqa: PLC0415 - the client's own package

    with errors_of(url):
        try:
            container.create_container()
        except ResourceExistsError:
            return False
    return True


def blobs_of(url: str) -> list[Blob]:
    """The blobs of the container that a URL names whose names begin as the URL does, in order."""
    place = place_of(url)
    container = _service_of(url).get_container_client(place.container)
    front = url.removesuffix(place.blob)
    with errors_of(url):
        found = list(container.list_blobs(name_starts_with=place.blob.rstrip("*")))
    return [_blob(front + one.name, one) for one in found]


# --- clients ----------------------------------------------------------------------------------------


def _client_of(url: str) -> Any:
    if scheme_of(url) not in WEB:
        place = place_of(url)
        return _service_of(url).get_blob_client(place.container, place.blob)
    sas = parse(url)
    if not sas.has_signature or sas.version is None:
        words = "of https:// URLs only those of blobs with a SAS are written: give one, or az://"
        raise refusal(url, words, errno.EINVAL)
    with errors_of(url):
        return _sdk(url).BlobClient.from_blob_url(url)


def _sdk(url: str) -> Any:
    try:
        from azure.storage import blob  # noqa: PLC0415
    except ImportError:
        words = "writing this URL needs the extra azure: pip install 'rdbcodec[azure]'"
        raise refusal(url, words, errno.ENOSYS) from None
    return blob


def _service_of(url: str) -> Any:
    """The storage account, with credentials as adlfs finds them, by the same variables."""
    told, place, blob = os.environ, place_of(url), _sdk(url)
    connection = told.get("AZURE_STORAGE_CONNECTION_STRING")
    with errors_of(url):
        if connection:
            service = blob.BlobServiceClient.from_connection_string(connection)
            if place.account not in (None, service.account_name):
                words = f"AZURE_STORAGE_CONNECTION_STRING is of another account, {service.account_name}"
                raise refusal(url, words, errno.EINVAL)
            return service
        account = place.account or told.get("AZURE_STORAGE_ACCOUNT_NAME")
        if not account:
            raise refusal(url, NO_ACCOUNT, errno.EINVAL)
        return blob.BlobServiceClient(
            f"https://{account}.blob.core.windows.net", credential=_credential(told)
        )


def _credential(told: Mapping[str, str]) -> Any:
    key = told.get("AZURE_STORAGE_ACCOUNT_KEY") or told.get("AZURE_STORAGE_SAS_TOKEN")
    if key:
        return key
    from azure.identity import ClientSecretCredential, DefaultAzureCredential  # noqa: PLC0415

    names = ("AZURE_STORAGE_TENANT_ID", "AZURE_STORAGE_CLIENT_ID", "AZURE_STORAGE_CLIENT_SECRET")
    if all(map(told.get, names)):
        return ClientSecretCredential(*map(told.__getitem__, names))

    return DefaultAzureCredential()
