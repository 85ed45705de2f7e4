"""When keys expire, and what of that servers lose that count in seconds."""

from __future__ import annotations

from rdbcodec.facts.named import Named, made
from rdbcodec.facts.passes import Batch, Pass
from rdbcodec.facts.places import OddFact, count_at, merged

_LAST_SECOND_MS = ((1 << 31) - 1) * 1000  # where expiries in seconds end, rounded up as they are written


class Expiries(Named):
    """The keys that expire; times are absolute milliseconds. `expired` counts those before `now_ms`."""

    keys: int = 0
    expired: int = 0
    first_ms: int | None = None
    last_ms: int | None = None

    def merge(self, other: Expiries) -> Expiries:
        """The keys of both."""
        first = [time for time in (self.first_ms, other.first_ms) if time is not None]
        last = [time for time in (self.last_ms, other.last_ms) if time is not None]
        return Expiries(
            self.keys + other.keys,
            self.expired + other.expired,
            min(first, default=None),
            max(last, default=None),
        )


class ExpiryFacts(Named):
    """The expiries, and by kind of loss those that no whole seconds until 2038 are."""

    expiries: Expiries = made(factory=Expiries)
    losable: dict[str, OddFact] = made(factory=dict)

    def merge(self, other: ExpiryFacts) -> ExpiryFacts:
        """Those of both."""
        return ExpiryFacts(self.expiries.merge(other.expiries), merged(self.losable, other.losable))


class ExpiryPass(Pass[ExpiryFacts]):
    """Counts expiries; those not after `now_ms` have expired."""

    def __init__(self, now_ms: int) -> None:
        self.now_ms = now_ms
        self.facts = ExpiryFacts()

    def batch(self, batch: Batch) -> None:
        """Most batches have none, others nothing else."""
        times = batch.expiries
        if not times:
            return
        first, last, now_ms = min(times), max(times), self.now_ms
        expired = 0 if first > now_ms else sum([time <= now_ms for time in times])
        self.facts.expiries = self.facts.expiries.merge(Expiries(len(times), expired, first, last))
        if last > _LAST_SECOND_MS:
            self._add_loss("expiry-after-2038", [time for time in times if time > _LAST_SECOND_MS], batch)
            times = [time for time in times if time <= _LAST_SECOND_MS]
        self._add_loss("sub-second-expiry", [time for time in times if time % 1000], batch)

    def _add_loss(self, kind: str, times: list[int], batch: Batch) -> None:
        known = self.facts.losable.get(kind)
        if known is not None:
            known.count += len(times)
        elif times:
            first = next(entry for entry in batch.entries if entry.expires_at_ms == times[0])
            count_at(self.facts.losable, kind, first, len(times))

    def fork(self) -> ExpiryPass:
        """The time is the same."""
        return ExpiryPass(self.now_ms)

    def part(self) -> ExpiryFacts:
        """What was counted."""
        return self.facts

    def join(self, part: ExpiryFacts) -> None:
        """The expiries of both."""
        self.facts = self.facts.merge(part)

    def end(self) -> ExpiryFacts:
        """What was counted."""
        return self.facts
