"""Creates or replaces sales channels."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from pricing.channels import Channel, check_channel
from services.catalog.usecases.ports import CatalogueTables, Part


async def upsert_channels(tables: CatalogueTables, channels: Sequence[Channel], at: datetime) -> None:
    """Store the channels as given; their assortments stay.

    Raises:
        TextMissing: a channel has no name.
        PriceListUnknown, CurrencyMismatch, TaxTreatmentMixed: a channel cannot sell from its lists.
    """
    await tables.begin_change(Part.CHANNELS, at)
    lists = await tables.price_lists({name for channel in channels for name in channel.price_list_ids})
    for channel in channels:
        check_channel(channel, lists)
    await tables.write_channels(channels)
