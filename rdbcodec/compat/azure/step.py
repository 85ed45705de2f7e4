"""A step of a plan for Azure: commands, or words where there is no command."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from rdbcodec.compat.azure.shells import Ask, Command
from rdbcodec.named_tuples import NamedTuple

Kind = Literal[
    "prepare", "container", "identity", "role", "firewall", "upload", "sign",
    "import", "export", "wait", "verify", "fetch", "next",
]  # fmt: skip

# Sources of parameters: ids of `known/`, and our own commands.
RDBCODEC = "rdbcodec"
AZ, AZ_ENTERPRISE, POWERSHELL = "azcli", "azcli-ent-run", "azps"
POWERSHELL_EXPORT, IDENTITY, USER_DELEGATION = "azps-export", "acr-identity", "az-user-sas"
BLOB_ROLES, REDIS_CLI = "az-blob-roles", "redis-cli"
# Those of `known/72-azure-commands.json`.
COMMANDS = (AZ, AZ_ENTERPRISE, POWERSHELL_EXPORT, BLOB_ROLES, USER_DELEGATION, REDIS_CLI)


class Step(NamedTuple):
    """One thing to do. `says` is what to know when it is done, `sources` are who says that."""

    kind: Kind
    title: str
    commands: tuple[Command | Ask, ...] = ()
    says: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()

    def who_says_so(self) -> list[str]:
        """The sources of its commands and of its words, each once."""
        of_commands = [command.source for command in self.commands if isinstance(command, Command)]
        return list(dict.fromkeys([*of_commands, *self.sources]))


Steps = Iterator[Step]
