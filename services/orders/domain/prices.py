"""What a basket costs, as the catalog says."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple


class PricedLine(NamedTuple):
    """What a line costs, in minor units."""

    unit_price_minor: int
    discount_minor: int
    tax_minor: int
    total_minor: int
    name_en: str
    name_es: str
    brand: str = ""
    attributes: tuple[tuple[str, str], ...] = ()
    """Of the article: (name, value)."""


class Quote(NamedTuple):
    """What a basket costs, lines in the order of the draft."""

    currency_code: str
    lines: tuple[PricedLine, ...]
    total_minor: int
    tax_minor: int
    discount_minor: int
    quote_token: str
    expire_time: datetime | None
