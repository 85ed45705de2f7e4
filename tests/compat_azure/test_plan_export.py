"""Plans for exports out of Azure caches: into which container, with which rights, what comes out."""

from __future__ import annotations

from typing import Any

import pytest
from cases import every
from planning import ENTERPRISE, MANAGED, NO_IMPORT, PREMIUM, commands, exported, kinds, step

from rdbcodec.compat.azure.case import Names
from rdbcodec.compat.azure.plan import plan
from rdbcodec.compat.circumstances import Circumstances
from rdbcodec.compat.target import find
from rdbcodec.remote.signed_uri import parse

NAMES = Names(resource_group="rg", storage_account="acct", container="box", blob_prefix="night")


@every("target", [*MANAGED, *ENTERPRISE])
def test_managed_redis_and_enterprise_export_with_redisenterprise(target: str) -> None:
    found = exported(target, NAMES, cluster_name="mine")
    az = "az redisenterprise database export --cluster-name mine --resource-group rg"
    cmdlet = "Export-AzRedisEnterpriseCache -ClusterName mine -ResourceGroupName rg"
    assert commands(found, "export") == [f'{az} --sas-uri "$EXPORT_SAS"']
    assert commands(found, "export", "powershell") == [f"{cmdlet} -SasUri $env:EXPORT_SAS"]
    assert kinds(found) == ["container", "sign", "export", "wait", "fetch", "next"]


@pytest.mark.parametrize("target", PREMIUM)
def test_premium_exports_with_az_redis(target: str) -> None:
    found = exported(target, NAMES, cluster_name="mine")
    az = 'az redis export --name mine --resource-group rg --prefix night --container "$EXPORT_SAS"'
    cmdlet = "Export-AzRedisCache -ResourceGroupName rg -Name mine -Prefix night -Container $env:EXPORT_SAS"
    assert (commands(found, "export"), commands(found, "export", "powershell")) == ([az], [cmdlet])


@pytest.mark.parametrize("target", NO_IMPORT)
def test_basic_and_standard_have_no_export(target: str) -> None:
    found = exported(target)
    assert (found.loads, found.steps) == ("no", ())


def test_premium_exports_with_an_identity_and_into_another_subscription() -> None:
    told: dict[str, Any] = {
        "authentication": "managed-identity",
        "cache_subscription": "s1",
        "storage_subscription": "s2",
    }
    found = exported("acr-premium-6.0", NAMES, cluster_name="mine", **told)
    box = "https://acct.blob.core.windows.net/box"
    assert commands(found, "export") == [
        (
            f"az redis export --name mine --resource-group rg --prefix night --container {box} "
            "--auth-method ManagedIdentity --storage-sub-id s2"
        )
    ]
    assert kinds(found)[:3] == ["container", "identity", "role"]


def test_the_container_is_made_and_its_sas_may_do_the_seven_things() -> None:
    found = exported(names=NAMES)
    create = "az storage container create --name box --account-name acct --auth-mode login"
    assert commands(found, "container") == [create]
    sign = "az storage container generate-sas --account-name acct --name box --permissions racwdtm "
    sign += "--start 2026-11-22T17:30Z --expiry 2026-11-23T18:00Z --https-only --output tsv"
    box = "https://acct.blob.core.windows.net/box?"
    assert commands(found, "sign") == [f"""EXPORT_SAS='{box}'"$({sign})\""""]
    assert commands(found, "sign", "powershell") == [f"$env:EXPORT_SAS = '{box}' + $({sign})"]


# As `az storage container generate-sas` of Azure CLI 2.91.0 wrote it for the command above, unsigned.
MADE = "st=2026-11-22T17%3A30Z&se=2026-11-23T18%3A00Z&sp=racwdtm&spr=https&sv=2026-04-06&sr=c&sig=x"


@pytest.mark.parametrize("lacks", ["", *"racwdtm"])
def test_each_of_the_seven_is_needed(lacks: str) -> None:
    token = MADE.replace("racwdtm", "racwdtm".replace(lacks, "") if lacks else "racwdtm")
    found = exported(sas=(parse(f"https://acct.blob.core.windows.net/box?{token}"),))
    assert found.loads == ("no" if lacks else "yes")


def test_in_the_portal_the_names_on_the_screen_are_said() -> None:
    found = exported(names=NAMES, cluster_name="mine", channel="portal")
    assert kinds(found) == ["container", "export", "wait", "fetch", "next"]
    assert step(found, "export").says[:5] == (
        "Open mine, then Export data in the Resource menu.",
        "Select Choose Storage Container, then the storage account acct.",
        "Choose the container box, then Select. For a new one: Add Container first.",
        "Type the Blob name prefix night: the names of all files of this export begin with it.",
        "Select Export, within 15 minutes of opening the page: its SAS is too old after that.",
    )


def test_it_is_said_what_the_export_does() -> None:
    managed, premium = exported(), exported("acr-premium-6.0")
    assert step(managed, "export").says == (
        (
            "The cache stays available. What is written while the export runs may not be in it: it is the "
            "state of one moment."
        ),
        (
            "A temporary file is written on the machine of the cache, uploaded, and deleted in the end, "
            "whether the export succeeds or not."
        ),
        "The snapshots come as .gz block blobs.",
        (
            "If it fails and the account has a firewall: it takes a managed identity and the exception for "
            "trusted services."
        ),
    )
    assert "The snapshots come as page blobs." in step(premium, "export").says


def test_a_prefix_that_no_command_takes_is_spoken_of() -> None:
    says = (
        "The prefix night stands in no command: az and PowerShell take none for this service, the portal "
        "does."
    )
    assert says in step(exported(names=NAMES), "export").says
    assert says not in step(exported(), "export").says
    assert says not in step(exported("acr-premium-6.0", NAMES), "export").says


def test_it_is_watched_in_the_notifications_and_the_blobs_are_listed() -> None:
    managed, premium = exported(names=NAMES), exported("acr-premium-6.0", NAMES)
    listed = "az storage blob list --container-name box --account-name acct"
    end = "--auth-mode login --query '[].name' --output tsv"
    assert commands(managed, "wait")[-1] == f"{listed} {end}"
    assert commands(premium, "wait")[-1] == f"{listed} --prefix night {end}"
    assert step(managed, "wait").says == (
        "The command comes back when the export has ended: --no-wait and -AsJob are left out.",
        "The audit log, which the page names, does not show it yet: the notifications do.",
        "The files of the export are those whose names begin with the prefix: there may be several.",
    )
    assert "The notifications of the portal and its audit log show it." in step(premium, "wait").says


def test_what_comes_out_is_good_for_backups_staging_and_other_servers() -> None:
    assert step(exported(), "next").says == (
        "For a backup keep every file of the export; a persistence file cannot be imported elsewhere.",
        (
            "Into another cache, such as one for staging or tests: rdbcodec azure plan FILE... --target T, "
            "with all files of the export at once."
        ),
        (
            "Into another Redis server: the files are .gz, and may hold records of Redis Enterprise that "
            "others refuse. rdbcodec convert FILE --to RELEASE -o OUT writes what that release reads."
        ),
    )
    assert step(exported("acr-premium-6.0"), "next").says[-1] == (
        "Exports of Premium go into Azure Managed Redis too, not the other way."
    )


FORBIDDEN = [
    ({"cache_region": "westeurope", "storage_region": "northeurope"}, "AZ-REGION"),
    ({"blob_type": "page"}, "AZ-BLOB-EXPORT"),
    (
        {"cache_subscription": "s1", "storage_subscription": "s2", "authentication": "sas"},
        "AZ-SUB",
    ),
]


@pytest.mark.parametrize(("told", "rule"), FORBIDDEN, ids=[rule for _, rule in FORBIDDEN])
def test_what_compat_forbids_has_no_steps(told: dict[str, Any], rule: str) -> None:
    found = exported(**told)
    blockers = [one.id for one in found.verdicts[""].findings if one.severity == "blocker"]
    assert (found.loads, found.steps, rule in blockers) == ("no", (), True)


def test_no_question_about_a_file_is_asked_when_there_is_none() -> None:
    asked = {asking.fact for asking in exported().verdicts[""].questions}
    assert asked.isdisjoint({"source_kind", "source_tier", "target_empty", "sku"})


def test_without_a_time_the_plan_is_made_for_now() -> None:
    found = plan({}, find("amr-balanced-7.4"), Circumstances(operation="export"), NAMES)
    assert "--expiry 20" in commands(found, "sign")[0]
