"""Function libraries: what servers demand of their text, as far as it can be seen without running it.

    #!lua name=mylib
    redis.register_function('f', function(keys, args) return 1 end)

Asked of Redis 7.0.15, 8.2.3 and 8.10.2 and of Valkey 8.0.1, 8.1.8 and 9.1.2, which agree but for the
last rule; a library that breaks one of them ends the load of the whole snapshot:

* The first line ends with a newline, begins with #! and an engine, and has one argument, the name. The
  words may be quoted as on a command line; `LUA` and `NAME=` are understood as well.
* A name is letters, digits and underscores, at least one of them.
* Something registers a function.
* `server`, the name Valkey gave to the global `redis`, is unknown to Redis. Inside of a function that
  is met when it is called; what this module looks for is registering by it, which is met at the load.
"""

from __future__ import annotations

import re

from rdbcodec.formats import Dialect
from rdbcodec.named_tuples import NamedTuple

_ENGINE = b"lua"  # of every server; others come from modules, and only Valkey has such (since 8.1)
# Patterns are compiled when they are first used: most snapshots have no functions.
_NAME = rb"[A-Za-z0-9_]+"
_ESCAPES = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"\b", b"a": b"\a"}
_WORD = rb"""(?xs:
    "(?P<double>(?:\\.|[^"\\])*)"     # escapes as in C
  | '(?P<single>(?:\\'|[^'])*)'       # one escape, of the quote itself
  | (?P<plain>[^\s"'][^\s"']*)
)"""
# What is no code: comments and strings, short and long.
_NO_CODE = rb"""(?xs:
    --\[(=*)\[.*?\]\1\] | --[^\n]* | \[(=*)\[.*?\]\2\] | "(?:\\.|[^"\\\n])*" | '(?:\\.|[^'\\\n])*'
)"""
_BY_SERVER = rb"(?<![\w.:])server\s*\.\s*register_function\b"
_OWN_SERVER = rb"\blocal\s+(?:function\s+)?(?:\w+\s*,\s*)*server\b|(?<![\w.:])server\s*=[^=]"


class Flaw(NamedTuple):
    """Why servers refuse a library: the name of its trait (integrity/traits.py), and words."""

    trait: str
    says: str


_VALKEY_LOADS = frozenset({"function-engine", "function-server"})  # the former with a module, since 8.1


def library_name(code: bytes) -> bytes | None:
    """The name a library gives itself in its first line; None when that is none a server takes."""
    name = _head(code)
    return name if isinstance(name, bytes) else None


def refusal(code: bytes, dialect: Dialect) -> str | None:
    """Why every server of a dialect refuses a snapshot with this library; None when nothing speaks for it."""
    found = flaw(code)
    if found is None or (dialect == "valkey" and found.trait in _VALKEY_LOADS):
        return None
    return found.says


def flaw(code: bytes) -> Flaw | None:
    """Why some servers refuse a snapshot with this library; None when nothing speaks against it."""
    name = _head(code)
    if isinstance(name, str):
        return Flaw("function-code", name)
    engine = _words(code[: code.find(b"\n")])[0][2:].lower()
    if engine != _ENGINE:
        return Flaw("function-engine", f"no server has the engine {_shown(engine)}, only lua")
    if b"register_function" not in code:
        return Flaw("function-none", "a function library that registers no function")
    if _registers_by_server(code):
        return Flaw(
            "function-server", "a function library for Valkey: Redis has redis.register_function, not server."
        )
    return None


def _registers_by_server(code: bytes) -> bool:
    bare = re.sub(_NO_CODE, b" ", code.partition(b"\n")[2])
    return re.search(_BY_SERVER, bare) is not None and re.search(_OWN_SERVER, bare) is None


def _head(code: bytes) -> bytes | str:
    """The library's name, or in words why its first line has none."""
    end = code.find(b"\n")  # partition() would copy a library of megabytes
    if not code.startswith(b"#!") or end < 0:
        return "a function library begins with a line of its own: #!lua name=..."
    words = _words(code[:end])
    if not words:
        return "the first line of a function library has an open quote"
    others = [word for word in words[1:] if word[:5].lower() != b"name="]
    if others:
        return f"the first line of a function library has an argument no server knows: {_shown(others[0])}"
    if len(words) != 2:
        return "the first line of a function library names it " + (
            "twice" if len(words) > 2 else "not at all"
        )
    name = words[1][5:]
    if not re.fullmatch(_NAME, name):
        return f"the name of a function library is letters, digits and underscores, not {_shown(name)}"
    return name


def _words(line: bytes) -> list[bytes]:
    """The words of a line as servers split it; none for quotes that do not close before a space."""
    words, pos = [], 0
    while pos < len(line):
        if line[pos : pos + 1].isspace():
            pos += 1
            continue
        word, end = _word(line, pos)
        if end is None:
            return []
        words.append(word)
        pos = end
    return words


def _word(line: bytes, pos: int) -> tuple[bytes, int | None]:
    """One word from here on, which may be put together of quoted and plain pieces."""
    word, pattern = b"", re.compile(_WORD)
    while pos < len(line) and not line[pos : pos + 1].isspace():
        match = pattern.match(line, pos)
        if match is None:
            return b"", None
        pos = match.end()
        if match["plain"] is not None:
            word += match["plain"]
            continue
        word += (
            _unescaped(match["double"])
            if match["double"] is not None
            else match["single"].replace(b"\\'", b"'")
        )
        if pos < len(line) and not line[pos : pos + 1].isspace():
            return b"", None  # a closing quote ends its word
    return word, pos


def _unescaped(text: bytes) -> bytes:
    def meant(match: re.Match[bytes]) -> bytes:
        if match[1][:1] == b"x" and len(match[1]) == 3:
            return bytes((int(match[1][1:], 16),))
        return _ESCAPES.get(match[1], match[1])

    return re.sub(rb"\\(x[0-9A-Fa-f]{2}|.)", meant, text, flags=re.DOTALL)


def _shown(text: bytes) -> str:
    return repr(text[:80].decode("utf-8", "backslashreplace"))
