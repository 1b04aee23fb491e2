"""Sourcing cases: units that others are to serve, from the first step to the last.

MOVE: others are looked for while the units stay where they are (see `move_units`). TAKE_OUT: fulfillment is
asked for them. SOURCE: nobody has them, others are searched for. ARRIVED: goods that were waited for are
there, and their work is to begin. DONE.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from services.orders.domain.facts import Part, Wanted
from services.orders.domain.lines import Spot
from services.orders.domain.order import Order
from services.orders.domain.places import Address
from services.orders.domain.sourcing import Wish, WishLine
from services.orders.domain.standing import Units
from services.orders.domain.states import Method, UnitState
from services.orders.usecases.ports import Case, Goods, Tx

MOVE = "MOVE"
TAKE_OUT = "TAKE_OUT"
SOURCE = "SOURCE"
ARRIVED = "ARRIVED"
DONE = "DONE"

OPERATOR = "OPERATOR"
LOCATION_CLOSED = "LOCATION_CLOSED"
STORE_CLOSED = "STORE_CLOSED"
"""The store stopped to which others were to send a pickup's units."""
MOVED = frozenset({OPERATOR, LOCATION_CLOSED, STORE_CLOSED})
"""Triggers of cases whose units could have stayed: they are still reserved where they were."""

WORN_OUT = "the order was sourced as often as there is"
"""Note of a case whose units were cancelled for that."""

BACKORDER_ARRIVED = "BACKORDER_ARRIVED"
BACKORDER_CUT = "BACKORDER_CUT"

FINISH_SECONDS = 5.0
"""How long a move's units, once out, are left to whoever moves them."""


def failed_location(part: Part, trigger: str) -> str:
    """Which of a part's locations it is that cannot serve it."""
    return part.collected_at if trigger == STORE_CLOSED else part.location_id


def new_move(
    order: Order,
    case_id: str,
    part: Part,
    units: Units,
    wanted: Wanted,
    tx: Tx,
    excluded: frozenset[str] = frozenset(),
) -> Case:
    """A case that begins, with an attempt of its own. Where a pickup's store fails, its units are not
    offered to others: its customer will be asked.
    """
    order.attempts += 1
    asks = part.asks_without(failed_location(part, wanted.trigger))
    return Case(
        order.order_id,
        case_id,
        wanted,
        TAKE_OUT if asks else MOVE,
        tuple((number, quantity, part.fulfillment_order_id) for number, quantity in units),
        order.attempts,
        0,
        tx.now,
        excluded=excluded,
    )


def reserved_for(order: Order, reservation_id: str) -> bool:
    """Whether a part of the order lives from this reservation."""
    return any(part.reservation_id == reservation_id for part in order.parts.values())


def wish_again(
    order: Order,
    wanted: Mapping[int, int],
    method: Method,
    to: Address | None,
    store_id: str,
    goods: Goods,
) -> Wish:
    """Units by line number that need another location, as sourcing sees them: of an order that the customer
    was told yes to.
    """
    lines = order.lines
    return Wish(
        tuple(
            WishLine(n, lines[n].sku, q, method, store_id, *goods.get(n, ("", ())), lines[n].unit_price_minor)
            for n, q in sorted(wanted.items())
        ),
        (to.latitude, to.longitude) if to is not None else None,
        order.channel_id,
        order.customer_promise,
        sum(line.unit_price_minor * line.quantity_units for line in lines.values()),
        order.currency_code,
        order.location_id,
        accepted=True,
    )


def searched_wish(
    order: Order, part: Part | None, wanted: Mapping[int, int], goods: Goods
) -> tuple[Wish, Address | None] | None:
    """What others are to send of a part's units, and the address of a parcel to the customer; what is
    collected is sent to the same store. None: nobody knows where to.
    """
    if part is not None and part.pickup_location_id:
        return wish_again(order, wanted, Method.PICKUP, None, part.pickup_location_id, goods), None
    to = order.destination(part)
    return None if to is None else (wish_again(order, wanted, Method.SHIP, to, "", goods), to)


async def taken_out(tx: Tx, order_id: str, case_id: str) -> bool:
    """Fulfillment gave a case's units up: search for them, or ask a pickup's customer; once. False: no
    such case.
    """
    case = await tx.lock_case(order_id, case_id)
    if case is None:
        return False
    if case.stage != TAKE_OUT:
        return True
    order = tx.orders[order_id]
    moved = case.trigger in MOVED
    searched: list[tuple[int, int, str]] = []
    for number, quantity, fulfillment_order_id in case.units:
        part = order.parts[fulfillment_order_id]
        spot = Spot(number, UnitState.ALLOCATED, part.location_id, fulfillment_order_id)
        left = min(quantity, order.units.get(spot, 0))
        if left:
            failed_id = failed_location(part, case.trigger)
            wanted = case.wanted if moved else None
            if not order.lost(fulfillment_order_id, [(number, left)], tx.now, wanted, failed_id):
                searched.append((number, left, fulfillment_order_id))
    if searched:
        following = dataclasses.replace(case, stage=SOURCE, units=tuple(searched))
        if moved:
            # What others reserved for the units is under the case's own attempt, and whoever did so is about
            # to say which parts serve them.
            await tx.move_case(following, wait_seconds=FINISH_SECONDS)
            return True
        if order.worn_out:
            order.given_up([(number, left) for number, left, _ in searched], tx.now)
            await tx.move_case(dataclasses.replace(following, stage=DONE), note=WORN_OUT)
            return True
        order.attempts += 1
        await tx.move_case(dataclasses.replace(following, attempt=order.attempts))
    else:
        await tx.move_case(dataclasses.replace(case, stage=DONE))
    return True
