"""Refuses what names articles that do not exist."""

from __future__ import annotations

from collections.abc import Collection

from pricing.refusals import SkuUnknown
from services.catalog.usecases.ports import CatalogueTables


async def check_skus(tables: CatalogueTables, skus: Collection[str]) -> None:
    """Return when all of `skus` exist.

    Raises:
        SkuUnknown: names the first, in order of SKU, that does not.
    """
    missing = set(skus) - set(await tables.owners_of(skus))
    if missing:
        raise SkuUnknown(min(missing))
