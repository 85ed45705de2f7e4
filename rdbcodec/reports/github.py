"""Verdicts as annotations of GitHub Actions: a line a finding, `::error file=dump.rdb,title=G-HFE::...`.

What makes the exit code another than 0 is an error, what else is worth knowing a warning, "yes" a notice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from rdbcodec.compat.rule import Finding
from rdbcodec.compat.verdict import Verdict
from rdbcodec.reports.answers import Judged, answer_words
from rdbcodec.reports.failures import Failure
from rdbcodec.reports.remedies import place_words
from rdbcodec.showing import Hiding
from rdbcodec.showing import name as shown

Code = Callable[[Verdict], int]


def lines(judged: Judged, *, code_of: Code, is_enough: bool, hide_keys: Hiding = False) -> Iterator[str]:
    """The annotations of one file; `is_enough` when one target that takes it is."""
    passes = is_enough and any(code_of(verdict) == 0 for verdict in judged.verdicts)
    for verdict in judged.verdicts:
        fails = bool(code_of(verdict)) and not passes
        target = verdict.target.id
        level = "error" if fails else "notice"
        yield annotation(level, judged.name, f"compat {target}", f"{target}: {answer_words(verdict)}")
        if passes:
            continue
        for finding in verdict.findings:
            if finding.severity != "info":
                yield _finding(judged.name, verdict, finding, fails=fails, hide_keys=hide_keys)


def _finding(name: str, verdict: Verdict, finding: Finding, *, fails: bool, hide_keys: Hiding) -> str:
    where = place_words(finding.place, hide_keys=hide_keys)
    words = f"{verdict.target.id}: {finding.says}{f' ({where})' if where else ''}"
    is_error = fails and finding.severity in ("blocker", "unknown")
    return annotation("error" if is_error else "warning", name, finding.id, words)


def failed(failure: Failure) -> str:
    """The annotation of a file that cannot be read."""
    return annotation("error", failure.name, "compat", failure.message)


def annotation(level: str, file: str, title: str, message: str) -> str:
    """A workflow command; what would end a field, a line or the command is escaped."""
    return f"::{level} file={_property(file)},title={_property(title)}::{_data(message)}"


def _data(text: str) -> str:
    return shown(text).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
