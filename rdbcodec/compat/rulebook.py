"""All rules, in the order they are told: what every loader demands first, then what each vendor adds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from rdbcodec.compat.azure.rules import AZURE
from rdbcodec.compat.rule import Rule
from rdbcodec.compat.rules.clouds import CLOUDS
from rdbcodec.compat.rules.general import GENERAL
from rdbcodec.compat.targets import Target

RULES: tuple[Rule, ...] = (*GENERAL, *AZURE, *CLOUDS)
BY_ID: Mapping[str, Rule] = {rule.id: rule for rule in RULES}


def rules_of(target: Target, operation: str) -> Iterator[Rule]:
    """The rules about a target and an operation."""
    return (rule for rule in RULES if rule.operation in (operation, "any") and rule.covers(target))
