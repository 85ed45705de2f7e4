"""Circumstances: what a snapshot cannot tell and a verdict needs to know.

Where the file comes from, where it lies, who may read it, what is in the target now. A fact nobody told
is None: the rules then say "unknown" and ask, they never assume. `FACTS` is the one list of them: the
fields of `Circumstances`, the keys of a circumstances file and the flags of the command line.

    # circumstances.toml (JSON in the same shape does as well)
    source_tier    = "premium"
    cache_region   = "westeurope"
    storage_region = "westeurope"
    target_empty   = true
"""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from datetime import date
from typing import Any, Literal

from rdbcodec.compat.documents import parse_json, parse_toml, read_text
from rdbcodec.errors import CircumstancesError, ModuleNameError
from rdbcodec.module_names import NONE, modules_named
from rdbcodec.named_tuples import NamedTuple
from rdbcodec.remote import signed_uri
from rdbcodec.remote.signed_uri import Sas

Operation = Literal["import", "export"]
Authentication = Literal["access-key", "sas", "managed-identity"]
Channel = Literal["portal", "cli", "powershell"]
BlobType = Literal["block", "page", "append"]
ClusteringPolicy = Literal["oss", "enterprise", "non-clustered"]
SourceTier = Literal["basic", "standard", "premium", "enterprise", "enterprise-flash", "amr", "other"]
SourceKind = Literal["export", "persistence", "save"]
StorageKind = Literal["general", "blob", "data-lake"]
Encryption = Literal["none", "sse-s3", "sse-kms", "sse-c", "client"]

OPERATIONS: tuple[Operation, ...] = ("import", "export")
LONGEST_SHOWN = 40  # characters of a wrong word in a message: enough for any of ours


@dataclass(frozen=True, slots=True, kw_only=True)
class Circumstances:
    """The facts around a snapshot; None is "nobody told". The signature of a SAS is not among them."""

    source_tier: SourceTier | None = None
    source_version: str | None = None
    cache_region: str | None = None
    storage_region: str | None = None
    cache_subscription: str | None = None
    storage_subscription: str | None = None
    authentication: Authentication | None = None
    channel: Channel | None = None
    blob_type: BlobType | None = None
    firewall: bool | None = None
    trusted_services: bool | None = None
    role: str | None = None
    sas: tuple[Sas, ...] | None = None
    target_empty: bool | None = None
    clustering_policy: ClusteringPolicy | None = None
    sku: str | None = None
    files: tuple[str, ...] | None = None
    operation: Operation | None = None
    now_ms: int | None = None
    as_of: str | None = None
    source_kind: SourceKind | None = None
    source_clustered: bool | None = None
    source_data_tiering: bool | None = None
    shards: int | None = None
    cluster_name: str | None = None
    clustered: bool | None = None
    active_active: bool | None = None
    data_tiering: bool | None = None
    flex: bool | None = None
    memory_bytes: int | None = None
    eviction_policy: str | None = None
    modules: tuple[str, ...] | None = None
    target_exists: bool | None = None
    private_endpoint: bool | None = None
    storage_kind: StorageKind | None = None
    bucket: str | None = None
    object_name: str | None = None
    encryption: Encryption | None = None

    def merged(self, told: Mapping[str, Any]) -> Circumstances:
        """These circumstances with what is told in addition; what is told last holds."""
        new = {name: value for name, value in told.items() if value is not None}
        return Circumstances(**{**self.told(), **new})

    def told(self) -> dict[str, Any]:
        """The facts that were told, by their names."""
        known = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: value for name, value in known.items() if value is not None}


class Fact(NamedTuple):
    """A row: a field, the kind of its value, the words it may be, and the question that asks for it."""

    name: str
    kind: Literal["word", "text", "version", "flag", "texts", "modules", "sas", "number", "date"]
    words: tuple[str, ...]
    question: str


def load(path: str | os.PathLike[str]) -> Circumstances:
    """The circumstances in a TOML or JSON file.

    Raises OSError when it cannot be read, CircumstancesError naming file, line and key when it is wrong.
    """
    name, text = os.fspath(path), read_text(path, CircumstancesError)
    if name.endswith(".json"):
        table = _read_json(name, text)
    else:
        table = parse_toml(name, text, CircumstancesError)
    return Circumstances(**{key: _value(name, text, key, value) for key, value in table.items()})


# --- files ------------------------------------------------------------------------------------------


def _read_json(name: str, text: str) -> dict[str, Any]:
    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        table: dict[str, Any] = {}
        for key, value in pairs:
            if key in table:
                raise CircumstancesError(f"{_place(name, text, key)}: given twice")
            table[key] = value
        return table

    table = parse_json(name, text, CircumstancesError, pairs_hook=once)
    if not isinstance(table, dict):
        raise CircumstancesError(f"{name}: the file holds {_kind_of(table)}, an object was expected")
    return table


def _value(name: str, text: str, key: str, value: object) -> Any:
    fact = BY_NAME.get(key)
    if fact is None:
        raise CircumstancesError(f"{_place(name, text, key)}: unknown, {_suggestion(key)}")
    try:
        return READERS[fact.kind](value, fact)
    except CircumstancesError as error:
        raise CircumstancesError(f"{_place(name, text, key)}: {error}") from None


def _shown(text: str) -> str:
    """Text as an error shows it; a misplaced SAS, or what else is long, is not repeated."""
    return repr(text) if len(text) <= LONGEST_SHOWN and "://" not in text else "a longer text"


def _place(name: str, text: str, key: str) -> str:
    """File, line of the key where it can be found, and key."""
    written = re.escape(key)
    found = re.search(rf"""^\s*[\[{{]*\s*["']?{written}["']?\s*[=\].]|"{written}"\s*:""", text, re.MULTILINE)
    line = "" if found is None else f"line {text.count(chr(10), 0, found.end()) + 1}: "
    return f"{name}: {line}key {_shown(key)}"


def _suggestion(key: str) -> str:
    close = difflib.get_close_matches(key.lower().replace("-", "_"), BY_NAME, n=2)
    return f"did you mean {' or '.join(close)}?" if close else f"known are {', '.join(BY_NAME)}"


# --- values -----------------------------------------------------------------------------------------

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_VERSION = re.compile(r"\d+(\.\d+){1,2}", re.ASCII)


def _kind_of(value: object) -> str:
    kinds = {bool: "true or false", int: "a number", float: "a number", str: "text", list: "an array"}
    return "nothing" if value is None else kinds.get(type(value), "a table")


def _text(value: object, _: Fact) -> str:
    if not isinstance(value, str):
        raise CircumstancesError(f"{_kind_of(value)}, text was expected")
    if not value.strip():
        raise CircumstancesError("empty text")
    return value.strip()


def _word(value: object, fact: Fact) -> str:
    word = _text(value, fact).lower()
    if word not in fact.words:
        raise CircumstancesError(f"{_shown(word)}, expected was one of {', '.join(fact.words)}")
    return word


def _version(value: object, fact: Fact) -> str:
    version = _text(value, fact)
    if not _VERSION.fullmatch(version):
        raise CircumstancesError(f"{_shown(version)}, a version such as '7.2' was expected")
    return version


def _date(value: object, fact: Fact) -> str:
    """A day as sources have it; TOML has dates of its own."""
    text = value.isoformat() if type(value) is date else _text(value, fact)
    try:
        return date.fromisoformat(text if _DATE.fullmatch(text) else "").isoformat()
    except ValueError:
        raise CircumstancesError(f"{_shown(text)}, a day such as '2024-11-15' was expected") from None


def _flag(value: object, _: Fact) -> bool:
    if not isinstance(value, bool):
        raise CircumstancesError(f"{_kind_of(value)}, true or false was expected")
    return value


def _texts(value: object, fact: Fact) -> tuple[str, ...]:
    values = [value] if isinstance(value, str) else value
    if not isinstance(values, list):
        raise CircumstancesError(f"{_kind_of(value)}, text or an array of text was expected")
    return tuple(_text(one, fact) for one in values)


def _modules(value: object, fact: Fact) -> tuple[str, ...]:
    """Names of modules, several of them perhaps with commas between; `none` is for a server without."""
    names = [name.strip() for text in _texts(value, fact) for name in text.split(",")]
    try:
        modules_named(names)
    except ModuleNameError as error:
        raise CircumstancesError(str(error)) from None
    return tuple(name for name in names if name.lower() != NONE)


def _sas(value: object, fact: Fact) -> tuple[Sas, ...]:
    return tuple(map(signed_uri.parse, _texts(value, fact)))


def _number(value: object, _: Fact) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise CircumstancesError(f"{_kind_of(value)}, a whole number from 0 on was expected")
    if value >> 63:
        raise CircumstancesError("a number of more than 63 bits, a smaller one was expected")
    return value


READERS: Mapping[str, Callable[[object, Fact], object]] = {
    "word": _word,
    "text": _text,
    "version": _version,
    "flag": _flag,
    "texts": _texts,
    "modules": _modules,
    "sas": _sas,
    "number": _number,
    "date": _date,
}

_TIERS = ("basic", "standard", "premium", "enterprise", "enterprise-flash", "amr", "other")
_SIGN_INS = ("access-key", "sas", "managed-identity")
_CHANNELS = ("portal", "cli", "powershell")
_BLOBS = ("block", "page", "append")
_POLICIES = ("oss", "enterprise", "non-clustered")
_SOURCES = ("export", "persistence", "save")
_ACCOUNTS = ("general", "blob", "data-lake")
_KEYS = ("none", "sse-s3", "sse-kms", "sse-c", "client")
_ANY = ()

# fmt: off
FACTS: tuple[Fact, ...] = (
    # where the file comes from
    Fact("source_tier",          "word",    _TIERS,     "which Azure tier wrote the snapshot"),
    Fact("source_version",       "version", _ANY,       "which Redis version the source runs"),
    Fact("source_kind",          "word",    _SOURCES,   "what wrote the file"),
    Fact("source_clustered",     "flag",    _ANY,       "whether the source ran in cluster mode"),
    Fact("source_data_tiering",  "flag",    _ANY,       "whether the source used data tiering"),
    Fact("shards",               "number",  _ANY,       "how many shards the source had, a file each"),
    Fact("files",                "texts",   _ANY,       "the names of all files of the export"),
    # the target
    Fact("cluster_name",         "text",    _ANY,       "the name of the cache"),
    Fact("cache_region",         "text",    _ANY,       "which region the cache is in"),
    Fact("cache_subscription",   "text",    _ANY,       "which subscription the cache is in"),
    Fact("sku",                  "text",    _ANY,       "which SKU the target is, such as B10"),
    Fact("memory_bytes",         "number",  _ANY,       "how many bytes of memory the target has"),
    Fact("clustering_policy",    "word",    _POLICIES,  "which clustering policy the target has"),
    Fact("eviction_policy",      "text",    _ANY,       "which eviction policy the target has"),
    Fact("modules",              "modules", _ANY,       "which modules are enabled on the target"),
    Fact("clustered",            "flag",    _ANY,       "whether the target runs in cluster mode"),
    Fact("active_active",        "flag",    _ANY,       "whether the target is Active-Active"),
    Fact("data_tiering",         "flag",    _ANY,       "whether the target uses data tiering"),
    Fact("flex",                 "flag",    _ANY,       "whether the target keeps values on flash"),
    Fact("target_exists",        "flag",    _ANY,       "whether the target is there already"),
    Fact("target_empty",         "flag",    _ANY,       "whether the target holds no data to keep"),
    # where the file lies, and who may read it
    Fact("storage_region",       "text",    _ANY,       "which region the storage account is in"),
    Fact("storage_subscription", "text",    _ANY,       "which subscription the storage account is in"),
    Fact("storage_kind",         "word",    _ACCOUNTS,  "what kind of storage account it is"),
    Fact("blob_type",            "word",    _BLOBS,     "what kind of blob the file is or will be"),
    Fact("firewall",             "flag",    _ANY,       "whether the storage account has a firewall"),
    Fact("trusted_services",     "flag",    _ANY,       "whether that firewall lets trusted services in"),
    Fact("private_endpoint",     "flag",    _ANY,       "whether it is behind a private endpoint"),
    Fact("authentication",       "word",    _SIGN_INS,  "how the cache signs in to the storage account"),
    Fact("role",                 "text",    _ANY,       "which role the managed identity has there"),
    Fact("sas",                  "sas",     _ANY,       "the SAS URIs"),
    Fact("bucket",               "text",    _ANY,       "the name of the S3 bucket"),
    Fact("object_name",          "text",    _ANY,       "the name of the S3 object"),
    Fact("encryption",           "word",    _KEYS,      "how the S3 object is encrypted"),
    # the operation
    Fact("operation",            "word",    OPERATIONS, "which operation is planned"),
    Fact("channel",              "word",    _CHANNELS,  "what starts the operation"),
    Fact("now_ms",               "number",  _ANY,       "when it happens, Unix milliseconds"),
    Fact("as_of",                "date",    _ANY,       "by the sources of which day to judge"),
)
# fmt: on
BY_NAME: Mapping[str, Fact] = {fact.name: fact for fact in FACTS}
