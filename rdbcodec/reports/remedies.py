"""What to do about a finding and where it is seen first, in words for a file of a name."""

from __future__ import annotations

from collections.abc import Mapping

from rdbcodec.compat.rule import Finding
from rdbcodec.compat.steps import Step, named_steps, out_name
from rdbcodec.compat.verdict import Verdict
from rdbcodec.facts.places import Place
from rdbcodec.showing import Hiding, key_words, path_word


def remedy_of(name: str, verdict: Verdict, finding: Finding, *, hide_keys: Hiding = False) -> str | None:
    """What to do about a finding, with the names of this file filled in.

    A conversion is promised only when it is known to lose no data.
    """
    if finding.remedy is None:
        return None
    values = {
        "{file}": path_word(name),
        "{out}": path_word(out_name(name, verdict.target.id)),
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


def steps_named(verdict: Verdict, name: str) -> list[Step]:
    """The steps of a verdict for a file; `./` keeps a name that begins with a dash from being a flag."""
    path = f"./{name}" if name.startswith("-") and name != "-" else name
    names = {"{file}": path_word(name), "{out}": path_word(out_name(name, verdict.target.id))}
    steps = named_steps(verdict.steps, path, verdict.target.id)
    return [step._replace(says=_says(step, verdict, names)) for step in steps]


def _says(step: Step, verdict: Verdict, names: Mapping[str, str]) -> str:
    lost = [f"{loss.times:,} x {loss.says}" for loss in verdict.losses or () if loss.severity == "data"]
    if step.kind == "convert" and step.command is None and lost:
        return f"a conversion would lose data: {'; '.join(lost)}; convert --allow-loss does it knowingly"
    says = step.says
    for mark, word in names.items():
        says = says.replace(mark, word)
    return says


def place_words(place: Place | None, *, hide_keys: Hiding = False) -> str:
    """Where something is: "offset 40, db 0, key b'k'"."""
    if place is None:
        return ""
    words = [f"offset {place.offset}"]
    words += [] if place.db is None else [f"db {place.db}"]
    key = key_words(place.key, hide_keys)
    words += [] if key is None else [key]
    return "first at " + ", ".join(words) if place.db is not None else ", ".join(words)
