"""Function libraries.

F5  STRING code                                                         since Redis 7.0
F6  STRING name  STRING engine  LENGTH 0 or 1  [STRING text]  STRING code    7.0-rc1 and rc2
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from rdbcodec.named_tuples import NamedTuple
from rdbcodec.records.kinds import CODES, RecordKind
from rdbcodec.records.libraries import library_name, refusal
from rdbcodec.wire import lengths, strings

if TYPE_CHECKING:
    from rdbcodec.formats import OpcodeRow
    from rdbcodec.records.kinds import Decoded
    from rdbcodec.records.state import State
    from rdbcodec.servers import Server


class Function(NamedTuple):
    """A function library. `name` and `engine` are told apart only by the form of Redis 7.0-rc1 and rc2."""

    offset: int
    raw: bytes
    code: bytes
    name: bytes | None = None
    engine: bytes | None = None

    @property
    def library(self) -> bytes | None:
        """The library's name, from the record or from the code's first line: `#!lua name=mylib`.

        None when the first line names none that a server takes.
        """
        return self.name if self.name is not None else library_name(self.code)


def decode(state: State, row: OpcodeRow, pos: int) -> Decoded:
    """A library of Redis 7.0 and later."""
    del row
    code, end = state.string(pos)
    return Function(state.offset(), state.raw(end), code), end


def decode_pre_ga(state: State, row: OpcodeRow, pos: int) -> Decoded:
    """A library of the release candidates of 7.0, which said its name beside the code."""
    del row
    name, pos = state.string(pos)
    engine, pos = state.string(pos)
    has_description, pos = lengths.read(state.buf, pos)
    if has_description:
        _, pos = state.string(pos)
    code, end = state.string(pos)
    return Function(state.offset(), state.raw(end), code, name, engine), end


def encode(code: bytes, *, compress: bool) -> bytes:
    """A library, its complete text."""
    return CODES["function"] + strings.encode(code, compress=compress)


def shebang_of(record: Function) -> bytes:
    """The first line in which libraries since 7.0 say their name; 7.0 makes the same of the old form."""
    if record.code.startswith(b"#!"):
        return b""
    return b"#!%b name=%b\n" % ((record.engine or b"lua").lower(), record.name or b"")


def text_of(record: Function) -> bytes:
    """The code with its name in it: the form of the release candidates, which 7.2 refuses, has it beside."""
    return record.code if record.name is None else shebang_of(record) + record.code


def is_held(record: Function, server: Server) -> bool:
    """Whether the server has functions and takes this library."""
    return "function" in server.opcodes and refusal(text_of(record), server.dialect) is None


def adapt(record: Function, server: Server, lose: Callable[[str], None]) -> bytes:
    """The library where the server takes it; its description goes with the old form."""
    if not is_held(record, server):
        lose("function-refused" if "function" in server.opcodes else "function")
        return b""
    if record.name is None:
        return record.raw
    lose("description")
    return encode(text_of(record), compress=server.compress)


KINDS = (
    RecordKind("function", decode, loss="function", record=Function, adapt=adapt),
    RecordKind("function-pre-ga", decode_pre_ga, loss="function", record=Function, adapt=adapt),
)
