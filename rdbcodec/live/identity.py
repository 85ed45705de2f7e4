"""What a server says it is: product, version, mode, modules, databases, and whose service it seems to be."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rdbcodec.errors import EncodeError, ModuleNameError
from rdbcodec.live.errors import LiveError
from rdbcodec.live.link import Link
from rdbcodec.servers import Server


@dataclass(frozen=True, slots=True)
class Identity:
    """What is known of a running server; None, or nothing, for what it does not tell.

    `databases` has the number of keys of each database that has any. `managed` is the service that runs it,
    as far as its name or its words tell. `server` is what it reads and writes; None where nobody knows.
    """

    product: str = "Redis"
    version: str | None = None
    is_cluster: bool = False
    role: str | None = None
    is_loading: bool = False
    modules: tuple[str, ...] = ()
    databases: Mapping[int, int] | None = None
    policy: str | None = None
    managed: str | None = None
    server: Server | None = None

    def __str__(self) -> str:
        words = [self.product, self.version or "of a version it does not tell"]
        words += ["(cluster)"] if self.is_cluster else []
        words += [f"at {self.managed}"] if self.managed else []
        return " ".join(words)


def identity_of(link: Link, host: str | None = None) -> Identity:
    """Ask a server what it is: by INFO, by HELLO where a user may not ask that."""
    try:
        info = link.call("INFO")
    except LiveError as error:
        if error.code is None or error.code == "NOAUTH":
            raise
        return _of_hello(link, host)
    return of_info(info, host)


def of_info(info: bytes, host: str | None = None) -> Identity:
    """What the text of INFO says."""
    lines = info.decode("utf-8", "replace").splitlines()
    pairs = [(name, value) for name, _, value in (line.partition(":") for line in lines)]
    facts = dict(pairs)
    product, version = _product_of(facts)
    modules = tuple(_named(value) for name, value in pairs if name == "module")
    is_cluster = facts.get("cluster_enabled") == "1" or facts.get("redis_mode") == "cluster"
    return Identity(
        product=product,
        version=version,
        is_cluster=is_cluster,
        role="sentinel" if facts.get("redis_mode") == "sentinel" else facts.get("role"),
        is_loading=facts.get("loading") == "1",
        modules=modules,
        databases=_keyspace(facts) if "# Keyspace" in lines else None,
        policy=facts.get("maxmemory_policy"),
        managed=_managed(facts, host),
        server=server_of(product, version, modules, is_cluster=is_cluster),
    )


def server_of(
    product: str, version: str | None, modules: tuple[str, ...], *, is_cluster: bool
) -> Server | None:
    """The server of a product and version; None where nobody knows what that reads."""
    if version is None:
        return None
    modules = tuple(name for name in modules if name not in _WITHOUT_TYPES)
    for loaded in (modules, ("all",)):  # of a module nobody knows, nobody knows which types it has
        try:
            return Server.of(f"{product}-{version}", modules=loaded, clustered=is_cluster)
        except ModuleNameError:
            continue
        except EncodeError:
            return None
    return None


_WITHOUT_TYPES = frozenset({"lua"})  # the engine of scripts, since Valkey 9.1: no key has a value of it


def _of_hello(link: Link, host: str | None) -> Identity:
    try:
        answer = link.call("HELLO", 2)
    except LiveError as error:
        if error.code is None:
            raise
        return Identity(managed=_managed({}, host))
    facts: dict[Any, Any] = dict(zip(answer[::2], answer[1::2], strict=False))
    product = {"valkey": "Valkey"}.get(_text(facts.get(b"server")), "Redis")
    version, is_cluster = _text(facts.get(b"version")), facts.get(b"mode") == b"cluster"
    modules = tuple(
        _text(dict(zip(one[::2], one[1::2], strict=False)).get(b"name")) for one in facts.get(b"modules", ())
    )
    return Identity(
        product=product,
        version=version,
        is_cluster=is_cluster,
        role=_text(facts.get(b"role")).replace("replica", "slave"),
        modules=modules,
        managed=_managed({}, host),
        server=server_of(product, version, modules, is_cluster=is_cluster),
    )


def _text(word: object) -> str:
    return word.decode("utf-8", "replace") if isinstance(word, bytes) else ""


def _product_of(facts: Mapping[str, str]) -> tuple[str, str | None]:
    """By what only a fork says; all of them also say a redis_version."""
    for field, product in _FORKS:
        if field in facts:
            return product, facts[field]
    if "keydb" in facts.get("executable", "") or "mvcc_depth" in facts:
        return "KeyDB", facts.get("redis_version")
    return "Redis", facts.get("redis_version")


_FORKS = (("valkey_version", "Valkey"), ("dragonfly_version", "Dragonfly"), ("redict_version", "Redict"))


def _named(module: str) -> str:
    """name=ReJSON,ver=20607,..."""
    found = re.match(r"name=([^,]+)", module)
    return found[1] if found else module


def _keyspace(facts: Mapping[str, str]) -> dict[int, int]:
    """db0:keys=3,expires=0,..."""
    found = (
        (re.fullmatch(r"db(\d+)", name), re.match(r"keys=(\d+)", value)) for name, value in facts.items()
    )
    return {int(db[1]): int(keys[1]) for db, keys in found if db and keys}


def _managed(facts: Mapping[str, str], host: str | None) -> str | None:
    """A service by the names of its hosts, as its documentation has them, or by INFO's own words."""
    if "ElastiCache" in facts.get("os", ""):
        return "Amazon ElastiCache"
    if "upstash_version" in facts:
        return "Upstash"
    name = (host or "").lower().rstrip(".")
    return next((service for ending, service in _HOSTS if name.endswith(ending)), None)


_HOSTS = (
    (".redis.cache.windows.net", "Azure Cache for Redis"),
    (".redisenterprise.cache.azure.net", "Azure Cache for Redis Enterprise"),
    (".redis.azure.net", "Azure Managed Redis"),
    (".cache.amazonaws.com", "Amazon ElastiCache"),
    (".memorydb.amazonaws.com", "Amazon MemoryDB"),
    (".redis-cloud.com", "Redis Cloud"),
    (".redislabs.com", "Redis Cloud"),
    (".rlrcp.com", "Redis Cloud"),
    (".upstash.io", "Upstash"),
    (".db.ondigitalocean.com", "DigitalOcean"),
    (".aivencloud.com", "Aiven"),
    (".rds.aliyuncs.com", "Alibaba Cloud"),
)
