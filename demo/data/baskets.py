"""The real baskets in time order, with the channel labels and destinations that the source lacks.

Real: who bought what, how many, when, in which store, and which coupon was used. Ours, drawn from a seed: the
channel, pickup or shipping, where a household lives, its language, and that an online basket keeps only a few
of its lines.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import cached_property
from random import Random
from zoneinfo import ZoneInfo

import numpy as np

from demo.data.catalogue import sku_of
from demo.data.journey import Ints, Journey
from demo.data.places import METROS, Geography, Point, Way
from demo.data.promotions import Coupon

SOURCE_ZONE = ZoneInfo("America/New_York")
"""The source's UTC times, seen here, have shops that open at six and are busiest at five in the afternoon,
all year.
"""
_ONLINE_LINES_STOP = 0.3
"""Chance that an online basket stops after each line; with at most eight lines that keeps between two and
three.
"""


class Channel(StrEnum):
    """Where an order is placed."""

    TILL = "till"
    WEB = "web"
    APP = "app"
    CALL_CENTRE = "call-centre"
    MARKETPLACE = "marketplace"


_ONLINE = (Channel.WEB, Channel.APP, Channel.CALL_CENTRE, Channel.MARKETPLACE)
_ONLINE_WEIGHTS = (45, 35, 8, 12)


@dataclass(frozen=True)
class BasketSettings:
    """Which baskets are replayed, and how our labels are drawn; shares lie between 0 and 1.

    ``pickup_share`` is of the online baskets that did not come through a marketplace (those are always
    shipped), ``anywhere_share`` of the shipped ones.
    """

    first_week: int = 14
    last_week: int = 23
    max_baskets: int | None = None
    online_share: float = 0.3
    pickup_share: float = 0.4
    anywhere_share: float = 0.15
    max_online_lines: int = 8
    seed: int = 1

    def __post_init__(self) -> None:
        if not 1 <= self.first_week <= self.last_week <= 53:
            raise ValueError(f"weeks {self.first_week} to {self.last_week} do not lie within 1 to 53")
        for name in ("online_share", "pickup_share", "anywhere_share"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} must lie between 0 and 1, not {getattr(self, name)}")


@dataclass(frozen=True, slots=True)
class Destination:
    """Where a parcel goes: a real postal code; the street and the exact point within a kilometre of its
    centroid are ours.
    """

    street: str
    city: str
    state: str
    postal_code: str
    country: str
    lat: float
    lon: float


@dataclass(frozen=True, slots=True)
class Basket:
    """One purchase. ``store_location_id`` is the till's store, the pickup store, or for a shipped order the
    household's usual one.

    ``at`` is UTC in the source's year; ``destination`` is set when ``way`` is ``SHIP``; ``coupon`` is a code
    or empty.
    """

    basket_id: int
    household_id: int
    store_location_id: str
    at: datetime
    week: int
    lines: tuple[tuple[str, int], ...]
    channel: Channel
    way: Way
    destination: Destination | None
    coupon: str
    language: str


@dataclass(frozen=True)
class Replay:
    """The baskets of some weeks, ready to iterate any number of times; each basket's labels depend on the
    seed and its own ids only.
    """

    journey: Journey
    geography: Geography
    coupons: Sequence[Coupon]
    settings: BasketSettings

    def __iter__(self) -> Iterator[Basket]:
        rows, times = self._rows
        for row, seconds in zip(rows.tolist(), times.tolist(), strict=True):
            yield self._basket(row, seconds)

    def __len__(self) -> int:
        return len(self._rows[0])

    @cached_property
    def _rows(self) -> tuple[Ints, Ints]:
        """The rows of the replayed baskets and their times, in time order."""
        weeks = self.journey.basket_week
        rows = np.flatnonzero((weeks >= self.settings.first_week) & (weeks <= self.settings.last_week))
        times = self._local_times(rows)
        order = np.lexsort((self.journey.basket_id[rows], times))[: self.settings.max_baskets]
        return rows[order], times[order]

    def _local_times(self, rows: Ints) -> Ints:
        """Times moved so that each store's own clock shows what the real shop's clock showed."""
        seconds = self.journey.basket_seconds[rows]
        zones = [place.time_zone for place in self.geography.stores]
        names = sorted(set(zones))
        zone_row = np.array([names.index(zone) for zone in zones])[self.journey.basket_store[rows]]
        first_day = int(seconds.min()) // 86_400 if len(seconds) else 0
        day = seconds // 86_400 - first_day
        noons = [
            datetime.fromtimestamp((first_day + number) * 86_400 + 43_200, UTC)
            for number in range(int(day.max()) + 1 if len(day) else 0)
        ]
        shift = np.array(
            [
                [_offset(noon, SOURCE_ZONE) - _offset(noon, ZoneInfo(name)) for noon in noons]
                for name in names
            ],
            dtype=np.int64,
        )
        moved: Ints = seconds + shift[zone_row, day]
        return moved

    @cached_property
    def _skus(self) -> list[str]:
        return [sku_of(product_id) for product_id in self.journey.product_id.tolist()]

    @cached_property
    def _coupon_of(self) -> dict[int, Coupon]:
        return {basket: coupon for coupon in reversed(self.coupons) for basket in coupon.baskets}

    @cached_property
    def _usual_store(self) -> dict[int, int]:
        """The store that each household visits most, over the whole year; of equals the busier."""
        pairs = zip(self.journey.basket_household.tolist(), self.journey.basket_store.tolist(), strict=True)
        usual: dict[int, tuple[int, int]] = {}
        for (household, store), visits in Counter(pairs).items():
            usual[household] = max(usual.get(household, (0, 0)), (visits, -store))
        return {household: -store for household, (_, store) in usual.items()}

    @cached_property
    def _households(self) -> dict[int, tuple[Destination, str]]:
        return {}

    def _household(self, household: int) -> tuple[Destination, str]:
        """Home and language, the same in every basket of the household."""
        if household not in self._households:
            random = Random(f"{self.settings.seed}/household/{household}")
            store = self._usual_store[household]
            home = _address(random.choice(self.geography.neighbours[store]), random)
            spanish = random.random() < METROS[self.geography.store_metro[store]].spanish_share
            self._households[household] = (home, "es" if spanish else "en")
        return self._households[household]

    def _basket(self, row: int, seconds: int) -> Basket:
        journey, settings = self.journey, self.settings
        basket_id, household = int(journey.basket_id[row]), int(journey.basket_household[row])
        random = Random(f"{settings.seed}/basket/{basket_id}")
        start, end = int(journey.basket_start[row]), int(journey.basket_start[row + 1])
        chosen: Sequence[int] = range(start, end)
        home, language = self._household(household)
        store, channel, way = int(journey.basket_store[row]), Channel.TILL, Way.CARRY_OUT
        destination = None
        coupon = self._coupon_of.get(row)
        if random.random() < settings.online_share:
            channel = random.choices(_ONLINE, _ONLINE_WEIGHTS)[0]
            collects = random.random() < settings.pickup_share and channel is not Channel.MARKETPLACE
            way = Way.PICKUP if collects else Way.SHIP
            store = self._usual_store[household]
            chosen = self._few(range(start, end), coupon, random)
            if way is Way.SHIP:
                away = random.random() < settings.anywhere_share
                destination = _address(random.choice(self.geography.anywhere), random) if away else home
        return Basket(
            basket_id=basket_id,
            household_id=household,
            store_location_id=self.geography.stores[store].location_id,
            at=datetime.fromtimestamp(seconds, UTC),
            week=int(journey.basket_week[row]),
            lines=tuple(
                (self._skus[journey.line_product[line]], int(journey.line_units[line])) for line in chosen
            ),
            channel=channel,
            way=way,
            destination=destination,
            coupon=coupon.code if coupon else "",
            language=language,
        )

    def _few(self, lines: range, coupon: Coupon | None, random: Random) -> Sequence[int]:
        """Some of a basket's lines, at least one; a line that its coupon is for stays."""
        count = 1
        while (
            count < min(len(lines), self.settings.max_online_lines) and random.random() >= _ONLINE_LINES_STOP
        ):
            count += 1
        few = random.sample(lines, count)
        if coupon:
            eligible = [line for line in lines if int(self.journey.line_product[line]) in coupon.products]
            if not set(eligible) & set(few):
                few[0] = eligible[0]
        return sorted(few)


def replay_baskets(
    journey: Journey,
    geography: Geography,
    coupons: Sequence[Coupon] = (),
    settings: BasketSettings | None = None,
) -> Replay:
    """The baskets of ``settings``' weeks, in time order."""
    return Replay(journey, geography, coupons, settings or BasketSettings())


def _offset(at: datetime, zone: ZoneInfo) -> int:
    return int((at.astimezone(zone).utcoffset() or timedelta()).total_seconds())


def _address(point: Point, random: Random) -> Destination:
    return Destination(
        street=f"{random.randrange(1, 9_900)} {random.choice(_STREETS)}",
        city=point.city,
        state=point.state,
        postal_code=point.postal_code,
        country="US",
        lat=round(point.lat + random.uniform(-0.008, 0.008), 5),
        lon=round(point.lon + random.uniform(-0.008, 0.008), 5),
    )


_STREETS = (
    "Oak Street",
    "Maple Avenue",
    "Alameda Road",
    "Mission Street",
    "Cedar Lane",
    "Encino Drive",
    "Park Avenue",
)
