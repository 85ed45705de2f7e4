"""Tests that ask for what PyPy does not have."""

from __future__ import annotations

import pytest

from rdbcodec.wire.accelerators import PYPY

__all__ = ["PYPY", "built_engines", "counts_references", "lz4_frames", "tells_when_it_collects"]

counts_references = pytest.mark.skipif(PYPY, reason="PyPy drops what nobody holds when it collects")
tells_when_it_collects = pytest.mark.skipif(PYPY, reason="PyPy's collector has no threshold")
built_engines = pytest.mark.skipif(PYPY, reason="PyPy takes no engine that was built for CPython")
lz4_frames = pytest.mark.skipif(PYPY, reason="the package lz4 ends PyPy")
