"""The command line of a service, as its own process."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from chassis.auth import DevelopmentKeys

PROGRAM = """
from chassis.errors import ErrorTable
from chassis.run import Built, Context, ServiceDefinition, main
from chassis.settings import ChassisSettings

async def build(ctx: Context[ChassisSettings]) -> Built:
    return Built()

main(ServiceDefinition(name="idle", schema=None, migrations_package=None, bus=False,
                       error_table=ErrorTable("idle.aljibe.dev"), build=build, settings=ChassisSettings))
"""
ROOT = Path(__file__).parents[2]


def start(command: str, **settings: str) -> subprocess.Popen[str]:
    environ = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'gen'}", **settings}
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, command], env=environ, stderr=subprocess.PIPE, text=True
    )


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_service_serves_until_it_is_told_to_stop_and_exits_cleanly(
    keys: DevelopmentKeys, number: signal.Signals
) -> None:
    process = start(
        "serve",
        ALJIBE_AUTH_KEYS_FILE=str(keys.public_keys_file),
        ALJIBE_SERVICE_TOKEN_KEY_FILE=str(keys.private_key_file),
    )
    assert process.stderr is not None
    for line in process.stderr:
        if '"serving"' in line:
            break

    process.send_signal(number)
    _, rest = process.communicate(timeout=20)

    assert process.returncode == 0
    assert '"stopped"' in rest


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({}, "idle: serve needs ALJIBE_AUTH_KEYS_FILE and ALJIBE_SERVICE_TOKEN_KEY_FILE\n"),
        ({"ALJIBE_POOL_MAX": "many"}, "idle: ALJIBE_POOL_MAX must be a whole number, not 'many'\n"),
    ],
)
def test_a_setting_that_cannot_be_used_is_one_line_and_exit_2(settings: dict[str, str], message: str) -> None:
    process = start("serve", **settings)

    _, text = process.communicate(timeout=20)

    assert (process.returncode, text) == (2, message)


def test_migrating_a_service_without_a_schema_does_nothing() -> None:
    process = start("migrate")

    process.communicate(timeout=20)

    assert process.returncode == 0
