"""How each refusal of the catalogue is answered."""

from __future__ import annotations

from grpc import StatusCode

from chassis.errors import ErrorRule, ErrorTable
from pricing import refusals as prices
from services.catalog.domain import refusals

table = ErrorTable(
    "catalog.aljibe.dev",
    [
        ErrorRule(
            refusals.ProductUnknown,
            StatusCode.NOT_FOUND,
            "PRODUCT_UNKNOWN",
            "no existe el producto «{product_id}»",
        ),
        ErrorRule(
            prices.TextMissing,
            StatusCode.INVALID_ARGUMENT,
            "TEXT_MISSING",
            "falta el nombre de {subject}, en inglés o en español",
        ),
        ErrorRule(prices.SkuUnknown, StatusCode.NOT_FOUND, "SKU_UNKNOWN", "no existe el artículo «{sku}»"),
        ErrorRule(
            refusals.SkuTaken,
            StatusCode.ALREADY_EXISTS,
            "SKU_TAKEN",
            "el artículo «{sku}» ya pertenece al producto «{product_id}»",
        ),
        ErrorRule(
            prices.SkuDiscontinued,
            StatusCode.FAILED_PRECONDITION,
            "SKU_DISCONTINUED",
            "el artículo «{sku}» ya no se vende desde {discontinued_time}",
        ),
        ErrorRule(
            prices.SkuNotInAssortment,
            StatusCode.FAILED_PRECONDITION,
            "SKU_NOT_IN_ASSORTMENT",
            "el artículo «{sku}» no se vende en el canal «{channel_id}»",
        ),
        ErrorRule(
            refusals.SkuAddedAndRemoved,
            StatusCode.INVALID_ARGUMENT,
            "SKU_ADDED_AND_REMOVED",
            "el artículo «{sku}» no puede añadirse y quitarse a la vez",
        ),
        ErrorRule(
            refusals.BarcodeUnknown,
            StatusCode.NOT_FOUND,
            "BARCODE_UNKNOWN",
            "ningún artículo tiene el código de barras «{barcode}»",
        ),
        ErrorRule(
            refusals.BarcodeInvalid,
            StatusCode.INVALID_ARGUMENT,
            "BARCODE_INVALID",
            "«{barcode}» del artículo «{sku}» no es un EAN-8, UPC-A, EAN-13 o GTIN-14 "
            "con dígito de control correcto",
        ),
        ErrorRule(
            refusals.BarcodeTaken,
            StatusCode.ALREADY_EXISTS,
            "BARCODE_TAKEN",
            "el código de barras «{barcode}» ya corresponde al artículo «{sku}»",
        ),
        ErrorRule(
            prices.ChannelUnknown,
            StatusCode.NOT_FOUND,
            "CHANNEL_UNKNOWN",
            "no existe el canal «{channel_id}»",
        ),
        ErrorRule(
            prices.PriceListUnknown,
            StatusCode.NOT_FOUND,
            "PRICE_LIST_UNKNOWN",
            "no existe la lista de precios «{price_list_id}»",
        ),
        ErrorRule(
            prices.PriceMissing,
            StatusCode.FAILED_PRECONDITION,
            "PRICE_MISSING",
            "el artículo «{sku}» no tiene precio en el canal «{channel_id}»",
        ),
        ErrorRule(
            prices.PriceRepeated,
            StatusCode.INVALID_ARGUMENT,
            "PRICE_REPEATED",
            "dos precios del artículo «{sku}» empiezan en {valid_from}",
        ),
        ErrorRule(
            prices.TaxRateRepeated,
            StatusCode.INVALID_ARGUMENT,
            "TAX_RATE_REPEATED",
            "dos tipos de la clase «{tax_class}» son para el mismo lugar ({country_code} {region})",
        ),
        ErrorRule(
            prices.CurrencyMismatch,
            StatusCode.INVALID_ARGUMENT,
            "CURRENCY_MISMATCH",
            "la moneda es {actual} y se esperaba {expected}",
        ),
        ErrorRule(
            prices.TaxTreatmentMixed,
            StatusCode.INVALID_ARGUMENT,
            "TAX_TREATMENT_MIXED",
            "la lista «{price_list_id}» trata los impuestos de otro modo que las demás listas "
            "del canal «{channel_id}»",
        ),
        ErrorRule(
            prices.ValidityEmpty,
            StatusCode.INVALID_ARGUMENT,
            "VALIDITY_EMPTY",
            "la vigencia termina ({valid_until}) antes de empezar ({valid_from})",
        ),
        ErrorRule(
            prices.PromotionInvalid,
            StatusCode.INVALID_ARGUMENT,
            "PROMOTION_INVALID",
            "la promoción «{promotion_id}» se contradice en {field}",
        ),
        ErrorRule(
            prices.CouponUnknown,
            StatusCode.INVALID_ARGUMENT,
            "COUPON_UNKNOWN",
            "no existe el cupón «{coupon_code}»",
        ),
        ErrorRule(
            prices.CouponExpired,
            StatusCode.FAILED_PRECONDITION,
            "COUPON_EXPIRED",
            "el cupón «{coupon_code}» no está vigente",
        ),
        ErrorRule(
            prices.QuoteExpired,
            StatusCode.FAILED_PRECONDITION,
            "QUOTE_EXPIRED",
            "el presupuesto se mantenía hasta {expire_time}; pida uno nuevo",
        ),
        ErrorRule(
            prices.QuoteInvalid,
            StatusCode.INVALID_ARGUMENT,
            "QUOTE_INVALID",
            "el presupuesto presentado no es válido para esta cesta",
        ),
        ErrorRule(
            prices.PriceChanged,
            StatusCode.FAILED_PRECONDITION,
            "PRICE_CHANGED",
            "el precio cambió: se presupuestó {quoted_total_minor} y ahora es {current_total_minor} "
            "(unidades menores de {currency_code})",
        ),
    ],
)
