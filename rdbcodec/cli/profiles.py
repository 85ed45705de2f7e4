"""The profile of a file that a command judges: all that can be told of it, and how far it was read."""

from __future__ import annotations

import argparse

from rdbcodec.cli.common import STDIN, now_of, open_file, progress_of
from rdbcodec.compat.circumstances import Circumstances
from rdbcodec.errors import UnsupportedVersion
from rdbcodec.facts.profile import Profile, header_profile, profile
from rdbcodec.limits import COUNTED_VALUE
from rdbcodec.remote.urls import can_be_read_again


def profile_of_file(
    name: str,
    options: argparse.Namespace,
    *,
    values: bool = True,
    duplicates: bool = True,
    memory: bool = False,
    jobs: int | None = 1,
) -> Profile:
    """The facts of a file; those of its header alone when it is newer than all versions known.

    What its memory follows from costs a fifth of the time and more, and is counted when it is asked for.
    """
    again = can_be_read_again(name) if name != STDIN else False
    with (
        open_file(name, options, max_value=COUNTED_VALUE, jobs=jobs) as reader,
        progress_of(name, reader, options) as tick,
    ):
        try:
            return profile(
                reader,
                now_ms=now_of(options),
                duplicates=duplicates,
                reopen=(lambda: open_file(name, options, max_value=COUNTED_VALUE)) if again else None,
                values=values,
                memory=memory,
                progress=tick,
            )
        except UnsupportedVersion as error:
            return header_profile(reader, error, now_ms=now_of(options))


def room_is_told(told: Circumstances) -> bool:
    """Whether somebody told how much memory there is, so that it matters how much the data needs."""
    return told.sku is not None or told.memory_bytes is not None
