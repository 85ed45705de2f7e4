"""`rdbcodec compat FILE... --target T`: will it load there?

The exit code is the answer (see reports.answers); of several files and targets the weightiest, and with
--all the lightest of each file, since one target that takes it is enough. `--fail-on` says which count.
Data behind the snapshot, which nothing would load, is 1 whatever counts.
"""

from __future__ import annotations

import argparse
import difflib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timezone
from typing import NoReturn

from rdbcodec import compat
from rdbcodec.cli import asking, circumstances
from rdbcodec.cli.colours import print_styled, width
from rdbcodec.cli.common import (
    IO_ERROR,
    NEGATIVE,
    OK,
    STDIN,
    UNREADABLE,
    add_source_arguments,
    add_tail_argument,
    now_of,
    print_json,
    print_lines,
    print_sections,
    tail_code,
)
from rdbcodec.cli.failing import reason_of
from rdbcodec.cli.fleets import Files
from rdbcodec.cli.jobs import add_fleet_arguments
from rdbcodec.cli.outputs import add_force_argument, like_input
from rdbcodec.cli.profiles import profile_of_file, room_is_told
from rdbcodec.compat import profile_json
from rdbcodec.compat.rulebook import BY_ID, SAS_RULES
from rdbcodec.compat.target import by_name, facts_age, load
from rdbcodec.compat.verdict import Question
from rdbcodec.errors import LimitExceeded, RdbError, TailError, TargetError
from rdbcodec.reports import compat as report
from rdbcodec.reports import github, known
from rdbcodec.reports.answers import CODES, FAILING, Answer, Judged, answers_of, best, code_of, worst
from rdbcodec.reports.circumstances import template
from rdbcodec.reports.compat_json import as_json
from rdbcodec.reports.failures import Failure
from rdbcodec.reports.junit import as_junit
from rdbcodec.reports.markdown import markdown
from rdbcodec.reports.sarif import as_sarif
from rdbcodec.writing.output import whole_output

HELP = "judge whether a snapshot loads in a server or managed service, and say what would help"
ORDER = 80

_MATRIX_FROM = 4  # with more targets than three a table says more than blocks of text
_FORMATS = ("text", "json", "markdown", "sarif", "junit", "github")
_CODES = (
    "Exit codes: 0 yes, 1 no, 11 unknown, 10 yes after steps, 12 with --strict a yes with questions open. "
    "Of several files and targets the weightiest, in the order 1, 11, 10, 12, 0; with --all the lightest of "
    "each file. Data behind a snapshot is 1, a file that cannot be read 3 or 4. docs/verdict-schema.json "
    "describes --format json."
)
_NONE = "none"  # --fail-on none: whatever the answer is, the exit code is 0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of this command."""
    parser.add_argument(
        "files", nargs="*", metavar="FILE", help="snapshot, gzip, LZ4 and zstd too; - is stdin"
    )
    parser.add_argument("--target", action="append", metavar="T", help="where it shall go; may be repeated")
    parser.add_argument("--all", action="store_true", help="judge it for every target known")
    parser.add_argument(
        "--only", type=_answers, metavar="ANSWERS", help="show these alone: yes,questions,after,unknown,no"
    )
    parser.add_argument("--format", choices=_FORMATS, default="text", help="default: text")
    parser.add_argument("--verbose", action="store_true", help="show remarks too, and everything whole")
    parser.add_argument("--sources", action="store_true", help="show who says so: pages, dates, links")
    parser.add_argument("--strict", action="store_true", help="open questions make the exit code 12")
    parser.add_argument(
        "--fail-on",
        type=_answers,
        metavar="ANSWERS",
        help="what makes the exit code another than 0: no,unknown,after,questions, or none "
        "(default: no,unknown,after)",
    )
    parser.add_argument(
        "--fast", action="store_true", help="do not look at values nor for keys that are there twice"
    )
    parser.add_argument(
        "--duplicates", action="store_true", help="with --fast: look for keys that are there twice"
    )
    parser.add_argument("--list-targets", action="store_true", help="show the targets and exit")
    parser.add_argument("--explain", metavar="RULE", help="show a rule with its sources and exit")
    parser.add_argument(
        "--facts-age", action="store_true", help="show when what is known of each target was last checked"
    )
    parser.add_argument("--targets-file", metavar="FILE", help="targets of your own, TOML or JSON")
    parser.add_argument("--profile-in", action="append", metavar="FILE", help="judge a profile saved before")
    parser.add_argument("--profile-out", metavar="FILE", help="save the profile of the one FILE as JSON")
    add_force_argument(parser)
    add_source_arguments(parser)
    add_fleet_arguments(parser)
    add_tail_argument(parser)
    circumstances.add_arguments(parser)
    asking.add_arguments(parser)
    parser.epilog = _CODES


def _answers(text: str) -> frozenset[Answer]:
    words = [word.strip() for word in text.split(",")]
    unknown = [word for word in words if word not in CODES and word != _NONE]
    if unknown:
        raise argparse.ArgumentTypeError(f"{unknown[0]!r} is none of {', '.join(CODES)}")
    return frozenset(answer for answer in CODES if answer in words)


def run(options: argparse.Namespace) -> int:
    """Judge every file for every target; what was read before a file that cannot be is judged too."""
    if options.explain is not None:
        return _explain(options)
    if options.circumstances_template:
        print_lines(template())
        return OK
    targets = _known(options)
    if options.list_targets:
        return _list(list(targets.values()), options)
    if options.facts_age:
        return _ages(options)
    chosen = _chosen(targets, options)
    options.told = told = circumstances.circumstances_of(options)
    if options.ask:
        asking.check_that_it_can_be(options)
    profiles: list[tuple[str, compat.Profile]] = []
    files = Files(options, _profile)
    try:
        for name, facts in _profiles(files, options):
            profiles.append((name, facts))
    except (RdbError, OSError) as error:
        judged = _judged(profiles, chosen, told)
        failures = [*_tails(judged, options), Failure(options.current, reason_of(error, options))]
        _report(judged, options, code=_code_of_error(error), failures=failures)
        raise
    if options.ask:
        told = asking.ask(told, lambda told: _questions(_judged(profiles, chosen, told)), options)
    judged = _judged(profiles, chosen, told)
    tails = _tails(judged, options)
    code = NEGATIVE if tails else _code(judged, options) if judged else OK
    options.answer = code = files.code or code  # of files that cannot be read nobody knows the answer
    _report(judged, options, code=code, failures=[*tails, *files.unread])
    for name, facts in profiles:
        tail_code(name, facts.tail, facts.size, options)
    return code


def _tails(judged: Iterable[Judged], options: argparse.Namespace) -> list[Failure]:
    """Data that stands behind a snapshot: no verdict is about it, and nothing would load it."""
    tails = [(file, file.profile.tail) for file in judged if not options.ignore_tail]
    return [
        Failure(file.name, str(TailError(tail, file.profile.size)))
        for file, tail in tails
        if tail is not None and tail.is_data
    ]


def _code_of_error(error: Exception) -> int:
    if isinstance(error, OSError):
        return IO_ERROR
    return NEGATIVE if isinstance(error, LimitExceeded) else UNREADABLE


def _judged(
    profiles: Sequence[tuple[str, compat.Profile]],
    targets: Sequence[compat.Target],
    told: compat.Circumstances,
) -> list[Judged]:
    """Several files are those of one import: each is judged with the others beside it."""
    files = [facts for _, facts in profiles]
    return [
        Judged(name, facts, [compat.check(facts, target, told, files=files) for target in targets])
        for name, facts in profiles
    ]


def _questions(judged: Iterable[Judged]) -> list[Question]:
    found = (question for file in judged for verdict in file.verdicts for question in verdict.questions)
    return list({question.fact: question for question in found}.values())


# --- what it comes to -------------------------------------------------------------------------------


def _failing(options: argparse.Namespace) -> frozenset[Answer]:
    failing: frozenset[Answer] = FAILING if options.fail_on is None else options.fail_on
    return failing | {"questions"} if options.strict else failing


def _code_of(options: argparse.Namespace) -> Callable[[compat.Verdict], int]:
    failing = _failing(options)
    return lambda verdict: code_of(verdict, failing)


def _code(judged: Iterable[Judged], options: argparse.Namespace) -> int:
    of_file = best if options.all else worst
    code = _code_of(options)
    return worst(of_file(map(code, file.verdicts)) for file in judged)


def _report(
    judged: Sequence[Judged], options: argparse.Namespace, *, code: int, failures: Sequence[Failure]
) -> None:
    """Print the verdicts; those of a command that judges none, because it saves a profile, are no text."""
    shown = [_shown(file, options) for file in judged]
    hide_keys = options.hide_keys
    counts = {"code_of": _code_of(options), "is_enough": options.all}
    if options.format == "json":
        print_json([as_json(file, hide_keys=hide_keys) for file in shown])
    elif options.format == "sarif":
        print_json(as_sarif(shown, code=code, failures=failures, hide_keys=hide_keys))
    elif options.format == "junit":
        print(as_junit(shown, **counts, failures=failures, hide_keys=hide_keys))
    elif options.format == "github":
        for file in shown:
            print_lines(github.lines(file, **counts, hide_keys=hide_keys))
        if failures:
            print_lines(map(github.failed, failures))
    elif options.format == "markdown":
        for file in shown:
            print_lines(markdown(file, verbose=options.verbose, hide_keys=hide_keys))
    else:
        _print_text(shown, options)


def _shown(file: Judged, options: argparse.Namespace) -> Judged:
    """The file with the verdicts that --only lets through."""
    if options.only is None:
        return file
    return file._replace(verdicts=[one for one in file.verdicts if answers_of(one)[0] in options.only])


def _print_text(judged: Sequence[Judged], options: argparse.Namespace) -> None:
    wish = report.Wish(width(), options.verbose, options.sources, options.hide_keys)
    ids = {tuple(verdict.target.id for verdict in file.verdicts) for file in judged}
    is_many = options.all or len(options.target or ()) >= _MATRIX_FROM
    if len(judged) > 1 and len(ids) == 1 and is_many and not options.verbose:
        print_styled(report.grid(judged, wish))
        return
    if not is_many or options.verbose:
        print_styled(report.lines(judged, wish, options.called))
        return
    for at, file in enumerate(judged):
        if at:
            print()
        print_styled(report.matrix(file, wish))


# --- the files --------------------------------------------------------------------------------------


def _profiles(
    files: Files[compat.Profile], options: argparse.Namespace
) -> Iterator[tuple[str, compat.Profile]]:
    for name in options.profile_in or ():
        options.current = name
        facts = profile_json.load(name)
        yield name, facts
    for name, facts in files:
        if options.profile_out is not None:
            _save(facts, options)
        yield name, facts


def _save(facts: compat.Profile, options: argparse.Namespace) -> None:
    with whole_output(like_input(options.profile_out, options), replace=options.force) as out:
        out.write(profile_json.dumps(facts, hide_keys=options.hide_keys).encode())


def _profile(name: str, options: argparse.Namespace) -> compat.Profile:
    """Read a file, maybe in another process."""
    is_thorough = not options.fast
    return profile_of_file(
        name,
        options,
        values=is_thorough,
        duplicates=options.duplicates or is_thorough,
        memory=is_thorough and (options.profile_out is not None or room_is_told(options.told)),
        jobs=options.jobs,
    )


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
    options.called = {}
    if options.all and options.ask:
        _usage_error(options, "--ask goes with --target: for all targets there are too many questions")
    if options.ask and STDIN in options.files:
        _usage_error(options, "--ask reads the answers from stdin, a FILE cannot come from there too")
    if options.all:
        return list(targets.values())
    if not options.target and options.profile_out is None:
        _usage_error(options, "--target or --all is needed; --list-targets shows what is known")
    try:
        found = {name: compat.find(name, targets) for name in options.target or ()}
        options.called = {row.id: name for name, row in found.items() if by_name(name, targets) is None}
        return list(found.values())
    except TargetError as error:
        _usage_error(options, f"argument --target: {error}")


def _usage_error(options: argparse.Namespace, message: str) -> NoReturn:
    leave: Callable[[str], NoReturn] = options.usage_error
    leave(message)


def _list(targets: list[compat.Target], options: argparse.Namespace) -> int:
    if options.format == "json":
        print_json(known.json_targets(targets))
    else:
        print_sections("rdbcodec compat", known.target_sections(targets))
    return OK


def _ages(options: argparse.Namespace) -> int:
    today = datetime.fromtimestamp(now_of(options) / 1000, timezone.utc).date()
    ages = facts_age(today)
    if options.format == "json":
        print_json([age._asdict() for age in ages])
    else:
        print_lines(known.age_lines(ages))
    return OK


def _explain(options: argparse.Namespace) -> int:
    name = options.explain.upper()
    of_sas = [rule for rule in SAS_RULES if rule.id == name]
    if name in BY_ID:
        print_lines(known.rule_lines(BY_ID[name]))
    elif of_sas:
        print_lines(line for rule in of_sas for line in known.sas_rule_lines(rule))
    else:
        rules = [*BY_ID, *(rule.id for rule in SAS_RULES)]
        close = difflib.get_close_matches(name, rules, n=3)
        hint = f", did you mean {', '.join(close)}?" if close else ""
        _usage_error(options, f"argument --explain: unknown rule {options.explain!r}{hint}")
    return OK
