"""`az`, run: the commands of a plan as processes, one after another, and what they print into variables.

The rules this file keeps:

* No shell: words go to the process as they are. A word that is a secret goes there in a file that only this
  user can read (`@file`, which az takes for any word), so that it stands in no list of processes.
* What az prints is shown without secrets: those of `showing`, and whatever a variable got.
* az waits for what it began, minutes perhaps: `tick` gets the seconds so far. Whoever stops waiting stops az;
  what it began in Azure goes on.
"""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import IO

from rdbcodec.compat.azure.shells import Address, Array, Command, Name, Variables, Word
from rdbcodec.showing import HIDDEN, escaped, masked

PATIENCE = 10  # seconds that az gets to end by itself when it is stopped
STEP = 1.0  # seconds between two looks at what it said
_SAME = 4  # letters of a variable below which its value is not looked for in what is shown


class Az:
    """The program, and the variables of this run: those of the environment, and what commands print."""

    def __init__(
        self,
        told: Mapping[str, str],
        *,
        tell: Callable[[str], None],
        tick: Callable[[float], None] = lambda _: None,
    ) -> None:
        program = shutil.which("az")
        if program is None:
            words = "is not on PATH: install the Azure CLI, or leave --run out and run what is printed"
            raise FileNotFoundError(errno.ENOENT, words, "az")
        self._program = program
        self._told = told
        self._got: dict[str, str] = {}
        self._tell = tell
        self._tick = tick

    def run(self, command: Command) -> str:
        """Run a command to its end; what it printed, unless a variable got that. OSError when it failed."""
        name = " ".join(str(word) for word in command.words[:4] if not str(word).startswith("-"))
        with ExitStack() as stack:
            words = [one for word in command.words for one in self._words(word, stack)]
            out = stack.enter_context(tempfile.TemporaryFile())
            code, last = self._process([self._program, *words[1:]], out)
            out.seek(0)
            said = out.read().decode(errors="replace").strip()
        if code:
            raise OSError(errno.EIO, f"ended with exit code {code}: {last or 'without a word'}", name)
        if command.into is None:
            return self.shown(said)
        if not said:
            raise OSError(errno.EIO, f"printed nothing for {command.into}", name)
        self._got[command.into] = f"{command.prefix or ''}{said}"
        return ""

    def shown(self, text: str) -> str:
        """Text without secrets, each of its lines printable."""
        for value in self._got.values():
            if len(value) >= _SAME:
                text = text.replace(value, HIDDEN)
        return "\n".join(escaped(masked(line)) for line in text.splitlines())

    # --- words

    def _words(self, word: Word, stack: ExitStack) -> list[str]:
        if isinstance(word, Variables):
            return [self._variable(name, stack) for name in word.names]
        if isinstance(word, Array):
            return [one for inner in word.words for one in self._words(inner, stack)]
        if isinstance(word, Name | Address):
            return [str(word)]
        return [word]

    def _variable(self, name: str, stack: ExitStack) -> str:
        value = self._got.get(name) or self._told.get(name)
        if not value:
            raise OSError(errno.EINVAL, "the variable is not set", name)
        return value if masked(value) == value else stack.enter_context(_in_a_file(value))

    # --- the process

    def _process(self, words: list[str], out: IO[bytes]) -> tuple[int, str]:
        """The exit code, and the last line of what it said on stderr."""
        began = time.monotonic()
        with (
            tempfile.TemporaryFile() as err,
            subprocess.Popen(  # noqa: S603 - words of a plan, no shell
                words, stdin=subprocess.DEVNULL, stdout=out, stderr=err
            ) as process,
        ):
            said = _Said(err.fileno())
            last = ""
            try:
                while True:
                    with suppress(subprocess.TimeoutExpired):
                        process.wait(STEP)
                    for line in said.lines(ended=process.returncode is not None):
                        last = self.shown(line)
                        self._tell(last)
                    if process.returncode is not None:
                        return process.returncode, last
                    self._tick(time.monotonic() - began)
            except BaseException:
                _stop(process)
                self._tell("stopped; what it began in Azure goes on")
                raise


class _Said:
    """What a process wrote to a file so far, a line at a time."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._pos = 0

    def lines(self, *, ended: bool) -> Iterator[str]:
        """The lines that are new; one that is begun only when there is no more to come."""
        data = os.pread(self._fd, 1 << 20, self._pos)
        if not ended:
            data = data[: data.rfind(b"\n") + 1]
        self._pos += len(data)
        yield from filter(None, map(str.strip, data.decode(errors="replace").splitlines()))


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()


@contextmanager
def _in_a_file(secret: str) -> Iterator[str]:
    """A word of az that stands for a secret, which nobody else can read."""
    fd, path = tempfile.mkstemp(prefix="rdbcodec-")  # of mode 0600
    try:
        with os.fdopen(fd, "w", encoding="utf-8") as file:
            file.write(secret)
        yield f"@{path}"
    finally:
        Path(path).unlink()
