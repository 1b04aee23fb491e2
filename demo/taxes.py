"""Sales tax of the states that the demo delivers to: their own rates, without counties and cities."""

from __future__ import annotations

from demo.data.catalogue import TAX_CLASSES

UNTAXED = frozenset({"food"})
"""Most states leave food for the home untaxed; here all do."""

STATE_RATE_PPM = {
    "AL": 40_000, "AR": 65_000, "AZ": 56_000, "CA": 72_500, "CO": 29_000, "CT": 63_500, "DC": 60_000,
    "DE": 0, "FL": 60_000, "GA": 40_000, "IA": 60_000, "ID": 60_000, "IL": 62_500, "IN": 70_000,
    "KS": 65_000, "KY": 60_000, "LA": 50_000, "MA": 62_500, "MD": 60_000, "ME": 55_000, "MI": 60_000,
    "MN": 68_750, "MO": 42_250, "MS": 70_000, "MT": 0, "NC": 47_500, "ND": 50_000, "NE": 55_000,
    "NH": 0, "NJ": 66_250, "NM": 48_750, "NV": 68_500, "NY": 40_000, "OH": 57_500, "OK": 45_000,
    "OR": 0, "PA": 60_000, "RI": 70_000, "SC": 60_000, "SD": 42_000, "TN": 70_000, "TX": 62_500,
    "UT": 61_000, "VA": 53_000, "VT": 60_000, "WA": 65_000, "WI": 50_000, "WV": 60_000, "WY": 40_000,
}  # fmt: skip
"""Millionths, as the states had them in the 2020s; a demo's figures, no advice."""


def tax_rates() -> list[tuple[str, str, int]]:
    """(tax class, state, millionths); the empty state is the country's own rate, 0."""
    country = [(tax_class, "", 0) for tax_class in TAX_CLASSES]
    return country + [
        (tax_class, state, 0 if tax_class in UNTAXED else rate)
        for state, rate in STATE_RATE_PPM.items()
        for tax_class in TAX_CLASSES
    ]
