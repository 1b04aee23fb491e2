"""Products as tests want them."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from pricing.tests.builders import NOW
from pricing.texts import LocalizedText
from services.catalog.domain.products import Product, Variant


def a_product(
    product_id: str = "cola", *variants: Variant, name: str = "Cola", path: tuple[str, ...] = ()
) -> Product:
    return Product(
        product_id,
        LocalizedText(name, ""),
        "Brand",
        path or ("GROCERY", "SOFT DRINKS"),
        variants or (Variant(f"{product_id}-33"),),
    )


def discontinued(product: Product, sku: str, at: datetime = NOW) -> Product:
    """The product with one variant out of sale since `at`."""
    variants = tuple(
        replace(variant, discontinued_time=at) if variant.sku == sku else variant
        for variant in product.variants
    )
    return replace(product, variants=variants)
