"""What goes wrong between a server and us: an OSError that names the URL, without its password.

The texts of redis-py and of servers may hold addresses, arguments and keys. What is shown of them is the
name that a server gives its refusal, which command it refused, and words of ours.
"""

from __future__ import annotations

import errno
import re
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class LiveError(OSError):
    """What a server, or the way to it, said no to; `filename` is its URL without a password.

    `code` is the server's own name for it ("NOPERM", "LOADING", "MOVED", "ERR"), None when no server said
    it; `command` the command it was said to, `detail` what the server said behind its name for it.
    """

    code: str | None = None
    command: str | None = None
    detail: str = ""


def live_error(
    url: str,
    words: str,
    number: int = errno.EIO,
    *,
    code: str | None = None,
    command: str | None = None,
    detail: str = "",
) -> LiveError:
    """The error that a server is reported with."""
    error = LiveError(number, words, url)
    error.code, error.command, error.detail = code, command, detail
    return error


@contextmanager
def errors_of(url: str, command: str | None = None) -> Iterator[None]:
    """What redis-py raises, as a LiveError."""
    import redis.exceptions  # noqa: PLC0415 - optional; whoever comes here has it

    try:
        yield
    except LiveError:
        raise
    except redis.exceptions.RedisError as error:
        raise told(url, error, command) from None
    except OSError as error:
        raise _of_system(url, error) from None


def told(url: str, error: Exception, command: str | None = None) -> LiveError:
    """An exception of redis-py in our words."""
    import redis.exceptions as those  # noqa: PLC0415

    if isinstance(error, those.TimeoutError):
        return live_error(url, "the server did not answer in time", errno.ETIMEDOUT)
    if isinstance(error, those.ConnectionError) and not isinstance(error, _said(those)):
        return _of_connection(url, error)
    return of_refusal(url, *_code_of(those, error), command)


def of_refusal(url: str, code: str, detail: str, command: str | None) -> LiveError:
    """What a server refuses, by its name for it, in our words."""
    number, words = _words(code, detail, command)
    return live_error(url, words, number, code=code, command=command, detail=detail)


def name_and_detail(text: str) -> tuple[str, str]:
    """The line of a refusal. Some servers answer with words alone; the first is no name then."""
    found = re.match(r"([A-Z][A-Z0-9_]{1,30})(?: (.*)|$)", text, re.DOTALL)
    return (found[1], found[2] or "") if found else ("ERR", text)


def _said(those: Any) -> tuple[type[Exception], ...]:
    """Those connection errors of redis-py that are a server's answer."""
    return (those.AuthenticationError, those.BusyLoadingError)


def _code_of(those: Any, error: Exception) -> tuple[str, str]:
    """A server's name for its refusal, which redis-py cuts off where it has a class for it."""
    text = str(error)
    kinds = (
        (those.AuthenticationError, "WRONGPASS"),
        (those.AuthenticationWrongNumberOfArgsError, "WRONGPASS"),
        (those.BusyLoadingError, "LOADING"),
        (those.NoPermissionError, "NOPERM"),
        (those.MovedError, "MOVED"),
        (those.AskError, "ASK"),
        (those.TryAgainError, "TRYAGAIN"),
        (those.ClusterCrossSlotError, "CROSSSLOT"),
        (those.MasterDownError, "MASTERDOWN"),
        (those.ClusterDownError, "CLUSTERDOWN"),
        (those.ReadOnlyError, "READONLY"),
        (those.ExecAbortError, "EXECABORT"),
        (those.NoScriptError, "NOSCRIPT"),
        (those.OutOfMemoryError, "OOM"),
    )
    code = next((code for kind, code in kinds if isinstance(error, kind)), None)
    if code == "WRONGPASS" and "required" in text.lower():
        code = "NOAUTH"
    if code is not None:
        return code, text.removeprefix(f"{code} ")
    return name_and_detail(text)


def _words(code: str, detail: str, command: str | None) -> tuple[int, str]:
    what = command or "this"
    if code == "WRONGPASS" and "without any password" in detail:
        return errno.EACCES, "a password was given, and the server asks this user for none"
    if code == "NOPERM":
        return errno.EACCES, f"this user may not run {what} (NOPERM)"
    if code in _WORDS:
        number, words = _WORDS[code]
        return number, f"{words} ({code})"
    if detail.endswith("index is out of range"):  # DB index: redis-py cuts off ERR, and DB looks like a name
        return errno.EINVAL, "the server has no database of this number"
    if "unknown command" in detail.lower() or "unknown subcommand" in detail.lower():
        return errno.ENOSYS, f"the server does not know {what}"
    return errno.EIO, f"the server refuses {what}: {code} {_shown(detail)}".rstrip(": ")


def _shown(detail: str) -> str:
    """What a server adds, without the arguments some repeat."""
    words = re.split(r",? with args beginning with", detail, maxsplit=1)[0]
    return words if len(words) <= _MOST_WORDS else f"{words[:_MOST_WORDS]}..."


_MOST_WORDS = 160
_WORDS = {
    "NOAUTH": (errno.EACCES, "the server asks for a password, and none was given"),
    "WRONGPASS": (errno.EACCES, "the user or the password is wrong, or the user is disabled"),
    "LOADING": (errno.EBUSY, "the server still loads its data set: try again later"),
    "MOVED": (errno.EXDEV, "another node of the cluster holds this slot"),
    "ASK": (errno.EXDEV, "this slot is on its way to another node of the cluster"),
    "TRYAGAIN": (errno.EAGAIN, "this slot is on its way to another node of the cluster"),
    "CROSSSLOT": (errno.EINVAL, "the keys of one command lie in several slots"),
    "CLUSTERDOWN": (errno.EIO, "the cluster is down: not every slot has a node"),
    "MASTERDOWN": (errno.EIO, "this replica has lost its primary, and is told to serve nothing then"),
    "READONLY": (errno.EROFS, "this is a replica, which takes no writes"),
    "OOM": (errno.ENOMEM, "the server has no memory left (maxmemory)"),
    "NOMASTERLINK": (errno.EIO, "this replica has lost its primary, and serves no snapshot then"),
    "MISCONF": (errno.EIO, "the server could not write its own snapshot, and takes no writes until it can"),
    "BUSY": (errno.EBUSY, "the server runs a script or function that does not end"),
    "DENIED": (errno.EACCES, "the server is in protected mode: it takes connections of its own machine only"),
    "BUSYKEY": (errno.EEXIST, "there is such a key already"),
}


def _of_connection(url: str, error: Exception) -> LiveError:
    """A connection that was not made, or was lost: by the error below."""
    below: BaseException | None = error
    while below is not None:
        if isinstance(below, OSError):
            return _of_system(url, below)
        below = below.__cause__ or below.__context__
    if "max number of clients" in str(error):
        return live_error(url, "the server has as many connections as it takes (maxclients)")
    return live_error(url, "the server closed the connection", errno.ECONNRESET)


def _of_system(url: str, error: OSError) -> LiveError:
    number = error.errno or errno.EIO
    if isinstance(error, ssl.SSLCertVerificationError):
        trust = f"its certificate is not trusted: {error.verify_message}"
        return live_error(url, f"{trust}; --cacert names the CA to trust", errno.EACCES)
    if isinstance(error, ssl.SSLError):
        return live_error(url, f"TLS fails ({error.reason}): is it a port for rediss://?", errno.EIO)
    if isinstance(error, TimeoutError):
        return live_error(url, "the server did not answer in time", errno.ETIMEDOUT)
    if isinstance(error, (ConnectionResetError, BrokenPipeError)):
        return live_error(url, "the server closed the connection", errno.ECONNRESET)
    words = error.strerror or type(error).__name__
    return live_error(url, f"the server is not reached: {words}", number)
