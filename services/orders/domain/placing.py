"""From a priced and planned draft to the order it becomes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from services.orders.domain import messages
from services.orders.domain.capacity import Less
from services.orders.domain.draft import Draft
from services.orders.domain.facts import Accepted, Fact, MoneyDue, Part, PartLine, Told
from services.orders.domain.lines import Line, Spot
from services.orders.domain.messages import Message
from services.orders.domain.order import Order
from services.orders.domain.payment import Payment
from services.orders.domain.places import Address, Locations
from services.orders.domain.prices import Quote
from services.orders.domain.promise import Promise, Timetable
from services.orders.domain.refusals import NothingPromised, PromiseNotPossible
from services.orders.domain.rules import SourcingRules
from services.orders.domain.sourcing import Plan
from services.orders.domain.standing import Standing
from services.orders.domain.states import Method, UnitState
from services.orders.domain.views import UNLIMITED, Capacity

NewId = Callable[[str], str]


def parts_of(
    plan: Plan,
    reservation_id: str,
    attempt: int,
    now: datetime,
    locations: Locations,
    rules: SourcingRules,
    new_id: NewId,
    to: Address | None = None,
    *,
    destination: tuple[float, float] | None = None,
    capacity: Capacity = UNLIMITED,
    customer_promise: str = "",
    accepted: bool = False,
) -> list[Part]:
    """The plan's parts with ids and promises; what is carried out is in the customer's hands now. Parcels
    go to `to`, or if it is None to the order's address, which is at `destination`.

    Raises:
        NothingPromised: a location has no opening or no capacity left.
        PromiseNotPossible: a parcel would be later than the `customer_promise` of an order that is not
            `accepted` yet allows.
    """
    parts = []
    left = Less(capacity)
    if to is not None:
        destination = (to.latitude, to.longitude)
    within_days = rules.within_days(customer_promise, accepted=accepted)
    rules = rules.under(customer_promise)
    timetable = Timetable.of(locations, rules)
    moment = timetable.at(now, left, destination)
    latest = moment.evening(timetable.latest(now, destination, within_days))
    for planned in plan.parts:
        units = sum(line.quantity_units for line in planned.lines)
        store_id = planned.pickup_location_id
        promised = moment.promise(
            planned.method,
            store_id or planned.location_id,
            units,
            km=planned.distance_km,
            from_location_id=planned.location_id if store_id else "",
        )
        if promised is None:
            raise NothingPromised(planned.location_id, planned.method.name)
        if latest is not None and planned.method is Method.SHIP and promised.time > latest:
            raise PromiseNotPossible(customer_promise, location_id=planned.location_id)
        left.take(planned.location_id, promised.work)
        limited = locations.by_id[planned.location_id].daily_capacity_units > 0
        carried = planned.method is Method.CARRY_OUT
        parts.append(
            Part(
                new_id("ful"),
                planned.location_id,
                planned.method,
                "" if planned.method is Method.CARRY_OUT else reservation_id,
                tuple(PartLine(*line) for line in planned.lines),
                promised.time,
                attempt,
                to if planned.method is Method.SHIP else None,
                promised.work if limited else (),
                None if carried else promised.due,
                pickup_location_id=store_id,
            )
        )
    if plan.later:
        parts += _later_parts(plan, reservation_id, attempt, now, locations, rules, new_id, to, destination)
    return parts


def _later_parts(
    plan: Plan,
    reservation_id: str,
    attempt: int,
    now: datetime,
    locations: Locations,
    rules: SourcingRules,
    new_id: NewId,
    to: Address | None,
    destination: tuple[float, float] | None,
) -> list[Part]:
    parts = []
    for planned, supply_id, expected_at, ready_at in plan.later:
        units = sum(line.quantity_units for line in planned.lines)
        promised = promise_later(
            locations,
            rules,
            planned.method,
            planned.location_id,
            units,
            planned.distance_km,
            max(ready_at, now),
            destination,
        )
        if promised is None:
            raise NothingPromised(planned.location_id, planned.method.name)
        parts.append(
            Part(
                new_id("ful"),
                planned.location_id,
                planned.method,
                reservation_id,
                tuple(PartLine(*line) for line in planned.lines),
                promised.time,
                attempt,
                to if planned.method is Method.SHIP else None,
                # Capacity is taken when the goods are there: until then nobody knows of which day.
                (),
                promised.due,
                supply_id=supply_id,
                expected_at=expected_at,
            )
        )
    return parts


def promise_later(
    locations: Locations,
    rules: SourcingRules,
    method: Method,
    location_id: str,
    units: int,
    km: int,
    ready_at: datetime,
    destination: tuple[float, float] | None,
) -> Promise | None:
    """What a location can keep of units that it can work on from `ready_at`; None: no opening within 60 days
    of that.
    """
    moment = Timetable(locations, rules, apart=True).at(ready_at, UNLIMITED, destination)
    return moment.promise(method, location_id, units, km=km)


def place(
    order_id: str,
    draft: Draft,
    quote: Quote,
    parts: list[Part],
    *,
    attempt: int,
    payment_id: str,
    authorization_key: str,
    now: datetime,
    trace_id: str = "",
) -> Order:
    """The order at its acceptance: units stand with the parts, what is carried out is handed over and due."""
    lines = {
        number: Line(
            number,
            wanted.sku,
            priced.name_en,
            priced.name_es,
            wanted.quantity_units,
            wanted.method,
            wanted.pickup_location_id if wanted.method is Method.PICKUP else "",
            priced.unit_price_minor,
            priced.discount_minor,
            priced.tax_minor,
            priced.total_minor,
        )
        for number, (wanted, priced) in enumerate(zip(draft.lines, quote.lines, strict=True), start=1)
    }
    facts: list[Fact] = [Accepted()]
    units = Standing()
    due = 0
    for part in parts:
        carried = part.method == Method.CARRY_OUT
        waits = UnitState.BACKORDERED if part.supply_id else UnitState.ALLOCATED
        state = UnitState.HANDED_OVER if carried else waits
        for planned in part.lines:
            spot = Spot(planned.line_number, state, part.location_id, part.fulfillment_order_id)
            units[spot] = planned.quantity_units
            if carried:
                line = lines[planned.line_number]
                line.captured_minor = line.total_minor
                due += line.total_minor
    language = draft.language_code
    text = messages.text(
        messages.ORDER_ACCEPTED,
        language,
        order=draft.customer_reference or order_id,
        amount=messages.amount(quote.total_minor, quote.currency_code),
    )
    facts.append(Told(messages.ORDER_ACCEPTED, text))
    if due:
        facts.append(MoneyDue("CAPTURE", due))
    order = Order(
        order_id=order_id,
        channel_id=draft.channel_id,
        customer_id=draft.customer_id,
        language_code=language,
        currency_code=quote.currency_code,
        total_minor=quote.total_minor,
        tax_minor=quote.tax_minor,
        discount_minor=quote.discount_minor,
        delivery_address=draft.delivery_address,
        location_id=draft.location_id,
        customer_promise=draft.customer_promise,
        customer_reference=draft.customer_reference,
        accept_time=now,
        promise_time=max((part.promise_time for part in parts if part.promise_time), default=None),
        trace_id=trace_id,
        lines=lines,
        units=units,
        parts={part.fulfillment_order_id: part for part in parts},
        payment=Payment(payment_id, authorization_key, quote.total_minor) if payment_id else Payment(),
        messages=[Message(messages.ORDER_ACCEPTED, text, now)],
        attempts=attempt,
        version=1,
        facts=facts,
    )
    for part in parts:
        if part.supply_id:
            order.tell_of(messages.BACKORDERED, part, now)
    return order
