"""One key of a snapshot, found at once: an index beside the file says where each key stands.

    make_index("dump.rdb", "dump.rdb.idx")
    with KeyFile("dump.rdb", "dump.rdb.idx") as keys:
        entry = keys.find(0, b"user:17")

    line of JSON     what the snapshot was when it was read, and what must be known to read in its middle
    16 + 8 bytes ... digest of database and key, offset of the record; sorted, so that halving finds one

An index is of one state of one file. It is refused when the size of the file, its time, its first or its last
bytes are others. One key is to be there in the time that a program takes to start, so this file loads nothing
that reads, checks or writes whole snapshots: rdbcodec.tools.indexing makes the index.
"""

from __future__ import annotations

import json
import os
from base64 import b64decode
from collections.abc import Iterator
from struct import Struct
from typing import IO, TYPE_CHECKING, Any

from rdbcodec.errors import StaleIndex
from rdbcodec.limits import MAX_RECORD, MAX_VALUE
from rdbcodec.reading.placed import Placed, read_at
from rdbcodec.reading.resumed import Resumed
from rdbcodec.records import End, Entry
from rdbcodec.records.state import FileContext, Position
from rdbcodec.tools.hashing import DIGEST, digest, new_digest

if TYPE_CHECKING:
    from typing_extensions import Self

SUFFIX = ".idx"  # behind the name of the snapshot
FORM = "rdbcodec index 1"
PLACE = Struct(f">{DIGEST}sQ")
_ENDS = 4096  # bytes at the start and the end of a snapshot that tell it from others of its size


def state_of(path: str) -> list[Any]:
    """What tells a state of a file from others: its size, its time, a digest of its first and last bytes."""
    told = os.stat(path)  # noqa: PTH116 - pathlib is slow to load
    with _opened(path) as file:
        ends = file.read(_ENDS) + read_at(file, max(0, told.st_size - _ENDS), _ENDS)
    return [told.st_size, told.st_mtime_ns, new_digest(ends).hexdigest()]


def _opened(path: str) -> IO[bytes]:
    return open(path, "rb")  # noqa: PTH123 - as above; closed by whom it is given to


class KeyFile:
    """A snapshot with its index. Raises StaleIndex when they do not belong together."""

    def __init__(
        self, path: str, index: str, *, max_value: int = MAX_VALUE, max_record: int = MAX_RECORD
    ) -> None:
        self._limits = {"max_value": max_value, "max_record": max_record}
        self._index = _opened(index)
        try:
            head = self._head(index, path)
            self.databases: list[int] = head["databases"]
            templates = {id: tuple(map(b64decode, fields)) for id, fields in head["templates"]}
            self._context = FileContext(head["dialect"], True, head["version"], 0, templates)
            self._whole = Placed(_opened(path))
        except BaseException:
            self._index.close()
            raise
        self._begin = self._index.tell()
        self._count = (self._index.seek(0, os.SEEK_END) - self._begin) // PLACE.size

    def _head(self, name: str, path: str) -> dict[str, Any]:
        try:
            head: dict[str, Any] = json.loads(self._index.readline())
        except ValueError:
            head = {}
        if not isinstance(head, dict) or head.get("form") != FORM:
            raise StaleIndex(f"{name} is no index of this version: make it anew")
        if head["state"] != state_of(path):
            raise StaleIndex(f"the index {name} is of the file as it was: make it anew")
        return head

    def find(self, db: int, key: bytes) -> Entry | None:
        """The key of this database; None when there is none. A large value passes by, as ever."""
        for offset in self._offsets(digest(db, key)):
            context = self._context._replace(db=db)
            reader = Resumed(self._whole.stream(offset), Position(offset, context), **self._limits)
            while not isinstance(record := reader.next_record(), End | None):
                if isinstance(record, Entry) and (record.key == key or record.offset != offset):
                    break  # those in one compressed record share its place
            if isinstance(record, Entry) and record.key == key:
                return record
        return None

    def _offsets(self, wanted: bytes) -> Iterator[int]:
        low, high = 0, self._count
        while low < high:
            middle = (low + high) // 2
            if self._place(middle)[0] < wanted:
                low = middle + 1
            else:
                high = middle
        while low < self._count and self._place(low)[0] == wanted:
            yield self._place(low)[1]
            low += 1

    def _place(self, number: int) -> tuple[bytes, int]:
        name, offset = PLACE.unpack(read_at(self._index, self._begin + number * PLACE.size, PLACE.size))
        return name, offset

    def close(self) -> None:
        """Close both."""
        self._whole.close()
        self._index.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()
