"""Verdicts for a person: the answer in a line that can stand alone, the reasons, what to do, what is open.

    dump.rdb -> amr-balanced-7.2   YES, AFTER: 1 step
    RDB 12, Redis 8.0.6, 85 keys -> Azure Managed Redis 7.2, Balanced

     x AZ-RDBVER: the file is RDB 12; Azure Managed Redis 7.2, ... up to 11
       offset 0; fix: step 1

    Do this
      1. write the file as redis-7.2 does
         rdbcodec convert dump.rdb --to redis-7.2 -o dump.amr-balanced-7.2.rdb

     ! AZ-WIPE: an import deletes everything that is in the cache
     ? --sku: which SKU the target is, such as B10

No line is wider than a terminal. Each text is masked and made printable before it is wrapped: a secret that
a line end breaks in two would be none to whoever looks for it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Literal

from rdbcodec.compat.circumstances import BY_NAME
from rdbcodec.compat.rule import Finding, Severity
from rdbcodec.compat.steps import Step
from rdbcodec.compat.verdict import Question, Verdict
from rdbcodec.facts.profile import Profile
from rdbcodec.named_tuples import NamedTuple
from rdbcodec.reports.answers import Answer, Judged, answer_words, answers_of, not_looked_at
from rdbcodec.reports.known import source_lines
from rdbcodec.reports.remedies import place_words, steps_named
from rdbcodec.reports.words import plural
from rdbcodec.reports.wrapping import WIDTH, command_lines, end_of, paragraph, shortened
from rdbcodec.showing import Hiding
from rdbcodec.showing import name as shown

Style = Answer | Literal["warning", "question", "command", "quiet"]
_SHORTEST_NAME = 16  # columns of a file's name; with less the answer has a line of its own
_SCREEN = 24  # lines of a terminal: warnings and questions have what reasons and steps leave of them
_FEWEST = 3  # warnings, and as many questions and one, whatever stands above them
_DECISIVE: tuple[Severity, ...] = ("blocker", "unknown")


class Line(NamedTuple):
    """A line of the report; from `start` to `end` it is of a style, on a terminal that has colours."""

    text: str
    style: Style | None = None
    start: int = 0
    end: int | None = None


class Wish(NamedTuple):
    """How somebody wants to see the report."""

    width: int = WIDTH
    verbose: bool = False
    sources: bool = False
    hide_keys: Hiding = False


def lines(judged: Sequence[Judged], wish: Wish, called: Mapping[str, str]) -> Iterator[Line]:
    """The report; `called` are the names of families that targets were asked for by.

    Several files are one import: what they have in common is said once, below the last of them.
    """
    blocks: dict[str, list[tuple[Judged, Verdict]]] = {}
    for file in judged:
        for verdict in file.verdicts:
            blocks.setdefault(verdict.target.id, []).append((file, verdict))
    for at, (id, files) in enumerate(blocks.items()):
        if at:
            yield Line("")
        yield from _target_lines(files, wish, called.get(id))


def _target_lines(files: Sequence[tuple[Judged, Verdict]], wish: Wish, called: str | None) -> Iterator[Line]:
    used = 0
    for at, (file, verdict) in enumerate(files):
        block = [*([Line("")] if at else []), *_verdict_lines(file, verdict, wish, called)]
        used += len(block)
        yield from block
    yield from _rest_lines(_in_common([verdict for _, verdict in files]), wish, room=_SCREEN - used - 2)


def _in_common(verdicts: Sequence[Verdict]) -> Verdict:
    """A verdict with the findings and questions of all, each once."""
    findings: dict[tuple[str, str], Finding] = {}
    questions: dict[str, Question] = {}
    for verdict in verdicts:
        for finding in verdict.findings:
            findings.setdefault((finding.id, finding.says), finding)
        for question in verdict.questions:
            questions.setdefault(question.fact, question)
    return verdicts[0]._replace(findings=tuple(findings.values()), questions=tuple(questions.values()))


def _verdict_lines(file: Judged, verdict: Verdict, wish: Wish, called: str | None) -> Iterator[Line]:
    """One file and one target, but for warnings and questions."""
    name, target = file.name, verdict.target
    yield from answer_lines(name, target.id, answer_words(verdict), answers_of(verdict)[0], wish.width)
    yield from _quiet(f"{facts_words(file.profile)} -> {target.name}", wish)
    if called is not None:
        yield from _quiet(f"{shown(called)}: the newest of this family is {target.id}", wish)
    if target.status not in (None, "live"):
        yield from _quiet(f"{target.id} is {target.status}", wish)
    steps = steps_named(verdict, name)
    yield from _reason_lines(verdict, steps, wish)
    yield from _step_lines(steps, wish)


def answer_lines(name: str, where: str, answer: str, style: Style, width: int) -> Iterator[Line]:
    """`FILE -> TARGET   ANSWER`; where that is too long for a line the answer has its own."""
    tail = f" -> {where}"
    room = width - len(tail) - len(answer) - 3
    path = shown(name)
    if room >= min(_SHORTEST_NAME, len(path)):
        head = end_of(path, room) + tail + "   "
        yield Line(head + answer, style, len(head))
        return
    yield Line(end_of(path, max(width - len(tail), 8)) + tail)
    yield from (Line(text, style) for text in paragraph(answer, width, first="  ", rest="  "))


def facts_words(profile: Profile) -> str:
    """The file in a few words: its version, its producer, how many keys."""
    made = f", {shown(profile.producer)}" if profile.producer else ""
    keys = "nothing behind the header was read" if profile.is_header else plural(profile.keys, "key")
    return f"RDB {profile.version}{made}, {keys}"


def _quiet(words: str, wish: Wish) -> Iterator[Line]:
    return (Line(text, "quiet") for text in paragraph(words, wish.width))


# --- reasons ----------------------------------------------------------------------------------------


def _reason_lines(verdict: Verdict, steps: Sequence[Step], wish: Wish) -> Iterator[Line]:
    fixes = _Fixes(steps)
    decisive = [finding for finding in verdict.findings if finding.severity in _DECISIVE]
    if decisive:
        yield Line("")
    for finding in decisive:
        mark, style = _MARKS[finding.severity]
        words = f"{finding.id}: {shown(finding.says)}"
        for at, text in enumerate(paragraph(words, wish.width, first=f" {mark} ", rest="   ")):
            yield Line(text, style, 1, 2) if at == 0 else Line(text)
        for words in _beneath(_seen(finding, wish), fixes.words(finding)):
            yield from map(Line, paragraph(words, wish.width, first="   ", rest="        "))
        yield from _source_lines(finding, wish)


def _beneath(seen: str, fix: str) -> list[str]:
    """Where it is and what to do: in one line where the fix is the number of a step."""
    if seen and fix.startswith("fix: step"):
        return [f"{seen}; {fix}"]
    return [words for words in (seen, fix) if words]


_MARKS: Mapping[Severity, tuple[str, Style]] = {
    "blocker": ("x", "no"),
    "unknown": ("?", "unknown"),
    "warning": ("!", "warning"),
    "info": ("-", "quiet"),
}


def _seen(finding: Finding, wish: Wish) -> str:
    """How many there are and where the first is: "2 in all, first at offset 40, db 0, key b'k'"."""
    if finding.place is not None and finding.place.offset == 0:  # the header, of which each file has one
        return ""
    count = "" if finding.count is None or finding.count == 1 else f"{finding.count:,} in all"
    return ", ".join(filter(None, (count, shown(place_words(finding.place, hide_keys=wish.hide_keys)))))


class _Fixes:
    """The fix of each reason: the number of a command below, or a sentence, said once."""

    def __init__(self, steps: Sequence[Step]) -> None:
        self._steps = steps
        self._said: set[str] = set()

    def words(self, finding: Finding) -> str:
        """What to do about it; nothing where nobody knows."""
        commands = [step for step in self._steps if step.command is not None]
        step = next((step for step in self._steps if finding.id in step.rules), None)
        if step is None:
            return ""
        if step.command is not None:
            return f"fix: step {commands.index(step) + 1}"
        if step.says in self._said:
            return "fix: as above"
        self._said.add(step.says)
        return f"fix: {shown(step.says)}"


def _step_lines(steps: Sequence[Step], wish: Wish) -> Iterator[Line]:
    commands = [step for step in steps if step.command is not None]
    if commands:
        yield from (Line(""), Line("Do this"))
    for number, step in enumerate(commands, 1):
        yield from map(Line, paragraph(f"{number}. {shown(step.says)}", wish.width, first="  ", rest="     "))
        for text in command_lines(step.command or (), wish.width, indent="     "):
            yield Line(text, "command")


# --- what is left -----------------------------------------------------------------------------------


def _rest_lines(verdict: Verdict, wish: Wish, *, room: int) -> Iterator[Line]:
    """Warnings and questions, a line each, in `room` lines; and where to find what is not shown."""
    warnings = [finding for finding in verdict.findings if finding.severity == "warning"]
    remarks = [finding for finding in verdict.findings if finding.severity == "info"]
    if warnings or verdict.questions or remarks:
        yield Line("")
    asked = _urgent_first(verdict)
    most = max(room - min(len(asked), _FEWEST + 1), _FEWEST)
    first = warnings if wish.verbose else warnings[:most]
    questions = asked if wish.verbose else asked[: max(room - len(first), _FEWEST + 1)]
    for finding in first:
        yield from _note(finding, wish)
    for question in questions:
        yield from _question(question, wish)
    for finding in remarks if wish.verbose else ():
        yield from _note(finding, wish)
    if not wish.verbose:
        hidden = (
            (len(warnings) - len(first), "warning"),
            (len(asked) - len(questions), "question"),
            (len(remarks), "remark"),
        )
        said = ", ".join(plural(count, word) for count, word in hidden if count)
        yield from _quiet(f"{said} more with --verbose", wish) if said else ()


def _urgent_first(verdict: Verdict) -> list[Question]:
    """The questions, first those without whose answer nobody knows."""
    unknown = {finding.id for finding in verdict.findings if finding.severity == "unknown"}
    return sorted(verdict.questions, key=lambda question: unknown.isdisjoint(question.rules))


def _note(finding: Finding, wish: Wish) -> Iterator[Line]:
    mark, style = _MARKS[finding.severity]
    said = f" {mark} {finding.id}: {shown(finding.says)}"
    if not wish.verbose:
        yield Line(shortened(said, wish.width), style, 1, 2)
    else:
        whole = "; ".join(filter(None, (said, _seen(finding, wish), finding.remedy and _plain(finding))))
        for at, text in enumerate(paragraph(whole, wish.width, rest="   ")):
            yield Line(text, style, 1, 2) if at == 0 else Line(text)
    yield from _source_lines(finding, wish)


def _plain(finding: Finding) -> str:
    return shown((finding.remedy or "").replace("{file}", "FILE").replace("{out}", "OUT"))


def _question(question: Question, wish: Wish) -> Iterator[Line]:
    fact = BY_NAME[question.fact]
    choices = f" ({', '.join(fact.words)})" if fact.words else ""
    said = f" ? {flag_of(question.fact)}: {question.asks}"
    if not wish.verbose:
        fits = len(said) + len(choices) <= wish.width
        yield Line(shortened(said + choices * fits, wish.width), "question", 1, 2)
        return
    whole = f"{said}{choices} [{', '.join(question.rules)}]"
    for at, text in enumerate(paragraph(whole, wish.width, rest="   ")):
        yield Line(text, "question", 1, 2) if at == 0 else Line(text)


def flag_of(fact: str) -> str:
    """The flag that tells a fact."""
    return "--sas-env" if fact == "sas" else "--" + fact.replace("_", "-")


def _source_lines(finding: Finding, wish: Wish) -> Iterator[Line]:
    if wish.sources:
        yield from (Line(text, "quiet") for text in source_lines(finding, wish.width, indent="     "))


# --- many -------------------------------------------------------------------------------------------

_SHORT: Mapping[Answer, str] = {
    "yes": "YES",
    "questions": "OPEN",
    "after": "AFTER",
    "unknown": "UNKNOWN",
    "no": "NO",
}


def matrix(judged: Judged, wish: Wish) -> Iterator[Line]:
    """One file and many targets: the answers counted in a line, then a row each."""
    counts = Counter(answers_of(verdict)[0] for verdict in judged.verdicts)
    said = ", ".join(f"{_SHORT[answer]}: {counts[answer]}" for answer in _SHORT if counts[answer])
    targets = plural(len(judged.verdicts), "target")
    yield from answer_lines(judged.name, targets, said, _best(counts), wish.width)
    yield from _quiet(facts_words(judged.profile) + looked_words(judged.verdicts), wish)
    yield Line("")
    rows = [(verdict.target.id, _short_words(verdict), reason_ids(verdict, 2)) for verdict in judged.verdicts]
    widths = [max((len(row[at]) for row in rows), default=0) for at in (0, 1)]
    for (id, answer, reasons), verdict in zip(rows, judged.verdicts, strict=True):
        head = f"{id:<{widths[0]}}  "
        text = shortened(f"{head}{answer:<{widths[1]}}  {reasons}".rstrip(), wish.width)
        yield Line(text, answers_of(verdict)[0], len(head), len(head) + len(answer))
    yield from (Line(""), *_quiet(_LEGEND, wish))


_LEGEND = "AFTER: steps that make it a yes. OPEN: questions. --target T says more of one."


def looked_words(verdicts: Iterable[Verdict]) -> str:
    """What was not looked at, which is said of the file where each verdict has a word only."""
    notes = [note for verdict in verdicts if (note := not_looked_at(verdict))]
    return notes[0] if notes else ""


def _best(counts: Mapping[Answer, int]) -> Answer:
    return next((answer for answer in _SHORT if counts.get(answer)), "no")


def _short_words(verdict: Verdict) -> str:
    """The answer for a table: "AFTER: 1; OPEN: 9"."""
    counts = {"after": len(verdict.steps), "questions": len(verdict.questions)}
    found = answers_of(verdict)
    answers = found[:-1] if found[-1] == "yes" and len(found) > 1 else found
    words = (_SHORT[answer] + (f": {counts[answer]}" if answer in counts else "") for answer in answers)
    return "; ".join(words)


def reason_ids(verdict: Verdict, most: int = 99) -> str:
    """The rules that decided."""
    ids = dict.fromkeys(finding.id for finding in verdict.findings if finding.severity in _DECISIVE)
    return ", ".join(ids) if len(ids) <= most else ", ".join([*list(ids)[:most], f"{len(ids) - most} more"])


def grid(judged: Sequence[Judged], wish: Wish) -> Iterator[Line]:
    """Many files and many targets: a column a file, a row a target."""
    cell = max(map(len, _SHORT.values()))
    for number, file in enumerate(judged, 1):
        head = f"{number}: "
        yield Line(head + end_of(shown(file.name), wish.width - len(head)))
        yield from (
            Line(text, "quiet")
            for text in paragraph(
                facts_words(file.profile) + looked_words(file.verdicts), wish.width, first="   "
            )
        )
    ids = [verdict.target.id for verdict in judged[0].verdicts]
    wide = max(map(len, ids))
    at_once = max((wish.width - wide) // (cell + 2), 1)
    for start in range(0, len(judged), at_once):
        some = judged[start : start + at_once]
        yield Line("")
        numbers = range(start + 1, start + 1 + len(some))
        yield Line(" " * wide + "".join(f"  {number:<{cell}}" for number in numbers).rstrip())
        yield from _grid_rows(some, ids, wide, cell)
    yield from (Line(""), *_quiet(_LEGEND, wish))


def _grid_rows(judged: Sequence[Judged], ids: Sequence[str], wide: int, cell: int) -> Iterator[Line]:
    for at, id in enumerate(ids):
        verdicts = [file.verdicts[at] for file in judged]
        cells = [_SHORT[answers_of(verdict)[0]] for verdict in verdicts]
        same: Iterable[Style] = {answers_of(verdict)[0] for verdict in verdicts}
        styles = list(same)
        text = f"{id:<{wide}}" + "".join(f"  {word:<{cell}}" for word in cells)
        yield Line(text.rstrip(), styles[0] if len(styles) == 1 else None, wide)
