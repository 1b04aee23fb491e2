"""Which deliveries a return is booked against."""

from __future__ import annotations

import pytest

from services.fulfillment.domain import refusals
from services.fulfillment.domain.facts import Disposition
from services.fulfillment.domain.fulfillment_order import Method
from services.fulfillment.domain.returns import ReturnedUnits, share_out
from services.fulfillment.tests.builders import a_shipped_order, an_opening, an_order

RESTOCK, SCRAP = Disposition.RESTOCK, Disposition.SCRAP


def test_a_return_fills_the_earliest_delivery_first() -> None:
    """The same line may have left from two locations."""
    first = a_shipped_order(2, opening=an_opening(fulfillment_order_id="ful_1"))
    second = a_shipped_order(2, opening=an_opening(fulfillment_order_id="ful_2"))

    shares = share_out("ord_1", [ReturnedUnits(1, 3, RESTOCK)], [second, first])

    assert [(share.order.id, dict(share.quantities)) for share in shares] == [
        ("ful_1", {1: 2}),
        ("ful_2", {1: 1}),
    ]


def test_one_share_for_each_disposition_with_its_reasons() -> None:
    order = a_shipped_order(3, 1)

    shares = share_out(
        "ord_1",
        [
            ReturnedUnits(1, 1, SCRAP, "broken"),
            ReturnedUnits(1, 1, RESTOCK, "too big"),
            ReturnedUnits(2, 1, RESTOCK, "unwanted"),
            ReturnedUnits(1, 1, RESTOCK, "too big"),
        ],
        [order],
    )

    assert [(share.disposition, dict(share.quantities), share.reason) for share in shares] == [
        (RESTOCK, {1: 2, 2: 1}, "too big; unwanted"),
        (SCRAP, {1: 1}, "broken"),
    ]


def test_entries_of_one_line_are_counted_together() -> None:
    order = a_shipped_order(2)

    with pytest.raises(refusals.QuantityTooHigh) as refused:
        share_out("ord_1", [ReturnedUnits(1, 1, SCRAP), ReturnedUnits(1, 2, RESTOCK)], [order])

    assert (refused.value.quantity_units, refused.value.left_units) == (3, 2)


def test_what_has_not_left_cannot_come_back() -> None:
    order = an_order(2, method=Method.PICKUP)

    with pytest.raises(refusals.NotDelivered) as refused:
        share_out("ord_1", [ReturnedUnits(1, 1, RESTOCK)], [order])

    assert refused.value.line_number == 1
