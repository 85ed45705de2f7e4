"""A report is one page that is complete, harmless whatever keys are called, and true to its sums."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from commands import run

import rdbcodec
from rdbcodec.reports.html.report import Report
from rdbcodec.showing import KeyDigest
from rdbcodec.showing import size as size_words

FIXTURES = Path(__file__).parent.parent / "fixtures" / "snapshots"
NOW = 1_795_000_000_000
HOUR = 3_600_000
HOSTILE = b"</script><img src=x onerror=alert(1)>:\"'&<!--"


def snapshot(keys: dict[bytes, Any], *, expires: dict[bytes, int] | None = None) -> bytes:
    out = io.BytesIO()
    with rdbcodec.create(out, to="redis-7.2") as writer:
        for key, value in keys.items():
            writer.write(key, value, expires_at_ms=(expires or {}).get(key))
    return out.getvalue()


SHOP = snapshot(
    {
        b"user:17": {b"name": b"Ann"},
        b"user:18": {b"name": b"Bo"},
        b"cache:page:1": b"x" * 5000,
        b"cache:page:2": b"x" * 200,
        b"queue": [b"job"] * 3,
        b"\x00\xff\xfe": b"binary",
        HOSTILE: b"v" * 9000,
        b"gone": b"long ago",
    },
    expires={b"cache:page:1": NOW + HOUR // 2, b"cache:page:2": NOW + 48 * HOUR, b"gone": NOW - 1},
)


class Page(HTMLParser):
    """The elements of a page with their attributes, and the text of each script and style."""

    def __init__(self, words: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.raw: list[tuple[str, str]] = []
        self.words: list[str] = []
        self.open: list[str] = []
        self.feed(words)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in ("meta", "link", "input"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] in ("script", "style"):
            self.raw.append((self.open[-1], data))
        else:
            self.words.append(data)

    def names(self) -> set[str]:
        return {name for name, _ in self.elements}

    def attributes(self, name: str) -> list[str | None]:
        return [found[name] for _, found in self.elements if name in found]

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


def made(source: Any = SHOP, **options: Any) -> Report:
    return rdbcodec.report(source, now_ms=NOW, **options)


def page_of(report: Report) -> Page:
    return Page(report.html())


def data_of(page: Page) -> Any:
    return json.loads(page.raw[1][1])


def test_a_page_is_under_100_kb_without_data() -> None:
    assert len(made(snapshot({})).html()) < 100_000


def test_a_page_asks_nobody_for_anything() -> None:
    page = page_of(made(targets=["amr-balanced-7.4"]))
    assert "src" not in {name for _, found in page.elements for name in found}
    links = [link for link in page.attributes("href") if link is not None and not link.startswith("#")]
    assert links == ["data:,"]
    assert not {"iframe", "object", "embed", "form", "base", "img"} & page.names()
    assert "@import" not in page.raw[0][1]
    assert "url(" not in page.raw[0][1]


def test_the_policy_allows_the_style_and_the_script_of_the_page_and_nothing_else() -> None:
    page = page_of(made())
    style, _, script = (
        f"'sha256-{base64.b64encode(hashlib.sha256(words.encode()).digest()).decode()}'"
        for _, words in page.raw
    )
    policy = next(
        found["content"] for _, found in page.elements if found.get("http-equiv") == "Content-Security-Policy"
    )
    assert policy == (
        f"default-src 'none'; script-src {script}; style-src {style}; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )
    assert "style" not in {name for _, found in page.elements for name in found}
    assert not [name for _, found in page.elements for name in found if name.startswith("on")]


def test_a_key_that_is_html_stays_text() -> None:
    page = page_of(made())
    assert [name for name, _ in page.raw] == ["style", "script", "script"]
    assert "</script><img src=x onerror=alert(1)>:\"'&<!--" in page.text
    assert "<" not in page.raw[1][1]


def test_a_binary_key_is_shown_as_everywhere() -> None:
    assert r"\x00\xff\xfe" in page_of(made()).text


def test_the_name_of_a_file_is_text_and_gives_no_secret_away(tmp_path: Path) -> None:
    page = page_of(made(title="<b>https://x/a.rdb?sv=1&sig=SECRET"))
    assert "b" not in page.names()
    assert "SECRET" not in page.text
    assert "<b>https://x/a.rdb?sv=1&sig=..." in page.text


def sums_are_true(row: list[Any]) -> bool:
    if len(row) == 5:
        return True
    sums = [sum(part[at] for part in row[5]) for at in (1, 2, 4)]
    memory = sum(part[3] for part in row[5])
    return (
        sums == [row[at] for at in (1, 2, 4)]
        and abs(memory - row[3]) <= len(row[5])
        and all(map(sums_are_true, row[5]))
    )


def names_of(row: list[Any]) -> list[Any]:
    return [part[0] for part in row[5]]


def test_the_rows_of_a_prefix_add_up_to_it() -> None:
    many = snapshot(
        {b"p%c%c:%s" % (97 + at % 26, 97 + at // 26, b"x" * (at % 7)): b"v" * at for at in range(300)}
    )
    tree = data_of(page_of(made(many)))["tree"]
    assert sums_are_true(tree)
    assert tree[1] == 300
    assert names_of(tree)[-1] == 300 - 60


def test_prefixes_are_a_tree_in_which_numbers_are_folded() -> None:
    keys: dict[bytes, Any] = {b"shop:user:%d:cart" % at: b"x" * 100 for at in range(5)}
    keys |= {b"shop:user:%d:seen" % at: b"x" for at in range(4)} | {
        b"shop:user:%d" % at: b"x" for at in range(3)
    }
    tree = data_of(page_of(made(snapshot(keys))))["tree"]
    assert names_of(tree) == ["shop:user:"]
    assert names_of(tree[5][0]) == ["*:", "*"]
    assert names_of(tree[5][0][5][0]) == ["cart", "seen"]
    assert sums_are_true(tree)


def test_what_is_too_small_to_be_seen_is_told_together() -> None:
    tree = data_of(
        page_of(
            made(
                snapshot({b"big:%d" % at: b"x" * 900 for at in range(3000)} | {b"one": b"x", b"two:x": b"x"})
            )
        )
    )
    assert names_of(tree["tree"]) == ["big:*", 2]


def test_the_numbers_of_the_page_are_those_of_stat() -> None:
    stat = rdbcodec.stat(SHOP, now_ms=NOW)
    _, keys, expiring, memory, disk, *_ = data_of(page_of(made()))["tree"]
    assert (keys, expiring, memory, disk) == (7, 2, round(stat.total.memory), stat.total.disk)


@pytest.mark.parametrize("hide_keys", [True, KeyDigest(b"secret")], ids=["left out", "digests"])
def test_hidden_keys_are_nowhere_in_the_page(hide_keys: Any) -> None:
    words = made(hide_keys=hide_keys, targets=["redis-6.2"]).html()
    assert not [
        name
        for name in ("user:", "cache:", "page:", "queue", "onerror=alert", "gone")
        if name in words.split("</style>")[1].split('<script>"use strict"')[0]
    ]


def test_digests_of_keys_are_those_of_other_reports() -> None:
    digest = KeyDigest(b"secret")
    assert digest.of(b"cache:page:1") in page_of(made(hide_keys=digest)).text


def test_expired_keys_are_told_apart() -> None:
    text = page_of(made()).text
    assert "Expired already 1 12% of all; not counted, servers drop them" in text
    assert "Keys 7 in 1 database" in text


def test_several_files_have_a_row_each_and_a_total(tmp_path: Path) -> None:
    names = [tmp_path / "one.rdb", tmp_path / "two.rdb"]
    names[0].write_bytes(SHOP)
    names[1].write_bytes(snapshot({b"user:1": b"v"}))
    out = tmp_path / "page.html"
    done = run("report", *names, "-o", out, "--now", str(NOW), "--target", "redis-7.2")
    assert (done.returncode, done.stderr) == (0, b"")
    size = size_words(out.stat().st_size)
    assert done.stdout.decode() == f"{out}: 8 keys of 2 files, verdicts for 1 target, {size}\n"
    page = Page(out.read_text())
    rows = re.search(r"File Server .*? Total (.*?) Where the memory", page.text)
    assert rows is not None
    assert rows[1].split()[4:] == ["8", "6", "1", "whole"]
    assert data_of(page)["tree"][1] == 8


def test_a_target_is_answered_in_words() -> None:
    source = (FIXTURES / "redis-7.4.1-hfe.rdb").read_bytes()
    text = page_of(made(source, targets=["redis-7.0"])).text
    assert "Does it load there? Redis 7.0 NO: " in text
    assert "stands in the way: the file is RDB 12; Redis 7.0 reads REDIS up to 10 G-VERSION" in text


def test_a_damaged_file_makes_a_partial_page_and_3(tmp_path: Path) -> None:
    damaged, out = tmp_path / "cut.rdb", tmp_path / "page.html"
    damaged.write_bytes(SHOP[:-40])
    done = run("report", damaged, "-o", out, "--now", str(NOW), "--target", "redis-6.2")
    assert done.returncode == 3
    assert b"page.html: 6 keys of 1 file, PARTIAL, " in done.stdout
    text = Page(out.read_text()).text
    assert "PARTIAL: this report is about what stands before the damage" in text
    assert "Does it load there?" not in text
    assert done.stderr.decode().startswith(f"{damaged}: offset ")


def test_a_file_of_which_nothing_can_be_read_leaves_the_page_as_it_was(tmp_path: Path) -> None:
    bad, out = tmp_path / "bad.rdb", tmp_path / "page.html"
    bad.write_bytes(b"no snapshot at all")
    out.write_text("before")
    assert run("report", bad, "-o", out, "--force").returncode == 3
    assert out.read_text() == "before"


def test_a_page_is_not_written_over_without_force(tmp_path: Path) -> None:
    out = tmp_path / "page.html"
    out.write_text("before")
    done = run("report", "-", "-o", out, data=SHOP)
    assert (done.returncode, out.read_text()) == (4, "before")
    assert run("report", "-", "-o", out, "--force", data=SHOP).returncode == 0
    assert out.read_text().startswith("<!doctype html>")


def test_a_pipe_is_read_and_written() -> None:
    done = run("report", "-", "-o", "-", "--now", str(NOW), "--target", "redis-7.2", data=SHOP)
    assert done.returncode == 0
    assert "YES" in Page(done.stdout.decode()).text


def test_filters_choose_what_the_page_is_about() -> None:
    done = run("report", "-", "-o", "-", "--now", str(NOW), "--type", "hash", data=SHOP)
    assert data_of(Page(done.stdout.decode()))["tree"][1] == 2


def test_that_no_key_matches_is_said(tmp_path: Path) -> None:
    words = ("report", "-", "-o", tmp_path / "page.html", "--type", "stream", "--fail-if-empty")
    done = run(*words, data=SHOP)
    assert (done.returncode, done.stderr) == (1, b"-: no key matches\n")


def test_the_memory_may_be_that_of_another_server() -> None:
    report = made(server="valkey-9.1")
    assert "in valkey-9.1, within 2%" in page_of(report).text
    assert report.subject.total.memory == rdbcodec.stat(SHOP, "valkey-9.1", now_ms=NOW).total.memory


def test_a_target_nobody_knows_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    done = run("report", tmp_path / "missing.rdb", "-o", tmp_path / "page.html", "--target", "redis-99.9")
    assert done.returncode == 2
    assert done.stderr.startswith(b"rdbcodec report: error: argument --target: unknown target 'redis-99.9'")


def test_where_most_keys_that_never_expire_are_is_said() -> None:
    keys: dict[bytes, Any] = {b"shop:sess:%d" % at: b"x" for at in range(5)} | {b"one": b"x", b"two": b"x"}
    text = page_of(made(snapshot(keys))).text
    assert "7 keys never expire and hold ~" in text
    assert "100% of the memory; 5 of them are shop:sess:*. rdbcodec keys --ttl none " in text


def test_keys_by_last_use_are_there_where_the_file_tells() -> None:
    out = io.BytesIO()
    with rdbcodec.create(out, to="redis-7.2") as writer:
        for at in range(4):
            writer.write(b"key:%d" % at, b"x", idle=at * 3600)
    text = page_of(made(out.getvalue())).text
    assert re.search(r"When keys were used last .* under 1 hour ~\S+ B 1 1 to 24 hours ~\S+ B 3 ", text)
    assert "How often keys are used" not in text


def test_databases_stand_in_the_order_of_their_numbers() -> None:
    out = io.BytesIO()
    with rdbcodec.create(out, to="redis-7.2") as writer:
        for db in (10, 2, 9):
            writer.write(b"key", b"x", db=db)
    text = page_of(made(out.getvalue())).text
    assert re.search(r"Database Memory Keys 2 ~\S+ B 1 9 ~\S+ B 1 10 ~\S+ B 1 ", text)


def test_hidden_prefixes_are_numbered_from_the_root_on() -> None:
    data = data_of(page_of(made(snapshot({b"a:b:c": b"x", b"a:c": b"x" * 50, b"b": b"x"}), hide_keys=True)))
    assert not data["joined"]
    assert names_of(data["tree"]) == ["prefix 1", "prefix 2"]
    assert names_of(data["tree"][5][0]) == ["prefix 1.1", "prefix 1.2"]


def test_minutes_in_which_far_more_keys_expire_are_shown(tmp_path: Path) -> None:
    noon = NOW + 30 * HOUR // HOUR * HOUR
    keys: dict[bytes, Any] = {b"cache:page:%d" % at: b"x" for at in range(150)}
    keys |= {b"user:%d" % at: b"y" for at in range(40)}
    expires = {key: noon if key.startswith(b"cache") else NOW + 60_000 * at for at, key in enumerate(keys, 1)}
    path, out = tmp_path / "dump.rdb", tmp_path / "report.html"
    path.write_bytes(snapshot(keys, expires=expires))
    done = run("report", path, "-o", out, "--now", str(NOW))
    assert (done.returncode, done.stderr) == (0, b"")
    words = " ".join(Page(out.read_text()).words)
    assert "Expiry cliffs" in words
    assert re.search(r"2026-11-19 17:06, 1 minute +150 +cache:page: \(100%\) +79% +~[\d.]+ KiB", words)
    assert (
        "150 keys, 79% of those that expire, do so within one minute, from 2026-11-19 17:06 UTC on." in words
    )
    hidden = run("report", path, "-o", "-", "--now", str(NOW), "--hide-keys").stdout.decode()
    assert "cache:page" not in hidden
    assert "one prefix (100%)" in hidden


def test_a_file_of_a_version_nobody_knows_is_told_as_far_as_it_is_known(tmp_path: Path) -> None:
    path, out = tmp_path / "dump.rdb", tmp_path / "report.html"
    path.write_bytes(b"REDIS0099\xfe\x00\x00\x03key\x05value\xff" + bytes(8))
    done = run("report", path, "-o", out)
    assert done.returncode == 3
    assert done.stderr.decode().startswith(f"{path}: offset 5: version 99 of redis is unknown")
    words = " ".join(Page(out.read_text()).words)
    assert "PARTIAL" in words
    assert "version 99 of redis is unknown" in words
