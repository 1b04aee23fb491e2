"""A process that is held to a share of a core gets no more."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from bench import shares
from bench.shares import NoShares, held_to

SECONDS = 1.0
SHARE = 0.2


@pytest.fixture
def busy() -> Iterator[psutil.Process]:
    """A process that would take a whole core."""
    process = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    yield psutil.Process(process.pid)
    process.kill()
    process.wait()


def test_a_busy_process_gets_its_share_and_no_more(busy: psutil.Process) -> None:
    try:
        with held_to(SHARE, [busy.pid]):
            before = busy.cpu_times().user
            time.sleep(SECONDS)
            held = busy.cpu_times().user - before
    except NoShares as reason:
        pytest.skip(str(reason))

    assert held < 1.5 * SHARE * SECONDS
    roots = (Path("/sys/fs/cgroup"), Path("/sys/fs/cgroup/cpu"))
    assert not any((root / f"aljibe-bench-{busy.pid}").exists() for root in roots)


def test_where_nobody_can_be_held_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shares, "_ROOT", tmp_path)

    with pytest.raises(NoShares, match=str(os.getpid())), held_to(SHARE, [os.getpid()]):
        pytest.fail("it was held by a group that there is not")
