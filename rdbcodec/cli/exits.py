"""How a command ends: the exit codes, and what is said when what was asked for is not done.

Light, as `main` is: `--version` and `--help` load nothing that reads a snapshot.
"""

from __future__ import annotations

import sys
from contextlib import suppress

OK, NEGATIVE, USAGE, UNREADABLE, IO_ERROR, BUG = 0, 1, 2, 3, 4, 70
AFTER_STEPS, UNDECIDED, OPEN = 10, 11, 12
HUNG_UP, INTERRUPTED, TERMINATED = 129, 130, 143
# What each means, once: `--help` shows it, and so does the README.
EXIT_CODES = {
    OK: "done; the answer is yes",
    NEGATIVE: "the answer is no, something would be lost, or a limit of memory was met",
    USAGE: "the command line is not understood",
    UNREADABLE: "the data cannot be read, or is not sound",
    IO_ERROR: "a file cannot be opened, read or written",
    AFTER_STEPS: "`compat`: yes, after the steps it names",
    UNDECIDED: "`compat`: nobody knows something that decides",
    OPEN: "`compat --strict`: yes, unless an open question is answered otherwise",
    BUG: "a bug of rdbcodec; the traceback is on stderr",
    HUNG_UP: "ended by SIGHUP",
    INTERRUPTED: "ended by Ctrl-C (SIGINT)",
    TERMINATED: "ended by SIGTERM",
}

STDIN = "-"


class Refusal(Exception):
    """What was asked for is not done: the exit code, and why."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message


def fail(code: int, message: str) -> int:
    """Say why on stderr; the code."""
    with suppress(OSError):  # nobody listens on stderr; the exit code says it too
        print(message, file=sys.stderr)
    return code
