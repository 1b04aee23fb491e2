"""What the catalogue says no to beside prices: classes with facts, for people by `str()`, for programs by
their fields.
"""

from __future__ import annotations

from dataclasses import dataclass

from pricing.refusals import Refusal


@dataclass(eq=False)
class ProductUnknown(Refusal):
    """No product has this id."""

    product_id: str

    def __str__(self) -> str:
        return f"there is no product {self.product_id!r}"


@dataclass(eq=False)
class SkuTaken(Refusal):
    """A SKU belongs to one product; it is asked for by another, or by two at once."""

    sku: str
    product_id: str

    def __str__(self) -> str:
        return f"article {self.sku!r} already belongs to product {self.product_id!r}"


@dataclass(eq=False)
class SkuAddedAndRemoved(Refusal):
    """One change of an assortment cannot mean both."""

    sku: str

    def __str__(self) -> str:
        return f"article {self.sku!r} is to be added and removed at once"


@dataclass(eq=False)
class BarcodeUnknown(Refusal):
    """No variant carries this barcode."""

    barcode: str

    def __str__(self) -> str:
        return f"no article has barcode {self.barcode!r}"


@dataclass(eq=False)
class BarcodeInvalid(Refusal):
    """Wrong length, not digits, or a wrong check digit."""

    barcode: str
    sku: str

    def __str__(self) -> str:
        return (
            f"{self.barcode!r} of article {self.sku!r} is not an EAN-8, UPC-A, EAN-13 or GTIN-14 "
            "with a right check digit"
        )


@dataclass(eq=False)
class BarcodeTaken(Refusal):
    """A barcode stands for one article only; `sku` is the one that has it."""

    barcode: str
    sku: str

    def __str__(self) -> str:
        return f"barcode {self.barcode!r} already stands for article {self.sku!r}"
