"""The page: page.html with its style, its script and its sections in it.

No request leaves it. The policy in its head allows nothing but this very style and this very script, by
their digests; data is no script.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from importlib import resources
from string import Template

from rdbcodec import __version__
from rdbcodec.reports.answers import Judged
from rdbcodec.reports.html import files, keys, prefixes, top, verdicts
from rdbcodec.reports.html.markup import Markup, joined, script_data, tag, text
from rdbcodec.reports.html.subject import Subject
from rdbcodec.reports.html.tree import Row, data_of

_BY = f"rdbcodec {__version__}"


def page(subject: Subject, judged: Sequence[Judged] = ()) -> str:
    """The whole page."""
    style, script = _file("page.css"), _file("page.js")
    data = data_of(subject.tree, subject.total.memory, hide_keys=subject.hide_keys)
    return Template(_file("page.html")).substitute(
        title=text(f"{subject.title}: snapshot report"),
        generator=text(_BY),
        style_hash=_digest(style),
        script_hash=_digest(script),
        style=style,
        top=top.top(subject, _BY),
        body=_body(subject, judged, data["tree"]),
        foot=top.foot(subject, _BY),
        data=script_data(data),
        script=script,
    )


def _body(subject: Subject, judged: Sequence[Judged], tree: Row) -> Markup:
    return joined(
        top.partial(subject),
        _answers(judged),
        top.tiles(subject),
        top.hints(subject),
        files.files(subject),
        prefixes.memory(subject, tree),
        tag("div", keys.expiry(subject), keys.sizes(subject), class_="pair"),
        keys.cliffs(subject),
        keys.types(subject),
        keys.databases(subject),
        keys.uses(subject),
        keys.biggest(subject),
        _verdicts(subject, judged),
        files.headers(subject),
    )


def _answers(judged: Sequence[Judged]) -> Markup | None:
    if not any(file.verdicts for file in judged):
        return None
    return tag("section", tag("h2", "Does it load there?"), verdicts.answers(judged), id="answers")


def _verdicts(subject: Subject, judged: Sequence[Judged]) -> Markup | None:
    if not any(file.verdicts for file in judged):
        return None
    made = verdicts.details(judged, hide_keys=subject.hide_keys)
    return tag("section", tag("h2", "Why, and what to do"), made, id="verdicts")


def _file(name: str) -> str:
    return resources.files(__package__).joinpath(name).read_text("utf-8")


def _digest(words: str) -> str:
    """What the policy calls an inline style or script."""
    digest = hashlib.sha256(words.encode()).digest()
    return f"sha256-{base64.b64encode(digest).decode('ascii')}"
