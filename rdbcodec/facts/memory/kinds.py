"""What shapes are: quadruples of a kind and three numbers (`shapes` tells what each means)."""

from __future__ import annotations

Shape = tuple[str, int, int, int]

STRING, KEY, OPAQUE = "string", "key", "opaque"
PACKED, SMALL_SET, TTL_PACKED = "packed", "small-set", "ttl-packed"
LIST, ONE_NODE, NODE = "list", "one-node", "node"
SET, MEMBER, ZSET, SCORED = "set", "member", "zset", "scored"
HASH, FIELD, EXPIRING, SEGMENT, WINDOW, WINDOW_TABLE = (
    *("hash", "field", "expiring"),
    *("segment", "window", "window-table"),
)
STREAM, STREAM_NODE, GROUPS, GROUP, CONSUMER = "stream", "stream-node", "groups", "group", "consumer"
PENDING, PENDING_ID, RADIX, REFERENCE = "pending", "pending-id", "radix", "reference"

KINDS = frozenset(
    {STRING, KEY, OPAQUE, PACKED, SMALL_SET, TTL_PACKED, LIST, ONE_NODE, NODE, SET, MEMBER, ZSET, SCORED}
    | {HASH, FIELD, EXPIRING, SEGMENT, WINDOW, WINDOW_TABLE}
    | {STREAM, STREAM_NODE, GROUPS, GROUP, CONSUMER, PENDING, PENDING_ID, RADIX, REFERENCE}
)

SHARED, INTEGER = -1, -2  # lengths of strings that servers keep as numbers: shared ones, others
AS_IT_IS, LISTPACK, ZIPLIST = 0, 1, 2  # the form of what is packed
EXPIRES, SMALL = 1, 2  # of fields and hashes: that it expires; that some servers keep the hash packed
