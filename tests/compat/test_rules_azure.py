"""The rules of Azure, each on both sides of its condition; sections are headings of the seed document.

The seed is "Import and export data in Azure Managed Redis" as of 2024-11-15; S1 to S37 are its sentences,
as compat-facts.md numbers them. Where another page says it, its key of the facts file stands before the section.
"""
# ruff: noqa: E501 - a table

from __future__ import annotations

import datetime as dt
import gzip
from collections import Counter
from typing import Any

import pytest
from cases import every
from judging import (
    EMPTY_AUX,
    GIB,
    NOW,
    PLAIN,
    TWO_DATABASES,
    Sides,
    aux,
    db,
    facts_of,
    file,
    findings_of,
    judged,
    key,
    module,
    questions_of,
    side,
    used,
    written_by,
)

from rdbcodec.compat.circumstances import Circumstances
from rdbcodec.compat.rulebook import RULES
from rdbcodec.compat.verdict import check_import
from rdbcodec.facts.kinds import Kind
from rdbcodec.facts.memory.counted import Memory
from rdbcodec.facts.memory.kinds import STRING
from rdbcodec.facts.places import Place
from rdbcodec.formats import TYPES
from rdbcodec.remote.signed_uri import Sas, parse

AMR, AMR_74, FLASH = "amr-balanced-7.2", "amr-balanced-7.4", "amr-flash-7.2"
PREMIUM, ENTERPRISE = "acr-premium-6.0", "acr-enterprise-7.2"
RDB_11, RDB_12 = file(key(), version=11), file(key(), version=12)
VALKEY_8 = file(aux(b"valkey-ver", b"8.0.1"), key(), version=11)
GZIPPED = gzip.compress(PLAIN)
BYTES_1000 = file(key(value=b"\x43\xd1" + b"v" * 977))  # 1,000 bytes
BYTES_1024 = BYTES_1000 + bytes(24)
ROLE = "Storage Blob Data Contributor"
HERE: dict[str, Any] = {"cache_subscription": "a", "storage_subscription": "a"}
THERE: dict[str, Any] = {"cache_subscription": "a", "storage_subscription": "b"}
WALL: dict[str, Any] = {
    "firewall": True,
    "trusted_services": True,
    "authentication": "managed-identity",
    "role": ROLE,
}
SEARCH = file(module("trietype0"))
FOUR_GIB, TENTH = (
    {"string": Kind(TYPES[0], Place(9, 0, b"k"), 1, size)} for size in (4 * GIB, GIB // 11)
)  # on disk; memory may be a multiple
LONG_NAMES = Memory(Counter({(STRING, 512, 1, 0): 10**8}))
TWO_HOURS_OLD = file(b"\xfa\x05ctime\x0a%d" % (NOW // 1000 - 7200), key())

# fmt: off
SIDES: list[Sides] = [
    Sides("AZ-BLOB-EXPORT", "S1: introduction; FAQ 'I got an error when exporting'", side(AMR, operation="export", blob_type="page"), "an export writes block blobs, not page blobs", side(AMR, operation="export", blob_type="block")),
    Sides("AZ-BLOB-IMPORT", "S2: introduction; Import, NOTE", side(AMR, blob_type="append"), "the blob is an append blob; an import reads page blobs and block blobs", side(AMR, blob_type="page")),
    Sides("AZ-USES", "S3: introduction", side(AMR, source_tier="amr"), "moving data from Azure Managed Redis into Azure Managed Redis is one of the uses the feature is meant for", side(AMR, source_tier="other")),
    Sides("AZ-USES", "S3, S9: introduction; Compatibility, bullet 5", side(AMR, source_tier="enterprise-flash"), "moving data from the Enterprise Flash tier into Azure Managed Redis is one of the uses the feature is meant for", side(AMR, source_tier="basic")),
    Sides("AZ-USES-FILL", "S3: introduction, 'populate the cache with data before use'", side(AMR, target_empty=True), "filling a cache with data before it is used is one of the uses the feature is meant for", side(AMR, target_empty=False)),
    Sides("AZ-TIER-AMR", "S4: Scope of availability", side(FLASH), "every tier of Azure Managed Redis has import and export", side(PREMIUM)),
    Sides("AZ-GZ-EXPORT", "S5: Compatibility, bullet 1", side(AMR, GZIPPED), "the file is gzipped, as exports of this service are, and can be imported so", side(AMR)),
    Sides("AZ-GZ-WRITTEN", "S5: Compatibility, bullet 1", side(AMR, operation="export"), "the export will be gzipped block blobs; Redis itself does not read gzip", side(AMR)),
    Sides("AZ-GZ-PREMIUM", "S5: acr-ie, Compatibility", side(PREMIUM, GZIPPED), "whether Azure Cache for Redis 6.0, Premium takes gzipped files is not known", side(PREMIUM), "unknown"),
    Sides("AZ-RDBVER", "S6: Compatibility, bullet 2", side(AMR, RDB_12), "the file is RDB 12; Azure Managed Redis 7.2, Balanced reads REDIS up to 11", side(AMR, RDB_11)),
    Sides("AZ-RDBVER", "S6: acr-ie, Compatibility", side(PREMIUM, file(key(), version=10)), "the file is RDB 10; Azure Cache for Redis 6.0, Premium reads REDIS up to 9", side(PREMIUM)),
    Sides("AZ-RDB-OPEN", "S6: Compatibility, bullet 2, and amr-ie-2025", side(AMR_74, RDB_12), "the file is RDB 12; the import page (2024-11-15, again 2025-05-18) speaks of Redis 7.2 and RDB 11 only, later pages (2025-05-18 to 2026-03-16) of Redis 7.4, which reads 12; no vendor page says whether it is imported", side(AMR_74, RDB_11), "unknown"),
    Sides("AZ-RDB-OPEN", "S3, S6: introduction: between instances of Azure Managed Redis", side(AMR_74, RDB_12, source_tier="other"), "the file is RDB 12; the import page (2024-11-15, again 2025-05-18) speaks of Redis 7.2 and RDB 11 only, later pages (2025-05-18 to 2026-03-16) of Redis 7.4, which reads 12; no vendor page says whether it is imported", side(AMR_74, RDB_12, source_tier="amr"), "unknown"),
    Sides("AZ-NEWER-OLDER", "S7: Compatibility, bullet 3", side(PREMIUM, written_by(b"7.2.6", 11)), "the file comes from Redis 7.2.6, newer than the 6.0 of Azure Cache for Redis 6.0, Premium, and is of a version only newer ones read", side(ENTERPRISE, written_by(b"7.2.6", 11))),
    Sides("AZ-NEWER-OLDER", "S7: Compatibility, bullet 3", side(PREMIUM, RDB_11, source_version="7.2"), "the file comes from Redis 7.2, newer than the 6.0 of Azure Cache for Redis 6.0, Premium, and is of a version only newer ones read", side(PREMIUM, source_version="6.0")),
    Sides("AZ-NEWER-SAME", "S7: Compatibility, bullet 3", side(PREMIUM, written_by(b"6.2.16", 9)), "the page excludes files of a newer Redis (6.2.16, the target is 6.0); this one is RDB 9, which Azure Cache for Redis 6.0, Premium reads", side(PREMIUM, written_by(b"6.0.20", 9))),
    Sides("AZ-PREM-AMR", "S8: Compatibility, bullet 4", side(AMR, source_tier="premium"), "an export of the Premium tier can be imported here", side(AMR, source_tier="enterprise")),
    Sides("AZ-PREM-ONEWAY", "S8: Compatibility, bullet 4", side(PREMIUM, source_tier="amr"), "the file comes from Azure Managed Redis; the Premium tier does not take it, only the other way works", side(PREMIUM, source_tier="premium")),
    Sides("AZ-PREM-ONEWAY", "S8: Compatibility, bullet 4", side(PREMIUM, changes={"dialect": "enterprise"}), "the file comes from Redis Enterprise, as its opcodes show; the Premium tier does not take it, only the other way works", side(AMR, changes={"dialect": "enterprise"})),
    Sides("AZ-ENT-AMR", "S9: Compatibility, bullet 5", side(AMR, source_tier="enterprise-flash"), "an export of the Enterprise tiers can be imported here", side(AMR, source_tier="premium")),
    Sides("AZ-AMR-ENT", "S10: Compatibility, bullet 5", side(ENTERPRISE, written_by(b"7.4.1", 11), source_tier="amr"), "an export of Azure Managed Redis goes back into the Enterprise tiers on the same Redis version only: it is 7.4.1, the target 7.2", side(ENTERPRISE, written_by(b"7.2.6", 11), source_tier="amr")),
    Sides("AZ-ANYSERVER", "S11: Import, paragraph 1", side(AMR, source_tier="other"), "a snapshot of any Redis server is welcome, wherever it ran", side(AMR, source_tier="amr")),
    Sides("AZ-ANYSERVER", "S11: the same", side(AMR), "a snapshot of any Redis server is welcome, wherever it ran", side(AMR, VALKEY_8)),
    Sides("AZ-VALKEY", "S11: the same; Valkey is not named", side(AMR, VALKEY_8), "the file was written by Valkey 8.0.1; the page welcomes files of any Redis server and does not name Valkey", side(AMR)),
    Sides("AZ-MAGIC", "S11: FAQ 'Can I import data from any Redis server?'", side(AMR, "valkey-9.1.2-lru"), "the file begins with VALKEY; Azure Managed Redis 7.2, Balanced takes snapshots of Redis", side(AMR, "valkey-8.0.1-lru")),
    Sides("AZ-MEM", "S12: Import, paragraph 1", side(AMR, used(11 * GIB), sku="Balanced_B10"), "the data needs 10.2 to 11.8 GiB, and B10 leaves 9.6 GiB for it", side(AMR, used(8 * GIB), sku="B10")),
    Sides("AZ-MEM", "S12: Import, paragraph 1", side(PREMIUM, used(7 * GIB), sku="P1"), "the data needs 6.5 to 7.5 GiB, and P1 leaves 4.8 GiB for it", side(PREMIUM, used(3 * GIB), sku="P1")),
    Sides("AZ-MEM", "S12: Import, paragraph 1, without used-mem", side(AMR, changes={"kinds": FOUR_GIB}, sku="B10"), "the data needs 4.0 to 384.0 GiB, and B10 leaves 9.6 GiB for it", side(AMR, changes={"kinds": TENTH}, sku="B10"), "unknown"),
    Sides("AZ-MEM-NEAR", "S12: amr-arch, Reserved memory", side(AMR, used(8 * GIB), sku="B10"), "the data needs 7.4 to 8.6 GiB and nearly fills the 9.6 GiB that B10 leaves for it", side(AMR, used(7 * GIB), sku="B10")),
    Sides("AZ-MEM", "S12: Import, paragraph 1", side(ENTERPRISE, sku="B10"), "how much memory B10 has in Azure Cache for Redis 7.2, Enterprise is not known", side(AMR, sku="B10"), "unknown"),
    Sides("AZ-SKU", "amr-arch", side(AMR, sku="M10"), "M10 is a SKU of Memory Optimized, and the target is Balanced", side("amr-memory-7.2", sku="M10"), "unknown"),
    Sides("AZ-SKU", "amr-arch", side(AMR, sku="P1"), "P1 is a SKU of Azure Cache for Redis, Premium, and the target is Balanced", side(AMR, sku="Balanced_B1000"), "unknown"),
    Sides("AZ-MEM", "S12: on a day when nobody knew the SKUs", side(AMR, sku="M10", as_of="2024-11-15"), "how much memory M10 has in Azure Managed Redis 7.2, Balanced is not known", side(AMR, sku="M10"), "unknown"),
    Sides("AZ-SKU", "amr-skus", side(AMR, sku="Balanced_B2000"), "there is no SKU B2000 of Balanced", side(AMR, sku="B20"), "unknown"),
    Sides("AZ-REGION", "S13: Import, NOTE", side(AMR, cache_region="westeurope", storage_region="North Europe"), "the storage account is in North Europe, the cache in westeurope; they have to share a region", side(AMR, cache_region="westeurope", storage_region="West Europe")),
    Sides("AZ-REGION", "S21: Export, step 2", side(AMR, operation="export", cache_region="westeurope", storage_region="eastus"), "the storage account is in eastus, the cache in westeurope; they have to share a region", side(AMR, operation="export", cache_region="eastus", storage_region="eastus")),
    Sides("AZ-SUB", "S14: Import, NOTE; FAQ 'a different subscription'", side(AMR, **THERE, authentication="access-key"), "the storage account belongs to another subscription, which needs a managed identity and not access-key", side(AMR, **THERE, authentication="managed-identity")),
    Sides("AZ-SUB", "S21: Export, step 2", side(AMR, operation="export", **THERE, authentication="sas"), "the storage account belongs to another subscription, which needs a managed identity and not sas", side(AMR, operation="export", **HERE, authentication="sas")),
    Sides("AZ-SUB-MI", "S14, S33: FAQ 'a different subscription'", side(AMR, **THERE, authentication="managed-identity"), "another subscription is fine with a managed identity; choose that subscription in the dialog", side(AMR, **HERE, authentication="managed-identity")),
    Sides("AZ-SUB-ENT", "acr-identity: Scope of availability", side(ENTERPRISE, **THERE, authentication="managed-identity"), "the storage account belongs to another subscription, which needs a managed identity, and the Enterprise tiers have none for storage accounts", side(ENTERPRISE, **HERE, authentication="sas")),
    Sides("AZ-MI-ENT", "acr-identity: Scope of availability", side(ENTERPRISE, authentication="managed-identity"), "the Enterprise tiers cannot sign in to a storage account with a managed identity, only the Premium tier can", side(ENTERPRISE, authentication="access-key")),
    Sides("AZ-MI-ENT", "acr-identity: Scope of availability", side(ENTERPRISE, authentication="managed-identity"), "the Enterprise tiers cannot sign in to a storage account with a managed identity, only the Premium tier can", side(PREMIUM, authentication="managed-identity")),
    Sides("AZ-MI-CLI", "azcli-ent, azps", side(AMR, authentication="managed-identity", channel="cli"), "the CLI takes SAS URIs only: imports and exports have no parameter for a managed identity", side(AMR, authentication="managed-identity", channel="portal")),
    Sides("AZ-MI-CLI", "azcli-redis: the Premium tier has --auth-method", side(AMR, authentication="managed-identity", channel="powershell"), "PowerShell takes SAS URIs only: imports and exports have no parameter for a managed identity", side(PREMIUM, authentication="managed-identity", channel="powershell")),
    Sides("AZ-MI-ROLE", "S32: FAQ 'What if I have firewall enabled', without one", side(AMR, authentication="managed-identity", role="Reader"), "the managed identity has the role Reader and needs Storage Blob Data Contributor", side(AMR, authentication="managed-identity", role=ROLE)),
    Sides("AZ-MI-ROLE", "acr-identity", side(PREMIUM, authentication="managed-identity", role="Storage Blob Data Reader"), "the managed identity has the role Storage Blob Data Reader and needs Storage Blob Data Contributor", side(PREMIUM, authentication="managed-identity", role="Storage Blob Data Owner")),
    Sides("AZ-EXPORT-READY", "S15: Import, NOTE, last sentence", side(AMR, source_tier="amr"), "an export already lies in a block blob that can be imported", side(AMR, source_tier="other")),
    Sides("AZ-EXPORT-READY", "S15: Import, NOTE, last sentence", side(AMR, source_tier="enterprise"), "an export already lies in a block blob that can be imported", side(AMR, source_tier="premium")),
    Sides("AZ-EXPORT-READY-PAGE", "S15: acr-ie, Export", side(AMR, source_tier="premium"), "an export of the Premium tier already lies in a page blob that can be imported", side(AMR, source_tier="premium", source_kind="save")),
    Sides("AZ-MULTI", "S16: Import, steps 1 and 4", side(AMR, files=("a", "b")), "all 2 files can be chosen in one import, and their data has to fit together", side(AMR, files=("a",))),
    Sides("AZ-MULTI-DUP", "S16: Import, steps 1 and 4", side(AMR, files=("a", "b")), "where a key is in two of the 2 files, no vendor page says which of them wins", side(AMR, files=("a",))),
    Sides("AZ-OFFLINE", "S17: Import, step 5, IMPORTANT", side(AMR), "clients cannot reach the cache from the start of an import to its end", side(AMR, operation="export")),
    Sides("AZ-WIPE", "S18: Import, step 5, IMPORTANT", side(AMR), "an import deletes everything that is in the cache", side(AMR, target_empty=True)),
    Sides("AZ-WIPE-DATA", "S18: Import, step 5, IMPORTANT", side(AMR, target_empty=False), "the cache holds data that is still needed, and an import deletes it", side(AMR, target_empty=True)),
    Sides("AZ-ACTLOG", "S19: Import, step 5, second IMPORTANT", side(AMR), "follow the notifications of the portal: the page names the activity log, and its next line says that Azure Managed Redis 7.2, Balanced has none yet", side(PREMIUM)),
    Sides("AZ-ACTLOG", "S19: acr-ie", side(ENTERPRISE), "follow the notifications of the portal: the page names the activity log, and its next line says that Azure Cache for Redis 7.2, Enterprise has none yet", side(ENTERPRISE, operation="export")),
    Sides("AZ-AUDITLOG", "Export, step 4", side(AMR, operation="export"), "follow the notifications of the portal or the audit log", side(AMR)),
    Sides("AZ-EXPORT-USES", "Export, paragraph 1; FAQ 'Can I import data from any Redis server?'", side(AMR, operation="export"), "an export goes into another cache or another Redis server, from production into staging say; a server of your own may not know all records of Redis Enterprise in it", side(AMR)),
    Sides("AZ-EXPORT-TEMP", "S20: Export, paragraph 1", side(AMR, operation="export"), "an export writes a temporary file on the machine of the cache and deletes it in the end", side(AMR)),
    Sides("AZ-FW-EXPORT", "S22: Export, step 2, IMPORTANT", side(AMR, operation="export", firewall=True), "exports to an account with a firewall may fail", side(AMR, operation="export", firewall=False)),
    Sides("AZ-PREFIX", "S23: Export, step 4", side(AMR, source_kind="export"), "an export writes several files whose names share a prefix: import every one of them", side(AMR, source_kind="save")),
    Sides("AZ-PREFIX-WRITTEN", "S23: Export, step 4", side(AMR, operation="export"), "the blob name prefix begins the names of all files of the export", side(AMR)),
    Sides("AZ-CONTAINER", "Export, step 3", side(AMR, operation="export"), "the export needs a container in the storage account; Add Container in the dialog makes one", side(AMR)),
    Sides("RE-ALLFILES", "S23: Export, step 4; redis-docs", side(AMR, files=("a", "b"), shards=3), "an export has a file for each of 3 shards; files given: 2", side(AMR, files=("a", "b"), shards=2)),
    Sides("AZ-ONLINE-EXPORT", "S24: Export, last line", side(AMR, operation="export"), "the cache stays reachable during an export", side(AMR)),
    Sides("AZ-PAGE-512", "S25: FAQ 'Can I import data from any Redis server?', IMPORTANT", side(AMR, BYTES_1000, blob_type="page"), "a page blob is made of 512-byte pages and the file has 1,000 bytes: 24 are lacking", side(AMR, BYTES_1024, blob_type="page")),
    Sides("AZ-PAGE-512", "S25: what a page blob is, whoever wrote the file", side(AMR, BYTES_1000, blob_type="page", source_tier="amr"), "a page blob is made of 512-byte pages and the file has 1,000 bytes: 24 are lacking", side(AMR, BYTES_1024, blob_type="page", source_tier="amr")),
    Sides("AZ-GZIP-PAGE", "S25: FAQ, IMPORTANT", side(AMR, GZIPPED + bytes(-len(GZIPPED) % 512), blob_type="page"), "whether zeros behind a gzip are read, which fill its last page, no vendor page says", side(AMR, GZIPPED + bytes(-len(GZIPPED) % 512), blob_type="block"), "unknown"),
    Sides("AZ-PAGE-512-INFO", "S25: the same", side(AMR, BYTES_1000), "as a page blob the file (1,000 bytes) would need padding to whole 512-byte pages; a block blob needs none", side(AMR, BYTES_1000, blob_type="block")),
    Sides("AZ-PERSIST", "S26: FAQ 'How is Import/Export different from Redis persistence?'", side(AMR, source_kind="persistence"), "a persistence file of a cache is not accessible, and no other cache imports it", side(AMR, source_kind="export")),
    Sides("AZ-PERSIST", "S26: acr-ie, the same FAQ", side(AMR, source_kind="persistence", source_tier="premium"), "a persistence file of the Premium tier lies in your storage account, and no other cache imports it", side(AMR, source_kind="persistence", source_tier="other")),
    Sides("AZ-CLI-ENT", "S27: FAQ 'Can I automate Import/Export'", side(AMR), "the import can be scripted", side(AMR, operation="export")),
    Sides("AZ-CLI-ENT-EXPORT", "S27: the same", side(AMR, operation="export"), "the export can be scripted", side(AMR)),
    Sides("AZ-CLI-ACR", "S27: azcli-redis", side(PREMIUM), "the import can be scripted", side(PREMIUM, operation="export")),
    Sides("AZ-CLI-ACR-EXPORT", "S27: azcli-redis, azps-classic", side(PREMIUM, operation="export"), "the export can be scripted", side(AMR, operation="export")),
    Sides("AZ-15MIN", "S28: FAQ 'I received a timeout error'", side(AMR, channel="portal"), "the SAS that the portal makes grows old while its page stays open: start within 15 minutes of opening it", side(AMR, channel="cli")),
    Sides("AZ-FW-KEY", "S31: FAQ 'I got an error when exporting'", side(AMR, authentication="access-key"), "with a key or SAS, exceptions in the account's firewall, if it has one, tend to make the operation fail", side(AMR, firewall=True, authentication="access-key")),
    Sides("AZ-FW-2024", "S32: FAQ 'What if I have firewall enabled'", side(AMR, **{**WALL, "trusted_services": False, "role": "Reader"}), "the storage account has a firewall, and this is lacking: the exception for trusted Azure services, the role Storage Blob Data Contributor for it", side(AMR, **WALL)),
    Sides("AZ-FW-2024", "S32: the same", side(AMR, **{**WALL, "authentication": "sas"}), "the storage account has a firewall, and this is lacking: a managed identity", side(AMR, firewall=False)),
    Sides("AZ-FW-2025", "S32: amr-ie-2025, and amr-ie-may14 of four days before", side(AMR, **WALL), "storage accounts with a firewall are not supported; the page of 2025-05-18 says so, those of 2025-05-14 and 2024-11-15 otherwise", side(AMR, **{**WALL, "trusted_services": False}), "unknown"),
    Sides("AZ-FW-CLI", "S32: with amr-rest", side(AMR, firewall=True, channel="cli"), "the storage account has a firewall, which takes a managed identity at least, and the CLI has no parameter for one", side(AMR, firewall=True, channel="portal")),
    Sides("AZ-FW-CLI", "S32: with amr-rest", side(AMR, firewall=True, channel="powershell"), "the storage account has a firewall, which takes a managed identity at least, and PowerShell has no parameter for one", side(PREMIUM, firewall=True, channel="powershell")),
    Sides("AZ-FW-PRIVATE", "amr-ie-2025", side(AMR, private_endpoint=True), "the storage account is behind a private endpoint, which no page allows", side(AMR, private_endpoint=False)),
    Sides("AZ-FW-ENT", "acr-ie", side(ENTERPRISE, **WALL), "the Enterprise tiers reach storage accounts with public network access only", side(ENTERPRISE, firewall=False)),
    Sides("AZ-PREVIEW", "S35: title", side(AMR), "the page of 2024-11-15 describes a preview; the service is generally available since May 2025", side(AMR, as_of="2024-11-15")),
    Sides("AZ-PREVIEW-2024", "S35: title", side(AMR, as_of="2024-11-15"), "Azure Managed Redis is a preview, its import and export with it", side(AMR, as_of="2025-05-18")),
    Sides("AZ-TIER-ACR", "S36: acr-ie, Scope of availability", side("acr-standard-6.0"), "Azure Cache for Redis 6.0, Standard has no import", side(PREMIUM)),
    Sides("AZ-TIER-SOURCE", "S36: acr-ie, Scope of availability", side(AMR, source_tier="basic"), "the Basic tier has no export, so the file was made some other way", side(AMR, source_tier="premium")),
    Sides("AZ-SNAPSHOT", "S37: FAQ 'How is Import/Export different from Redis persistence?'", side(AMR, TWO_HOURS_OLD), "the file is the state of one moment (it was made 2 hours before); what was written later is not in it", side(AMR, operation="export")),
    Sides("AZ-SNAPSHOT", "S37: the same, without ctime", side(AMR), "the file is the state of one moment (when it was made is not in it); what was written later is not in it", side("redis-7.2")),
    Sides("AZ-BLOB-EXPORT-PREM", "acr-ie, Export, step 2", side(PREMIUM, operation="export", storage_kind="data-lake"), "the Premium tier exports page blobs, which a data-lake account cannot hold", side(PREMIUM, operation="export", storage_kind="general")),
    Sides("AZ-CLUSTERNAME", "azcli-ent", side(AMR, cluster_name="my--cache"), "'my--cache' is no name of a cache: up to 60 letters and digits, with single hyphens between", side(AMR, cluster_name="my-cache")),
    Sides("AZ-ONE-DB", "amr-configure, Databases", side(AMR, TWO_DATABASES), "Azure Managed Redis 7.2, Balanced has database 0 only, and database 3 is in use (keys: 2); no vendor page says whether these keys are dropped, merged or refused", side(AMR, file(db(0), key()))),
    Sides("AZ-ONE-DB", "amr-configure, Databases", side(AMR, file(*(part for number in (1, 9, 15) for part in (db(number), key())))), "Azure Managed Redis 7.2, Balanced has database 0 only, and databases 1, 9 and 15 are in use (keys: 3); no vendor page says whether these keys are dropped, merged or refused", side(AMR, file(db(0), key()))),
    Sides("AZ-DB-LIMIT", "acr-ie, custom databases setting", side(PREMIUM, file(db(16), key()), sku="P1"), "database 16 is above the 16 a cache of this size has: the keys there (1) are left out without an error", side(PREMIUM, file(db(15), key()), sku="P1")),
    Sides("AZ-DB-LIMIT", "acr-ie, custom databases setting", side(PREMIUM, file(db(16), key())), "database 16 is imported only when the cache was created with more than the 16 databases of the default", side(PREMIUM, file(db(15), key())), "unknown"),
    Sides("AZ-DB-CLUSTER", "acr-ie, Redis cluster", side(PREMIUM, TWO_DATABASES, clustered=True), "a clustered cache takes database 0 only: the keys of database 3 (2) are left out without an error", side(PREMIUM, TWO_DATABASES, clustered=False)),
    Sides("AZ-MODULE", "amr-modules, IMPORTANT", side(AMR, file(module("graphdata"))), "the file needs modules this cache does not have: RedisGraph (graphdata 0); keys: 1", side(AMR, file(module("ReJSON-RL")))),
    Sides("AZ-MODULE", "amr-modules, IMPORTANT", side(AMR, file(module("ReJSON-RL")), modules=("RediSearch",)), "the file needs modules this cache does not have: RedisJSON (ReJSON-RL 0); keys: 1", side(AMR, file(module("ReJSON-RL")), modules=("redisjson",))),
    Sides("AZ-MODULE-FLASH", "amr-plan-modules, amr-flash", side(FLASH, file(module("TSDB-TYPE"))), "Flash Optimized has RedisJSON and no other module: RedisTimeSeries (TSDB-TYPE 0); keys: 1", side(FLASH, file(module("ReJSON-RL")))),
    Sides("AZ-FLASH-KEYS", "amr-flash, RAM and NVMe", side(FLASH, changes={"memory": LONG_NAMES}, sku="A250"), "the keys alone need 47.7 GiB, and A250 has 47.0 GiB of RAM (20%), where all keys have to be", side(FLASH, changes={"memory": LONG_NAMES}, sku="A500")),
    Sides("AZ-FLASH-KEYS", "amr-flash, RAM and NVMe", side(FLASH, changes={"memory": LONG_NAMES}, sku="FlashOptimized_A250"), "the keys alone need 47.7 GiB, and A250 has 47.0 GiB of RAM (20%), where all keys have to be", side(FLASH, sku="A250")),
    Sides("AZ-MIGRATION", "acr-life: migration tooling", side(AMR, source_tier="premium"), "the migration tooling of Azure (released for the Enterprise tiers, a preview for the others, as of 2026-04) gives the new cache the old name and moves no data", side(AMR, source_tier="other")),
    Sides("AZ-GEO-IMPORT", "amr-geo, redis-docs", side(AMR, active_active=True), "no vendor page says whether an import into a geo-replicated group deletes what is there or merges with it; Redis Software merges", side(AMR, active_active=False), "unknown"),
    Sides("AZ-GEO-SKU", "amr-geo", side(AMR, active_active=True, sku="B1"), "B1 has no active geo-replication, B3 and larger SKUs have", side(AMR, active_active=True, sku="B3")),
    Sides("AZ-GEO-SKU", "amr-geo", side(AMR, active_active=True, sku="Balanced_B0"), "B0 has no active geo-replication, B3 and larger SKUs have", side(AMR, sku="B0")),
    Sides("AZ-GEO-MODULE", "amr-geo, amr-geo-plan", side(AMR, file(module("MBbloom--")), active_active=True), "a geo-replicated group can have RediSearch and RedisJSON only, and the file needs RedisBloom", side(AMR, file(module("ReJSON-RL")), active_active=True)),
    Sides("AZ-GEO-MODULE", "amr-geo, amr-geo-plan", side(AMR, file(module("TSDB-TYPE")), active_active=True), "a geo-replicated group can have RediSearch and RedisJSON only, and the file needs RedisTimeSeries", side(AMR, file(module("TSDB-TYPE")))),
    Sides("AZ-GEO-FLASH", "amr-geo-plan of 2026, amr-geo of 2025", side(FLASH, active_active=True), "Flash Optimized has no active geo-replication; Plan tiers, capacity and modules of Azure Managed Redis (2026) says so, Configure active geo-replication for Azure Managed Redis (2025-05-18) otherwise", side(FLASH), "unknown"),
    Sides("AZ-MODULE-MAYBE", "amr-modules, IMPORTANT", side(AMR, file(module("ReJSON-RL"))), "the file needs RedisJSON; whether it is enabled on the target was not told", side(AMR, file(module("ReJSON-RL")), modules=("RedisJSON",)), "unknown"),
    Sides("AZ-SEARCH-POLICY", "amr-plan-modules, amr-modules", side(AMR, SEARCH, clustering_policy="oss"), "RediSearch needs the Enterprise clustering policy and no eviction, and the cache has the oss clustering policy", side(AMR, SEARCH, clustering_policy="enterprise")),
    Sides("AZ-SEARCH-POLICY", "amr-plan-modules, amr-modules", side(AMR, SEARCH, eviction_policy="allkeys-lru"), "RediSearch needs the Enterprise clustering policy and no eviction, and the cache has the eviction policy allkeys-lru", side(AMR, SEARCH, eviction_policy="NoEviction")),
    Sides("AZ-SEARCH-POLICY", "amr-plan-modules, amr-modules", side(AMR, SEARCH, clustering_policy="non-clustered"), "RediSearch needs the Enterprise clustering policy and no eviction, and the cache has the non-clustered clustering policy", side(AMR, clustering_policy="non-clustered")),
    Sides("AZ-NOCLUSTER", "amr-arch, Cluster policies", side(AMR, clustering_policy="non-clustered", sku="B50"), "the non-clustered policy exists up to 25 GB and not on Flash; the target is B50", side(AMR, clustering_policy="non-clustered", sku="B20")),
]
# fmt: on


# --- S29, S30, S34: SAS URIs, in the words of their own table ---------------------------------------


def at(milliseconds: int) -> str:
    """A time as a SAS writes it."""
    moment = dt.datetime.fromtimestamp(milliseconds / 1000, tz=dt.timezone.utc)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def sas_of(**parameters: str) -> tuple[Sas, ...]:
    """A SAS that nothing is wrong with, but for what is given."""
    fit = {"sv": "2024-11-04", "se": at(NOW + 7_200_000), "sp": "racwdtm", "sr": "b", "sig": "c2VjcmV0"}
    query = "&".join(f"{name}={value}" for name, value in {**fit, **parameters}.items() if value)
    return (parse(f"https://account.blob.core.windows.net/box/dump.rdb?{query}"),)


@pytest.mark.parametrize(
    ("rule", "bad", "good"),
    [
        pytest.param("AZ-SAS-SE", {"se": at(NOW + 59 * 60_000)}, {"se": at(NOW + 61 * 60_000)}, id="S29"),
        pytest.param("AZ-SAS-ST", {"st": at(NOW - 14 * 60_000)}, {"st": at(NOW - 16 * 60_000)}, id="S30"),
        pytest.param("AZ-SAS-PERM-IMPORT", {"sp": "w"}, {"sp": "r"}, id="import"),
    ],
)
def test_sas_of_an_import_is_judged_on_both_sides(
    rule: str, bad: dict[str, str], good: dict[str, str]
) -> None:
    refused, taken = side(AMR, sas=sas_of(**bad)), side(AMR, sas=sas_of(**good))
    assert [finding.severity for finding in findings_of(refused, rule)] == ["blocker"]
    assert judged(refused).loads == "no"
    assert findings_of(taken, rule) == []
    assert judged(taken).loads == "yes"


def test_sas_of_an_export_needs_seven_permissions() -> None:
    """S34: FAQ 'Which permissions need to be granted'."""
    short, whole = (
        side(AMR, operation="export", sas=sas_of(sp=letters, sr="c")) for letters in ("racwdt", "racwdtm")
    )
    assert [finding.says for finding in findings_of(short, "AZ-SAS-PERM-EXPORT")] == [
        "the permissions (sp) lack move (m)"
    ]
    assert findings_of(whole, "AZ-SAS-PERM-EXPORT") == []


def test_sas_is_no_matter_of_a_server_of_ones_own() -> None:
    case = side("redis-7.2", sas=sas_of(se=at(NOW + 1)))
    assert findings_of(case, "AZ-SAS-SE") == []


def test_sas_that_was_not_shown_is_asked_for() -> None:
    assert questions_of(side(AMR, authentication="sas"))["sas"] == ("AZ-SAS-GIVEN",)
    assert "sas" not in questions_of(side(AMR, authentication="sas", sas=sas_of()))
    assert "sas" not in questions_of(side(AMR, authentication="access-key"))


# --- the seed's own cases ---------------------------------------------------------------------------


@every(
    ("sentence", "loads", "case"),
    [
        ("RDB 11 into AMR 7.2", "yes", side(AMR, RDB_11)),
        ("RDB 12 into AMR 7.2", "after-conversion", side(AMR, RDB_12)),
        ("RDB 12 with field TTLs into AMR 7.2", "no", side(AMR, "redis-8.0.6-hfe")),
        ("RDB 12 into AMR 7.4", "after-conversion", side(AMR_74, RDB_12)),
        ("Premium to AMR", "yes", side(AMR, "redis-6.2.16-lru", source_tier="premium")),
        ("AMR to Premium", "no", side(PREMIUM, source_tier="amr")),
        (
            "AMR 7.2 to Enterprise 7.2",
            "yes",
            side(ENTERPRISE, RDB_11, source_tier="amr", source_version="7.2"),
        ),
        (
            "AMR 7.4 to Enterprise 7.2",
            "no",
            side(ENTERPRISE, RDB_11, source_tier="amr", source_version="7.4"),
        ),
        ("a page blob of 1,000 bytes", "after-conversion", side(AMR, BYTES_1000, blob_type="page")),
        ("the same after padding", "yes", side(AMR, BYTES_1024, blob_type="page")),
        ("a block blob of 1,000 bytes", "yes", side(AMR, BYTES_1000, blob_type="block")),
        ("other subscription, access key", "no", side(AMR, **THERE, authentication="access-key")),
        (
            "other subscription, identity",
            "yes",
            side(AMR, **THERE, authentication="managed-identity", channel="portal"),
        ),
        ("the same by CLI", "no", side(AMR, **THERE, authentication="managed-identity", channel="cli")),
        (
            "other subscription, identity, Enterprise",
            "no",
            side(ENTERPRISE, **THERE, authentication="managed-identity", channel="portal"),
        ),
        (
            "other subscription, identity by CLI, Premium",
            "yes",
            side(PREMIUM, **THERE, authentication="managed-identity", channel="cli", role=ROLE),
        ),
        ("a firewall with all that one page asks for", "unknown", side(AMR, **WALL, channel="portal")),
        ("the same by CLI", "no", side(AMR, **WALL, channel="cli")),
        ("the same by the page of 2024-11-15", "yes", side(AMR, **WALL, as_of="2024-11-15")),
        ("a private endpoint alone", "no", side(AMR, private_endpoint=True)),
        ("RDB 12 with field TTLs into AMR 7.4", "unknown", side(AMR_74, "redis-8.0.6-hfe")),
        ("an export of AMR 7.4 into AMR 7.4", "yes", side(AMR_74, RDB_12, source_tier="amr")),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_seed_case(sentence: str, loads: str, case: object) -> None:
    assert judged(case).loads == loads, sentence  # type: ignore[arg-type]  # parametrize knows no types


def test_what_no_page_speaks_of_has_a_way_out_that_one_does() -> None:
    """RDB 12 into AMR 7.4: written as Redis 7.2 does it is RDB 11, which the import page names."""
    verdict = judged(side(AMR_74, RDB_12))
    assert [(step.kind, step.command) for step in verdict.steps] == [
        ("convert", ("rdbcodec", "convert", "FILE", "--to", "redis-7.2", "-o", "OUT"))
    ]
    assert "source_tier" in {question.fact for question in verdict.questions}


def test_data_of_redisearch_asks_for_both_policies_and_plain_keys_do_not() -> None:
    asked = questions_of(side(AMR, SEARCH, modules=("RediSearch",)))
    assert (asked["clustering_policy"], asked["eviction_policy"]) == (
        ("AZ-SEARCH-POLICY",),
        ("AZ-SEARCH-POLICY",),
    )
    plain = questions_of(side(AMR, file(EMPTY_AUX, key()), modules=("RediSearch",)))
    assert "clustering_policy" not in plain
    assert "eviction_policy" not in plain


def test_databases_in_use_are_folded_and_no_reason_for_a_no() -> None:
    verdict = judged(side(AMR, TWO_DATABASES))
    assert verdict.loads == "after-conversion"
    assert [step.command for step in verdict.steps] == [
        ("rdbcodec", "convert", "FILE", "--fold-databases", "{db}:", "-o", "OUT")
    ]


def test_a_geo_replicated_group_is_not_said_to_be_wiped() -> None:
    assert findings_of(side(AMR, active_active=True), "AZ-WIPE") == []
    assert judged(side(AMR, active_active=True)).loads == "unknown"


@pytest.mark.parametrize(
    ("target", "operation", "command"),
    [
        (AMR, "import", "az redisenterprise database import --cluster-name"),
        (AMR, "export", "az redisenterprise database export --cluster-name"),
        (ENTERPRISE, "export", "az redisenterprise database export --cluster-name"),
        (PREMIUM, "import", "az redis import --name"),
        (PREMIUM, "export", "az redis export --name"),
    ],
)
def test_the_command_is_that_of_the_operation(target: str, operation: str, command: str) -> None:
    remedies = [
        finding.remedy for finding in judged(side(target, operation=operation)).findings if finding.remedy
    ]
    assert (
        [text for text in remedies if text.startswith("az redis")]
        == [text for text in remedies if text.startswith(command)]
        != []
    )


def test_a_firewall_is_asked_about_only_where_there_is_one() -> None:
    asked = questions_of(side(AMR, firewall=True, trusted_services=True))
    assert asked["private_endpoint"] == ("AZ-FW-PRIVATE",)
    assert (asked["authentication"], asked["role"]) == (("AZ-FW-2024",), ("AZ-FW-2024",))
    assert "private_endpoint" not in questions_of(side(AMR, firewall=False))


def test_what_follows_from_the_source_is_not_asked() -> None:
    exported = questions_of(side(AMR, BYTES_1024, source_tier="premium", source_kind="export"))
    assert "blob_type" not in exported
    of_ones_own = questions_of(side(AMR_74, RDB_12, source_tier="other"))
    assert "source_kind" not in of_ones_own
    assert "source_tier" not in of_ones_own


def test_files_that_are_judged_together_are_files_of_one_import() -> None:
    """S16, S23: a shard each, both given; nobody has to name them besides."""
    told = Circumstances(shards=3)
    alone, both = ([facts_of(PLAIN)], [facts_of(PLAIN), facts_of(RDB_11)])
    said = {
        len(files): {
            finding.id: finding.says
            for finding in check_import(files, AMR, told)[0].findings
            if finding.id in ("AZ-MULTI", "RE-ALLFILES")
        }
        for files in (alone, both)
    }
    assert said == {
        1: {"RE-ALLFILES": "an export has a file for each of 3 shards; files given: 1"},
        2: {
            "AZ-MULTI": "all 2 files can be chosen in one import, and their data has to fit together",
            "RE-ALLFILES": "an export has a file for each of 3 shards; files given: 2",
        },
    }


def test_an_identity_is_asked_for_its_role_and_how_it_is_used() -> None:
    asked = questions_of(side(AMR, authentication="managed-identity"))
    assert (asked["channel"], asked["role"]) == (("AZ-MI-CLI",), ("AZ-MI-ROLE",))


def test_every_sentence_of_the_seed_has_a_rule_and_a_test() -> None:
    numbers = {f"S{number}" for number in range(1, 38)}
    assert {number for rule in RULES for number in rule.seed} == numbers
    tested = {sides.rule for sides in SIDES} | {"AZ-SAS-GIVEN"}  # S29, S30, S34: the tests of SAS URIs
    assert {number for rule in RULES if rule.id in tested for number in rule.seed} == numbers
