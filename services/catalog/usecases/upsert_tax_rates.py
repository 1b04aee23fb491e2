"""Sets tax rates by class and place."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from pricing.taxes import TaxRate, check_tax_rates
from services.catalog.usecases.ports import CatalogueTables, Part


async def upsert_tax_rates(tables: CatalogueTables, rates: Sequence[TaxRate], at: datetime) -> None:
    """Store the rates.

    Raises:
        TaxRateRepeated: two are for the same class and place; nothing is changed.
    """
    check_tax_rates(rates)
    await tables.begin_change(Part.TAXES, at)
    await tables.write_tax_rates(rates)
