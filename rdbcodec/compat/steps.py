"""Steps: what to do so that the snapshot loads, each command once, in the order they are to be run.

Findings name remedies, often the same one; a plan has each of them once. One conversion takes away all that a
conversion does, folding of databases and a compression around the file among it; padding comes last, because
whatever rewrites the file changes its size.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping, Sequence
from pathlib import PurePath
from typing import Literal, get_args

from rdbcodec.compat.rule import Finding
from rdbcodec.compat.target import Target, loader_of
from rdbcodec.errors import EncodeError
from rdbcodec.losses import Loss
from rdbcodec.named_tuples import NamedTuple
from rdbcodec.servers import Server

Kind = Literal["unpack", "convert", "fold", "pad", "split", "settings", "ask"]
KINDS: tuple[Kind, ...] = get_args(Kind)
FILE, UNPACKED, OUT, PADDED = "FILE", "UNPACKED", "OUT", "PADDED"  # for the file, and what is made of it
FOLDING = "{db}:"  # keys of other databases come to database 0 under this prefix

# How the remedies of rules begin that are commands of ours; the first that fits tells the kind.
_COMMANDS: Mapping[str, Kind] = {
    "rdbcodec convert {file} --fold-databases": "fold",
    "rdbcodec convert {file}": "convert",
    "rdbcodec pad {file}": "pad",
    "gunzip -k {file}": "unpack",
}
_UNPACK = "unpack the file"
_FOLD = "move all keys to database 0, those of others with the number of their database before the name"
_PAD = "fill the file up to whole pages of 512 bytes"
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
            return self._replace(says=_filled(self.says, names))
        return self._replace(command=tuple(names.get(word, word) for word in self.command))


def _filled(says: str, names: Mapping[str, str]) -> str:
    """A sentence with the names of files in the commands it speaks of."""
    for mark, word in (("{file}", FILE), ("{out}", OUT)):
        says = says.replace(mark, shlex.quote(names.get(word, word)))
    return says


def kind_of(finding: Finding) -> Kind | None:
    """The step of ours that takes a finding away; None when there is none."""
    if finding.severity not in ("blocker", "unknown") or finding.remedy is None:
        return None
    remedy = finding.remedy
    return next((kind for start, kind in _COMMANDS.items() if remedy.startswith(start)), None)


def kinds_of(findings: Iterable[Finding]) -> frozenset[Kind]:
    """The steps of ours that findings call for."""
    return frozenset(kind for finding in findings if (kind := kind_of(finding)) is not None)


class Conversion(NamedTuple):
    """For which server the file is to be written: the flags that name it, and what it is."""

    flags: tuple[str, ...]
    server: Server

    @property
    def says(self) -> str:
        """For a person: "write the file as redis-7.2 does"."""
        flag, name = self.flags[:2]
        return f"write the file as {name} does" if flag == "--to" else f"write the file as RDB {name}"


def conversion_for(findings: Iterable[Finding], target: Target) -> Conversion | None:
    """What remedies ask for: of several servers the oldest, with the modules that all of them keep."""
    asked = [_flags(finding, target) for finding in findings if kind_of(finding) == "convert"]
    offers = [conversion for flags in asked if (conversion := _conversion(flags)) is not None]
    if not offers:
        return None
    oldest = min(offers, key=lambda offer: offer.server.version)
    kept = [flag for flag in _pairs(oldest.flags) if all(flag in _pairs(words) for words in asked)]
    named = [flag for flag in _pairs(oldest.flags) if flag[0] in ("--to", "--rdb-version")]
    ours = [*named, *(flag for flag in kept if flag not in named)]
    return _conversion(tuple(word for flag in ours for word in flag))


def _flags(finding: Finding, target: Target) -> tuple[str, ...]:
    """What stands between file and -o in a remedy; a place unlike its release is named by what it reads."""
    words = shlex.split((finding.remedy or "").partition(" #")[0])[3:-2]
    loader = loader_of(target)
    if "{release}" in words and loader is not None and (target.accepts is not None or target.lacks):
        words = ["--rdb-version", str(loader.version), *words[2:]]
    return tuple((target.reads_like or target.id) if word == "{release}" else word for word in words)


def _pairs(flags: Sequence[str]) -> list[tuple[str, ...]]:
    """Each flag with its value, if it has one."""
    pairs: list[tuple[str, ...]] = []
    for word in flags:
        if word.startswith("--"):
            pairs.append((word,))
        else:
            pairs[-1] += (word,)
    return pairs


def _conversion(flags: tuple[str, ...]) -> Conversion | None:
    """The server that flags of `convert` name; None when nobody knows it."""
    values = {flag: value for flag, *value in _pairs(flags)}
    modules = [name for words in values.get("--modules", ()) for name in words.split(",")]
    version = [int(number) for number in values.get("--rdb-version", ())]
    try:
        server = Server.of(
            *values.get("--to", (None,)),
            version=version[0] if version else None,
            modules=modules or None,
            clustered="--clustered" in values,
        )
    except EncodeError:
        return None
    return Conversion(flags, server)


class Change(NamedTuple):
    """What a command of a step does to a file, for who does it without the command line."""

    server: Server | None
    fold: str | None


def change_of(step: Step) -> Change:
    """What a step of the kinds unpack, convert and fold does: for no server in particular it only unpacks."""
    command = step.command or ()
    words = command[3:-2] if command[:2] == ("rdbcodec", "convert") else ()
    flags = [pair for pair in _pairs(words) if pair[0] != "--fold-databases"]
    conversion = _conversion(tuple(word for pair in flags for word in pair)) if flags else None
    if flags and conversion is None:
        raise EncodeError(f"nobody knows the server of {' '.join(words)}")
    return Change(
        conversion.server if conversion else None, FOLDING if len(flags) < len(_pairs(words)) else None
    )


def steps_for(
    findings: Sequence[Finding], conversion: Conversion | None, losses: Sequence[Loss] | None
) -> tuple[Step, ...]:
    """The steps that the findings call for; a conversion that loses data has no command."""
    by_kind: dict[Kind | None, list[Finding]] = {}
    for finding in findings:
        if finding.severity in ("blocker", "unknown") and finding.remedy is not None:
            by_kind.setdefault(kind_of(finding), []).append(finding)
    steps = [*_rewriting(by_kind, conversion, losses), *_padding(by_kind)]
    return (*steps, *_sentences(by_kind.get(None, [])))


def _rewriting(
    by_kind: Mapping[Kind | None, list[Finding]],
    conversion: Conversion | None,
    losses: Sequence[Loss] | None,
) -> list[Step]:
    """One command for all that is inside; unpacking alone when that is all there is to do."""
    unpack, convert, fold = (by_kind.get(kind, []) for kind in ("unpack", "convert", "fold"))
    if not convert and not fold:
        return [Step("unpack", ("gunzip", "-k", FILE), _UNPACK, _ids(unpack))] if unpack else []
    kind: Kind = "convert" if convert else "fold"
    rules = _ids([*unpack, *convert, *fold])
    lost = [loss.says for loss in losses or () if loss.severity == "data"]
    if convert and lost:
        return [Step(kind, None, f"a conversion would lose data: {'; '.join(lost)}", rules)]
    if convert and conversion is None:
        return [Step(kind, None, "a conversion may help; for which server is not known", rules)]
    flags = conversion.flags if convert and conversion is not None else ()
    folding = ("--fold-databases", FOLDING) if fold else ()
    says = [conversion.says] if convert and conversion is not None else []
    if convert and losses is None:
        says.append("if that loses no data, else the command says what and writes nothing")
    says += [_FOLD] if fold else []
    return [Step(kind, ("rdbcodec", "convert", FILE, *flags, *folding, "-o", OUT), "; ".join(says), rules)]


def _padding(by_kind: Mapping[Kind | None, list[Finding]]) -> list[Step]:
    pad = by_kind.get("pad", [])
    if not pad:
        return []
    if by_kind.get("convert") or by_kind.get("fold"):
        source = OUT
    else:
        source = UNPACKED if by_kind.get("unpack") else FILE
    return [Step("pad", ("rdbcodec", "pad", source, "-o", PADDED), _PAD, _ids(pad))]


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
    """The steps with the name of a file, and of what is made of it for a target.

    gunzip takes names that end in .gz only; what else is compressed is copied to a file that is not.
    """
    packed = name.endswith(".gz")
    names = {
        FILE: name,
        UNPACKED: name.removesuffix(".gz") if packed else out_name(name, "unpacked"),
        OUT: out_name(name, target),
        PADDED: out_name(name, f"{target}.padded"),
    }
    if not packed:
        copy = ("rdbcodec", "convert", FILE, "-o", UNPACKED)
        steps = [step._replace(command=copy) if step.kind == "unpack" else step for step in steps]
    return tuple(step.named(names) for step in steps)


def out_name(name: str, target: str) -> str:
    """What a file made of another is called: dump.rdb.gz becomes dump.redis-7.2.rdb."""
    path = PurePath("snapshot" if name == "-" else name)
    while path.suffix in _SUFFIXES:
        path = path.with_suffix("")
    return str(path.with_name(f"{path.name}.{target}.rdb"))
