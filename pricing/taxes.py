"""Tax rates by class and place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from pricing.amounts import MILLION, half_up
from pricing.refusals import TaxRateRepeated

STANDARD_TAX_CLASS = "standard"


class TaxKey(NamedTuple):
    """What a rate is for; an empty region stands for the whole country."""

    tax_class: str
    country_code: str
    region: str


class TaxRate(NamedTuple):
    """A rate in millionths: 82,500 is 8.25 %."""

    key: TaxKey
    rate_ppm: int


def check_tax_rates(rates: Sequence[TaxRate]) -> None:
    """Return when no key stands twice.

    Raises:
        TaxRateRepeated: one does.
    """
    seen: set[TaxKey] = set()
    for rate in rates:
        if rate.key in seen:
            raise TaxRateRepeated(*rate.key)
        seen.add(rate.key)


def rate_for(rates: Mapping[TaxKey, int], tax_class: str, country_code: str, region: str) -> int:
    """The rate in millionths: the region's own, else the country's, else 0 (a place without a rate levies
    no tax).
    """
    if region:
        own = rates.get(TaxKey(tax_class, country_code, region))
        if own is not None:
            return own
    return rates.get(TaxKey(tax_class, country_code, ""), 0)


def tax_on(amount_minor: int, rate_ppm: int, *, inclusive: bool) -> int:
    """The tax contained in `amount_minor` (inclusive), or to be added to it; rounded half up."""
    if inclusive:
        return half_up(amount_minor * rate_ppm, MILLION + rate_ppm)
    return half_up(amount_minor * rate_ppm, MILLION)
