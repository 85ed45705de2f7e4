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

    rdbcodec.convert("dump.rdb", "old.rdb", target="redis-6.2", allow_loss=True)
    payload = rdbcodec.dump.encode(b"hello", version=9)

The writing half (create, Writer, convert, Conversion, make_form, Form, Loss, dump) is loaded when it is
first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from rdbcodec.containers import Source
from rdbcodec.datatypes.hashes import Hash
from rdbcodec.datatypes.lists import List
from rdbcodec.datatypes.modules import ModuleValue
from rdbcodec.datatypes.others import Array, Cron, Gcra, Json, PathHash, RawValue
from rdbcodec.datatypes.sets import Set
from rdbcodec.datatypes.streams import Consumer, Group, Pending, Stream
from rdbcodec.datatypes.zsets import ZSet
from rdbcodec.decoder import NEED_DATA, Decoder
from rdbcodec.errors import (
    BadMagic,
    ChecksumMismatch,
    CircumstancesError,
    ContainerError,
    CorruptStructure,
    DecodeError,
    EncodeError,
    LimitExceeded,
    LossyConversion,
    ModuleNameError,
    ProfileError,
    RdbError,
    TailError,
    TargetError,
    TextError,
    Truncated,
    UnknownCode,
    UnknownOpcode,
    UnknownType,
    UnsupportedVersion,
)
from rdbcodec.limits import MAX_VALUE
from rdbcodec.reader import Reader, open
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
from rdbcodec.structures.stream_node import StreamEntry, StreamId
from rdbcodec.tail import Tail

if TYPE_CHECKING:
    from rdbcodec import dump
    from rdbcodec.conversion import Conversion, convert
    from rdbcodec.datatypes.form import Form
    from rdbcodec.losses import Loss
    from rdbcodec.writer import Writer, create, make_form

__version__ = "0.2.0"

# Where the names of the writing half live: reading is what most imports are for, and this halves their time.
_WRITING = {
    "Conversion": "rdbcodec.conversion",
    "Form": "rdbcodec.datatypes.form",
    "Loss": "rdbcodec.losses",
    "Writer": "rdbcodec.writer",
    "convert": "rdbcodec.conversion",
    "create": "rdbcodec.writer",
    "make_form": "rdbcodec.writer",
}


def __getattr__(name: str) -> object:
    if name == "dump":
        return importlib.import_module("rdbcodec.dump")
    if name not in _WRITING:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = getattr(importlib.import_module(_WRITING[name]), name)
    globals()[name] = found
    return found


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
    "DecodeError",
    "Decoder",
    "EncodeError",
    "End",
    "Entry",
    "Form",
    "Function",
    "Gcra",
    "Group",
    "Hash",
    "HashTemplate",
    "Header",
    "Json",
    "LimitExceeded",
    "List",
    "Loss",
    "LossyConversion",
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
    "Set",
    "SlotImport",
    "SlotInfo",
    "Source",
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
    "Vendor",
    "Writer",
    "ZSet",
    "convert",
    "create",
    "dump",
    "make_form",
    "open",
]
