"""What a plan for Azure is made from: the files and what they are made into, and what things are called.

A name nobody told is a placeholder in angle brackets; what a SAS URI says of account, container and blob
counts as told.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import PurePath
from typing import NamedTuple
from urllib.parse import quote

from rdbcodec.compat.azure.shells import Variables, Word
from rdbcodec.compat.circumstances import Circumstances
from rdbcodec.compat.target import Target
from rdbcodec.facts.profile import Profile
from rdbcodec.writing.padding import padded_size


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
    """A file on its way: what it is now, and what it is made into."""

    name: str
    profile: Profile
    decompress: bool
    pad: bool
    blob: str

    @property
    def packed(self) -> str:
        """The name that tools for gzip want it to have."""
        return self.name if self.name.endswith(".gz") else f"{self.name}.gz"

    @property
    def unpacked(self) -> str:
        """Its name without gzip."""
        return self.packed.removesuffix(".gz") if self.decompress else self.name

    @property
    def ready(self) -> str:
        """The name of what is uploaded."""
        if not self.pad:
            return self.unpacked
        path = PurePath(self.unpacked)
        return str(path.with_name(f"{path.stem}.padded{path.suffix}"))


class Case:
    """What a plan is made from, and the questions its parts share."""

    def __init__(
        self,
        profiles: Mapping[str, Profile],
        target: Target,
        circumstances: Circumstances,
        names: Names,
    ) -> None:
        self.profiles = profiles
        self.target = target
        self.told = circumstances
        self.names = names
        self.now_ms = circumstances.now_ms or max(one.now_ms for one in profiles.values())
        self.signed = circumstances.sas or ()
        self.blob_type = circumstances.blob_type or "block"
        self.is_classic = target.tier == "Premium"
        self.by_identity = circumstances.authentication == "managed-identity"
        blobs = self._blobs()
        self.files = [self._file(name, blob) for name, blob in zip(profiles, blobs, strict=True)]

    def _blobs(self) -> list[str]:
        """A blob name a file, each once; those that SAS URIs name, when there is one for each."""
        named = [one.blob for one in self.signed if one.blob is not None]
        if len(named) == len(self.profiles):
            return named
        blobs = [self.names.blob_prefix + PurePath(name).name for name in self.profiles]
        often = Counter(blobs)
        return [f"{at}-{blob}" if often[blob] > 1 else blob for at, blob in enumerate(blobs, 1)]

    def _file(self, name: str, blob: str) -> PlannedFile:
        profile = self.profiles[name]
        decompress = profile.containers == ("gzip",) and self.target.gzip != "yes"
        size = profile.file_size or 0
        pad = self.blob_type == "page" and (decompress or size != padded_size(size))
        return PlannedFile(name, profile, decompress, pad, blob.removesuffix(".gz") if decompress else blob)

    @property
    def cache(self) -> str:
        """The name of the cache."""
        return self.told.cluster_name or "<cache-name>"

    @property
    def group(self) -> str:
        """The name of its resource group."""
        return self.names.resource_group or "<resource-group>"

    @property
    def account(self) -> str:
        """The storage account."""
        from_sas = self.signed[0].account if self.signed else None
        return self.names.storage_account or from_sas or "<storage-account>"

    @property
    def container(self) -> str:
        """The container of the blobs."""
        from_sas = self.signed[0].container if self.signed else None
        return self.names.container or from_sas or "<container>"

    @property
    def variables(self) -> tuple[str, ...]:
        """The environment variables with the SAS URIs, one a file."""
        if len(self.names.sas_variables) == len(self.files):
            return self.names.sas_variables
        if len(self.files) == 1:
            return ("IMPORT_SAS",)
        return tuple(f"IMPORT_SAS_{at}" for at in range(1, len(self.files) + 1))

    @property
    def other_subscription(self) -> str | None:
        """The subscription of the storage account, when it is not that of the cache."""
        storage = self.told.storage_subscription
        return storage if storage != self.told.cache_subscription else None

    def blob_words(self, *, array: bool) -> tuple[Word, ...]:
        """What names the blobs: variables with SAS URIs, or plain addresses for a managed identity."""
        if not self.by_identity:
            return (Variables(self.variables, array=array),)
        site = f"https://{self.account}.blob.core.windows.net/{self.container}"
        return tuple(f"{site}/{quote(file.blob)}" for file in self.files)
