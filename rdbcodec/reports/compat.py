"""Verdicts in words: as text, as Markdown, as JSON; and what the targets and the rules are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePath
from typing import Any

from rdbcodec.compat.rule import Finding, Rule, Severity
from rdbcodec.compat.rulebook import SasRule
from rdbcodec.compat.target import Target, date_of, loader_of, sources
from rdbcodec.compat.verdict import Loads, Verdict
from rdbcodec.facts.places import Place
from rdbcodec.facts.profile import Profile
from rdbcodec.reports.tables import Section
from rdbcodec.reports.words import json_key, plural
from rdbcodec.showing import Hiding, key_words, path_word
from rdbcodec.showing import name as shown

LOADS: Mapping[Loads, str] = {
    "yes": "yes",
    "after-conversion": "yes, after conversion",
    "no": "NO",
    "unknown": "unknown",
}
NOT_LOOKED = ", values and duplicates not looked at"
MODULES_NOT_LOOKED = ", module values not looked at"
_REMARKS: tuple[Severity, ...] = ("info",)


def loads_words(verdict: Verdict) -> str:
    """The answer in words: "yes, values and duplicates not looked at"; "yes" alone is a promise."""
    words = LOADS[verdict.loads]
    if verdict.loads not in ("yes", "after-conversion"):
        return words
    if not verdict.was_looked_at:
        return words + NOT_LOOKED
    return words + (MODULES_NOT_LOOKED if verdict.has_module_values else "")


# --- remedies ---------------------------------------------------------------------------------------


def remedy_of(name: str, verdict: Verdict, finding: Finding, *, hide_keys: Hiding = False) -> str | None:
    """What to do about a finding, with the names of this file filled in.

    A conversion is promised only when it is known to lose no data.
    """
    if finding.remedy is None:
        return None
    values = {
        "{file}": path_word(name),
        "{out}": path_word(_converted_name(name, verdict.target)),
        "{release}": verdict.target.reads_like or verdict.target.id,
    }
    text = finding.remedy
    for mark, value in values.items():
        text = text.replace(mark, value)
    if not finding.convertible or not text.startswith("rdbcodec convert"):
        return text
    return _conversion_words(text, verdict, hide_keys=hide_keys)


def _conversion_words(command: str, verdict: Verdict, *, hide_keys: Hiding) -> str:
    if verdict.losses is None:
        return f"{command} may help; whether it loses data for this target is not known"
    lost = [loss.text(hide_keys=hide_keys) for loss in verdict.losses if loss.severity == "data"]
    return f"{command} would lose data: {'; '.join(lost)}" if lost else command


def _converted_name(name: str, target: Target) -> str:
    path = PurePath("snapshot" if name == "-" else name)
    while path.suffix in (".gz", ".rdb", ".aof", ".lz4", ".zst", ".json"):
        path = path.with_suffix("")
    return str(path.with_name(f"{path.name}.{target.id}.rdb"))


# --- text -------------------------------------------------------------------------------------------


def lines(
    name: str,
    profile: Profile,
    verdicts: Sequence[Verdict],
    *,
    verbose: bool = False,
    hide_keys: Hiding = False,
) -> Iterator[str]:
    """The report, a line at a time: one block a target."""
    yield headline(name, profile)
    for verdict in verdicts:
        yield f"  {verdict.target.id} ({verdict.target.name}): {loads_words(verdict)}"
        for finding in _shown(verdict, verbose=verbose):
            yield from _finding_lines(name, verdict, finding, hide_keys=hide_keys)
        yield from _rest_lines(verdict, verbose=verbose)


def headline(name: str, profile: Profile) -> str:
    """The file in a line: its version, its producer, how many keys."""
    made = f", {profile.producer}" if profile.producer else ""
    keys = "nothing behind the header was read" if profile.is_header else plural(profile.keys, "key")
    return f"{shown(name)}: RDB {profile.version}{made}, {keys}"


def _shown(verdict: Verdict, *, verbose: bool) -> list[Finding]:
    return [finding for finding in verdict.findings if verbose or finding.severity not in _REMARKS]


def _finding_lines(name: str, verdict: Verdict, finding: Finding, *, hide_keys: Hiding) -> Iterator[str]:
    where = place_words(finding.place, hide_keys=hide_keys)
    yield f"    {finding.severity} {finding.id}: {finding.says}{f' ({where})' if where else ''}"
    remedy = remedy_of(name, verdict, finding, hide_keys=hide_keys)
    if remedy is not None:
        yield f"      do: {remedy}"
    yield f"      who says so: {finding.source}; {finding.date}, {finding.confidence}"


def _rest_lines(verdict: Verdict, *, verbose: bool) -> Iterator[str]:
    hidden = len(verdict.findings) - len(_shown(verdict, verbose=verbose))
    if verdict.questions:
        yield "    not told, and could change the answer:"
        for question in verdict.questions:
            yield f"      {question.fact}: {question.asks} ({', '.join(question.rules)})"
    if hidden:
        yield f"    {plural(hidden, 'remark')} more with --verbose"


def place_words(place: Place | None, *, hide_keys: Hiding = False) -> str:
    """Where something is: "offset 40, db 0, key b'k'"."""
    if place is None:
        return ""
    words = [f"offset {place.offset}"]
    words += [] if place.db is None else [f"db {place.db}"]
    key = key_words(place.key, hide_keys)
    words += [] if key is None else [key]
    return "first at " + ", ".join(words) if place.db is not None else ", ".join(words)


def matrix(verdicts: Sequence[Verdict]) -> list[Section]:
    """One row a target: the answer and the rules that gave it."""
    rows = [(verdict.target.id, loads_words(verdict), _reasons(verdict)) for verdict in verdicts]
    return [Section("Targets", ("target", "loads", "because of"), rows)]


def _reasons(verdict: Verdict) -> str:
    decisive: tuple[Severity, ...] = ("blocker", "unknown")
    ids = [finding.id for finding in verdict.findings if finding.severity in decisive]
    open_ = f"{plural(len(verdict.questions), 'question')} open" if verdict.questions else ""
    return ", ".join([*dict.fromkeys(ids), *([open_] if open_ and not ids else [])])


# --- Markdown ---------------------------------------------------------------------------------------


def markdown(
    name: str,
    profile: Profile,
    verdicts: Sequence[Verdict],
    *,
    verbose: bool = False,
    hide_keys: Hiding = False,
) -> Iterator[str]:
    """The report for a ticket or a wiki."""
    yield from (f"## {headline(name, profile)}", "")
    yield from table(("target", "loads", "because of"), matrix(verdicts)[0].rows)
    for verdict in verdicts:
        yield f"### {verdict.target.id}: {loads_words(verdict)}\n"
        for finding in _shown(verdict, verbose=verbose):
            where = place_words(finding.place, hide_keys=hide_keys)
            yield f"- **{finding.severity}** {finding.id}: {finding.says}{f' ({where})' if where else ''}  "
            remedy = remedy_of(name, verdict, finding, hide_keys=hide_keys)
            do = f"`{remedy}`. " if remedy else ""
            yield f"  {do}*{finding.source}; {finding.date}, {finding.confidence}*"
        for question in verdict.questions:
            yield f"- not told: {question.fact}, {question.asks} ({', '.join(question.rules)})"
        yield ""


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """A Markdown table, a line at a time."""
    yield "| " + " | ".join(head) + " |"
    yield "|" + "---|" * len(head)
    for row in rows:
        yield "| " + " | ".join(cell.replace("|", "\\|").replace("<", "&lt;") for cell in row) + " |"
    yield ""


# --- JSON -------------------------------------------------------------------------------------------


def as_json(name: str, verdicts: Sequence[Verdict], *, hide_keys: Hiding = False) -> dict[str, Any]:
    """The verdicts for programs."""
    return {
        "file": name,
        "verdicts": [_json_verdict(name, verdict, hide_keys=hide_keys) for verdict in verdicts],
    }


def _json_verdict(name: str, verdict: Verdict, *, hide_keys: Hiding) -> dict[str, Any]:
    losses = verdict.losses
    return {
        "target": verdict.target.id,
        "loads": verdict.loads,
        "looked_at": verdict.was_looked_at,
        "has_module_values": verdict.has_module_values,
        "findings": [
            {
                "id": finding.id,
                "severity": finding.severity,
                "says": finding.says,
                "remedy": remedy_of(name, verdict, finding, hide_keys=hide_keys),
                "source": finding.source,
                "date": finding.date,
                "confidence": finding.confidence,
                "place": _json_place(finding.place, hide_keys=hide_keys),
            }
            for finding in verdict.findings
        ],
        "questions": [question._asdict() for question in verdict.questions],
        "losses": None if losses is None else [loss.text(hide_keys=hide_keys) for loss in losses],
    }


def _json_place(place: Place | None, *, hide_keys: Hiding) -> dict[str, Any] | None:
    if place is None:
        return None
    return {"offset": place.offset, "db": place.db, "key": json_key(place.key, hide_keys)}


# --- what is known ----------------------------------------------------------------------------------


def target_sections(targets: Sequence[Target]) -> list[Section]:
    """The targets as a table."""
    rows = [(target.id, target.name, reads_words(target), target.confidence) for target in targets]
    return [Section("Targets", ("id", "what it is", "reads", "confidence"), rows)]


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


def rule_lines(rule: Rule) -> Iterator[str]:
    """All about one rule."""
    question = (rule.question.__doc__ or "").strip()
    yield f"{rule.id} ({rule.severity})"
    yield f"  says: {rule.says or 'what is not known, in words of the case'}"
    if question and not question.startswith("The question"):
        yield f"  when: {question}"
    if rule.remedy is not None:
        yield f"  do: {rule.remedy}"
    yield f"  about: {', '.join(rule.applies)}"
    yield f"  operation: {rule.operation}"
    yield f"  confidence: {rule.confidence}"
    for key in rule.sources:
        source = sources()[key]
        where = f"; {source.where}" if source.where else ""
        yield f"  source: {key}: {source.title}{where}; {source.date}"
    yield f"  section: {rule.section}"
    if rule.seed:
        yield f"  seed rules: {', '.join(rule.seed)}"


def sas_rule_lines(rule: SasRule) -> Iterator[str]:
    """All about one rule for SAS URIs."""
    yield f"{rule.id} ({rule.severity})"
    yield f"  do: {rule.remedy}"
    yield "  about: azure"
    yield f"  operation: {' and '.join(rule.operations)}"
    yield f"  confidence: {rule.evidence.confidence}"
    yield f"  source: {rule.evidence.source}; {rule.evidence.date}"
