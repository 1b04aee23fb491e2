"""`aljibe stock dates`: by when an article could be with a customer, as a person asks it."""

from __future__ import annotations

from google.protobuf.timestamp_pb2 import Timestamp

from aljibe.orders.v1 import dates_pb2 as pb
from cli.tests.conftest import StubPlatform


def _dates() -> pb.SkuDates:
    soon = Timestamp(seconds=1_798_135_200)
    return pb.SkuDates(
        sku="7",
        deliveries=[
            pb.DeliveryDate(customer_promise="STANDARD", promise_time=soon),
            pb.DeliveryDate(customer_promise="EXPRESS"),
        ],
        pickups=[pb.PickupDate(location_id="store-2", promise_time=soon, waits_for_supply=True)],
    )


def test_dates_stand_by_promise_and_store(platform: StubPlatform) -> None:
    platform.stubs.dates = _dates()

    ran = platform.aljibe(
        "stock", "dates", "7", "--channel", "app", "--to", "40.42,-3.70", "--store", "store-2", "--units", "3"
    )

    (request,) = platform.stubs.requests
    assert (request.channel_id, list(request.skus), request.quantity_units) == ("app", ["7"], 3)
    assert (request.destination.latitude, request.destination.longitude) == (40.42, -3.70)
    assert list(request.pickup_location_ids) == ["store-2"]
    lines = [line for line in ran.out.splitlines() if line.strip()]
    assert [word in line for word, line in zip(("STANDARD", "EXPRESS", "store-2"), lines[1:4], strict=True)]
    assert "not possible" in lines[2]
    assert "2026-12-24" in lines[1]
    assert "from what is still to come" in lines[3]
    assert "still to come" not in lines[1]


def test_dates_are_told_in_spanish_and_as_json(platform: StubPlatform) -> None:
    platform.stubs.dates = _dates()

    ran = platform.aljibe("stock", "dates", "7", "--lang", "es")
    document = platform.aljibe("stock", "dates", "7", "--json").document

    assert "recogida en store-2" in ran.out
    assert "no es posible" in ran.out
    assert "de lo que aún ha de llegar" in ran.out
    assert document["deliveries"][0]["customerPromise"] == "STANDARD"


def test_a_point_that_is_none_is_told_before_anybody_is_asked(platform: StubPlatform) -> None:
    ran = platform.aljibe("stock", "dates", "7", "--to", "Madrid")

    assert (ran.code, platform.stubs.requests) == (2, [])
    assert "Madrid is no point" in ran.err
