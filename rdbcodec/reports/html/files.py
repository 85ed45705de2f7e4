"""The files on the page: a row each, and what they say of themselves."""

from __future__ import annotations

from rdbcodec.facts.amounts import Usage
from rdbcodec.facts.overview import Overview
from rdbcodec.reports.html.markup import Markup, tag
from rdbcodec.reports.html.subject import Subject, about_size
from rdbcodec.reports.html.tables import Row, table
from rdbcodec.reports.inspection import sections
from rdbcodec.reports.tables import Section
from rdbcodec.reports.words import number, plural, size

_DETAILED = 50  # files of which all is told; of more there is a row each
_TOLD_ELSEWHERE = frozenset({"Keys by type", "Biggest keys"})


def files(subject: Subject) -> Markup | None:
    """A row each, and the total."""
    if not subject.is_several:
        return None
    head = ("File", "Server", ">Memory", ">On disk", ">Keys", ">Never expire", ">Expired", "Read")
    rows = [
        _file_row(file.name, _maker(file), file.stat.total, file.stat.expired, file.damage is None)
        for file in subject.files
    ]
    is_whole = all(file.damage is None for file in subject.files)
    rows.append(_file_row("Total", "", subject.total, subject.expired, is_whole))
    made = table(None, head, rows, says="Files")
    return tag("section", tag("h2", "Files"), made, id="files")


def _maker(file: Overview) -> str:
    return file.profile.producer or f"RDB {file.profile.version}"


def _file_row(name: str, maker: str, total: Usage, expired: Usage, is_whole: bool) -> Row:
    return (
        name,
        maker,
        about_size(total.memory),
        size(total.disk),
        number(total.keys),
        number(total.keys - total.expiring),
        number(expired.keys),
        "whole" if is_whole else "PARTIAL",
    )


def headers(subject: Subject) -> Markup:
    """What the files say of themselves."""
    parts = [
        tag("details", tag("summary", file.name), *map(_section, _sections(file, subject)))
        for file in subject.files[:_DETAILED]
    ]
    left = len(subject.files) - len(parts)
    more = tag("p", f"and {plural(left, 'more file')}", class_="note") if left else None
    return tag(
        "section",
        tag("h2", "What the files say of themselves" if subject.is_several else "The file itself"),
        *parts,
        more,
    )


def _sections(file: Overview, subject: Subject) -> list[Section]:
    found = sections(file.profile, hide_keys=subject.hide_keys)
    return [section for section in found if section.title not in _TOLD_ELSEWHERE]


def _section(section: Section) -> Markup:
    return table(section.title, section.head, section.rows)
