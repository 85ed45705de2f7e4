"""Lines of NDJSON that are too long to hold: a large collection, a part at a time.

The text of a long line goes to a temporary file. It is cut behind elements, each piece is made a small value
of the same type, and those are parts of the whole. Whatever is unusual about a line ends that: who reads it
then takes the whole line, as if it were short, and says what is wrong with it.
"""

from __future__ import annotations

import re
import tempfile
import weakref
from collections.abc import Callable, Iterable, Iterator
from functools import cache, partial
from typing import IO, Any

from rdbcodec.datatypes.registry import type_named
from rdbcodec.errors import TextError
from rdbcodec.reading.repeats import Hashes

LONG = 512 << 10  # bytes from which on a line is read in pieces: whole, 1 MiB took up to 75 MiB
CHUNK = 256 << 10  # bytes of lines that are read at a time
PIECE = 64 << 10  # bytes of text of a part, or one element

Decode = Callable[[bytes], Any]


class LongLine:
    """A line in a temporary file, but for its first bytes; `behind` is what was read behind its end."""

    def __init__(self, begin: bytes, read: Callable[[int], bytes]) -> None:
        self.begin = begin
        self.behind = b""
        self._file: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed when the line goes
        weakref.finalize(self, self._file.close)
        while chunk := read(CHUNK):
            text, end, self.behind = chunk.partition(b"\n")
            self._file.write(text)
            if end:
                break

    def pieces(self, start: int = 0) -> Iterator[bytes]:
        """Its text, behind so many bytes of `begin`, by and by."""
        for at in range(start, len(self.begin), PIECE):
            yield self.begin[at : at + PIECE]
        self._file.seek(0)
        yield from iter(partial(self._file.read, PIECE), b"")


Line = bytes | LongLine


def lines_of(source: Iterable[bytes]) -> Iterator[Line]:
    """The lines of a file, without their ends; those of anything else are held by whoever made them."""
    read = getattr(source, "read", None)
    if read is None:
        yield from source
        return
    rest = b""
    while chunk := read(CHUNK):
        *lines, rest = (rest + chunk).split(b"\n")
        yield from lines
        if len(rest) >= LONG:
            line = LongLine(rest, read)
            yield line
            rest = line.behind
    *lines, rest = rest.split(b"\n")
    yield from lines
    if rest:
        yield rest


class Parts:
    """A collection that is told by a long line, as values of its type that are parts of it.

    `opening` is the text before its elements, which begin at `start` of the line; `decode` makes a value of
    JSON text. Parts may be asked for again. They raise TextError where they cannot go on: `whole` can, or
    says why not.
    """

    def __init__(
        self,
        line: LongLine,
        opening: bytes,
        start: int,
        *,
        type_: str,
        decode: Decode,
        whole: Callable[[], Any],
    ) -> None:
        self._line = line
        self._opening = b"".join(opening.split())
        self._start = start
        self._names_are_unique = type_named(type_).names is not None
        self._decode = decode
        self.whole = whole

    def __iter__(self) -> Iterator[Any]:
        hashes = Hashes()
        try:
            for value in map(self._decode, self._texts()):
                if self._names_are_unique:
                    hashes.add(list(map(hash, value)))
                yield value
            if hashes.candidates().any:
                raise TextError("a name may be there twice")
        finally:
            hashes.close()

    def _texts(self) -> Iterator[bytes]:
        """JSON of some elements each, in the brackets of all."""
        opening = self._opening
        closing = _BRACKETS[opening][0]
        text, wanted = b"", 0
        for piece in self._line.pieces(self._start):
            text += piece
            if len(text) < wanted:
                continue
            end = _end_of_elements(text, opening)
            if end:
                yield b"%b%b%b" % (opening, text[: end - 1], closing)
                text = text[end:]
            wanted = 0 if end else 2 * len(text)  # one element is longer than that
        last = text.strip()
        if last[:1] == closing[:1] or last[-1:] != b"}":
            raise TextError("the line ends in another way")
        yield opening + last[:-1]


def _end_of_elements(text: bytes, opening: bytes) -> int:
    """Behind the last comma between two elements; 0 where there is none.

    With an even number of quotes before it a comma stands outside of texts. Where some are escaped, a pattern
    says what elements are.
    """
    between = _BETWEEN.get((opening, text[:1]))
    comma = -1 if between is None or b"\\" in text else text.rfind(between)
    if comma > 0 and not text.count(b'"', 0, comma) % 2:
        return comma + 1
    match = _elements(opening).match(text)
    return 0 if match is None else match.end()


# Elements: texts, marked bytes, numbers, arrays of those; members of an object; entries of a stream.
_TEXT = rb'"[^"\\]*(?:\\[^\n][^"\\]*)*"'
_WORD = rb"(?:%b|\{\s*%b\s*:\s*%b\s*\}|-?[0-9][-+.0-9Ee]*)" % (_TEXT, _TEXT, _TEXT)
_ELEMENT = rb"(?:%b|\[\s*%b(?:\s*,\s*%b)*\s*\])" % (_WORD, _WORD, _WORD)
_MEMBER = rb"%b\s*:\s*%b" % (_TEXT, _WORD)
_FIELDS = rb"(?:\{\s*%b(?:\s*,\s*%b)*\s*\}|\[\s*%b(?:\s*,\s*%b)*\s*\])" % (
    *(_MEMBER, _MEMBER),
    *(_ELEMENT, _ELEMENT),
)
_ENTRY = rb"\{\s*%b\s*:\s*%b\s*,\s*%b\s*:\s*%b\s*\}" % (_TEXT, _TEXT, _TEXT, _FIELDS)
_ENTRIES = b'{"entries":['  # of a stream
_BRACKETS = {  # what begins and ends the elements, and what one of them is
    b"[": (b"]", _ELEMENT),
    b"{": (b"}", _MEMBER),
    _ENTRIES: (b"]}", _ENTRY),
}


@cache
def _elements(opening: bytes) -> re.Pattern[bytes]:
    """Elements with a comma behind each; made when needed, as it takes a while."""
    return re.compile(rb"(?:\s*%b\s*,)+" % _BRACKETS[opening][1])


# What stands between elements of which the first begins so, and within none of them.
_BETWEEN = {
    (b"[", b'"'): b',"',
    (b"[", b"["): b",[",
    (b"{", b'"'): b',"',
    (_ENTRIES, b"{"): b',{"id":',
}
OPENING = re.compile(rb',\s*"value"\s*:\s*(\{\s*"entries"\s*:\s*\[|[\[{])')
