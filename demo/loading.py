"""Loads catalogue, places and opening stock through the doors that a retailer's own systems would use."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar

from aljibe.catalog.v1 import catalog_pb2 as catalog
from aljibe.inventory.v1 import inventory_pb2 as inventory
from aljibe.orders.v1 import rules_pb2
from demo import wire
from demo.doors import Doors, patiently
from demo.world import World

T = TypeVar("T")
Advance = Callable[[int], None]
"""Told how many more things are loaded."""

PRODUCTS_PER_CALL = 500
PRICES_PER_CALL = 1_000
PROMOTIONS_PER_CALL = 250
TAXES_PER_CALL = 250
POSITIONS_PER_MESSAGE = 5_000
STREAM_SECONDS = 180.0
CALL_SECONDS = 30.0
RULES_FILE = Path(__file__).with_name("rules.json")
_VALID_SINCE = timedelta(hours=1)


def catalogue_size(world: World) -> int:
    """How many things ``load_catalogue`` loads."""
    return 2 * len(world.products) + len(world.promotions) + len(wire.taxes()) + len(wire.channels())


async def load_catalogue(doors: Doors, world: World, run: str, advance: Advance) -> None:
    """Taxes, products, price list, prices, promotions, and the channels that sell from them."""
    token = doors.tokens.office("merchandiser")
    call = doors.catalog

    for number, rates in enumerate(chunks(wire.taxes(), TAXES_PER_CALL)):
        taxes = catalog.UpsertTaxRatesRequest(request_id=f"{run}/taxes/{number}", tax_rates=rates)
        await doors.rpc(call.UpsertTaxRates, taxes, token, timeout=CALL_SECONDS)
        advance(len(rates))
    for number, products in enumerate(chunks(world.products, PRODUCTS_PER_CALL)):
        goods = catalog.UpsertProductsRequest(
            request_id=f"{run}/products/{number}", products=map(wire.product, products)
        )
        await doors.rpc(call.UpsertProducts, goods, token, timeout=CALL_SECONDS)
        advance(len(products))
    lists = catalog.UpsertPriceListsRequest(request_id=f"{run}/lists", price_lists=[wire.price_list()])
    await doors.rpc(call.UpsertPriceLists, lists, token, timeout=CALL_SECONDS)
    for number, priced in enumerate(chunks(world.products, PRICES_PER_CALL)):
        prices = catalog.UpsertPricesRequest(
            request_id=f"{run}/prices/{number}",
            price_list_id=wire.PRICE_LIST,
            prices=map(wire.price, priced),
        )
        await doors.rpc(call.UpsertPrices, prices, token, timeout=CALL_SECONDS)
        advance(len(priced))
    since = datetime.now(UTC).replace(microsecond=0) - _VALID_SINCE
    for number, some in enumerate(chunks(world.promotions, PROMOTIONS_PER_CALL)):
        promotions = catalog.UpsertPromotionsRequest(
            request_id=f"{run}/promotions/{number}",
            promotions=[wire.promotion(promotion, since) for promotion in some],
        )
        await doors.rpc(call.UpsertPromotions, promotions, token, timeout=CALL_SECONDS)
        advance(len(some))
    sold = catalog.UpsertChannelsRequest(request_id=f"{run}/channels", channels=wire.channels())
    await doors.rpc(call.UpsertChannels, sold, token, timeout=CALL_SECONDS)
    advance(len(sold.channels))


async def load_stock(doors: Doors, world: World, run: str, advance: Advance) -> int:
    """Locations and what lies on their shelves; the units that inventory says it took."""
    token = doors.tokens.office("planner")
    places = inventory.UpsertLocationsRequest(
        request_id=f"{run}/locations", locations=map(wire.location, world.geography.places)
    )
    await doors.rpc(doors.locations.UpsertLocations, places, token, timeout=CALL_SECONDS)

    async def messages() -> AsyncIterator[inventory.LoadStockRequest]:
        for number, some in enumerate(chunks(world.stock, POSITIONS_PER_MESSAGE)):
            yield inventory.LoadStockRequest(
                request_id=f"{run}/opening/{number:04d}",
                positions=[
                    inventory.LoadedPosition(
                        sku=stock.sku, location_id=stock.location_id, quantity_units=stock.units
                    )
                    for stock in some
                ],
            )
            advance(len(some))

    async def once() -> inventory.LoadStockResponse:
        return await doors.stream(doors.stock.LoadStock, messages(), token, timeout=STREAM_SECONDS)

    # A repeat is harmless: chunks that were applied are answered from their request ids.
    loaded = await patiently(once)
    return loaded.units


async def load_rules(doors: Doors, run: str) -> int:
    """The demo's own rules of sourcing hold from now on, unless somebody activated others; the number of
    those that hold.
    """
    token = doors.tokens.office("planner")
    listed = await doors.rpc(doors.rules.ListRules, rules_pb2.ListRulesRequest(page_size=1), token)
    if listed.current_number:
        return listed.current_number
    draft = rules_pb2.CreateRulesRequest(
        request_id=f"{run}/rules", document=RULES_FILE.read_text(encoding="utf-8")
    )
    created = await doors.rpc(doors.rules.CreateRules, draft, token)
    activate = rules_pb2.ActivateRulesRequest(request_id=f"{run}/rules", number=created.rules.number)
    await doors.rpc(doors.rules.ActivateRules, activate, token)
    return created.rules.number


def chunks(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    """``items`` in order, at most ``size`` at a time."""
    for start in range(0, len(items), size):
        yield items[start : start + size]
