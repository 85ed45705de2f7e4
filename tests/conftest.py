"""What all tests share: one set of servers a session, and one Hypothesis profile.

`RDBCODEC_HYPOTHESIS=nightly` looks longer, `glance` shorter. No profile has a deadline, and slow generation
fails no test: the time an example takes says what else the machine does. CI tries the same examples each
time, so that a change is what makes it fail.
"""

from __future__ import annotations

import gc
import os
import re
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings
from servers import SERVERS, Pool

settings.register_profile("local", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", settings.get_profile("local"), max_examples=25, derandomize=True)
settings.register_profile("glance", settings.get_profile("ci"), max_examples=8)
settings.register_profile("nightly", settings.get_profile("local"), max_examples=500)
settings.load_profile(os.environ.get("RDBCODEC_HYPOTHESIS") or ("ci" if os.environ.get("CI") else "local"))


# Modules whose every test asks a real server, or starts processes of the command line: what comes of that is
# the same for every Python and every engine, so one lane of CI runs them (pyproject.toml has the marks).
SERVER = re.compile(r"test_(compat_)?servers(_\w+)?")
PROCESS = re.compile(r"test_signals|test_files")
# What rules, documents, conversions and the layers of the code say depends on neither: they are made of the
# same values, which test_snapshots, test_vectors and test_encoders hold in every lane.
ONCE = re.compile(r"test_(house|recipes|typing|conversion|integrity\w*|secrets|hiding)")
ONCE_FOLDERS = frozenset({"compat", "compat_azure"})


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--cases", type=int, help="of each test so many of its cases, evenly spread")
    parser.addoption("--turn", type=int, default=0, help="with --cases: others, for each turn")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark what asks servers, what starts processes and what one lane of CI is enough for.

    One worker gets all that one server is asked, and all of a file: xdist takes longer the more groups it
    hands out, and for each test alone it took a minute.
    """
    if (most := config.getoption("cases")) is not None:
        chosen = _spread(items, most, config.getoption("turn"))
        config.hook.pytest_deselected(items=list(set(items) - set(chosen)))
        items[:] = chosen
    for item in items:
        fixtures = {"pool", "trusting", "server"} & set(getattr(item, "fixturenames", ()))
        asks = bool(fixtures) or SERVER.fullmatch(item.path.stem) is not None
        item.add_marker(pytest.mark.xdist_group(_server_of(item) if asks else item.path.stem))
        if asks:
            item.add_marker(pytest.mark.server)
        if PROCESS.fullmatch(item.path.stem):
            item.add_marker(pytest.mark.process)
        if ONCE.fullmatch(item.path.stem) or item.path.parent.name in ONCE_FOLDERS:
            item.add_marker(pytest.mark.once)


def _spread(items: list[pytest.Item], most: int, turn: int) -> list[pytest.Item]:
    """At most so many cases of each test function, each turn those behind the ones of the turn before."""
    tests: dict[str, list[pytest.Item]] = {}
    for item in items:
        tests.setdefault(item.nodeid.partition("[")[0], []).append(item)
    return [
        cases[(at * len(cases) // min(most, len(cases)) + turn) % len(cases)]
        for cases in tests.values()
        for at in range(min(most, len(cases)))
    ]


def _server_of(item: pytest.Item) -> str:
    """The server that a test asks: with `--dist loadgroup` one worker asks all that one server is asked."""
    params = (
        item.callspec.params.values()
        if isinstance(item, pytest.Function) and hasattr(item, "callspec")
        else ()
    )
    words = [word for param in params for word in (param if isinstance(param, tuple) else (param,))]
    return next((word for word in words if isinstance(word, str) and word in SERVERS), "any server")


def pytest_collection_finish() -> None:
    """Whatever was collected stays: nobody needs to look again and again whether it is garbage."""
    gc.freeze()


@pytest.fixture(scope="session")
def trusting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pool]:
    """The servers as they are without being told anything: they trust what they load."""
    servers = Pool(tmp_path_factory.mktemp("trusting"), trusting=True)
    yield servers
    servers.stop()


@pytest.fixture(scope="session")
def pool(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pool]:
    """The servers: `pool("redis-6.2")` is a running one, with what the last test left in it."""
    servers = Pool(tmp_path_factory.mktemp("servers"))
    yield servers
    servers.stop()
