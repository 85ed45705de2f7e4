"""Everything rdbcodec raises on purpose.

    RdbError
    ├── DecodeError (also ValueError)       .message .pos .offset .db .key .type
    │   ├── BadMagic                        the bytes do not begin like a snapshot
    │   ├── UnsupportedVersion              a version number no known server writes
    │   ├── Truncated (also EOFError)       the file ends inside something
    │   ├── CorruptStructure                a listpack, an LZF block ... contradicts itself
    │   ├── ChecksumMismatch                .expected .found
    │   ├── UnknownCode                     .code .dialect
    │   │   └── UnknownType, UnknownOpcode
    │   └── LimitExceeded                   .limit .wanted
    ├── EncodeError (also ValueError)       .message .value .type .server .db .key
    │   └── LossyConversion                 .losses
    ├── TextError (also ValueError)         .message .line: a text form does not say what it should
    ├── TargetError (also ValueError)       a file of targets, or the name of one, is wrong
    ├── ModuleNameError (also ValueError)   a module is called by a name nobody knows
    ├── CircumstancesError (also ValueError)    a file of circumstances, or a word in it, is wrong
    ├── ProfileError (also ValueError)      a profile file is not what it must be
    ├── StaleIndex                          an index is not that of the snapshot as it is now
    ├── StateError                          the state of a restore is none, or of another restore
    ├── TailError                           .tail .offset: data stands behind the snapshot
    └── ContainerError                      the gzip, LZ4 or zstd wrapping is damaged or unreadable
        └── DamagedContainer (also DecodeError)    it is cut or damaged, so far was the snapshot read

The rules this tree keeps:

* Code that holds only some bytes raises with `pos`, the position in those bytes. The reader alone
  knows the file: it adds `offset` (absolute, in the uncompressed snapshot), `db`, `key` and `type`.
* A message says what is, what was expected and where. It never carries a value: snapshots hold
  other people's secrets, and messages end up in logs. Keys may be shown, because without them
  nobody finds the damage.
* Every error crosses process borders whole: it can be pickled and copied, whatever its constructor
  asks for. A worker that fails must be able to say why.
* Any other exception that leaves the library while it reads bytes is a bug. Only a caller's own mistake
  (an argument of the wrong type, a call out of turn that no data causes) is a TypeError or ValueError.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rdbcodec.showing import Hiding, key_words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rdbcodec.losses import Loss
    from rdbcodec.tail import Tail


class RdbError(Exception):
    """The root of everything rdbcodec raises on purpose."""

    def __reduce__(self) -> tuple[object, ...]:
        return _remake, (type(self), self.args, self.__dict__)


class DecodeError(RdbError, ValueError):
    """The bytes are not what the format says they should be.

    `ends_reading` says that it hides where the next record begins; a damaged value alone does not.
    """

    ends_reading = False

    def __init__(self, message: str, pos: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.pos = pos
        self.offset: int | None = None
        self.db: int | None = None
        self.key: bytes | None = None
        self.type: str | None = None

    def locate(
        self,
        *,
        offset: int | None = None,
        db: int | None = None,
        key: bytes | None = None,
        type: str | None = None,
    ) -> None:
        """Add what the caller knows about the place; what is known already stays."""
        self.offset = offset if self.offset is None else self.offset
        self.db = db if self.db is None else self.db
        self.key = key if self.key is None else self.key
        self.type = type if self.type is None else self.type

    def __str__(self) -> str:
        return self.text()

    def text(self, *, hide_keys: Hiding = False) -> str:
        """Where, and what."""
        key = key_words(self.key, hide_keys)
        place = [f"offset {self.offset}"] if self.offset is not None else []
        place += [f"db {self.db}"] if self.db is not None and key is not None else []
        place += [key] if key is not None else []
        place += [f"type {self.type}"] if self.type is not None else []
        return ", ".join(place) + ": " + self.message if place else self.message


class BadMagic(DecodeError):
    """The bytes do not begin like a snapshot; `next_step` says what to do with what they plainly are."""

    next_step = ""


class UnsupportedVersion(DecodeError):
    """The header names a version that no known server writes; `magic` is that header, if it is of a file."""

    magic = b""


class Truncated(DecodeError, EOFError):
    """The file ends inside something that said it was longer."""


class CorruptStructure(DecodeError):
    """A structure contradicts itself: a size, a count, a back-reference that cannot be."""


class ChecksumMismatch(DecodeError):
    """The CRC-64 at the end is not that of the bytes before it."""

    def __init__(self, expected: int, found: int) -> None:
        super().__init__(f"checksum of the content is {found:#018x}, the file says {expected:#018x}")
        self.expected = expected
        self.found = found


class UnknownCode(DecodeError):
    """A byte where a type or an opcode must stand means nothing in this dialect."""

    def __init__(self, message: str, *, code: int, dialect: str) -> None:
        super().__init__(message)
        self.code = code
        self.dialect = dialect


class UnknownType(UnknownCode):
    """A value type that this dialect does not have; where it ends cannot be known."""


class UnknownOpcode(UnknownCode):
    """An opcode that this dialect does not have; where it ends cannot be known."""


class LimitExceeded(DecodeError):
    """Something is larger than this process may hold, which says nothing about the data.

    `limit` and `wanted` are bytes, mostly; `name` is the argument that raises the limit, if one does.
    """

    def __init__(
        self, message: str, *, limit: int, wanted: int, unit: str = "bytes", name: str | None = None
    ) -> None:
        super().__init__(f"{message}: {wanted} {unit}, {name or 'the limit'} is {limit}")
        self.name = name
        self.limit = limit
        self.wanted = wanted


class EncodeError(RdbError, ValueError):
    """A value cannot be written as asked: `message` names the rule, `type` and `server` what it is about."""

    def __init__(
        self, message: str, *, value: object = None, type: str | None = None, server: str | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.value = value
        self.type = type
        self.server = server
        self.db: int | None = None
        self.key: bytes | None = None
        self.loss: str | None = None  # the kind of what would be lost, if it is that

    def locate(self, *, type: str, server: str, db: int | None = None, key: bytes | None = None) -> None:
        """Add what the caller knows; what is known already stays."""
        self.type = type if self.type is None else self.type
        self.server = server if self.server is None else self.server
        self.db = db if self.db is None else self.db
        self.key = key if self.key is None else self.key

    def __str__(self) -> str:
        return self.text()

    def text(self, *, hide_keys: Hiding = False) -> str:
        """Where, what of, for whom, and why not."""
        key = key_words(self.key, hide_keys)
        place = [f"db {self.db}"] if self.db is not None and key is not None else []
        place += [key] if key is not None else []
        place += [self.type] if self.type is not None else []
        place += [f"for {self.server}"] if self.server is not None else []
        return ", ".join(place) + ": " + self.message if place else self.message


class LossyConversion(EncodeError):
    """The server cannot hold everything; `losses` says what, how often and where first."""

    def __init__(self, losses: Sequence[Loss], *, server: str) -> None:
        lines = [f"{len(losses)} kinds of loss, and losses are not allowed", *map(str, losses)]
        super().__init__("\n  ".join(lines), server=server)
        self.losses = tuple(losses)


class TextError(RdbError, ValueError):
    """A line of a text form is not what the form says it should be; `line` counts from 1."""

    def __init__(self, message: str, line: int | None = None) -> None:
        super().__init__(message, line)
        self.message = message
        self.line = line

    def __str__(self) -> str:
        return self.text()

    def text(self, *, hide_keys: Hiding = False) -> str:
        """Where, and what; the key that a line is about can be hidden."""
        cause = self.__cause__
        message = cause.text(hide_keys=hide_keys) if isinstance(cause, EncodeError) else self.message
        return message if self.line is None else f"line {self.line}: {message}"


class TargetError(RdbError, ValueError):
    """A file of targets, or the name of one, is not what it should be."""


class ModuleNameError(RdbError, ValueError):
    """A module is called by a name nobody knows; the message says what was perhaps meant."""


class CircumstancesError(RdbError, ValueError):
    """Circumstances cannot be understood: the message names file, line, key and what was expected."""


class ProfileError(RdbError, ValueError):
    """A profile file is not what it must be."""


class ContainerError(RdbError):
    """The gzip, LZ4 or zstd wrapping around a snapshot is damaged, nested or cannot be opened here."""


class DamagedContainer(ContainerError, DecodeError):
    """The wrapping is cut or damaged; `offset`, `db` and `key` say how far the snapshot in it was read."""


class StaleIndex(RdbError):
    """An index is not that of the snapshot as it is now."""


class StateError(RdbError):
    """The state of a restore is none, or is that of another restore."""


class TailError(RdbError):
    """Data stands behind the snapshot, from `offset` on, and what was made of the snapshot leaves it out."""

    def __init__(self, tail: Tail, offset: int) -> None:
        super().__init__(tail, offset)
        self.tail = tail
        self.offset = offset

    def __str__(self) -> str:
        return f"{self.tail.text(self.offset)}: not read"


def _remake(kind: type[RdbError], arguments: tuple[object, ...], state: dict[str, object]) -> RdbError:
    error = kind.__new__(kind, *arguments)
    error.__dict__.update(state)
    return error
