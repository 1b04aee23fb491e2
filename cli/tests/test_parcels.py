"""Parcels to a store at the command line, against stubs behind the chassis' own edge."""

from __future__ import annotations

from aljibe.fulfillment.v1 import fulfillment_pb2 as pb
from cli.tests.conftest import StubPlatform


def _parcel() -> pb.FulfillmentOrder:
    return pb.FulfillmentOrder(
        fulfillment_order_id="ful_1",
        location_id="wh-1",
        pickup_location_id="store-north",
        state=pb.FULFILLMENT_STATE_IN_TRANSIT,
        carrier="Correos",
        tracking_number="PK-1",
        lines=[
            pb.FulfillmentLine(line_number=1, sku="s1", quantity_units=3, picked_units=3, lost_units=1),
            pb.FulfillmentLine(line_number=2, sku="s2", quantity_units=1, short_units=1),
        ],
    )


def test_what_is_on_its_way_to_a_store_is_listed_in_both_languages(platform: StubPlatform) -> None:
    platform.stubs.parcel = _parcel()

    english = platform.aljibe("parcel", "list", "store-north")
    spanish = platform.aljibe("parcel", "list", "store-north", "--lang", "es")
    document = platform.aljibe("parcel", "list", "store-north", "--json").document
    other = platform.aljibe("parcel", "list", "store-south")

    assert english.code == spanish.code == 0
    for word in ("ful_1", "wh-1", "on its way", "2 × s1", "Correos PK-1"):
        assert word in english.out
    assert "s2" not in english.out
    assert "en camino" in spanish.out
    assert document["fulfillmentOrders"][0]["pickupLocationId"] == "store-north"
    assert "Nothing is on its way" in other.out


def test_a_parcel_is_received_and_its_losses_are_told(platform: StubPlatform) -> None:
    platform.stubs.parcel = _parcel()

    received = platform.aljibe("parcel", "receive", "ful_1")
    lost = platform.aljibe("parcel", "lost", "ful_1", "--line", "1:2", "--note", "torn open")
    wrong = platform.aljibe("parcel", "lost", "ful_1", "--line", "one")

    assert received.code == lost.code == 0
    assert wrong.code == 2
    first, second = platform.stubs.requests
    assert (first.fulfillment_order_id, bool(first.request_id)) == ("ful_1", True)
    assert [(one.line_number, one.quantity_units) for one in second.lines] == [(1, 2)]
    assert second.note == "torn open"
