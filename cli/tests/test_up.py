"""`aljibe up` as a process: ready with every address, gone without a trace after a signal."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from pathlib import Path

import psutil

_UP = """
import functools, sys
from cli.local import platform
from cli.main import run

def fake(service, action):
    return [sys.executable, "-m", "cli.tests.fake_service", service, action]

platform.Platform = functools.partial(platform.Platform, command=fake)
sys.exit(run(sys.argv[1:]))
"""


async def _start(folder: Path, *arguments: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        *("-c", _UP, "up", "--data", str(folder), *arguments),
        env={**os.environ, "FAKE_RECORDS": str(folder), "PYTHONPATH": os.pathsep.join(sys.path)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


async def test_up_tells_when_it_is_ready_and_a_signal_ends_it_all(server_folder: Path) -> None:
    """The one document of a `--json` run is what scripts wait for."""
    process = await _start(server_folder, "--json", "--lang", "es")
    assert process.stdout

    document = json.loads(await asyncio.wait_for(process.stdout.readline(), 60))
    children = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(signal.SIGTERM)
    _, said = await process.communicate()

    assert process.returncode == 0
    assert set(document["grpc"]) == {"catalog", "inventory", "orders", "fulfillment", "telemetry", "insights"}
    assert set(document["otlp"]) == {"grpc", "http"}
    assert document["docs"].endswith("/docs")
    assert document["readySeconds"] < 60
    assert "todo está detenido" in said.decode()
    assert len(children) >= 10
    assert not [child for child in children if child.is_running()]


async def test_interrupted_while_starting_it_leaves_nothing(server_folder: Path) -> None:
    """Somebody who sees a mistake in the first second must not be left with half a platform."""
    process = await _start(server_folder)
    assert process.stderr

    await process.stderr.readline()
    await process.stderr.readline()
    children = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(signal.SIGINT)
    _, said = await process.communicate()

    assert process.returncode == 130
    assert "stopped" in said.decode()
    assert not [child for child in children if child.is_running()]
