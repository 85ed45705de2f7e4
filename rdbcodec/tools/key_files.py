"""One key of a snapshot, found at once: an index beside the file says where each key stands.

    make_index("dump.rdb", "dump.rdb.idx")
    with KeyFile("dump.rdb", "dump.rdb.idx") as keys:
        entry = keys.find(0, b"user:17")

    line of JSON     what the snapshot was when it was read, and what must be known to read in its middle
    16 + 8 bytes ... digest of database and key, offset of the record; sorted, so that halving finds one

An index is of one state of one file. It is refused when the size of the file, its time, its first or its last
bytes are others.
"""

from __future__ import annotations

import json
import os
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator
from hashlib import blake2b
from pathlib import Path
from struct import Struct
from typing import IO, TYPE_CHECKING, Any

from rdbcodec.errors import RdbError, StaleIndex
from rdbcodec.limits import COPIED_VALUE, MAX_RECORD, MAX_VALUE
from rdbcodec.reading.reader import open as open_snapshot
from rdbcodec.reading.resumed import Resumed
from rdbcodec.reading.sorted_runs import SortedRuns, read_at
from rdbcodec.reading.unwrapped import Unwrapped
from rdbcodec.records import End, Entry, HashTemplate
from rdbcodec.records.state import FileContext, Position
from rdbcodec.tools.digests import DIGEST, digest
from rdbcodec.writing.output import OutputLike, whole_output

if TYPE_CHECKING:
    from typing_extensions import Self

SUFFIX = ".idx"  # behind the name of the snapshot
FORM = "rdbcodec index 1"
_PLACE = Struct(f">{DIGEST}sQ")
_ENDS = 4096  # bytes at the start and the end of a snapshot that tell it from others of its size


def make_index(
    path: str, output: OutputLike, *, replace: bool = True, progress: Callable[[], Any] | None = None
) -> int:
    """Read a snapshot to its end and write its index; how many keys are in it.

    Raises RdbError for a compressed file, in whose middle nobody can begin, DecodeError for a damaged one.
    """
    before = _state(path)
    with open_snapshot(path, max_value=COPIED_VALUE) as reader, SortedRuns(_PLACE.size) as places:
        if reader.containers:
            raise RdbError(f"a {reader.containers[0]} file has no places: unpack it, and index that")
        databases: set[int] = set()
        templates: dict[int, tuple[bytes, ...]] = {}
        keys = 0
        for record in reader:
            if isinstance(record, Entry):
                places.add(_PLACE.pack(digest(record.db, record.key), record.offset))
                databases.add(record.db)
                keys += 1
                if progress is not None and not keys & _TICK:
                    progress()
            elif isinstance(record, HashTemplate):
                templates[record.id] = record.fields
        head = {
            "form": FORM,
            "state": before,
            "dialect": reader.dialect,
            "version": reader.version,
            "databases": sorted(databases),
            "templates": [[id, [b64encode(f).decode() for f in fields]] for id, fields in templates.items()],
        }
        with whole_output(output, replace=replace) as file:
            file.write(json.dumps(head).encode() + b"\n")
            for place in places.merged():
                file.write(place)
    return keys


def _state(path: str) -> list[Any]:
    told = Path(path).stat()
    with Path(path).open("rb") as file:
        ends = file.read(_ENDS) + read_at(file, max(0, told.st_size - _ENDS), _ENDS)
    return [told.st_size, told.st_mtime_ns, blake2b(ends, digest_size=DIGEST).hexdigest()]


class KeyFile:
    """A snapshot with its index. Raises StaleIndex when they do not belong together."""

    def __init__(
        self, path: str, index: str, *, max_value: int = MAX_VALUE, max_record: int = MAX_RECORD
    ) -> None:
        self._limits = {"max_value": max_value, "max_record": max_record}
        self._index: IO[bytes] = Path(index).open("rb")  # noqa: SIM115 - closed with this
        try:
            head = self._head(index, path)
            self.databases: list[int] = head["databases"]
            templates = {id: tuple(map(b64decode, fields)) for id, fields in head["templates"]}
            self._context = FileContext(head["dialect"], True, head["version"], 0, templates)
            self._whole = Unwrapped(path)
        except BaseException:
            self._index.close()
            raise
        self._begin = self._index.tell()
        self._count = (self._index.seek(0, os.SEEK_END) - self._begin) // _PLACE.size

    def _head(self, name: str, path: str) -> dict[str, Any]:
        try:
            head: dict[str, Any] = json.loads(self._index.readline())
        except ValueError:
            head = {}
        if not isinstance(head, dict) or head.get("form") != FORM:
            raise StaleIndex(f"{name} is no index of this version: make it anew")
        if head["state"] != _state(path):
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
        name, offset = _PLACE.unpack(read_at(self._index, self._begin + number * _PLACE.size, _PLACE.size))
        return name, offset

    def close(self) -> None:
        """Close both."""
        self._whole.close()
        self._index.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


_TICK = 0x3FF  # keys between two looks at the progress, a power of two less one
