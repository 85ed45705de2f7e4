"""A browser without a window, driven through a pipe by its DevTools protocol: nothing but Python is needed.

with Browser.start() as browser:
    page = browser.open(path)
    page.run("document.title"); page.press("Enter")
    page.requests, page.complaints
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

PROGRAM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
_FLAGS = ("--headless=new", "--no-sandbox", "--disable-gpu", "--remote-debugging-pipe", "--no-first-run")
_KEYS = {"Enter": 13, "Escape": 27, "Backspace": 8, "Tab": 9, "ArrowLeft": 37, "ArrowUp": 38}
_KEYS |= {"ArrowRight": 39, "ArrowDown": 40}


class Browser:
    """A running browser."""

    def __init__(self, into: int, out_of: int) -> None:
        self._into = os.fdopen(into, "wb", buffering=0)
        self._out_of = os.fdopen(out_of, "rb")
        self._number = 0
        self.events: list[dict[str, Any]] = []

    @classmethod
    @contextmanager
    def start(cls, home: Path) -> Iterator[Browser]:
        """It reads descriptor 3 and writes 4, as the protocol has it; its profile is in `home`."""
        assert PROGRAM is not None
        theirs_in, ours_in = os.pipe()
        ours_out, theirs_out = os.pipe()
        line = f'exec "$@" 3<&{theirs_in} 4>&{theirs_out}'
        words = ["bash", "-c", line, "browser", PROGRAM, *_FLAGS, f"--user-data-dir={home}", "about:blank"]
        process = subprocess.Popen(
            words, pass_fds=(theirs_in, theirs_out), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        os.close(theirs_in)
        os.close(theirs_out)
        browser = cls(ours_in, ours_out)
        try:
            yield browser
        finally:
            with suppress(OSError, EOFError):
                browser.ask("Browser.close")
            process.wait()
            browser._into.close()
            browser._out_of.close()

    def ask(self, method: str, session: str | None = None, /, **parameters: Any) -> dict[str, Any]:
        """The answer to a command; events that come before it are kept."""
        self._number += 1
        asked = {"id": self._number, "method": method, "params": parameters}
        words = json.dumps(asked if session is None else {**asked, "sessionId": session})
        self._into.write(words.encode() + b"\0")
        while True:
            told = self.next()
            if told.get("id") == self._number:
                assert "error" not in told, told
                result: dict[str, Any] = told["result"]
                return result

    def next(self) -> dict[str, Any]:
        """What it says next."""
        words = bytearray()
        while (byte := self._out_of.read(1)) != b"\0":
            if not byte:
                raise EOFError("the browser has gone")
            words += byte
        told: dict[str, Any] = json.loads(words)
        if "method" in told:
            self.events.append(told)
        return told

    def open(self, path: Path, *, width: int = 1280, height: int = 900) -> Page:
        """A page of a file, when it has loaded."""
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        session = self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.ask(f"{domain}.enable", session)
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.ask("Emulation.setDeviceMetricsOverride", session, **size)
        self.events.clear()
        self.ask("Page.navigate", session, url=path.as_uri())
        while not any(event["method"] == "Page.loadEventFired" for event in self.events):
            self.next()
        return Page(self, session)


class Page:
    """A page that was opened."""

    def __init__(self, browser: Browser, session: str) -> None:
        self._browser, self._session = browser, session

    def run(self, script: str) -> Any:
        """What an expression of JavaScript is."""
        found = self._browser.ask("Runtime.evaluate", self._session, expression=script, returnByValue=True)
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    def press(self, *keys: str) -> None:
        """Keys, one after the other."""
        for key in keys:
            code = {"key": key, "code": key, "windowsVirtualKeyCode": _KEYS[key]}
            text = {"text": "\r"} if key == "Enter" else {}
            self._browser.ask("Input.dispatchKeyEvent", self._session, type="keyDown", **code, **text)
            self._browser.ask("Input.dispatchKeyEvent", self._session, type="keyUp", **code)

    def type(self, words: str) -> None:
        """Words where the focus is."""
        self._browser.ask("Input.insertText", self._session, text=words)

    @property
    def requests(self) -> list[str]:
        """The addresses it asked for."""
        sent = [event for event in self._browser.events if event["method"] == "Network.requestWillBeSent"]
        return [event["params"]["request"]["url"] for event in sent]

    @property
    def complaints(self) -> list[dict[str, Any]]:
        """What is on its console."""
        said = ("Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Log.entryAdded")
        return [event["params"] for event in self._browser.events if event["method"] in said]
