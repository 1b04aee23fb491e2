"""The pytest plugin behind ``make plants``: each test that a plant names runs with it, and must fail.

Loaded by name only (``-p tests.plants.plugin --plants=a,b``), so an ordinary run has never heard of plants.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Generator, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pluggy
import pytest

from tests.plants.garden import PLANTS
from tests.plants.planting import Plant, children_too

CHOSEN = pytest.StashKey[list[Plant]]()
CATCHES = pytest.StashKey[dict[tuple[str, str], str]]()
HEALTHY = "healthy"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--plants", default="", help="names of plants, separated by commas")
    parser.addoption("--tally", default="", help="a file that adds up what several runs caught")
    parser.addoption("--healthy-too", action="store_true", help="run the same tests without a plant as well")


def pytest_configure(config: pytest.Config) -> None:
    chosen = [PLANTS[name] for name in config.getoption("--plants").split(",")]
    for one in chosen:
        # A plant that does not fit must not pass for one that was caught.
        with pytest.MonkeyPatch.context() as patch:
            one.install(patch)
    config.stash[CHOSEN] = chosen
    config.stash[CATCHES] = {}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    node = metafunc.definition.nodeid
    mine = [
        pytest.param(one, id=one.name, marks=pytest.mark.xfail(strict=True, reason=one.mistake))
        for one in metafunc.config.stash[CHOSEN]
        if node in {test.partition("[")[0] for test in one.caught_by}
    ]
    if metafunc.config.getoption("--healthy-too") or not mine:
        mine.insert(0, pytest.param(None, id=HEALTHY))
    metafunc.parametrize("planted", mine, indirect=True)


@pytest.fixture(autouse=True)
def planted(request: pytest.FixtureRequest) -> Iterator[None]:
    """The code with the plant in it, from before any other fixture of the test until after it."""
    one: Plant | None = request.param
    with pytest.MonkeyPatch.context() as patch:
        if one is not None:
            one.install(patch)
            children_too(patch, one.name)
            _own_templates(patch, one.name)
        yield


def _own_templates(patch: pytest.MonkeyPatch, name: str) -> None:
    """Databases that were migrated with the plant in place are nobody else's."""
    # Not sooner: pytest wants to be the first to import its plugins.
    from tests.servers import Databases

    original = Databases.template

    async def template(self: Any, what: str, fill: Callable[[str], Awaitable[object]]) -> str:
        return await original(self, f"{what}_{name.replace('-', '_')}", fill)

    patch.setattr(Databases, "template", template)


def _plant_of(item: pytest.Item) -> Plant | None:
    found: Plant | None = item.callspec.params["planted"] if hasattr(item, "callspec") else None
    return found


def _names(test: str, item: pytest.Item) -> bool:
    """Whether ``test``, with or without its own parameters, is this item."""
    node, _, own = test.partition("[")
    rest = item.name.partition("[")[2].rstrip("]")
    return item.nodeid.partition("[")[0] == node and (not own or own.rstrip("]") in rest)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    wanted: list[pytest.Item] = []
    for item in items:
        one = _plant_of(item)
        plants = [one] if one is not None else config.stash[CHOSEN]
        if any(_names(test, item) for each in plants for test in each.caught_by):
            wanted.append(item)
    config.hook.pytest_deselected(items=[item for item in items if item not in wanted])
    items[:] = wanted


@pytest.hookimpl(hookwrapper=True, tryfirst=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pluggy.Result[pytest.TestReport], None]:
    outcome = yield
    report = outcome.get_result()
    one = _plant_of(item)
    if one is None or call.excinfo is None:
        return
    if call.when != "call":
        # A server that did not start has shown nothing about the plant.
        report.outcome = "failed"
        report.__dict__.pop("wasxfail", None)
        return
    test = item.nodeid.replace(f"{one.name}-", "").replace(f"-{one.name}", "").replace(f"[{one.name}]", "")
    item.config.stash[CATCHES][one.name, test] = call.excinfo.exconly().splitlines()[0]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    catches = config.stash[CATCHES]
    terminalreporter.section("planted bugs")
    for one in config.stash[CHOSEN]:
        found = {test: how for (name, test), how in catches.items() if name == one.name}
        terminalreporter.write_line(f"{one.name}: {one.mistake}")
        for test, how in found.items():
            terminalreporter.write_line(f"    caught by {test}\n        {how[:150]}")
        if not found:
            terminalreporter.write_line("    NOT CAUGHT", red=True)
    tally = _tally(config)
    terminalreporter.section("caught")
    for line in _table(tally):
        terminalreporter.write_line(line)
    caught = [name for name, tests in tally.items() if tests]
    terminalreporter.write_line(f"{len(caught)} of {len(tally)} caught")


def _tally(config: pytest.Config) -> dict[str, list[str]]:
    """The tests that caught each plant, in this run and in those before it that wrote to the same file."""
    catches = config.stash[CATCHES]
    path = config.getoption("--tally")
    before = json.loads(Path(path).read_text()) if path and Path(path).exists() else {}
    now = {one.name: sorted({t for name, t in catches if name == one.name}) for one in config.stash[CHOSEN]}
    found = {name: ({**before, **now})[name] for name in PLANTS if name in before or name in now}
    if path:
        Path(path).write_text(json.dumps(found, indent=1))
    return found


def _table(tally: Mapping[str, Sequence[str]]) -> list[str]:
    lines = ["| plant | the mistake | caught by |", "|---|---|---|"]
    for name, tests in tally.items():
        one = PLANTS[name]
        by_file: dict[str, list[str]] = {}
        for test in tests:
            path, _, function = test.partition("::")
            by_file.setdefault(Path(path).name, []).append(function)
        told = "; ".join(f"`{file}` {', '.join(functions)}" for file, functions in by_file.items())
        slow = "" if one.fast else " (slow)"
        lines.append(f"| {name}{slow} | {one.mistake} | {told or 'NOT CAUGHT'} |")
    return lines


def pytest_sessionfinish(session: pytest.Session) -> None:
    caught = {name for name, _ in session.config.stash[CATCHES]}
    if any(one.name not in caught for one in session.config.stash[CHOSEN]):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
