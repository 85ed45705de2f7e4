"""Whether engines that are not Python may be used at all."""

from __future__ import annotations

import os
import sys

PYPY = sys.implementation.name == "pypy"


def check_allowed(name: str) -> None:
    """Raise ImportError, which says why, when this engine is not to be loaded here.

    PyPy makes the pure ones as fast. What is built for CPython has traps there: anycrc 2.1 does not load in
    PyPy 7.3.19, and lz4 4.4.5 aborts it when it takes the state of a frame back.
    """
    if name == "pure":
        return
    if os.environ.get("RDBCODEC_PURE") == "1":
        raise ImportError(f"RDBCODEC_PURE=1 turns {name} off")
    if PYPY:
        raise ImportError(f"{name} is made for CPython; PyPy takes the pure engine")
