"""`--hide-keys` and `--hide-keys=hash`: no command shows the name of a key.

Where a name can be left out it is. Where there must be one (`keys`, `dump`) each key gets a number, in the
order in which they come: key#1, key#2. A digest is the same wherever the secret is the same, so that what two
reports say of one key can be brought together; without a secret nobody can tell which name it stands for.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Iterable, Iterator
from itertools import count

from rdbcodec.records import Entry, Record
from rdbcodec.showing import STAND_IN, Hiding, KeyDigest

SECRET_VARIABLE = "RDBCODEC_HIDE_SECRET"  # noqa: S105 - the name of a variable; a flag would be in process lists
_DIGEST = "hash"


def add_hiding_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of every command that shows keys."""
    parser.add_argument(
        "--hide-keys", action="store_true", help="show no key names; keys and dump have numbers instead"
    )
    # An option of its own, because argparse would take the FILE behind `--hide-keys` for its value.
    parser.add_argument(
        f"--hide-keys={_DIGEST}",
        action="store_const",
        const=_DIGEST,
        dest="hide_keys",
        help=f"show digests of key names, the same in every run with the same secret in ${SECRET_VARIABLE}",
    )


def hiding_of(options: argparse.Namespace) -> Hiding:
    """What was asked for. Without a secret in the environment digests are those of this run alone."""
    asked = getattr(options, "hide_keys", False)
    if asked != _DIGEST:
        return bool(asked)
    secret = os.environ.get(SECRET_VARIABLE)
    return KeyDigest(os.fsencode(secret) if secret else os.urandom(32))


def hidden(records: Iterable[Record], hide_keys: Hiding) -> Iterator[Record]:
    """Records in which the keys have other names."""
    rename = renamer(hide_keys)
    for record in records:
        if isinstance(record, Entry):
            record.rename(rename(record.key))
        yield record


def renamer(hide_keys: Hiding) -> Callable[[bytes], bytes]:
    """What gives each key, in their order, its other name."""
    new_name = _numbered() if isinstance(hide_keys, bool) else hide_keys.of
    return lambda key: new_name(key).encode()


def _numbered() -> Callable[[bytes], str]:
    numbers = count(1)
    return lambda _: f"{STAND_IN}{next(numbers)}"
