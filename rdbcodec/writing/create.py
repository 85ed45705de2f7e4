"""A snapshot for a server, made from values: `rdbcodec.create`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal

from rdbcodec.formats import Dialect
from rdbcodec.servers import Server
from rdbcodec.writing.output import OutputLike
from rdbcodec.writing.packing import Compression
from rdbcodec.writing.writer import Writer
from rdbcodec.writing.written import OnDuplicate

DEFAULT_DATABASES = 16  # of every server that is not configured otherwise


def create(
    output: OutputLike,
    *,
    to: str | Server | None = None,
    version: int | None = None,
    dialect: Dialect | None = None,
    compress: bool = True,
    checksum: bool = True,
    aux: Mapping[str | bytes, str | bytes | int] | None = None,
    settings: Mapping[str, int] | None = None,
    simplest: bool = False,
    compression: Compression | None = None,
    replace: bool = True,
    allow_loss: bool = False,
    modules: Iterable[str] | None = None,
    databases: int | Literal["default"] | None = "default",
    duplicates: OnDuplicate = "error",
) -> Writer:
    """A writer for a path (written atomically) or a binary file object.

    `to`, such as "redis-6.2" or "amr-balanced-7.4" (see Server.of), or `version` and `dialect` say who must
    load it; by default RDB 11, which Redis 7.2 and Valkey 7.2 and all later ones do. `compress` is
    rdbcompression, `checksum` rdbchecksum. `aux` is written behind the header. `settings` are thresholds
    under the servers' names ({"hash-max-listpack-entries": 128}); `simplest` uses the layouts every server
    since 1.3 loads. `compression` wraps the file in gzip or LZ4. `replace` False refuses an existing file.
    `allow_loss` counts losses instead of raising. `modules` are those the target has besides its own, by any
    of their names; what is of others is lost. `databases` is how many it has, its setting of that name: by
    default what is known of it, else 16; None for enough. `duplicates="allow"` does not look for keys and
    libraries that are there twice. Raises EncodeError for a server nobody knows.
    """
    server = Server.of(
        to,
        version=version,
        dialect=dialect,
        compress=compress,
        settings=settings,
        simplest=simplest,
        modules=modules,
        databases=None if databases == "default" else databases,
    )
    if databases == "default" and server.databases is None:
        server = server.replaced(databases=DEFAULT_DATABASES)
    writer = Writer(
        output,
        server,
        checksum=checksum,
        compression=compression,
        replace=replace,
        allow_loss=allow_loss,
        duplicates=duplicates,
    )
    try:
        for name, value in (aux or {}).items():
            writer.write_aux(name, value)
    except BaseException:
        writer.abort()
        raise
    return writer
