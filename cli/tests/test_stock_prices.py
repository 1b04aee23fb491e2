"""`aljibe stock price`: what a person sees of why an order went elsewhere."""

from __future__ import annotations

import re

from aljibe.orders.v1 import stock_prices_pb2 as pb
from cli.tests.conftest import StubPlatform


def _prices() -> pb.GetStockPricesResponse:
    cheap = pb.StockPrice(location_id="wh-1", available_units=1_200)
    dear = pb.StockPrice(
        location_id="store-2",
        available_units=2,
        price_thousandths=412_600,
        walk_in_thousandths=380_000,
        units_per_day=0.31,
        margin_thousandths=600_000,
        priced_units=3,
    )
    found = pb.GetStockPricesResponse(
        version="v1", horizon_days=14.0, currency_code="EUR", prices=[cheap, dear]
    )
    found.make_time.FromSeconds(1_798_135_200)
    return found


def test_prices_stand_dearest_first_with_what_they_are_made_of(platform: StubPlatform) -> None:
    platform.stubs.stock_prices = _prices()

    ran = platform.aljibe("stock", "price", "7", "--location", "store-2")

    (request,) = platform.stubs.requests
    assert (request.sku, request.location_id) == ("7", "store-2")
    assert re.search(r"store-2\s+2\s+4\.13 EUR\s+3\.80 EUR\s+0\.31\s+6\.00 EUR", ran.out)
    assert ran.out.index("store-2") < ran.out.index("wh-1")
    assert "14 days" in ran.out


def test_prices_are_told_in_spanish_and_as_json(platform: StubPlatform) -> None:
    platform.stubs.stock_prices = _prices()

    ran = platform.aljibe("stock", "price", "7", "--lang", "es")
    document = platform.aljibe("stock", "price", "7", "--json").document

    assert "Clientes propios" in ran.out
    assert "14 días" in ran.out
    assert document["prices"][1]["priceThousandths"] == "412600"


def test_no_prices_are_no_error(platform: StubPlatform) -> None:
    ran = platform.aljibe("stock", "price", "7")

    assert ran.code == 0
    assert "has no prices yet" in ran.out
