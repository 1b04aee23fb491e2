"""What one run replays: catalogue, places, promotions, opening stock and baskets, from a seed and a scale."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from demo.data.baskets import Basket, BasketSettings, replay_baskets
from demo.data.catalogue import Product, load_products
from demo.data.journey import Journey, JourneySettings, load_journey
from demo.data.places import Geography, LocationKind, place_locations
from demo.data.promotions import Promotion, load_coupons, load_promotions
from demo.data.stock import OpeningStock, StockSettings, opening_stock

FULL_BASKETS = 6_000
MIN_BASKETS = 50
FIRST_WEEK = 14


@dataclass(frozen=True)
class World:
    """Everything that is loaded and replayed; equal for an equal seed and scale."""

    products: Sequence[Product]
    geography: Geography
    promotions: Sequence[Promotion]
    baskets: Sequence[Basket]
    stock: Sequence[OpeningStock]

    @property
    def stock_units(self) -> int:
        """Units on all shelves when the replay begins."""
        return sum(position.units for position in self.stock)

    @property
    def kinds(self) -> Mapping[str, LocationKind]:
        """What each location is."""
        return {place.location_id: place.kind for place in self.geography.places}


def prepare(seed: int, scale: float) -> World:
    """About four seconds from nothing, three with the cache of ``demo.data``."""
    journey = load_journey(JourneySettings.scaled(scale))
    wanted = max(MIN_BASKETS, round(FULL_BASKETS * scale))
    last_week = last_week_for(journey, wanted)
    geography = place_locations(journey, seed=seed)
    products = load_products(journey)
    coupons = load_coupons(journey, first_week=FIRST_WEEK, last_week=last_week)
    settings = BasketSettings(first_week=FIRST_WEEK, last_week=last_week, max_baskets=wanted, seed=seed)
    baskets = list(replay_baskets(journey, geography, coupons, settings))
    return World(
        products=products,
        geography=geography,
        promotions=load_promotions(journey, products, coupons, first_week=FIRST_WEEK, last_week=last_week),
        baskets=baskets,
        stock=opening_stock(journey, geography, baskets, StockSettings(seed=seed)),
    )


def last_week_for(journey: Journey, wanted: int) -> int:
    """The first week by whose end at least ``wanted`` baskets were sold, counted from ``FIRST_WEEK``."""
    per_week = np.bincount(journey.basket_week, minlength=54)[FIRST_WEEK:]
    enough = np.flatnonzero(np.cumsum(per_week) >= wanted)
    return FIRST_WEEK + int(enough[0]) if len(enough) else FIRST_WEEK + len(per_week) - 1
