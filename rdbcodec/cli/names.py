"""Names of keys as they are typed: \\xff is a byte, \\\\ a backslash, all else stands for itself."""

from __future__ import annotations

import os
import re

_ESCAPE = rb"\\x([0-9a-fA-F]{2})|\\\\"  # compiled when a name is given


def name_bytes(text: str) -> bytes:
    """The bytes of a name."""
    return re.sub(_ESCAPE, _byte, os.fsencode(text))


def _byte(found: re.Match[bytes]) -> bytes:
    return bytes.fromhex(found[1].decode()) if found[1] else b"\\"
