"""Barcodes: EAN-8, UPC-A, EAN-13 and GTIN-14 are one number space (GS1 General Specifications, section
7.9: check digit).
"""

from __future__ import annotations

LENGTHS = frozenset({8, 12, 13, 14})
GTIN_LENGTH = 14
_DIGITS = frozenset("0123456789")


def is_valid_barcode(barcode: str) -> bool:
    """Whether `barcode` has one of the four lengths, digits only, and a right check digit."""
    if len(barcode) not in LENGTHS or not _DIGITS.issuperset(barcode):
        return False
    # Weights 3 and 1 alternate from the right, the check digit itself having 1; the sum must be a multiple
    # of ten.
    digits = [int(digit) for digit in reversed(barcode)]
    return (sum(digits[0::2]) + 3 * sum(digits[1::2])) % 10 == 0


def gtin_of(barcode: str) -> str:
    """The 14-digit form: a scanner may read a UPC-A as an EAN-13 with a leading zero, and both mean the
    same article.
    """
    return barcode.zfill(GTIN_LENGTH)
