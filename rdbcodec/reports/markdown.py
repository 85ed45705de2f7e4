"""Verdicts as Markdown, for a ticket or a wiki."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rdbcodec.compat.rule import Finding
from rdbcodec.compat.verdict import Verdict
from rdbcodec.reports.answers import Judged, answer_words
from rdbcodec.reports.compat import facts_words, flag_of, reason_ids
from rdbcodec.reports.known import source_words
from rdbcodec.reports.remedies import place_words, steps_named
from rdbcodec.showing import Hiding, shell_word
from rdbcodec.showing import name as shown


def markdown(judged: Judged, *, verbose: bool = False, hide_keys: Hiding = False) -> Iterator[str]:
    """The report on one file."""
    yield from (f"## {text(judged.name)}: {text(facts_words(judged.profile))}", "")
    rows = [(one.target.id, answer_words(one), reason_ids(one)) for one in judged.verdicts]
    yield from table(("target", "answer", "because of"), rows)
    for verdict in judged.verdicts:
        yield from (f"### {verdict.target.id}: {answer_words(verdict)}", "")
        yield from _verdict(judged.name, verdict, verbose=verbose, hide_keys=hide_keys)


def _verdict(name: str, verdict: Verdict, *, verbose: bool, hide_keys: Hiding) -> Iterator[str]:
    items = [
        _finding(finding, hide_keys=hide_keys)
        for finding in verdict.findings
        if verbose or finding.severity != "info"
    ]
    items += [
        f"* **question** `{flag_of(question.fact)}`: {question.asks} ({', '.join(question.rules)})"
        for question in verdict.questions
    ]
    yield from (*items, "") if items else ()
    for number, step in enumerate(steps_named(verdict, name), 1):
        yield from (f"{number}. {text(step.says)}", "")
        if step.command is not None:
            yield from ("   ```sh", f"   {' '.join(map(shell_word, step.command))}", "   ```", "")


def _finding(finding: Finding, *, hide_keys: Hiding) -> str:
    where = place_words(finding.place, hide_keys=hide_keys)
    words = f"{finding.id}: {finding.says}{f' ({where})' if where else ''}"
    return f"* **{finding.severity}** {text(words)}. *{text(source_words(finding))}*"


def text(words: str) -> str:
    """Words of somebody else's making, which make no heading, table, link or HTML here."""
    words = shown(words).replace("&", "&amp;").replace("<", "&lt;")
    return "".join(f"\\{char}" if char in "\\`*_[]|#" else char for char in words)


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """A Markdown table, a line at a time."""
    yield "| " + " | ".join(head) + " |"
    yield "|" + "---|" * len(head)
    for row in rows:
        yield "| " + " | ".join(cell.replace("|", "\\|").replace("<", "&lt;") for cell in row) + " |"
    yield ""
