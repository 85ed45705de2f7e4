"""The steps of an export: from a cache to files that can be judged, kept and imported elsewhere."""

from __future__ import annotations

from rdbcodec.compat.azure import importing, storage
from rdbcodec.compat.azure.case import Case
from rdbcodec.compat.azure.shells import Command, Variables
from rdbcodec.compat.azure.step import (
    AZ,
    AZ_ENTERPRISE,
    IDENTITY,
    POWERSHELL_EXPORT,
    Step,
    Steps,
)

_ONLINE = (
    "The cache stays available. What is written while the export runs may not be in it: it is the state of "
    "one moment."
)
_STAGING = (
    "Into another cache, such as one for staging or tests: rdbcodec azure plan FILE... --target T, with all "
    "files of the export at once."
)
_TEMPORARY = (
    "A temporary file is written on the machine of the cache, uploaded, and deleted in the end, whether the "
    "export succeeds or not."
)


def steps(case: Case) -> Steps:
    """What to do, in order."""
    yield storage.container(case)
    if case.by_identity:
        yield from storage.identity(case)
    if case.needs_sas:
        yield storage.sign(case)
    yield _in_portal(case) if case.told.channel == "portal" else _by_command(case)
    yield _watching(case)
    yield _fetch(case)
    yield _next(case)


def _by_command(case: Case) -> Step:
    commands = _classic(case) if case.is_classic else _enterprise(case)
    says = [*_what_it_does(case), *importing.databases_are_unnamed(case)]
    if not case.is_classic and case.prefix.value is not None:
        says.append(
            f"The prefix {case.prefix} stands in no command: az and PowerShell take none for this service, "
            "the portal does."
        )
    return Step(
        "export", "Export", commands, tuple(says), ("seed", "acr-ie") if case.is_classic else ("seed",)
    )


def _enterprise(case: Case) -> tuple[Command, ...]:
    az = ("az", "redisenterprise", "database", "export", *importing.enterprise_place(case))
    cmdlet = ("Export-AzRedisEnterpriseCache", "-ClusterName", case.cache, "-ResourceGroupName", case.group)
    signed = Variables(case.variables)
    return (
        Command((*az, "--sas-uri", signed), AZ_ENTERPRISE, only="bash"),
        Command((*cmdlet, "-SasUri", signed), POWERSHELL_EXPORT, only="powershell"),
    )


def _classic(case: Case) -> tuple[Command, ...]:
    az = ("az", "redis", "export", "--name", case.cache, "--resource-group", case.group)
    cmdlet = ("Export-AzRedisCache", "-ResourceGroupName", case.group, "-Name", case.cache)
    box = case.box if case.by_identity else Variables(case.variables)
    az_signs_in, cmdlet_signs_in = importing.signing_in(case)
    return (
        Command((*az, "--prefix", case.prefix, "--container", box, *az_signs_in), AZ, only="bash"),
        Command(
            (*cmdlet, "-Prefix", case.prefix, "-Container", box, *cmdlet_signs_in),
            POWERSHELL_EXPORT,
            only="powershell",
        ),
    )


def _in_portal(case: Case) -> Step:
    says = [
        f"Open {case.cache}, then Export data in the Resource menu.",
        f"Select Choose Storage Container, then the storage account {case.account}.",
        f"Choose the container {case.container}, then Select. For a new one: Add Container first.",
        f"Type the Blob name prefix {case.prefix}: the names of all files of this export begin with it.",
        "Select Export, within 15 minutes of opening the page: its SAS is too old after that.",
    ]
    if case.other_subscription:
        says.insert(1, f"Choose the subscription {case.other_subscription} in the dialog.")
    if case.by_identity:
        says.insert(-1, "Under Authentication Method choose Managed Identity.")
    sources = ("seed", *((IDENTITY,) if case.by_identity else ()))
    return Step("export", "Export, in the portal", (), (*says, *_what_it_does(case)), sources)


def _what_it_does(case: Case) -> tuple[str, ...]:
    comes = (
        "The snapshots come as page blobs." if case.is_classic else "The snapshots come as .gz block blobs."
    )
    firewall = (
        "If it fails and the account has a firewall: it takes a managed identity and the exception for "
        "trusted services."
    )
    return _ONLINE, _TEMPORARY, comes, *(() if case.by_identity else (firewall,))


def _watching(case: Case) -> Step:
    waiting = importing.wait(case, "export")
    blobs = (
        "az",
        "storage",
        "blob",
        "list",
        "--container-name",
        case.container,
        "--account-name",
        case.account,
    )
    named = ("--prefix", case.prefix) if _has_prefix(case) else ()
    listed = Command((*blobs, *named, "--auth-mode", "login", "--query", "[].name", "--output", "tsv"), AZ)
    says = "The files of the export are those whose names begin with the prefix: there may be several."
    return waiting._replace(commands=(*waiting.commands, listed), says=(*waiting.says, says))


def _has_prefix(case: Case) -> bool:
    return case.is_classic or case.told.channel == "portal"


def _fetch(case: Case) -> Step:
    words = ("az", "storage", "blob", "download-batch", "--source", case.container, "--destination", ".")
    how = ("--account-name", case.account, "--auth-mode", "login")
    says = (
        "It brings every blob of the container: --pattern 'PREFIX*' brings those of one export.",
        "Look at each: rdbcodec check FILE.",
    )
    return Step("fetch", "Fetch the files and look at them", (Command((*words, *how), AZ),), says)


def _next(case: Case) -> Step:
    """What such files are good for: another cache, such as one for staging, or another server."""
    says = [
        "For a backup keep every file of the export; a persistence file cannot be imported elsewhere.",
        _STAGING,
    ]
    if case.is_classic:
        says.append("Exports of Premium go into Azure Managed Redis too, not the other way.")
    else:
        says.append(
            "Into another Redis server: the files are .gz, and may hold records of Redis Enterprise that "
            "others refuse. rdbcodec convert FILE --to RELEASE -o OUT writes what that release reads."
        )
    return Step("next", "Use them", (), tuple(says), ("seed",))
