"""PostgreSQL's disk loses power under load: every order that a customer holds a yes for is still there.

SIGKILL shows nothing of this: what the kernel has taken survives it. ``make plants PLANT=commit-not-on-disk``
shows that the test can fail. Needs root and loop devices, else it is skipped with the reason.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import grpc
import pytest

from aljibe.orders.v1 import orders_pb2
from cli.local.platform import OPERATIONS, Platform
from cli.local.postgres import LocalPostgres
from tests.integration.aftermath import no_dead_letters, nothing_is_doubled, settled, the_books_agree
from tests.integration.disk import Disk, DiskImpossible
from tests.integration.shopping import Crowd
from tests.integration.world import STORES, World, eventually, retailer

CUTS = 2
CUSTOMERS = 8
ARTICLES = 4
PLENTY = 1_000
ANSWERS_BEFORE_A_CUT = 40


@pytest.fixture
def disk() -> Iterator[Disk]:
    """A disk, its power on."""
    folder = Path(tempfile.mkdtemp(prefix="aljibe-power-"))
    folder.chmod(0o755)
    made = Disk(folder)
    try:
        made.make()
        yield made
    except DiskImpossible as why:
        pytest.skip(f"no power can be cut here: {why}")
    finally:
        made.close()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.timeout(600)
async def test_what_was_acknowledged_survives_a_power_cut(disk: Disk) -> None:
    """The cut comes the moment after an answer, when only what PostgreSQL has forced onto the disk counts."""
    async with LocalPostgres(disk.path / "postgres") as postgres:
        environ = {**os.environ, "ALJIBE_POSTGRES_URL": await postgres.create_database("aljibe")}
        async with (
            Platform(disk.path.parent / "platform", environ=environ, without=OPERATIONS) as platform,
            retailer(platform) as world,
        ):
            places = (*STORES, "wh-1")
            skus = [await world.article(stock=dict.fromkeys(places, PLENTY)) for _ in range(ARTICLES)]
            disk.sync()
            crowd = Crowd(world, skus, 1)
            lost: list[str] = []
            felt = 0

            async with asyncio.TaskGroup() as group:
                staff = group.create_task(crowd.staff())
                shopping = group.create_task(crowd.shop(CUSTOMERS))
                for _ in range(CUTS):
                    await _answers(crowd, ANSWERS_BEFORE_A_CUT)
                    disk.cut_power()
                    buying = set(crowd.waiting)
                    acknowledged = list(crowd.diary.accepted.values())
                    await postgres.kill()
                    felt += len(buying & crowd.waiting.keys())
                    disk.power_on()
                    await postgres.start()
                    lost += await _missing(world, acknowledged)
                crowd.closing.set()
                await shopping
                if not lost:
                    await settled(world, crowd.diary.accepted)
                staff.cancel()

            assert lost == [], f"{len(lost)} acknowledged orders are gone"
            diary = crowd.diary
            orders = {key: await world.order(order) for key, order in diary.accepted.items()}
            # Not how many calls were repeated: services call again by themselves.
            assert felt > 0, "no cut was ever felt: the load was too small"
            assert (diary.unanswered, diary.internal_errors) == ({}, [])
            await nothing_is_doubled(world, orders)
            await the_books_agree(world, orders, dict.fromkeys(skus, PLENTY * len(places)))
            await no_dead_letters(world)


async def _answers(crowd: Crowd, count: int) -> None:
    target = crowd.answered + count

    async def enough() -> bool:
        return crowd.answered >= target

    await eventually(enough, f"{count} more answers", seconds=60, pause=0.001)


async def _missing(world: World, orders: Iterable[orders_pb2.Order]) -> list[str]:
    """Those that the platform has never heard of, once it answers again."""
    missing: list[str] = []

    waiting = [order.order_id for order in orders]

    async def all_known() -> bool:
        while waiting:
            try:
                await world.order(waiting[-1])
            except grpc.aio.AioRpcError as error:
                if error.code() is not grpc.StatusCode.NOT_FOUND:
                    return False
                missing.append(waiting[-1])
            waiting.pop()
        return True

    await eventually(all_known, "answer about every order", seconds=60)
    return missing
