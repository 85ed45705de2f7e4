"""Objects of S3: by a key that is found at once, else by botocore, which s3fs brings.

botocore knows profiles, roles, endpoints and regions.
"""

from __future__ import annotations

from http.client import HTTPException
from typing import Any

from rdbcodec.remote.forward import Body, Forward
from rdbcodec.remote.keyed import KeyedFile, open_keyed
from rdbcodec.remote.objects import errors_of, is_configured


class BucketFile(Forward):
    """An object that is read forward."""

    def __init__(self, url: str, client: Any, bucket: str, key: str) -> None:
        from botocore.exceptions import HTTPClientError, IncompleteReadError  # noqa: PLC0415 - optional

        self.lost = (OSError, HTTPException, HTTPClientError, IncompleteReadError)
        self._client = client
        self._object = {"Bucket": bucket, "Key": key}
        super().__init__(url)

    def _connect(self) -> Body:
        more = {"Range": f"bytes={self.position}-"} if self.position else {}
        more |= {"IfMatch": self._tag} if self.position and self._tag else {}
        with errors_of(self.name):
            answer = self._client.get_object(**self._object, **more)
        return Body(answer["Body"], answer.get("ContentLength"), answer.get("ETag"))


def open_bucket(url: str) -> KeyedFile | BucketFile | None:
    """An object, when there are credentials; None when it is for s3fs to find out how to ask."""
    bucket, _, key = url.partition("://")[2].partition("/")
    if not key or "?versionId=" in key or ":" in bucket or is_configured():
        return None
    return open_keyed(url, bucket, key) or _by_botocore(url, bucket, key)


def _by_botocore(url: str, bucket: str, key: str) -> BucketFile | None:
    try:
        from botocore.session import get_session  # noqa: PLC0415 - optional
    except ImportError:
        return None
    session = get_session()
    with errors_of(url):
        if session.get_credentials() is None:
            return None
        client = session.create_client("s3")
    return BucketFile(url, client, bucket, key)
