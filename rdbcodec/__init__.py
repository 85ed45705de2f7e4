"""rdbcodec reads and writes Redis RDB snapshots: all versions and dialects, in bounded memory.

    import rdbcodec

    with rdbcodec.open("dump.rdb") as snapshot:
        for record in snapshot:
            if isinstance(record, rdbcodec.Entry):
                print(record.db, record.key, record.type, record.value())

An entry is walked, not decoded, before `value()` or `items()` is called. Every error is an RdbError and
says where: offset, db and key.

    with rdbcodec.create("new.rdb", version=9) as writer:
        writer.write(b"greeting", b"hello")

    rdbcodec.convert("dump.rdb", "old.rdb", to="redis-6.2", allow_loss=True)
    payload = rdbcodec.dump.encode(b"hello", version=9)

What a name needs is loaded when the name is first used.
"""

from __future__ import annotations

import importlib

TYPE_CHECKING = False  # imported from typing it would be half of the time that this file takes
if TYPE_CHECKING:
    from rdbcodec.datatypes.arrays import Array
    from rdbcodec.datatypes.crons import Cron
    from rdbcodec.datatypes.gcra import Gcra
    from rdbcodec.datatypes.hashes import Hash
    from rdbcodec.datatypes.json_documents import Json
    from rdbcodec.datatypes.lists import List
    from rdbcodec.datatypes.modules import ModuleValue
    from rdbcodec.datatypes.modules import codecs as modules
    from rdbcodec.datatypes.path_hashes import PathHash
    from rdbcodec.datatypes.sets import Set
    from rdbcodec.datatypes.sketches import RawValue
    from rdbcodec.datatypes.streams import Consumer, Group, Pending, Stream
    from rdbcodec.datatypes.values import Element, Value, Writable
    from rdbcodec.datatypes.zsets import ZSet
    from rdbcodec.encoding import payloads as dump
    from rdbcodec.errors import (
        BadMagic,
        ChecksumMismatch,
        CircumstancesError,
        ContainerError,
        CorruptStructure,
        DamagedContainer,
        DecodeError,
        EncodeError,
        LimitExceeded,
        LossyConversion,
        ModuleNameError,
        ProfileError,
        RdbError,
        StaleIndex,
        StateError,
        TailError,
        TargetError,
        TextError,
        Truncated,
        UnknownCode,
        UnknownOpcode,
        UnknownType,
        UnsupportedVersion,
    )
    from rdbcodec.exports.columnar import to_arrow
    from rdbcodec.facts.largest import top
    from rdbcodec.facts.prefixes import prefixes
    from rdbcodec.facts.scan import scan
    from rdbcodec.facts.selection import Selection
    from rdbcodec.facts.ttls import ttl
    from rdbcodec.facts.usage import stat
    from rdbcodec.limits import MAX_VALUE
    from rdbcodec.live.fetch import fetch
    from rdbcodec.live.restore import restore
    from rdbcodec.losses import Loss
    from rdbcodec.reading.decoder import NEED_DATA, Decoder
    from rdbcodec.reading.reader import Reader, open
    from rdbcodec.reading.source import Source
    from rdbcodec.records import (
        Aux,
        End,
        Entry,
        Function,
        HashTemplate,
        Header,
        ModuleAux,
        Record,
        ResizeDb,
        SelectDb,
        SlotImport,
        SlotInfo,
        Vendor,
    )
    from rdbcodec.reports.html.report import report
    from rdbcodec.servers import Server
    from rdbcodec.structures.stream_node import StreamEntry, StreamId
    from rdbcodec.tail import Tail
    from rdbcodec.tools.diff import diff
    from rdbcodec.tools.explain import explain
    from rdbcodec.tools.fingerprint import fingerprint
    from rdbcodec.tools.indexing import make_index
    from rdbcodec.tools.key_files import KeyFile
    from rdbcodec.tools.mask import Masked, mask
    from rdbcodec.tools.meanings import Meaning
    from rdbcodec.tools.merge import merge
    from rdbcodec.tools.salvage import salvage
    from rdbcodec.tools.split import split
    from rdbcodec.writing.conversion import convert
    from rdbcodec.writing.create import create
    from rdbcodec.writing.result import Conversion
    from rdbcodec.writing.writer import Writer

__version__ = "0.2.0"

# Where the names live; each module is imported when one of its names is used. A process that is told to end
# in its first tenths of a second must have come as far as its signal handlers, and those who only read
# need nothing of the writing half.
_HOMES = {
    "rdbcodec.reading.source": "Source",
    "rdbcodec.writing.conversion": "convert",
    "rdbcodec.exports.columnar": "to_arrow",
    "rdbcodec.facts.largest": "top",
    "rdbcodec.facts.prefixes": "prefixes",
    "rdbcodec.facts.scan": "scan",
    "rdbcodec.facts.selection": "Selection",
    "rdbcodec.facts.ttls": "ttl",
    "rdbcodec.facts.usage": "stat",
    "rdbcodec.reports.html.report": "report",
    "rdbcodec.tools.diff": "diff",
    "rdbcodec.tools.fingerprint": "fingerprint",
    "rdbcodec.tools.explain": "explain",
    "rdbcodec.tools.indexing": "make_index",
    "rdbcodec.tools.key_files": "KeyFile",
    "rdbcodec.tools.mask": "Masked mask",
    "rdbcodec.tools.meanings": "Meaning",
    "rdbcodec.tools.merge": "merge",
    "rdbcodec.tools.salvage": "salvage",
    "rdbcodec.tools.split": "split",
    "rdbcodec.writing.result": "Conversion",
    "rdbcodec.servers": "Server",
    "rdbcodec.datatypes.hashes": "Hash",
    "rdbcodec.datatypes.lists": "List",
    "rdbcodec.datatypes.modules": "ModuleValue",
    "rdbcodec.datatypes.arrays": "Array",
    "rdbcodec.datatypes.crons": "Cron",
    "rdbcodec.datatypes.gcra": "Gcra",
    "rdbcodec.datatypes.json_documents": "Json",
    "rdbcodec.datatypes.path_hashes": "PathHash",
    "rdbcodec.datatypes.sets": "Set",
    "rdbcodec.datatypes.sketches": "RawValue",
    "rdbcodec.datatypes.streams": "Consumer Group Pending Stream",
    "rdbcodec.datatypes.values": "Element Value Writable",
    "rdbcodec.datatypes.zsets": "ZSet",
    "rdbcodec.reading.decoder": "Decoder NEED_DATA",
    "rdbcodec.errors": (
        "BadMagic ChecksumMismatch CircumstancesError ContainerError CorruptStructure DamagedContainer "
        "DecodeError EncodeError LimitExceeded LossyConversion ModuleNameError ProfileError RdbError "
        "StaleIndex StateError TailError TargetError TextError Truncated UnknownCode UnknownOpcode "
        "UnknownType UnsupportedVersion"
    ),
    "rdbcodec.limits": "MAX_VALUE",
    "rdbcodec.live.fetch": "fetch",
    "rdbcodec.live.restore": "restore",
    "rdbcodec.losses": "Loss",
    "rdbcodec.reading.reader": "Reader open",
    "rdbcodec.records": (
        "Aux End Entry Function HashTemplate Header ModuleAux Record ResizeDb SelectDb SlotImport "
        "SlotInfo Vendor"
    ),
    "rdbcodec.structures.stream_node": "StreamEntry StreamId",
    "rdbcodec.tail": "Tail",
    "rdbcodec.writing.create": "create",
    "rdbcodec.writing.writer": "Writer",
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names.split()}


_MODULES = {
    "dump": "rdbcodec.encoding.payloads",
    "modules": "rdbcodec.datatypes.modules.codecs",
}  # those that are public under another name


if not TYPE_CHECKING:  # else every name there is not would be right to type checkers

    def __getattr__(name: str) -> object:
        if name in _HOME_OF:
            found = getattr(importlib.import_module(_HOME_OF[name]), name)
        elif name in _MODULES:
            found = importlib.import_module(_MODULES[name])
        else:
            found = _room(name)
        globals()[name] = found
        return found

    def _room(name: str) -> object:
        """A module of the package, which is an attribute of it as if everything had been imported."""
        missing = AttributeError(f"module {__name__!r} has no attribute {name!r}")
        if name.startswith("_"):
            raise missing
        try:
            return importlib.import_module(f"{__name__}.{name}")
        except ModuleNotFoundError as error:
            if error.name != f"{__name__}.{name}":
                raise
            raise missing from None


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


__all__ = [
    "MAX_VALUE",
    "NEED_DATA",
    "Array",
    "Aux",
    "BadMagic",
    "ChecksumMismatch",
    "CircumstancesError",
    "Consumer",
    "ContainerError",
    "Conversion",
    "CorruptStructure",
    "Cron",
    "DamagedContainer",
    "DecodeError",
    "Decoder",
    "Element",
    "EncodeError",
    "End",
    "Entry",
    "Function",
    "Gcra",
    "Group",
    "Hash",
    "HashTemplate",
    "Header",
    "Json",
    "KeyFile",
    "LimitExceeded",
    "List",
    "Loss",
    "LossyConversion",
    "Masked",
    "Meaning",
    "ModuleAux",
    "ModuleNameError",
    "ModuleValue",
    "PathHash",
    "Pending",
    "ProfileError",
    "RawValue",
    "RdbError",
    "Reader",
    "Record",
    "ResizeDb",
    "SelectDb",
    "Selection",
    "Server",
    "Set",
    "SlotImport",
    "SlotInfo",
    "Source",
    "StaleIndex",
    "StateError",
    "Stream",
    "StreamEntry",
    "StreamId",
    "Tail",
    "TailError",
    "TargetError",
    "TextError",
    "Truncated",
    "UnknownCode",
    "UnknownOpcode",
    "UnknownType",
    "UnsupportedVersion",
    "Value",
    "Vendor",
    "Writable",
    "Writer",
    "ZSet",
    "convert",
    "create",
    "diff",
    "dump",
    "explain",
    "fetch",
    "fingerprint",
    "make_index",
    "mask",
    "merge",
    "modules",
    "open",
    "prefixes",
    "report",
    "restore",
    "salvage",
    "scan",
    "split",
    "stat",
    "to_arrow",
    "top",
    "ttl",
]
