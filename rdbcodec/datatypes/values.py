"""What values are in Python: those that are read, and those that may be written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet

from rdbcodec.datatypes.arrays import Array
from rdbcodec.datatypes.crons import Cron
from rdbcodec.datatypes.gcra import Gcra
from rdbcodec.datatypes.hashes import Hash
from rdbcodec.datatypes.json_documents import Json
from rdbcodec.datatypes.lists import List
from rdbcodec.datatypes.modules import ModuleValue
from rdbcodec.datatypes.natural import Text
from rdbcodec.datatypes.path_hashes import PathHash
from rdbcodec.datatypes.sets import Set
from rdbcodec.datatypes.sketches import RawValue
from rdbcodec.datatypes.streams import Stream
from rdbcodec.datatypes.zsets import ZSet
from rdbcodec.structures.stream_node import StreamEntry

# What Entry.value() gives; which of them, the type of the entry says.
Value = (
    bytes | List | Set | ZSet | Hash | Stream | ModuleValue | Array | PathHash | Cron | Gcra | Json | RawValue
)

# What the batches of Entry.items() hold: pieces of strings, elements and members; (member, score); (field,
# value, expiry in milliseconds or None); (opcode, item) of modules and (index, element) of arrays; (path,
# fields) of path hashes; entries of streams.
Element = (
    bytes
    | tuple[bytes, float]
    | tuple[bytes, bytes, int | None]
    | tuple[int, int | float | bytes]
    | tuple[bytes, Hash]
    | StreamEntry
)

# What Writer.write takes: any of those, and plain Python. Of numbers and texts it makes bytes.
Writable = Value | Text | Sequence[Text] | AbstractSet[Text] | Mapping[Text, Text]
