"""Snapshots that are odd or damaged in one way each, made by a named edit of a good value.

`ODD` maps a name to a snapshot. Each holds one key `k`, unless the name says otherwise. The header is the
lowest that holds the type, so that as many servers as can be read it.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any

from rdbcodec.structures import intset, listpack, stream_node, ziplist, zipmap
from rdbcodec.structures.stream_node import StreamEntry, StreamId
from rdbcodec.wire import lengths

ID = bytes(15) + b"\x01"
TIME = (1_700_000_000_000).to_bytes(8, "little")
NAN = struct.pack("<d", float("nan"))
HIGH = (1 << 46) + 5
MS = (2_145_916_800_000).to_bytes(8, "little")
FAR = 2_145_916_800_000
ELEMENTS = [b"a", b"1", b"b", b"2"]


def file(*records: bytes, version: int = 9, magic: bytes = b"REDIS") -> bytes:
    """A snapshot with the checksum switched off."""
    return (
        magic + (b"%04d" if magic == b"REDIS" else b"%03d") % version + b"".join(records) + b"\xff" + bytes(8)
    )


def key(code: int, value: bytes, name: bytes = b"k") -> bytes:
    """A key record."""
    return bytes((code, len(name))) + name + value


def string(text: bytes) -> bytes:
    """A plain STRING."""
    return lengths.encode(len(text)) + text


def counted(*items: bytes) -> bytes:
    """A LENGTH and that many items."""
    return lengths.encode(len(items)) + b"".join(items)


def strings(*texts: bytes, width: int = 1) -> bytes:
    """A LENGTH that counts groups of `width`, and the strings."""
    return lengths.encode(len(texts) // width) + b"".join(map(string, texts))


def put(blob: bytes, pos: int, new: bytes) -> bytes:
    """The blob with other bytes at a place."""
    pos %= len(blob)
    return blob[:pos] + new + blob[pos + len(new) :]


def lp(*elements: bytes | int) -> bytes:
    return listpack.encode(elements)


def zl(*elements: bytes | int) -> bytes:
    return ziplist.encode(elements)


def lzf(block: bytes, size: int) -> bytes:
    """A STRING that says it unpacks to `size` bytes."""
    return b"\xc3" + lengths.encode(len(block)) + lengths.encode(size) + block


# --- streams ----------------------------------------------------------------------------------------


def node(*ids: int, master: bytes = ID, blob: bytes | None = None) -> bytes:
    entries = [StreamEntry(StreamId(0, number), [(b"f", b"v")]) for number in ids]
    return string(master) + string(stream_node.encode(entries) if blob is None else blob)


def pair(number: int) -> bytes:
    return lengths.encode(0) + lengths.encode(number)


def raw_id(number: int) -> bytes:
    return bytes(8) + number.to_bytes(8, "big")


def pending(*ids: int) -> bytes:
    return counted(*(raw_id(number) + TIME + b"\x01" for number in ids))


def consumer(name: bytes, *ids: int, version: int = 2) -> bytes:
    return string(name) + TIME + (TIME if version >= 3 else b"") + counted(*map(raw_id, ids))


def group(
    name: bytes = b"g",
    *,
    last: int = 2,
    read: int | None = 2,
    pel: bytes = b"\x00",
    consumers: Sequence[bytes] = (),
) -> bytes:
    told = b"" if read is None else lengths.encode(read % (1 << 64))
    return string(name) + pair(last) + told + pel + counted(*consumers)


def stream2(
    nodes: Sequence[bytes] = (node(1, 2),),
    *,
    length: int = 2,
    last: int = 2,
    first: int = 1,
    deleted: int = 0,
    added: int = 2,
    groups: Sequence[bytes] = (),
) -> bytes:
    """The body of type 19."""
    return (
        counted(*nodes)
        + lengths.encode(length)
        + pair(last)
        + pair(first)
        + pair(deleted)
        + lengths.encode(added)
        + counted(*groups)
    )


def stream(nodes: Sequence[bytes] = (node(1, 2),), **parts: Any) -> bytes:
    """A snapshot with a stream of version 2."""
    return file(key(19, stream2(nodes, **parts)), version=10)


def stream1(
    nodes: Sequence[bytes] = (node(1, 2),), *, length: int = 2, last: int = 2, groups: Sequence[bytes] = ()
) -> bytes:
    return file(key(15, counted(*nodes) + lengths.encode(length) + pair(last) + counted(*groups)), version=9)


def s5(nacked: bytes = b"\x00", **parts: object) -> bytes:
    """Type 27 with one group."""
    group_raw = parts.pop("group_raw", group(read=2))
    body = stream2(groups=(group_raw + nacked,), **parts)  # type: ignore[operator,arg-type]
    idmp = lengths.encode(100) + lengths.encode(100) + b"\x00\x00\x00"
    return file(key(27, body + idmp), version=14)


# --- hashes that expire -----------------------------------------------------------------------------


def ttl24(minimum: int, *fields: tuple[int, bytes]) -> bytes:
    body = minimum.to_bytes(8, "little", signed=True)
    return file(
        key(24, body + counted(*(lengths.encode(ttl) + string(name) + string(b"v") for ttl, name in fields))),
        version=12,
    )


def lpex(minimum: int, *fields: tuple[bytes, int]) -> bytes:
    flat: list[bytes | int] = [part for name, ttl in fields for part in (name, b"v", ttl)]
    return file(key(25, minimum.to_bytes(8, "little", signed=True) + string(lp(*flat))), version=12)


def ttl22(*fields: tuple[bytes, int]) -> bytes:
    made = (string(name) + string(b"v") + ttl.to_bytes(8, "little", signed=True) for name, ttl in fields)
    return file(key(22, counted(*made)), version=80, magic=b"VALKEY")


def table(code: int, *items: bytes, version: int = 9) -> bytes:
    return file(key(code, counted(*items)), version=version)


def many(count: int, *more: bytes) -> list[bytes]:
    return [b"f%d" % at for at in range(count)] + list(more)


def meta(*classes: bytes) -> bytes:
    return b"\xf3" + counted(*classes)


IGNORABLE, NOT_IGNORABLE = bytes.fromhex("09f5c42800"), bytes.fromhex("08f5c42800")  # class KMT1, no items
SHORT = intset.encode([1, 2, 3])
LP, ZL = lp(*ELEMENTS), zl(*ELEMENTS)
EXPIRING = lp(b"a", b"v", FAR)
ZM = zipmap.encode([(b"a", b"1"), (b"b", b"2")])
PLAIN = key(0, string(b"v"))
CALL = b"redis.register_function('f', function() end)"
LIBRARY = b"\xf5" + string(b"#!lua name=lib\nredis.register_function('f', function() return 1 end)")
BADLZF = lzf(b"\x00a\x20\x05", 4)

ODD: dict[str, bytes] = {
    "good": file(PLAIN),
    # strings
    "lzf reference": file(key(0, BADLZF)),
    "lzf long": file(key(0, lzf(b"\x03abcd", 3))),
    "lzf short": file(key(0, lzf(b"\x03abcd", 5))),
    "lzf empty": file(key(0, lzf(b"", 0))),
    "lzf element": table(4, string(b"f") + BADLZF),
    "lzf blob": file(key(10, BADLZF)),
    "length 64": file(key(0, b"\x81" + bytes(7) + b"\x01v"), version=6),
    "length 64 inside": file(key(1, b"\x01\x81" + bytes(7) + b"\x01v"), version=6),
    "length 64 key": file(b"\x00\x81" + bytes(7) + b"\x01k\x01v", version=6),
    # listpacks
    **{
        f"{name} {what}": file(key(code, prefix + string(blob)), version=version)
        for name, code, version, prefix in (
            ("hash-listpack", 16, 10, b""),
            ("zset-listpack", 17, 10, b""),
            ("set-listpack", 20, 11, b""),
            ("list-quicklist-2", 18, 10, b"\x01\x02"),
        )
        for what, blob in (
            ("total", put(LP, 0, b"\x99")),
            ("total short", put(LP, 0, bytes((len(LP) - 1,)))),
            ("no end", put(LP, -1, b"\x00")),
            ("count low", put(LP, 4, b"\x03")),
            ("count high", put(LP, 4, b"\x06")),
            ("back-length", put(LP, 8, b"\x07")),
            ("short", LP[:6]),
            ("nothing", b""),
            ("encoding", put(LP, 6, b"\xfb")),
            ("odd", lp(b"a", b"1", b"b")),
            ("twice", lp(b"a", b"1", b"a", b"2") if code != 20 else lp(b"a", b"b", b"a")),
            ("empty", lp()),
            ("element too long", put(LP, 6, b"\xb0")),
            ("many twice", lp(*many(1400, b"f0", b"x"))),
            ("many back-length", put(lp(*many(1400)), 9, b"\x07")),
        )
    },
    "zset-listpack nan": file(key(17, string(lp(b"a", b"nan"))), version=10),
    "zset-listpack text": file(key(17, string(lp(b"a", b"x"))), version=10),
    "zset-listpack order": file(key(17, string(lp(b"a", b"2", b"b", b"1"))), version=10),
    "zset-listpack many nan, and text": file(
        key(17, string(lp(*[x for i in range(200) for x in (b"m%d" % i, b"nanx" if i else b"na")]))),
        version=10,
    ),
    "zset-listpack many nan": file(
        key(17, string(lp(*[x for i in range(200) for x in (b"m%d" % i, b"nan")]))), version=10
    ),
    "quicklist-2 no nodes": file(key(18, b"\x00"), version=10),
    "quicklist-2 container": file(key(18, b"\x01\x03" + string(LP)), version=10),
    "quicklist-2 plain empty": file(key(18, b"\x01\x01\x00"), version=10),
    "quicklist-2 one empty node": file(
        key(18, b"\x02\x02" + string(lp()) + b"\x02" + string(LP)), version=10
    ),
    # ziplists
    **{
        f"{name} {what}": file(key(code, prefix + string(blob)))
        for name, code, prefix in (
            ("list-ziplist", 10, b""),
            ("list-quicklist", 14, b"\x01"),
            ("hash-ziplist", 13, b""),
            ("zset-ziplist", 12, b""),
        )
        for what, blob in (
            ("total", put(ZL, 0, b"\x99")),
            ("no end", put(ZL, -1, b"\x00")),
            ("tail", put(ZL, 4, b"\x0b")),
            ("tail far", put(ZL, 4, b"\x99")),
            ("count low", put(ZL, 8, b"\x03")),
            ("count high", put(ZL, 8, b"\x06")),
            ("prevlen", put(ZL, 13, b"\x07")),
            ("short", ZL[:9]),
            ("encoding", put(ZL, 11, b"\xff")),
            ("odd", zl(b"a", b"1", b"b")),
            ("twice", zl(b"a", b"1", b"a", b"2")),
            ("empty", zl()),
            ("many twice", zl(*many(1400, b"f0", b"x"))),
        )
    },
    "zset-ziplist nan": file(key(12, string(zl(b"a", b"nan")))),
    "zset-ziplist text": file(key(12, string(zl(b"a", b"x")))),
    "zset-ziplist order": file(key(12, string(zl(b"a", b"2", b"b", b"1")))),
    "quicklist no nodes": file(key(14, b"\x00")),
    # intset
    "intset width": file(key(11, string(put(SHORT, 0, b"\x03")))),
    "intset count": file(key(11, string(put(SHORT, 4, b"\x04")))),
    "intset short": file(key(11, string(SHORT[:7]))),
    "intset order": file(key(11, string(put(SHORT, 8, b"\x05")))),
    "intset twice": file(key(11, string(put(SHORT, 8, b"\x02")))),
    "intset empty": file(key(11, string(intset.encode([])))),
    "intset many twice": file(key(11, string(put(intset.encode(range(700)), 8, b"\x01")))),
    "intset many order": file(key(11, string(put(intset.encode(range(700)), 8, b"\xff\x02")))),
    # zipmap
    "zipmap no end": file(key(9, string(ZM[:-1]))),
    "zipmap behind end": file(key(9, string(ZM + b"x"))),
    "zipmap count": file(key(9, string(put(ZM, 0, b"\x03")))),
    "zipmap count unknown": file(key(9, string(put(ZM, 0, b"\xff")))),
    "zipmap long": file(key(9, string(put(ZM, 1, b"\x70")))),
    "zipmap twice": file(key(9, string(zipmap.encode([(b"a", b"1"), (b"a", b"2")])))),
    "zipmap empty": file(key(9, string(zipmap.encode([])))),
    # tables
    "set twice": table(2, string(b"a"), string(b"b"), string(b"a")),
    "set of integers twice": table(2, string(b"1"), string(b"1")),
    "hash twice": table(4, string(b"a") + string(b"1"), string(b"a") + string(b"2")),
    "hash large twice": file(
        key(4, strings(*[x for name in many(700, b"f0") for x in (name, b"v")], width=2))
    ),
    "hash long twice": file(key(4, counted(string(b"a") + string(b"x" * 100), string(b"a") + string(b"2")))),
    "zset twice": table(3, string(b"a") + b"\x011", string(b"a") + b"\x012"),
    "zset-2 twice": table(5, string(b"a") + bytes(8), string(b"a") + bytes(8)),
    "zset nan": table(3, string(b"a") + b"\xfd"),
    "zset text": table(3, string(b"a") + b"\x01x"),
    "zset-2 nan": table(5, string(b"a") + NAN),
    "set empty": table(2),
    "list empty": table(1),
    "hash empty": table(4),
    "zset empty": table(3),
    "zset-2 empty": table(5),
    # streams, versions 1 and 2
    "stream1 good": stream1(groups=(group(read=None),)),
    "stream1 length empty": stream1((), length=2),
    "stream1 empty": stream1((), length=0),
    "stream1 length": stream1(length=3),
    "stream1 consumer twice": stream1(groups=(group(read=None, consumers=(consumer(b"c"), consumer(b"c"))),)),
    "stream1 group pending twice": stream1(
        groups=(group(read=None, pel=pending(1, 1), consumers=(consumer(b"c", 1),)),)
    ),
    "stream1 pending without consumer": stream1(groups=(group(read=None, pel=pending(1)),)),
    "stream good": stream(groups=(group(),)),
    "stream empty": stream(nodes=(), length=0),
    "stream length empty": stream(nodes=(), length=2),
    "stream length high": stream(length=3, added=3),
    "stream length low": stream(length=1),
    "stream added low": stream(added=1),
    "stream entries read": stream(groups=(group(read=100),)),
    "stream entries read unknown": stream(groups=(group(read=-1),)),
    "stream entries read negative": stream(groups=(group(read=-5),)),
    "stream first": stream(first=2),
    "stream last": stream(last=1),
    "stream deleted high": stream(deleted=9),
    "stream group last": stream(groups=(group(last=50),)),
    "stream group twice": stream(groups=(group(), group())),
    "stream node twice": stream((node(1), node(1)), length=2),
    "stream node order": stream((node(5, master=raw_id(5)), node(1)), last=5),
    "stream1 node order": stream1((node(5, master=raw_id(5)), node(1)), last=5),
    "stream node empty": stream((node(blob=lp()),), length=0),
    "stream node no entries": stream((node(blob=lp(0, 0, 1, b"f", 0)),), length=0),
    "stream node short": stream((node(blob=lp(1)),), length=1),
    "stream node total": stream(
        (node(blob=put(stream_node.encode([StreamEntry(StreamId(0, 1), [(b"f", b"v")])]), 0, b"\x99")),),
        length=1,
    ),
    "stream node inside": stream(
        (node(blob=put(stream_node.encode([StreamEntry(StreamId(0, 1), [(b"f", b"v")])]), 7, b"\x07")),),
        length=1,
    ),
    "stream node count": stream((node(blob=lp(3, 0, 1, b"f", 0, 2, 0, 0, b"v", 4)),), length=3, added=3),
    "stream node key": stream((node(1, master=ID[:15]),), length=1),
    "stream consumer twice": stream(groups=(group(consumers=(consumer(b"c"), consumer(b"c"))),)),
    "stream group pending twice": stream(groups=(group(pel=pending(1, 1), consumers=(consumer(b"c", 1),)),)),
    "stream pending without consumer": stream(groups=(group(pel=pending(1)),)),
    "stream consumer pending alone": stream(groups=(group(consumers=(consumer(b"c", 1),)),)),
    "stream pending of two": stream(
        groups=(group(pel=pending(1), consumers=(consumer(b"c", 1), consumer(b"d", 1))),)
    ),
    "stream consumer pending twice": stream(
        groups=(group(pel=pending(1), consumers=(consumer(b"c", 1, 1),)),)
    ),
    "stream pending deleted": stream(groups=(group(pel=pending(7), consumers=(consumer(b"c", 7),)),)),
    "stream3 pending without consumer": file(key(21, stream2(groups=(group(pel=pending(1)),))), version=11),
    "stream3 consumer twice": file(
        key(21, stream2(groups=(group(consumers=(consumer(b"c", version=3), consumer(b"c", version=3))),))),
        version=11,
    ),
    "stream3 length": file(key(21, stream2(length=3, added=3)), version=11),
    "stream3 entries read": file(key(21, stream2(groups=(group(read=100),))), version=11),
    "stream5 good": s5(),
    "stream5 pending nacked": s5(counted(raw_id(1)), group_raw=group(pel=pending(1))),
    "stream5 pending not nacked": s5(group_raw=group(pel=pending(1))),
    "stream5 nacked not pending": s5(counted(raw_id(1))),
    "stream5 nacked twice": s5(counted(raw_id(1), raw_id(1)), group_raw=group(pel=pending(1))),
    "stream5 nacked owned": s5(
        counted(raw_id(1)), group_raw=group(pel=pending(1), consumers=(consumer(b"c", 1, version=3),))
    ),
    "stream5 length": s5(length=3, added=3),
    "stream5 added low": s5(added=1, group_raw=group(read=1)),
    "stream5 entries read": s5(group_raw=group(read=100)),
    "stream5 idempotence": file(
        key(27, stream2(groups=(group() + b"\x00",)) + b"\x00" + lengths.encode(100) + b"\0\0\0"), version=14
    ),
    # hashes that expire
    "hash-ttl good": ttl24(FAR, (1, b"a"), (0, b"b"), (5, b"c")),
    "hash-ttl minimum late": ttl24(FAR + 100, (1, b"a")),
    "hash-ttl minimum low": ttl24(FAR - 100, (201, b"a")),
    "hash-ttl minimum 0": ttl24(0, (FAR, b"a")),
    "hash-ttl minimum negative": ttl24(-1, (FAR, b"a")),
    "hash-ttl minimum over": ttl24(1 << 48, (1, b"a")),
    "hash-ttl minimum over 46": ttl24(HIGH, (1, b"a")),
    "hash-ttl over 46": ttl24(FAR, (HIGH - FAR, b"a")),
    "hash-ttl over 48": ttl24(FAR, ((1 << 48) + 5 - FAR, b"a")),
    "hash-ttl no ttl": ttl24(0, (0, b"a")),
    "hash-ttl twice": ttl24(FAR, (1, b"a"), (1, b"a")),
    "hash-ttl empty": ttl24(FAR),
    "hash-listpack-ttl good": lpex(FAR, (b"a", FAR), (b"b", FAR + 1), (b"c", 0)),
    "hash-listpack-ttl order": lpex(FAR, (b"a", FAR + 1), (b"b", FAR)),
    "hash-listpack-ttl none first": lpex(FAR, (b"a", 0), (b"b", FAR)),
    "hash-listpack-ttl minimum high": lpex(FAR + 100, (b"a", FAR)),
    "hash-listpack-ttl minimum low": lpex(5, (b"a", FAR)),
    "hash-listpack-ttl minimum 0": lpex(0, (b"a", FAR)),
    "hash-listpack-ttl minimum over": lpex(1 << 48, (b"a", FAR)),
    "hash-listpack-ttl over 46": lpex(FAR, (b"a", HIGH)),
    "hash-listpack-ttl over 48": lpex(FAR, (b"a", (1 << 48) + 5)),
    "hash-listpack-ttl negative": lpex(FAR, (b"a", -1)),
    "hash-listpack-ttl text": file(key(25, MS + string(lp(b"a", b"v", b"x"))), version=12),
    "hash-listpack-ttl twice": lpex(FAR, (b"a", FAR), (b"a", FAR)),
    "hash-listpack-ttl odd": file(key(25, MS + string(lp(b"a", b"v", FAR, b"b"))), version=12),
    **{
        f"hash-listpack-ttl {what}": file(key(25, MS + string(blob)), version=12)
        for what, blob in (
            ("back-length", put(EXPIRING, 8, b"\x07")),
            ("encoding", put(EXPIRING, 6, b"\xfb")),
            ("count low", put(EXPIRING, 4, b"\x02")),
            (
                "many back-length",
                put(lp(*[x for at in range(600) for x in (b"f%d" % at, b"v", FAR)]), 9, b"\x07"),
            ),
        )
    },
    "hash-listpack-ttl total": file(key(25, MS + string(put(lp(b"a", b"v", FAR), 0, b"\x99"))), version=12),
    "hash-listpack-ttl empty": lpex(FAR),
    "hash-listpack-ttl many order": lpex(FAR, *((b"f%d" % at, FAR + 2000 - at) for at in range(700))),
    "hash-ttl-valkey good": ttl22((b"a", FAR), (b"b", -1)),
    "hash-ttl-valkey over 46": ttl22((b"a", HIGH)),
    "hash-ttl-valkey over 48": ttl22((b"a", (1 << 48) + 5)),
    "hash-ttl-valkey negative": ttl22((b"a", -2)),
    "hash-ttl-valkey zero": ttl22((b"a", 0)),
    "hash-ttl-valkey twice": ttl22((b"a", FAR), (b"a", FAR)),
    "hash-ttl-valkey empty": ttl22(),
    "hash-ttl-valkey no ttl": ttl22((b"b", -1)),
    "hash-ttl over": ttl24(FAR, ((1 << 48) - FAR + 1, b"a")),
    "hash-ttl just not over": ttl24(FAR, ((1 << 48) - FAR, b"a")),
    "hash-ttl many twice": ttl24(FAR, *((at + 1, b"f%d" % (at % 699)) for at in range(700))),
    "hash-listpack-ttl order, one past": lpex(FAR, (b"a", FAR), (b"b", 1000)),
    # records
    "key twice": file(PLAIN, PLAIN),
    "database 53 without keys": file(PLAIN, b"\xfe\x35"),
    "key twice in two databases": file(PLAIN, b"\xfe\x01", PLAIN),
    **{
        f"slot-info {text!r}": file(b"\xfa" + string(b"slot-info") + string(text), PLAIN)
        for text in (b"16383,1,0", b"12182,2,1,0", b"12182,1\xba0", b"12182,1", b"-1,1,0", b"16384,1,0")
    },
    "library twice": file(LIBRARY, LIBRARY, PLAIN, version=10),
    "library pre-ga": file(
        b"\xf6"
        + string(b"lib")
        + string(b"LUA")
        + b"\x00"
        + string(b"redis.register_function('f', function() return 1 end)"),
        PLAIN,
        version=10,
    ),
    "library without #!": file(b"\xf5" + string(CALL), PLAIN, version=10),
    "library with a bad name": file(b"\xf5" + string(b"#!lua name=a-b\n" + CALL), PLAIN, version=10),
    "library of Valkey": file(
        b"\xf5" + string(b"#!lua name=lib\nserver.register_function('f', function() return 1 end)"),
        PLAIN,
        version=10,
    ),
    "library whose name is quoted": file(
        b"\xf5" + string(b'#!LUA "NAME=lib"\n' + CALL),
        PLAIN,
        version=10,
    ),
    "library of another engine": file(b"\xf5" + string(b"#!js name=lib\nf()"), PLAIN, version=10),
    "library without a function": file(b"\xf5" + string(b"#!lua name=lib\nlocal a = 1"), PLAIN, version=10),
    "library with a word too many": file(
        b"\xf5" + string(b"#!lua name=lib x=1\n" + CALL),
        PLAIN,
        version=10,
    ),
    "library that says server. in a comment": file(
        b"\xf5" + string(b"#!lua name=lib\n-- server.register_function\n" + CALL),
        PLAIN,
        version=10,
    ),
    "array 0": file(key(28, b"\x00\x00"), version=14),
    "path hash without fields": file(key(23, b"\x01\x01p\x00"), version=81, magic=b"VALKEY"),
    "template good": file(b"\xf2\x05" + strings(b"a", b"b"), key(30, string(lp(5, b"1", b"2"))), version=15),
    "template behind its hash": file(
        key(30, string(lp(5, b"1", b"2"))), b"\xf2\x05" + strings(b"a", b"b"), version=15
    ),
    "template id 2^64-1": file(b"\xf2\x81" + b"\xff" * 8 + strings(b"a", b"b"), PLAIN, version=15),
    "template unknown": file(key(30, string(lp(5, b"1", b"2"))), version=15),
    "meta ignorable": file(meta(IGNORABLE), PLAIN, version=13),
    "meta not ignorable": file(meta(NOT_IGNORABLE), PLAIN, version=13),
    "meta none": file(meta(), PLAIN, version=13),
    "meta 7": file(meta(*[IGNORABLE] * 7), PLAIN, version=13),
    "meta 8": file(meta(*[IGNORABLE] * 8), PLAIN, version=13),
    "meta twice": file(meta(IGNORABLE), meta(IGNORABLE), PLAIN, version=13),
    "meta then expire": file(meta(IGNORABLE), b"\xfc" + MS, PLAIN, version=13),
    "meta then a database": file(meta(IGNORABLE), b"\xfe\x05", PLAIN, version=13),
    "meta then idle": file(meta(IGNORABLE), b"\xf8\x05", PLAIN, version=13),
    "expire twice": file(b"\xfc" + MS, b"\xfc" + MS, PLAIN),
    "expire at -1": file(b"\xfc" + b"\xff" * 8, PLAIN),
    "expire then meta": file(b"\xfc" + MS, meta(IGNORABLE), PLAIN, version=13),
    "slot import": file(
        b"\xf3" + string(b"a" * 40) + counted(b"\x01\x02"), PLAIN, version=80, magic=b"VALKEY"
    ),
}
