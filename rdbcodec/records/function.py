"""Function libraries.

F5  STRING code                                                         since Redis 7.0
F6  STRING name  STRING engine  LENGTH 0 or 1  [STRING text]  STRING code    7.0-rc1 and rc2
"""

from __future__ import annotations

from typing import NamedTuple

from rdbcodec.records.libraries import library_name


class Function(NamedTuple):
    """A function library. `name` and `engine` are told apart only by the form of Redis 7.0-rc1 and rc2."""

    offset: int
    raw: bytes
    code: bytes
    name: bytes | None = None
    engine: bytes | None = None

    @property
    def library(self) -> bytes | None:
        """The library's name, from the record or from the code's first line: `#!lua name=mylib`.

        None when the first line names none that a server takes.
        """
        return self.name if self.name is not None else library_name(self.code)
