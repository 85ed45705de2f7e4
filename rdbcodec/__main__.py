"""`python -m rdbcodec`."""

from rdbcodec.cli.main import run

run()
