"""What went wrong with a file, as an exit code and words."""

from __future__ import annotations

import argparse
import errno

from rdbcodec.cli.exits import IO_ERROR, NEGATIVE, UNREADABLE
from rdbcodec.errors import DecodeError, EncodeError, LimitExceeded, RdbError, TailError, TextError
from rdbcodec.showing import escaped
from rdbcodec.showing import name as shown


def failure_of(error: RdbError | OSError, name: str, options: argparse.Namespace) -> tuple[int, str]:
    """The exit code, and what is said; `name` is the file, as its user called it."""
    if isinstance(error, OSError):
        return IO_ERROR, _words_of(error, shown(str(error.filename or _unnamed(error, name))))
    from rdbcodec.cli.hints import hint_of  # noqa: PLC0415 - what works needs none

    code = NEGATIVE if isinstance(error, EncodeError | LimitExceeded | TailError) else UNREADABLE
    message = f"{shown(name)}: {reason_of(error, options)}"
    return code, "\n".join(filter(None, (message, hint_of(error))))


def reason_of(error: RdbError | OSError, options: argparse.Namespace) -> str:
    """Why, without the name of the file."""
    if isinstance(error, OSError):
        return shown(error.strerror or str(error))
    words = str(error)
    if isinstance(error, DecodeError | EncodeError | TextError):
        words = error.text(hide_keys=options.hide_keys)
    return "\n".join(map(escaped, words.split("\n")))


def _unnamed(error: OSError, name: str) -> str:
    """The file of an error that names none. Outputs are named: what else has no room is a temporary file."""
    if error.errno not in _NO_ROOM:
        return name
    import tempfile  # noqa: PLC0415 - hardly ever needed

    return f"a temporary file in {tempfile.gettempdir()}"


_NO_ROOM = (errno.ENOSPC, errno.EFBIG, errno.EDQUOT)


def _words_of(error: OSError, name: str) -> str:
    """What the operating system said no to."""
    if isinstance(error, BrokenPipeError):
        return f"{name}: the reader went away before everything was written"
    if isinstance(error, FileExistsError):
        return f"{name}: {error.strerror}, --force writes over it"
    return f"{name}: {shown(error.strerror or str(error))}"
