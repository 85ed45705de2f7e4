"""What a file is that is no snapshot: named by its first bytes, when they are plain, with what to do next.

A row has a pattern that is matched at the beginning of the file (with compression and the lines of a
replication taken off). The first row that matches speaks, so the narrower pattern stands above the wider.
Of an error page the code or title is shown, in letters no link or signature can be made of.
"""

from __future__ import annotations

import re

from rdbcodec.named_tuples import NamedTuple
from rdbcodec.wire.crc64 import crc64

# Bytes that are looked at: an answer of DUMP is known by its checksum only when all of it is there.
LOOK_SIZE = 64 << 10


class Lookalike(NamedTuple):
    """One kind of file: `says` goes behind "found", `next_step` is what its owner can do."""

    pattern: bytes
    says: str
    next_step: str


class Resemblance(NamedTuple):
    """What a file is, in words, and what to do next."""

    message: str
    next_step: str


def resemblance(head: bytes) -> Resemblance | None:
    """What the first bytes of a file plainly are; None for a snapshot, and for what nobody can tell."""
    if head.startswith(_WORDS) and not _has_signs(head):
        return None  # as nearly all: no pattern is compiled for it
    for row in _OF_SNAPSHOTS if head.startswith(_WORDS) else LOOKALIKES:
        if re.match(row.pattern, head, re.DOTALL):
            return Resemblance(f"expected a snapshot, found {row.says}{_page_words(head)}", row.next_step)
    if _is_dump_payload(head):
        return Resemblance(
            "expected a snapshot, found the answer of DUMP, one value without its key", _RESTORE
        )
    return None


def _has_signs(head: bytes) -> bool:
    """Whether one of the rows of _OF_SNAPSHOTS can match what begins with their magic, which takes 9 bytes."""
    return head[9:10] in (b"\xc3", b"\xef") or b"\r\nredis-bits" in head[:64] or head[257:262] == b"ustar"


def _page_words(head: bytes) -> str:
    """What an error page says of itself."""
    if not re.match(_PAGE, head):
        return ""
    found = re.search(
        rb"<Code>([\w.-]{1,60})</Code>|<title>([\w .,:!-]{1,80})</title>", head, re.ASCII | re.IGNORECASE
    )
    return "" if found is None else f" ({(found[1] or found[2]).decode('ascii').strip()})"


def _is_dump_payload(head: bytes) -> bool:
    """Type, value, u16 version, u64 checksum of all before it, which a snapshot has too, padded ones as well."""
    if head.startswith(_WORDS):
        return False
    if not _DUMP_MIN_SIZE <= len(head) < LOOK_SIZE or head[-9]:  # no RDB version is above 255
        return False
    return crc64(head[:-8]) == int.from_bytes(head[-8:], "little")


_DUMP_MIN_SIZE = 12
_RESTORE = "RESTORE loads it into a server, rdbcodec.dump.decode reads it"
_PAGE = rb"(?i:(?:\xef\xbb\xbf)?\s*<(?:\?xml|error|!doctype|html))"
_WORDS = (b"REDIS", b"VALKEY")
_MAGIC = rb"(?:REDIS\d{4}|VALKEY\d{3})"
_AGAIN = "transfer it again as binary: nothing brings back what was replaced"

# fmt: off
# ruff: noqa: E501 - one row, one line
LOOKALIKES = (
    # Snapshots that something took for text. No dialect has a record 195 or 239.
    Lookalike(_MAGIC + rb"\xef\xbf\xbd",              "a snapshot in which bytes that are no UTF-8 were replaced", _AGAIN),
    Lookalike(_MAGIC + rb"\xc3[\xba\xbb\xbe\xbf]",    "a snapshot that was encoded as UTF-8 as if it were text", "undo it: iconv -f UTF-8 -t ISO-8859-1 FILE > dump.rdb, or transfer it again as binary"),
    Lookalike(_MAGIC + rb".{0,20}\xfa\r\nredis-bits", "a snapshot whose newlines were changed in transfer (LF to CR LF)", "transfer it again as binary: which CR LF were there before cannot be told"),
    Lookalike(rb"\xef\xbb\xbf" + _MAGIC,              "a snapshot behind a byte-order mark, so it was taken for text", _AGAIN),
    Lookalike(rb"\xff\xfe(?:R\0E\0D\0|V\0A\0L\0)",    "a snapshot that was encoded as UTF-16, as > does in PowerShell", "transfer it again as binary, for example with redis-cli --rdb FILE"),
    Lookalike(rb"[\d\xfa].{0,8}(?:redis|valkey)-ver", "a snapshot without its first bytes", "fetch it again: it must begin with REDIS or VALKEY and its version"),
    Lookalike(rb"\s*(?:UkVESVMw|VkFMS0VZ)",           "a snapshot in base64", "base64 -d FILE > dump.rdb"),
    Lookalike(rb"\s*H4sI[A-Za-z0-9+/]",               "a gzip file in base64", "base64 -d FILE > dump.rdb.gz"),
    Lookalike(rb"\s*(?:5245444953|56414c4b4559)",     "a snapshot in hexadecimal digits", "xxd -r -p FILE > dump.rdb"),
    Lookalike(rb"0+:? +(?:5245|52 45|5641|56 41)",    "a hex dump of a snapshot", "xxd -r FILE > dump.rdb"),
    # Other files of the same servers.
    Lookalike(rb"\*\d+\r\n\$\d",                      "an append-only file without a snapshot in front (AOF)", "let a server load it (appendonly yes) and save a snapshot"),
    Lookalike(rb"#TS:\d",                             "an append-only file without a snapshot in front (AOF)", "let a server load it (appendonly yes) and save a snapshot"),
    Lookalike(rb"file \S+ seq \d+ type [a-z]",        "the manifest of an append-only file", "take the file it names with `type b`: that is the snapshot"),
    Lookalike(rb"\+CONTINUE",                         "a partial resynchronisation, commands without a snapshot", "capture a full one: redis-cli --rdb dump.rdb"),
    Lookalike(rb"-[A-Z]{2,20}[ \r]",                  "an error that a server answered", "read its text: head -n 1 FILE"),
    Lookalike(rb"\s*\{\"(?:db|record|function|aux)\"",     "NDJSON such as `dump` writes", "rdbcodec encode FILE -o dump.rdb makes a snapshot of it"),
    Lookalike(rb"\s*\[\s*\{\"(?:db|record|function|aux)\"", "JSON such as `dump --format json` writes", "jq -c '.[]' FILE | rdbcodec encode - -o dump.rdb makes a snapshot of it"),
    Lookalike(rb"\s*[\[{]\s*[\"{\[\]}]",              "JSON", "look at its text: an error of a cloud, or data that encode would take as NDJSON, one key a line"),
    # What stands where a download should.
    Lookalike(_PAGE,                                  "an error page or other XML or HTML", "the download went wrong: renew the link or the rights and fetch it again"),
    Lookalike(rb"version https://git-lfs\.github\.com/", "a pointer of git LFS", "git lfs pull fetches the file itself"),
    Lookalike(rb"(?:\.\./)*\.git/annex/|/annex/objects/", "a pointer of git-annex", "git annex get fetches the file itself"),
    # Packed.
    Lookalike(rb"PK(?:\x03\x04|\x05\x06|\x07\x08)",   "a zip archive", "unzip -p FILE > dump.rdb"),
    Lookalike(rb".{257}ustar",                        "a tar archive", "take the snapshot out: tar -xf FILE"),
    Lookalike(rb"\xfd7zXZ\0",                         "an xz file", "xz -dc FILE > dump.rdb, or xz -dc FILE | rdbcodec inspect -"),
    Lookalike(rb"BZh[1-9](?:1AY&SY|\x17rE8P\x90)",    "a bzip2 file", "bzip2 -dc FILE > dump.rdb, or bzip2 -dc FILE | rdbcodec inspect -"),
    Lookalike(rb"7z\xbc\xaf\x27\x1c",                 "a 7-Zip archive", "7z x FILE"),
    Lookalike(rb"Rar!\x1a\x07",                       "a RAR archive", "unrar x FILE"),
    Lookalike(rb"\xff\x06\0\0sNaPpY",                 "a snappy file", "snzip -dc FILE > dump.rdb"),
    Lookalike(rb"Salted__",                           "a file encrypted with openssl", "openssl enc -d with the cipher and password it was made with"),
    Lookalike(rb"age-encryption\.org/|-----BEGIN AGE", "a file encrypted with age", "age -d FILE > dump.rdb"),
    Lookalike(rb"-----BEGIN PGP",                     "a file encrypted with PGP", "gpg -d FILE > dump.rdb"),
    Lookalike(rb"SQLite format 3\0",                  "an SQLite database", "ask who made it for the snapshot"),
    Lookalike(rb"\0{16,}\Z",                          "nothing but zeros", "the disk was full, or the blob was made and never written: fetch or save it again"),
)
# fmt: on
# Of a file that begins as a snapshot does only these rows can speak, and only with signs of theirs.
_OF_SNAPSHOTS = tuple(row for row in LOOKALIKES if row.pattern.startswith((_MAGIC, b".")))
