"""StreamReserveStock: thousands of reservations on one call, each with an answer of its own."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from typing import Any

import grpc
import pytest
from google.rpc import status_pb2

from aljibe.inventory.v1 import inventory_pb2 as pb
from chassis.errors import reason_of
from chassis.refusals import Overloaded
from services.inventory.adapters.grpc.reserve_stream import WINDOW, ReserveStream
from services.inventory.domain.stock import Reservation, State
from services.inventory.tests.builders import STORE, unique
from services.inventory.tests.conftest import Door
from services.inventory.usecases.desk import BatchOutcome, StockDesk
from services.inventory.usecases.post import Submission


def wish(sku: str, units: int = 1, order_id: str = "") -> pb.ReserveStockRequest:
    return pb.ReserveStockRequest(
        order_id=order_id or unique("ord"),
        attempt=1,
        picks=[pb.Pick(sku=sku, location_id=STORE, quantity_units=units)],
    )


def message(*requests: pb.ReserveStockRequest, timeout_ms: int = 0) -> pb.StreamReserveStockRequest:
    return pb.StreamReserveStockRequest(requests=requests, timeout_ms=timeout_ms)


def status(outcome: pb.ReserveOutcome) -> tuple[str, int]:
    return outcome.refused.reason, status_pb2.Status.FromString(outcome.refused.status).code


async def outcomes(
    door: Door, messages: Sequence[pb.StreamReserveStockRequest], process: int = 0
) -> list[pb.ReserveOutcome]:
    """All outcomes of a whole stream, whose numbers are looked at on the way."""
    found: list[pb.ReserveOutcome] = []
    stub = door.processes[process].reservations
    async for answer in stub.StreamReserveStock(iter(messages), metadata=door.service):
        assert answer.first_number == len(found) + 1
        found += answer.outcomes
    return found


async def test_each_reservation_is_answered_by_itself_in_its_order(door: Door) -> None:
    sku = unique("SKU")
    await door.receive(3, sku=sku)
    sent = [message(wish(sku, 2), wish(sku, 2), wish(sku, 1), wish(sku, 1))]

    found = await outcomes(door, sent)

    assert [one.WhichOneof("outcome") for one in found] == ["granted", "refused", "granted", "refused"]
    assert status(found[1]) == ("INSUFFICIENT_STOCK", grpc.StatusCode.FAILED_PRECONDITION.value[0])
    assert found[3].refused.positions[0].available_units == 0
    assert [one.granted.reservation.lines[0].live_units for one in (found[0], found[2])] == [2, 1]
    assert (await door.audit()).difference_count == 0


async def test_thousands_in_messages_of_any_size_never_oversell(door: Door) -> None:
    sku = unique("SKU")
    await door.receive(1_500, sku=sku)
    requests = [wish(sku) for _ in range(3_000)]
    sent = [message(one) for one in requests[:500]]
    sent += [message(*requests[start : start + 500]) for start in range(500, 3_000, 500)]

    found = await outcomes(door, sent)

    granted = [number for number, one in enumerate(found) if one.HasField("granted")]
    assert (len(found), len(granted)) == (3_000, 1_500)
    assert all(found[n].granted.reservation.order_id == requests[n].order_id for n in granted)
    assert (await door.audit()).difference_count == 0


async def test_what_was_not_answered_is_sent_again_and_stands_once(door: Door) -> None:
    """A broken stream leaves its sender in doubt; (order, attempt) settles it, on any process."""
    await door.start()
    sku = unique("SKU")
    await door.receive(10_000, sku=sku)
    requests = [wish(sku, order_id=unique("ord")) for _ in range(2_000)]
    sent = [message(*requests[start : start + 50]) for start in range(0, len(requests), 50)]
    answered = 0

    broken = door.reservations.StreamReserveStock(iter(sent), metadata=door.service)
    async for answer in broken:
        answered += len(answer.outcomes)
        if answered >= 300:
            broken.cancel()
            break
    again = await outcomes(door, sent, process=1)

    assert all(one.HasField("granted") for one in again)
    assert all(one.granted.existed for one in again[:answered])
    page = await door.stock.ListPositions(pb.ListPositionsRequest(sku=sku), metadata=door.service)
    assert page.positions[0].reserved_units == len(requests)
    assert (await door.audit()).difference_count == 0


async def test_a_message_against_the_rules_ends_the_stream_after_those_before_it(door: Door) -> None:
    sku = unique("SKU")
    await door.receive(5, sku=sku)
    sent = [message(wish(sku)), message(wish(sku, 0)), message(wish(sku))]
    stream: Any = door.reservations.StreamReserveStock(iter(sent), metadata=door.service)

    first = await stream.read()
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await stream.read()

    assert (caught.value.code(), reason_of(caught.value)) == (
        grpc.StatusCode.INVALID_ARGUMENT,
        "FIELD_INVALID",
    )
    assert [one.HasField("granted") for one in first.outcomes] == [True]


@pytest.mark.parametrize("role", ["channel", "operator", "till"])
async def test_only_services_may_open_it(door: Door, role: str) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await door.reservations.StreamReserveStock(iter([]), metadata=door.token(role)).read()

    assert caught.value.code() == grpc.StatusCode.PERMISSION_DENIED


async def test_refusals_speak_the_callers_language(door: Door) -> None:
    stream = door.reservations.StreamReserveStock(
        iter([message(wish(unique("SKU")))]), metadata=door.token("service", language="es")
    )

    answer: Any = await stream.read()

    assert b"No hay existencias" in answer.outcomes[0].refused.status


# ---- window, deadlines and failures, on a desk that the test opens and shuts


class Desk(StockDesk):
    """Answers when the test lets it, and counts what was handed in."""

    def __init__(self, failures: Sequence[Exception] = ()) -> None:
        self.opened = asyncio.Event()
        self.parts: list[int] = []
        self._failures = list(failures)

    async def submit_batch(self, submissions: Sequence[Submission]) -> BatchOutcome:
        self.parts.append(len(submissions))
        await self.opened.wait()
        if self._failures:
            raise self._failures.pop(0)
        return BatchOutcome([_reserved(one.command) for one in submissions], {})


def _reserved(command: Any) -> Any:
    from services.inventory.domain.reserving import Reserved
    from services.inventory.tests.builders import NOW

    reservation = Reservation("rsv_1", command.order_id, 1, State.HELD, "", NOW, NOW, [])
    return Reserved(reservation, existed=False)


async def _endless(read: list[int]) -> AsyncIterator[pb.StreamReserveStockRequest]:
    while True:
        read.append(1)
        yield message(wish("SKU-1"))
        await asyncio.sleep(0)


async def test_no_more_is_read_than_the_window_holds() -> None:
    """A sender that is faster than the database is slowed down, not remembered without limit."""
    desk, read = Desk(), list[int]()
    answers = ReserveStream(desk, "").answers(_endless(read))

    first = asyncio.ensure_future(anext(answers))
    for _ in range(3 * WINDOW):
        await asyncio.sleep(0)
    shut = len(read)
    desk.opened.set()
    await first

    assert shut == WINDOW
    assert len(desk.parts[:2]) == 2
    await answers.aclose()


async def test_small_messages_gather_while_a_part_is_under_way() -> None:
    desk, read = Desk(), list[int]()
    answers = ReserveStream(desk, "").answers(_endless(read))

    first = asyncio.ensure_future(anext(answers))
    for _ in range(3 * WINDOW):
        await asyncio.sleep(0)
    desk.opened.set()
    await first
    await anext(answers)
    await anext(answers)

    assert desk.parts[:2] == [1, 1]
    assert max(desk.parts[2:]) > 100
    await answers.aclose()


async def test_trouble_of_a_part_is_told_to_its_members_and_the_stream_goes_on() -> None:
    async def two() -> AsyncIterator[pb.StreamReserveStockRequest]:
        yield message(wish("SKU-1"), wish("SKU-2"))
        yield message(wish("SKU-3"))

    desk = Desk([ConnectionRefusedError("postgres")])
    desk.opened.set()

    found = [one async for answer in ReserveStream(desk, "").answers(two()) for one in answer.outcomes]

    assert [status(one) for one in found[:2]] == [("UNAVAILABLE", grpc.StatusCode.UNAVAILABLE.value[0])] * 2
    assert found[2].HasField("granted")


async def test_a_full_queue_is_told_to_each_member() -> None:
    async def one() -> AsyncIterator[pb.StreamReserveStockRequest]:
        yield message(wish("SKU-1"))

    desk = Desk([Overloaded("stock_batch", 64)])
    desk.opened.set()

    (answer,) = [answer async for answer in ReserveStream(desk, "").answers(one())]

    assert status(answer.outcomes[0]) == ("OVERLOADED", grpc.StatusCode.RESOURCE_EXHAUSTED.value[0])


async def test_a_bug_ends_the_stream() -> None:
    """What nobody foresaw must reach the log with its traceback, not a client as an outcome."""

    async def one() -> AsyncIterator[pb.StreamReserveStockRequest]:
        yield message(wish("SKU-1"))

    desk = Desk([ZeroDivisionError()])
    desk.opened.set()

    with pytest.raises(ZeroDivisionError):
        await anext(ReserveStream(desk, "").answers(one()))


async def test_a_reservation_whose_turn_comes_too_late_is_refused_and_not_made(door: Door) -> None:
    """Its neighbours in the same group are served."""
    sku = unique("SKU")
    await door.receive(5, sku=sku)
    held = asyncio.Event()

    async def hold_the_lock() -> None:
        async with door.db.transaction() as conn:
            await conn.execute("SELECT FROM position WHERE sku = $1 FOR UPDATE", sku)
            held.set()
            await asyncio.sleep(0.3)

    async def sent() -> AsyncIterator[pb.StreamReserveStockRequest]:
        # Two parts wait for the lock; what follows waits for them, one of it too long.
        for _ in range(2):
            yield message(wish(sku))
            await asyncio.sleep(0.05)
        yield message(wish(sku), timeout_ms=50)
        yield message(wish(sku), timeout_ms=5_000)

    async with asyncio.TaskGroup() as group:
        group.create_task(hold_the_lock())
        await held.wait()
        stream = door.reservations.StreamReserveStock(sent(), metadata=door.service)
        found = [one async for answer in stream for one in answer.outcomes]

    assert [one.HasField("granted") for one in found] == [True, True, False, True]
    assert found[2].refused.reason == "DEADLINE_EXCEEDED"
    page = await door.stock.ListPositions(pb.ListPositionsRequest(sku=sku), metadata=door.service)
    assert page.positions[0].reserved_units == 3


async def test_a_stream_ends_at_once_when_its_instance_shuts_down(door: Door) -> None:
    """What was sent is answered; then the sender hears UNAVAILABLE and goes on elsewhere, long before the
    time that calls have to end.
    """
    sku = unique("SKU")
    await door.receive(3, sku=sku)
    process = await door.start()
    stream: Any = process.reservations.StreamReserveStock(metadata=door.service)
    await stream.write(message(wish(sku), wish(sku)))
    answer = await stream.read()

    began = time.monotonic()
    process.stop.set()
    with pytest.raises(grpc.aio.AioRpcError) as ended:
        await stream.read()
    told = time.monotonic() - began
    await asyncio.wait_for(process.serving, 10)

    assert len(answer.outcomes) == 2
    assert (ended.value.code(), reason_of(ended.value)) == (grpc.StatusCode.UNAVAILABLE, "UNAVAILABLE")
    assert told < door.drain_seconds / 2
    assert (await door.audit()).difference_count == 0
