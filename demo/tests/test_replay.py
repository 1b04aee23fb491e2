from __future__ import annotations

import time
from datetime import timedelta
from pathlib import Path

from demo.data.baskets import Channel
from demo.data.places import Way
from demo.decisions import choices
from demo.doors import Away, Refused
from demo.journal import Journal
from demo.replay import without_short
from demo.tests.builders import NOON, ScriptedDoors, basket, replay

SHORT = '[{"sku": "CJ1", "requested_units": 2, "available_units": 0}]'


def insufficient(shortages: str = SHORT) -> Refused:
    return Refused("INSUFFICIENT_STOCK", "not enough", {"shortages": shortages})


def calm(seed: int = 1) -> int:
    """The number of a basket whose customer pays and neither cancels nor returns."""
    return next(
        number
        for number in range(1_000)
        if choices(seed, basket(number)).card == "tok_ok"
        and choices(seed, basket(number)).cancel == "NOTHING"
    )


async def test_baskets_are_placed_in_time_order(tmp_path: Path) -> None:
    """Stock planned for April must not meet the demand of May first."""
    doors, journal = ScriptedDoors(tmp_path), Journal()
    baskets = [basket(number, channel=Channel.TILL, way=Way.CARRY_OUT) for number in range(100)]

    async with doors:
        await replay(doors, journal).run(baskets, 0.0, lambda _: None)

    references = [request.order.customer_reference for request in doors.by_grpc]
    assert references == [f"run-{number}" for number in range(100)]
    assert journal.accepted[Channel.TILL] == 100


async def test_with_a_speed_baskets_wait_for_their_time(tmp_path: Path) -> None:
    doors, journal = ScriptedDoors(tmp_path), Journal()
    baskets = [
        basket(n, channel=Channel.TILL, way=Way.CARRY_OUT, at=NOON + timedelta(minutes=n)) for n in range(3)
    ]
    began = time.monotonic()

    async with doors:
        await replay(doors, journal).run(baskets, 600.0, lambda _: None)

    assert 0.2 <= time.monotonic() - began < 2.0


async def test_tills_speak_grpc_and_the_others_http(tmp_path: Path) -> None:
    doors, journal, nudges = ScriptedDoors(tmp_path), Journal(), []  # type: ignore[var-annotated]
    till = basket(1, channel=Channel.TILL, way=Way.CARRY_OUT)

    async with doors:
        await replay(doors, journal, nudges).run([till, basket(calm())], 0.0, lambda _: None)

    assert doors.by_grpc[0].order.location_id == "store-1"
    assert doors.placed[0]["order"]["channelId"] == "web"
    assert doors.placed[0]["order"]["deliveryAddress"]["point"]["latitude"] == 25.77
    assert nudges == ["wh-east"], "a till's sale leaves nothing to pick"


async def test_a_customer_takes_what_is_left_once(tmp_path: Path) -> None:
    """The refusal says how many there are; asking for ever would be no customer."""
    doors, journal = ScriptedDoors(tmp_path, insufficient()), Journal()

    async with doors:
        await replay(doors, journal).run([basket(calm())], 0.0, lambda _: None)

    assert [line["sku"] for line in doors.placed[1]["order"]["lines"]] == ["CJ2"]
    assert doors.placed[0]["requestId"] != doors.placed[1]["requestId"]
    assert journal.happened["adapted"] == 1
    assert not journal.refused


async def test_a_second_refusal_is_counted_with_its_reason(tmp_path: Path) -> None:
    doors, journal = ScriptedDoors(tmp_path, insufficient(), insufficient()), Journal()

    async with doors:
        await replay(doors, journal).run([basket(calm())], 0.0, lambda _: None)

    assert journal.refused == {(Channel.WEB, "INSUFFICIENT_STOCK"): 1}
    assert not journal.faults


async def test_an_unexpected_refusal_is_a_fault(tmp_path: Path) -> None:
    doors, journal = ScriptedDoors(tmp_path, Refused("INTERNAL")), Journal()

    async with doors:
        await replay(doors, journal).run([basket(calm())], 0.0, lambda _: None)

    assert journal.faults == {"INTERNAL": 1}


async def test_nobody_answering_is_a_fault_and_ends_nothing_else(tmp_path: Path) -> None:
    doors, journal = ScriptedDoors(tmp_path, Away("gone")), Journal()

    async with doors:
        await replay(doors, journal).run([basket(calm()), basket(calm())], 0.0, lambda _: None)

    assert journal.faults == {"NO_ANSWER": 1}
    assert journal.orders == 1


def test_a_basket_keeps_what_is_there() -> None:
    part = without_short(basket(), insufficient('[{"sku": "CJ1", "available_units": 1}]'))

    assert part is not None
    assert part.lines == (("CJ1", 1), ("CJ2", 1))


def test_an_empty_basket_or_another_reason_is_no_order() -> None:
    only = basket(lines=(("CJ1", 2),))

    assert without_short(only, insufficient()) is None
    assert without_short(only, Refused("PAYMENT_DECLINED")) is None
    assert without_short(only, insufficient('[{"sku": "CJ1", "avail')) is None
