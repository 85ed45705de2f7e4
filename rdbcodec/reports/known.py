"""What is known of targets and rules, in words: lists, explanations, sources."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from rdbcodec.compat.rule import Finding, Rule
from rdbcodec.compat.rulebook import BY_ID, SAS_RULES, SasRule
from rdbcodec.compat.target import FactAge, Source, Target, date_of, loader_of, sources
from rdbcodec.reports.tables import Section
from rdbcodec.reports.words import plural
from rdbcodec.reports.wrapping import paragraph
from rdbcodec.showing import name as shown


def target_sections(targets: Sequence[Target]) -> list[Section]:
    """The targets as a table of each product."""
    rows: dict[str, list[tuple[str, ...]]] = {}
    for target in targets:
        rows.setdefault(target.product, []).append((target.id, reads_words(target), target.confidence))
    return [Section(product, ("id", "reads", "confidence"), some) for product, some in rows.items()]


def reads_words(target: Target) -> str:
    """Which headers a target reads, and how sure that is."""
    loader = loader_of(target)
    if target.imports == "no":
        return "no import"
    if loader is None:
        return "unknown"
    words = loader.magic_words()
    return words if target.rdb_confidence == target.confidence else f"{words} ({target.rdb_confidence})"


def json_targets(targets: Sequence[Target]) -> dict[str, Any]:
    """The targets for programs."""
    return {
        "targets": [
            {
                "id": target.id,
                "name": target.name,
                "family": target.family,
                "reads": reads_words(target),
                "sources": list(target.sources),
                "date": date_of(target),
                "confidence": target.confidence,
            }
            for target in targets
        ]
    }


def age_lines(ages: Sequence[FactAge]) -> Iterator[str]:
    """When what is known of each target was checked, the oldest first."""
    yield f"{plural(len(ages), 'target')}; checked longest ago: {plural(ages[0].days, 'day')}"
    wide = max(len(age.id) for age in ages)
    yield from (f"  {age.id:<{wide}}  {age.checked}  {plural(age.days, 'day')}" for age in ages)


def rule_lines(rule: Rule) -> Iterator[str]:
    """All about one rule."""
    question = (rule.question.__doc__ or "").strip()
    yield f"{rule.id} ({rule.severity})"
    yield f"  says: {plain(rule.says) or 'what is not known, in words of the case'}"
    if question and not question.startswith("The question"):
        yield f"  when: {question}"
    if rule.remedy is not None:
        yield f"  fix: {plain(rule.remedy)}"
    yield f"  about: {', '.join(rule.applies)}"
    yield f"  operation: {rule.operation}"
    yield f"  confidence: {rule.confidence}"
    if rule.section:
        yield f"  section: {rule.section}"
    yield from _page_lines("source", rule.source_rows())
    yield from _page_lines("says otherwise", [sources()[key] for key in rule.contradicts])


def sas_rule_lines(rule: SasRule) -> Iterator[str]:
    """All about one rule for SAS URIs."""
    yield f"{rule.id} ({rule.severity})"
    yield f"  fix: {rule.remedy}"
    yield "  about: azure"
    yield f"  operation: {' and '.join(rule.operations)}"
    yield f"  confidence: {rule.evidence.confidence}"
    yield f"  section: {rule.evidence.source}; {rule.evidence.date}"
    yield from _page_lines("source", rule_sources(rule.id))


def _page_lines(label: str, pages: Iterable[Source]) -> Iterator[str]:
    for page in pages:
        yield f"  {label}: {page.title}, {page.date}"
        if page.where:
            yield f"    {page.where}"


def rule_words(id: str) -> str:
    """What a rule is about, without a case: its sentence, or what its question asks."""
    if id == "VERDICT":
        return "the answer for a file and a target"
    rule = BY_ID.get(id)
    if rule is None:
        return next((one.remedy for one in SAS_RULES if one.id == id), id)
    return plain(rule.says) or (rule.question.__doc__ or id).strip().partition("\n")[0]


def rule_sources(id: str) -> list[Source]:
    """The pages, programs and measurements that a rule rests on."""
    if id in BY_ID:
        return BY_ID[id].source_rows()
    known, of_sas = sources(), (rule.evidence.source for rule in SAS_RULES if rule.id == id)
    keys = (key.strip() for words in of_sas for key in words.partition(":")[0].split(","))
    return [known[key] for key in dict.fromkeys(keys) if key in known]


def source_words(finding: Finding) -> str:
    """Who says so, in a line: titles of pages with their dates, and how sure that is."""
    rows = rule_sources(finding.id)
    titles = ", ".join(f"{source.title} ({source.date})" for source in rows)
    return f"{titles or f'{finding.source} ({finding.date})'}; {finding.confidence}"


def source_lines(finding: Finding, width: int, *, indent: str) -> Iterator[str]:
    """Who says so: a page and its date, where it is, and how sure that is. Links are not broken in two."""
    for source in rule_sources(finding.id):
        words = f"source: {shown(source.title)}, {source.date} ({finding.confidence})"
        yield from paragraph(words, width, first=indent, rest=indent + "  ")
        if source.where:
            inside = indent + "  "
            yield from paragraph(shown(source.where), width, first=inside, rest=inside, whole_words=True)


def plain(says: str) -> str:
    """A sentence with names for what a case would fill in: "{target} reads {count:,}" is "<target> ..."."""
    return re.sub(r"\{(\w+)[^}]*\}", r"<\1>", says)
