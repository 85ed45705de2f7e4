"""AUX fields: named remarks of the writer.

    FA  STRING name  STRING value

The file is not called aux.py, as the record is: no file on Windows can have that name.
"""

from __future__ import annotations

from typing import NamedTuple

from rdbcodec.formats import LAST_KEY_AUX


class Aux(NamedTuple):
    """A named remark of the writer. A number is its decimal text.

    `of_next_key` says that it stands among the attributes of the key that follows and belongs to it:
    that entry's bytes hold it too, and whoever leaves the key out leaves the remark out.
    """

    offset: int
    raw: bytes
    name: bytes
    value: bytes
    of_next_key: bool = False

    @property
    def of_last_key(self) -> bool:
        """Whether it is about the key before it: KeyDB's expiries of members."""
        return self.name.lower() in LAST_KEY_AUX
