"""Every no of prices: classes with facts, for people by `str()`, for programs by their fields."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


class Refusal(Exception):
    """Base of all refusals of the catalogue, those of its prices among them."""


@dataclass(eq=False)
class TextMissing(Refusal):
    """A name for people is empty in both languages. `subject` says whose."""

    subject: str

    def __str__(self) -> str:
        return f"{self.subject} has a name neither in English nor in Spanish"


@dataclass(eq=False)
class SkuUnknown(Refusal):
    """No variant has this SKU."""

    sku: str

    def __str__(self) -> str:
        return f"there is no article {self.sku!r}"


@dataclass(eq=False)
class SkuDiscontinued(Refusal):
    """The variant is out of sale."""

    sku: str
    discontinued_time: datetime

    def __str__(self) -> str:
        return f"article {self.sku!r} is no longer sold since {self.discontinued_time.isoformat()}"


@dataclass(eq=False)
class SkuNotInAssortment(Refusal):
    """The channel sells an explicit assortment, and this is not in it."""

    sku: str
    channel_id: str

    def __str__(self) -> str:
        return f"article {self.sku!r} is not sold in channel {self.channel_id!r}"


@dataclass(eq=False)
class ChannelUnknown(Refusal):
    """No channel has this id."""

    channel_id: str

    def __str__(self) -> str:
        return f"there is no channel {self.channel_id!r}"


@dataclass(eq=False)
class PriceListUnknown(Refusal):
    """No price list has this id."""

    price_list_id: str

    def __str__(self) -> str:
        return f"there is no price list {self.price_list_id!r}"


@dataclass(eq=False)
class PriceMissing(Refusal):
    """None of the channel's price lists has a price for the article at that time."""

    sku: str
    channel_id: str
    priced_time: datetime

    def __str__(self) -> str:
        when = self.priced_time.isoformat()
        return f"article {self.sku!r} has no price in channel {self.channel_id!r} at {when}"


@dataclass(eq=False)
class PriceRepeated(Refusal):
    """Two prices of one request have the same article and the same first instant."""

    sku: str
    valid_from: datetime

    def __str__(self) -> str:
        return f"two prices of article {self.sku!r} begin at {self.valid_from.isoformat()}"


@dataclass(eq=False)
class TaxRateRepeated(Refusal):
    """Two rates of one request are for the same class and place."""

    tax_class: str
    country_code: str
    region: str

    def __str__(self) -> str:
        place = f"{self.country_code}-{self.region}" if self.region else self.country_code
        return f"two rates of one request are for class {self.tax_class!r} in {place}"


@dataclass(eq=False)
class CurrencyMismatch(Refusal):
    """Amounts in two currencies meet; nothing is converted here. `subject` names what has the `actual`
    one.
    """

    expected: str
    actual: str
    subject: str

    def __str__(self) -> str:
        return f"{self.subject} is in {self.actual}, not in {self.expected}"


@dataclass(eq=False)
class TaxTreatmentMixed(Refusal):
    """The price lists of one channel must all contain tax, or all not."""

    channel_id: str
    price_list_id: str

    def __str__(self) -> str:
        return (
            f"price list {self.price_list_id!r} treats tax differently from the other lists "
            f"of channel {self.channel_id!r}"
        )


@dataclass(eq=False)
class ValidityEmpty(Refusal):
    """The end of a validity is not after its beginning."""

    subject: str
    valid_from: datetime
    valid_until: datetime

    def __str__(self) -> str:
        begin, end = self.valid_from.isoformat(), self.valid_until.isoformat()
        return f"{self.subject} would be valid from {begin} until {end}: never"


@dataclass(eq=False)
class PromotionInvalid(Refusal):
    """The terms of a promotion contradict themselves."""

    promotion_id: str
    field: str
    problem: str

    def __str__(self) -> str:
        return f"promotion {self.promotion_id!r}: {self.field} {self.problem}"


@dataclass(eq=False)
class CouponUnknown(Refusal):
    """No promotion has this coupon."""

    coupon_code: str

    def __str__(self) -> str:
        return f"there is no coupon {self.coupon_code!r}"


@dataclass(eq=False)
class CouponExpired(Refusal):
    """The coupon exists; its promotion is not valid at this time, or was withdrawn."""

    coupon_code: str
    valid_from: datetime
    valid_until: datetime

    def __str__(self) -> str:
        return f"coupon {self.coupon_code!r} is not valid now"


@dataclass(eq=False)
class QuoteExpired(Refusal):
    """The token was genuine; its time is over."""

    expire_time: datetime

    def __str__(self) -> str:
        return f"the quote was honoured until {self.expire_time.isoformat()}; ask for a new one"


@dataclass(eq=False)
class QuoteInvalid(Refusal):
    """The token was not made here, or was made for another basket."""

    problem: str

    def __str__(self) -> str:
        return f"the quote token {self.problem}"


@dataclass(eq=False)
class PriceChanged(Refusal):
    """The data behind a quote was corrected since; the customer must see the new price before paying it."""

    quoted_total_minor: int
    current_total_minor: int
    currency_code: str

    def __str__(self) -> str:
        return (
            f"the basket was quoted at {self.quoted_total_minor} and now costs {self.current_total_minor} "
            f"(minor units of {self.currency_code})"
        )
