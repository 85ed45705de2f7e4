"""`python -m rdbcodec` and the console script: signals first, then the imports that take their time."""

from __future__ import annotations

import sys

TYPE_CHECKING = False  # see rdbcodec.cli.process
if TYPE_CHECKING:
    from typing import NoReturn


def run() -> NoReturn:
    """Run the command of this process and end it with its exit code."""
    # Imports stand inside: a Ctrl-C during one of them is an exit code, not a traceback.
    try:
        from rdbcodec.cli import process  # noqa: PLC0415
    except KeyboardInterrupt:
        sys.exit(130)
    try:
        try:
            process.begin()
            from rdbcodec.cli.main import main  # noqa: PLC0415

            code = main()
        finally:
            process.leave()
    except KeyboardInterrupt:  # before main, which handles its own, or behind it: none is raised in here
        process.leave()
        code = 130
    process.end(code)


if __name__ == "__main__":
    run()
