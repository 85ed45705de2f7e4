"""docs/compat.md, generated from the data: `python -m rdbcodec.reports.compat_page > docs/compat.md`."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from rdbcodec.compat.rule import Rule
from rdbcodec.compat.rulebook import RULES, SAS_RULES
from rdbcodec.compat.statements import Statement, statements
from rdbcodec.compat.target import Target, date_of, sources, targets
from rdbcodec.reports.known import reads_words
from rdbcodec.reports.markdown import table

_INTRO = """\
# Targets and rules

Generated from `rdbcodec/compat/known/` and the rules by `python -m rdbcodec.reports.compat_page`; a
test holds them together. `rdbcodec compat --explain RULE` shows one rule.

Confidence: **verified** real servers were run; **source** read in a program's code; **documented** a page of
the vendor says so; **inferred** it follows from these; **unverified** plausible, and nobody says so. What is
unverified never makes a "yes".
"""


def render() -> str:
    """The whole page."""
    return "\n".join([_INTRO, *_statements(), *_targets(), *_sizes(), *_rules(), *_sas_rules(), *_sources()])


_STATEMENTS = """\
## The page of 2024-11-15, statement by statement

What "Import and Export data in Azure Managed Redis" says, and what carries it: rules of `compat`, steps of
`azure plan`, and tests of both sides. A test named `::RULE` is the row of that rule in the table SIDES.
**OK** is carried and tested; **PART** lacks what the last column says; **MISSING** is not carried.
"""


def _statements() -> Iterator[str]:
    yield _STATEMENTS
    head = ("no", "says", "where", "rules", "step of the plan", "tests", "status", "lacks")
    yield from table(head, [_statement_row(row) for row in statements()])


def _statement_row(row: Statement) -> tuple[str, ...]:
    return (
        str(row.number),
        row.says,
        row.where,
        ", ".join(row.rules) or "-",
        row.step or "-",
        ", ".join(row.tests) or "-",
        row.status,
        row.lacks or "-",
    )


def _targets() -> Iterator[str]:
    yield "## Targets\n"
    for product, group in groupby(targets().values(), key=lambda target: target.product):
        yield f"### {product}\n"
        head = (
            "id",
            "tier",
            "status",
            "reads",
            "databases",
            "modules",
            "gzip",
            "import",
            "sources",
            "date",
            "confidence",
            "checked",
            "remarks",
        )
        yield from table(head, [_target_row(target) for target in group])


def _target_row(target: Target) -> tuple[str, ...]:
    return (
        target.id,
        target.tier or "-",
        target.status,
        reads_words(target),
        "unknown" if target.databases is None else str(target.databases),
        _modules(target),
        target.gzip,
        ", ".join(target.import_formats) or target.imports,
        ", ".join(target.sources),
        date_of(target),
        target.confidence,
        target.checked or "-",
        "; ".join(words for words in (target.life, target.notes) if words) or "-",
    )


def _modules(target: Target) -> str:
    may = [f"{name} (when enabled)" for name in target.optional_modules]
    doubted = [f"{name} (unknown)" for name in target.doubtful_modules]
    return ", ".join([*target.modules, *may, *doubted]) or "-"


def _sizes() -> Iterator[str]:
    yield "## Memory of the sizes\n"
    rows: dict[str, tuple[str, str, str]] = {}
    for target in targets().values():
        if target.sizes:
            tier = f"{target.product}, {target.tier}"
            words = ", ".join(f"{name} {_size(target, name)}" for name in target.sizes)
            rows[tier] = (tier, words, f"{target.usable:.0%}")
    yield from table(("tier", "GiB by SKU (? is not read anew)", "usable"), list(rows.values()))


def _size(target: Target, sku: str) -> str:
    """GiB, with a mark behind those that no page at hand says."""
    return f"{(target.sizes or {})[sku]:g}{'?' if sku in target.doubtful_sizes else ''}"


def _rules() -> Iterator[str]:
    yield "## Rules\n"
    head = ("id", "about", "severity", "says", "what to do", "source", "date", "confidence", "seed")
    yield from table(head, [_rule_row(rule) for rule in RULES])


def _rule_row(rule: Rule) -> tuple[str, ...]:
    return (
        rule.id,
        ", ".join(rule.applies),
        rule.severity,
        rule.says or "(what is not known)",
        rule.remedy or "-",
        rule.source_words(),
        rule.date,
        rule.confidence,
        ", ".join(rule.seed) or "-",
    )


def _sas_rules() -> Iterator[str]:
    yield "## Rules for SAS URIs\n"
    rows = [
        (rule.id, " and ".join(rule.operations), rule.severity, rule.remedy, *rule.evidence)
        for rule in SAS_RULES
    ]
    yield from table(("id", "operation", "severity", "what to do", "source", "date", "confidence"), rows)


def _sources() -> Iterator[str]:
    yield "## Sources\n"
    rows = [(key, source.title, source.where or "-", source.date) for key, source in sources().items()]
    yield from table(("key", "what", "where", "date"), rows)


if __name__ == "__main__":
    print(render(), end="")
