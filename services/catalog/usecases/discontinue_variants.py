"""Takes articles out of sale."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from services.catalog.usecases.known import check_skus
from services.catalog.usecases.ports import CatalogueTables, Part


async def discontinue_variants(tables: CatalogueTables, skus: Collection[str], at: datetime) -> int:
    """How many of the articles were still sold until `at`.

    Raises:
        SkuUnknown: one does not exist; nothing is changed.
    """
    await tables.begin_change(Part.PRODUCTS, at)
    await check_skus(tables, skus)
    return await tables.discontinue(skus, at)
