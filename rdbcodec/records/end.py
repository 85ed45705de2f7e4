"""The end of a snapshot.

FF  u64 checksum of all before it, since version 5; eight zero bytes for none
"""

from __future__ import annotations

from typing import Literal, NamedTuple

Checksum = Literal["ok", "disabled", "absent", "not verified"]


class End(NamedTuple):
    """The end of the snapshot.

    `offset` is that of the EOF byte, `size` the bytes up to and with the checksum. `checksum` says
    "ok", "disabled" (eight zero bytes: the server had rdbchecksum no), "absent" (before version 5) or
    "not verified" (the caller asked for that); a wrong one is an error, not a record.
    """

    offset: int
    raw: bytes
    size: int
    checksum: Checksum
