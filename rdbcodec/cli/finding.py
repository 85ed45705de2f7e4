"""One key on the command line: how its name is typed, and where it is found, by an index if there is one."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator
from contextlib import ExitStack

from rdbcodec.cli.common import IO_ERROR, NEGATIVE, STDIN, USAGE, Refusal, open_file
from rdbcodec.cli.names import name_bytes
from rdbcodec.cli.numbers import number
from rdbcodec.errors import StaleIndex
from rdbcodec.limits import COPIED_VALUE
from rdbcodec.records import Entry
from rdbcodec.showing import key_words
from rdbcodec.tools.key_files import SUFFIX, KeyFile

KEY_HELP = "its whole name; \\xff is a byte, \\\\ a backslash"


def add_finding_arguments(parser: argparse.ArgumentParser, *, encoded: str = "KEY is") -> None:
    """How the name was typed, and where to look."""
    parser.add_argument("--base64", action="store_true", help=f"{encoded} in base64")
    parser.add_argument(
        "--db", type=number(), metavar="N", help="its database (default: the first that has it)"
    )
    parser.add_argument("--no-index", action="store_true", help=f"do not use FILE{SUFFIX}: read the file")


def found(name: str, key: bytes, options: argparse.Namespace, stack: ExitStack) -> Iterator[Entry]:
    """The key in each database where it is: by the index if there is one, else in a reading."""
    index = index_of(name, options, stack)
    if index is not None:
        dbs = index.databases if options.db is None else [options.db]
        yield from filter(None, (index.find(db, key) for db in dbs))
        return
    reader = stack.enter_context(open_file(name, options, max_value=COPIED_VALUE))
    for record in reader:
        if isinstance(record, Entry) and record.key == key and options.db in (None, record.db):
            yield record


def index_of(name: str, options: argparse.Namespace, stack: ExitStack) -> KeyFile | None:
    """The index beside the file, unless it is not wanted; one of another state of the file is refused."""
    if options.no_index or name == STDIN or not os.path.isfile(name + SUFFIX):  # noqa: PTH113 - costs less
        return None
    try:
        keys = KeyFile(name, name + SUFFIX, max_value=COPIED_VALUE, max_record=options.max_value)
    except StaleIndex as error:
        message = f"{error}: rdbcodec index --force, or {options.command} --no-index"
        raise Refusal(IO_ERROR, message) from None
    return stack.enter_context(keys)


def no_such_key(key: bytes, options: argparse.Namespace) -> Refusal:
    """What to say when it is nowhere."""
    name = key_words(key, options.hide_keys) or "key"
    where = "" if options.db is None else f" in database {options.db}"
    return Refusal(NEGATIVE, f"there is no {name}{where}")


def typed_bytes(text: str, options: argparse.Namespace) -> bytes:
    """A name as it was typed: with escapes, or in base64."""
    if options.base64:
        import base64  # noqa: PLC0415 - most names are typed as they are
        import binascii  # noqa: PLC0415

        try:
            return base64.b64decode(text, validate=True)
        except binascii.Error as error:
            raise Refusal(USAGE, f"{text!r} is not base64: {error}") from None
    return name_bytes(text)
