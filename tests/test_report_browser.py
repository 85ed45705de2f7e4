"""The page of a report in a browser: it asks for nothing, complains of nothing, opens, sorts and finds.

Continuous integration has no browser, and takes a minute to install one: these run where Chromium is.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from browser import PROGRAM, Browser, Page

import rdbcodec

pytestmark = pytest.mark.skipif(PROGRAM is None, reason="no Chromium here: apt-get install chromium")

HOSTILE = b"</script><img src=x onerror=alert(1)>:<!--"
NOW = 1_795_000_000_000


def snapshot() -> bytes:
    out = io.BytesIO()
    with rdbcodec.create(out, to="redis-7.2") as writer:
        for at in range(40):
            writer.write(b"user:%d:cart" % at, b"x" * 400)
            writer.write(b"user:%d:seen" % at, b"x" * 100, expires_at_ms=NOW + 5000)
            writer.write(b"page:%d" % at, b"x" * (100 + at))
        writer.write(HOSTILE, b"x" * 9000)
        writer.write(b"queue:mail", [b"x" * 500] * 4)
    return out.getvalue()


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with Browser.start(tmp_path_factory.mktemp("browser")) as found:
        yield found


@pytest.fixture
def page(browser: Browser, tmp_path: Path) -> Page:
    out = tmp_path / "page.html"
    rdbcodec.report(snapshot(), out, now_ms=NOW, targets=["redis-6.2"])
    return browser.open(out)


def crumbs(page: Page) -> list[str]:
    found: list[str] = page.run("[...document.querySelectorAll('#crumbs li')].map((item) => item.innerText)")
    return found


def focus(page: Page) -> str:
    label: str = page.run("document.activeElement.getAttribute('aria-label').split(',')[0]")
    return label


def rows(page: Page, column: int) -> list[str]:
    found: list[str] = page.run(
        "[...document.querySelectorAll('#biggest tbody tr')].filter((row) => !row.hidden)"
        f".map((row) => row.cells[{column}].innerText)"
    )
    return found


def test_the_page_asks_for_nothing_and_complains_of_nothing(page: Page) -> None:
    page.run("document.getElementById('theme').click()")
    page.run("window.dispatchEvent(new Event('beforeprint'))")
    assert len(page.requests) == 1
    assert page.complaints == []
    assert page.run("document.images.length") == 0
    assert page.run("getComputedStyle(document.querySelector('.tile')).position") == "absolute"


@pytest.mark.parametrize("hide_keys", [False, True])
def test_a_snapshot_without_keys_and_one_with_hidden_ones_are_no_trouble(
    browser: Browser, tmp_path: Path, hide_keys: bool
) -> None:
    out, empty = tmp_path / "page.html", io.BytesIO()
    rdbcodec.create(empty, to="redis-7.2").close()
    rdbcodec.report(snapshot() if hide_keys else empty.getvalue(), out, now_ms=NOW, hide_keys=hide_keys)
    page = browser.open(out)
    for picture in ("flame", "list", "map"):
        page.run(f"document.querySelector('[data-set=\"picture={picture}\"]').click()")
    assert page.complaints == []
    tiles = page.run("[...document.querySelectorAll('.tile')].map((tile) => tile.ariaLabel.split(',')[0])")
    assert tiles[:2] == (["prefix 1", "prefix 1.1"] if hide_keys else [])


def test_prefixes_open_and_close_with_keys(page: Page) -> None:
    assert crumbs(page) == ["all keys"]
    page.run("document.querySelector('#picture [tabindex=\"0\"]').focus()")
    assert focus(page) == "user:*:"
    page.press("ArrowDown")
    assert focus(page) == "user:*:cart"
    page.press("ArrowRight")
    assert focus(page) == "user:*:seen"
    page.press("ArrowUp", "Enter")
    assert crumbs(page) == ["all keys", "user:*:"]
    assert focus(page) == "user:*:cart"
    page.press("Backspace")
    assert crumbs(page) == ["all keys"]
    assert focus(page) == "user:*:"


def test_prefixes_open_with_a_click_in_every_view(page: Page) -> None:
    for picture, opens in (
        ("map", "#picture [aria-label^='user:*:,']"),
        ("flame", "#picture [aria-label^='user:*:,']"),
        ("list", "#list tbody button"),
    ):
        page.run(f"document.querySelector('[data-set=\"picture={picture}\"]').click()")
        page.run(f'document.querySelector("{opens}").click()')
        assert crumbs(page) == ["all keys", "user:*:"]
        page.run("document.querySelector('#crumbs button').click()")
        assert crumbs(page) == ["all keys"]


def test_tiles_are_as_large_as_what_they_stand_for(page: Page) -> None:
    shares = page.run(
        "[...document.querySelectorAll('.tile')].filter((tile) => !tile.classList.contains('line'))"
        ".map((tile) => tile.getBoundingClientRect())"
        ".map((box) => box.width * box.height)"
    )
    box = "document.getElementById('picture').getBoundingClientRect()"
    whole = page.run(f"{box}.width * {box}.height")
    assert 0.9 * whole < sum(shares) <= whole * 1.001


def test_the_biggest_keys_are_found_among_all_of_them(page: Page) -> None:
    assert len(rows(page, 0)) == 25
    page.run("document.getElementById('search').focus()")
    page.type("QUEUE")
    assert rows(page, 0) == ["queue:mail"]
    assert page.run("document.getElementById('found').innerText") == "1 of 122 keys"
    page.run("document.getElementById('search').select()")
    page.type("<img")
    assert rows(page, 0) == [HOSTILE.decode()]


def test_the_biggest_keys_are_sorted_both_ways_by_what_is_clicked(page: Page) -> None:
    disk = "#biggest th:nth-child(3)"
    page.run("document.getElementById('every').click()")
    assert len(rows(page, 0)) == 122
    for at, order in ((0, "descending"), (-1, "ascending")):
        page.run(f"document.querySelector('{disk} button').click()")
        assert rows(page, 0)[at] == HOSTILE.decode()
        assert page.run(f"document.querySelector('{disk}').getAttribute('aria-sort')") == order


def test_dark_and_light_can_be_chosen(page: Page) -> None:
    def dress() -> tuple[str, str]:
        page.run("document.getElementById('theme').click()")
        return page.run("document.getElementById('theme').innerText"), page.run(
            "getComputedStyle(document.body).backgroundColor"
        )

    while page.run("document.getElementById('theme').innerText") != "Theme: auto":
        page.run("document.getElementById('theme').click()")
    assert [dress(), dress()] == [("Theme: light", "rgb(244, 246, 248)"), ("Theme: dark", "rgb(14, 19, 26)")]


@pytest.mark.parametrize("width", [360, 768, 1280])
def test_nothing_is_wider_than_the_screen(browser: Browser, tmp_path: Path, width: int) -> None:
    out = tmp_path / "page.html"
    rdbcodec.report(snapshot(), out, now_ms=NOW, targets=["redis-6.2"])
    narrow = browser.open(out, width=width, height=700)
    root = "document.documentElement"
    assert narrow.run(f"{root}.scrollWidth - {root}.clientWidth") == 0
