"""Objects of S3 by keys found at once: signed as the service says, and left to botocore otherwise."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from email.message import Message
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
from serving import serving

from rdbcodec.remote import forward, keyed
from rdbcodec.remote.keyed import Key, address_of, key_of, open_keyed, signed

# The key of the examples in "Signature Calculations for the Authorization Header", docs.aws.amazon.com.
EXAMPLE = Key("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", None, "us-east-1", None)
DATA = bytes(range(256)) * 40


class Bucket(BaseHTTPRequestHandler):
    """One object, whose first answer breaks off; `asked` has the headers of each request."""

    asked: list[Message]

    def do_GET(self) -> None:
        self.headers["path"] = self.path
        self.asked.append(self.headers)
        if self.path == "/moved/k":
            self.send_response(307)
            self.send_header("Location", "/bkt/d%20e%2Bf.rdb")
            self.end_headers()
            return
        if self.path != "/bkt/d%20e%2Bf.rdb" or "Authorization" not in self.headers:
            self.send_error(403)
            return
        start = int((self.headers["Range"] or "bytes=0-")[6:-1])
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(DATA) - start))
        self.send_header("ETag", '"1"')
        self.end_headers()
        self.wfile.write(DATA[start:] if start else DATA[:1000])

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[str]:
    """A service whose address and key the environment tells, where botocore is."""
    monkeypatch.setattr(forward, "PAUSE", 0)
    monkeypatch.setattr(keyed, "find_spec", lambda _: True)
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", EXAMPLE.id)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", EXAMPLE.secret)
    monkeypatch.setenv("AWS_SESSION_TOKEN", "token")
    Bucket.asked = []
    with serving(Bucket) as address:
        monkeypatch.setenv("AWS_ENDPOINT_URL", address)
        yield address


def test_a_request_is_signed_as_the_service_s_example() -> None:
    told = signed(
        "https://examplebucket.s3.amazonaws.com/test.txt",
        {"Range": "bytes=0-9", "Accept-Encoding": "identity"},
        EXAMPLE,
        "20130524T000000Z",
    )
    assert told["Authorization"] == (
        "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,"
        "SignedHeaders=host;range;x-amz-content-sha256;x-amz-date,"
        "Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"
    )


def test_an_object_is_read_and_taken_up_again_by_the_key(bucket: str) -> None:
    file = open_keyed("s3://bkt/d e+f.rdb", "bkt", "d e+f.rdb")
    assert file is not None
    assert b"".join(iter(lambda: file.read(4096), b"")) == DATA
    first, second = Bucket.asked
    assert [one["X-amz-security-token"] for one in Bucket.asked] == ["token", "token"]
    assert "Range" not in first
    assert second["Range"] == "bytes=1000-"
    assert second["If-match"] == '"1"'
    names = re.findall("SignedHeaders=(.*),", second["Authorization"])
    assert names == ["host;if-match;range;x-amz-content-sha256;x-amz-date;x-amz-security-token"]


def test_who_asks_is_not_told_where_an_answer_points_to(bucket: str) -> None:
    with pytest.raises(OSError, match="HTTP 403") as caught:
        keyed.KeyedFile("s3://moved/k", f"{bucket}/moved/k", EXAMPLE._replace(token="token"))  # noqa: S106
    assert caught.value.filename == "s3://moved/k"
    assert ["X-amz-security-token" in one for one in Bucket.asked] == [True, False]


def test_what_is_refused_is_for_botocore_to_ask_again(bucket: str) -> None:
    assert open_keyed("s3://bucket/no", "bucket", "no") is None
    assert [one["path"] for one in Bucket.asked] == ["/bucket/no"]


def test_nothing_is_asked_for_without_botocore(bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keyed, "find_spec", lambda _: None)
    assert open_keyed("s3://bucket/k", "bucket", "k") is None
    assert Bucket.asked == []


def test_certificates_of_one_s_own_are_botocore_s(bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_CA_BUNDLE", "ca.pem")
    assert open_keyed("s3://bucket/k", "bucket", "k") is None
    assert len(Bucket.asked) == 1  # none are needed where nothing is encrypted
    monkeypatch.setenv("AWS_ENDPOINT_URL", "https://127.0.0.1:9")
    assert open_keyed("s3://bucket/k", "bucket", "k") is None
    assert len(Bucket.asked) == 1


@pytest.mark.parametrize(
    ("region", "endpoint", "bucket", "name", "address"),
    [
        ("eu-west-1", None, "bkt", "a b/ü~.rdb", "https://bkt.s3.eu-west-1.amazonaws.com/a%20b/%C3%BC~.rdb"),
        ("x", "http://minio:9000/", "bkt", "k?#", "http://minio:9000/bkt/k%3F%23"),
        ("cn-north-1", None, "bkt", "k", None),
        ("us-iso-east-1", None, "bkt", "k", None),
        ("eu-west-1", None, "with.dots", "k", None),
        ("eu-west-1", None, "Upper", "k", None),
        ("eu-west-1", None, "express--use1-az4--x-s3", "k", None),
        ("eu-west-1", "http://user:password@minio", "bkt", "k", None),
        ("eu-west-1", "https://minio/path", "bkt", "k", None),
    ],
)
def test_an_object_is_where_botocore_looks_for_it(
    region: str, endpoint: str | None, bucket: str, name: str, address: str | None
) -> None:
    key = EXAMPLE._replace(region=region, endpoint=endpoint)
    assert address_of(key, bucket, name) == address


TWO = {"AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "secret"}
CONFIG = """
[default]
region = eu-west-1
[profile plain]
region = eu-central-1
endpoint_url = http://minio
[profile role]
role_arn = arn:aws:iam::1:role/r
[profile styled]
s3 =
    addressing_style = virtual
"""
CREDENTIALS = """
[default]
aws_access_key_id = a
aws_secret_access_key = b
[plain]
aws_access_key_id = c
aws_secret_access_key = d%
aws_session_token = e
"""


@pytest.mark.parametrize(
    ("told", "key"),
    [
        ({}, Key("a", "b", None, "eu-west-1", None)),
        (TWO, Key("id", "secret", None, "eu-west-1", None)),
        ({**TWO, "AWS_SESSION_TOKEN": "t"}, Key("id", "secret", "t", "eu-west-1", None)),
        ({"AWS_PROFILE": "plain"}, Key("c", "d%", "e", "eu-central-1", "http://minio")),
        (
            {"AWS_DEFAULT_PROFILE": "plain", "AWS_PROFILE": "role", "AWS_ENDPOINT_URL": "http://other"},
            Key("c", "d%", "e", "eu-central-1", "http://other"),
        ),
        (
            {"AWS_DEFAULT_REGION": "r", "AWS_ENDPOINT_URL_S3": "http://s3", "AWS_ENDPOINT_URL": "http://e"},
            Key("a", "b", None, "r", "http://s3"),
        ),
        ({"AWS_ACCESS_KEY_ID": "id"}, None),
        ({"AWS_PROFILE": "role"}, None),
        ({"AWS_PROFILE": "styled", **TWO}, None),
        ({"AWS_PROFILE": "nobody", **TWO}, None),
        ({"AWS_USE_FIPS_ENDPOINT": "true", **TWO}, None),
        ({"AWS_ROLE_ARN": "arn:aws:iam::1:role/r", **TWO}, None),
    ],
)
def test_a_key_is_found_as_botocore_finds_it_or_left_to_it(
    told: dict[str, str], key: Key | None, tmp_path: Path
) -> None:
    (tmp_path / "config").write_text(CONFIG)
    (tmp_path / "credentials").write_text(CREDENTIALS)
    files = {
        "AWS_CONFIG_FILE": str(tmp_path / "config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "credentials"),
    }
    assert key_of({**files, **told}) == key


def test_files_that_are_not_there_or_not_understood(tmp_path: Path) -> None:
    files = {"AWS_CONFIG_FILE": str(tmp_path / "no"), "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "keys")}
    assert key_of({**files, **TWO}) == Key("id", "secret", None, "us-east-1", None)
    (tmp_path / "keys").write_text("no section")
    assert key_of({**files, **TWO}) is None
