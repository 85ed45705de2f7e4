"""`compat --ask`: the questions that can still change an answer, one by one on a terminal.

After each answer the files are judged again, so that no question is asked whose answer changes nothing any
more. What was told goes into a file of circumstances, for the next time.
"""

from __future__ import annotations

import argparse
import errno
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from rdbcodec.cli.common import USAGE, Refusal
from rdbcodec.cli.outputs import like_input
from rdbcodec.compat.circumstances import BY_NAME, READERS, Circumstances, Fact
from rdbcodec.compat.verdict import Question
from rdbcodec.errors import CircumstancesError
from rdbcodec.reports.circumstances import NOT_KEPT, toml
from rdbcodec.reports.wrapping import WIDTH, paragraph
from rdbcodec.showing import name as shown
from rdbcodec.writing.output import whole_output

DEFAULT = "circumstances.toml"
_YES, _NO = frozenset({"y", "yes", "true"}), frozenset({"n", "no", "false"})

Ask = Callable[[Circumstances], Sequence[Question]]  # what is open when these are told


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of asking, and of files that are told instead."""
    parser.add_argument(
        "--ask", action="store_true", help="ask what can still change the answer, and save what is told"
    )
    parser.add_argument(
        "--circumstances-out",
        default=DEFAULT,
        metavar="FILE",
        help=f"where --ask saves it (default: {DEFAULT})",
    )
    parser.add_argument(
        "--circumstances-template", action="store_true", help="show a TOML file of all that can be told"
    )


def check_that_it_can_be(options: argparse.Namespace) -> None:
    """Refuse before a file is read: nobody answers, or what was told could not be saved."""
    if not sys.stdin.isatty():
        words = "--ask asks on a terminal, and stdin is none; see --circumstances-template"
        raise Refusal(USAGE, words)
    path = Path(options.circumstances_out)
    if path.exists() and not options.force:
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), options.circumstances_out)


def ask(told: Circumstances, questions: Ask, options: argparse.Namespace) -> Circumstances:
    """What is told in the end; saved when anything was answered."""
    asked: set[str] = set()
    first = told
    while True:
        open_ = [one for one in questions(told) if one.fact not in asked and one.fact not in NOT_KEPT]
        if not open_:
            break
        fact = BY_NAME[open_[0].fact]
        asked.add(fact.name)
        value = _answer(fact, len(open_))
        if value is not None:
            told = told.merged({fact.name: value})
    if told != first:
        _save(told, options)
    return told


def _save(told: Circumstances, options: argparse.Namespace) -> None:
    with whole_output(like_input(options.circumstances_out, options), replace=options.force) as out:
        out.write(toml(told).encode())
    _say(f"saved in {shown(options.circumstances_out)}: --circumstances tells it again")
    _say("")


def _answer(fact: Fact, open_: int) -> object:
    """The value somebody types; None when it is not known. A wrong one is asked for again."""
    for line in _prompt(fact, open_):
        _say(line)
    while True:
        sys.stderr.write("> ")
        sys.stderr.flush()
        typed = sys.stdin.readline()
        if not typed.strip():
            _say("not known" if typed else "")
            return None
        try:
            return READERS[fact.kind](_value(fact, typed.strip()), fact)
        except CircumstancesError as error:
            _say(shown(str(error)))


def _prompt(fact: Fact, open_: int) -> Iterator[str]:
    yield from paragraph(f"{fact.question}? ({open_} open; Enter: not known)", WIDTH, rest="  ")
    if fact.words:
        numbered = ", ".join(f"{number} {word}" for number, word in enumerate(fact.words, 1))
        yield from paragraph(numbered, WIDTH, first="  ", rest="  ")
    elif fact.kind == "flag":
        yield "  y yes, n no"


def _value(fact: Fact, typed: str) -> Any:
    """What was typed as a file of circumstances would have it; choices may be given by their number."""
    if fact.words and typed.isascii() and typed.isdecimal() and 0 < int(typed) <= len(fact.words):
        return fact.words[int(typed) - 1]
    if fact.kind == "flag":
        return True if typed.lower() in _YES else False if typed.lower() in _NO else typed
    if fact.kind == "number" and typed.isascii() and typed.isdecimal():
        return int(typed)
    if fact.kind in ("texts", "modules"):
        return [word.strip() for word in typed.split(",")]
    return typed


def _say(line: str) -> None:
    print(line, file=sys.stderr)
