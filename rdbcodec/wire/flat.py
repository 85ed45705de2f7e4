"""Views of bytes, whatever a view was made of."""

from __future__ import annotations


def flat(data: bytes | bytearray | memoryview) -> memoryview:
    """The bytes of it in a row, one an item; a copy only of a view whose bytes do not lie in a row.

    What is such a view already is given back as it is: of one that was cast PyPy copies byte by byte.
    """
    view = memoryview(data)
    if not view.c_contiguous:
        return memoryview(view.tobytes())
    return view if view.format == "B" and view.ndim == 1 else view.cast("B")
