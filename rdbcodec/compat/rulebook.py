"""All rules, in the order they are told: what every loader demands first, then what each vendor adds.

They are found by folder: each file in `rules/` has rows in a tuple RULES, and needs to be named nowhere.
Azure's stand in its own wing, and so do those for SAS URIs, which have sentences of their own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from rdbcodec.compat import rules
from rdbcodec.compat.azure import rules as azure_rules
from rdbcodec.compat.azure import sas
from rdbcodec.compat.rule import Case, Finding, Rule
from rdbcodec.compat.rules import general
from rdbcodec.compat.target import Target
from rdbcodec.folders import load, modules_of


def _of_vendors() -> Iterator[Rule]:
    """The rows of every file of the folder but the general ones, file after file by name."""
    for name in modules_of(rules):
        if name != "general":
            yield from load(rules, name).RULES


RULES: tuple[Rule, ...] = (*general.RULES, *azure_rules.RULES, *_of_vendors())
BY_ID: Mapping[str, Rule] = {rule.id: rule for rule in RULES}
SasRule = sas.SasRule
SAS_RULES: tuple[SasRule, ...] = sas.RULES


def rules_of(target: Target, operation: str, as_of: str | None = None) -> Iterator[Rule]:
    """The rules about a target and an operation, as they were known on a day; None is today."""
    about = (rule for rule in RULES if rule.operation in (operation, "any") and rule.covers(target))
    return (rule for rule in about if rule.is_known(as_of))


def sas_findings(case: Case) -> Iterator[Finding]:
    """What is wrong with each SAS, in the words of its own table."""
    return sas.findings(case) if case.target.family == "azure" else iter(())
