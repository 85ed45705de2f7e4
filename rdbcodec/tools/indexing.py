"""The making of an index; what it is and how it is used: key_files."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Callable
from typing import Any

from rdbcodec.errors import RdbError
from rdbcodec.formats import Dialect
from rdbcodec.limits import COPIED_VALUE, MAX_RECORD
from rdbcodec.reading.reader import open as open_snapshot
from rdbcodec.reading.sorted_runs import SortedRuns
from rdbcodec.records import Entry, HashTemplate
from rdbcodec.tools.hashing import digest
from rdbcodec.tools.key_files import FORM, PLACE, state_of
from rdbcodec.writing.output import OutputLike, whole_output


def make_index(
    path: str,
    output: OutputLike,
    *,
    replace: bool = True,
    dialect: Dialect | None = None,
    any_version: bool = False,
    verify_checksum: bool = True,
    max_record: int = MAX_RECORD,
    progress: Callable[[int, int, int], Any] | None = None,
) -> int:
    """Read a snapshot to its end and write its index; how many keys are in it.

    `progress` is called with bytes read, bytes there are and keys. Raises RdbError for a compressed file, in
    whose middle nobody can begin, DecodeError for a damaged one.
    """
    state = state_of(path)
    reader = open_snapshot(
        path,
        dialect=dialect,
        any_version=any_version,
        verify_checksum=verify_checksum,
        max_value=COPIED_VALUE,
        max_record=max_record,
    )
    with reader, SortedRuns(PLACE.size) as places:
        if reader.containers:
            raise RdbError(f"a {reader.containers[0]} file has no places: unpack it, and index that")
        databases: set[int] = set()
        templates: dict[int, tuple[bytes, ...]] = {}
        keys = 0
        for record in reader:
            if isinstance(record, Entry):
                places.add(PLACE.pack(digest(record.db, record.key), record.offset))
                databases.add(record.db)
                keys += 1
                if progress is not None and not keys & _TICK:
                    progress(reader.bytes_read, state[0], keys)
            elif isinstance(record, HashTemplate):
                templates[record.id] = record.fields
        head = {
            "form": FORM,
            "state": state,
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


_TICK = 0x3FF  # keys between two looks at the progress, a power of two less one
