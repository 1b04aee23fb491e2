"""The retailer that is measured: 10,000 real articles in 20 locations, with real prices and promotions."""

from __future__ import annotations

import json
import random
from dataclasses import asdict, dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Self

from aljibe.common.v1 import types_pb2
from chassis.auth import TokenMinter
from cli.local.platform import Addresses
from demo.data.catalogue import load_products
from demo.data.journey import JourneySettings, load_journey
from demo.data.places import place_locations
from demo.data.promotions import load_coupons, load_promotions
from demo.data.stock import OpeningStock
from demo.doors import Doors
from demo.loading import load_catalogue, load_stock
from demo.world import World

SKUS = 10_000
LOCATIONS = 20
_WAREHOUSES = 2
UNITS = 1_000_000
"""On hand of every position: nothing sells out while speed is measured, the hot article included."""
FIRST_WEEK = 14
LAST_WEEK = 26
LAST_UNIT = "LAST-UNIT-"
"""Articles of which one unit exists; a number follows."""
LAST_UNITS = 3
DESTINATIONS = 500
TOKEN_TTL = timedelta(hours=6)


@dataclass(frozen=True)
class Shop:
    """What a load generator must know: doors, tokens, articles, and where customers live."""

    http: str
    grpc: dict[str, str]
    channel_token: str
    service_token: str
    office_token: str
    skus: list[str]
    locations: list[str]
    addresses: list[dict[str, object]]

    def save(self, path: Path) -> Path:
        """Write it for other processes."""
        path.write_text(json.dumps(asdict(self)))
        path.chmod(0o600)
        return path

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read what ``save`` wrote."""
        return cls(**json.loads(path.read_text()))


def prepare(skus: int = SKUS) -> World:
    """The retailer: real articles, prices, promotions and stores."""
    journey = load_journey(JourneySettings(products=skus, stores=LOCATIONS - _WAREHOUSES))
    products = load_products(journey)
    geography = place_locations(journey, seed=1)
    coupons = load_coupons(journey, first_week=FIRST_WEEK, last_week=LAST_WEEK)
    promotions = load_promotions(
        journey, products, coupons, first_week=FIRST_WEEK, last_week=LAST_WEEK, limit=400
    )
    places = [place.location_id for place in geography.places]
    stock = [OpeningStock(place, product.sku, UNITS) for product in products for place in places]
    rare = [
        replace(products[0], sku=f"{LAST_UNIT}{number}", barcodes=()) for number in range(1, LAST_UNITS + 1)
    ]
    stock += [OpeningStock(places[-1], product.sku, 1) for product in rare]
    products = [*products, *rare]
    return World(products=products, geography=geography, promotions=promotions, baskets=[], stock=stock)


async def open_shop(world: World, addresses: Addresses, key_file: Path) -> Shop:
    """Load it through the doors that a retailer's own systems use."""
    async with Doors(addresses.http, addresses.grpc, key_file) as doors:
        await load_catalogue(doors, world, "bench", lambda _: None)
        await load_stock(doors, world, "bench", lambda _: None)
    minter = TokenMinter(key_file)
    return Shop(
        http=addresses.http,
        grpc=dict(addresses.grpc),
        channel_token=minter.mint("bench:web", ["channel"], ["web"], ["*"], TOKEN_TTL),
        service_token=minter.mint("bench:service", ["service"], ["*"], ["*"], TOKEN_TTL),
        office_token=minter.mint(
            "bench:office", ["operator", "planner", "merchandiser"], ["*"], ["*"], TOKEN_TTL
        ),
        skus=[product.sku for product in world.products if not product.sku.startswith(LAST_UNIT)],
        locations=[place.location_id for place in world.geography.places],
        addresses=_homes(world),
    )


def _homes(world: World) -> list[dict[str, object]]:
    """Postal codes around the stores, and some anywhere."""
    chooser = random.Random("bench/homes")
    near = sorted(
        {point.postal_code: point for points in world.geography.neighbours for point in points}.values(),
        key=lambda point: point.postal_code,
    )
    points = chooser.choices(near, k=DESTINATIONS * 85 // 100)
    points += chooser.choices(world.geography.anywhere, k=DESTINATIONS - len(points))
    return [
        {
            "postal_code": point.postal_code,
            "city": point.city,
            "region": point.state,
            "latitude": point.lat,
            "longitude": point.lon,
        }
        for point in points
    ]


def address(home: dict[str, object]) -> types_pb2.Address:
    """A customer's address."""
    return types_pb2.Address(
        recipient="Ana López",
        street_lines=["1 Main St"],
        city=str(home["city"]),
        region=str(home["region"]),
        postal_code=str(home["postal_code"]),
        country_code="US",
        point=types_pb2.GeoPoint(
            latitude=float(str(home["latitude"])), longitude=float(str(home["longitude"]))
        ),
    )
