"""The way of snapshots into an Azure cache: the steps, as commands with the user's names in them.

    profile of each file, target, circumstances, names -> Plan(notes, steps, consequences)

The rules this file keeps:

* A plan is data; `reports.azure` makes text of it. `shells` quotes the commands.
* Every command says where its parameters come from. `OWN` means: not in our sources; the report says so.
* A SAS is a password: a plan refers to environment variables. It has no URI that it could print.
* What would make the plan useless (a tier without import, a file no importer reads) is a blocker in `BLOCKS`,
  and a plan with one has no steps.

Whether the target loads the file is another question, and the first step asks it: `rdbcodec compat`.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from rdbcodec.compat.azure import sas
from rdbcodec.compat.azure.case import Case, Names, PlannedFile
from rdbcodec.compat.azure.sas import MINUTE_MS
from rdbcodec.compat.azure.shells import SHELLS, Ask, Command, Shell, Variables
from rdbcodec.compat.circumstances import Circumstances
from rdbcodec.compat.rule import Severity
from rdbcodec.compat.target import Target
from rdbcodec.facts.profile import Profile
from rdbcodec.writing.padding import PAGE

# Sources of parameters beside those of docs/compat.md: our own commands, and what nobody told us.
RDBCODEC, OWN = "rdbcodec", "own knowledge"

# How long a SAS of the plan lives: an hour must be left when the import begins (AZ-SAS-SE), the upload
# comes first, and people take breaks.
SAS_LIFE_MS = 24 * 60 * MINUTE_MS

_SHELLS_OF: Mapping[str, tuple[Shell, ...]] = {"cli": SHELLS[:1], "powershell": SHELLS[1:]}


class Step(NamedTuple):
    """One thing to do: commands, or words where there is no command."""

    title: str
    commands: tuple[Command | Ask, ...] = ()
    notes: tuple[str, ...] = ()


class Note(NamedTuple):
    """Something to know, by the id of its rule in the facts file; PLAN-... are of this file alone."""

    id: str
    severity: Severity
    says: str
    source: str


@dataclass(frozen=True, slots=True)
class Plan:
    """What to know before, what to do, and what will happen."""

    target: Target
    files: tuple[str, ...]
    shells: tuple[Shell, ...]
    notes: tuple[Note, ...]
    steps: tuple[Step, ...]
    consequences: tuple[Note, ...]

    @property
    def is_possible(self) -> bool:
        """Whether nothing stands in the way."""
        return not any(note.severity == "blocker" for note in self.notes)


def plan(profiles: Mapping[str, Profile], target: Target, circumstances: Circumstances, names: Names) -> Plan:
    """The plan for importing these files, given by name, into a target.

    Without `now_ms` in the circumstances SAS times are judged at the profile's time.
    """
    case = Case(profiles, target, circumstances, names)
    notes = tuple(_notes(case))
    blocked = any(note.id in BLOCKS for note in notes)
    return Plan(
        target=target,
        files=tuple(profiles),
        shells=_SHELLS_OF.get(circumstances.channel or "", SHELLS),
        notes=notes,
        steps=() if blocked else tuple(_steps(case)),
        consequences=tuple(_consequences(case)),
    )


_PLAIN: tuple[tuple[str, ...], ...] = ((), ("gzip",))
_CLUSTER_NAME = re.compile(r"(?=.{1,60}$)[A-Za-z0-9]+(-[A-Za-z0-9]+)*")
# These make commands useless, whatever else is done.
BLOCKS = frozenset({"AZ-TIER-ACR", "AZ-BLOB-IMPORT", "PLAN-WRAPPED", "PLAN-AOF"})


# --- before --------------------------------------------------------------------------------------


def _notes(case: Case) -> Iterator[Note]:
    """What to know before, what stands in the way first."""
    yield from _notes_on_target(case)
    for file in case.files:
        yield from _notes_on_file(file)
    yield from _notes_on_sas(case)


def _notes_on_target(case: Case) -> Iterator[Note]:
    if case.target.imports == "no":
        says = f"{case.target.name} has no import; Premium, Enterprise and Azure Managed Redis have one"
        yield Note("AZ-TIER-ACR", "blocker", says, "acr-ie: Scope of availability")
    if case.blob_type == "append":
        says = "an import reads page and block blobs, this is an append blob"
        yield Note("AZ-BLOB-IMPORT", "blocker", says, "seed: introduction; Import, note")
    if case.by_identity and not case.is_classic and case.told.channel != "portal":
        says = "the command line takes SAS URIs only; a managed identity works in the portal"
        yield Note("AZ-MI-CLI", "warning", says, "azcli-ent, azps")
    if case.told.cluster_name and not _CLUSTER_NAME.fullmatch(case.told.cluster_name):
        says = f"{case.told.cluster_name!r} is no name of a cache: letters, digits, single hyphens, up to 60"
        yield Note("AZ-CLUSTERNAME", "warning", says, "azcli-ent")


def _notes_on_file(file: PlannedFile) -> Iterator[Note]:
    wrapping, tail = file.profile.containers, file.profile.tail
    if wrapping not in _PLAIN:
        says = f"{file.name} is wrapped in {', '.join(wrapping)}, an import reads snapshots and their gzip"
        yield Note("PLAN-WRAPPED", "blocker", says, "seed: Import")
    if tail is not None and tail.kind == "AOF commands":
        says = f"AOF commands follow the snapshot in {file.name}, an import would not replay them"
        yield Note("PLAN-AOF", "blocker", says, "seed: Import")
    elif tail is not None and tail.kind not in ("nothing", "zero padding"):
        says = f"{tail.kind} after the snapshot in {file.name}: nobody says what an import does with that"
        yield Note("G-TRAIL", "unknown", says, "exp")
    if file.decompress and file.packed != file.name:
        says = f"{file.name} is gzip: call it {file.packed} before the steps, which need that ending"
        yield Note("PLAN-GZIP-NAME", "warning", says, OWN)
    if wrapping == ("gzip",) and file.pad and not file.decompress:
        says = f"nobody says whether zeros behind the gzip {file.name} are read; a block blob needs none"
        yield Note("PLAN-GZIP-PAGE", "unknown", says, OWN)


def _notes_on_sas(case: Case) -> Iterator[Note]:
    if case.signed and len(case.signed) != len(case.files):
        says = f"{len(case.signed)} SAS for {len(case.files)} files, each blob needs one"
        yield Note("PLAN-SAS-COUNT", "warning", says, "azcli-ent: help of database import")
    for at, signed in enumerate(case.signed, 1):
        for found in sas.check(signed, operation="import", now_ms=case.now_ms):
            says = f"SAS {at}: {found.says}; {found.remedy}"
            yield Note(found.id, found.severity, says, found.source)


# --- the steps -----------------------------------------------------------------------------------


def _steps(case: Case) -> Iterator[Step]:
    """What to do, in order; steps with nothing to do are left out."""
    words = ("rdbcodec", "compat", *case.profiles, "--target", case.target.id)
    yield Step("Ask whether the target loads it", (Command(words, RDBCODEC),))
    if unpacking := [one for file in case.files if file.decompress for one in _decompress(file)]:
        yield Step("Decompress: nobody says that this tier reads gzip", tuple(unpacking))
    if padding := [_pad(file) for file in case.files if file.pad]:
        yield Step(f"Fill whole pages of {PAGE} bytes, which page blobs are made of", tuple(padding))
    yield _upload(case)
    if case.told.channel == "portal":
        yield _import_in_portal(case)
        return
    if not (case.by_identity and case.is_classic):
        yield _sign(case)
    yield _import(case)


def _upload(case: Case) -> Step:
    notes = ["the storage account must be in the region of the cache"]
    if case.told.source_kind == "export":
        notes.append("an export lies in a block blob already: import that one and skip this step")
    return Step(
        f"Upload as {case.blob_type} blob",
        tuple(_upload_one(case, file) for file in case.files),
        tuple(notes),
    )


def _upload_one(case: Case, file: PlannedFile) -> Command:
    how = ("--type", case.blob_type, "--auth-mode", "login")
    return Command(("az", "storage", "blob", "upload", *_place(case, file), "--file", file.ready, *how), OWN)


def _place(case: Case, file: PlannedFile) -> tuple[str, ...]:
    return "--account-name", case.account, "--container-name", case.container, "--name", file.blob


def _sign(case: Case) -> Step:
    if case.names.sas_variables == case.variables:
        return Step(f"Nothing to sign: {', '.join(case.variables)} will be used")
    if len(case.signed) == len(case.files):
        return Step("Put your SAS URIs into variables", tuple(map(Ask, case.variables)))
    signing = [_sign_one(case, file, into) for file, into in zip(case.files, case.variables, strict=True)]
    notes = (
        "an hour must be left of it when the import starts; no start time, or one 15 minutes back",
        "where policy forbids account keys, a user delegation SAS (--as-user --auth-mode login) may do",
    )
    return Step("Make a SAS that may read", tuple(signing), notes)


def _sign_one(case: Case, file: PlannedFile, into: str) -> Command:
    until = _utc(case.now_ms + SAS_LIFE_MS)
    how = ("--permissions", "r", "--expiry", until, "--https-only", "--full-uri", "--output", "tsv")
    return Command(("az", "storage", "blob", "generate-sas", *_place(case, file), *how), OWN, into)


def _import(case: Case) -> Step:
    commands = _import_classic(case) if case.is_classic else _import_enterprise(case)
    notes: tuple[str, ...] = _CLASSIC_NOTES if case.is_classic else _ENTERPRISE_NOTES
    if len(case.files) > 1:
        notes = (*notes, "all files go into one import: a second one would delete what the first brought")
    return Step("Import", commands, notes)


def _import_enterprise(case: Case) -> tuple[Command, ...]:
    where = ("--cluster-name", case.cache, "--resource-group", case.group)
    database = ("--database-name", case.names.database) if case.names.database else ()
    bash = ("az", "redisenterprise", "database", "import", *where, *database, "--sas-uris")
    name = ("-ClusterName", case.cache, "-ResourceGroupName", case.group)
    return (
        Command((*bash, Variables(case.variables)), "azcli-ent", only="bash"),
        Command(
            ("Import-AzRedisEnterpriseCache", *name, "-SasUri", Variables(case.variables, array=True)),
            "azps",
            only="powershell",
        ),
    )


def _import_classic(case: Case) -> tuple[Command, ...]:
    bash = ("az", "redis", "import", "--name", case.cache, "--resource-group", case.group)
    identity = ("--auth-method", "ManagedIdentity") if case.by_identity else ()
    other = case.other_subscription
    subscription = ("--storage-sub-id", other) if other else ()
    how = (*identity, *subscription)
    powershell = ("Import-AzRedisCache", "-Name", case.cache)
    sign_in = ("-PreferredDataArchiveAuthMethod", "ManagedIdentity") if case.by_identity else ()
    account = ("-StorageSubscriptionId", other) if other else ()
    return (
        Command((*bash, "--files", *case.blob_words(array=False), *how), "azcli-redis", only="bash"),
        Command(
            (*powershell, "-Files", *case.blob_words(array=True), *sign_in, *account),
            "azps",
            only="powershell",
        ),
    )


def _import_in_portal(case: Case) -> Step:
    blobs = ", ".join(file.blob for file in case.files)
    notes = [
        f"open {case.cache}, then Import data, and choose {case.account}, {case.container}, {blobs}",
        "press Import within 15 minutes of opening the page; its SAS is too old after that",
    ]
    if case.by_identity and case.other_subscription:
        notes.append(f"choose the subscription {case.other_subscription} in the dialog")
    return Step("Import in the portal", (), tuple(notes))


# --- after ---------------------------------------------------------------------------------------


def _consequences(case: Case) -> Iterator[Note]:
    """What an import does besides bringing the keys."""
    wiped = "it deletes everything that is in the cache now"
    if case.told.target_empty is False:
        wiped += ", which is not empty: export it first if it is needed"
    yield Note("AZ-WIPE", "warning", wiped, "seed: Import, step 5")
    offline = "clients cannot use the cache from its start to its end"
    yield Note("AZ-OFFLINE", "warning", offline, "seed: Import, step 5; FAQ availability")
    lasting = "no source says how long it takes; it grows with the data"
    yield Note(
        "PLAN-TIME", "unknown", lasting, "field-kr: one export of 4.5 GB took 187 s, no import is timed"
    )
    yield Note("AZ-SNAPSHOT", "info", _age(case), "seed: FAQ persistence; amr-mig-bsp")
    if case.told.source_kind == "export" or len(case.files) > 1:
        every = "an export is several files of one prefix: keys of a file left out are missing"
        yield Note("AZ-PREFIX", "info", every, "seed: Export, step 4")
    if not case.is_classic:
        watching = "follow it in the notifications of the portal: the activity log does not show it yet"
        yield Note("AZ-ACTLOG", "info", watching, "seed: Import, step 5")


def _age(case: Case) -> str:
    made = [file.profile.created_s for file in case.files if file.profile.created_s is not None]
    when = f" of {_utc(min(made) * 1000)}" if made else ""
    return f"the cache will hold the state{when}: what was written later is not in the snapshot"


_CLASSIC_NOTES = (
    "our sources give no parameter for the resource group of Import-AzRedisCache: add it if asked",
)
_ENTERPRISE_NOTES = ("az needs its extension redisenterprise; old ones spell the parameter --sas-uri",)


def _decompress(file: PlannedFile) -> Iterator[Command]:
    yield Command(("gzip", "--decompress", "--keep", file.packed), OWN, only="bash")
    yield Command(("python", "-m", "gzip", "--decompress", file.packed), OWN, only="powershell")


def _pad(file: PlannedFile) -> Command:
    return Command(("rdbcodec", "pad", file.unpacked, "-o", file.ready), RDBCODEC)


def _utc(at_ms: int) -> str:
    """A time as a SAS writes it, whole minutes; the number itself where no calendar goes that far."""
    try:
        return time.strftime("%Y-%m-%dT%H:%MZ", time.gmtime(at_ms // 1000))
    except (OverflowError, ValueError, OSError):  # which of them, depends on the C library
        return f"{at_ms} ms"
