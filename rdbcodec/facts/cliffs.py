"""When far more keys expire than before and after: minutes and hours, and the prefix that most of them have.

    expiries = Expiries(Folding())
    expiries.add(keys)                      keys of one database, all of which expire
    expiries.cliffs(loaded, 5)              the minutes in which far more keys expire than in others

Minutes and prefixes are counted as exactly as there are, in bounded memory (see `sums`). Hours are made of
minutes. Which minutes are common is known from a small table, so that without a cliff no sum is looked at.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from struct import Struct

from rdbcodec.facts.amounts import Usage
from rdbcodec.facts.common_numbers import CommonNumbers
from rdbcodec.facts.folding import Folding
from rdbcodec.facts.loaded import Loaded, LoadedPart, LoadedPass
from rdbcodec.facts.memory.entries import Measured
from rdbcodec.facts.sums import Sums
from rdbcodec.named_tuples import NamedTuple
from rdbcodec.servers import Server

MINUTE, HOUR = 60_000, 3_600_000
UNITS = {"minute": MINUTE, "hour": HOUR}

# A cliff is of so many keys at least, and this share of all that expire; and it has half of them, or so many
# times what a minute (an hour) between the first and the last has on the average.
CLIFF_KEYS, CLIFF_SHARE, CLIFF_TIMES = 100, 0.01, 10

_PLACE = Struct(">q")  # of a minute since 1970, before a pattern
_HELD = 1 << 11  # prefixes of a cliff that are held, of which five are told at once
_place_of = _PLACE.unpack_from


class Cliff(NamedTuple):
    """Keys that expire in the same minute or hour, which begins at `at_ms`.

    `prefix` is the one that most of them have, `share` how many of them that is.
    """

    at_ms: int
    unit: str
    usage: Usage
    prefix: bytes
    share: float


class Expiries:
    """Keys that expire, by minute and pattern. Close it. It can be pickled: see `Sums`.

    `first_ms` and `last_ms` are when the first and the last of them does.
    """

    def __init__(self, folding: Folding) -> None:
        self.first_ms: int | None = None
        self.last_ms: int | None = None
        self._folding = folding
        self._minutes = Sums()
        self._common = CommonNumbers()

    def add(self, keys: Measured, times: Sequence[int]) -> None:
        """Keys of one database, and when each expires."""
        self.first_ms, self.last_ms = ends_of((self.first_ms, self.last_ms, min(times), max(times)))
        minutes = [at // MINUTE for at in times]
        self._common.add(minutes)
        held, of, pack = self._minutes.held, self._minutes.of, _PLACE.pack
        names = self._folding.patterns(keys.names)
        for name, minute, memory, disk, elements in zip(
            names, minutes, keys.memory, keys.disk, keys.elements, strict=True
        ):
            place = pack(minute) + name
            usage = held.get(place) or of(place)
            usage.keys += 1
            usage.expiring += 1
            usage.memory += memory
            usage.disk += disk
            if elements:
                usage.elements += elements

    def cliffs(self, loaded: Loaded, wanted: int = 5, *, unit: str = "minute") -> list[Cliff]:
        """The minutes or hours in which far more keys expire than in others, the highest first."""
        least, minutes = self._least(loaded, unit), UNITS[unit] // MINUTE
        counts = self._counts(self._common.at_least(least, step=minutes), minutes)
        high = sorted((-keys, place) for place, keys in counts.items() if keys >= least)
        return self._cliffs_at([place for _, place in high[:wanted]], unit, loaded)

    def _least(self, loaded: Loaded, unit: str) -> float:
        expiring, step = loaded.total.expiring, UNITS[unit]
        many = expiring
        if self.first_ms is not None and self.last_ms is not None:
            many = self.last_ms // step - self.first_ms // step + 1
        usual = expiring / max(1, many)
        return max(CLIFF_KEYS, CLIFF_SHARE * expiring, min(0.5 * expiring, CLIFF_TIMES * usual))

    def _counts(self, places: Collection[int], minutes: int) -> Counter[int]:
        """How many keys expire in some periods of so many minutes."""
        counts: Counter[int] = Counter()
        for name, usage in self._minutes.rows() if places else ():
            place = _place_of(name)[0] // minutes
            if place in places:
                counts[place] += usage.keys
        return counts

    def _cliffs_at(self, places: Sequence[int], unit: str, loaded: Loaded) -> list[Cliff]:
        """All that is told of a few of them, in this order."""
        minutes, found = UNITS[unit] // MINUTE, {place: Sums(_HELD) for place in places}
        for name, usage in self._minutes.rows() if places else ():
            sums = found.get(_place_of(name)[0] // minutes)
            if sums is not None:
                sums.of(name[_PLACE.size :]).take(usage)
        return [_cliff(place * UNITS[unit], unit, sums, loaded) for place, sums in found.items()]

    def take(self, other: Expiries) -> None:
        """Add what another has, and give that up."""
        self._minutes.take(other._minutes)
        self._common.take(other._common)
        self.first_ms, self.last_ms = ends_of((self.first_ms, self.last_ms, other.first_ms, other.last_ms))
        other.close()

    def close(self) -> None:
        """Give up the temporary file."""
        self._minutes.close()


def _cliff(at_ms: int, unit: str, sums: Sums, loaded: Loaded) -> Cliff:
    whole, most, prefix = Usage(), 0, b""
    with sums:
        for name, usage in sums.rows():
            whole.take(usage)
            if usage.keys > most:
                most, prefix = usage.keys, name
    return Cliff(at_ms, unit, loaded.shares.added(whole), prefix, most / whole.keys)


def ends_of(times: Sequence[int | None]) -> tuple[int | None, int | None]:
    """The first and the last of those that are told."""
    told = [at for at in times if at is not None]
    return min(told, default=None), max(told, default=None)


class Expiring:
    """What expires in a snapshot. Close it."""

    def __init__(self, loaded: Loaded, expiries: Expiries) -> None:
        self.loaded = loaded
        self.expiries = expiries

    def cliffs(self, wanted: int = 5, *, unit: str = "minute") -> list[Cliff]:
        """The minutes or hours in which far more keys expire than in others, the highest first."""
        return self.expiries.cliffs(self.loaded, wanted, unit=unit)

    def merge(self, other: Expiring) -> Expiring:
        """The keys of both, in the first of them; what the other holds is given up."""
        self.loaded = self.loaded.merge(other.loaded)
        self.expiries.take(other.expiries)
        return self

    def close(self) -> None:
        """Give up the temporary file."""
        self.expiries.close()


class CliffPass(LoadedPass[Expiring]):
    """Counts keys by the minute in which they expire, of those that live at `now_ms`."""

    _expiries: Expiries | None = None

    def count(self, keys: Measured) -> None:
        """The keys of one database that live."""
        if keys.expiries is None:
            return
        of = [at is not None for at in keys.expiries]
        times = [at for at in keys.expiries if at is not None]
        if times:
            self.expiries.add(keys if all(of) else keys.only(of), times)

    @property
    def expiries(self) -> Expiries:
        """What was counted so far."""
        if self._expiries is None:
            self._expiries = Expiries(Folding())
        return self._expiries

    def fork_for(self, server: Server) -> CliffPass:
        """For a part of the file."""
        return CliffPass(server, now_ms=self.now_ms, allocator=self.allocator)

    def part(self) -> LoadedPart:
        """All that was counted, whose file goes with it."""
        found = self.end()
        return LoadedPart(found.loaded, found.expiries)

    def join_counted(self, counted: Expiries) -> None:
        """The keys of both."""
        self.expiries.take(counted)

    def end(self) -> Expiring:
        """What was counted, whose file is its own from now on."""
        found = Expiring(self.loaded, self.expiries)
        self._expiries = None
        return found

    def close(self) -> None:
        """Give up the file of a reading that ended in an error."""
        if self._expiries is not None:
            self._expiries.close()
