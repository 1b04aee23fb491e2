"""Creates or replaces promotions."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from pricing.promotions import Promotion, check_promotion
from services.catalog.usecases.ports import CatalogueTables, Part


async def upsert_promotions(tables: CatalogueTables, promotions: Sequence[Promotion], at: datetime) -> None:
    """Store the promotions as given. Their scope may name articles that are yet to come.

    Raises:
        TextMissing, ValidityEmpty, PromotionInvalid: the terms make no sense; nothing is changed.
    """
    for promotion in promotions:
        check_promotion(promotion)
    await tables.begin_change(Part.PROMOTIONS, at)
    await tables.write_promotions(promotions)
