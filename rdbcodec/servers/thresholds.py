"""Up to which size a server keeps a value compact."""

from __future__ import annotations

from collections.abc import Mapping

from rdbcodec.errors import EncodeError
from rdbcodec.named_tuples import NamedTuple


class Thresholds(NamedTuple):
    """Up to which size a server keeps a value compact; the defaults of every server (rdb-format.md, 6.2).

    Entries are counted, values measured in bytes. `list_size` is that of quicklist nodes: elements when
    positive, -1 to -5 for 4 to 64 KiB. `list_entries` and `list_value` are for servers before 3.2.
    """

    hash_entries: int = 512
    hash_value: int = 64
    zset_entries: int = 128
    zset_value: int = 64
    intset_entries: int = 512
    set_entries: int = 128
    set_value: int = 64
    list_size: int = -2
    list_entries: int = 512
    list_value: int = 64
    stream_bytes: int = 4096
    stream_entries: int = 100


DEFAULT_THRESHOLDS = Thresholds()

# The servers' own names of the thresholds, old and new.
SETTINGS: dict[str, str] = {
    "hash-max-listpack-entries": "hash_entries",
    "hash-max-listpack-value": "hash_value",
    "hash-max-ziplist-entries": "hash_entries",
    "hash-max-ziplist-value": "hash_value",
    "hash-max-zipmap-entries": "hash_entries",
    "hash-max-zipmap-value": "hash_value",
    "zset-max-listpack-entries": "zset_entries",
    "zset-max-listpack-value": "zset_value",
    "zset-max-ziplist-entries": "zset_entries",
    "zset-max-ziplist-value": "zset_value",
    "set-max-intset-entries": "intset_entries",
    "set-max-listpack-entries": "set_entries",
    "set-max-listpack-value": "set_value",
    "list-max-listpack-size": "list_size",
    "list-max-ziplist-size": "list_size",
    "list-max-ziplist-entries": "list_entries",
    "list-max-ziplist-value": "list_value",
    "stream-node-max-bytes": "stream_bytes",
    "stream-node-max-entries": "stream_entries",
}


def thresholds_of(settings: Mapping[str, int]) -> Thresholds:
    """Thresholds from settings under the servers' names; raises EncodeError for a name that is none."""
    unknown = sorted(set(settings) - set(SETTINGS))
    if unknown:
        raise EncodeError(f"unknown setting {unknown[0]!r}, known are {', '.join(SETTINGS)}")
    return Thresholds(**{SETTINGS[name]: value for name, value in settings.items()})
