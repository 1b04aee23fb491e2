"""Money of a line per unit: integer minor units, split so that the shares of all units add up to the line."""

from __future__ import annotations

CURRENCY_DECIMALS = {
    "CLP": 0,
    "JPY": 0,
    "KRW": 0,
    "PYG": 0,
    "ISK": 0,
    "VND": 0,
    "BHD": 3,
    "KWD": 3,
    "OMR": 3,
    "TND": 3,
}
"""Currencies whose minor unit is not a hundredth (ISO 4217); all others have two decimals."""


def share(total_minor: int, quantity_units: int, settled_units: int, units: int) -> int:
    """What `units` more units of a line are worth when `settled_units` of its `quantity_units` are settled.

    Shares are differences of ⌊total · k / quantity⌋: each is the even share rounded to one of its two
    neighbours, and over all units they add up to `total_minor` exactly, in whatever steps the units are
    settled.
    """
    assert 0 <= settled_units <= settled_units + units <= quantity_units
    return (
        total_minor * (settled_units + units) // quantity_units
        - total_minor * settled_units // quantity_units
    )


def refund_share(
    captured_minor: int, captured_units: int, refunded_minor: int, refunded_units: int, units: int
) -> int:
    """What is given back for `units` more returned units of a line: never more than was taken for it, and
    all of it with the last unit.
    """
    assert 0 < units <= captured_units - refunded_units
    if refunded_units + units == captured_units:
        return captured_minor - refunded_minor
    return min(captured_minor - refunded_minor, captured_minor * units // captured_units)
