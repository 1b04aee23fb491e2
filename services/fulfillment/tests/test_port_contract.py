"""What every keeper of fulfillment orders must do: the fake and PostgreSQL alike, through the use cases."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from services.fulfillment.domain import refusals
from services.fulfillment.domain.facts import Disposition
from services.fulfillment.domain.fulfillment_order import FulfillmentOrder, Method, Opening, State
from services.fulfillment.domain.pickup_code import MAX_WRONG_TRIES, PickupCode
from services.fulfillment.domain.returns import ReturnedUnits
from services.fulfillment.tests.builders import ACTOR, CODE, NOW, WORK, WRONG_CODE, an_opening, lines_of
from services.fulfillment.tests.conftest import Transaction
from services.fulfillment.usecases.act import act
from services.fulfillment.usecases.cancel_units import Part, cancel_units
from services.fulfillment.usecases.expire_overdue import expire_overdue
from services.fulfillment.usecases.hand_over import hand_over
from services.fulfillment.usecases.open_orders import open_orders
from services.fulfillment.usecases.ports import Work
from services.fulfillment.usecases.receive_return import receive_return


def anybody(order: FulfillmentOrder) -> None:
    """Everybody may."""


class NotYours(Exception):
    pass


def nobody(order: FulfillmentOrder) -> None:
    raise NotYours


async def opened(transaction: Transaction, opening: Opening, *quantities: int) -> Opening:
    async with transaction() as orders:
        await open_orders(orders, [(opening, lines_of(*quantities))], WORK)
    return opening


async def stored(transaction: Transaction, opening: Opening) -> FulfillmentOrder:
    async with transaction() as orders:
        (order,) = await orders.lock([opening.fulfillment_order_id])
    return order


async def ready(transaction: Transaction, *quantities: int) -> Opening:
    opening = await opened(transaction, an_opening(Method.PICKUP), *quantities)

    def work(order: FulfillmentOrder) -> None:
        order.pick({}, now=NOW, actor=ACTOR)
        order.make_ready(PickupCode(CODE), NOW + timedelta(days=1), now=NOW, actor=ACTOR)

    async with transaction() as orders:
        await act(orders, opening.fulfillment_order_id, anybody, work)
    return opening


async def shipped(transaction: Transaction, opening: Opening, *quantities: int) -> Opening:
    await opened(transaction, opening, *quantities)

    def work(order: FulfillmentOrder) -> None:
        order.pick({}, now=NOW, actor=ACTOR)
        order.pack(1, now=NOW, actor=ACTOR)
        order.ship("Correos", "PK-1", now=NOW, actor=ACTOR)

    async with transaction() as orders:
        await act(orders, opening.fulfillment_order_id, anybody, work)
    return opening


async def test_opening_twice_opens_once_and_keeps_the_first(transaction: Transaction) -> None:
    """An event may come again, after work has begun."""
    opening = await opened(transaction, an_opening(), 2, 1)
    async with transaction() as orders:
        await act(
            orders,
            opening.fulfillment_order_id,
            anybody,
            lambda order: order.pick({1: 2}, now=NOW, actor=ACTOR),
        )

    async with transaction() as orders:
        again = await open_orders(orders, [(opening, lines_of(2, 1)), (an_opening(), lines_of(1))], WORK)

    assert opening.fulfillment_order_id not in again
    assert len(again) == 1
    order = await stored(transaction, opening)
    assert (order.state, order.lines[0].picked_units) == (State.PICKING, 2)


async def test_everything_survives_storing(transaction: Transaction) -> None:
    opening = await ready(transaction, 2, 1)

    order = await stored(transaction, opening)

    assert order.opening == opening
    assert order.code == PickupCode(CODE)
    assert order.collect_until == NOW + timedelta(days=1)
    assert [(line.sku, line.name_es, line.picked_units) for line in order.lines] == [
        ("sku-1", "Artículo 1", 2),
        ("sku-2", "Artículo 2", 1),
    ]
    assert (order.version, order.event_sequence) == (3, 4)


async def test_an_unknown_one_and_a_foreign_one_are_refused(transaction: Transaction) -> None:
    opening = await opened(transaction, an_opening(), 1)

    with pytest.raises(refusals.FulfillmentOrderUnknown):
        async with transaction() as orders:
            await act(orders, "ful_none", anybody, anybody)
    with pytest.raises(NotYours):
        async with transaction() as orders:
            await act(
                orders,
                opening.fulfillment_order_id,
                nobody,
                lambda order: order.start_picking(now=NOW, actor=ACTOR),
            )

    assert (await stored(transaction, opening)).state is State.OPEN


async def test_wrong_tries_stay_counted(transaction: Transaction) -> None:
    opening = await ready(transaction, 1)

    for _ in range(MAX_WRONG_TRIES):
        async with transaction() as orders:
            refused = await hand_over(orders, opening.fulfillment_order_id, anybody, WRONG_CODE, WORK)
            assert isinstance(refused, refusals.CodeWrong)

    with pytest.raises(refusals.CodeLocked):
        async with transaction() as orders:
            await hand_over(orders, opening.fulfillment_order_id, anybody, CODE, WORK)


async def test_a_cancellation_that_comes_first_opens_and_the_opening_finds_it(
    transaction: Transaction,
) -> None:
    """Events and calls run on different roads; the units must not be picked by whoever comes second."""
    opening = an_opening()
    part = Part(opening, lines_of(2, 1), {1: 2})

    async with transaction() as orders:
        (cancelled,) = await cancel_units(orders, [part], "r-1", WORK)
    await opened(transaction, opening, 2, 1)

    assert (cancelled.state, cancelled.version) == (State.OPEN, 2)
    order = await stored(transaction, opening)
    assert [line.left_units for line in order.lines] == [0, 1]


async def test_a_cancellation_over_several_is_all_or_nothing(transaction: Transaction) -> None:
    first, second = an_opening(), an_opening()
    await shipped(transaction, second, 1)

    with pytest.raises(refusals.AlreadyPicked):
        async with transaction() as orders:
            await cancel_units(
                orders, [Part(first, lines_of(1), {1: 1}), Part(second, lines_of(1), {1: 1})], "r-1", WORK
            )

    async with transaction() as orders:
        assert await orders.lock([first.fulfillment_order_id]) == []


async def test_overdue_pickups_expire_exactly_once(transaction: Transaction) -> None:
    late, waiting = await ready(transaction, 2), await ready(transaction, 1)
    async with transaction() as orders:
        (order,) = await orders.lock([waiting.fulfillment_order_id])
        order.collect_until = NOW + timedelta(days=9)
        await orders.save([order])
    later = Work("service:fulfillment", NOW + timedelta(days=1))

    counts = []
    for _ in range(2):
        async with transaction() as orders:
            counts.append(await expire_overdue(orders, later))

    assert counts == [1, 0]
    assert (await stored(transaction, late)).state is State.EXPIRED
    assert (await stored(transaction, waiting)).state is State.READY


async def test_returns_over_two_deliveries_are_counted_once(transaction: Transaction) -> None:
    first = an_opening()
    second = replace(an_opening(), order_id=first.order_id)
    await shipped(transaction, first, 2)
    await shipped(transaction, second, 1)

    async with transaction() as orders:
        touched = await receive_return(
            orders,
            first.order_id,
            [ReturnedUnits(1, 2, Disposition.RESTOCK), ReturnedUnits(1, 1, Disposition.SCRAP, "broken")],
            return_id="ret_1",
            receiving_location_id="store-9",
            work=WORK,
        )

    assert sum(line.returned_units for order in touched for line in order.lines) == 3
    with pytest.raises(refusals.QuantityTooHigh) as refused:
        async with transaction() as orders:
            await receive_return(
                orders,
                first.order_id,
                [ReturnedUnits(1, 1, Disposition.RESTOCK)],
                return_id="ret_2",
                receiving_location_id="store-9",
                work=WORK,
            )
    assert refused.value.left_units == 0


async def test_nothing_comes_back_for_an_order_nobody_knows(transaction: Transaction) -> None:
    with pytest.raises(refusals.OrderUnknown):
        async with transaction() as orders:
            await receive_return(
                orders,
                "ord_none",
                [ReturnedUnits(1, 1, Disposition.SCRAP)],
                return_id="ret_1",
                receiving_location_id="store-1",
                work=WORK,
            )
