"""A snapshot and a running server compared by some of their keys: the server is asked for no others.

    sample_of("1000"), sample_of("2.5%")    so many keys of the snapshot, or such a share of them; and as
                                            many of the server

Keys are drawn anew each time: of the snapshot all have the same chance, of the server as its RANDOMKEY draws.
Those of either side are looked for on both, so that what only one has is found. The snapshot is read twice;
what is compared goes to temporary files.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from rdbcodec.facts.selection import Selection
from rdbcodec.limits import CHECKED_VALUE
from rdbcodec.live.address import Options
from rdbcodec.live.connect import Live, Node, connect
from rdbcodec.live.errors import LiveError
from rdbcodec.live.link import Link
from rdbcodec.live.scanning import Scan, databases_of
from rdbcodec.named_tuples import NamedTuple
from rdbcodec.reading.reader import Reader
from rdbcodec.reading.reader import open as open_snapshot
from rdbcodec.records import Entry
from rdbcodec.tools.diff import MOST, Comparison, Open, Terms, diff
from rdbcodec.writing.conversion import convert

BATCH = 1000  # RANDOMKEYs sent at once
EVERYTHING = Terms()
DRAWS = 4  # for each key of the server that is wanted: it draws some twice


class Sample(NamedTuple):
    """How many keys: a number, or a share of them (0 to 1)."""

    number: int | None = None
    share: float | None = None


def sample_of(text: str) -> Sample:
    """A number of keys, or a percentage. ValueError for any other words."""
    if re.fullmatch(r"\d{1,9}", text, re.ASCII) and int(text):
        return Sample(number=int(text))
    if re.fullmatch(r"\d{1,3}(\.\d{1,9})?%", text, re.ASCII) and 0 < float(text[:-1]) <= 100:
        return Sample(share=float(text[:-1]) / 100)
    raise ValueError(f"{text!r} is neither a number of keys, such as 1000, nor a percentage, such as 0.5%")


def sampled_diff(
    first: Open,
    url: str,
    sample: Sample,
    terms: Terms = EVERYTHING,
    *,
    options: Options | None = None,
    most: int = MOST,
    progress: Callable[[], Any] | None = None,
    clock: Callable[[], int] | None = None,
) -> Comparison:
    """Compare a snapshot, which `first` opens, with a server, by keys drawn from both.

    `clock` is asked after the server was, when it is to be said what has expired; `terms` cannot rename keys
    or move them to other databases. Raises what `fetch` and `diff` raise.
    """
    if terms.rename is not None or terms.map_db:
        raise ValueError("a sample is looked for by its names: it goes with neither rename nor map_db")
    here = _drawn(first, sample, terms.selection, progress)
    with TemporaryDirectory(prefix="rdbcodec-sample-") as folder, connect(url, options) as live:
        mine, other = Path(folder) / "first.rdb", Path(folder) / "second.rdb"
        names = here.union(_of_server(live, len(here)))
        scan = Scan(live)
        for _ in scan.steps(other, names=names):
            if progress is not None:
                progress()
        ignore = terms.ignore | scan.found.not_comparable()
        now_ms = terms.now_ms if clock is None else clock()
        convert(first, mine, keep=lambda entry: entry.key in names, on_duplicate="allow", ignore_tail=True)
        terms = Terms(terms.ttl_tolerance_ms, ignore, now_ms=now_ms, selection=terms.selection)
        return diff(_opener(mine), _opener(other), terms, most=most, progress=progress)


def _drawn(
    first: Open, sample: Sample, selection: Selection | None, progress: Callable[[], Any] | None
) -> set[bytes]:
    """Names of keys of the snapshot, each key with the same chance."""
    names: list[bytes] = []
    met = 0
    with first() as reader:
        records = reader if selection is None or selection.is_empty else selection.select(reader)
        for entry in (record for record in records if isinstance(record, Entry)):
            met += 1
            if progress is not None and not met & 0xFF:
                progress()
            if sample.number is None:
                if random.random() < (sample.share or 0):
                    names.append(entry.key)
            elif len(names) < sample.number:
                names.append(entry.key)
            elif (at := random.randrange(met)) < sample.number:
                names[at] = entry.key
    return set(names)


def _of_server(live: Live, count: int) -> set[bytes]:
    """As many names, from each node and database as many as its share of the keys is."""
    places: list[tuple[Node, int, int]] = []
    for node in live.primaries():
        with live.link_to(node, db=0) as link:
            for db in databases_of(link):
                link.call("SELECT", db)
                places.append((node, db, link.call("DBSIZE")))
    total = sum(size for _, _, size in places)
    names: set[bytes] = set()
    for node, db, size in places:
        with live.link_to(node, db=db) as link:
            names |= _random_keys(link, -(-count * size // max(total, 1)))
    return names


def _random_keys(link: Link, wanted: int) -> set[bytes]:
    names: set[bytes] = set()
    for _ in range(0, DRAWS * wanted, BATCH):
        found = link.calls([("RANDOMKEY",)] * min(BATCH, wanted))
        for name in found:
            if isinstance(name, LiveError):
                raise name
            if name is not None and len(names) < wanted:
                names.add(name)
        if len(names) == wanted:
            break
    return names


def _opener(path: Path) -> Callable[[], Reader]:
    return lambda: open_snapshot(path, max_value=CHECKED_VALUE)
