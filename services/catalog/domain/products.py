"""What is sold: a product is what a page shows, its variants are what is bought."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from pricing.taxes import STANDARD_TAX_CLASS
from pricing.texts import LocalizedText, check_text
from services.catalog.domain.barcodes import gtin_of, is_valid_barcode
from services.catalog.domain.refusals import BarcodeInvalid, BarcodeTaken, SkuTaken

MAX_SEARCH_TERMS = 8
_UNACCENTED = str.maketrans("áéíóúüñ", "aeiouun")


@dataclass(frozen=True, slots=True)
class Variant:
    """One sellable article, the SKU."""

    sku: str
    barcodes: tuple[str, ...] = ()
    attributes: Mapping[str, str] = field(default_factory=dict)
    tax_class: str = STANDARD_TAX_CLASS
    discontinued_time: datetime | None = None


@dataclass(frozen=True, slots=True)
class Product:
    """A product with its variants; `category_path` runs from the widest category to the narrowest."""

    product_id: str
    name: LocalizedText
    brand: str
    category_path: tuple[str, ...]
    variants: tuple[Variant, ...]


def search_terms(text: str) -> tuple[str, ...]:
    """The words of what a person typed, at most `MAX_SEARCH_TERMS`: lower-case letters and digits, without
    accents.
    """
    plain = text.lower().translate(_UNACCENTED)
    words = "".join(letter if letter.isalnum() else " " for letter in plain).split()
    return tuple(words[:MAX_SEARCH_TERMS])


def check_products(products: Sequence[Product]) -> None:
    """Return when the products agree with themselves and with one another.

    Raises:
        TextMissing: one has no name.
        SkuTaken: two of them have a variant of the same SKU.
        BarcodeInvalid: a barcode has another form or a wrong check digit.
        BarcodeTaken: two variants have the same barcode.
    """
    owners: dict[str, str] = {}
    articles: dict[str, str] = {}
    for product in products:
        check_text(f"product {product.product_id!r}", product.name)
        for variant in product.variants:
            if owners.setdefault(variant.sku, product.product_id) != product.product_id:
                raise SkuTaken(variant.sku, owners[variant.sku])
            for barcode in variant.barcodes:
                if not is_valid_barcode(barcode):
                    raise BarcodeInvalid(barcode, variant.sku)
                holder = articles.setdefault(gtin_of(barcode), variant.sku)
                if holder != variant.sku:
                    raise BarcodeTaken(barcode, holder)
