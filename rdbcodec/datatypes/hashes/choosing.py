"""Which of the layouts of hashes a server would write, and what is true of all of them."""

from __future__ import annotations

from collections.abc import Iterator

from rdbcodec.datatypes.hashes.value import Hash, natural_hash
from rdbcodec.datatypes.layout import DataType, adapt_expiries
from rdbcodec.datatypes.packed import is_clear, is_small
from rdbcodec.servers import Server


def _choose(value: Hash, server: Server) -> Iterator[str]:
    texts = [*value, *value.values()]
    most = server.thresholds
    small = is_small(texts, len(value), most.hash_entries, most.hash_value)
    clear = small and is_clear(texts, server)
    if value.expires_at_ms:
        yield from (("hash-listpack-ttl",) if clear else ())
        yield from ("hash-ttl", "hash-ttl-valkey", "hash-expiry")
    if small:
        yield from (("hash-listpack",) if clear else ())
        yield from ("hash-ziplist", "hash-zipmap")
    yield "hash"


_EXPIRY_LOSS = "field-ttl"
TYPES = (
    DataType(
        "hash",
        (dict,),
        natural_hash,
        choose=_choose,
        adapt=adapt_expiries(_EXPIRY_LOSS),
        empty="dropped",
        texts=lambda value: [*value, *value.values()],
        names=lambda fields: [field for field, *_ in fields],
        expiry_loss=_EXPIRY_LOSS,
    ),
)
