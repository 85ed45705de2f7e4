"""`python -m rdbcodec` and the console script: signals first, then the imports that take their time."""

from __future__ import annotations

import sys
from typing import NoReturn

from rdbcodec.cli import process


def run() -> NoReturn:
    """Run the command of this process and end it with its exit code."""
    try:
        process.begin()
        from rdbcodec.cli.main import main  # noqa: PLC0415 - a signal during this import leaves no traceback

        code = main()
    except KeyboardInterrupt:  # in the import; what is being written is cleaned up in main
        code = 130
    finally:
        process.leave()
    sys.exit(code)


if __name__ == "__main__":
    run()
