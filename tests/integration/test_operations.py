"""The recipes of docs/operations.md: each trouble is caused, looked at and put right as the recipe says."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
import grpc
import httpx
import pytest
import pytest_asyncio

from aljibe.fulfillment.v1 import fulfillment_pb2
from aljibe.inventory.v1 import inventory_pb2
from aljibe.orders.v1 import orders_pb2
from aljibe.telemetry.v1 import traces_pb2, traces_pb2_grpc
from cli.local.platform import Platform
from tests.integration.words import eventually, hanging
from tests.integration.world import Refusal, World, reason, request_id, retailer, units

SHIPPED = orders_pb2.UNIT_STATE_SHIPPED
ALLOCATED = orders_pb2.UNIT_STATE_ALLOCATED
SMALL_DISK = "size=900m"


@pytest_asyncio.fixture(scope="module")
async def platform() -> AsyncIterator[Platform]:
    """A platform of our own, since its parts are stopped and damaged."""
    with tempfile.TemporaryDirectory(prefix="aljibe-operations-") as folder:
        Path(folder).chmod(0o755)
        async with Platform(Path(folder)) as running:
            yield running


@pytest_asyncio.fixture(scope="module")
async def world(platform: Platform) -> AsyncIterator[World]:
    """The retailer on it."""
    async with retailer(platform) as opened:
        yield opened


async def aljibe(platform: Platform, *arguments: str) -> tuple[int, Any, str]:
    """The command as an operator gives it: exit code, document, and what it complained of."""
    command = [
        str(Path(sys.executable).parent / "aljibe"),
        *arguments,
        "--json",
        "--data",
        str(platform.data),
    ]
    ran = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, check=False)
    return ran.returncode, json.loads(ran.stdout) if ran.stdout.strip() else None, ran.stderr


@asynccontextmanager
async def owner(platform: Platform) -> AsyncIterator[asyncpg.Connection[Any]]:
    conn = await asyncpg.connect(platform.admin_url)
    try:
        yield conn
    finally:
        await conn.close()


@asynccontextmanager
async def hung(platform: Platform, name: str) -> AsyncIterator[None]:
    """A service that hangs. At the end it, or its successor, answers."""
    try:
        with hanging(platform, name):
            yield
    finally:
        await platform.healthy(name)


@asynccontextmanager
async def counted_wrong(platform: Platform, sku: str, location_id: str, units: int) -> AsyncIterator[None]:
    """A position's counter says so many too many until the end of the block."""
    change = (
        "UPDATE inventory.position SET on_hand_units = on_hand_units + $3 WHERE sku = $1 AND location_id = $2"
    )
    async with owner(platform) as conn:
        await conn.execute(change, sku, location_id, units)
        try:
            yield
        finally:
            await conn.execute(change, sku, location_id, -units)


@asynccontextmanager
async def locked(platform: Platform, table: str) -> AsyncIterator[int]:
    """Somebody's open transaction has a table for itself, at most until the end of the block; its process."""
    async with owner(platform) as conn:
        await conn.execute(f"BEGIN; LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
        yield conn.get_server_pid()


@asynccontextmanager
async def closed(world: World, location_id: str) -> AsyncIterator[None]:
    """A planner has stopped a location; at the end it works again, and the planners of orders know."""
    probe = await world.article(stock={location_id: 1})
    location = next(one for one in await locations(world) if one.location_id == location_id)
    await tell_of(world, location, active=False)
    try:
        yield
    finally:
        await tell_of(world, location, active=True)
        await world.planned_from(probe, location_id)


async def test_orders_stop_because_a_service_hangs(platform: Platform, world: World) -> None:
    """`aljibe bus` names the one that does not answer; killed, it is started again and orders go on."""
    sku = await world.article(stock={"wh-1": 2})

    async with hung(platform, "inventory"):
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await world.orders.PlaceOrder(
                orders_pb2.PlaceOrderRequest(
                    request_id=request_id(),
                    order=world.draft(sku),
                    payment=orders_pb2.PaymentInput(token="tok_ok"),
                ),
                metadata=world.auth(world.shop()),
                timeout=8,
            )
        code, told, complaint = await aljibe(platform, "bus")
        await platform.kill("inventory")
    order = await world.buy(sku)

    assert refused.value.code() in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED)
    assert code == 3
    assert "inventory" in complaint
    assert "inventory" not in [one["service"] for one in told["services"]]
    assert units(order, ALLOCATED) == 1


async def test_stock_drifts(platform: Platform, world: World) -> None:
    """`aljibe audit` names rule and position; the counter is put back to what the ledger says."""
    sku = await world.article(stock={"wh-1": 5})
    before, _, _ = await aljibe(platform, "audit")
    async with counted_wrong(platform, sku, "wh-1", 2), owner(platform) as conn:
        code, told, _ = await aljibe(platform, "audit")
        ledger = await conn.fetchval(
            "SELECT sum(quantity_units) FROM inventory.movement WHERE sku = $1 AND location_id = $2",
            sku,
            "wh-1",
        )
    after, _, _ = await aljibe(platform, "audit")

    assert (before, code, after) == (0, 1, 0)
    found = [one for one in told["differences"] if one["sku"] == sku]
    assert {(one["locationId"], int(one["expectedUnits"]), int(one["actualUnits"])) for one in found} >= {
        ("wh-1", 5, 7)
    }
    assert ledger == 5


async def test_a_store_rejects_everything(platform: Platform, world: World) -> None:
    """Its orders are listed and seen to go elsewhere; once it is stopped, what it still has goes, too."""
    skus = [await world.article(stock={"store-north": 1}) for _ in range(3)]
    orders = [await world.buy(sku) for sku in skus]
    for sku in skus:
        await world.receive(sku, "wh-1", 1)
        await world.planned_from(sku, "wh-1")

    work = await world.work(orders[0], "store-north")
    await world.short(work, {1: 1}, fulfillment_pb2.SHORT_PICK_REASON_NO_CAPACITY)
    await world.until(orders[0], lambda o: len(o.plan) == 2)
    search = ("--location", "store-north", "--state", "accepted")
    code, told, _ = await aljibe(platform, "order", "list", *search)
    async with closed(world, "store-north"):
        moved = [await world.until(order, lambda o: len(o.plan) == 2) for order in orders[1:]]

    assert code == 0
    assert {order.plan[0].location_id for order in orders} == {"store-north"}
    assert {order.order_id for order in orders} <= {one["orderId"] for one in told["orders"]}
    assert [order.plan[1].location_id for order in moved] == ["wh-1", "wh-1"]


async def test_the_bus_is_lost(platform: Platform, world: World) -> None:
    """All of JetStream is gone: outboxes fill it again by themselves, and `aljibe bus` counts the loss."""
    sku = await world.article(stock={"wh-1": 2})
    first = await world.buy(sku)
    assert platform.nats is not None

    await platform.nats.wipe()
    second = await world.buy(sku)
    for order in (first, second):
        await world.ship(await world.work(order))
        await world.until(order, lambda o: units(o, SHIPPED) == 1)

    async def repaired() -> Any:
        code, told, _ = await aljibe(platform, "bus")
        seen = {one["service"]: one for one in told["services"]}["orders"] if code == 0 else {}
        done = int(seen.get("streamLosses", 0)) >= 1 and int(seen["unpublishedEvents"]) == 0
        return seen if done else None

    state = await eventually(repaired, "repaired stream", pause=0.5)
    code, told, _ = await aljibe(platform, "outbox", "replay", "orders", "--since", "1h")

    assert state["brokerConnected"] is True
    assert state["stream"]["known"] is True
    assert code == 0
    assert int(told["events"]) >= 2


async def test_a_service_is_away(platform: Platform, world: World) -> None:
    """Orders are taken without fulfillment; its work opens when it is back, and nothing was lost."""
    sku = await world.article(stock={"wh-1": 1})

    async with hung(platform, "fulfillment"):
        order = await world.buy(sku)
        code, _, complaint = await aljibe(platform, "bus")
    work = await world.work(order)

    assert code == 3
    assert "fulfillment" in complaint
    assert work.order_id == order.order_id


async def test_postgresql_is_slow_because_somebody_holds_a_lock(platform: Platform, world: World) -> None:
    """`pg_blocking_pids` names who; ended, orders go on."""
    sku = await world.article(stock={"wh-1": 2})
    key = request_id()

    async with owner(platform) as looker, locked(platform, "orders.customer_order") as holder:

        async def blocked() -> Any:
            return await looker.fetchrow(
                "SELECT pid, pg_blocking_pids(pid) AS by, query FROM pg_stat_activity "
                "WHERE cardinality(pg_blocking_pids(pid)) > 0 LIMIT 1"
            )

        buying = asyncio.ensure_future(world.buy(sku, key=key))
        seen = await eventually(blocked, "waiting statement")
        ended = await looker.fetchval("SELECT pg_terminate_backend($1)", holder)
        (outcome,) = await asyncio.gather(buying, return_exceptions=True)
    if isinstance(outcome, BaseException):
        # Its deadline was over first; the same request once more is the same order.
        assert isinstance(outcome, Refusal | httpx.HTTPError)
        outcome = await world.buy(sku, key=key)

    assert seen["by"] == [holder]
    assert ended is True
    assert units(outcome, ALLOCATED) == 1


async def test_traces_are_missing_because_their_store_is_away(platform: Platform, world: World) -> None:
    """Orders do not notice; once telemetry is back, new traces are found by their order."""
    sku = await world.article(stock={"wh-1": 2})
    traces = traces_pb2_grpc.TraceServiceStub(world.grpc_channel("telemetry"))
    auth = world.auth(world.operator)

    async with hung(platform, "telemetry"):
        unseen = await world.buy(sku)
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await traces.GetStoreState(traces_pb2.GetStoreStateRequest(), metadata=auth, timeout=2)
        await platform.kill("telemetry")
    order = await world.buy(sku)

    async def found() -> bool:
        request = traces_pb2.SearchTracesRequest(order_id=order.order_id)
        try:
            return bool((await traces.SearchTraces(request, metadata=auth, timeout=5)).traces)
        except grpc.aio.AioRpcError as error:
            if error.code() is not grpc.StatusCode.UNAVAILABLE:
                raise
            return False

    assert await eventually(found, "trace", seconds=60)
    assert refused.value.code() in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED)
    assert unseen.order_id


async def test_postgresql_is_full() -> None:
    """Calls are refused and nothing half is kept; with room again everything goes on by itself."""
    with tempfile.TemporaryDirectory(prefix="aljibe-full-") as folder:
        mounted = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", SMALL_DISK, "tmpfs", folder], capture_output=True, check=False
        )
        if mounted.returncode:
            pytest.skip("a disk that can be filled needs root and mount")
        try:
            Path(folder).chmod(0o755)
            await _fill_and_free(Path(folder))
        finally:
            subprocess.run(["umount", "--lazy", folder], check=True)


async def _fill_and_free(folder: Path) -> None:
    async with Platform(folder / "data", without=("telemetry", "insights", "console")) as small:
        async with retailer(small) as world:
            sku = await world.article(stock={"wh-1": 5})
            kept = await world.buy(sku)
            ballast = folder / "ballast"
            with ballast.open("wb") as full:
                try:
                    while full.write(b"\0" * (1 << 20)):
                        full.flush()
                except OSError:
                    pass

            async def stopped() -> str | None:
                try:
                    await world.article()
                except grpc.aio.AioRpcError as error:
                    return f"{error.code().name} {reason(error)}"
                return None

            seen = await eventually(stopped, "refusal", seconds=60)
            ballast.unlink()
            await small.healthy()

            async def goes_on() -> bool:
                try:
                    return bool((await world.buy(sku)).order_id)
                except (Refusal, httpx.HTTPError):
                    return False

            assert await eventually(goes_on, "order", seconds=90)
            await world.ship(await world.work(kept))
            audit = await world.audit()

        assert seen.startswith(("UNAVAILABLE", "DEADLINE_EXCEEDED", "INTERNAL")), seen
        assert audit.difference_count == 0


async def locations(world: World) -> list[inventory_pb2.Location]:
    answer = await world.locations.ListLocations(
        inventory_pb2.ListLocationsRequest(page_size=200), metadata=world.auth(world.operator)
    )
    return list(answer.locations)


async def tell_of(world: World, location: inventory_pb2.Location, *, active: bool) -> None:
    """A planner stops a location, or lets it work again."""
    changed = inventory_pb2.Location()
    changed.CopyFrom(location)
    changed.active = active
    request = inventory_pb2.UpsertLocationsRequest(request_id=request_id(), locations=[changed])
    await world.locations.UpsertLocations(request, metadata=world.auth(world.planner))
