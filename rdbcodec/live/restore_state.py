"""How far a restore has come, in a file: written as a whole or not at all, and read by the next run.

    position   up to here every key was answered for: reading goes on there
    until      up to here keys may have been sent: those from `position` on are in doubt

The file is written before a key beyond `until` is sent. So whenever a run ends, by a signal that leaves no
time too, each key is before `position` (it is there), behind `until` (it was not sent), or in doubt: it is
sent again, and when it is there already it is compared with what was to be restored.

It names the snapshots by size and by a digest of their first bytes, and holds no password and no value; of
keys the names of fields that a file tells once for many hashes (Redis 8.10), as reading on needs them.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import Any

from rdbcodec.errors import StateError
from rdbcodec.reading.source import Source, open_raw
from rdbcodec.records.state import FileContext, Position

FORMAT = 1
HEAD = 64 << 10  # bytes of a snapshot that tell it from others
AHEAD = 16 << 20  # bytes of a snapshot that may be sent before the file is written again


@dataclass(slots=True)
class FileState:
    """Of one snapshot: what it is, and how far it was restored."""

    name: str
    size: int | None
    head: str
    done: bool = False
    position: Position | None = None
    until: int = 0


@dataclass(slots=True)
class State:
    """Of a run: the place it restores to, its snapshots in their order, and what was counted up to there."""

    place: str
    terms: dict[str, Any] = field(default_factory=dict)
    files: list[FileState] = field(default_factory=list)
    counts: dict[str, Any] = field(default_factory=dict)


def file_state(name: str, source: Source) -> FileState:
    """What tells a snapshot from others. Raises OSError when it cannot be read."""
    raw, close = open_raw(source)
    try:
        data = b""
        while len(data) < HEAD and (piece := raw.read(HEAD - len(data))):
            data += piece
        return FileState(name, raw.size, blake2b(data, digest_size=16).hexdigest())
    finally:
        close()


class StateFile:
    """The file; `load` gives what a run before this one left in it."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)

    def load(self) -> State | None:
        """What is in it; None when there is none. StateError when it is something else."""
        try:
            text = self.path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return None
        except UnicodeDecodeError:
            raise self._is_none() from None
        try:
            told = json.loads(text)
            if told["format"] != FORMAT:
                raise StateError(f"the state is of form {told['format']}, this version reads {FORMAT}")
            files = [_file_of(one) for one in told["files"]]
            return State(told["restore_to"], told["terms"], files, told["counts"])
        except (ValueError, KeyError, TypeError, AttributeError):
            raise self._is_none() from None

    def _is_none(self) -> StateError:
        return StateError(f"{self.path} is not the state of a restore: another name keeps it as it is")

    def save(self, state: State) -> None:
        """Put it there in place of what was there: after a crash it is the one or the other."""
        told = {
            "format": FORMAT,
            "restore_to": state.place,
            "terms": state.terms,
            "counts": state.counts,
            "files": [_told(file) for file in state.files],
        }
        handle, name = tempfile.mkstemp(dir=self.path.parent, prefix=f".{self.path.name}.")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                json.dump(told, file, indent=1)
                file.flush()
                os.fsync(file.fileno())
            os.replace(name, self.path)  # noqa: PTH105 - of two names, neither a Path
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise

    def remove(self) -> None:
        """All is done."""
        self.path.unlink(missing_ok=True)


def check(state: State, wanted: State) -> None:
    """Raises StateError unless the state is that of the same snapshots, the same place and the same terms."""
    if state.place != wanted.place:
        raise StateError(f"the state is of a restore to {state.place}, not to {wanted.place}")
    if state.terms != wanted.terms:
        raise StateError("the state is of a restore with other databases or filters: give the same ones")
    own, others = (
        [(one.size, one.head) for one in state.files],
        [(one.size, one.head) for one in wanted.files],
    )
    if len(own) != len(others):
        raise StateError(f"the state is of {len(own)} snapshots, {len(others)} are given")
    for before, now in zip(state.files, wanted.files, strict=True):
        if (before.size, before.head) != (now.size, now.head):
            raise StateError(f"the state is of another {before.name}: its size or its first bytes differ")


# --- JSON -------------------------------------------------------------------------------------------


def _told(file: FileState) -> dict[str, Any]:
    told: dict[str, Any] = {"name": file.name, "size": file.size, "head": file.head}
    told |= {"done": file.done, "until": file.until, "position": None}
    if file.position is not None:
        offset, context = file.position
        told["position"] = {"offset": offset, **_context_told(context)}
    return told


def _context_told(context: FileContext) -> dict[str, Any]:
    templates = {str(id): [name.hex() for name in names] for id, names in context.templates.items()}
    return {**context._asdict(), "templates": templates}


def _file_of(told: Mapping[str, Any]) -> FileState:
    place = told["position"]
    position = None if place is None else Position(int(place["offset"]), _context_of(place))
    return FileState(
        told["name"], told["size"], told["head"], bool(told["done"]), position, int(told["until"])
    )


def _context_of(told: Mapping[str, Any]) -> FileContext:
    templates = {
        int(id): tuple(bytes.fromhex(name) for name in names) for id, names in told["templates"].items()
    }
    settled, named = bool(told["is_settled"]), bool(told.get("is_named"))
    return FileContext(told["dialect"], settled, int(told["version"]), int(told["db"]), templates, named)
