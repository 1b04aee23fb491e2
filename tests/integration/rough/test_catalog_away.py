"""The catalog hangs: what is known goes on being sold, at every door and at its price."""

from __future__ import annotations

from cli.local.figures import gauge, metrics
from cli.local.platform import Platform
from tests.integration.world import CARRY_OUT, World, eventually

STORE = "store-north"


async def test_orders_are_priced_while_the_catalog_hangs_and_by_its_new_prices_afterwards(
    rough: tuple[Platform, World],
) -> None:
    """Web shop and till sell as before; what is changed once it is back counts in a moment."""
    platform, world = rough
    sku = await world.article(1_000, stock={"wh-1": 5, STORE: 5})
    await _copied(platform)

    platform.pause("catalog")
    try:
        sent = await world.buy(sku)
        carried = await world.buy(sku, channel="pos", method=CARRY_OUT, store=STORE, pay="cash")
    finally:
        platform.resume("catalog")
    await platform.healthy("catalog")
    await world.price(sku, 1_200)
    await _copied(platform)
    dearer = await world.buy(sku)

    assert sent.total_minor == carried.total_minor == 1_100
    assert dearer.total_minor == 1_320


async def test_a_catalog_that_begins_anew_stops_no_order(rough: tuple[Platform, World]) -> None:
    """Killed and started again while orders come."""
    platform, world = rough
    sku = await world.article(1_000, stock={"wh-1": 50})
    await _copied(platform)

    await platform.kill("catalog")
    orders = [await world.buy(sku) for _ in range(20)]
    await platform.healthy("catalog")

    assert {order.total_minor for order in orders} == {1_100}


async def _copied(platform: Platform) -> None:
    """Returns when orders has the newest catalogue."""

    async def same() -> bool:
        newest = gauge(metrics(platform, "catalog"), "aljibe_catalog_snapshot_version")
        return newest is not None and newest == gauge(
            metrics(platform, "orders"), "aljibe_orders_catalogue_version"
        )

    await eventually(same, "the newest catalogue in orders")
