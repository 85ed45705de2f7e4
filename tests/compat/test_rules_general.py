"""The rules that hold for loaders in general, each on both sides of its condition.

The sections are those of compat-facts.md, where the measurements are told.
"""
# ruff: noqa: E501 - a table

from __future__ import annotations

import dataclasses
import gzip

import lz4.frame
from judging import (
    EMPTY_AUX,
    EXPIRED,
    FREQ,
    FUNCTION,
    NOW,
    PLAIN,
    SET_LISTPACK,
    SLOT_INFO,
    TWO_DATABASES,
    Sides,
    aux,
    db,
    file,
    findings_of,
    key,
    module,
    side,
    written_by,
)
from odd import ODD

from rdbcodec.compat.target import find
from rdbcodec.facts.biggest import BigKey
from rdbcodec.tail import Tail

RDB_12 = file(key(), version=12)
VALKEY_80 = file(key(), version=80, magic=b"VALKEY")
HFE, CLUSTER_8 = "redis-8.0.6-hfe", "redis-8.0.6-cluster"
OWN = dataclasses.replace(find("redis-7.2"), id="own", family="own")
NO_IMPORT = dataclasses.replace(OWN, imports="no")
LONG = [BigKey(600 << 20, 9, 0, b"k", "string", "string", 1)]
FEW = [BigKey(512 << 20, 9, 0, b"k", "string", "string", 1)]
OPCODE_243 = b"\xf3\x00"

# fmt: off
SIDES: list[Sides] = [
    Sides("G-IMPORT", "3.3 Clouds", side("garnet"), "whether Garnet imports snapshots of others is not known; a page of the vendor that names an import of RDB files, or a try, would settle it", side("oci-cache"), "unknown"),
    Sides("G-IMPORT-NO", "3.3 Clouds", side(NO_IMPORT), "Redis 7.2 takes no snapshot files", side(OWN)),
    Sides("G-AS-OF", "what --as-of says", side("amr-balanced-7.4", as_of="2024-11-15"), "no source of 2024-11-15 or before speaks of Azure Managed Redis 7.4, Balanced", side("amr-balanced-7.2", as_of="2024-11-15"), "unknown"),
    Sides("G-RDB-UNKNOWN", "7 Open points", side("oci-cache"), "which RDB versions OCI Cache reads is not known; the file is RDB 9", side("redis-6.2"), "unknown"),
    Sides("G-RDB-INFERRED", "3.2 Redis Software / Redis Cloud", side("redis-software-7.2"), "that Redis Software 7.2 reads RDB 9 follows from its engine being like redis-7.2; no page of the vendor says so", side("redis-7.2")),
    Sides("G-RDB-INFERRED", "3.3 Clouds", side("elasticache-redis-7.0"), "no page tells which RDB versions ElastiCache Redis OSS 7.0, node-based reads; it is taken to be like redis-7.0, which reads 9", side("redis-7.0"), "unknown"),
    Sides("G-VERSION-UNSEEN", "3.1 Redis / forks", side("redis-8.10", file(key(), version=16)), "the file is RDB 16, said to be that of Redis 8.12, of which a first release candidate is out (2026-10); no release known here reads it, and Redis 8.10 reads REDIS up to 15", side("redis-8.10", file(key(), version=15))),
    Sides("G-VERSION-UNSEEN", "3.1 Redis / forks", side("valkey-9.1", file(key(), version=99, magic=b"VALKEY")), "the file is RDB 99; no release known here reads it, and Valkey 9.1 reads REDIS up to 11, VALKEY 80", side("valkey-9.1", VALKEY_80)),
    Sides("G-VERSION", "3.1 Redis / forks", side("redis-7.2", RDB_12), "the file is RDB 12; Redis 7.2 reads REDIS up to 11", side("redis-7.4", RDB_12)),
    Sides("G-VALKEY-MAGIC", "3.1 Redis / forks", side("valkey-8.0", VALKEY_80), "the file begins with VALKEY, Valkey 8.0 knows REDIS only", side("valkey-9.0", VALKEY_80)),
    Sides("G-VALKEY-RANGE", "3.1 Redis / forks", side("valkey-9.1", RDB_12), "the file is RDB 12 of Redis, a number Valkey leaves to others; Valkey 9.1 reads REDIS up to 11, VALKEY 80", side("valkey-9.1", VALKEY_80)),
    Sides("G-VALKEY-RELAXED", "3.1 Redis / forks", side("valkey-9.1", RDB_12), "with a relaxed version check the REDIS header is let in, because nothing in the file is of another dialect", side("valkey-8.1", RDB_12)),
    Sides("G-VALKEY-RELAXED", "3.1 Redis / forks", side("valkey-8.1", VALKEY_80), "with a relaxed version check the VALKEY header is let in, because nothing in the file is of another dialect", side("valkey-8.0", VALKEY_80)),
    Sides("G-VALKEY-RELAXED", "3.1 Redis / forks", side("valkey-9.0", RDB_12), "with a relaxed version check the REDIS header is let in, because nothing in the file is of another dialect", side("valkey-9.0", HFE)),
    Sides("G-MIN-RDB", "3.1 Redis / forks", side("dragonfly-1.25", file(key(), version=4)), "the file is RDB 4, Dragonfly 1.25 reads 5 and later", side("dragonfly-1.25", file(key(), version=5))),
    Sides("G-SILENT-EMPTY", "3.1 Redis / forks", side("redis-2.0", file(key(), version=2)), "Redis 2.0 logs an error on RDB 2 and starts EMPTY; its next save overwrites the file", side("redis-2.0", file(key(), version=1))),
    Sides("G-DOWNGRADE-HDR", "5.2 What a header-only downgrade achieves", side("redis-7.2", RDB_12), "only the number in the header stands in the way: Redis 7.2 knows every type and opcode in the file", side("redis-7.2", HFE)),
    Sides("G-SRC-REDICT", "3.1 Redis / forks", side("redis-7.4", written_by(b"7.3.6", 12)), "the file was written by Redict, which numbers its files as Redis 7.4 does", side("redis-7.4", written_by(b"7.4.1", 12))),
    Sides("G-TYPE", "5.1 First version per value type / opcode", side("redis-7.0", file(SET_LISTPACK, version=10)), "Redis 7.0 does not know value types of the file: set-listpack (type 20, 1)", side("redis-7.2", file(SET_LISTPACK, version=11))),
    Sides("G-HFE", "5.3 Load semantics", side("redict-7.3", HFE), "Redict 7.3 does not read hash field TTLs as this file has them: hash-ttl (type 24, 1), hash-listpack-ttl (type 25, 1)", side("redis-7.4", HFE)),
    Sides("G-HFE", "5.3 Load semantics", side("redis-8.0", "valkey-9.1.2-hfe"), "Redis 8.0 does not read hash field TTLs as this file has them: hash-ttl-valkey (type 22, 2)", side("valkey-9.1", "valkey-9.1.2-hfe")),
    Sides("G-TYPE-CONFLICT", "5.1 First version per value type / opcode", side("redis-8.0", "valkey-9.1.2-hfe"), "type 22 is hash-ttl-valkey in this file and hash-ttl-rc in Redis 8.0: the number alone tells nothing", side("redis-8.0", "valkey-9.1.2-lru")),
    Sides("G-FUNCTION", "5.3 Load semantics", side("redis-6.2", file(FUNCTION, key())), "the file holds function libraries, and Redis 6.2 ends on their opcode", side("redis-7.0", file(FUNCTION, key(), version=10))),
    Sides("G-FUNCTION", "5.3 Load semantics", side("dragonfly-1.25", file(FUNCTION, key(), version=10)), "the file holds function libraries, and Dragonfly 1.25 ends on their opcode", side("dragonfly-1.25")),
    Sides("G-SLOTINFO", "5.1 First version per value type / opcode", side("redis-7.2", CLUSTER_8), "the file has the slot hints of a cluster node, an opcode Redis 7.2 does not know", side("redis-7.4", CLUSTER_8)),
    Sides("G-SLOTINFO", "5.3 Load semantics", side("valkey-8.0", file(SLOT_INFO, key(), version=11)), "the file has the slot hints of a cluster node, an opcode Valkey 8.0 does not know", side("dragonfly-1.25", CLUSTER_8)),
    Sides("G-FREQ-IDLE", "5.1 First version per value type / opcode", side("redis-4.0", "redis-5.0.14-lfu"), "keys carry eviction hints (freq), opcodes Redis 4.0 does not know", side("redis-5.0", "redis-5.0.14-lfu")),
    Sides("G-FREQ-IDLE", "5.1 First version per value type / opcode", side("redis-4.0", file(FREQ + key(), version=8)), "keys carry eviction hints (freq), opcodes Redis 4.0 does not know", side("redis-4.0", file(key(), version=8))),
    Sides("G-AUX", "5.1 First version per value type / opcode", side("redis-3.0", file(aux(b"a", b"b"), key(), version=6)), "the file has aux records, opcodes Redis 3.0 does not know", side("redis-3.2", file(aux(b"a", b"b"), key(), version=7))),
    Sides("G-OPCODE", "5.1 First version per value type / opcode", side("redis-8.4", file(OPCODE_243 + key(), version=12)), "Redis 8.4 does not know opcodes of the file: key-meta", side("redis-8.6", file(OPCODE_243 + key(), version=13))),
    Sides("G-KEYDB-TTL", "3.1 Redis / forks", side("redis-6.2", file(key(), aux(b"keydb-subexpire-key", b"f"))), "KeyDB keeps TTLs of members beside their key (1 here); Redis 6.2 does not read them, so that the members will not expire", side("keydb-6.3", file(key(), aux(b"keydb-subexpire-key", b"f")))),
    Sides("G-MODULE", "5.3 Load semantics", side("redis-6.2", "redis-6.2.16-modules"), "the file needs modules Redis 6.2 does not have: test__rdb (test__rdb 1), hellotype (hellotype 0); a server without them ends while loading", side("redis-6.2", "redis-6.2.16-modules", modules=("hellotype", "test__rdb"))),
    Sides("G-MODULE-AUX", "5.3 Load semantics", side("redis-7.4", file(EMPTY_AUX, key())), "the file has records, beside the keys, of modules Redis 7.4 does not have: RediSearch (ft_index0 23); all are empty, and no key is theirs", side("redis-7.4", file(EMPTY_AUX, key()), modules=("search",))),
    Sides("G-META-CLASS", "5.3 Load semantics", side("redis-8.10", ODD["meta not ignorable"]), "keys carry metadata of module classes that Redis 8.10 is not known to have and may not pass over: KMT1 version 1 (keys: 1)", side("redis-8.10", ODD["meta not ignorable"], modules=("KMT1",))),
    Sides("G-META-IGNORED", "5.3 Load semantics", side("redis-8.10", ODD["meta ignorable"]), "a server without the module passes over metadata of keys: KMT1 version 1 (keys: 1)", side("redis-8.10", ODD["meta ignorable"], modules=("KMT1",))),
    Sides("G-MODULE-DROP", "5.3 Load semantics", side("dragonfly-1.25", file(module("TSDB-TYPE"))), "Dragonfly 1.25 skips the keys of modules it does not have and says so in its log only: RedisTimeSeries (TSDB-TYPE 0); keys: 1", side("dragonfly-1.25", file(module("ReJSON-RL", 3)))),
    Sides("G-MODULE-DROP", "5.3 Load semantics", side("dragonfly-1.25", file(module("ReJSON-RL", 2))), "Dragonfly 1.25 skips the keys of modules it does not have and says so in its log only: RedisJSON (ReJSON-RL 2); keys: 1", side("dragonfly-1.25")),
    Sides("G-MODULE-MAYBE", "3.2 Redis Software / Redis Cloud", side("redis-8.0", file(module("ReJSON-RL", 3))), "the file needs RedisJSON; whether it is enabled on the target was not told", side("redis-8.0", file(module("ReJSON-RL", 3)), modules=("RedisJSON",)), "unknown"),
    Sides("G-MODULE-VERSION", "5.3 Load semantics", side("redis-8.0", file(module("TSDB-TYPE", 7)), modules=("RedisTimeSeries",)), "whether the module of the target reads this encoding version is not known: RedisTimeSeries (TSDB-TYPE 7)", side("redis-8.0", file(module("vectorset"), version=12))),
    Sides("G-VECTORSET", "5.3 Load semantics", side("redis-7.4", file(module("vectorset"), version=12)), "the file holds vector sets of Redis 8 (keys: 1), which are module data Redis 7.4 cannot load", side("redis-8.0", file(module("vectorset"), version=12))),
    Sides("G-DBCOUNT", "3.1 `databases`", side("redis-6.2", file(db(16), key())), "database 16 (keys: 1) is beyond the 16 databases of Redis 6.2, which refuses such a file", side("redis-6.2", file(db(15), key()))),
    Sides("G-DB-UNKNOWN", "7 Open points", side("oci-cache", TWO_DATABASES), "how many databases OCI Cache has is not known; the file uses 3", side("oci-cache"), "unknown"),
    Sides("G-DB-UNKNOWN", "7 Open points", side("dragonfly-1.25", file(db(16), key())), "Dragonfly 1.25 has 16 databases; what becomes of the keys in database 16 is not known", side("dragonfly-1.25", file(db(15), key())), "unknown"),
    Sides("G-CLUSTER-DB", "3.1 Cluster mode + multi DB", side("redis-7.2", TWO_DATABASES, clustered=True), "a cluster node has database 0 only and refuses the file: database 3 is in use (keys: 2)", side("redis-7.2", TWO_DATABASES, clustered=False)),
    Sides("G-CLUSTER-SLOTS", "5.3 Load semantics", side("redis-7.2", clustered=True), "an empty cluster node takes over the slots of the keys it loads; a real cluster needs a file a shard", side("redis-7.2", clustered=False)),
    Sides("G-EXPIRED", "5.3 Load semantics", side("redis-7.2", file(EXPIRED + key())), "keys past their expiry: 1; they will not be there after loading", side("redis-7.2", file(b"\xfc" + (NOW + 1).to_bytes(8, "little") + key()))),
    Sides("G-CRC", "5.3 Load semantics", side("redis-7.2", changes={"checksum": "not verified"}), "the checksum was not verified; a server verifies it and refuses the file when it is wrong", side("redis-7.2", changes={"checksum": "ok"}), "unknown"),
    Sides("G-CRC-OFF", "5.3 Load semantics", side("redis-7.2", "redis-7.2.6-plain"), "the file has no checksum, so damage goes unnoticed while it is loaded", side("redis-7.2", "redis-7.2.6-types")),
    Sides("G-TRAIL", "5.3 Load semantics", side("redis-7.2", PLAIN + bytes(512)), "512 zero bytes follow the snapshot; loaders ignore them", side("redis-7.2")),
    Sides("G-TRAIL-OTHER", "5.3 Load semantics", side("redis-7.2", PLAIN + b"junk"), "behind the snapshot stands what is not loaded: other bytes, 4 bytes", side("redis-7.2", PLAIN + bytes(4))),
    Sides("G-TRAIL-AOF", "5.3 Load semantics", side("redis-7.2", PLAIN + b"*1\r\n$4\r\nPING\r\n"), "the file is an AOF: loaded as a snapshot it gives the state before the commands in it", side("redis-7.2")),
    Sides("G-GZIP", "3.1 Error texts", side("redis-7.2", gzip.compress(PLAIN)), "the file is gzipped; Redis 7.2 sees a wrong signature", side("redis-7.2")),
    Sides("G-GZIP", "3.3 Clouds", side("elasticache-redis-7.0", gzip.compress(PLAIN)), "whether ElastiCache Redis OSS 7.0, node-based takes gzipped files is not known", side("redis-software-7.2", gzip.compress(PLAIN)), "unknown"),
    Sides("G-CONTAINER", "3.1 Error texts", side("redis-7.2", lz4.frame.compress(PLAIN)), "the snapshot is wrapped in lz4, which Redis 7.2 does not take off", side("redis-7.2")),
    Sides("G-CONTAINER", "3.1 Redis / forks", side("valkey-9.1", changes={"containers": ("vcs",)}), "the snapshot is wrapped in vcs, which Valkey 9.1 does not take off", side("valkey-9.2", changes={"containers": ("vcs",)})),
    Sides("G-DUPKEY", "5.3 Load semantics", side("redis-7.2", file(key(), key())), "keys there twice in one database: 1; a server ends with a bug report while loading", side("redis-7.2", file(key(), db(1), key()))),
    Sides("G-CHECK", "5.3 Load semantics", side("redis-7.2", changes={"oddities": None}), "values and duplicate keys were not looked at: a damaged value, or a key that is there twice, ends the load", side("redis-7.2")),
    Sides("G-CHECK", "5.3 Load semantics", side("redis-7.2", changes={"duplicates": None}), "values and duplicate keys were not looked at: a damaged value, or a key that is there twice, ends the load", side("redis-7.2")),
    Sides("G-DAMAGED", "traits", side("redis-7.2", ODD["hash-listpack total"]), "Redis 7.2 refuses a listpack whose size or end is wrong: listpack is 17 bytes, its header says 153", side("redis-7.2", ODD["hash-listpack back-length"])),
    Sides("G-DAMAGED", "traits", side("valkey-9.1", ODD["hash-listpack back-length"]), "Valkey 9.1 refuses a listpack with damaged elements: listpack back-length byte is 0x07, 0x02 is that of 2 bytes", side("valkey-8.1", ODD["hash-listpack back-length"])),
    Sides("G-REPAIR", "traits", side("redis-8.10", ODD["stream entries read"]), "Redis 8.10 refuses a stream with a group that has read more entries than were added: a group has read 100 entries, 2 were added", side("redis-8.2", ODD["stream entries read"])),
    Sides("G-ODD", "traits", side("redis-8.4", ODD["stream entries read"]), "the file has a stream with a group that has read more entries than were added: a group has read 100 entries, 2 were added; what Redis 8.4 does about it is not known", side("redis-8.2", ODD["stream entries read"]), "unknown"),
    Sides("G-ODD-DIES", "traits", side("redis-7.2", ODD["hash-listpack back-length"]), "Redis 7.2 loads a listpack with damaged elements: listpack back-length byte is 0x07, 0x02 is that of 2 bytes, and may end when the value is used", side("redis-7.2", ODD["hash-listpack twice"])),
    Sides("G-ODD-LOST", "traits", side("redis-8.10", ODD["expire at -1"]), "Redis 8.10 loads the file without the key that has an expiry of -1 ms, which Redis 8.10 takes for the past and all others for never", side("redis-8.2", ODD["expire at -1"])),
    Sides("G-ODD-SKIPPED", "traits", side("redis-6.2", ODD["set empty"]), "Redis 6.2 leaves out an empty key while loading", side("redis-6.0", ODD["set empty"])),
    Sides("G-ODD-LOADS", "traits", side("redis-7.2", ODD["hash-listpack twice"]), "Redis 7.2 loads a listpack with a member or field twice, which a check names", side("valkey-9.1", ODD["hash-listpack twice"])),
    Sides("G-SLOT-IMPORT", "traits", side("valkey-9.1", ODD["slot import"], clustered=False), "the file has the record of a running slot import, on which Valkey 9.1 ends when it is not in cluster mode", side("valkey-9.1", ODD["slot import"], clustered=True)),
    Sides("G-SLOT-IMPORT", "traits", side("valkey-9.1", ODD["slot import"]), "Valkey 9.1 ends on the record of a running slot import unless it is in cluster mode", side("valkey-8.1", ODD["slot import"]), "unknown"),
    Sides("G-MEM", "5.3 Load semantics", side("redis-7.2", "redis-7.2.6-types", memory_bytes=2354367), "the data needs 2.1 to 2.4 MiB, the target has 2.2 MiB: it loads whole, then writes fail or keys are evicted", side("redis-7.2", "redis-7.2.6-types", memory_bytes=2519174)),
    Sides("G-512MB", "5.3 Load semantics", side("redis-7.2", changes={"biggest": LONG}), "a string has 629,145,600 bytes; it loads into servers, which then refuse to write to it", side("redis-7.2", changes={"biggest": FEW})),
    Sides("G-ACL", "5.3 Load semantics", side("redis-7.2"), "users, passwords and configuration are not in a snapshot", side("redis-7.2", operation="export")),
    Sides("G-RESP", "5.3 Load semantics", side("redis-7.2"), "which protocol clients speak (RESP2, RESP3) has nothing to do with the file", side("redis-7.2", operation="export")),
]
# fmt: on


def test_aof_tail_is_not_taken_for_padding() -> None:
    case = side("redis-7.2", changes={"tail": Tail("AOF commands", None)})
    assert findings_of(case, "G-TRAIL") == []
    assert [finding.severity for finding in findings_of(case, "G-TRAIL-AOF")] == ["warning"]
