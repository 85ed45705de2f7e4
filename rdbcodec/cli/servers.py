"""`--to`: the server a command writes for, by one name everywhere."""

from __future__ import annotations

import argparse

from rdbcodec.errors import EncodeError
from rdbcodec.servers import Server

SERVER = "redis-7.2 (or 7.2), valkey-8.0, or a target of `compat` such as amr-balanced-7.4"


def server_of(options: argparse.Namespace, **how: object) -> Server:
    """The server of `--to`, if it is given; a usage error for a name nobody knows."""
    try:
        return Server.of(options.to, **how)  # type: ignore[arg-type]  # the keywords of Server.of
    except EncodeError as error:
        options.usage_error(str(error))
        raise  # usage_error does not return
