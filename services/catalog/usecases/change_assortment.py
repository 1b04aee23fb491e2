"""Adds articles to a channel's explicit assortment and takes others out."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from pricing.refusals import ChannelUnknown
from services.catalog.domain.refusals import SkuAddedAndRemoved
from services.catalog.usecases.known import check_skus
from services.catalog.usecases.ports import CatalogueTables, Part


async def change_assortment(
    tables: CatalogueTables, channel_id: str, add: Collection[str], remove: Collection[str], at: datetime
) -> int:
    """The size of the assortment afterwards. Taking out what is not in it changes nothing.

    Raises:
        SkuAddedAndRemoved: an article is in both.
        ChannelUnknown, SkuUnknown: nothing is changed.
    """
    both = set(add) & set(remove)
    if both:
        raise SkuAddedAndRemoved(min(both))
    await tables.begin_change(Part.CHANNELS, at)
    if await tables.channel(channel_id) is None:
        raise ChannelUnknown(channel_id)
    await check_skus(tables, add)
    return await tables.change_assortment(channel_id, add, remove)
