"""docs/compat.md, generated from the data: `python -m rdbcodec.reports.compat_page > docs/compat.md`."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from rdbcodec.compat.rule import Rule
from rdbcodec.compat.rulebook import RULES, SAS_RULES
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
    return "\n".join([_INTRO, *_targets(), *_sizes(), *_rules(), *_sas_rules(), *_sources()])


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
    )


def _modules(target: Target) -> str:
    may = [f"{name} (when enabled)" for name in target.optional_modules]
    return ", ".join([*target.modules, *may]) or "-"


def _sizes() -> Iterator[str]:
    yield "## Memory of the sizes\n"
    rows: dict[str, tuple[str, str, str]] = {}
    for target in targets().values():
        if target.sizes:
            tier = f"{target.product}, {target.tier}"
            words = ", ".join(f"{name} {size:g}" for name, size in target.sizes.items())
            rows[tier] = (tier, words, f"{target.usable:.0%}")
    yield from table(("tier", "GiB by SKU", "usable"), list(rows.values()))


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
