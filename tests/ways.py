"""What the corpus tests share: the fixtures, every way to read bytes, and records as plain data.

`WAYS` holds one function for each way in which a snapshot may reach a reader; all of them must give
the records that reading it whole gives. `plain` turns a record into data that `==` compares completely:
values are subclasses of builtins, whose own equality ignores order and field TTLs.
"""

from __future__ import annotations

import contextlib
import gzip
import mmap
import os
import threading
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import lz4.frame
from interpreters import PYPY

import rdbcodec
from rdbcodec import NEED_DATA
from rdbcodec.wire import lengths

if TYPE_CHECKING:
    from collections.abc import Callable

    from rdbcodec import Record

FIXTURES = Path(__file__).parents[1] / "fixtures"
DISABLED = bytes(8)  # the checksum of a server with rdbchecksum no


def corpus(folder: str, *suffixes: str) -> list[Path]:
    """The fixture files of a folder; a corpus that is not there is a failure, not an empty run."""
    files = sorted(path for path in (FIXTURES / folder).iterdir() if path.suffix in suffixes)
    if not files:
        raise FileNotFoundError(f"no fixtures {suffixes} in {FIXTURES / folder}")
    return files


EMPTY = ("redis-2.0.5-empty", "valkey-9.1.2-empty")  # what two say, twenty say
SNAPSHOTS = [
    path
    for path in corpus("snapshots", ".rdb", ".aof")
    if not path.stem.endswith("-empty") or path.stem in EMPTY
]

# Of those, some that have every type and every record that any has: for tests that take long with each.
DISTINCT = [
    FIXTURES / "snapshots" / name
    for name in (
        "redis-2.4.18-types.rdb",
        "redis-5.0.14-aof.aof",
        "redis-7.0.15-types.rdb",
        "redis-7.2.6-lfu.rdb",
        "redis-7.2.6-lru.rdb",
        "redis-7.2.6-modules.rdb",
        "redis-8.0.6-cluster.rdb",
        "redis-8.10.2-new.rdb",
        "valkey-8.0.1-aof.rdb",
        "valkey-8.0.1-lfu.rdb",
        "valkey-8.0.1-lru.rdb",
        "valkey-9.1.2-new.rdb",
        "valkey-9.1.2-slotimport.rdb",
    )
]


def snapshot(*records: bytes, magic: bytes = b"REDIS0012", checksum: bytes = DISABLED) -> bytes:
    """A hand-made snapshot of these records."""
    return magic + b"".join(records) + b"\xff" + (checksum if magic > b"REDIS0004" else b"")


def pair(code: int, value: bytes, key: bytes = b"k") -> bytes:
    """A key record: type byte, short key, value."""
    return bytes((code, len(key))) + key + value


def string(text: bytes) -> bytes:
    """A plain STRING."""
    return lengths.encode(len(text)) + text


def lzf_run(letter: bytes, matches: int) -> bytes:
    """A STRING of 1 + 264 * matches equal letters, as LZF packs them: 88 bytes out of each byte."""
    block = b"\x00" + letter + b"\xe0\xff\x00" * matches
    return b"\xc3" + lengths.encode(len(block)) + lengths.encode(1 + 264 * matches) + block


def entries(data: bytes, **options: Any) -> list[rdbcodec.Entry]:
    """The entries of a snapshot."""
    with rdbcodec.open(data, **options) as reader:
        return [record for record in reader if isinstance(record, rdbcodec.Entry)]


# --- records as plain data --------------------------------------------------------------------------


def plain(record: Record) -> tuple[object, ...]:
    """A record as its class name and everything it says, values decoded."""
    if not isinstance(record, rdbcodec.Entry):
        return type(record).__name__, *record
    return (
        type(record).__name__,
        record.db,
        record.key,
        record.type,
        record.encoding,
        record.code,
        record.expires_at_ms,
        record.idle,
        record.freq,
        record.meta,
        record.offset,
        record.raw,
        record.serialized_size,
        record.count,
        plain_value(record.value()),
    )


def plain_value(value: object) -> tuple[object, ...]:
    """A decoded value with its class, its order and its expiries."""
    name = type(value).__name__
    if isinstance(value, rdbcodec.PathHash):
        return name, [(path, plain_value(fields)) for path, fields in value.items()]
    if isinstance(value, rdbcodec.Hash):
        return name, list(value.items()), value.expires_at_ms
    if isinstance(value, rdbcodec.Set):
        return name, list(value), value.expires_at_ms
    if isinstance(value, dict):
        return name, list(value.items())
    return name, value


# --- each thing once --------------------------------------------------------------------------------


def sight(record: Record, path: Path) -> object:
    """What a record shows to whoever reads it. The same value under another key, or in a file of another
    version, is the same sight; fields of a template mean what the template of their file says."""
    if isinstance(record, rdbcodec.Entry):
        dated = (record.expires_at_ms is None, record.idle is None, record.freq is None, record.meta)
        origin = (record.origin.dialect, record.origin.back_length)
        file = path if "template" in record.row.name else None
        odd_key = None if record.key.isascii() and record.key.decode().isprintable() else record.key
        return record.row.name, record.raw, odd_key, *dated, *origin, file
    match record:
        case rdbcodec.Header() | rdbcodec.Function() | rdbcodec.ModuleAux():
            return type(record), record.raw
        case rdbcodec.Aux():
            return rdbcodec.Aux, record.name
        case rdbcodec.End():
            return rdbcodec.End, record.checksum, path.suffix
        case _:
            return type(record)


@cache
def _records(path: Path) -> list[Record]:
    return read(path)


@cache
def thinned(*files: Path) -> dict[str, bytes]:
    """The files without the entries that an earlier one shows, by name.

    Servers of all versions were given the same data: nine of ten entries are repeats. A file that shows
    nothing new is left out; tests of what a whole file says take SNAPSHOTS.
    """
    seen: set[object] = set()
    return {path.name: data for path in files if (data := _unseen(path, seen))}


def _unseen(path: Path, seen: set[object]) -> bytes:
    """The file without the entries that were seen; nothing if all of its records were."""
    data, records, new = path.read_bytes(), _records(path), []
    for record in records:
        what = sight(record, path)
        new.append(what not in seen)
        seen.add(what)
    if not any(new):
        return b""
    beside = zip(records, new, strict=True)
    repeated = {
        record.offset for record, is_new in beside if isinstance(record, rdbcodec.Entry) and not is_new
    }
    return _without(data, records, repeated) if repeated else data


def _without(data: bytes, records: list[Record], places: set[int]) -> bytes:
    """The file without these entries, hence without counts of keys and a checksum."""
    end = records[-1]
    assert isinstance(end, rdbcodec.End)
    pieces = [
        data[record.offset : following.offset]
        for record, following in pairwise(records)
        if record.offset not in places and not isinstance(record, rdbcodec.ResizeDb | rdbcodec.SlotInfo)
    ]
    return b"".join([*pieces, b"\xff", bytes(len(end.raw) - 1), data[end.size :]])


def covering(files: list[Path]) -> list[Path]:
    """Few of the files that together have every layout, every module and every kind of record that any of
    them has, each in every version of the format that has it."""
    parts = {path: _parts(path) for path in files}
    missing = set[object]().union(*parts.values())
    chosen = []
    while missing:
        chosen.append(max(files, key=lambda path: len(parts[path] & missing)))
        missing -= parts[chosen[-1]]
    return sorted(chosen)


def _parts(path: Path) -> set[object]:
    header, *records = _records(path)
    assert isinstance(header, rdbcodec.Header)
    return {(header.dialect, header.version, *_part(record)) for record in records}


def _part(record: Record) -> tuple[object, ...]:
    if isinstance(record, rdbcodec.Entry):
        return record.row.name, record.value_as(
            rdbcodec.ModuleValue
        ).module.name if record.type == "module" else None
    name = record.name if isinstance(record, rdbcodec.Aux) else None
    return type(record).__name__, name, record.checksum if isinstance(record, rdbcodec.End) else None


# --- the ways ---------------------------------------------------------------------------------------


def read(source: rdbcodec.Source) -> list[Record]:
    """The records of anything rdbcodec.open takes."""
    with rdbcodec.open(source) as reader:
        return list(reader)


def fed(data: bytes, size: int) -> list[Record]:
    """The records of a Decoder that gets `size` bytes at a time."""
    decoder = rdbcodec.Decoder()
    records: list[Record] = []
    for at in range(0, len(data), size):
        decoder.feed(data[at : at + size])
        while (record := decoder.next_record()) is not NEED_DATA:
            if record is None:
                return records
            records.append(record)
    decoder.feed_eof()
    while (record := decoder.next_record()) is not None:
        assert record is not NEED_DATA
        records.append(record)
    return records


def _write(data: bytes, tmp_path: Path) -> Path:
    path = tmp_path / "dump"
    path.write_bytes(data)
    return path


def _file(data: bytes, tmp_path: Path) -> list[Record]:
    return read(_write(data, tmp_path))


def _pipe(data: bytes, tmp_path: Path) -> list[Record]:
    source, sink = os.pipe()

    def pour() -> None:
        with contextlib.suppress(BrokenPipeError), os.fdopen(sink, "wb") as file:
            file.write(data)  # a reader that gives up closes its end

    feeder = threading.Thread(target=pour)
    feeder.start()
    with os.fdopen(source, "rb", buffering=0) as file:
        records = read(file)
        while file.read(1 << 16):  # what follows a snapshot; else the feeder meets a closed pipe
            pass
    feeder.join()
    return records


def _mmap(data: bytes, tmp_path: Path) -> list[Record]:
    with (
        _write(data, tmp_path).open("rb") as file,
        mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as memory,
    ):
        return read(memory)


def gzip_members(data: bytes) -> bytes:
    """A gzip file of two members, as appending to one makes it."""
    middle = len(data) // 2
    return gzip.compress(data[:middle], 1) + gzip.compress(data[middle:], 1)


WAYS: dict[str, Callable[[bytes, Path], list[Record]]] = {
    "bytes": lambda data, _: read(data),
    "file": _file,
    "pipe": _pipe,
    "bytearray": lambda data, _: read(bytearray(data)),
    "memoryview": lambda data, _: read(memoryview(data)),
    "mmap": _mmap,
    "fed 1 byte at a time": lambda data, _: fed(data, 1),
    "fed 7 bytes at a time": lambda data, _: fed(data, 7),
    "fed whole": lambda data, _: fed(data, len(data)),
    "gzip": lambda data, _: read(gzip.compress(data, 1)),
    "gzip of two members": lambda data, _: read(gzip_members(data)),
}
if not PYPY:  # the package lz4 ends it
    WAYS["LZ4 frame"] = lambda data, _: read(lz4.frame.compress(data))
