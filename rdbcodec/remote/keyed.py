"""Objects of S3 by keys that stand in the environment or a profile, without botocore.

botocore takes 1,100 million instructions before it asks for the first byte, as many as reading half a
gigabyte does. A request is signed here, with what Python has ("Authenticating Requests: Using the
Authorization Header (AWS Signature Version 4)", docs.aws.amazon.com), when all that was told is understood: a
key, a region, an endpoint. Every other variable or setting (roles, SSO, FIPS, ...) makes it botocore's. So
does a service that says no: botocore knows about regions and redirects, and its error is what is told.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import time
from collections.abc import Mapping
from contextlib import suppress
from importlib.util import find_spec
from urllib.parse import quote, urlsplit

from rdbcodec.named_tuples import NamedTuple
from rdbcodec.remote.web import WebFile

# Variables and settings that are understood here, or say nothing about what is read.
_VARIABLES = frozenset(
    {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_DEFAULT_REGION",
     "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_CA_BUNDLE", "AWS_DEFAULT_PROFILE", "AWS_PROFILE",
     "AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE", "AWS_DEFAULT_OUTPUT", "AWS_PAGER",
     "AWS_EC2_METADATA_DISABLED"}
)  # fmt: skip
_SETTINGS = frozenset(
    {"aws_access_key_id", "aws_secret_access_key", "aws_session_token", "region", "endpoint_url", "output",
     "cli_pager"}
)  # fmt: skip
_REGION = re.compile(r"(?:us|eu|ap|sa|ca|me|af|il|mx)-[a-z]+-\d")  # of amazonaws.com; others have other ends
_BUCKET = re.compile(r"(?!.*--)[a-z0-9][a-z0-9-]{1,61}[a-z0-9]")  # "--" is of other kinds of buckets
_ENDPOINT = re.compile(r"https?://[A-Za-z0-9.-]+(?::\d+)?/?")
_NOTHING = hashlib.sha256().hexdigest()  # of the body of a request that has none


class Key(NamedTuple):
    """Who asks, and where: `endpoint` is None for AWS itself."""

    id: str
    secret: str
    token: str | None
    region: str
    endpoint: str | None


class KeyedFile(WebFile):
    """An object that is read forward, each request signed with a key."""

    def __init__(self, url: str, address: str, key: Key) -> None:
        self._url = address
        self._key = key
        super().__init__(url)

    def _address(self) -> str:
        return self._url

    def _headers(self, headers: dict[str, str]) -> dict[str, str]:
        return signed(self._url, headers, self._key, time.strftime("%Y%m%dT%H%M%SZ", time.gmtime()))


def open_keyed(url: str, bucket: str, name: str) -> KeyedFile | None:
    """An object; None when it is for botocore to find out who asks, where, or why that is refused."""
    key = key_of(os.environ) if find_spec("botocore") else None
    address = address_of(key, bucket, name) if key else None
    if key is None or address is None:
        return None
    if "AWS_CA_BUNDLE" in os.environ and not address.startswith("http:"):
        return None
    with suppress(OSError):
        return KeyedFile(url, address, key)
    return None


def address_of(key: Key, bucket: str, name: str) -> str | None:
    """Where an object is, named as botocore names it; None for what only botocore knows."""
    if not _BUCKET.fullmatch(bucket):
        return None
    path = quote(name, safe="/~")
    if key.endpoint:
        return f"{key.endpoint.rstrip('/')}/{bucket}/{path}" if _ENDPOINT.fullmatch(key.endpoint) else None
    return f"https://{bucket}.s3.{key.region}.amazonaws.com/{path}" if _REGION.fullmatch(key.region) else None


# --- who asks ---------------------------------------------------------------------------------------


def key_of(told: Mapping[str, str]) -> Key | None:
    """The key of the environment, or of the profile it names; None when something else is told as well."""
    if any(name.startswith("AWS_") and name not in _VARIABLES for name in told):
        return None
    profile = _profile(told)
    if profile is None or not _SETTINGS.issuperset(profile):
        return None
    names = ("aws_access_key_id", "aws_secret_access_key", "aws_session_token")
    id_, secret, token = (told.get(name.upper()) for name in names)
    if not (id_ or secret or token):
        id_, secret, token = map(profile.get, names)
    if not id_ or not secret:
        return None
    region = told.get("AWS_DEFAULT_REGION") or profile.get("region") or "us-east-1"
    endpoints = (told.get("AWS_ENDPOINT_URL_S3"), told.get("AWS_ENDPOINT_URL"), profile.get("endpoint_url"))
    return Key(id_, secret, token or None, region, next(filter(None, endpoints), None))


def _profile(told: Mapping[str, str]) -> dict[str, str] | None:
    """The settings of the profile in both files; None for one that was named and is not there."""
    named = told.get("AWS_DEFAULT_PROFILE") or told.get("AWS_PROFILE")
    name = named or "default"
    config = told.get("AWS_CONFIG_FILE") or "~/.aws/config"
    shared = told.get("AWS_SHARED_CREDENTIALS_FILE") or "~/.aws/credentials"
    sections = [(config, name if name == "default" else f"profile {name}"), (shared, name)]
    found = [_section(os.path.expanduser(path), section) for path, section in sections]  # noqa: PTH111
    if None in found or (named and not any(found)):
        return None
    return {setting: text for one in found for setting, text in (one or {}).items()}


def _section(path: str, name: str) -> dict[str, str] | None:
    """The settings of a section, {} when there is none; None for a file that is not understood."""
    if not os.path.exists(path):  # noqa: PTH110
        return {}
    from configparser import Error, RawConfigParser  # noqa: PLC0415 - most have the environment alone

    parser = RawConfigParser(default_section="")
    try:
        parser.read(path, encoding="utf-8")
    except (Error, OSError, ValueError):
        return None
    return dict(parser[name]) if parser.has_section(name) else {}


# --- signing ----------------------------------------------------------------------------------------


def signed(address: str, headers: Mapping[str, str], key: Key, now: str) -> dict[str, str]:
    """The headers of a GET, with those that say who asks; `now` as in 20130524T000000Z."""
    own = {"x-amz-content-sha256": _NOTHING, "x-amz-date": now}
    own |= {"x-amz-security-token": key.token} if key.token else {}
    place = urlsplit(address)
    told = {name.lower(): value for name, value in headers.items() if name in ("Range", "If-Match")}
    about = dict(sorted({"host": place.netloc, **told, **own}.items()))
    names = ";".join(about)
    lines = [f"{name}:{value}" for name, value in about.items()]
    asked = "\n".join(["GET", place.path, place.query, *lines, "", names, _NOTHING])
    scope = f"{now[:8]}/{key.region}/s3/aws4_request"
    text = "\n".join(["AWS4-HMAC-SHA256", now, scope, hashlib.sha256(asked.encode()).hexdigest()])
    signature = hmac.new(_signing_key(key.secret, scope), text.encode(), hashlib.sha256).hexdigest()
    who = f"AWS4-HMAC-SHA256 Credential={key.id}/{scope},SignedHeaders={names},Signature={signature}"
    return {**headers, **own, "Authorization": who}


def _signing_key(secret: str, scope: str) -> bytes:
    made = f"AWS4{secret}".encode()
    for part in scope.split("/"):
        made = hmac.new(made, part.encode(), hashlib.sha256).digest()
    return made
