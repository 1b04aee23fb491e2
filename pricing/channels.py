"""Sales channels and the price lists they sell from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from pricing.refusals import CurrencyMismatch, PriceListUnknown, PriceRepeated, TaxTreatmentMixed
from pricing.texts import LocalizedText, check_text
from pricing.validity import NEVER_ENDS, SINCE_EVER, check_validity


@dataclass(frozen=True, slots=True)
class Channel:
    """Where customers buy. `price_list_ids` in order of precedence; empty `methods` (numbers of the
    contract) means all.
    """

    channel_id: str
    name: LocalizedText
    currency_code: str
    price_list_ids: tuple[str, ...]
    explicit_assortment: bool = False
    methods: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class PriceList:
    """Prices in one currency, all with tax in them or all without."""

    price_list_id: str
    name: LocalizedText
    currency_code: str
    tax_inclusive: bool
    valid_from: datetime = SINCE_EVER
    valid_until: datetime = NEVER_ENDS


@dataclass(frozen=True, slots=True)
class Price:
    """What one unit costs from `valid_from` until `valid_until`, in minor units of its list."""

    sku: str
    unit_price_minor: int
    valid_from: datetime = SINCE_EVER
    valid_until: datetime = NEVER_ENDS


def check_channel(channel: Channel, lists: Mapping[str, PriceList]) -> None:
    """Return when the channel has a name and can sell from each of its lists.

    Raises:
        TextMissing: it has no name.
        PriceListUnknown: `lists` lacks one.
        CurrencyMismatch: a list has another currency than the channel.
        TaxTreatmentMixed: some contain tax and some do not; a receipt could not say which.
    """
    check_text(f"channel {channel.channel_id!r}", channel.name)
    first: PriceList | None = None
    for price_list_id in channel.price_list_ids:
        found = lists.get(price_list_id)
        if found is None:
            raise PriceListUnknown(price_list_id)
        if found.currency_code != channel.currency_code:
            raise CurrencyMismatch(
                channel.currency_code, found.currency_code, f"price list {price_list_id!r}"
            )
        first = first or found
        if found.tax_inclusive != first.tax_inclusive:
            raise TaxTreatmentMixed(channel.channel_id, price_list_id)


def check_prices(prices: Sequence[Price]) -> None:
    """Return when each price is valid at some time and none stands twice.

    Raises:
        ValidityEmpty: an end is not after its beginning.
        PriceRepeated: two have the same SKU and beginning.
    """
    seen: set[tuple[str, datetime]] = set()
    for price in prices:
        check_validity(f"the price of article {price.sku!r}", price.valid_from, price.valid_until)
        key = (price.sku, price.valid_from)
        if key in seen:
            raise PriceRepeated(price.sku, price.valid_from)
        seen.add(key)
