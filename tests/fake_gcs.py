"""As much of Google Cloud Storage as reading and writing an object takes, for gcsfs on STORAGE_EMULATOR_HOST.

There is no emulator in any package registry. This one knows objects' metadata, listings, downloads with
ranges, and uploads in pieces; nothing of it is code or words of others.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from serving import serving


class Bucket(BaseHTTPRequestHandler):
    """Requests to buckets; every bucket is there."""

    objects: dict[tuple[str, str], bytes]
    unfinished: dict[tuple[str, str], bytes]
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        path, asked = self._asked()
        found = re.fullmatch(r"(?:/download)?/storage/v1/b/([^/]+)/o(?:/(.+))?", path)
        if found is None:
            self._answer(404)
        elif found[2] is None:
            self._answer(200, self._listing(found[1], asked))
        elif (found[1], unquote(found[2])) not in self.objects:
            self._answer(404, {"error": {"code": 404, "message": "No such object"}})
        elif asked.get("alt") == "media" or path.startswith("/download"):
            self._media(self.objects[found[1], unquote(found[2])])
        else:
            self._answer(200, self._described(found[1], unquote(found[2])))

    def do_POST(self) -> None:
        path, asked = self._asked()
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if path.startswith("/resumed/"):
            bucket, _, name = unquote(path.removeprefix("/resumed/")).partition("/")
            self._piece(bucket, name, body)
        elif asked.get("uploadType") == "resumable":
            bucket = path.rpartition("/b/")[2].partition("/")[0]
            where = f"http://{self.headers['Host']}/resumed/{bucket}/{json.loads(body)['name']}"
            self._answer(200, {}, Location=where)
        else:
            self._answer(501)

    def do_DELETE(self) -> None:
        """Of an upload that was begun: nobody has seen it."""
        bucket, _, name = unquote(self.path.removeprefix("/resumed/")).partition("/")
        self.unfinished.pop((bucket, name), None)
        self._answer(204)

    def _piece(self, bucket: str, name: str, body: bytes) -> None:
        """A piece of an upload; the one that says how much there is makes the object."""
        held = self.unfinished.pop((bucket, name), b"") + body
        total = self.headers["Content-Range"].rpartition("/")[2]
        if total == "*" or int(total) > len(held):
            self.unfinished[bucket, name] = held
            self._answer(308, None, Range=f"bytes=0-{len(held) - 1}")
        else:
            self.objects[bucket, name] = held
            self._answer(200, self._described(bucket, name))

    def _asked(self) -> tuple[str, dict[str, str]]:
        parts = urlsplit(self.path)
        return parts.path, {name: values[0] for name, values in parse_qs(parts.query).items()}

    def _listing(self, bucket: str, asked: dict[str, str]) -> dict[str, Any]:
        prefix = asked.get("prefix", "")
        names = sorted(name for where, name in self.objects if where == bucket and name.startswith(prefix))
        return {"items": [self._described(bucket, name) for name in names]}

    def _described(self, bucket: str, name: str) -> dict[str, Any]:
        return {"kind": "storage#object", "bucket": bucket, "name": name, "generation": "1",
                "size": str(len(self.objects[bucket, name])), "timeCreated": "2026-11-27T00:00:00Z",
                "updated": "2026-11-27T00:00:00Z"}  # fmt: skip

    def _media(self, data: bytes) -> None:
        start, end = re.findall(r"bytes=(\d+)-(\d*)", self.headers.get("Range") or "bytes=0-")[0]
        piece = data[int(start) : int(end) + 1 if end else None]
        self.send_response(206)
        self.send_header("Content-Length", str(len(piece)))
        self.send_header("Content-Range", f"bytes {start}-{int(start) + len(piece) - 1}/{len(data)}")
        self.end_headers()
        self.wfile.write(piece)

    def _answer(self, status: int, document: dict[str, Any] | None = None, **headers: str) -> None:
        body = b"" if document is None else json.dumps(document).encode()
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def fake_gcs() -> Iterator[str]:
    """The address of one that is empty."""
    Bucket.objects, Bucket.unfinished = {}, {}
    with serving(Bucket) as address:
        yield address
