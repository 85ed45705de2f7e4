"""Plans for imports into Azure: the verdict first, then the steps, with their commands and words."""

from __future__ import annotations

import gzip
import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import lz4.frame
import pytest
from cases import every
from planning import (
    DATA,
    ENTERPRISE,
    MANAGED,
    NO_IMPORT,
    NOW_MS,
    PREMIUM,
    ROOT,
    SNAPSHOTS,
    TOLD,
    commands,
    kinds,
    planned,
    step,
)

from rdbcodec import compat
from rdbcodec.compat.azure.case import Names
from rdbcodec.compat.azure.plan import Plan, plan
from rdbcodec.compat.azure.shells import SHELLS
from rdbcodec.compat.circumstances import Circumstances
from rdbcodec.compat.target import find
from rdbcodec.facts.profile import profile_of
from rdbcodec.remote.signed_uri import parse

HFE = (SNAPSHOTS / "redis-7.4.1-hfe.rdb").read_bytes()
TYPES = (SNAPSHOTS / "redis-6.2.16-types.rdb").read_bytes()  # keys in several databases
SAS = "https://acct.blob.core.windows.net/box/mine.rdb?sv=2024-08-04&se=2026-11-23&sr=b&sp=r&sig=c2VjcmV0"
NAMES = Names(resource_group="rg", storage_account="acct", container="box")
IDENTITY: dict[str, Any] = {
    "authentication": "managed-identity",
    "cache_subscription": "s1",
    "storage_subscription": "s2",
}


def test_there_are_targets_of_each_service() -> None:
    assert all((len(MANAGED) >= 4, len(ENTERPRISE) >= 2, len(PREMIUM) >= 1, len(NO_IMPORT) >= 2))


# --- the verdict is that of compat ------------------------------------------------------------------

# What forbids an import, and the rule that says so: each was a plan without a word once.
FORBIDDEN: list[tuple[dict[str, Any], str]] = [
    ({"storage_region": "northeurope"}, "AZ-REGION"),
    ({"storage_subscription": "s2"}, "AZ-SUB"),
    ({"source_kind": "persistence", "source_tier": "amr"}, "AZ-PERSIST"),
    ({"blob_type": "append"}, "AZ-BLOB-IMPORT"),
    ({"target_empty": False}, "AZ-WIPE-DATA"),
]


@pytest.mark.parametrize(("told", "rule"), FORBIDDEN, ids=[rule for _, rule in FORBIDDEN])
def test_what_compat_forbids_has_no_steps(told: dict[str, Any], rule: str) -> None:
    found = planned(**{**TOLD, **told})
    blockers = [one.id for one in found.verdicts["dump.rdb"].findings if one.severity == "blocker"]
    assert (found.loads, found.steps, rule in blockers) == ("no", (), True)
    assert planned(**TOLD).loads == "yes"


def test_steps_may_be_asked_for_although_the_answer_is_no() -> None:
    found = planned(**{**TOLD, "storage_region": "northeurope"}, although=True)
    assert (found.loads, kinds(found)) == ("no", kinds(planned(**TOLD)))


@pytest.mark.parametrize("target", NO_IMPORT)
def test_basic_and_standard_have_no_import_and_no_steps(target: str) -> None:
    found = planned(target)
    ids = [one.id for one in found.verdicts["dump.rdb"].findings if one.severity == "blocker"]
    assert (found.steps, "AZ-TIER-ACR" in ids) == ((), True)


@every("target", [*MANAGED, *ENTERPRISE, *PREMIUM, *NO_IMPORT])
def test_a_plan_answers_what_compat_answers(target: str) -> None:
    for data in (DATA, HFE, TYPES):
        found = planned(target, ("dump.rdb", data))
        alone = found.verdicts["dump.rdb"]
        assert (found.loads, alone) == (alone.loads, compat.check(*judged(found, data)))


def judged(found: Plan, data: bytes) -> Any:
    return profile_of(data, now_ms=NOW_MS), found.target, compat.Circumstances(now_ms=NOW_MS)


def test_the_weightiest_answer_is_that_of_all_files() -> None:
    assert planned("amr-balanced-7.2", ("a.rdb", DATA), ("b.rdb", HFE)).loads == "no"
    assert planned("amr-balanced-7.4", ("a.rdb", DATA), ("b.rdb", TYPES)).loads == "after-conversion"


def test_files_of_one_import_are_in_the_cache_together() -> None:
    """Two shards of 300 MiB each do not fit into the 410 MiB that B0 leaves."""
    used = b"REDIS0009\xfa\x08used-mem\x09314572800\xff" + bytes(8)
    shards = {name: profile_of(used, now_ms=NOW_MS).replace(memory=None) for name in ("a", "b")}
    answers = {
        (len(files), sku): plan(files, find("amr-balanced-7.4"), Circumstances(sku=sku), Names()).loads
        for files in (shards, {"a": shards["a"]})
        for sku in ("B0", "B3")
    }
    assert answers == {(2, "B0"): "no", (2, "B3"): "yes", (1, "B0"): "yes", (1, "B3"): "yes"}


def test_data_behind_the_snapshot_is_a_no_unless_it_may_be_left_out() -> None:
    aof = DATA + b"*1\r\n$4\r\nPING\r\n"
    found = planned("amr-balanced-7.4", ("d.aof", aof))
    assert (found.loads, found.steps, found.left_out) == ("no", (), {"d.aof": found.left_out["d.aof"]})
    assert found.left_out["d.aof"].startswith("AOF commands")
    assert planned("amr-balanced-7.4", ("d.aof", aof), tails=True).loads == "yes"
    assert planned("amr-balanced-7.4", ("d.rdb", DATA + bytes(5))).left_out == {}


# --- what is done to the file first -----------------------------------------------------------------


def test_a_file_that_is_ready_is_not_prepared() -> None:
    order = ["container", "upload", "sign", "import", "wait", "verify"]
    assert kinds(planned(**TOLD)) == order


def test_a_page_blob_is_padded_and_what_was_padded_is_uploaded() -> None:
    assert len(DATA) % 512 != 0
    found = planned(blob_type="page")
    pad, upload = shlex.split(commands(found, "prepare")[0]), commands(found, "upload")[0]
    assert (pad[:3], pad[3]) == (["rdbcodec", "pad", "dump.rdb"], "-o")
    assert upload.endswith(f"--name dump.rdb --file {pad[4]} --type page --auth-mode login")


def test_a_page_blob_of_whole_pages_and_a_block_blob_are_not_padded() -> None:
    whole = planned("amr-balanced-7.4", ("dump.rdb", DATA + bytes(-len(DATA) % 512)), blob_type="page")
    assert [kinds(whole)[0], kinds(planned(blob_type="block"))[0]] == ["container", "container"]


def test_databases_are_folded_before_anything_is_uploaded() -> None:
    found = planned("amr-balanced-7.4", ("dump.rdb", TYPES))
    (fold,) = commands(found, "prepare")
    words = shlex.split(fold)
    assert words[:3] == ["rdbcodec", "convert", "dump.rdb"]
    assert "--fold-databases" in words
    assert f"--file {words[-1]} " in commands(found, "upload")[0]


def test_a_newer_file_is_converted_first() -> None:
    newer = (SNAPSHOTS / "redis-7.2.6-lru.rdb").read_bytes()
    found = planned("acr-premium-6.0", ("dump.rdb", newer))
    convert = "rdbcodec convert dump.rdb --to redis-6.0 -o dump.acr-premium-6.0.rdb"
    assert (found.loads, commands(found, "prepare")) == ("after-conversion", [convert])
    assert " --file dump.acr-premium-6.0.rdb " in commands(found, "upload")[0]


def test_a_conversion_that_loses_data_is_no_step() -> None:
    newer = (SNAPSHOTS / "redis-7.2.6-new.rdb").read_bytes()
    found = planned("acr-premium-6.0", ("dump.rdb", newer), although=True)
    assert (found.loads, "prepare" in kinds(found)) == ("no", False)


def test_gzip_goes_to_managed_redis_as_it_is() -> None:
    found = planned("amr-balanced-7.4", ("dump.rdb.gz", gzip.compress(DATA)))
    assert kinds(found)[0] == "container"
    assert "--name dump.rdb.gz --file dump.rdb.gz " in commands(found, "upload")[0]


def test_gzip_is_unpacked_for_premium() -> None:
    found = planned("acr-premium-6.0", ("a/dump.rdb.gz", gzip.compress(DATA)))
    assert commands(found, "prepare") == ["gunzip -k a/dump.rdb.gz"]
    assert commands(found, "prepare", "powershell") == ["python -m gzip --decompress a/dump.rdb.gz"]
    assert "--name dump.rdb --file a/dump.rdb " in commands(found, "upload")[0]


def test_gzip_under_another_name_is_unpacked_by_a_command_that_looks_inside(tmp_path: Path) -> None:
    (command,) = commands(planned("acr-premium-6.0", ("dump", gzip.compress(DATA))), "prepare")
    assert command == "rdbcodec convert dump -o dump.acr-premium-6.0.rdb"
    (tmp_path / "dump").write_bytes(gzip.compress(DATA))
    run_in(tmp_path, command)
    assert (tmp_path / "dump.acr-premium-6.0.rdb").read_bytes() == DATA


def test_lz4_is_unwrapped_and_so_is_the_name_of_the_blob() -> None:
    found = planned("amr-balanced-7.4", ("d.rdb.lz4", lz4.frame.compress(DATA)))
    assert commands(found, "prepare")[0].startswith("rdbcodec convert d.rdb.lz4 ")
    assert " --name d.rdb --file " in commands(found, "upload")[0]


def test_the_plans_own_commands_make_a_file_that_is_ready(tmp_path: Path) -> None:
    (tmp_path / "dump.rdb").write_bytes(TYPES)
    found = planned("amr-balanced-7.4", ("dump.rdb", TYPES), blob_type="page")
    for command in commands(found, "prepare"):
        run_in(tmp_path, command)
    words = shlex.split(commands(found, "upload")[0])
    made = (tmp_path / words[words.index("--file") + 1]).read_bytes()
    again = planned("amr-balanced-7.4", ("made.rdb", made), blob_type="page")
    assert (len(made) % 512, again.loads, "prepare" in kinds(again)) == (0, "yes", False)


def run_in(folder: Path, command: str) -> None:
    words = [sys.executable, "-m", *shlex.split(command)]
    subprocess.run(words, cwd=folder, env={**os.environ, "PYTHONPATH": str(ROOT)}, check=True)


# --- storage: container, upload, SAS (Import, NOTE; FAQ "I received a timeout error") -----------------


def test_the_container_is_made_and_the_region_said() -> None:
    found = planned(names=NAMES)
    create = "az storage container create --name box --account-name acct --auth-mode login"
    assert commands(found, "container") == [create]
    region, role, extension = step(found, "container").says
    assert region == "The storage account must be in the region of the cache."
    assert role == "Whoever runs az with --auth-mode login needs the role Storage Blob Data Contributor, too."
    assert extension == "az needs an extension: az extension add --name redisenterprise."
    assert step(planned("acr-premium-6.0"), "container").says == (region, role)


def test_a_sas_may_read_and_has_the_times_the_page_asks_for() -> None:
    found = planned(names=NAMES)
    place = "--account-name acct --container-name box --name dump.rdb"
    sign = f"az storage blob generate-sas {place} --permissions r --start 2026-11-22T17:30Z "
    sign += "--expiry 2026-11-23T18:00Z --https-only --full-uri --output tsv"
    assert commands(found, "sign") == [f'IMPORT_SAS="$({sign})"']
    assert commands(found, "sign", "powershell") == [f"$env:IMPORT_SAS = {sign}"]
    assert step(found, "sign").says == (
        "Its start lies at least 15 minutes back; an hour of it must be left when the operation begins.",
        "az signs with a key of the account; where that is forbidden --as-user --auth-mode login may do.",
        "A SAS made so lives 7 days at most.",
    )


def test_the_plans_own_sas_has_nothing_that_compat_objects_to() -> None:
    told = "st=2026-11-22T17:30Z&se=2026-11-23T18:00Z&sp=r&spr=https&sv=2026-04-06&sr=b&sig=x"
    uri = f"https://acct.blob.core.windows.net/box/dump.rdb?{told}"
    assert planned(**TOLD | {"sas": (parse(uri),)}).loads == "yes"


def test_a_users_sas_names_account_container_and_blob_and_is_asked_for() -> None:
    found = planned(sas=(parse(SAS),))
    upload = "az storage blob upload --account-name acct --container-name box --name mine.rdb "
    assert commands(found, "upload")[0].startswith(upload)
    assert commands(found, "sign") == ["read -rsp 'IMPORT_SAS: ' IMPORT_SAS"]
    assert commands(found, "sign", "powershell") == ["$env:IMPORT_SAS = Read-Host 'IMPORT_SAS'"]


def test_a_sas_in_the_environment_is_referred_to() -> None:
    found = planned(sas=(parse(SAS),), names=Names(sas_variables=("MINE",)))
    assert step(found, "sign").title == "Nothing to sign: MINE will be used"
    assert commands(found, "import")[0].endswith('--sas-uris "$MINE"')


def test_a_sas_that_ends_in_59_minutes_is_no_and_in_61_none() -> None:
    late, fine = (SAS.replace("2026-11-23", f"2026-11-22T{time}Z") for time in ("18:59", "19:01"))
    assert [planned(sas=(parse(uri),)).loads for uri in (late, fine)] == ["no", "yes"]


def test_an_export_lies_in_a_blob_already_of_the_kind_its_tier_writes() -> None:
    words = "An export lies in {} already: import those, and leave this step out."
    kept = "A blob that has the name already is kept, and the command fails: --overwrite replaces it."
    for tier, kind in (("premium", "page blobs"), ("amr", "block blobs"), ("enterprise", "block blobs")):
        found = planned(source_kind="export", source_tier=tier)
        assert step(found, "upload").says == (kept, words.format(kind))
    assert step(planned(source_kind="export"), "upload").says == (kept, words.format("blobs"))
    assert step(planned(source_kind="save"), "upload").says == (kept,)


# --- identity and role (FAQ "What if I have firewall enabled on my storage account?") -----------------

ROLE = (
    'az role assignment create --assignee-object-id "$CACHE_IDENTITY" --assignee-principal-type '
    "ServicePrincipal --role 'Storage Blob Data Contributor' --scope \"$STORAGE_ID\""
)


def test_premium_gets_an_identity_and_its_role_by_command() -> None:
    found = planned("acr-premium-6.0", names=NAMES, cluster_name="mine", **IDENTITY)
    cache = "--name mine --resource-group rg"
    assign = f"az redis identity assign --mi-system-assigned {cache} --query principalId --output tsv"
    show = "az storage account show --name acct --subscription s2 --query id --output tsv"
    assert commands(found, "identity") == [f'CACHE_IDENTITY="$({assign})"']
    assert commands(found, "role") == [f'STORAGE_ID="$({show})"', ROLE]
    assert kinds(found) == ["container", "identity", "role", "upload", "import", "wait", "verify"]


def test_managed_redis_gets_them_in_the_portal() -> None:
    told: dict[str, Any] = {"authentication": "managed-identity", "channel": "portal", "cluster_name": "mine"}
    found = planned(names=NAMES, although=True, **told)
    assert step(found, "identity").says == (
        "Open mine, then Identity in the Resource menu.",
        "On the tab System assigned set Status to On and select Save, then Yes.",
    )
    assert step(found, "role").says == (
        "Open acct, select Access control (IAM), Add, Add role assignment.",
        "Choose Storage Blob Data Contributor, then Next.",
        "On the tab Members assign access to Managed identity. Select members: the cache. Then Select.",
        "Select Review + assign.",
    )


def test_a_firewall_gets_its_exception_and_without_one_there_is_none() -> None:
    told: dict[str, Any] = {**IDENTITY, "trusted_services": True, "role": "Storage Blob Data Contributor"}
    found = planned("acr-premium-6.0", names=NAMES, although=True, firewall=True, **told)
    update = "az storage account update --name acct --bypass AzureServices --subscription s2"
    assert commands(found, "firewall") == [update]
    assert kinds(found)[:4] == ["container", "firewall", "identity", "role"]
    assert "firewall" not in kinds(planned("acr-premium-6.0", although=True, firewall=False, **told))


def test_with_a_key_nobody_gets_a_role() -> None:
    assert {"identity", "role"}.isdisjoint(kinds(planned("acr-premium-6.0", **TOLD, although=True)))


# --- the import (FAQ "Can I automate Import/Export ...") ----------------------------------------------


@every("target", [*MANAGED, *ENTERPRISE])
def test_managed_redis_and_enterprise_import_with_redisenterprise(target: str) -> None:
    found = planned(target, cluster_name="mine", names=NAMES, although=True)
    az = "az redisenterprise database import --cluster-name mine --resource-group rg"
    assert commands(found, "import") == [f'{az} --sas-uris "$IMPORT_SAS"']
    cmdlet = "Import-AzRedisEnterpriseCache -ClusterName mine -ResourceGroupName rg"
    assert commands(found, "import", "powershell") == [f"{cmdlet} -SasUri @($env:IMPORT_SAS)"]


@pytest.mark.parametrize("target", PREMIUM)
def test_premium_imports_with_az_redis_and_is_not_asked(target: str) -> None:
    found = planned(target, cluster_name="mine", names=NAMES, although=True)
    az = 'az redis import --name mine --resource-group rg --files "$IMPORT_SAS" --yes'
    cmdlet = "Import-AzRedisCache -ResourceGroupName rg -Name mine -Files @($env:IMPORT_SAS) -Force"
    assert (commands(found, "import"), commands(found, "import", "powershell")) == ([az], [cmdlet])


def test_premium_takes_a_managed_identity_and_another_subscription_by_command() -> None:
    found = planned("acr-premium-6.0", cluster_name="mine", names=NAMES, **IDENTITY)
    address = "https://acct.blob.core.windows.net/box/dump.rdb"
    assert commands(found, "import") == [
        (
            f"az redis import --name mine --resource-group rg --files {address} "
            "--auth-method ManagedIdentity --storage-sub-id s2 --yes"
        )
    ]
    assert commands(found, "import", "powershell") == [
        (
            f"Import-AzRedisCache -ResourceGroupName rg -Name mine -Files @({address}) "
            "-PreferredDataArchiveAuthMethod ManagedIdentity -StorageSubscriptionId s2 -Force"
        )
    ]


def test_no_command_takes_the_name_of_a_database_and_the_plan_says_so() -> None:
    found = planned(names=Names(database="cache2"))
    says = (
        "The database cache2 stands in no command: az and PowerShell take no name of a database, and mean "
        "the one called default."
    )
    assert says in step(found, "import").says
    assert not any("cache2" in command for shell in SHELLS for command in commands(found, "import", shell))
    assert not any("stands in no command" in says for says in step(planned(), "import").says)


def test_in_the_portal_the_names_on_the_screen_are_said() -> None:
    found = planned(channel="portal", cluster_name="mine", names=NAMES)
    assert kinds(found) == ["container", "upload", "import", "wait", "verify"]
    assert step(found, "import").says[:4] == (
        "Open mine, then Import data in the Resource menu.",
        "Select Choose Blob(s), the storage account acct, then the container box.",
        "Select dump.rdb by the area left of the name, then Select.",
        "Select Import, within 15 minutes of opening the page: its SAS is too old after that.",
    )
    assert step(found, "wait").says[0] == "Follow the import in the notifications of the portal."


def test_another_subscription_is_chosen_in_the_dialog() -> None:
    found = planned(channel="portal", although=True, **IDENTITY)
    says = step(found, "import").says
    assert says[1] == "Choose the subscription s2 in the dialog."
    assert "Under Authentication Method choose Managed Identity." in says
    same = planned(channel="portal", although=True, **{**IDENTITY, "storage_subscription": "s1"})
    assert not any("subscription" in says for says in step(same, "import").says)


def test_the_channel_chooses_the_shell() -> None:
    assert planned().shells == SHELLS
    assert planned(channel="cli").shells == ("bash",)
    assert planned(channel="powershell").shells == ("powershell",)


def test_several_files_go_into_one_import() -> None:
    found = planned("amr-balanced-7.4", ("x/dump.rdb", DATA), ("y/dump.rdb", DATA), ("b.rdb", DATA))
    blobs = [command.split(" --name ")[1].split()[0] for command in commands(found, "upload")]
    assert blobs == ["1-dump.rdb", "2-dump.rdb", "b.rdb"]
    assert commands(found, "import")[0].endswith('--sas-uris "$IMPORT_SAS_1" "$IMPORT_SAS_2" "$IMPORT_SAS_3"')
    assert commands(found, "import", "powershell")[0].endswith(
        "-SasUri @($env:IMPORT_SAS_1, $env:IMPORT_SAS_2, $env:IMPORT_SAS_3)"
    )
    one_import = "All files go into one import: a second one would delete what the first brought."
    assert one_import in step(found, "import").says
    assert one_import not in step(planned(), "import").says


def test_a_prefix_stands_before_each_blob() -> None:
    found = planned(names=Names(blob_prefix="night/"))
    assert " --name night/dump.rdb --file dump.rdb " in commands(found, "upload")[0]


# --- what happens, and after (Import, step 5; FAQ "Is my cache available ...") ------------------------


def test_deletion_and_outage_are_said_where_they_happen() -> None:
    empty, full = planned(), planned(target_empty=False, although=True)
    assert step(empty, "import").says == (
        "IT DELETES what is in the cache now.",
        (
            "Clients cannot use the cache from here until the import has ended: "
            'pages speak of "a few minutes", and none tells more.'
        ),
    )
    assert step(full, "import").says[0] == (
        "IT DELETES what is in the cache now, and that is not empty: export it first if it is needed."
    )


def test_an_exports_other_files_are_asked_for() -> None:
    says = "An export may be several files of one prefix: keys of a file left out are missing."
    assert says in step(planned(source_kind="export"), "import").says
    assert says not in step(planned(source_kind="save"), "import").says


def test_the_end_is_waited_for_and_the_activity_log_is_not_relied_on() -> None:
    managed, premium = planned(cluster_name="mine", names=NAMES), planned("acr-premium-6.0")
    state = "--cluster-name mine --resource-group rg --query provisioningState --output tsv"
    assert commands(managed, "wait") == [f"az redisenterprise database show {state}"]
    assert step(managed, "wait").says == (
        "The command comes back when the import has ended: --no-wait and -AsJob are left out.",
        "The activity log, which the page names, does not show it yet: the notifications do.",
    )
    assert step(premium, "wait").says[-1] == "The notifications of the portal and its activity log show it."


def test_the_keys_are_counted() -> None:
    found = planned("acr-premium-6.0", cluster_name="mine", names=NAMES)
    place = "--name mine --resource-group rg"
    assert commands(found, "verify") == [
        f'CACHE_HOST="$(az redis show {place} --query hostName --output tsv)"',
        f'REDISCLI_AUTH="$(az redis list-keys {place} --query primaryKey --output tsv)"',
        "export REDISCLI_AUTH",
        'redis-cli -h "$CACHE_HOST" -p 6380 --tls INFO keyspace',
    ]
    assert step(found, "verify").says == (
        "The files hold 24 keys, 4 of them expire.",
        "The cache holds the state of 2026-11-22T13:54Z: what was written later is not in the snapshot.",
        "Value by value: export the cache (--operation export) and run rdbcodec diff.",
    )


def test_the_age_of_the_snapshot_is_told_and_no_calendar_is_needed_for_it() -> None:
    says = "The cache holds the state{}: what was written later is not in the snapshot."
    made = b"REDIS0009\xfa\x05ctime\x0a1795355632\xff" + bytes(8)
    odd = b"REDIS0009\xfa\x05ctime\x129" + b"9" * 17 + b"\xff" + bytes(8)
    bare = b"REDIS0006\xff" + bytes(8)
    ages = [step(planned("amr-balanced-7.4", ("d", data)), "verify").says[1] for data in (made, odd, bare)]
    times = (" of 2026-11-22T13:53Z", f" of {'9' * 18}000 ms", "")
    assert ages == [says.format(time) for time in times]


# --- files that lie elsewhere -----------------------------------------------------------------------

LIES = Names(storage_account="acct", container="snaps")


def test_a_blob_of_the_container_is_imported_from_where_it_lies() -> None:
    found = planned("amr-balanced-7.4", ("az://snaps/a/lru.rdb", DATA), names=LIES)
    assert commands(found, "upload") == []
    assert step(found, "upload").says == ("a/lru.rdb: in the container already, and imported from there.",)
    assert "--name a/lru.rdb" in commands(found, "sign")[0]


def test_what_lies_elsewhere_is_brought_first() -> None:
    found = planned("amr-balanced-7.4", ("s3://bucket/a/lru.rdb.gz", DATA), names=LIES)
    assert commands(found, "prepare") == ["rdbcodec convert s3://bucket/a/lru.rdb.gz -o lru.rdb"]
    assert "--file lru.rdb" in commands(found, "upload")[0]


def test_what_lies_elsewhere_and_does_not_fit_is_written_anew_here() -> None:
    found = planned("amr-balanced-7.4", ("az://other/lru.rdb", DATA), names=LIES, blob_type="page")
    assert commands(found, "prepare") == [
        "rdbcodec pad az://other/lru.rdb -o lru.amr-balanced-7.4.padded.rdb",
    ]
    assert "--name lru.rdb" in commands(found, "upload")[0]
