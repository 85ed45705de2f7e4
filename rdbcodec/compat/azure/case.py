"""What a plan for Azure is made from: the files and what they are made into, and what things are called.

A name nobody told is a placeholder in angle brackets; what a SAS URI says of account, container and blob
counts as told.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import PurePath
from urllib.parse import quote

from rdbcodec.compat.azure.shells import Address, Name
from rdbcodec.compat.circumstances import Circumstances
from rdbcodec.compat.steps import Step as Rewriting
from rdbcodec.compat.steps import out_name
from rdbcodec.compat.target import Target
from rdbcodec.compat.verdict import Verdict, steps_of
from rdbcodec.facts.profile import Profile
from rdbcodec.named_tuples import NamedTuple
from rdbcodec.remote.account import SCHEMES, Place, place_of
from rdbcodec.remote.permits import MINUTE_MS
from rdbcodec.remote.urls import name_of, scheme_of

# How long a SAS of the plan lives: an hour must be left when the import begins (AZ-SAS-SE), and people take
# breaks; a key for user delegation lives seven days at most.
SAS_LIFE_MS = 24 * 60 * MINUTE_MS
# How long it is valid already: 15 minutes are asked for (AZ-SAS-ST), and clocks differ.
SAS_PAST_MS = 30 * MINUTE_MS


class Names(NamedTuple):
    """What the user's things are called; None becomes a placeholder in angle brackets.

    `sas_variables` are the environment variables that hold the SAS already.
    """

    resource_group: str | None = None
    database: str | None = None
    storage_account: str | None = None
    container: str | None = None
    blob_prefix: str = ""
    sas_variables: tuple[str, ...] = ()


class PlannedFile(NamedTuple):
    """A file on its way: what it is now, what is done to it before, and what it is called then.

    One that `lies_there` is a blob of the container already, and is imported as it is.
    """

    name: str
    profile: Profile
    verdict: Verdict
    rewriting: tuple[Rewriting, ...]
    blob: str
    lies_there: bool = False

    @property
    def ready(self) -> str:
        """The name of what is uploaded."""
        return written_by(self.rewriting[-1]) if self.rewriting else self.name


def written_by(step: Rewriting) -> str:
    """The file that a step makes: the last word of its command, or what gunzip makes of it."""
    command = step.command or ("",)
    return command[-1].removesuffix(".gz") if command[0] == "gunzip" else command[-1]


class Case:
    """What a plan is made from, and the questions its parts share."""

    def __init__(
        self,
        judged: Mapping[str, tuple[Profile, Verdict]],
        target: Target,
        circumstances: Circumstances,
        names: Names,
        now_ms: int,
    ) -> None:
        self.target = target
        self.told = circumstances
        self.names = names
        self.now_ms = now_ms
        self.signed = circumstances.sas or ()
        self.blob_type = circumstances.blob_type or "block"
        self.is_classic = target.tier == "Premium"
        self.by_identity = circumstances.authentication == "managed-identity"
        blobs = self._blobs(list(judged))
        self.files = [self._file(name, *judged[name], blob) for name, blob in zip(judged, blobs, strict=True)]

    def _blobs(self, files: list[str]) -> list[str]:
        """A blob name a file, each once; those that SAS URIs name, when there is one for each."""
        named = [one.blob for one in self.signed if one.blob is not None]
        if files and len(named) == len(files):
            return named
        last = (name_of(name) if scheme_of(name) else PurePath(name).name for name in files)
        blobs = [self.names.blob_prefix + name for name in last]
        often = Counter(blobs)
        return [f"{at}-{blob}" if often[blob] > 1 else blob for at, blob in enumerate(blobs, 1)]

    def _file(self, name: str, profile: Profile, verdict: Verdict, blob: str) -> PlannedFile:
        rewriting = tuple(self._rewriting(name, verdict))
        place = self._place(name)
        if not rewriting and place is not None:
            return PlannedFile(name, profile, verdict, (), place.blob, lies_there=True)
        if not rewriting and scheme_of(name):  # az uploads files
            command = ("rdbcodec", "convert", name, "-o", _unwrapped(name_of(name)))
            rewriting = (Rewriting("unpack", command, "bring the file here", ()),)
        is_unpacked = any(step.kind != "pad" for step in rewriting)
        return PlannedFile(name, profile, verdict, rewriting, _unwrapped(blob) if is_unpacked else blob)

    def _rewriting(self, name: str, verdict: Verdict) -> Iterator[Rewriting]:
        """What is done to a file; what lies elsewhere comes here under the last part of its name."""
        local = name_of(name) if scheme_of(name) else name
        for step in steps_of(verdict, local):
            if step.command is not None:
                here = _unpacked_as_it_is_called(step, name, self.target)
                yield here._replace(
                    command=tuple(name if word == local else word for word in here.command or ())
                )

    def _place(self, name: str) -> Place | None:
        """Where a blob of the container is that the files go to; None for what is none."""
        if scheme_of(name) not in SCHEMES:
            return None
        place = place_of(name)
        account = self.account.value
        is_there = place.container == self.container.value and place.account in (None, account)
        return place if is_there and account is not None else None

    # --- names

    @property
    def cache(self) -> Name:
        """The name of the cache."""
        return Name("CACHE_NAME", self.told.cluster_name, "cache name")

    @property
    def group(self) -> Name:
        """The name of its resource group."""
        return Name("RESOURCE_GROUP", self.names.resource_group, "resource group")

    @property
    def account(self) -> Name:
        """The storage account."""
        from_sas = self.signed[0].account if self.signed else None
        return Name("STORAGE_ACCOUNT", self.names.storage_account or from_sas, "storage account")

    @property
    def container(self) -> Name:
        """The container of the blobs."""
        from_sas = self.signed[0].container if self.signed else None
        return Name("CONTAINER", self.names.container or from_sas, "container")

    @property
    def prefix(self) -> Name:
        """What the names of exported blobs begin with."""
        return Name("BLOB_PREFIX", self.names.blob_prefix or None, "blob prefix")

    @property
    def other_subscription(self) -> Name | None:
        """The subscription of the storage account, when it is not that of the cache."""
        storage = self.told.storage_subscription
        if storage is None or storage == self.told.cache_subscription:
            return None
        return Name("STORAGE_SUBSCRIPTION", storage, "subscription")

    def names_used(self) -> list[Name]:
        """The names that commands of this case may have in them."""
        named = [self.cache, self.group, self.account, self.container, self.prefix]
        return [*named, self.other_subscription] if self.other_subscription else named

    # --- SAS

    @property
    def needs_sas(self) -> bool:
        """The portal makes its own; by command only Premium does without one."""
        return self.told.channel != "portal" and not (self.by_identity and self.is_classic)

    @property
    def variables(self) -> tuple[str, ...]:
        """The environment variables with the SAS URIs, one a file."""
        if self.told.operation == "export":
            return self.names.sas_variables if len(self.names.sas_variables) == 1 else ("EXPORT_SAS",)
        if len(self.names.sas_variables) == len(self.files):
            return self.names.sas_variables
        if len(self.files) == 1:
            return ("IMPORT_SAS",)
        return tuple(f"IMPORT_SAS_{at}" for at in range(1, len(self.files) + 1))

    @property
    def starts(self) -> Name:
        """When a SAS of the plan begins to be valid."""
        return Name("SAS_START", utc(self.now_ms - SAS_PAST_MS), "start")

    @property
    def expires(self) -> Name:
        """When it ends."""
        return Name("SAS_EXPIRY", utc(self.now_ms + SAS_LIFE_MS), "expiry")

    # --- addresses

    def address(self, file: PlannedFile) -> Address:
        """Where the blob of a file lies."""
        return Address((*self.box.parts, "/", quote(file.blob)))

    @property
    def box(self) -> Address:
        """Where the container is."""
        return Address(("https://", self.account, ".blob.core.windows.net/", self.container))


def _unpacked_as_it_is_called(step: Rewriting, name: str, target: Target) -> Rewriting:
    """The step; for a file whose name tools for gzip do not take, with a command that does not look at it."""
    if step.kind != "unpack" or (name.endswith(".gz") and not scheme_of(name)):
        return step
    local = name_of(name) if scheme_of(name) else name
    return step._replace(command=("rdbcodec", "convert", name, "-o", out_name(local, target.id)))


def _unwrapped(blob: str) -> str:
    """The name of a blob without what said how it was wrapped."""
    path = PurePath(blob)
    return blob.removesuffix(path.suffix) if path.suffix in (".gz", ".lz4", ".zst") else blob


def utc(at_ms: int) -> str:
    """A time as a SAS writes it, whole minutes; the number itself where no calendar goes that far."""
    try:
        return time.strftime("%Y-%m-%dT%H:%MZ", time.gmtime(at_ms // 1000))
    except (OverflowError, ValueError, OSError):  # which of them, depends on the C library
        return f"{at_ms} ms"
