"""Creates or replaces products."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from services.catalog.domain.barcodes import gtin_of
from services.catalog.domain.products import Product, check_products
from services.catalog.domain.refusals import BarcodeTaken, SkuTaken
from services.catalog.usecases.ports import CatalogueTables, Part


async def upsert_products(tables: CatalogueTables, products: Sequence[Product], at: datetime) -> None:
    """Store the products as given. A variant that a product no longer names goes out of sale; one that was
    discontinued stays so, since a nightly load of master data must not put a recalled article back.

    Raises:
        TextMissing: a product has no name.
        SkuTaken: a SKU belongs to another product.
        BarcodeInvalid: a barcode has another form or a wrong check digit.
        BarcodeTaken: a barcode stands for another article.
    """
    check_products(products)
    await tables.begin_change(Part.PRODUCTS, at)
    wanted = {variant.sku: product.product_id for product in products for variant in product.variants}
    for sku, product_id in (await tables.owners_of(wanted)).items():
        if wanted[sku] != product_id:
            raise SkuTaken(sku, product_id)
    barcodes = {
        gtin_of(barcode): barcode
        for product in products
        for variant in product.variants
        for barcode in variant.barcodes
    }
    for gtin, sku in (await tables.holders_of(barcodes)).items():
        # An article of this request gives its barcodes up and gets them anew, perhaps others.
        if sku not in wanted:
            raise BarcodeTaken(barcodes[gtin], sku)
    await tables.write_products(products, at)
