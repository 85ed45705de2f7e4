"""HTML that is put together of parts; whatever is no Markup is text, and becomes harmless on its way in.

    tag("td", key, class_="key")        <td class="key">&lt;script&gt;</td>

Text passes through `showing` first: no control characters, no secrets of URLs.
"""

from __future__ import annotations

import html
import json
from typing import Any

from rdbcodec.showing import name as shown

_VOID = frozenset({"rect", "input"})


class Markup(str):
    """HTML as it stands; only `tag`, `joined` and `text` make it."""

    __slots__ = ()


def text(words: str) -> Markup:
    """Words as they are read, whatever is in them."""
    return words if isinstance(words, Markup) else Markup(html.escape(shown(words)))


def joined(*parts: str | None) -> Markup:
    """One after the other; text among them is escaped, None left out."""
    return Markup("".join(text(part) for part in parts if part is not None))


def tag(name: str, *parts: str | None, **attributes: str | float | bool | None) -> Markup:
    """An element; `class_` is class, `aria_label` aria-label; what is None or False is not there."""
    words = "".join(map(_attribute, attributes.items()))
    end = "" if name in _VOID else f"</{name}>"
    slash = "/" if name in _VOID else ""
    return Markup(f"<{name}{words}{slash}>{joined(*parts)}{end}")


def _attribute(item: tuple[str, Any]) -> str:
    name, value = item[0].rstrip("_").replace("_", "-"), item[1]
    if value is None or value is False:
        return ""
    return f" {name}" if value is True else f' {name}="{text(str(value))}"'


def script_data(document: Any) -> Markup:
    """JSON in a script element: nothing in it ends the element or begins a comment."""
    words = json.dumps(document, separators=(",", ":"))  # ASCII: no line end of JavaScript's own either
    for char in "<>&":
        words = words.replace(char, f"\\u{ord(char):04x}")
    return Markup(words)
