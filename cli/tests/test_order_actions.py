"""What an operator does with an order under way, against stubs behind the chassis' own edge."""

from __future__ import annotations

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from aljibe.orders.v1 import orders_pb2
from cli.tests.conftest import StubPlatform


def _held() -> orders_pb2.Order:
    hold = orders_pb2.OrderHold(
        reason="fraud check", held_by="olga", hold_time=Timestamp(seconds=1_700_000_000)
    )
    return orders_pb2.Order(
        order_id="ord_1", state=orders_pb2.ORDER_STATE_ACCEPTED, on_hold=True, holds=[hold]
    )


def test_an_order_is_held_with_a_reason_and_lifted(platform: StubPlatform) -> None:
    platform.stubs.orders = {"ord_1": _held()}

    held = platform.aljibe("order", "hold", "ord_1", "--reason", "fraud check")
    spanish = platform.aljibe("order", "lift", "ord_1", "--lang", "es")
    silent = platform.aljibe("order", "hold", "ord_1")

    assert held.code == spanish.code == 0
    assert "by olga: fraud check" in held.out
    assert "ord_1 is on hold" in held.out
    assert "ord_1 sigue su curso" in spanish.out
    first, second = platform.stubs.requests
    assert (first.reason, bool(first.request_id)) == ("fraud check", True)
    assert isinstance(second, orders_pb2.LiftHoldRequest)
    assert silent.code == 2


def test_units_are_sourced_again_by_work_or_line(platform: StubPlatform) -> None:
    platform.stubs.orders = {"ord_1": _held()}
    why = ("--reason", "wet shelf")

    by_work = platform.aljibe("order", "source-again", "ord_1", "--work", "ful_1", *why)
    options = ("--line", "1:2", "--line", "3:1", "--without", "store-7")
    by_line = platform.aljibe("order", "source-again", "ord_1", *options, *why, "--json")

    assert by_work.code == 0
    assert by_line.document["orderId"] == "ord_1"
    first, second = platform.stubs.requests
    assert (first.fulfillment_order_id, first.reason) == ("ful_1", "wet shelf")
    assert [(line.line_number, line.quantity_units) for line in second.lines] == [(1, 2), (3, 1)]
    assert list(second.excluded_location_ids) == ["store-7"]


@pytest.mark.parametrize("options", [(), ("--line", "two")])
def test_a_move_that_names_no_units_is_wrong_usage(platform: StubPlatform, options: tuple[str, ...]) -> None:
    ran = platform.aljibe("order", "source-again", "ord_1", "--reason", "why", *options)

    assert ran.code == 2
    assert platform.stubs.requests == []


def test_orders_are_searched_by_what_is_known_of_them(platform: StubPlatform) -> None:
    options = ("--sku", "a", "--location", "wh-1", "--query", "R-7", "--on-hold")
    platform.aljibe("order", "list", *options)

    (asked,) = platform.stubs.requests
    assert (asked.sku, asked.location_id, asked.query, asked.on_hold) == ("a", "wh-1", "R-7", True)
