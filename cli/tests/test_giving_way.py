"""A platform beside a person's own programs leaves them the cores."""

from __future__ import annotations

import asyncio
import errno
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import psutil
import pytest

from cli.local import giving_way
from cli.local.giving_way import NICENESS, GivingWay

AUTOGROUP = Path("/proc/self/autogroup")


@asynccontextmanager
async def parent_of_a_session() -> AsyncIterator[psutil.Process]:
    """A process of a session of its own, with a child in another: as PostgreSQL and its backends."""
    script = "import subprocess; subprocess.run(['sleep', '60'], start_new_session=True)"
    process = subprocess.Popen([sys.executable, "-c", script], start_new_session=True)
    try:
        async with asyncio.timeout(30):
            while not psutil.Process(process.pid).children():
                await asyncio.sleep(0.01)
        yield psutil.Process(process.pid)
    finally:
        for child in psutil.Process(process.pid).children():
            child.kill()
        process.kill()
        process.wait()


@pytest.mark.skipif(not AUTOGROUP.exists(), reason="this kernel shares the cores between processes alone")
async def test_a_server_and_its_backends_give_way() -> None:
    ours = AUTOGROUP.read_text()

    async with parent_of_a_session() as parent:
        await GivingWay(lambda: [parent.pid]).look()

        for process in (parent, *parent.children()):
            assert Path(f"/proc/{process.pid}/autogroup").read_text().endswith(f" nice {NICENESS}\n")
    assert AUTOGROUP.read_text() == ours


async def test_where_there_are_no_such_groups_nothing_is_done(tmp_path: Path) -> None:
    await GivingWay(lambda: [os.getpid()], proc=tmp_path).keep()

    assert not list(tmp_path.iterdir())


async def test_what_the_kernel_puts_off_is_asked_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It takes ten such wishes a second of those who are not root."""
    monkeypatch.setattr(giving_way, "_BETWEEN_SECONDS", 0.0)
    asked: list[str] = []

    def write(path: Path, text: str) -> int:
        asked.append(f"{path.parent.name}: {text}")
        if len(asked) == 1:
            raise BlockingIOError(errno.EAGAIN, "too soon")
        return len(text)

    monkeypatch.setattr(Path, "write_text", write)
    own = os.getpid()
    group = GivingWay(lambda: [own], proc=tmp_path)

    await group.look()
    await group.look()

    # This process, or a child that a test before left to it.
    put_off = asked[0]
    assert asked.count(put_off) == 2
    assert f"{own}: {NICENESS}" in asked
