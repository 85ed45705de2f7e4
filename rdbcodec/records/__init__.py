"""What a snapshot is made of: the records a reader yields, in file order.

    Header      the magic: dialect and version
    Aux         a named remark of the writer
    SelectDb, ResizeDb, SlotInfo, SlotImport      where the next keys belong, and hints how many come
    Function, ModuleAux, HashTemplate             what belongs to the data set and not to a key
    Entry       a key with its value
    Vendor      an opcode only its dialect knows the meaning of
    End         the EOF mark and what became of the checksum

An Entry holds the bytes of its record and decodes nothing before it is asked. Records other than Entry
are few; they keep their bytes in `raw`, opcode included, so that copying is exact.
"""

from __future__ import annotations

from rdbcodec.records.attributed import AttributedEntry, CacheEntry
from rdbcodec.records.attributes import Attributes
from rdbcodec.records.aux_field import Aux
from rdbcodec.records.end import Checksum, End
from rdbcodec.records.entry import Context, Entry
from rdbcodec.records.function import Function
from rdbcodec.records.hash_template import HashTemplate
from rdbcodec.records.header import Header
from rdbcodec.records.large import PASSED_BY, Kept, LargeEntry, ValueSource
from rdbcodec.records.module_aux import ModuleAux
from rdbcodec.records.resize_db import ResizeDb
from rdbcodec.records.select_db import SelectDb
from rdbcodec.records.slot_import import SlotImport
from rdbcodec.records.slot_info import SlotInfo
from rdbcodec.records.vendor import Vendor

Record = (
    Header
    | Aux
    | SelectDb
    | ResizeDb
    | SlotInfo
    | SlotImport
    | Function
    | ModuleAux
    | HashTemplate
    | Vendor
    | Entry
    | End
)

__all__ = [
    "PASSED_BY",
    "AttributedEntry",
    "Attributes",
    "Aux",
    "CacheEntry",
    "Checksum",
    "Context",
    "End",
    "Entry",
    "Function",
    "HashTemplate",
    "Header",
    "Kept",
    "LargeEntry",
    "ModuleAux",
    "Record",
    "ResizeDb",
    "SelectDb",
    "SlotImport",
    "SlotInfo",
    "ValueSource",
    "Vendor",
]
