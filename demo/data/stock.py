"""Opening stock: ours altogether, made from the demand of the weeks that are replayed.

Two facts and an imperfect planner. What a customer carried out did lie on that store's shelf, so shelves hold
it, as far as the planned total of the product allows. That total is the coming demand times a cover and
forecast noise. A part of it lies in the warehouses; what is left beyond the shelves is spread over the
stores, partly where it will be picked up, partly by store size, with a log-normal imbalance. Nothing looks at
single orders, so no outcome is arranged; the default parameters were chosen by rehearsing several seeds with
a plain nearest-first policy.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from demo.data.baskets import Basket
from demo.data.catalogue import sku_of
from demo.data.journey import Journey
from demo.data.places import Geography, Way

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class StockSettings:
    """``cover`` is planned stock over coming demand; the sigmas are of logarithms; shares lie between 0 and
    1.
    """

    cover: float = 1.45
    forecast_sigma: float = 0.15
    warehouse_share: float = 0.16
    local_knowledge: float = 0.65
    imbalance_sigma: float = 0.4
    seed: int = 1

    def __post_init__(self) -> None:
        if self.cover <= 0:
            raise ValueError(f"cover must be positive, not {self.cover}")
        for name in ("warehouse_share", "local_knowledge"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} must lie between 0 and 1, not {getattr(self, name)}")


@dataclass(frozen=True, slots=True)
class OpeningStock:
    """Units on hand of one SKU at one location when the replay begins; always at least 1."""

    location_id: str
    sku: str
    units: int


def opening_stock(
    journey: Journey, geography: Geography, baskets: Iterable[Basket], settings: StockSettings | None = None
) -> list[OpeningStock]:
    """The positions that hold something, by location, then by SKU as in the catalogue."""
    chosen = settings or StockSettings()
    random = np.random.default_rng([chosen.seed, 0xA1B])
    carried, picked_up, total = _demand(journey, geography, baskets)
    planned = total * chosen.cover * _lognormal(random, chosen.forecast_sigma, total.shape)

    for_stores = (1 - chosen.warehouse_share) * planned
    sold = carried.sum(axis=0)
    on_shelves = carried * np.divide(
        np.minimum(for_stores, sold), sold, out=np.zeros_like(sold), where=sold > 0
    )
    size = carried.sum(axis=1, keepdims=True) / max(1.0, float(sold.sum()))
    weights = chosen.local_knowledge * _shares(picked_up) + (1 - chosen.local_knowledge) * _shares(
        size * (total + 1)
    )
    weights = weights * _lognormal(random, chosen.imbalance_sigma, weights.shape)
    store_units = on_shelves + np.maximum(0.0, for_stores - sold) * _shares(weights)

    warehouses = len(geography.warehouses)
    warehouse_weights = _lognormal(random, chosen.imbalance_sigma, (warehouses, len(total)))
    warehouse_units = chosen.warehouse_share * planned * _shares(warehouse_weights)

    exact = np.concatenate([store_units, warehouse_units])
    units = np.floor(exact + random.random(exact.shape)).astype(np.int64)
    skus = [sku_of(product_id) for product_id in journey.product_id.tolist()]
    names = [place.location_id for place in geography.places]
    at, what = np.nonzero(units)
    return [
        OpeningStock(names[location], skus[product], count)
        for location, product, count in zip(at.tolist(), what.tolist(), units[at, what].tolist(), strict=True)
    ]


def _demand(
    journey: Journey, geography: Geography, baskets: Iterable[Basket]
) -> tuple[Floats, Floats, Floats]:
    """Coming units per store and product that are carried out, those that are picked up, and per product in
    all ways.
    """
    row_of_sku = {sku_of(product_id): row for row, product_id in enumerate(journey.product_id.tolist())}
    row_of_store = {place.location_id: row for row, place in enumerate(geography.stores)}
    shape = (len(row_of_store), len(row_of_sku))
    at_store = {Way.CARRY_OUT: np.zeros(shape), Way.PICKUP: np.zeros(shape)}
    shipped = np.zeros(len(row_of_sku))
    for basket in baskets:
        store = row_of_store[basket.store_location_id]
        for sku, units in basket.lines:
            if basket.way is Way.SHIP:
                shipped[row_of_sku[sku]] += units
            else:
                at_store[basket.way][store, row_of_sku[sku]] += units
    carried, picked_up = at_store[Way.CARRY_OUT], at_store[Way.PICKUP]
    return carried, picked_up, carried.sum(axis=0) + picked_up.sum(axis=0) + shipped


def _lognormal(random: np.random.Generator, sigma: float, shape: tuple[int, ...]) -> Floats:
    """Factors of mean 1."""
    return random.lognormal(-sigma * sigma / 2, sigma, shape)


def _shares(weights: Floats) -> Floats:
    """Each column scaled to the sum 1; a column without any weight is spread evenly."""
    sums = weights.sum(axis=0, keepdims=True)
    even: Floats = np.full_like(weights, 1 / len(weights))
    np.divide(weights, sums, out=even, where=sums > 0)
    return even
