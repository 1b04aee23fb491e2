"""What is to come of an article is told from memory, with what can be promised of it, and leaves as soon as
it came or was called off.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

from aljibe.inventory.v1 import events_pb2 as facts
from aljibe.inventory.v1 import inventory_pb2 as pb
from aljibe.inventory.v1 import supply_pb2
from services.inventory.adapters.grpc import translate
from services.inventory.adapters.nats.live import LivePositions
from services.inventory.tests.builders import CLOSED_STORE, NOW, OTHER_STORE, STORE, unique
from services.inventory.tests.conftest import Door
from services.inventory.usecases.inbound import Arrival, Expected, Inbound, InboundBoard

PLACES = frozenset({STORE, OTHER_STORE})
DAY = timedelta(days=1)


def a_supply(
    supply_id: str, version: int, at: datetime = NOW + DAY, place: str = STORE, **units: int
) -> Inbound:
    return Inbound(supply_id, place, at, units, version)


def test_what_comes_together_is_one_and_late_goods_are_not_next() -> None:
    board = InboundBoard()
    board.put(a_supply("late", 1, NOW - DAY, a=5))
    board.put(a_supply("one", 1, a=2, b=1))
    board.put(a_supply("two", 1, a=3))
    board.put(a_supply("elsewhere", 1, place=OTHER_STORE, a=7))
    board.put(a_supply("closed", 1, place=CLOSED_STORE, a=100))
    board.put(a_supply("then", 1, NOW + 2 * DAY, a=11))

    everywhere = board.of("a", PLACES, NOW)
    at_the_other = board.of("a", frozenset({OTHER_STORE}), NOW)

    assert everywhere == Expected(
        (
            Arrival(NOW - DAY, STORE, 5),
            Arrival(NOW + DAY, STORE, 5),
            Arrival(NOW + DAY, OTHER_STORE, 7),
            Arrival(NOW + 2 * DAY, STORE, 11),
        ),
        Arrival(NOW + DAY, STORE, 12),
        28,
    )
    assert at_the_other == Expected(
        (Arrival(NOW + DAY, OTHER_STORE, 7),), Arrival(NOW + DAY, OTHER_STORE, 7), 7
    )
    late = board.of("a", PLACES, NOW + 3 * DAY)
    assert late is not None
    assert (late.next, late.units) == (None, 28)
    assert board.of("b", frozenset({OTHER_STORE}), NOW) is None
    assert board.of("unknown", PLACES, NOW) is None


def test_an_older_state_never_replaces_a_newer_one() -> None:
    """Changes and readings meet in any order; a supply that was called off must not come back by a reading
    that began before.
    """
    board = InboundBoard()
    opened, closed = a_supply("one", 1, a=2), a_supply("one", 2)

    before = board.versions()
    took = [board.put(closed), board.put(opened), board.put(closed)]
    board.keep(["one"], before)

    assert took == [True, False, False]
    assert board.of("a", PLACES, NOW) is None
    assert len(board) == 0


def test_a_reading_forgets_what_it_did_not_find_unless_it_changed_since() -> None:
    """A message that got lost may have been the one that called a supply off."""
    board = InboundBoard()
    board.put(a_supply("gone", 3, a=1))
    board.put(a_supply("changed", 3, a=1))
    board.put(a_supply("stays", 3, a=1))

    before = board.versions()
    board.put(a_supply("changed", 4, a=2))
    board.put(a_supply("new", 1, a=4))
    board.keep(["stays"], before)

    found = board.of("a", PLACES, NOW)
    assert found is not None
    assert found.units == 2 + 1 + 4
    assert board.versions() == {"changed": 4, "stays": 3, "new": 1}


async def told(door: Door, process: int, sku: str, **more: object) -> pb.SkuAvailability:
    answer = await door.processes[process].stock.GetAvailability(
        pb.GetAvailabilityRequest(channel_id="web", skus=[sku], **more),  # type: ignore[arg-type]
        metadata=door.token("channel", channels=("web",)),
    )
    return answer.availabilities[0]


async def test_the_page_of_an_article_tells_what_is_to_come_until_it_came_or_was_called_off(
    door: Door,
) -> None:
    """The process that took the change answers so at once; another one, and one that starts later, soon."""
    sku, first, second = unique("SKU"), unique("PO"), unique("PO")
    soon = datetime.now(UTC).replace(microsecond=0) + DAY
    later = soon + 6 * DAY
    other = len(door.processes)
    await door.start()

    async def expect(supply_id: str, place: str, at: datetime, units: int) -> None:
        await door.processes[0].supply.UpsertSupply(
            supply_pb2.UpsertSupplyRequest(
                request_id=unique("upsert"),
                supply_id=supply_id,
                location_id=place,
                expected_time=translate.timestamp(at),
                lines=[supply_pb2.SupplyUnits(sku=sku, quantity_units=units)],
            ),
            metadata=door.token("planner"),
        )

    async def heard(process: int, units: int) -> None:
        async with asyncio.timeout(10):
            while (await told(door, process, sku)).inbound_units != units:
                await asyncio.sleep(0.01)

    nothing = await told(door, 0, sku)
    await expect(first, STORE, later, 10)
    await expect(second, OTHER_STORE, soon, 4)
    both = await told(door, 0, sku, inbound=True)
    await heard(other, 14)
    there = await told(door, other, sku, inbound=True)
    at_store = await told(door, 0, sku, location_ids=[STORE])
    await expect(second, OTHER_STORE, later, 4)
    moved = await told(door, 0, sku)
    await door.processes[0].supply.ReceiveSupply(
        supply_pb2.ReceiveSupplyRequest(
            request_id=unique("receive"),
            supply_id=first,
            location_id=STORE,
            lines=[supply_pb2.SupplyUnits(sku=sku, quantity_units=7)],
        ),
        metadata=door.token("planner"),
    )
    received = await told(door, 0, sku)
    newcomer = len(door.processes)
    await door.start()
    begun = await told(door, newcomer, sku, inbound=True)
    for supply_id, place in ((first, STORE), (second, OTHER_STORE)):
        await door.processes[0].supply.CloseSupply(
            supply_pb2.CloseSupplyRequest(request_id=unique("close"), supply_id=supply_id, location_id=place),
            metadata=door.token("planner"),
        )
    ended = await told(door, 0, sku, inbound=True)
    await heard(other, 0)
    await heard(newcomer, 0)

    assert (nothing.inbound_units, nothing.HasField("next_supply")) == (0, False)
    assert both.inbound_units == 14
    assert both.next_supply == pb.InboundUnits(expected_time=translate.timestamp(soon), quantity_units=4)
    assert [(one.location_id, one.quantity_units) for one in both.inbound] == [(OTHER_STORE, 4), (STORE, 10)]
    assert there == both
    assert (at_store.inbound_units, at_store.next_supply.expected_time.ToDatetime(UTC)) == (10, later)
    assert (moved.next_supply.quantity_units, moved.next_supply.expected_time.ToDatetime(UTC)) == (14, later)
    assert (received.available_units, received.inbound_units) == (7, 7)
    assert sorted((one.location_id, one.quantity_units) for one in begun.inbound) == [
        (STORE, 3),
        (OTHER_STORE, 4),
    ]
    assert (ended.available_units, ended.inbound_units, ended.HasField("next_supply")) == (7, 0, False)
    assert list(ended.inbound) == []


async def test_many_supplies_travel_in_messages_that_the_broker_takes(door: Door) -> None:
    """A message of NATS holds a megabyte."""
    live = LivePositions(door.db, None)  # type: ignore[arg-type]
    sent: list[facts.PositionsChanged] = []

    async def send(message: facts.PositionsChanged) -> None:
        sent.append(message)

    live._send = send  # type: ignore[method-assign]
    for number in range(9):
        units = {f"SKU-{index}": 1 for index in range(500)}
        live._supplies[f"PO-{number}"] = Inbound(f"PO-{number}", STORE, NOW, units, 1)

    await live._publish_changed()
    await live._publish_changed()

    assert [len(one.supplies) for one in sent] == [3, 3, 3, 0]
    assert [(one.sequence, one.last_sequence) for one in sent] == [(1, 1), (2, 2), (3, 3), (0, 3)]
    assert max(one.ByteSize() for one in sent) < 1_000_000
