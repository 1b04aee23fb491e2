"""What the use cases that write need of storage. One object stands for one open transaction."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from pricing.channels import Channel, Price, PriceList
from pricing.promotions import Promotion
from pricing.taxes import TaxRate
from services.catalog.domain.products import Product


class Part(StrEnum):
    """What a write changed, as `CatalogChanged` tells it."""

    PRODUCTS = "PRODUCTS"
    CHANNELS = "CHANNELS"
    PRICES = "PRICES"
    PROMOTIONS = "PROMOTIONS"
    TAXES = "TAXES"


class CatalogueTables(Protocol):
    """The stored catalogue, inside a transaction."""

    async def begin_change(self, part: Part, at: datetime) -> None:
        """Take the next version for this transaction and record that `part` changes with it.

        Other writers wait until this transaction has ended, so what is read afterwards holds until then.
        """

    async def owners_of(self, skus: Collection[str]) -> Mapping[str, str]:
        """Product ids by SKU, of those that exist."""

    async def holders_of(self, gtins: Collection[str]) -> Mapping[str, str]:
        """SKUs by 14-digit barcode, of those that are in use."""

    async def write_products(self, products: Sequence[Product], at: datetime) -> None:
        """Create or replace products; variants they no longer name are discontinued."""

    async def discontinue(self, skus: Collection[str], at: datetime) -> int:
        """Take articles out of sale; gives how many were still sold."""

    async def price_lists(self, price_list_ids: Collection[str]) -> Mapping[str, PriceList]:
        """These price lists, of those that exist."""

    async def write_price_lists(self, price_lists: Sequence[PriceList]) -> None:
        """Create or replace price lists; their prices stay."""

    async def write_prices(self, price_list_id: str, prices: Sequence[Price]) -> None:
        """Set prices of one list."""

    async def channel(self, channel_id: str) -> Channel | None:
        """One channel."""

    async def channels_selling_from(self, price_list_ids: Collection[str]) -> Sequence[Channel]:
        """The channels that name one of these lists."""

    async def write_channels(self, channels: Sequence[Channel]) -> None:
        """Create or replace channels; their assortments stay."""

    async def change_assortment(self, channel_id: str, add: Collection[str], remove: Collection[str]) -> int:
        """Put articles in and out; gives the size of the assortment afterwards."""

    async def write_promotions(self, promotions: Sequence[Promotion]) -> None:
        """Create or replace promotions."""

    async def write_tax_rates(self, rates: Sequence[TaxRate]) -> None:
        """Set tax rates."""
