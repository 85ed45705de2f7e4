"""Errors say what, where and what was expected, and survive being handed around."""

from __future__ import annotations

import copy
import importlib
import multiprocessing
import pickle
import pkgutil
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor

from cases import every

import rdbcodec
from rdbcodec import errors
from rdbcodec.errors import (
    ChecksumMismatch,
    CorruptStructure,
    DecodeError,
    EncodeError,
    LimitExceeded,
    LossyConversion,
    RdbError,
    TailError,
    TextError,
    UnknownCode,
)
from rdbcodec.losses import Loss
from rdbcodec.showing import show_key
from rdbcodec.tail import Tail


def every_class(kind: type[RdbError] = RdbError) -> Iterator[type[RdbError]]:
    """The classes of errors, wherever in the package they are."""
    yield kind
    for below in kind.__subclasses__():
        yield from every_class(below)


def example(kind: type[RdbError]) -> RdbError:
    """An error of a class, made as the package makes it, with everything it can carry."""
    if issubclass(kind, ChecksumMismatch):
        return kind(1, 2)
    if issubclass(kind, UnknownCode):
        return kind("opcode 200 is unknown", code=200, dialect="redis")
    if issubclass(kind, LimitExceeded):
        return kind("too large", limit=10, wanted=11)
    if issubclass(kind, LossyConversion):
        return kind([Loss("module", "data", "a key of a module", 3, 9, 0, b"k")], server="redis-6.2")
    if issubclass(kind, EncodeError):
        return kind("a score is no number", value=[b"a"], type="zset", server="redis-6.2")
    if issubclass(kind, TextError):
        return kind("a line has no 'value'", 7)
    if issubclass(kind, TailError):
        return kind(Tail("another snapshot", 9), 22)
    return kind("listpack ends")


for module in pkgutil.walk_packages(rdbcodec.__path__, "rdbcodec."):
    if module.name == "rdbcodec.__main__":  # which runs the command line
        continue
    try:
        importlib.import_module(module.name)
    except ModuleNotFoundError as missing:
        if missing.name is None or missing.name.partition(".")[0] not in ("pyarrow", "pyspark"):
            raise  # what only the extras arrow and spark bring defines no errors of ours
CLASSES = list(every_class())
WAYS: dict[str, Callable[[RdbError], RdbError]] = {
    "pickled": lambda error: pickle.loads(pickle.dumps(error)),
    "copied": copy.copy,
    "deep-copied": copy.deepcopy,
}


@every("way", WAYS)
@every("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_errors_cross_process_borders_whole(kind: type[RdbError], way: str) -> None:
    error = example(kind)
    if isinstance(error, DecodeError):
        error.locate(offset=5, db=1, key=b"k", type="hash")
    if isinstance(error, EncodeError):
        error.locate(type="hash", server="redis-6.2", db=1, key=b"k")
    error.args += ("more than the constructor takes",)
    twin = WAYS[way](error)
    assert (type(twin), str(twin), twin.args, twin.__dict__) == (
        type(error),
        str(error),
        error.args,
        error.__dict__,
    )


def lose(server: str) -> None:
    raise LossyConversion([Loss("module", "data", "a key of a module", 3, 9, 0, b"k")], server=server)


def test_a_worker_that_fails_says_why() -> None:
    """An error that cannot be pickled ends the result thread of a pool, which then waits for ever."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        error = pool.submit(lose, "redis-6.2").exception(60)
    assert isinstance(error, LossyConversion)
    assert error.losses == (Loss("module", "data", "a key of a module", 3, 9, 0, b"k"),)


def test_the_tree_in_the_docstring_names_every_class() -> None:
    assert errors.__doc__ is not None
    tree = errors.__doc__.split("\n\n")[1]
    words = set(re.findall(r"\b[A-Z][a-zA-Z]+[a-z]\b", tree)) - {"ValueError", "EOFError"}
    assert words == {kind.__name__ for kind in CLASSES}


def test_every_class_is_a_name_of_the_package() -> None:
    assert [kind for kind in CLASSES if getattr(rdbcodec, kind.__name__, None) is not kind] == []


def test_a_message_names_the_place_and_keeps_what_was_known_first() -> None:
    error = CorruptStructure("listpack ends", 7)
    assert str(error) == "listpack ends"
    error.locate(offset=5)
    error.locate(offset=6, db=0, key=b"k", type="hash")
    assert str(error) == "offset 5, db 0, key b'k', type hash: listpack ends"


def test_long_keys_are_cut_in_messages() -> None:
    assert show_key(b"k" * 81) == f"b'{'k' * 80}'... (81 bytes)"
    assert show_key(b"\x00") == r"b'\x00'"
