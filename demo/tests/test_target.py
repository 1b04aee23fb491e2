from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from demo.doors import SERVICES
from demo.options import DemoOptions
from demo.target import TargetError, own_target, running_target


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that the servers' account may enter; pytest's own is closed to it when we are root."""
    made = Path(tempfile.mkdtemp(prefix="aljibe-demo-"))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made)


def platform_file(at: Path, pid: int) -> None:
    at.mkdir(parents=True, exist_ok=True)
    told = {"pid": pid, "http": "http://127.0.0.1:1", "grpc": dict.fromkeys(SERVICES, "127.0.0.1:2")}
    (at / "platform.json").write_text(json.dumps(told))


def test_a_platform_that_runs_is_used(folder: Path) -> None:
    platform_file(folder / "demo", os.getpid())

    found = running_target(DemoOptions(data=folder))

    assert found is not None
    assert found.http == "http://127.0.0.1:1"
    assert found.data == folder / "demo"


def test_a_platform_that_died_or_is_not_wanted_is_not_used(folder: Path) -> None:
    assert running_target(DemoOptions(data=folder / "nothing")) is None

    platform_file(folder, 2**22 + 1)
    assert running_target(DemoOptions(data=folder)) is None

    platform_file(folder, os.getpid())
    assert running_target(DemoOptions(data=folder, fresh=True)) is None


def test_a_platform_elsewhere_needs_the_address_of_every_service(folder: Path) -> None:
    options = DemoOptions(
        url="http://shop:8080", addresses=("catalog=shop:1", "inventory=shop:2"), key_file=folder / "key"
    )

    with pytest.raises(TargetError, match="orders, fulfillment"):
        running_target(options)


async def test_a_folder_of_somebody_else_is_left_as_it_is(folder: Path) -> None:
    """`--data` with a typing error must not cost a person their files."""
    precious = folder / "demo" / "thesis.txt"
    precious.parent.mkdir()
    precious.write_text("years of work")

    with pytest.raises(TargetError, match="left as it is"):
        async with own_target(DemoOptions(data=folder), lambda _: None):
            pytest.fail("nothing may start here")

    assert precious.read_text() == "years of work"


@pytest.mark.parametrize(
    "wrong", [{"scale": 0.0}, {"scale": 1_000.0}, {"speed": -1.0}, {"lang": "fr"}, {"url": "http://x"}]
)
def test_impossible_options_are_refused(wrong: dict[str, float | str]) -> None:
    with pytest.raises(ValueError, match="--"):
        DemoOptions(**wrong)  # type: ignore[arg-type]
