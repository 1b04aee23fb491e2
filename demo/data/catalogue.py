"""The products: real ids, departments, kinds, sizes and prices; names made readable, in English and
Spanish.
"""

from __future__ import annotations

from dataclasses import dataclass

from demo.data.english import readable, readable_size, title
from demo.data.journey import Journey
from demo.data.spanish import COMMODITIES, DEPARTMENTS, KINDS

CURRENCY = "USD"
HOUSE_BRAND = "Aljibe"
_TOBACCO = {"CIGARETTES", "CIGARS", "TOBACCO OTHER"}
_ALCOHOL = {"BEERS/ALES", "DOMESTIC WINE", "IMPORTED WINE", "LIQUOR", "MISC WINE"}
_PREPARED = {
    "CHICKEN/POULTRY",
    "COFFEE SHOP",
    "HEAT/SERVE",
    "PARTY TRAYS",
    "PREPARED FOOD",
    "QUICK SERVICE",
} | {
    "SALAD BAR",
    "SANDWICHES",
    "SUSHI",
}
_NOT_FOOD_DEPARTMENTS = {
    "COSMETICS",
    "DRUG GM",
    "FLORAL",
    "GARDEN CENTER",
    "TOYS",
    "AUTOMOTIVE",
    "HOUSEWARES",
}
_FOOD_SOLD_BY_DRUG = {"CANDY - CHECKLANE", "CANDY - PACKAGED", "INFANT FORMULA", "BABY FOODS"}
_GROCERY_NOT_FOOD = {
    "AIR CARE",
    "BATH TISSUES",
    "BLEACH",
    "BROOMS AND MOPS",
    "CAT FOOD",
    "CAT LITTER",
    "CHARCOAL AND LIGHTER FLUID",
    "COFFEE FILTERS",
    "DISHWASH DETERGENTS",
    "DOG FOODS",
    "FACIAL TISS/DNR NAPKIN",
    "FD WRAPS/BAGS/TRSH BG",
    "HOUSEHOLD CLEANG NEEDS",
    "LAUNDRY ADDITIVES",
    "LAUNDRY DETERGENTS",
    "PAPER HOUSEWARES",
    "PAPER TOWELS",
}
TAX_CLASSES = ("food", "prepared-food", "general", "alcohol", "tobacco")


@dataclass(frozen=True, slots=True)
class Product:
    """One sellable product. ``list_price_minor`` is cents of ``CURRENCY`` per unit, without tax and before
    discounts.
    """

    sku: str
    name: str
    name_es: str
    brand: str
    category_path: tuple[str, ...]
    category_path_es: tuple[str, ...]
    size: str
    tax_class: str
    list_price_minor: int
    barcodes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SpanishCoverage:
    """Shares (0 to 1) of products whose department, commodity and kind the dictionary knows."""

    departments: float
    commodities: float
    kinds: float


def sku_of(product_id: int) -> str:
    """The SKU that stands for a product of the source."""
    return f"CJ{product_id:08d}"


def ean13(product_id: int) -> str:
    """A valid EAN-13 in the range that GS1 leaves to stores (prefix 20), from a product's id of at most ten
    digits.
    """
    digits = f"20{product_id:010d}"
    if len(digits) != 12:
        raise ValueError(f"product id {product_id} has more than ten digits")
    total = sum(int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(digits))
    return f"{digits}{-total % 10}"


def load_products(journey: Journey) -> list[Product]:
    """The catalogue, best-selling product first."""
    return [
        Product(
            sku=sku_of(product_id),
            name=_joined(title(_english(kind, category)), size),
            name_es=_joined(_spanish(kind, category), size),
            brand=HOUSE_BRAND if brand == "Private" else f"Maker {maker}",
            category_path=(title(readable(department)), title(readable(category))),
            category_path_es=(
                DEPARTMENTS.get(department, title(readable(department))),
                COMMODITIES.get(category, title(readable(category))),
            ),
            size=size,
            tax_class=tax_class(department, category),
            list_price_minor=price,
            barcodes=(ean13(product_id),),
        )
        for product_id, maker, brand, department, category, kind, size, price in zip(
            journey.product_id.tolist(),
            journey.manufacturer.tolist(),
            journey.brand.tolist(),
            journey.department.tolist(),
            journey.category.tolist(),
            journey.kind.tolist(),
            map(readable_size, journey.size.tolist()),
            journey.list_price.tolist(),
            strict=True,
        )
    ]


def tax_class(department: str, category: str) -> str:
    """One of ``TAX_CLASSES``, as US states commonly tell food from the rest."""
    if category in _TOBACCO:
        return "tobacco"
    if category in _ALCOHOL or department == "SPIRITS":
        return "alcohol"
    if category in _PREPARED or department in {"RESTAURANT", "SALAD BAR"}:
        return "prepared-food"
    if category in _FOOD_SOLD_BY_DRUG:
        return "food"
    if department in _NOT_FOOD_DEPARTMENTS or category in _GROCERY_NOT_FOOD:
        return "general"
    return "food"


def spanish_coverage(journey: Journey) -> SpanishCoverage:
    """How much of the catalogue the Spanish dictionary knows; the rest stays English."""
    count = len(journey.product_id)
    return SpanishCoverage(
        departments=sum(name in DEPARTMENTS for name in journey.department.tolist()) / count,
        commodities=sum(name in COMMODITIES for name in journey.category.tolist()) / count,
        kinds=sum(name in KINDS for name in journey.kind.tolist()) / count,
    )


_VAGUE = {
    "premium",
    "mainstream",
    "traditional",
    "value",
    "economy",
    "enhanced",
    "lean",
    "primal",
    "fresh",
} | {
    "blends",
    "kits",
    "other",
    "various",
    "regular garden",
    "garden plus",
    "patties",
    "ribs",
    "dry",
    "poultry",
    "internal",
    "smoked/cooked",
    "flavored/other",
    "better for you",
    "pre-cooked",
    "choice beef",
    "fluid milk",
}


def _english(kind: str, category: str) -> str:
    """The kind; with its commodity before it where the kind alone says too little (``"premium"`` of
    what?).
    """
    text, commodity = readable(kind), readable(category)
    if not text:
        return commodity
    return (
        f"{commodity}, {text}"
        if text in _VAGUE or text.startswith(("premium,", "economy,", "patties,", "links,", "rolls,"))
        else text
    )


def _spanish(kind: str, category: str) -> str:
    """The Spanish kind; else the Spanish commodity with the English kind, which a shopper can still place on
    a shelf.
    """
    commodity = COMMODITIES.get(category)
    known = KINDS.get(kind)
    if known and readable(kind) not in _VAGUE:
        return known
    if commodity is None:
        return title(_english(kind, category))
    rest = known[:1].lower() + known[1:] if known else readable(kind)
    return f"{commodity}, {rest}" if rest else commodity


def _joined(name: str, size: str) -> str:
    return f"{name}, {size}" if size else name
