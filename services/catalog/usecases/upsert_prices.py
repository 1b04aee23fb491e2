"""Sets prices of one price list."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from pricing.channels import Price, check_prices
from pricing.refusals import PriceListUnknown
from services.catalog.usecases.known import check_skus
from services.catalog.usecases.ports import CatalogueTables, Part


async def upsert_prices(
    tables: CatalogueTables, price_list_id: str, prices: Sequence[Price], at: datetime
) -> None:
    """Store the prices; one with the same SKU and beginning is replaced, others stay.

    Raises:
        ValidityEmpty, PriceRepeated: the prices contradict themselves.
        PriceListUnknown, SkuUnknown: nothing is changed.
    """
    check_prices(prices)
    await tables.begin_change(Part.PRICES, at)
    if price_list_id not in await tables.price_lists([price_list_id]):
        raise PriceListUnknown(price_list_id)
    await check_skus(tables, {price.sku for price in prices})
    await tables.write_prices(price_list_id, prices)
