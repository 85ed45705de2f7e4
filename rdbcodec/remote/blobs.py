"""Blobs that are written through azure-storage-blob: to a URL with a SAS, and page blobs wherever they lie.

A block blob is there whole or not at all: its blocks are staged, and one request lists them. A page blob
has its size from the beginning and no such request, so its bytes wait in a temporary file until all are
there; what fails after that is deleted.
"""

from __future__ import annotations

import base64
import errno
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import IO, Any

from rdbcodec.remote import permits
from rdbcodec.remote.account import place_of
from rdbcodec.remote.objects import errors_of
from rdbcodec.remote.signed_uri import parse
from rdbcodec.remote.urls import WEB, refusal, scheme_of

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
        self._is_open = True
        _refuse_existing(url, client, replace=replace)

    def write(self, data: bytes | memoryview, /) -> int:
        """Take all of it."""
        if self._is_open:
            self._held += data
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
            self._client.commit_block_list(self._blocks, **self._condition)
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
        self._spool: IO[bytes] | None = tempfile.TemporaryFile()  # noqa: SIM115 - closed by both ends

    def write(self, data: bytes | memoryview, /) -> int:
        """Take all of it."""
        if self._spool is not None:
            self._spool.write(data)
        return len(data)

    def commit(self) -> None:
        """Make the blob and upload its pages; one that fails half way is deleted."""
        assert self._spool is not None  # commit comes once
        spool, self._spool = self._spool, None
        with spool, errors_of(self.name):
            size = spool.seek(0, os.SEEK_END)
            spool.write(bytes(-size % PAGE))
            self._client.create_page_blob(spool.tell(), **self._condition)
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


# --- clients ----------------------------------------------------------------------------------------


def _client_of(url: str) -> Any:
    try:
        from azure.storage import blob  # noqa: PLC0415
    except ImportError:
        words = "writing this URL needs the extra azure: pip install 'rdbcodec[azure]'"
        raise refusal(url, words, errno.ENOSYS) from None
    if scheme_of(url) in WEB:
        sas = parse(url)
        if not sas.has_signature or sas.version is None:
            words = "of https:// URLs only those of blobs with a SAS are written: give one, or az://"
            raise refusal(url, words, errno.EINVAL)
        with errors_of(url):
            return blob.BlobClient.from_blob_url(url)
    return _client_by_environment(url, blob, os.environ)


def _client_by_environment(url: str, blob: Any, told: Mapping[str, str]) -> Any:
    """Credentials as adlfs finds them, by the same variables."""
    account, container, name = place_of(url)
    connection = told.get("AZURE_STORAGE_CONNECTION_STRING")
    with errors_of(url):
        if connection:
            return blob.BlobClient.from_connection_string(connection, container, name)
        account = account or told.get("AZURE_STORAGE_ACCOUNT_NAME")
        if not account:
            words = "no storage account: set AZURE_STORAGE_CONNECTION_STRING or AZURE_STORAGE_ACCOUNT_NAME"
            raise refusal(url, words, errno.EINVAL)
        return blob.BlobClient(
            f"https://{account}.blob.core.windows.net", container, name, credential=_credential(told)
        )


def _credential(told: Mapping[str, str]) -> Any:
    key = told.get("AZURE_STORAGE_ACCOUNT_KEY") or told.get("AZURE_STORAGE_SAS_TOKEN")
    if key:
        return key
    from azure.identity import DefaultAzureCredential  # noqa: PLC0415

    return DefaultAzureCredential()
