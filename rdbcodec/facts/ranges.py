"""Numbers as users choose them: sizes, times, counts, databases.

>1000   >=1kb   <7d   <=2gb      beyond a bound, or below it
1kb..1mb   0-3   7d..   ..1h     between two, both of them included
5                                that number, where numbers have no units
0,3,8-15                         any of them
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

from rdbcodec.facts.slots import SLOTS
from rdbcodec.limits import BYTES
from rdbcodec.named_tuples import NamedTuple

MS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}
NO_END = 1 << 64  # beyond every number that a snapshot holds


class Range(NamedTuple):
    """Whole numbers, both ends included."""

    low: int = 0
    high: int = NO_END


class Measure(NamedTuple):
    """What is chosen by number: what messages call it, examples, the units it has, the last there is.

    `exact`: whether a number alone chooses it. Nobody means keys of 1 MiB to the byte.
    """

    name: str
    examples: str
    units: Mapping[str, int] = {"": 1}
    last: int = NO_END
    exact: bool = True

    def ranges(self, text: str) -> list[Range]:
        """What an expression chooses; one with commas chooses any of its parts. Raises ValueError."""
        return [self._range(part.strip()) for part in text.split(",")]

    def _range(self, text: str) -> Range:
        for pattern, of in _FORMS:
            found = re.fullmatch(pattern, text.lower(), re.ASCII)
            if found is not None:
                if of is _exactly and not self.exact:
                    break
                bounds = [self._number(part, text) if part else None for part in found.groups()]
                return self._checked(of(*bounds), text)
        raise self.error(text)

    def _number(self, text: str, expression: str) -> int:
        """A number with its unit; a fraction of a unit is rounded down."""
        found = re.fullmatch(_NUMBER, text, re.ASCII)
        unit = None if found is None else self.units.get(found[3])
        if found is None or unit is None or (found[2] and not found[3]):
            raise self.error(expression)
        fraction = found[2] or ""
        return int(found[1] + fraction) * unit // int(10 ** len(fraction))

    def _checked(self, chosen: Range, text: str) -> Range:
        if chosen.low > self.last or self.last < chosen.high < NO_END:
            raise ValueError(f"{self.name} is {text!r}, expected one within 0 to {self.last}")
        if chosen.low > chosen.high:
            raise ValueError(f"{self.name} is {text!r}, which nothing can be: expected the lower end first")
        return chosen

    def error(self, text: str) -> ValueError:
        """What is wrong with an expression: what was expected, with examples."""
        units = ", ".join(filter(None, self.units))
        known = f"; units are {units}" if units else ""
        return ValueError(f"{self.name} is {text!r}, expected {self.examples}{known}")


def contains(ranges: Sequence[Range]) -> Callable[[int], bool]:
    """Whether a number is in any of the ranges."""
    if all(low == high for low, high in ranges):
        return frozenset(low for low, _ in ranges).__contains__
    if len(ranges) == 1:
        low, high = ranges[0]
        return lambda number: low <= number <= high
    return lambda number: any(low <= number <= high for low, high in ranges)


# --- forms ------------------------------------------------------------------------------------------


def _exactly(number: int) -> Range:
    return Range(number, number)


def _between(low: int | None, high: int | None) -> Range:
    return Range(low or 0, NO_END if high is None else high)


_BOUND = r"(\d[\w.]*?)"
_FORMS: tuple[tuple[str, Callable[..., Range]], ...] = (  # no filter, no pattern is compiled
    (rf">{_BOUND}", lambda number: Range(number + 1)),
    (rf">={_BOUND}", Range),
    (rf"<{_BOUND}", lambda number: Range(0, number - 1)),
    (rf"<={_BOUND}", lambda number: Range(0, number)),
    (rf"{_BOUND}(?:\.\.|-){_BOUND}", _between),
    (rf"{_BOUND}(?:\.\.|-)()", _between),
    (rf"()\.\.{_BOUND}", _between),
    (_BOUND, _exactly),
)
_NUMBER = r"(\d{1,18})(?:\.(\d{1,6}))?([a-z]*)"

# --- what is measured -------------------------------------------------------------------------------

DATABASE = Measure("a database", "a number or a range such as 3, 0-15 or >0")
SLOT = Measure("a slot", "a number or a range such as 5461 or 0-8191", last=SLOTS - 1)
SIZE = Measure("a size", "a bound or a range such as >1mb, <=100b or 1kb..1mb", BYTES, exact=False)
ELEMENTS = Measure("a number of elements", "a number, a bound or a range such as 1, >1000 or 10..20")
TTL = Measure("a ttl", "none, any, expired, or the time left, such as <1h, >=30d or 1h..7d", MS, exact=False)
IDLE = Measure("an idle time", "a bound or a range such as >1d, <=1h or 1h..7d", MS, exact=False)
FREQUENCY = Measure("a frequency", "a number, a bound or a range such as 0, >100 or 5..10", last=255)
