"""Steps at the storage account: a container, who may use it, blobs into it, signatures for them.

Imports and exports share them. Every parameter was seen in the command's own help (`step` names the source).
"""

from __future__ import annotations

from collections.abc import Iterator

from rdbcodec.compat.azure.case import Case, PlannedFile
from rdbcodec.compat.azure.shells import Address, Ask, Command, Name, Variables, Word
from rdbcodec.compat.azure.step import AZ, AZ_ENTERPRISE, BLOB_ROLES, IDENTITY, USER_DELEGATION, Step, Steps

ROLE = "Storage Blob Data Contributor"
# read, add, create, write, delete, tag, move: the seven that an export needs (AZ-SAS-PERM-EXPORT).
EXPORT_PERMISSIONS = "racwdtm"
_LOGIN = ("--auth-mode", "login")


def container(case: Case) -> Step:
    """The container, which may be there already: then the command says so and changes nothing."""
    words = ("az", "storage", "container", "create", "--name", case.container, *_account(case), *_LOGIN)
    return Step(
        "container",
        "Create the container, unless it is there",
        (Command(words, AZ),),
        (
            "The storage account must be in the region of the cache.",
            f"Whoever runs az with --auth-mode login needs the role {ROLE}, too.",
            *(
                ()
                if case.is_classic
                else ("az needs an extension: az extension add --name redisenterprise.",)
            ),
        ),
        ("seed", BLOB_ROLES) if case.is_classic else ("seed", BLOB_ROLES, AZ_ENTERPRISE),
    )


_EXTENSION = "az needs an extension: az extension add --name redisenterprise."


def _account(case: Case) -> tuple[Word, ...]:
    return "--account-name", case.account


# --- who may read and write -------------------------------------------------------------------------


def identity(case: Case) -> Steps:
    """A way through the firewall, the cache's own identity, and its role at the storage account."""
    if case.told.firewall:
        yield _firewall(case)
    yield from _identity_by_command(case) if case.is_classic else _identity_in_portal(case)


def _identity_by_command(case: Case) -> Steps:
    cache = ("--name", case.cache, "--resource-group", case.group)
    words = ("az", "redis", "identity", "assign", "--mi-system-assigned", *cache)
    query = ("--query", "principalId", "--output", "tsv")
    yield Step(
        "identity",
        "Give the cache an identity",
        (Command((*words, *query), AZ, into="CACHE_IDENTITY"),),
        (_USERS_IDENTITY,),
        (IDENTITY,),
    )
    yield Step(
        "role",
        f"Give it the role {ROLE}",
        (_account_id(case), _assignment()),
        ("It takes some minutes until a role holds.",),
        (IDENTITY,),
    )


_USERS_IDENTITY = (
    "An identity that a user assigns does as well: --mi-user-assigned with its resource id. With both, the "
    "system's is used."
)


def _account_id(case: Case) -> Command:
    subscription = ("--subscription", case.other_subscription) if case.other_subscription else ()
    words = ("az", "storage", "account", "show", "--name", case.account, *subscription)
    return Command((*words, "--query", "id", "--output", "tsv"), AZ, into="STORAGE_ID")


def _assignment() -> Command:
    whom = ("--assignee-object-id", Variables(("CACHE_IDENTITY",)))
    kind = ("--assignee-principal-type", "ServicePrincipal")
    where = ("--role", ROLE, "--scope", Variables(("STORAGE_ID",)))
    return Command(("az", "role", "assignment", "create", *whom, *kind, *where), AZ)


def _identity_in_portal(case: Case) -> Steps:
    yield Step(
        "identity",
        "Give the cache an identity, in the portal",
        (),
        (
            f"Open {case.cache}, then Identity in the Resource menu.",
            "On the tab System assigned set Status to On and select Save, then Yes.",
        ),
        (IDENTITY,),
    )
    yield Step(
        "role",
        f"Give it the role {ROLE}, in the portal",
        (),
        (
            f"Open {case.account}, select Access control (IAM), Add, Add role assignment.",
            f"Choose {ROLE}, then Next.",
            "On the tab Members assign access to Managed identity. Select members: the cache. Then Select.",
            "Select Review + assign.",
        ),
        ("seed", IDENTITY),
    )


_EXCEPTION = "Allow Azure services on the trusted services list to access this storage account"


def _firewall(case: Case) -> Step:
    words = ("az", "storage", "account", "update", "--name", case.account, "--bypass", "AzureServices")
    subscription = ("--subscription", case.other_subscription) if case.other_subscription else ()
    return Step(
        "firewall",
        "Let trusted services through the firewall",
        (Command((*words, *subscription), AZ),),
        (f"In the portal it is {_EXCEPTION!r}.",),
        ("seed", IDENTITY),
    )


# --- blobs and their signatures ---------------------------------------------------------------------


def upload(case: Case) -> Step:
    """Every file as a blob of the kind that was told."""
    return Step(
        "upload",
        f"Upload as {case.blob_type} blob",
        tuple(_upload_one(case, file) for file in case.files if not file.lies_there),
        (*_lies_there(case), *_lies_there_already(case)),
        ("seed", "acr-ie") if case.told.source_kind == "export" else (),
    )


_KEPT = "A blob that has the name already is kept, and the command fails: --overwrite replaces it."


def _lies_there(case: Case) -> Iterator[str]:
    """What is to be known of blobs with these names, and which files are such blobs themselves."""
    there = [file.blob for file in case.files if file.lies_there]
    if there:
        yield f"{', '.join(there)}: in the container already, and imported from there."
    if len(there) < len(case.files):
        yield _KEPT


def _upload_one(case: Case, file: PlannedFile) -> Command:
    what = ("--file", file.ready, "--type", case.blob_type)
    return Command(("az", "storage", "blob", "upload", *_place(case, file), *what, *_LOGIN), AZ)


def _lies_there_already(case: Case) -> list[str]:
    """An export is in a blob; which kind, hangs on the tier that wrote it."""
    if case.told.source_kind != "export" or any(file.rewriting or file.lies_there for file in case.files):
        return []
    kind = {"premium": "page blobs", None: "blobs"}.get(case.told.source_tier, "block blobs")
    return [f"An export lies in {kind} already: import those, and leave this step out."]


def _place(case: Case, file: PlannedFile) -> tuple[Word, ...]:
    return *_account(case), "--container-name", case.container, "--name", file.blob


def sign(case: Case) -> Step:
    """A SAS for each blob, or for the container that an export goes to; or those that are there."""
    if case.names.sas_variables == case.variables:
        return Step("sign", f"Nothing to sign: {', '.join(case.variables)} will be used")
    if case.signed and len(case.signed) == len(case.variables):
        return Step("sign", "Put your SAS URIs into variables", tuple(map(Ask, case.variables)))
    if case.told.operation == "export":
        commands = [_sign_container(case)]
    else:
        commands = [
            _sign_blob(case, file, into) for file, into in zip(case.files, case.variables, strict=True)
        ]
    return Step(
        "sign",
        "Make a SAS that may write" if case.told.operation == "export" else "Make a SAS that may read",
        tuple(commands),
        _ABOUT_SAS,
        ("seed", USER_DELEGATION),
    )


_ABOUT_SAS = (
    "Its start lies at least 15 minutes back; an hour of it must be left when the operation begins.",
    "az signs with a key of the account; where that is forbidden --as-user --auth-mode login may do.",
    "A SAS made so lives 7 days at most.",
)


def _sign_blob(case: Case, file: PlannedFile, into: str) -> Command:
    words = ("az", "storage", "blob", "generate-sas", *_place(case, file), *_granted(case, "r"))
    return Command((*words, "--full-uri", "--output", "tsv"), AZ, into)


def _sign_container(case: Case) -> Command:
    words = ("az", "storage", "container", "generate-sas", *_account(case), "--name", case.container)
    into, box = case.variables[0], case.box
    granted = _granted(case, EXPORT_PERMISSIONS)
    return Command((*words, *granted, "--output", "tsv"), AZ, into, prefix=Address((*box.parts, "?")))


def _granted(case: Case, permissions: str) -> tuple[str | Name, ...]:
    times = ("--start", case.starts, "--expiry", case.expires)
    return ("--permissions", permissions, *times, "--https-only")
