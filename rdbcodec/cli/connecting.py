"""Servers on the command line: `redis://...` where a FILE stands, passwords, certificates.

A password on a command line can be read by whoever may list processes, so there is --password-env, and a
warning. From here on a URL goes about without its password, which it carries beside it (live.address).
"""

from __future__ import annotations

import argparse
import os
import sys
from typing import TYPE_CHECKING

from rdbcodec.cli.exits import USAGE, Refusal
from rdbcodec.remote.urls import SERVERS, scheme_of
from rdbcodec.showing import name as shown

if TYPE_CHECKING:
    from rdbcodec.live.address import Options


def add_password_argument(parser: argparse.ArgumentParser) -> None:
    """The argument of every command that reads: a FILE may be a server."""
    parser.add_argument(
        "--password-env",
        metavar="NAME",
        help="of a FILE that is redis://..., rediss://... or unix://...: the variable with its password",
    )


def add_connection_arguments(parser: argparse.ArgumentParser, *, password: bool = True) -> None:
    """The arguments of a command that is about servers; without those all of them can stand in the URL.

    Commands that read files have that of the password already.
    """
    group = parser.add_argument_group("the server")
    if password:
        add_password_argument(group)  # type: ignore[arg-type] # a group takes arguments as a parser does
    group.add_argument("--user", metavar="NAME", help="the user (ACL); default: that of the URL")
    group.add_argument("--cacert", metavar="FILE", help="of rediss://: the CA to trust, in PEM")
    group.add_argument("--cert", metavar="FILE", help="of rediss://: our certificate, in PEM")
    group.add_argument("--cert-key", metavar="FILE", help="of rediss://: the key of our certificate, in PEM")
    group.add_argument("--insecure", action="store_true", help="of rediss://: trust any certificate")
    group.add_argument(
        "--timeout",
        type=float,
        default=60.0,
        metavar="SECONDS",
        help="give up when the server says nothing for so long (default: 60)",
    )
    group.add_argument(
        "--one-node", action="store_true", help="take a node of a cluster for itself, not the whole cluster"
    )


def connection_of(options: argparse.Namespace) -> Options:
    """What these arguments say; passwords go with the URLs."""
    from rdbcodec.live.address import Options  # noqa: PLC0415 - only where there is a server

    return Options(
        username=options.user,
        cacert=options.cacert,
        cert=options.cert,
        key=options.cert_key,
        insecure=options.insecure,
        timeout=options.timeout,
        one_node=options.one_node,
    )


_PLACES = ("files", "first", "second", "target", "verify")  # of URLs among the options of a verb


def prepare(options: argparse.Namespace) -> None:
    """Take the passwords out of the URLs of servers, and show which way their data comes."""
    if not any(map(_is_server, _places(options))):
        return
    password = _password(options)
    for name in _PLACES:
        value = getattr(options, name, None)
        if isinstance(value, list):
            setattr(options, name, [_apart(place, password) for place in value])
        elif value is not None:
            setattr(options, name, _apart(value, password))
    _show_ways()


def _places(options: argparse.Namespace) -> list[object]:
    values = (getattr(options, name, None) for name in _PLACES)
    return [place for value in values for place in (value if isinstance(value, list) else [value])]


def _is_server(place: object) -> bool:
    return scheme_of(place) in SERVERS


def _apart(place: str, password: str | None) -> str:
    if not _is_server(place):
        return place
    from rdbcodec.live.address import apart, has_password  # noqa: PLC0415

    if has_password(place):
        words = "its password stands on the command line, where others can read it: --password-env hides it"
        print(f"{shown(apart(place))}: {words}", file=sys.stderr)
    return apart(place, password)


def _password(options: argparse.Namespace) -> str | None:
    name = getattr(options, "password_env", None)
    if name is None:
        return None
    if name not in os.environ:
        raise Refusal(USAGE, f"--password-env {shown(name)}: there is no such variable")
    return os.environ[name]


def _show_ways() -> None:
    """What rdbcodec.live says of its doings goes to stderr, a line each."""
    import logging  # noqa: PLC0415

    class Lines(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            print(shown(record.getMessage()), file=sys.stderr)

    log = logging.getLogger("rdbcodec.live")
    if not log.handlers:
        log.addHandler(Lines())
        log.setLevel(logging.INFO)
        log.propagate = False
