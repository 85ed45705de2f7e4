"""The way of snapshots into an Azure cache, or out of one: what the verdict is, and then the steps.

    profile of each file, target, circumstances, names -> Plan(verdicts, notes, steps)

The rules this file keeps:

* A plan is data; `reports.azure` makes text of it. `shells` quotes the commands.
* The verdict is that of `compat`, with all that was told. What it forbids has no steps.
* Every command says where its parameters come from.
* A SAS is a password: a plan refers to environment variables. It has no URI that it could print.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from rdbcodec.compat.azure import exporting, importing
from rdbcodec.compat.azure.case import Case, Names, PlannedFile
from rdbcodec.compat.azure.shells import SHELLS, Name, Shell
from rdbcodec.compat.azure.step import Step
from rdbcodec.compat.circumstances import BlobType, Channel, Circumstances, Operation
from rdbcodec.compat.target import Target
from rdbcodec.compat.verdict import Loads, Verdict, check_import
from rdbcodec.facts.profile import Profile, profile_of

_SHELLS_OF: Mapping[str, tuple[Shell, ...]] = {"cli": SHELLS[:1], "powershell": SHELLS[1:]}
# The answer for several files is the weightiest for one of them.
_BY_WEIGHT: tuple[Loads, ...] = ("no", "unknown", "after-conversion", "yes")
# An export has no file yet: the rules about storage are asked of a snapshot without keys.
_EMPTY = b"REDIS0006\xff" + bytes(8)


@dataclass(frozen=True, slots=True)
class Plan:
    """What the verdict is for each file, and what to do. An export is judged without a file, as "".

    `left_out` is data that stands behind the snapshot of a file and that no import would bring. `planned` are
    the files with what is done to them, `variables` those of the environment that hold SAS URIs then."""

    operation: Operation
    target: Target
    files: tuple[str, ...]
    channel: Channel | None
    shells: tuple[Shell, ...]
    loads: Loads
    left_out: Mapping[str, str]
    verdicts: Mapping[str, Verdict]
    steps: tuple[Step, ...]
    names: tuple[Name, ...]
    planned: tuple[PlannedFile, ...] = ()
    blob_type: BlobType = "block"
    variables: tuple[str, ...] = ()

    def name(self, variable: str) -> str | None:
        """What something of the user's is called; None when nobody told."""
        return next((name.value for name in self.names if name.variable == variable), None)


def plan(
    profiles: Mapping[str, Profile],
    target: Target,
    circumstances: Circumstances,
    names: Names,
    *,
    although: bool = False,
    tails: bool = False,
) -> Plan:
    """The plan for importing these files together, given by name, into a target; an export has none.

    Without `now_ms` in the circumstances times are those of the profiles. When the answer is no there are no
    steps, unless they are asked for `although` it is. Data behind a snapshot is a no, unless `tails` may be
    left out.
    """
    operation = circumstances.operation or "import"
    judged = {"": profile_of(_EMPTY, now_ms=circumstances.now_ms)} if operation == "export" else profiles
    verdicts = dict(zip(judged, check_import([*judged.values()], target, circumstances), strict=True))
    now_ms = circumstances.now_ms or max(facts.now_ms for facts in judged.values())
    files = {name: (facts, verdicts[name]) for name, facts in profiles.items()}
    case = Case(files, target, circumstances, names, now_ms)
    left_out = {} if tails else dict(_left_out(profiles))
    loads = "no" if left_out else _loads(verdicts)
    steps = exporting.steps(case) if operation == "export" else importing.steps(case)
    return Plan(
        operation=operation,
        target=target,
        files=tuple(profiles),
        channel=circumstances.channel,
        shells=_SHELLS_OF.get(circumstances.channel or "", SHELLS),
        loads=loads,
        left_out=left_out,
        verdicts=verdicts,
        steps=() if loads == "no" and not although else tuple(steps),
        names=tuple(case.names_used()),
        planned=tuple(case.files),
        blob_type=case.blob_type,
        variables=case.variables,
    )


def _left_out(profiles: Mapping[str, Profile]) -> Iterator[tuple[str, str]]:
    for name, facts in profiles.items():
        if facts.tail is not None and facts.tail.is_data:
            yield name, facts.tail.text(facts.size)


def _loads(verdicts: Mapping[str, Verdict]) -> Loads:
    answers = {verdict.loads for verdict in verdicts.values()}
    return next(answer for answer in _BY_WEIGHT if answer in answers)
