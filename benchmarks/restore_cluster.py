"""A restore into a real cluster of six, killed three times and gone on with: complete, and nothing twice?

    PYTHONPATH=.:tests python benchmarks/restore_cluster.py [--keys N] [--server redis-7.0] [--by-commands]

Three primaries, each with a replica. The restore is a process that gets SIGKILL when so many keys are there;
the same command goes on. In the end the primaries save, their snapshots are merged and compared with what was
to be restored; lists tell that nothing was done twice, as pushing again would make them longer.
"""

from __future__ import annotations

import argparse
import resource
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

from servers import Server, program

import rdbcodec
from rdbcodec import Hash, ZSet
from rdbcodec.live.restore_judge import now_ms
from rdbcodec.tools.diff import Terms, diff

KILLS = (0.2, 0.5, 0.8)
LIBRARY = b"#!lua name=lib\nredis.register_function('f', function() return 1 end)"


def write(path: Path, keys: int) -> None:
    """Keys of all plain types, three in four of them strings, some of which expire; and a library."""
    with rdbcodec.create(path, to="redis-7.0") as writer:
        writer.write_function(LIBRARY)
        for number in range(keys):
            key = b"{user:%d}:%d" % (number % 1000, number) if number % 3 == 0 else b"key:%d" % number
            expires = 4102444800000 + number if number % 10 == 0 else None
            kind = number % 16
            value: Any = b"value of %d" % number
            if kind == 1:
                value = [b"%d" % at for at in range(number % 20 + 1)]
            elif kind == 2:
                value = Hash({b"name": b"n%d" % number, b"city": b"Prague"})
            elif kind == 3:
                value = {b"a", b"b", b"%d" % number}
            elif kind == 4:
                value = ZSet({b"a": 1.5, b"b": float(number)})
            writer.write(key, value, expires_at_ms=expires)


def free_port() -> int:
    """A port whose bus, 10000 above, is one too."""
    while True:
        with socket.create_server(("127.0.0.1", 0)) as found:
            port: int = found.getsockname()[1]
        if port < 50000:
            return port


def cluster(stack: ExitStack, name: str, folder: Path) -> tuple[list[Server], list[int]]:
    """Six nodes; the first three are primaries."""
    nodes, ports = [], []
    for number in range(6):
        own = folder / f"node{number}"
        own.mkdir()
        ports.append(free_port())
        node = Server(program(name), own, "--cluster-enabled", "yes", "--port", str(ports[-1]))
        stack.callback(node.stop)
        nodes.append(node)
    for number, first in enumerate((0, 5461, 10923)):
        last = (5460, 10922, 16383)[number]
        nodes[number].command("CLUSTER", "ADDSLOTSRANGE", first, last)
        nodes[number].command("CLUSTER", "SET-CONFIG-EPOCH", number + 1)
    for port in ports[1:]:
        nodes[0].command("CLUSTER", "MEET", "127.0.0.1", port)
    for node in nodes:
        while node.command("CLUSTER", "NODES").count(b"connected") < 6:
            time.sleep(0.1)
    for number in range(3):
        nodes[number + 3].command("CLUSTER", "REPLICATE", nodes[number].command("CLUSTER", "MYID"))
    while any(b"cluster_state:ok" not in node.command("CLUSTER", "INFO") for node in nodes):
        time.sleep(0.1)
    return nodes, ports


def main() -> int:
    """The story in a few lines; 0 when it ends well."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--keys", type=int, default=1_000_000)
    parser.add_argument("--server", default="redis-7.0")
    parser.add_argument("--by-commands", action="store_true")
    options = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        file, state = folder / "dump.rdb", folder / "state"
        write(file, options.keys)
        print(f"{options.keys:,} keys, {file.stat().st_size:,} bytes", flush=True)
        nodes, ports = cluster(stack, options.server, folder)
        words = [sys.executable, "-m", "rdbcodec", "restore", str(file), f"redis://127.0.0.1:{ports[1]}"]
        words += ["--state", str(state), *(["--by-commands"] if options.by_commands else [])]
        for share in KILLS:
            run = subprocess.Popen(words)
            while run.poll() is None and held(nodes) < share * options.keys:
                time.sleep(0.02)
            run.send_signal(signal.SIGKILL)
            print(f"killed: {run.wait()}, {held(nodes):,} keys are there", flush=True)
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        code = subprocess.call(words)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        print(f"the last run: exit {code}, {after.ru_utime - before.ru_utime:.1f} s of processor time,")
        print(f"  at most {after.ru_maxrss >> 10} MiB; {held(nodes):,} keys are there")
        return code or compared(nodes, file, folder)


def held(nodes: list[Server]) -> int:
    """Keys of the primaries."""
    return sum(node.command("DBSIZE") for node in nodes[:3])


def compared(nodes: list[Server], file: Path, folder: Path) -> int:
    """Whether the primaries hold what was to be restored."""
    for node in nodes[:3]:
        node.save()
        print(f"  functions: {[one[1].decode() for one in node.command('FUNCTION', 'LIST')]}")
    whole = folder / "whole.rdb"
    rdbcodec.merge([(str(node.file), partial(rdbcodec.open, node.file)) for node in nodes[:3]], str(whole))
    found = diff(partial(rdbcodec.open, file), partial(rdbcodec.open, whole), Terms(now_ms=now_ms()))
    print(f"diff: equal {found.is_equal}, {found.equal:,} the same, missing {found.missing}", end="")
    print(f", extra {found.extra}, changed {found.changed}, functions {found.functions}")
    return 0 if found.is_equal else 1


if __name__ == "__main__":
    sys.exit(main())
