"""What a figure says depends on these."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench.bench import QUICK
from bench.calls import CALLERS
from bench.calls.orders import PlaceGrpc
from bench.calls.stock import ReserveBatch
from bench.load import percentile
from bench.measure import Taken
from bench.shop import Shop


@pytest.fixture
def shop() -> Shop:
    home = {
        "postal_code": "60613",
        "city": "Chicago",
        "region": "IL",
        "latitude": 41.9,
        "longitude": -87.7,
    }
    addresses = dict.fromkeys(("orders", "inventory"), "127.0.0.1:1")
    skus = [f"SKU-{number}" for number in range(60)]
    return Shop("http://127.0.0.1:1", addresses, "c", "s", "o", skus, ["store-1"], [home])


@pytest.mark.parametrize(
    ("share", "expected"), [(0.5, 50.0), (0.99, 99.0), (1.0, 100.0)], ids=["p50", "p99", "max"]
)
def test_a_percentile_is_a_value_that_was_seen(share: float, expected: float) -> None:
    seen = [float(number) for number in range(1, 101)]

    found = percentile(seen, share)

    assert found == expected


def test_of_nothing_there_is_no_percentile() -> None:
    assert percentile([], 0.99) == 0.0


def test_a_ratio_compares_what_was_measured_side_by_side() -> None:
    taken = Taken({"ours": [1.0, 20.0, 3.0], "limit": [2.0, 40.0, 3.0]})

    found = taken.ratio("ours", "limit")

    assert found == 0.5


def test_a_figure_without_samples_is_none() -> None:
    assert Taken().median("place_grpc") is None
    assert Taken().ratio("place_grpc", "sql_order") is None


def test_a_shop_survives_the_way_to_the_generator(shop: Shop, tmp_path: Path) -> None:
    found = Shop.load(shop.save(tmp_path / "shop.json"))

    assert found == shop
    assert json.loads((tmp_path / "shop.json").read_text())["http"] == shop.http


async def test_every_order_has_an_id_of_its_own_and_two_lines(shop: Shop) -> None:
    from aljibe.orders.v1 import orders_pb2

    async with PlaceGrpc(shop, "test", None, "") as caller:
        first, second = (orders_pb2.PlaceOrderRequest.FromString(caller.request()) for _ in range(2))

    assert first.request_id != second.request_id
    assert [line.quantity_units for line in first.order.lines] == [1, 1]
    assert first.order.lines[0].sku != first.order.lines[1].sku
    assert first.payment.token


async def test_a_batch_reserves_for_many_orders(shop: Shop) -> None:
    from aljibe.inventory.v1 import inventory_pb2

    async with ReserveBatch(shop, "test", None, "") as caller:
        batch = inventory_pb2.BatchReserveStockRequest.FromString(caller.request())

    assert len({one.order_id for one in batch.requests}) == len(batch.requests) == 64
    assert all(len(one.picks) == 2 for one in batch.requests)


def test_the_quick_plan_still_takes_medians_of_three() -> None:
    assert QUICK.rounds >= 3
    assert set(CALLERS) >= {"place_grpc", "place_http", "web_sequence", "last_unit"}
