"""Where a value ends, and what its bytes are: the framings of the table, made runnable.

    whole       walks a value that is (probably) all there: `compile_walk(framing, templates)(buf, pos)`
    pieces      walks one whose bytes arrive in pieces: `Walk`
    specials    what no table can say, one generator each; all of the others run the same
    asking      what a generator may ask for, and how it is read
    labels      names every byte of a value, for those who explain it

The notation itself is rdbcodec.formats'. A hostile count costs nothing by itself: a Repeat of fixed-size
steps is one multiplication, any other ends with the bytes.
"""

from __future__ import annotations

from rdbcodec.framing.asking import (
    ITEM_DOUBLE,
    ITEM_EOF,
    ITEM_FLOAT,
    ITEM_SINT,
    ITEM_STRING,
    ITEM_UINT,
    Templates,
    WalkFunction,
)
from rdbcodec.framing.labels import Span, labels
from rdbcodec.framing.pieces import Walk
from rdbcodec.framing.specials import SPECIALS
from rdbcodec.framing.whole import asks_templates, compile_walk

__all__ = [
    "ITEM_DOUBLE",
    "ITEM_EOF",
    "ITEM_FLOAT",
    "ITEM_SINT",
    "ITEM_STRING",
    "ITEM_UINT",
    "SPECIALS",
    "Span",
    "Templates",
    "Walk",
    "WalkFunction",
    "asks_templates",
    "compile_walk",
    "labels",
]
