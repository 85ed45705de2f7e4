"""Who understands the values of a module: codecs, by the name of the module's data type.

A codec is registered by `register("ReJSON-RL", codec)`, or found in an installed package that names it as an
entry point of the group "rdbcodec.modules":

    [project.entry-points."rdbcodec.modules"]
    ReJSON-RL = "my_package:codec"

Entry points are looked up when the first value of a module is decoded. Without a codec a value is opaque. Its
bytes stay what is copied and written either way: what a codec says is told in addition.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

    from rdbcodec.datatypes.modules import ModuleValue

GROUP = "rdbcodec.modules"


class ModuleCodec(Protocol):
    """What understands the values of one module data type, in all of its versions."""

    def decode(self, value: ModuleValue) -> Any:
        """What the value is in Python. Raises DecodeError for one that it cannot read."""

    def json(self, decoded: Any) -> Any:
        """The same as JSON: dicts, lists, text, numbers, true, false and None; no NaN and no infinity."""


class Opaque:
    """The codec of modules nobody understands: a value is itself, and nothing is told of it but its bytes."""

    def decode(self, value: ModuleValue) -> ModuleValue:
        """The value."""
        return value

    def json(self, decoded: object) -> None:
        """Nothing."""
        del decoded


OPAQUE = Opaque()
_registered: dict[str, ModuleCodec] = {}  # by programs, when they start


def register(name: str, codec: ModuleCodec) -> None:
    """Decode the values of this module data type by the codec, whatever packages say about it."""
    _registered[name] = codec


def unregister(name: str) -> None:
    """Undo `register`."""
    _registered.pop(name, None)


def codec_of(name: str) -> ModuleCodec:
    """The codec of a module data type: the one registered, that of a package, or the opaque one."""
    return _registered.get(name) or _of_package(name)


def _of_package(name: str) -> ModuleCodec:
    found = _in_packages().get(name)
    return OPAQUE if found is None else _loaded(found)


@cache
def _in_packages() -> dict[str, EntryPoint]:
    """What packages name, all at once: a file may name a module for each key, and a look takes 4 ms."""
    from importlib.metadata import entry_points  # noqa: PLC0415 - slow to load, and only modules need it

    found: dict[str, EntryPoint] = {}
    for each in entry_points(group=GROUP):
        found.setdefault(each.name, each)
    return found


@cache
def _loaded(found: EntryPoint) -> ModuleCodec:
    codec: ModuleCodec = found.load()
    return codec
