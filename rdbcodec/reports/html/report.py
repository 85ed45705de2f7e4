"""A report on snapshots as one page: what takes the memory, what expires, the largest keys, verdicts.

    report("dump.rdb", "report.html", targets=["amr-balanced-7.4"])
    report(["shard-1.rdb", "shard-2.rdb"], "report.html", hide_keys=True)

The page is one file that needs no network. Each snapshot is read once, and held in bounded memory; keys that
are there twice, which verdicts need to know, are looked for in a second reading where there can be one.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from pathlib import PurePath
from typing import Any

from rdbcodec.compat.circumstances import Circumstances
from rdbcodec.compat.target import Target, find
from rdbcodec.compat.verdict import check
from rdbcodec.facts.memory.allocators import DEFAULT
from rdbcodec.facts.overview import KEYS, Overview, overview
from rdbcodec.facts.passes import Progress
from rdbcodec.facts.selection import Selection
from rdbcodec.limits import COUNTED_VALUE
from rdbcodec.named_tuples import NamedTuple
from rdbcodec.reading.reader import Reader
from rdbcodec.reading.reader import open as open_snapshot
from rdbcodec.reading.source import Source
from rdbcodec.reports.answers import Judged
from rdbcodec.reports.html.page import page
from rdbcodec.reports.html.subject import Subject
from rdbcodec.reports.words import plural
from rdbcodec.servers import Server
from rdbcodec.showing import Hiding
from rdbcodec.writing.output import OutputLike, whole_output


class Report(NamedTuple):
    """What was found, and the verdicts on files that are whole."""

    subject: Subject
    judged: Sequence[Judged]

    @property
    def is_partial(self) -> bool:
        """Whether damage ended the reading of a file."""
        return any(file.damage is not None for file in self.subject.files)

    def html(self) -> str:
        """The page."""
        return page(self.subject, self.judged)


def report(
    sources: Source | Sequence[Source],
    output: OutputLike | None = None,
    *,
    targets: Sequence[Target | str] = (),
    circumstances: Circumstances | None = None,
    server: Server | str | None = None,
    allocator: str = DEFAULT,
    selection: Selection | None = None,
    most: int = KEYS,
    hide_keys: Hiding = False,
    title: str | None = None,
    now_ms: int | None = None,
    replace: bool = True,
    progress: Progress | None = None,
) -> Report:
    """Read one snapshot or several, and write the page to `output`, if there is one.

    `targets` are places to judge the snapshots for, `server` the one whose memory is told, by default that
    which wrote each file; `most` keys are listed. A damaged file is told as far as it can be read, and the
    page says so. Raises what opening and reading raise when nothing of a file can be told, TargetError,
    EncodeError for a server or an allocator nobody knows.
    """
    now_ms = time.time_ns() // 1_000_000 if now_ms is None else now_ms
    chosen = [find(target) if isinstance(target, str) else target for target in targets]
    meant = None if server is None else Server.of(server)
    sources = _each(sources)
    names = [_name_of(source, number) for number, source in enumerate(sources, 1)]
    files = (
        _overview(
            source,
            name,
            now_ms=now_ms,
            server=meant,
            allocator=allocator,
            selection=selection,
            most=most,
            judged=bool(chosen),
            progress=progress,
        )
        for name, source in zip(names, sources, strict=True)
    )
    subject = Subject.of(title or title_of(names), files, now_ms=now_ms, most=most, hide_keys=hide_keys)
    made = Report(subject, judged(subject.files, chosen, circumstances))
    if output is not None:
        with whole_output(output, replace=replace) as out:
            out.write(made.html().encode())
    return made


def _overview(source: Source, name: str, **how: Any) -> Overview:
    with open_snapshot(source, max_value=COUNTED_VALUE) as reader:
        return overview(reader, name, reopen=_reopening(source), **how)


def judged(
    files: Sequence[Overview], targets: Sequence[Target], circumstances: Circumstances | None = None
) -> list[Judged]:
    """The verdicts on files that were read whole, which are those of one import."""
    whole = [file for file in files if file.damage is None]
    profiles = [file.profile for file in whole]
    return [
        Judged(
            file.name,
            file.profile,
            [check(file.profile, target, circumstances, files=profiles) for target in targets],
        )
        for file in whole
    ]


def title_of(names: Sequence[str]) -> str:
    """What the page is called."""
    return PurePath(names[0]).name if len(names) == 1 else plural(len(names), "snapshot")


def _each(sources: Source | Sequence[Source]) -> list[Source]:
    return [*sources] if isinstance(sources, list | tuple) else [sources]  # type: ignore[list-item] # bytes are a Sequence


def _name_of(source: Source, number: int) -> str:
    return os.fsdecode(source) if isinstance(source, str | os.PathLike) else f"snapshot {number}"


def _reopening(source: Source) -> Callable[[], Reader] | None:
    """A path or bytes can be read again."""
    if not isinstance(source, str | os.PathLike | bytes):
        return None
    return lambda: open_snapshot(source, max_value=COUNTED_VALUE)
