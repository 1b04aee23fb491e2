"""Creates or replaces price lists."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from pricing.channels import PriceList, check_channel
from pricing.validity import check_validity
from services.catalog.usecases.ports import CatalogueTables, Part


async def upsert_price_lists(tables: CatalogueTables, price_lists: Sequence[PriceList], at: datetime) -> None:
    """Store the lists as given; their prices stay.

    Raises:
        ValidityEmpty: a list would never be valid.
        CurrencyMismatch, TaxTreatmentMixed: a channel that sells from a list could no longer do so.
    """
    for price_list in price_lists:
        subject = f"price list {price_list.price_list_id!r}"
        check_validity(subject, price_list.valid_from, price_list.valid_until)
    await tables.begin_change(Part.PRICES, at)
    fresh = {price_list.price_list_id: price_list for price_list in price_lists}
    channels = await tables.channels_selling_from(fresh)
    others = await tables.price_lists({name for channel in channels for name in channel.price_list_ids})
    for channel in channels:
        check_channel(channel, {**others, **fresh})
    await tables.write_price_lists(price_lists)
