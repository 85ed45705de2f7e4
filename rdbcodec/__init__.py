"""rdbcodec reads Redis RDB snapshots: all versions and dialects, in bounded memory.

    import rdbcodec

    with rdbcodec.open("dump.rdb") as snapshot:
        for record in snapshot:
            if isinstance(record, rdbcodec.Entry):
                print(record.db, record.key, record.type, record.value())

An entry is walked, not decoded, before `value()` or `items()` is called. Every error is an RdbError and
says where: offset, db and key.
"""

from rdbcodec.containers import Source
from rdbcodec.datatypes.hashes import Hash
from rdbcodec.datatypes.lists import List
from rdbcodec.datatypes.modules import ModuleValue
from rdbcodec.datatypes.others import Array, Cron, PathHash, RawValue
from rdbcodec.datatypes.sets import Set
from rdbcodec.datatypes.streams import Consumer, Group, Pending, Stream
from rdbcodec.datatypes.zsets import ZSet
from rdbcodec.decoder import MAX_VALUE, NEED_DATA, Decoder
from rdbcodec.errors import (
    BadMagic,
    ChecksumMismatch,
    ContainerError,
    CorruptStructure,
    DecodeError,
    LimitExceeded,
    RdbError,
    Truncated,
    UnknownOpcode,
    UnknownType,
    UnsupportedVersion,
)
from rdbcodec.reader import Reader, Tail, open
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

__version__ = "0.1.0"

__all__ = [
    "MAX_VALUE",
    "NEED_DATA",
    "Array",
    "Aux",
    "BadMagic",
    "ChecksumMismatch",
    "Consumer",
    "ContainerError",
    "CorruptStructure",
    "Cron",
    "DecodeError",
    "Decoder",
    "End",
    "Entry",
    "Function",
    "Group",
    "Hash",
    "HashTemplate",
    "Header",
    "LimitExceeded",
    "List",
    "ModuleAux",
    "ModuleValue",
    "PathHash",
    "Pending",
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
    "Truncated",
    "UnknownOpcode",
    "UnknownType",
    "UnsupportedVersion",
    "Vendor",
    "ZSet",
    "open",
]
