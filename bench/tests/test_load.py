"""What a figure says depends on these."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import pytest

from bench.bench import QUICK
from bench.calls import CALLERS
from bench.calls.orders import PlaceGrpc
from bench.calls.stock import BATCH, ReserveUnary, batch_of
from bench.figures import Taken
from bench.generator import Generator, LoadFailed
from bench.load import Job, Result, percentile
from bench.shop import Shop
from bench.staleness import parse, percentile_ms


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


def test_the_quick_plan_still_takes_medians_of_three() -> None:
    assert QUICK.rounds >= 3
    assert set(CALLERS) >= {"place_grpc", "place_http", "web_sequence", "last_unit"}


async def test_a_message_of_the_stream_holds_many_reservations(shop: Shop) -> None:
    from aljibe.inventory.v1 import inventory_pb2

    async with ReserveUnary(shop, "test", None, "") as caller:
        message = inventory_pb2.StreamReserveStockRequest.FromString(batch_of(caller.request))

    assert len({one.order_id for one in message.requests}) == len(message.requests) == BATCH
    assert all(len(one.picks) == 2 for one in message.requests)
    assert message.timeout_ms == 0


PAGE = """
aljibe_replica_staleness_seconds_bucket{le="0.1",replica="availability"} %s
aljibe_replica_staleness_seconds_bucket{le="0.2",replica="availability"} %s
aljibe_replica_staleness_seconds_bucket{le="+Inf",replica="availability"} %s
aljibe_replica_staleness_seconds_bucket{le="0.1",replica="other"} 9
"""


def test_staleness_is_that_of_the_deltas_between_two_looks() -> None:
    before, after = parse(PAGE % (1000, 1000, 1000)), parse(PAGE % (1050, 1100, 1100))

    assert percentile_ms(before, after, 0.5) == pytest.approx(100.0)
    assert percentile_ms(before, after, 0.99) == pytest.approx(198.0)


def test_staleness_beyond_every_bucket_has_no_figure_to_hide_behind() -> None:
    assert percentile_ms({}, parse(PAGE % (1, 2, 300)), 0.99) == float("inf")


def test_without_a_delta_there_is_no_staleness() -> None:
    seen = parse(PAGE % (5, 5, 5))

    assert percentile_ms(seen, seen, 0.99) is None
    assert percentile_ms({}, {}, 0.99) is None


async def test_one_generator_does_job_after_job_and_tells_when_it_begins(shop: Shop, tmp_path: Path) -> None:
    """Its start is paid once, and is no part of what a call costs."""
    file = str(shop.save(tmp_path / "shop.json"))
    begun: list[str] = []
    results: list[Result] = []

    async with Generator() as generator:
        for kind in ("echo_unary", "place_http"):
            job = Job(kind, file, kind, in_flight=1, warm_seconds=0.0, seconds=0.05, target="127.0.0.1:1")
            results.append(await generator.run(job, partial(begun.append, kind)))

    assert begun == ["echo_unary", "place_http"]
    assert all(result.failed and result.cpu_seconds < 0.5 for result in results)


async def test_a_generator_that_fails_is_replaced(shop: Shop, tmp_path: Path) -> None:
    file = str(shop.save(tmp_path / "shop.json"))

    async with Generator() as generator:
        with pytest.raises(LoadFailed):
            await generator.run(Job("no such kind", file, "x"), lambda: None)
        job = Job("echo_unary", file, "y", in_flight=1, warm_seconds=0.0, seconds=0.05, target="127.0.0.1:1")
        result = await generator.run(job, lambda: None)

    assert result.failed
