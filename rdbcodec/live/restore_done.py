"""What a restore did: its counts, and the keys that failed."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import IO, Any

from rdbcodec.exports.scalars import json_bytes
from rdbcodec.live.errors import LiveError
from rdbcodec.losses import Loss, Losses
from rdbcodec.named_tuples import NamedTuple
from rdbcodec.records import Entry
from rdbcodec.showing import Hiding, key_words, masked

MOST_FAILURES = 10  # that are told; all of them are in the file of failures
_LONGEST = 300  # characters of a server's answer


class Failure(NamedTuple):
    """A key that was not restored: `answer` is the server's, or our words for what is wrong with the key."""

    db: int
    key: bytes
    type: str
    offset: int
    answer: str

    def as_json(self, name: Callable[[bytes], Any] = json_bytes) -> dict[str, Any]:
        """One line of the file of failures."""
        told = {"db": self.db, "type": self.type, "offset": self.offset, "answer": self.answer}
        return {"key": name(self.key), **told}


@dataclass(slots=True)
class Restored:
    """What was done. `made` counts the keys by their type and the way they went.

    `there` of them were there already from an interrupted run, as they were to be. `skipped` keys were in the
    server before, `expired` ones had no time left, `filtered` were not chosen, `left_out` the server cannot
    hold: `losses` says why. `reasons` says why keys went by commands. `failures` are the first of `failed`.
    `functions` are the libraries that are there now; others were not chosen, or one of the name was there.
    """

    place: str = ""
    server: str = ""
    is_dry: bool = False
    is_resumed: bool = False
    made: Counter[tuple[str, str]] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    there: int = 0
    skipped: int = 0
    expired: int = 0
    filtered: int = 0
    left_out: int = 0
    failed: int = 0
    functions: int = 0
    functions_filtered: int = 0
    functions_skipped: int = 0
    losses: tuple[Loss, ...] = ()
    hints: tuple[Loss, ...] = ()
    failures: list[Failure] = field(default_factory=list)

    @property
    def keys(self) -> int:
        """Those restored."""
        return self.made.total()

    def counts(self, losses: Losses) -> dict[str, Any]:
        """The numbers, for a state."""
        told: dict[str, Any] = {name: getattr(self, name) for name in _NUMBERS}
        made = [[type, way, times] for (type, way), times in self.made.items()]
        lost = [
            [loss.kind, loss.times, loss.offset, loss.db, None if loss.key is None else loss.key.hex()]
            for loss in losses.all()
        ]
        return {**told, "made": made, "reasons": dict(self.reasons), "losses": lost}

    def take(self, told: dict[str, Any], losses: Losses) -> None:
        """The numbers of a state, to which this run adds."""
        for kind, times, offset, db, key in told["losses"]:
            losses.put(kind, times, offset, db, None if key is None else bytes.fromhex(key))
        for name in _NUMBERS:
            setattr(self, name, int(told[name]))
        self.made = Counter({(type, way): int(times) for type, way, times in told["made"]})
        self.reasons = Counter(told["reasons"])


_NUMBERS = (
    *("there", "skipped", "expired", "filtered", "left_out", "failed"),
    *("functions", "functions_filtered", "functions_skipped"),
)


class Failures:
    """Takes the keys that fail: counts them, keeps the first, writes all to a file if there is one."""

    def __init__(
        self, done: Restored, file: IO[str] | None = None, name: Callable[[bytes], Any] = json_bytes
    ) -> None:
        self._done = done
        self._file = file
        self._name = name

    def add(self, entry: Entry, db: int, answer: str) -> Failure:
        """One more."""
        text = masked(answer)
        cut = text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."
        failure = Failure(db, entry.key, entry.type, entry.offset, cut)
        self._done.failed += 1
        if len(self._done.failures) < MOST_FAILURES:
            self._done.failures.append(failure)
        if self._file is not None:
            self._file.write(json.dumps(failure.as_json(self._name), ensure_ascii=False) + "\n")
            self._file.flush()
        return failure


class RestoreStopped(LiveError):
    """A restore that ended before its end: why, and what was `done` until then.

    `key` is the one at which it ended, if it was one, and `failure` what is told of that, if it failed.
    """

    done: Restored
    key: bytes | None = None
    failure: Failure | None = None
    words = ""  # with {key} for the key

    def text(self, *, hide_keys: Hiding = False) -> str:
        """Why, with the key as it may be shown."""
        shown = None if self.key is None else key_words(self.key, hide_keys)
        return self.words.format(key="a key" if shown is None else f"the {shown}")


def stopped(
    done: Restored,
    words: str,
    number: int,
    *,
    code: str | None = None,
    key: bytes | None = None,
    failure: Failure | None = None,
) -> RestoreStopped:
    """The error that ends a restore; {key} in the words stands for the key."""
    error = RestoreStopped(number, "", done.place)
    error.code, error.done, error.words, error.key, error.failure = code, done, words, key, failure
    error.strerror = error.text()
    error.args = (number, error.strerror, done.place)
    return error


def literal(words: str) -> str:
    """Words of a server, in which a brace is a brace."""
    return words.replace("{", "{{").replace("}", "}}")
