"""A server's URL: its parts for redis-py, and what of it may be shown.

    redis://user:password@host:6379/0      rediss:// is TLS; valkey:// and valkeys:// mean the same
    unix:///run/redis.sock?db=3
    rediss://host?ssl_ca_certs=ca.pem      further words of redis-py's from_url

A `#`, `/`, `?` or `@` in a password stands as %23, %2F, %3F, %40.
"""

from __future__ import annotations

import errno
import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

from rdbcodec.live.errors import LiveError, live_error
from rdbcodec.remote.urls import SERVERS, scheme_of
from rdbcodec.showing import masked

CONNECT_TIMEOUT, TIMEOUT = 10.0, 60.0  # seconds for a connection, and without a byte of an answer
_REDIS_WORDS = {"valkey": "redis", "valkeys": "rediss"}
_SECRETS = ("password", "ssl_password")


@dataclass(frozen=True)
class Options:
    """How a server is reached, beside its URL. What stands here counts before what the URL says.

    `cacert`, `cert` and `key` are files in PEM, `insecure` trusts any certificate. `one_node` takes a node of
    a cluster for itself.
    """

    username: str | None = None
    password: str | None = field(default=None, repr=False)
    cacert: str | None = None
    cert: str | None = None
    key: str | None = None
    insecure: bool = False
    connect_timeout: float = CONNECT_TIMEOUT
    timeout: float = TIMEOUT
    one_node: bool = False

    def keywords(self) -> dict[str, Any]:
        """What is said here, in the words of redis-py."""
        said = {
            "username": self.username,
            "password": self.password,
            "ssl_ca_certs": self.cacert,
            "ssl_certfile": self.cert,
            "ssl_keyfile": self.key,
        }
        loose = {"ssl_cert_reqs": "none", "ssl_check_hostname": False} if self.insecure else {}
        return {name: value for name, value in said.items() if value is not None} | loose


class ServerUrl(str):
    """A server's URL as it may be shown; the whole one, with a password, is beside it.

    It can go wherever a FILE goes, and what reports, logs and messages make of it shows no secret.
    """

    __slots__ = ("full",)

    full: str

    def __reduce__(self) -> tuple[object, ...]:
        return apart, (self.full,)


def apart(url: str, password: str | None = None) -> ServerUrl:
    """The URL with its password beside it; `password` is that of a URL that has none."""
    made = ServerUrl(without_password(url))
    made.full = url if password is None else with_password(url, password)
    return made


def is_server(place: object) -> bool:
    """Whether it is the URL of a server."""
    return scheme_of(place) in SERVERS


def without_password(url: str) -> str:
    """The URL as it may be shown: user and place, without any password."""
    try:
        parts = urlsplit(url)
        name, at, host = parts.netloc.rpartition("@")
        # A second @ or a password that goes on in the path is a password that was not percent-encoded.
        if "@" in name or "@" in parts.path or (parts.scheme != "unix" and not _is_host(host)):
            return _unread(url)
    except ValueError:
        return _unread(url)
    user = name.partition(":")[0]
    query = [(word, value) for word, value in parse_qsl(parts.query, True) if word not in _SECRETS]
    place = f"{user}{at}{host}" if user else host
    words = urlencode(query, safe="/")  # urlunsplit would make unix:/ of unix:///
    return f"{parts.scheme}://{place}{parts.path}" + (f"?{words}" if words else "")


def with_password(url: str, password: str) -> str:
    """The URL with this password in it; one that has a password stays as it is."""
    if has_password(url):
        return url
    scheme, _, rest = url.partition("://")
    user, at, place = rest.rpartition("@") if "@" in rest.partition("/")[0] else ("", "", rest)
    del at
    return f"{scheme}://{user.rstrip(':')}:{quote(password, safe='')}@{place}"


def has_password(url: str) -> bool:
    """Whether a password stands in the URL."""
    parts = urlsplit(url)
    return ":" in parts.netloc.rpartition("@")[0] or any(
        word in _SECRETS for word, _ in parse_qsl(parts.query)
    )


def parts_of(url: str) -> dict[str, Any]:
    """What redis-py's Connection takes of a URL, `connection_class` among it. LiveError for no such URL."""
    import redis.connection  # noqa: PLC0415 - optional

    scheme, _, rest = url.partition("://")
    scheme = _REDIS_WORDS.get(scheme.lower(), scheme.lower())
    try:
        place = urlsplit(f"{scheme}://{rest}")
        parts: dict[str, Any] = redis.connection.parse_url(f"{scheme}://{rest}")  # type: ignore[no-untyped-call]
    except ValueError:
        raise _no_url(url) from None
    if scheme == "unix":
        return parts
    if "@" in place.path:  # a password that goes on behind its "/"
        raise _no_url(url)
    database = unquote(place.path).strip("/")
    if database and not database.isdecimal():
        raise live_error(without_password(url), "/ is followed by the number of a database", errno.EINVAL)
    return parts


def _no_url(url: str) -> LiveError:
    words = (
        "this is no URL of a server, such as redis://host:6379/0; a / in a password stands as %2F, @ as %40"
    )
    return live_error(_unread(url), words, errno.EINVAL)


def _unread(url: str) -> str:
    """What may be shown of a URL that cannot be read: any part of it may be a password."""
    return masked(url) if "@" in url else f"{url.partition('://')[0][:7]}://..."


def _is_host(host: str) -> bool:
    return re.fullmatch(r"(\[[0-9A-Fa-f:.%]+\]|[^:@\[\]]*)(:\d{0,5})?", host) is not None
