"""What was done for an order and what came back of it, against stubs behind the chassis' own edge."""

from __future__ import annotations

from google.protobuf.timestamp_pb2 import Timestamp

from aljibe.fulfillment.v1 import events_pb2
from aljibe.fulfillment.v1 import fulfillment_pb2 as pb
from cli.tests.conftest import StubPlatform
from cli.texts import CATALOGUES

_NOT_EVENTS = {"Units", "Origin"}


def test_steps_are_listed_by_time_in_both_languages(platform: StubPlatform) -> None:
    """Several locations work on one order: a person reads what happened when."""
    platform.stubs.steps = [
        pb.Step(
            fulfillment_order_id="ful_1", location_id="wh-1", event="OrderPacked", time=Timestamp(seconds=30)
        ),
        pb.Step(
            fulfillment_order_id="ful_2",
            location_id="store-2",
            event="UnitsPicked",
            actor="ana",
            time=Timestamp(seconds=20),
        ),
    ]

    english = platform.aljibe("order", "steps", "ord_1")
    spanish = platform.aljibe("order", "steps", "ord_1", "--lang", "es")
    document = platform.aljibe("order", "steps", "ord_1", "--json").document

    assert english.code == spanish.code == 0
    assert english.out.index("Units were picked") < english.out.index("Packed")
    for word in ("store-2", "ana", "ful_1"):
        assert word in english.out
    assert "Se tomaron unidades" in spanish.out
    assert [one["event"] for one in document["steps"]] == ["OrderPacked", "UnitsPicked"]
    assert platform.stubs.requests[0].order_id == "ord_1"


def test_more_than_a_page_is_read_and_the_rest_is_told(platform: StubPlatform) -> None:
    platform.stubs.steps = [pb.Step(fulfillment_order_id=f"ful_{n}", event="OrderPacked") for n in range(250)]

    some = platform.aljibe("order", "steps", "ord_1", "--limit", "210", "--json").document

    assert (len(some["steps"]), some["more"]) == (210, True)
    assert [one.page_size for one in platform.stubs.requests] == [200, 10]


def test_returns_are_listed_of_an_order_or_by_their_number(platform: StubPlatform) -> None:
    platform.stubs.returns = [
        pb.GoodsReturn(
            return_id="ret_1",
            order_id="ord_1",
            line_number=2,
            sku="s1",
            quantity_units=3,
            disposition=pb.DISPOSITION_SCRAP,
            location_id="store-2",
            reason="torn",
            actor="ana",
        )
    ]

    english = platform.aljibe("order", "returns", "ord_1")
    spanish = platform.aljibe("order", "returns", "--return", "ret_1", "--lang", "es")
    which = platform.aljibe("order", "returns")

    for word in ("ret_1", "3 × s1", "not for sale", "store-2", "torn", "ana"):
        assert word in english.out
    assert "no se puede vender" in spanish.out
    assert which.code == 2
    first, second = platform.stubs.requests
    assert (first.order_id, first.return_id) == ("ord_1", "")
    assert (second.order_id, second.return_id) == ("", "ret_1")


def test_nothing_done_and_nothing_back_is_said(platform: StubPlatform) -> None:
    assert "nothing has been done" in platform.aljibe("order", "steps", "ord_1").out
    assert "nothing has come back" in platform.aljibe("order", "returns", "ord_1").out


def test_every_event_has_words() -> None:
    events = set(events_pb2.DESCRIPTOR.message_types_by_name) - _NOT_EVENTS

    for language, catalogue in CATALOGUES.items():
        missing = {name for name in events if f"event.{name}" not in catalogue}
        assert not missing, language
