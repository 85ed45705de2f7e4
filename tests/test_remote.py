"""URLs: read and written, said in words when they cannot be, and never with their signatures."""

from __future__ import annotations

import errno
import gzip
import os
import re
import ssl
import sys
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from types import SimpleNamespace
from typing import IO, Any, Protocol

import pytest
from commands import run
from serving import serving

import rdbcodec
from rdbcodec.remote import account, forward, permits, web
from rdbcodec.remote.objects import expanded, filesystem
from rdbcodec.remote.opening import open_read
from rdbcodec.remote.signed_uri import parse
from rdbcodec.remote.urls import name_of, scheme_of

SNAPSHOT = Path("fixtures/snapshots/redis-7.2.6-types.rdb")
SECRET = "c2VjcmV0"  # noqa: S105 - looks like a signature, and is to come out nowhere
SAS = f"sv=2024-05-04&sr=b&sp=r&se=2099-01-01T00%3A00Z&sig={SECRET}%3D"


DENIED = "AuthorizationPermissionMismatch"


class Ran(Protocol):
    """A command's exit code and what it wrote."""

    def __call__(self, *words: str) -> tuple[int, str, str]: ...


@pytest.fixture
def ran() -> Ran:
    def command(*words: str) -> tuple[int, str, str]:
        done = run(*words)
        return done.returncode, done.stdout.decode(), done.stderr.decode()

    return command


class Served(BaseHTTPRequestHandler):
    """Files of a server that breaks off after `breaks` bytes, each time until it has done so often enough."""

    files: dict[str, bytes]
    breaks: list[int]
    seen: list[str | None]
    asked: list[str | None]

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if path.startswith("/a/moved/"):
            self.send_response(302)
            self.send_header("Location", path.replace("moved", "c"))
            self.end_headers()
            return
        self.asked.append(self.headers["Authorization"])
        self.seen.append(self.headers["Range"])
        if path not in self.files:
            self.send_response(403 if "denied" in path else 404)
            if "denied" in path:
                self.send_header("x-ms-error-code", DENIED)
            self.end_headers()
            self.wfile.write(b"" if "denied" in path else f"<Code>NoSuchKey</Code>{self.path}".encode())
            return
        data = self.files[path]
        start = int((self.headers["Range"] or "bytes=0-")[6:-1])
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(data) - start))
        self.send_header("ETag", '"1"')
        self.end_headers()
        self.wfile.write(data[start:][: self.breaks.pop() if self.breaks else None])

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setattr(forward, "PAUSE", 0)
    data = SNAPSHOT.read_bytes()
    Served.files, Served.breaks, Served.seen = {"/c/d.rdb": data, "/c/d.rdb.gz": gzip.compress(data)}, [], []
    Served.asked = []
    with serving(Served) as address:
        yield address


def keys_of(source: Any) -> list[bytes]:
    with rdbcodec.open(source) as snapshot:
        return [record.key for record in snapshot if isinstance(record, rdbcodec.Entry)]


# --- https ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["d.rdb", "d.rdb.gz"])
def test_a_url_is_read_like_a_file(server: str, name: str) -> None:
    assert keys_of(f"{server}/c/{name}?{SAS}") == keys_of(SNAPSHOT)


def test_certificates_are_read_for_https_alone(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def read() -> None:
        raise AssertionError

    monkeypatch.setattr(ssl, "create_default_context", read)
    web._opener.cache_clear()
    assert keys_of(f"{server}/c/d.rdb") == keys_of(SNAPSHOT)


def test_a_lost_connection_is_taken_up_where_it_broke_off(server: str) -> None:
    Served.breaks[:] = [3000, 1000]
    assert keys_of(f"{server}/c/d.rdb") == keys_of(SNAPSHOT)
    assert Served.seen == [None, "bytes=1000-", "bytes=4000-"]


def test_a_connection_that_brings_nothing_is_given_up(server: str) -> None:
    Served.breaks[:] = [0] * 5
    with pytest.raises(OSError, match="the connection was lost 4 times after 0 bytes") as caught:
        keys_of(f"{server}/c/d.rdb")
    assert caught.value.filename == f"{server}/c/d.rdb"


class Kept(Served):
    """The same server, which holds its connections after an answer until it may close them."""

    may_close: threading.Event

    def do_GET(self) -> None:
        super().do_GET()
        self.wfile.flush()
        self.may_close.wait(30)


@pytest.mark.parametrize("size", [1, 8 << 10, 576 << 10, (832 << 10) + 1, 3 << 20])
def test_the_last_bytes_of_a_body_are_not_waited_for_until_there_are_more(
    size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(web, "TIMEOUT", 5)  # of a wait that would bring nothing
    data = os.urandom(size)
    Kept.files, Kept.breaks, Kept.seen, Kept.asked = {"/d": data}, [], [], []
    Kept.may_close = threading.Event()
    with serving(Kept) as address:
        file = open_read(f"{address}/d")
        assert b"".join(iter(lambda: file.read(100_000), b"")) == data
        file.close()
        Kept.may_close.set()
    assert Kept.seen == [None]


def test_who_waits_for_many_bytes_is_told_that_the_connection_is_lost(server: str) -> None:
    data = os.urandom(3 << 20)
    Served.files["/d"] = data
    Served.breaks[:] = [1000, 1 << 20]
    file = open_read(f"{server}/d")
    assert b"".join(iter(lambda: file.read(256 << 10), b"")) == data
    assert Served.seen == [None, "bytes=1048576-", "bytes=1049576-"]


@pytest.mark.parametrize(
    ("path", "says"),
    [
        (
            "denied.rdb",
            "the SAS or identity lacks a permission that this needs (HTTP 403 " + DENIED + ")",
        ),
        ("no.rdb", "there is no such object (HTTP 404 NoSuchKey)"),
    ],
)
def test_what_the_service_refuses_is_said_in_words_and_without_the_signature(
    server: str, path: str, says: str, ran: Ran
) -> None:
    code, out, err = ran("inspect", f"{server}/c/{path}?{SAS}")
    assert (code, out) == (4, "")
    assert err == f"{server}/c/{path}?{SAS.replace(f'{SECRET}%3D', '...')}: {says}\n"


def test_a_server_that_is_not_there_is_named_without_the_signature(ran: Ran) -> None:
    code, out, err = ran("inspect", f"http://127.0.0.1:9/c/d.rdb?{SAS}")
    assert (code, out) == (4, "")
    assert SECRET not in err
    assert err.endswith(": the server is not reached: Connection refused\n")


# --- blobs by the credentials of the environment ----------------------------------------------------


def connection(server: str, how: str) -> str:
    return f"AccountName=a;{how};BlobEndpoint={server}/a"


def test_a_blob_is_read_and_taken_up_again_by_the_key_of_the_account(
    server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AZURE_STORAGE_CONNECTION_STRING", connection(server, f"AccountKey={SECRET}"))
    Served.files["/a/c/d%20e.rdb"] = SNAPSHOT.read_bytes()
    Served.breaks[:] = [1000]
    assert keys_of("az://c/d e.rdb") == keys_of(SNAPSHOT)
    assert Served.seen == [None, "bytes=1000-"]


def test_who_asks_is_not_told_where_an_answer_points_to(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_STORAGE_CONNECTION_STRING", connection(server, f"AccountKey={SECRET}"))
    Served.files["/a/c/d.rdb"] = SNAPSHOT.read_bytes()
    assert keys_of("az://moved/d.rdb") == keys_of(SNAPSHOT)
    assert Served.asked == [None]


def test_what_a_key_signs_is_as_the_service_says() -> None:
    headers = {"x-ms-date": "Fri, 26 Jun 2015 23:39:12 GMT", "x-ms-version": "2015-02-21"}
    address = "https://myaccount.blob.core.windows.net/mycontainer?restype=container&comp=metadata&timeout=20"
    assert account._to_sign("GET", address, headers, "myaccount") == (
        "GET\n\n\n\n\n\n\n\n\n\n\n\nx-ms-date:Fri, 26 Jun 2015 23:39:12 GMT\nx-ms-version:2015-02-21\n"
        "/myaccount/mycontainer\ncomp:metadata\nrestype:container\ntimeout:20"
    )


def test_a_sas_of_the_environment_is_judged_and_told_nowhere(
    server: str, monkeypatch: pytest.MonkeyPatch, ran: Ran
) -> None:
    told = connection(server, f"SharedAccessSignature={SAS.replace('sp=r', 'sp=w')}")
    monkeypatch.setenv("AZURE_STORAGE_CONNECTION_STRING", told)
    says = "az://c/d.rdb: the permissions of the SAS (sp=w) lack read (r)\n"
    assert ran("inspect", "az://c/d.rdb") == (4, "", says)
    monkeypatch.setenv("AZURE_STORAGE_CONNECTION_STRING", told.replace("sp=w", "sp=r"))
    says = "az://c/d.rdb: there is no such object (HTTP 404 NoSuchKey)\n"
    assert ran("inspect", "az://c/d.rdb") == (4, "", says)
    assert Served.seen == [None]


@pytest.mark.parametrize(
    "told",
    [
        {"AZURE_STORAGE_CONNECTION_STRING": "UseDevelopmentStorage=true"},
        {"AZURE_STORAGE_ACCOUNT_NAME": "a", "AZURE_STORAGE_CLIENT_ID": "1"},
        {"AZURE_STORAGE_ACCOUNT_NAME": "a", "AZURE_STORAGE_ACCOUNT_KEY": "no base64"},
        {},
    ],
)
def test_what_only_its_package_understands_is_left_to_it(told: dict[str, str]) -> None:
    assert account.account_of(account.place_of("az://c/d.rdb"), told) is None


# --- what a SAS says before it is used --------------------------------------------------------------

BLOB = "https://a.blob.core.windows.net/c/b?sv=1"
NOW = 1_796_000_000_000  # 2026-11-30T00:53:20Z


@pytest.mark.parametrize(
    ("url", "use", "says"),
    [
        (
            f"{BLOB}&sp=r&se=2026-11-30T00:50Z",
            "read",
            "the SAS expired 3 minutes ago",
        ),
        (
            f"{BLOB}&sp=r&st=2026-11-30T01:50Z",
            "read",
            "the SAS (st) starts in 56 minutes",
        ),
        (
            f"{BLOB}&sp=r&se=2027-01-01&ske=2026-11-29",
            "read",
            "the user delegation key of the SAS (ske) expired 1 day 53 minutes ago",
        ),
        (
            f"{BLOB}&sp=w",
            "read",
            "the permissions of the SAS (sp=w) lack read (r)",
        ),
        (
            f"{BLOB}&sp=r",
            "write",
            "the permissions of the SAS (sp=r) lack write (w) or create (c)",
        ),
        (
            "http://a.blob.core.windows.net/c/b?sv=1&sp=r",
            "read",
            "the URL begins with http://, its signature would travel readable: use https://",
        ),
        ("http://127.0.0.1/c/b?sv=1&sp=r", "read", None),
        (f"{BLOB}&si=policy", "write", None),
    ],
)
def test_a_sas_is_judged_before_it_is_used(url: str, use: permits.Use, says: str | None) -> None:
    assert permits.what_forbids(parse(f"{url}&sig={SECRET}"), use, NOW) == says


def test_a_sas_that_ended_is_not_sent_anywhere(ran: Ran) -> None:
    url = f"https://a.blob.core.windows.net/c/b.rdb?sv=2024-05-04&sp=r&se=2020-01-01T00:00Z&sig={SECRET}"
    code, out, err = ran("inspect", url)
    assert (code, out) == (4, "")
    assert SECRET not in err
    assert re.search(r": the SAS expired \d+ days( \d+ (hour|minute)s?)? ago\n$", err)


def test_urls_that_other_services_signed_are_theirs_to_judge() -> None:
    permits.check(f"https://b.s3.amazonaws.com/k?X-Amz-Expires=1&X-Amz-Signature={SECRET}", "read")


# --- object stores ----------------------------------------------------------------------------------

fsspec = pytest.importorskip("fsspec")


@pytest.fixture
def store() -> Any:
    memory = fsspec.filesystem("memory")
    memory.store.clear()
    for name in ("b/2.rdb", "b/1.rdb", "b/notes.txt"):
        with memory.open(name, "wb") as file:
            file.write(SNAPSHOT.read_bytes())
    return memory


def test_an_object_is_read_like_a_file(store: Any) -> None:
    assert keys_of("memory://b/1.rdb") == keys_of(SNAPSHOT)


def test_a_pattern_and_a_folder_stand_for_the_objects_in_the_order_of_their_names(store: Any) -> None:
    assert expanded("memory://b/*.rdb") == ["memory://b/1.rdb", "memory://b/2.rdb"]
    assert expanded("memory://b/") == ["memory://b/1.rdb", "memory://b/2.rdb", "memory://b/notes.txt"]
    assert expanded(f"https://h/c/b?{SAS}") == [f"https://h/c/b?{SAS}"]


def test_every_object_of_a_pattern_has_its_report(store: Any, ran: Ran) -> None:
    code, out, _ = ran("check", "memory://b/*.rdb")
    assert code == 0
    assert re.findall(r"^(\S+): sound, 94 keys", out, re.MULTILINE) == [
        "memory://b/1.rdb",
        "memory://b/2.rdb",
    ]


def test_a_command_of_one_file_takes_no_pattern_of_several(store: Any, ran: Ran) -> None:
    says = "memory://b/*.rdb: stands for 2 files, and keys takes one\n"
    assert ran("keys", "memory://b/*.rdb") == (2, "", says)


def test_what_is_written_is_there_whole_or_not_at_all(store: Any, ran: Ran) -> None:
    assert ran("convert", "memory://b/1.rdb", "-o", "memory://b/out.rdb", "--to", "redis-8.2")[0] == 0
    assert keys_of("memory://b/out.rdb") == keys_of(SNAPSHOT)
    lossy = ("convert", "memory://b/1.rdb", "-o", "memory://b/none.rdb", "--to", "redis-2.8")
    assert ran(*lossy)[0] == 1
    assert not store.exists("memory://b/none.rdb")


def test_an_object_is_replaced_only_by_force(store: Any, ran: Ran) -> None:
    words = ("convert", str(SNAPSHOT), "-o", "memory://b/2.rdb", "--to", "redis-8.2")
    assert ran(*words) == (4, "", "memory://b/2.rdb: exists already, --force writes over it\n")
    assert ran(*words, "--force")[0] == 0


def test_an_input_is_never_written_over(store: Any, ran: Ran) -> None:
    words = ("filter", "memory://b/1.rdb", "-o", "memory://b/1.rdb", "--force")
    assert ran(*words) == (4, "", "memory://b/1.rdb: is the input, which is never written over\n")


def test_an_index_stands_beside_a_file(store: Any, ran: Ran) -> None:
    says = "index needs a file: what passes by has no places\n"
    assert ran("index", "memory://b/1.rdb") == (2, "", says)


def test_what_is_not_there_is_said(store: Any, ran: Ran) -> None:
    assert ran("inspect", "memory://b/no.rdb") == (4, "", "memory://b/no.rdb: there is no such object\n")
    assert ran("inspect", "memory://b/*.no") == (4, "", "memory://b/*.no: there is no such object\n")


class Broken:
    """A file system whose errors hold the whole URL, as some do."""

    def __init__(self, error: Callable[[], Exception]) -> None:
        self._error = error

    def open(self, *_: Any, **__: Any) -> Any:
        raise self._error()


BY_RULE = "AuthorizationFailure"


class AzureError(Exception):
    status_code = 403
    error_code = BY_RULE


class ClientError(Exception):
    response = {"Error": {"Code": "NoSuchBucket"}, "ResponseMetadata": {"HTTPStatusCode": 404}}  # noqa: RUF012


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (lambda: FileNotFoundError(f"az://c/b?sig={SECRET}"), "there is no such object"),
        (lambda: PermissionError(f"az://c/b?sig={SECRET}"), "the credentials do not allow it"),
        (
            lambda: AzureError(f"sig={SECRET}"),
            "the SAS, or a network rule of the storage account, does not allow it (HTTP 403 " + BY_RULE + ")",
        ),
        (lambda: ClientError(SECRET), "there is no such bucket (HTTP 404 NoSuchBucket)"),
        (lambda: OSError(errno.ECONNRESET, "Connection reset by peer"), "Connection reset by peer"),
        (lambda: RuntimeError(SECRET), "builtins says RuntimeError"),
    ],
)
def test_no_error_of_a_store_shows_more_than_its_class(
    error: Callable[[], Exception], says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fsspec.core, "url_to_fs", lambda url: (Broken(error), url))
    with pytest.raises(OSError, match=r".") as caught:
        rdbcodec.open("az://c/b.rdb")
    assert (caught.value.filename, caught.value.strerror) == ("az://c/b.rdb", says)
    assert caught.value.__cause__ is None


def test_a_store_whose_package_is_missing_names_the_extra(monkeypatch: pytest.MonkeyPatch, ran: Ran) -> None:
    def missing(_: str) -> Any:
        raise ImportError

    monkeypatch.setattr(fsspec.core, "url_to_fs", missing)
    says = "this URL needs the extra {0}: pip install 'rdbcodec[{0}]'\n"
    for url, extra in (
        ("az://c/b", "azure"),
        ("s3://b/k", "s3"),
        ("gs://b/k", "gcs"),
        ("sftp://h/p", "remote"),
    ):
        assert ran("inspect", url) == (4, "", f"{url}: {says.format(extra)}")


def test_a_server_is_no_file_to_write_to(ran: Ran) -> None:
    says = "this is a server: `restore` writes a snapshot into one"
    words = ("convert", str(SNAPSHOT), "-o", "redis://u:secret@h:6379", "--to", "redis-8.2")
    assert ran(*words) == (4, "", f"redis://...@h:6379: {says}\n")


def test_a_scheme_that_nobody_knows_is_said(ran: Ran) -> None:
    assert ran("inspect", "nope://c/b") == (4, "", "nope://c/b: nothing here opens nope:// URLs\n")


def test_the_kind_of_blob_is_asked_for_urls_only(ran: Ran, tmp_path: Path) -> None:
    out = tmp_path / "o.rdb"
    code, _, err = ran("convert", str(SNAPSHOT), "-o", str(out), "--to", "redis-8.2", "--blob", "page")
    assert (code, err) == (2, f"--blob is for URLs, and -o {out} is a file: `pad` pads one\n")


# --- sources that give buffers of their own ---------------------------------------------------------


class Buffers:
    """What obstore's files are like: read gives no bytes, but what bytes() takes."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def read(self, size: int, /) -> memoryview:
        return memoryview(self._file.read(size))


def test_a_source_may_give_buffers() -> None:
    with SNAPSHOT.open("rb") as file:
        assert keys_of(Buffers(file)) == keys_of(SNAPSHOT)


def test_what_is_a_url() -> None:
    assert [scheme_of(text) for text in ("AZ://c/b", "C:/dump.rdb", "c://dump", "dump.rdb", 3)] == [
        "az",
        None,
        None,
        None,
        None,
    ]
    assert name_of(f"https://h/c/b.rdb.gz?{SAS}#x") == "b.rdb.gz"


def test_spans_have_two_units() -> None:
    assert permits.span(3 * 60_000) == "3 minutes"
    assert time.gmtime(NOW // 1000).tm_year == 2026


def test_an_account_that_nobody_told_is_asked_for_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    def url_to_fs(url: str) -> None:
        raise ValueError(url)

    package = SimpleNamespace(core=SimpleNamespace(url_to_fs=url_to_fs), available_protocols=lambda: ["az"])
    monkeypatch.setitem(sys.modules, "fsspec", package)
    for name in ("AZURE_STORAGE_CONNECTION_STRING", "AZURE_STORAGE_ACCOUNT_NAME"):
        monkeypatch.delenv(name, raising=False)
    words = "no storage account: set AZURE_STORAGE_CONNECTION_STRING or AZURE_STORAGE_ACCOUNT_NAME"
    with pytest.raises(OSError, match=words):
        filesystem("az://backups/dump.rdb")
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_NAME", "acct")
    with pytest.raises(OSError, match="az:// needs more to be told: ValueError of its package"):
        filesystem("az://backups/dump.rdb")
