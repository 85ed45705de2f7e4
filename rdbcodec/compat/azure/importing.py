"""The steps of an import, from the file as it is to a cache that holds its keys."""

from __future__ import annotations

from rdbcodec.compat.azure import storage
from rdbcodec.compat.azure.case import Case, utc
from rdbcodec.compat.azure.shells import Array, Command, Variables, Word
from rdbcodec.compat.azure.step import (
    AZ,
    AZ_ENTERPRISE,
    IDENTITY,
    POWERSHELL,
    RDBCODEC,
    REDIS_CLI,
    Step,
    Steps,
)


def steps(case: Case) -> Steps:
    """What to do, in order; steps with nothing to do are left out."""
    if commands := tuple(_preparing(case)):
        whys = dict.fromkeys(step.says for file in case.files for step in file.rewriting)
        says = tuple(f"{why[0].upper()}{why[1:]}." for why in whys)
        yield Step(
            "prepare", "Prepare the file" if len(case.files) == 1 else "Prepare the files", commands, says
        )
    yield storage.container(case)
    if case.by_identity:
        yield from storage.identity(case)
    yield storage.upload(case)
    if case.needs_sas:
        yield storage.sign(case)
    yield _in_portal(case) if case.told.channel == "portal" else _by_command(case)
    yield wait(case, "import")
    yield _verify(case)


def _preparing(case: Case) -> list[Command]:
    """Every rewriting of every file; gunzip is no command of PowerShell's."""
    commands = []
    for file in case.files:
        for step in file.rewriting:
            words = step.command or ()
            is_gunzip = words[0] == "gunzip"
            commands.append(Command(words, RDBCODEC, only="bash" if is_gunzip else None))
            if is_gunzip:
                python = ("python", "-m", "gzip", "--decompress", words[-1])
                commands.append(Command(python, RDBCODEC, only="powershell"))
    return commands


# --- the import itself ------------------------------------------------------------------------------


def _by_command(case: Case) -> Step:
    commands = _classic(case) if case.is_classic else _enterprise(case)
    says = [*_what_it_does(case), *databases_are_unnamed(case)]
    return Step(
        "import", "Import", commands, tuple(says), ("seed", *(("acr-ie",) if case.is_classic else ()))
    )


def _enterprise(case: Case) -> tuple[Command, ...]:
    az = ("az", "redisenterprise", "database", "import", *enterprise_place(case))
    cmdlet = ("Import-AzRedisEnterpriseCache", "-ClusterName", case.cache, "-ResourceGroupName", case.group)
    return (
        Command((*az, "--sas-uris", Variables(case.variables)), AZ_ENTERPRISE, only="bash"),
        Command((*cmdlet, "-SasUri", Variables(case.variables, array=True)), POWERSHELL, only="powershell"),
    )


def enterprise_place(case: Case) -> tuple[Word, ...]:
    """Which cache it is for az redisenterprise; its database is always `default`."""
    return "--cluster-name", case.cache, "--resource-group", case.group


def _classic(case: Case) -> tuple[Command, ...]:
    az = ("az", "redis", "import", "--name", case.cache, "--resource-group", case.group)
    cmdlet = ("Import-AzRedisCache", "-ResourceGroupName", case.group, "-Name", case.cache)
    addresses = tuple(case.address(file) for file in case.files)
    files: tuple[Word, ...] = addresses if case.by_identity else (Variables(case.variables),)
    array: Word = Array(addresses) if case.by_identity else Variables(case.variables, array=True)
    az_signs_in, cmdlet_signs_in = signing_in(case)
    return (
        # Without --yes and -Force both ask, and a script has nobody to answer.
        Command((*az, "--files", *files, *az_signs_in, "--yes"), AZ, only="bash"),
        Command((*cmdlet, "-Files", array, *cmdlet_signs_in, "-Force"), POWERSHELL, only="powershell"),
    )


def signing_in(case: Case) -> tuple[tuple[Word, ...], tuple[Word, ...]]:
    """How Premium signs in to the account: words for az, and for PowerShell."""
    if not case.by_identity:
        return (), ()
    az: tuple[Word, ...] = ("--auth-method", "ManagedIdentity")
    cmdlet: tuple[Word, ...] = ("-PreferredDataArchiveAuthMethod", "ManagedIdentity")
    other = case.other_subscription
    if other is None:
        return az, cmdlet
    return (*az, "--storage-sub-id", other), (*cmdlet, "-StorageSubscriptionId", other)


def databases_are_unnamed(case: Case) -> list[str]:
    """A name of a database that was told, and that no command takes."""
    if case.names.database is None:
        return []
    if case.is_classic:
        return [f"A database called {case.names.database} is none of a Premium cache: numbers, not names."]
    what = "az and PowerShell take no name of a database, and mean the one called default."
    return [f"The database {case.names.database} stands in no command: {what}"]


def _in_portal(case: Case) -> Step:
    blobs = ", ".join(file.blob for file in case.files)
    says = [
        f"Open {case.cache}, then Import data in the Resource menu.",
        f"Select Choose Blob(s), the storage account {case.account}, then the container {case.container}.",
        f"Select {blobs} by the area left of the name, then Select.",
    ]
    if case.other_subscription:
        says.insert(1, f"Choose the subscription {case.other_subscription} in the dialog.")
    if case.by_identity:
        says.append("Under Authentication Method choose Managed Identity.")
    says.append("Select Import, within 15 minutes of opening the page: its SAS is too old after that.")
    sources = ("seed", IDENTITY)
    return Step("import", "Import, in the portal", (), (*says, *_what_it_does(case)), sources)


_DURATION = 'pages speak of "a few minutes", and none tells more'


def _what_it_does(case: Case) -> list[str]:
    """What happens to the cache."""
    wiped = "IT DELETES what is in the cache now"
    if case.told.target_empty is False:
        wiped += ", and that is not empty: export it first if it is needed"
    does = [
        f"{wiped}.",
        f"Clients cannot use the cache from here until the import has ended: {_DURATION}.",
    ]
    if len(case.files) > 1:
        does.append("All files go into one import: a second one would delete what the first brought.")
    if case.told.source_kind == "export":
        does.append("An export may be several files of one prefix: keys of a file left out are missing.")
    return does


# --- after ------------------------------------------------------------------------------------------


def wait(case: Case, operation: str) -> Step:
    """How to see that it has ended."""
    says = [f"The command comes back when the {operation} has ended: --no-wait and -AsJob are left out."]
    if case.told.channel == "portal":
        says = [f"Follow the {operation} in the notifications of the portal."]
    log = "audit log" if operation == "export" else "activity log"
    if case.is_classic:
        says.append(f"The notifications of the portal and its {log} show it.")
    else:
        says.append(f"The {log}, which the page names, does not show it yet: the notifications do.")
    return Step("wait", "Wait until it has ended", (_state(case),), tuple(says), ("seed",))


def _state(case: Case) -> Command:
    query = ("--query", "provisioningState", "--output", "tsv")
    if case.is_classic:
        return Command(
            ("az", "redis", "show", "--name", case.cache, "--resource-group", case.group, *query), AZ
        )
    return Command(
        ("az", "redisenterprise", "database", "show", *enterprise_place(case), *query), AZ_ENTERPRISE
    )


def _verify(case: Case) -> Step:
    keys = sum(file.profile.keys for file in case.files)
    expiring = sum(file.profile.expiries.keys for file in case.files)
    says = [f"The files hold {keys:,} keys" + (f", {expiring:,} of them expire." if expiring else ".")]
    says.append(_age(case))
    if not case.is_classic:
        says.append("With the clustering policy OSS each shard counts its own keys: add them up.")
    says.append("Value by value: export the cache (--operation export) and run rdbcodec diff.")
    return Step("verify", "Count the keys", (*_host_and_key(case), _EXPORTED, _keyspace(case)), tuple(says))


# redis-cli finds the key in its environment; PowerShell's variables are in it anyway.
_EXPORTED = Command(("export", "REDISCLI_AUTH"), REDIS_CLI, only="bash")


def _age(case: Case) -> str:
    made = [file.profile.created_s for file in case.files if file.profile.created_s is not None]
    when = f" of {utc(min(made) * 1000)}" if made else ""
    return f"The cache holds the state{when}: what was written later is not in the snapshot."


def _host_and_key(case: Case) -> tuple[Command, Command]:
    tsv = ("--output", "tsv")
    key = ("--query", "primaryKey", *tsv)
    if case.is_classic:
        place = ("--name", case.cache, "--resource-group", case.group)
        return (
            Command(("az", "redis", "show", *place, "--query", "hostName", *tsv), AZ, into="CACHE_HOST"),
            Command(("az", "redis", "list-keys", *place, *key), AZ, into="REDISCLI_AUTH"),
        )
    az, there = ("az", "redisenterprise"), enterprise_place(case)
    return (
        Command((*az, "show", *there, "--query", "hostName", *tsv), AZ_ENTERPRISE, into="CACHE_HOST"),
        Command((*az, "database", "list-keys", *there, *key), AZ_ENTERPRISE, into="REDISCLI_AUTH"),
    )


def _keyspace(case: Case) -> Command:
    port = "6380" if case.is_classic else "10000"
    words = ("redis-cli", "-h", Variables(("CACHE_HOST",)), "-p", port, "--tls", "INFO", "keyspace")
    return Command(words, REDIS_CLI)
