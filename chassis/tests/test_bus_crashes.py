"""kill -9 at each step between commit and ack: nothing is lost, nothing takes effect twice."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest

from chassis.tests.bus_child import ACK_WAIT_SECONDS, PER_ORDER
from chassis.tests.bus_kit import bus, eventually

REPOSITORY = Path(__file__).parents[2]
ORDERS = 20


async def _child(admin_url: str, nats_url: str, order: str, crashpoint: str) -> tuple[int, list[str]]:
    """Exit code and output of a child that is told to kill itself at `crashpoint`."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "chassis.tests.bus_child",
        admin_url,
        nats_url,
        order,
        "20",
        cwd=REPOSITORY,
        env={
            **os.environ,
            "PYTHONPATH": f"{REPOSITORY}:{REPOSITORY / 'gen'}",
            "ALJIBE_CRASHPOINT": crashpoint,
            "ALJIBE_TEST_SETTINGS": "1",
        },
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode().split()


@pytest.mark.parametrize(
    "crashpoint",
    [
        "outbox.before_publish:1",
        "outbox.before_mark:1",
        "consumer.before_commit:1",
        "consumer.before_commit:3",
        "consumer.before_ack:1",
        "consumer.before_ack:3",
    ],
)
async def test_a_kill_at_any_step_loses_and_doubles_nothing(
    fresh_database: str, nats_url: str, crashpoint: str
) -> None:
    """The test fails when the kill never struck, for then it has shown nothing."""
    killed, out = await _child(fresh_database, nats_url, f"place:{ORDERS}", crashpoint)
    assert (killed, out) == (-signal.SIGKILL, ["placed"])

    async with bus(fresh_database, nats_url) as kit:
        kit.start(kit.relay.run)
        kit.start(kit.consumer(ack_wait_seconds=ACK_WAIT_SECONDS).run)
        heard = await kit.until_heard(ORDERS * PER_ORDER, 45)

        async def settled() -> bool:
            info = await kit.client.jetstream().consumer_info("ALJIBE_SHOP", "shelf")
            return bool(info.num_pending == 0 and info.num_ack_pending == 0)

        assert await kit.relay.idle()
        assert await eventually(settled, 45)
        heard = await kit.heard()
        assert len(heard) == len(set(heard)) == ORDERS * PER_ORDER
        for n in range(ORDERS):
            assert [s for order, s in heard if order == f"ord_{n}"] == list(range(1, PER_ORDER + 1))


async def test_kills_of_relay_and_consumer_one_after_another(fresh_database: str, nats_url: str) -> None:
    """Faults come in pairs: the process that repairs the first crash dies as well."""
    first = await _child(fresh_database, nats_url, f"place:{ORDERS}", "outbox.before_mark:1")
    second = await _child(fresh_database, nats_url, "run", "consumer.before_ack:2")
    third = await _child(fresh_database, nats_url, "place:0", "consumer.before_commit:1")
    assert [first[0], second[0], third[0]] == [-signal.SIGKILL] * 3

    async with bus(fresh_database, nats_url) as kit:
        kit.start(kit.relay.run)
        kit.start(kit.consumer(ack_wait_seconds=ACK_WAIT_SECONDS).run)
        heard = await kit.until_heard(ORDERS * PER_ORDER, 45)

        assert len(heard) == len(set(heard)) == ORDERS * PER_ORDER
