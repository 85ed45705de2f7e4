"""Steps: what to do so that the snapshot loads, each command once, in the order they are to be run.

Findings name remedies, often the same one; a plan has each of them once. One conversion takes away all that a
conversion does, folding of databases and a compression around the file among it; padding comes last, because
whatever rewrites the file changes its size.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping, Sequence
from pathlib import PurePath
from typing import Literal, NamedTuple, get_args

from rdbcodec.compat.rule import Finding
from rdbcodec.losses import Loss

Kind = Literal["unpack", "convert", "fold", "pad", "split", "settings", "ask"]
KINDS: tuple[Kind, ...] = get_args(Kind)
FILE, OUT = "FILE", "OUT"  # what stands for the file, and for what is made of it
FOLDING = "{db}:"  # keys of other databases come to database 0 under this prefix

# How the remedies of rules begin that are commands of ours; the first that fits tells the kind.
_COMMANDS: Mapping[str, Kind] = {
    "rdbcodec convert {file} --fold-databases": "fold",
    "rdbcodec convert {file}": "convert",
    "rdbcodec pad {file}": "pad",
    "gunzip -k {file}": "unpack",
}
_SAYS: Mapping[Kind, str] = {
    "unpack": "unpack the file",
    "convert": "write the file as {release} does",
    "fold": "bring the keys of all databases to database 0, those of others under a prefix",
    "pad": "fill the file up to whole pages",
}
_SUFFIXES = (".gz", ".rdb", ".aof", ".lz4", ".zst", ".json")


class Step(NamedTuple):
    """One thing to do: a command as argv, or a sentence alone; `rules` are the findings it takes away."""

    kind: Kind
    command: tuple[str, ...] | None
    says: str
    rules: tuple[str, ...]

    def named(self, names: Mapping[str, str]) -> Step:
        """The step with real names for FILE, OUT and what else stands for a file."""
        if self.command is None:
            return self
        return self._replace(command=tuple(names.get(word, word) for word in self.command))


def kind_of(finding: Finding) -> Kind | None:
    """The step of ours that takes a finding away; None when there is none."""
    if finding.severity not in ("blocker", "unknown") or finding.remedy is None:
        return None
    remedy = finding.remedy
    return next((kind for start, kind in _COMMANDS.items() if remedy.startswith(start)), None)


def steps_for(findings: Sequence[Finding], release: str, losses: Sequence[Loss] | None) -> tuple[Step, ...]:
    """The steps that the findings call for; a conversion that loses data has no command."""
    by_kind: dict[Kind | None, list[Finding]] = {}
    for finding in findings:
        if finding.severity in ("blocker", "unknown") and finding.remedy is not None:
            by_kind.setdefault(kind_of(finding), []).append(finding)
    steps = [*_rewriting(by_kind, release, losses), *_padding(by_kind)]
    return (*steps, *_sentences(by_kind.get(None, [])))


def _rewriting(
    by_kind: Mapping[Kind | None, list[Finding]], release: str, losses: Sequence[Loss] | None
) -> list[Step]:
    """One command for all that is inside; unpacking alone when that is all there is to do."""
    unpack, convert, fold = (by_kind.get(kind, []) for kind in ("unpack", "convert", "fold"))
    if not convert and not fold:
        return [Step("unpack", ("gunzip", "-k", FILE), _SAYS["unpack"], _ids(unpack))] if unpack else []
    remedies = [finding.remedy for finding in convert if finding.remedy is not None]
    target = shlex.split(remedies[0].partition(" #")[0])[3:-2] if remedies else []
    release = target[1] if target[:1] == ["--to"] and "{" not in target[1] else release
    target = [release if word == "{release}" else word for word in target]
    folding = ["--fold-databases", FOLDING] if fold else []
    command = ("rdbcodec", "convert", FILE, *target, *folding, "-o", OUT)
    says = [_SAYS[kind].format(release=release) for kind in ("convert", "fold") if by_kind.get(kind)]
    kind: Kind = "convert" if convert else "fold"
    rules = _ids([*unpack, *convert, *fold])
    lost = [loss.says for loss in losses or () if loss.severity == "data"]
    if convert and lost:
        return [Step(kind, None, f"a conversion would lose data: {'; '.join(lost)}", rules)]
    return [Step(kind, command, ", and ".join(says), rules)]


def _padding(by_kind: Mapping[Kind | None, list[Finding]]) -> list[Step]:
    pad = by_kind.get("pad", [])
    if not pad:
        return []
    source = FILE
    if by_kind.get("convert") or by_kind.get("fold"):
        source = OUT
    elif by_kind.get("unpack"):
        source = UNPACKED
    return [Step("pad", ("rdbcodec", "pad", source, "-o", PADDED), _SAYS["pad"], _ids(pad))]


UNPACKED, PADDED = "UNPACKED", "PADDED"  # more files that steps name


def _sentences(findings: Iterable[Finding]) -> list[Step]:
    """What no command of ours does; the same sentence once."""
    by_words: dict[tuple[Kind, str], list[Finding]] = {}
    for finding in findings:
        kind: Kind = "settings" if finding.severity == "blocker" else "ask"
        by_words.setdefault((kind, finding.remedy or ""), []).append(finding)
    return [Step(kind, None, says, _ids(those)) for (kind, says), those in by_words.items()]


def _ids(findings: Iterable[Finding]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(finding.id for finding in findings))


# --- names of files ---------------------------------------------------------------------------------


def named_steps(steps: Iterable[Step], name: str, target: str) -> tuple[Step, ...]:
    """The steps with the name of a file, and of what is made of it for a target."""
    names = {
        FILE: name,
        OUT: out_name(name, target),
        UNPACKED: name.removesuffix(".gz"),
        PADDED: out_name(name, f"{target}.padded"),
    }
    return tuple(step.named(names) for step in steps)


def out_name(name: str, target: str) -> str:
    """What a file made of another is called: dump.rdb.gz becomes dump.redis-7.2.rdb."""
    path = PurePath("snapshot" if name == "-" else name)
    while path.suffix in _SUFFIXES:
        path = path.with_suffix("")
    return str(path.with_name(f"{path.name}.{target}.rdb"))
