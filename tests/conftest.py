"""What all tests share: one set of servers a session, and one Hypothesis profile.

`RDBCODEC_HYPOTHESIS=nightly` looks longer, `glance` shorter. No profile has a deadline, and slow generation
fails no test: the time an example takes says what else the machine does. CI tries the same examples each
time, so that a change is what makes it fail.
"""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from pathlib import Path

import cases
import pytest
from hypothesis import HealthCheck, settings
from lanes import LANES, Lane, leaves_file, marks_of, name_of
from servers import SERVERS, Pool

settings.register_profile("local", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", settings.get_profile("local"), max_examples=25, derandomize=True)
settings.register_profile("glance", settings.get_profile("ci"), max_examples=5)
settings.register_profile("nightly", settings.get_profile("local"), max_examples=500)
settings.load_profile(os.environ.get("RDBCODEC_HYPOTHESIS") or ("ci" if os.environ.get("CI") else "local"))


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--lane", choices=LANES, help="what this lane of CI takes (tests/lanes.py)")


def _lane(config: pytest.Config) -> Lane | None:
    return LANES.get(config.getoption("lane"))


def pytest_configure(config: pytest.Config) -> None:
    """What lists of cases are cut to (tests/cases.py)."""
    if lane := _lane(config):
        cases.most, cases.small, cases.turn = lane.cases, lane.small, lane.turn


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """A file of which the lane takes no test is not imported."""
    lane = _lane(config)
    return True if lane and collection_path.suffix == ".py" and leaves_file(lane, collection_path) else None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark what asks servers, what starts processes and what one lane of CI is enough for.

    One worker gets all that one server is asked, and all of a file: xdist takes longer the more groups it
    hands out, and for each test alone it took a minute.
    """
    for item in items:
        if " at 0x" in item.nodeid:  # workers must call a test the same
            raise pytest.UsageError(f"{item.nodeid}: a memory address in the name of a test")
        marks = set(marks_of(item.path))
        if {"pool", "trusting", "server"} & set(getattr(item, "fixturenames", ())):
            marks.add("server")
        for mark in marks:
            item.add_marker(mark)
        item.add_marker(pytest.mark.xdist_group(_server_of(item) if "server" in marks else item.path.stem))
    if lane := _lane(config):
        chosen = _spread([item for item in items if _takes(lane, item)])
        config.hook.pytest_deselected(items=list(set(items) - set(chosen)))
        items[:] = chosen


def _takes(lane: Lane, item: pytest.Item) -> bool:
    name = f"{name_of(item.path)}::{item.name.partition('[')[0]}"
    return name not in lane.leaves and not any(item.get_closest_marker(mark) for mark in lane.without)


def _spread(items: list[pytest.Item]) -> list[pytest.Item]:
    """As many cases of each test function as the lane takes."""
    tests: dict[str, list[pytest.Item]] = {}
    for item in items:
        tests.setdefault(item.nodeid.partition("[")[0], []).append(item)
    return [item for test in tests.values() for item in cases.spread(test, cases.most)]


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
    if hasattr(gc, "freeze"):  # PyPy has none
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
