"""`rdbcodec compat FILE... --target T`: will it load there?

Exit code 0: the answer is "yes" for every file and target; with --all, each file has a target that takes
it. 1: anything else, "after-conversion" and "unknown" too, because the file as it is was asked about;
data behind the snapshot too, which nothing would load.
"""

from __future__ import annotations

import argparse
import difflib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NoReturn

from rdbcodec import compat
from rdbcodec.cli import circumstances
from rdbcodec.cli.common import (
    NEGATIVE,
    OK,
    STDIN,
    add_source_arguments,
    add_tail_argument,
    json_reports,
    now_of,
    open_file,
    print_json,
    print_lines,
    print_sections,
    progress_of,
    tail_code,
)
from rdbcodec.cli.outputs import add_force_argument, like_input
from rdbcodec.compat import profile_json
from rdbcodec.compat.rulebook import BY_ID, SAS_RULES
from rdbcodec.compat.target import load
from rdbcodec.errors import TargetError, UnsupportedVersion
from rdbcodec.facts.profile import header_profile, profile
from rdbcodec.limits import COUNTED_VALUE
from rdbcodec.reports import compat as report
from rdbcodec.writing.output import whole_output

HELP = "judge whether a snapshot loads in a server or managed service, and say what would help"
ORDER = 80

_MATRIX_FROM = 4  # with more targets than three a table says more than blocks of text


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of this command."""
    parser.add_argument(
        "files", nargs="*", metavar="FILE", help="snapshot, gzip, LZ4 and zstd too; - is stdin"
    )
    parser.add_argument("--target", action="append", metavar="T", help="where it shall go; may be repeated")
    parser.add_argument("--all", action="store_true", help="judge it for every target known")
    parser.add_argument(
        "--format", choices=("text", "json", "markdown"), default="text", help="default: text"
    )
    parser.add_argument("--verbose", action="store_true", help="show remarks too")
    parser.add_argument(
        "--fast", action="store_true", help="do not look at values nor for keys that are there twice"
    )
    parser.add_argument(
        "--duplicates", action="store_true", help="with --fast: look for keys that are there twice"
    )
    parser.add_argument("--list-targets", action="store_true", help="show the targets and exit")
    parser.add_argument("--explain", metavar="RULE", help="show a rule with its sources and exit")
    parser.add_argument("--targets-file", metavar="FILE", help="targets of your own, TOML or JSON")
    parser.add_argument("--profile-in", action="append", metavar="FILE", help="judge a profile saved before")
    parser.add_argument("--profile-out", metavar="FILE", help="save the profile of the one FILE as JSON")
    add_force_argument(parser)
    add_source_arguments(parser)
    add_tail_argument(parser)
    circumstances.add_arguments(parser)


def run(options: argparse.Namespace) -> int:
    """Judge every file for every target; nothing for a file that cannot be read to its end."""
    if options.explain is not None:
        return _explain(options)
    targets = _known(options)
    if options.list_targets:
        return _list(list(targets.values()), options)
    chosen = _chosen(targets, options)
    told = circumstances.circumstances_of(options)
    count = len(options.files) + len(options.profile_in or ())
    with json_reports(options, count) as options.report:
        answers = [
            _judge(name, facts, [compat.check(facts, target, told) for target in chosen], options)
            for name, facts in _profiles(options)
        ]
    return OK if all(answers) else NEGATIVE


def _judge(
    name: str, facts: compat.Profile, verdicts: Sequence[compat.Verdict], options: argparse.Namespace
) -> bool:
    """Print the verdicts on a file; whether the answer is yes."""
    if options.format == "json":
        options.report(report.as_json(name, verdicts, hide_keys=options.hide_keys))
    elif options.format == "markdown":
        told = report.markdown(name, facts, verdicts, verbose=options.verbose, hide_keys=options.hide_keys)
        print_lines(told)
    elif verdicts and len(verdicts) >= _MATRIX_FROM and not options.verbose:
        print_sections(report.headline(name, facts), report.matrix(verdicts))
    elif verdicts:
        told = report.lines(name, facts, verdicts, verbose=options.verbose, hide_keys=options.hide_keys)
        print_lines(told)
    loads = [verdict.loads == "yes" for verdict in verdicts]
    is_whole = tail_code(name, facts.tail, facts.size, options) == OK
    return is_whole and (any(loads) if options.all else all(loads))


def _profiles(options: argparse.Namespace) -> Iterator[tuple[str, compat.Profile]]:
    for name in options.profile_in or ():
        options.current = name
        facts = profile_json.load(name)
        yield name, facts
    for name in options.files:
        options.current = name
        facts = _profile(name, options)
        if options.profile_out is not None:
            _save(facts, options)
        yield name, facts


def _save(facts: compat.Profile, options: argparse.Namespace) -> None:
    with whole_output(like_input(options.profile_out, options), replace=options.force) as out:
        out.write(profile_json.dumps(facts, hide_keys=options.hide_keys).encode())


def _profile(name: str, options: argparse.Namespace) -> compat.Profile:
    again = Path(name).is_file() if name != STDIN else False
    with (
        open_file(name, options, max_value=COUNTED_VALUE) as reader,
        progress_of(name, reader, options) as tick,
    ):
        try:
            return profile(
                reader,
                now_ms=now_of(options),
                duplicates=options.duplicates or not options.fast,
                reopen=(lambda: open_file(name, options, max_value=COUNTED_VALUE)) if again else None,
                values=not options.fast,
                progress=tick,
            )
        except UnsupportedVersion as error:
            return header_profile(reader, error, now_ms=now_of(options))


# --- what was asked ---------------------------------------------------------------------------------


def _known(options: argparse.Namespace) -> Mapping[str, compat.Target]:
    if options.targets_file is None:
        return compat.targets()
    try:
        return {**compat.targets(), **load(options.targets_file)}
    except TargetError as error:
        _usage_error(options, str(error))


def _chosen(targets: Mapping[str, compat.Target], options: argparse.Namespace) -> list[compat.Target]:
    if not options.files and not options.profile_in:
        _usage_error(options, "a FILE or --profile-in is needed")
    if options.profile_out is not None and len(options.files) != 1:
        _usage_error(options, "--profile-out goes with one FILE")
    if options.all:
        return list(targets.values())
    if not options.target and options.profile_out is None:
        _usage_error(options, "--target or --all is needed; --list-targets shows what is known")
    try:
        return [compat.find(name, targets) for name in options.target or ()]
    except TargetError as error:
        _usage_error(options, f"argument --target: {error}")


def _usage_error(options: argparse.Namespace, message: str) -> NoReturn:
    leave: Callable[[str], NoReturn] = options.usage_error
    leave(message)


def _list(targets: list[compat.Target], options: argparse.Namespace) -> int:
    if options.format == "json":
        print_json(report.json_targets(targets))
    else:
        print_sections("rdbcodec compat", report.target_sections(targets))
    return OK


def _explain(options: argparse.Namespace) -> int:
    name = options.explain.upper()
    of_sas = [rule for rule in SAS_RULES if rule.id == name]
    if name in BY_ID:
        print_lines(report.rule_lines(BY_ID[name]))
    elif of_sas:
        print_lines(line for rule in of_sas for line in report.sas_rule_lines(rule))
    else:
        rules = [*BY_ID, *(rule.id for rule in SAS_RULES)]
        close = difflib.get_close_matches(name, rules, n=3)
        hint = f", did you mean {', '.join(close)}?" if close else ""
        _usage_error(options, f"argument --explain: unknown rule {options.explain!r}{hint}")
    return OK
