"""A world from the real data set: a grocer's baskets of some weeks, in the places of `demo.data`.

Real: who bought what, how many, when, in which store, at which list price. Ours, from a seed: which baskets
are online orders and where they go, where stores stand, the opening stock (see `demo/data/README.md`), and
that prices are eight times the grocer's, as in the sourcing benchmark: at a grocer's own prices no article
is worth a parcel. Nothing is delivered while a world is played, so stock has to last to its end.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time
from typing import NamedTuple

from demo.data.baskets import Basket, BasketSettings, Channel, replay_baskets
from demo.data.catalogue import CURRENCY, load_products
from demo.data.journey import JourneySettings, load_journey
from demo.data.places import Geography, LocationKind, Place, Way, place_locations
from demo.data.stock import StockSettings, opening_stock
from services.orders.domain.places import STORE, WAREHOUSE, Location, Locations
from services.orders.domain.sourcing import Wish, WishLine
from services.orders.domain.states import Method
from simulation.world import DAY, BadWorld, Event, Order, PastSale, Sale, World

PRODUCTS, STORES = 2_000, 60
"""The best-selling products and the busiest stores, as in the sourcing benchmark."""
PRICE_FACTOR = 8
HISTORY_WEEKS = 13
LAST_WEEK = 53


@dataclass(frozen=True)
class GrocerSettings:
    """Weeks of the source's year, both included."""

    first_week: int
    last_week: int
    products: int = PRODUCTS
    stores: int = STORES
    history_weeks: int = HISTORY_WEEKS
    seed: int = 1

    def __post_init__(self) -> None:
        """Refuse weeks that are not there.

        Raises:
            BadWorld
        """
        if not 1 <= self.first_week <= self.last_week <= LAST_WEEK:
            raise BadWorld(f"weeks {self.first_week} to {self.last_week} do not lie within 1 to {LAST_WEEK}")


def grocer_world(settings: GrocerSettings) -> World:
    """The world of those weeks; equal for equal settings."""
    journey = load_journey(JourneySettings(products=settings.products, stores=settings.stores))
    geography = place_locations(journey, seed=settings.seed)
    first_seen = max(1, settings.first_week - settings.history_weeks)
    weeks = BasketSettings(first_week=first_seen, last_week=settings.last_week, seed=settings.seed)
    past: list[Basket] = []
    played: list[Basket] = []
    for basket in replay_baskets(journey, geography, settings=weeks):
        (played if basket.week >= settings.first_week else past).append(basket)
    if not played:
        raise BadWorld(f"weeks {settings.first_week} to {settings.last_week} hold no basket")
    begins = datetime.combine(played[0].at.date(), datetime.min.time(), UTC)
    ends = datetime.combine(played[-1].at.date(), datetime.min.time(), UTC) + DAY
    kinds = {
        product.sku: _Kind(product.brand, product.size, product.list_price_minor * PRICE_FACTOR)
        for product in load_products(journey)
    }
    opening: dict[str, dict[str, int]] = {}
    for position in opening_stock(journey, geography, played, StockSettings(seed=settings.seed)):
        opening.setdefault(position.sku, {})[position.location_id] = position.units
    return World(
        begins=begins,
        ends=ends,
        currency_code=CURRENCY,
        locations=_locations(geography),
        prices_minor={sku: kind.price_minor for sku, kind in kinds.items()},
        opening=opening,
        events=[event for basket in played for event in _events(basket, kinds)],
        past=[sale for basket in past if basket.at < begins for sale in _past(basket)],
    )


def _locations(geography: Geography) -> Locations:
    return Locations.of(_location(place) for place in geography.places)


def _location(place: Place) -> Location:
    return Location(
        place.location_id,
        WAREHOUSE if place.kind is LocationKind.WAREHOUSE else STORE,
        place.lat,
        place.lon,
        place.country,
        place.state,
        place.time_zone,
        tuple((hours.weekday + 1, _minute(hours.opens), _minute(hours.closes)) for hours in place.hours),
        frozenset(way.name for way in place.capabilities),
    )


def _minute(clock: time) -> int:
    return clock.hour * 60 + clock.minute


class _Kind(NamedTuple):
    brand: str
    size: str
    price_minor: int


def _events(basket: Basket, kinds: Mapping[str, _Kind]) -> Iterable[Event]:
    if basket.channel is Channel.TILL:
        return [Sale(basket.at, basket.store_location_id, sku, units) for sku, units in basket.lines]
    to = basket.destination
    ships = basket.way is Way.SHIP
    lines = tuple(
        WishLine(
            number,
            sku,
            units,
            Method.SHIP if ships else Method.PICKUP,
            "" if ships else basket.store_location_id,
            kinds[sku].brand,
            (("size", kinds[sku].size),) if kinds[sku].size else (),
            kinds[sku].price_minor,
        )
        for number, (sku, units) in enumerate(basket.lines, start=1)
    )
    wish = Wish(
        lines,
        (to.lat, to.lon) if to else None,
        channel_id=basket.channel.value,
        value_minor=sum(units * kinds[sku].price_minor for sku, units in basket.lines),
        currency_code=CURRENCY,
    )
    return [Order(basket.at, str(basket.basket_id), wish)]


def _past(basket: Basket) -> Iterable[PastSale]:
    to = basket.destination
    at = "" if to else basket.store_location_id
    return [
        PastSale(basket.at, sku, units, at, (to.lat, to.lon) if to else (0.0, 0.0))
        for sku, units in basket.lines
    ]
