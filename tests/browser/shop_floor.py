"""Articles with barcodes and places, and orders for them at one store: what an associate's day is made of."""

from __future__ import annotations

import itertools
import time

from aljibe.catalog.v1 import catalog_pb2
from aljibe.fulfillment.v1 import fulfillment_pb2
from tests.integration.world import PICKUP, SHIP, World, request_id

_numbers = itertools.count(int(time.time()) % 1_000_000 * 1000)


def barcode() -> str:
    """An EAN-13 of the range for use within a shop (GS1 prefix 20), never twice in a run."""
    digits = f"20{next(_numbers):010d}"
    total = sum(int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(digits))
    return digits + str(-total % 10)


async def goods(
    world: World, store: str, *, aisle: str = "4", units: int = 20, category: str = "SNACKS"
) -> tuple[str, str, str]:
    """An article with stock at one store alone: its SKU, barcode and English name."""
    sku = await world.article(stock={store: units})
    code, name = barcode(), f"Crisps {sku[-6:]}"
    product = catalog_pb2.Product(
        product_id=f"P-{sku}",
        name=catalog_pb2.LocalizedText(en=name, es=f"Patatas {sku[-6:]}"),
        brand="Fizz",
        category_path=["GROCERY", category],
        variants=[catalog_pb2.Variant(sku=sku, barcodes=[code], attributes={"aisle": aisle})],
    )
    await world.catalog.UpsertProducts(
        catalog_pb2.UpsertProductsRequest(request_id=request_id(), products=[product]),
        metadata=world.auth(world.merchandiser),
    )
    return sku, code, name


async def parcel(world: World, *lines: tuple[str, int]) -> fulfillment_pb2.FulfillmentOrder:
    """Work of a parcel, as soon as its store has it."""
    return await world.work(await world.buy(dict(lines), method=SHIP))


async def pickup(
    world: World, store: str, *lines: tuple[str, int], reference: str = ""
) -> fulfillment_pb2.FulfillmentOrder:
    """Work of a pickup, as soon as its store has it."""
    order = await world.buy(dict(lines), method=PICKUP, store=store, customer_reference=reference)
    return await world.work(order, store)


def tote(work: fulfillment_pb2.FulfillmentOrder) -> str:
    """What is written on its tote."""
    return work.fulfillment_order_id[-4:].upper()
