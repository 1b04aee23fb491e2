"""Between the contract's messages and the domain."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from google.protobuf.timestamp_pb2 import Timestamp

from aljibe.common.v1 import types_pb2
from aljibe.inventory.v1 import inventory_pb2
from aljibe.orders.v1 import orders_pb2
from chassis.wire import timestamp, writer
from services.orders.domain.draft import Draft, DraftLine
from services.orders.domain.explain import Candidate
from services.orders.domain.facts import Part
from services.orders.domain.order import Order
from services.orders.domain.places import CARRY_OUT, PICKUP, SHIP, STORE, WAREHOUSE, Address, Location
from services.orders.domain.plans import LaterPart, PlannedPart
from services.orders.domain.refusals import LimitExceeded, ShortLine
from services.orders.domain.rules import STANDARD
from services.orders.domain.states import Method
from services.orders.usecases.offers import Option

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_CAPABILITIES = {
    inventory_pb2.CAPABILITY_SHIP: SHIP,
    inventory_pb2.CAPABILITY_PICKUP: PICKUP,
    inventory_pb2.CAPABILITY_CARRY_OUT: CARRY_OUT,
}
_METHODS = {method.value: method for method in Method}


def time_proto(time: datetime | None) -> Timestamp | None:
    """The protobuf form, to the microsecond; None stays unset."""
    return None if time is None else stamp(time)


def stamp(time: datetime) -> Timestamp:
    """The protobuf form, to the microsecond."""
    return Timestamp.FromString(timestamp(time))


def moment(given: Timestamp) -> datetime:
    """The timezone-aware form, to the microsecond."""
    return _EPOCH + timedelta(seconds=given.seconds, microseconds=given.nanos // 1000)


def address_of(message: types_pb2.Address) -> Address:
    """The domain's address."""
    return Address(
        message.country_code,
        message.point.latitude,
        message.point.longitude,
        message.recipient,
        tuple(message.street_lines),
        message.city,
        message.region,
        message.postal_code,
    )


def draft_of(message: orders_pb2.OrderDraft, hold_id: str = "") -> Draft:
    """The domain's draft."""
    return Draft(
        message.channel_id,
        tuple(
            DraftLine(
                line.sku,
                line.quantity_units,
                _METHODS[line.method],
                line.pickup_location_id,
                line.accept_later,
            )
            for line in message.lines
        ),
        address_of(message.delivery_address) if message.HasField("delivery_address") else None,
        message.location_id,
        message.currency_code,
        message.customer.customer_id,
        message.customer.language_code or "en",
        message.customer_reference,
        tuple(message.coupon_codes),
        message.quote_token,
        hold_id,
        message.customer_promise or STANDARD,
    )


def location_of(message: inventory_pb2.Location) -> Location:
    """The domain's location."""
    return Location(
        message.location_id,
        WAREHOUSE if message.kind == types_pb2.LOCATION_KIND_WAREHOUSE else STORE,
        message.address.point.latitude,
        message.address.point.longitude,
        message.address.country_code,
        message.address.region,
        message.time_zone,
        tuple((span.weekday, span.open_minute, span.close_minute) for span in message.hours),
        frozenset(_CAPABILITIES[one] for one in message.capabilities if one in _CAPABILITIES),
        message.active,
        tuple(
            (day.date, tuple((span.open_minute, span.close_minute) for span in day.hours))
            for day in message.holidays
        ),
        message.ship_cut_off_minute if message.HasField("ship_cut_off_minute") else None,
        message.preparation_minutes if message.HasField("preparation_minutes") else None,
        message.daily_capacity_units,
        tuple(message.handover_days),
    )


# Orders, their parts and addresses go into answers, stored answers and events alike: they are written as
# bytes, once, and never copied from one message into another.
_OUTCOMES = {
    None: orders_pb2.PROMISE_OUTCOME_UNSPECIFIED,
    True: orders_pb2.PROMISE_OUTCOME_KEPT,
    False: orders_pb2.PROMISE_OUTCOME_MISSED,
}
_order = writer(orders_pb2.Order)
_line = writer(orders_pb2.OrderLine)
_group = writer(orders_pb2.UnitGroup)
_part = writer(orders_pb2.PlanPart)
_plan_line = writer(orders_pb2.PlanLine)
_customer = writer(orders_pb2.Customer)
_payment = writer(orders_pb2.PaymentSummary)
_message = writer(orders_pb2.CustomerMessage)
_hold = writer(orders_pb2.OrderHold)
_address = writer(types_pb2.Address)
_point = writer(types_pb2.GeoPoint)


def time_wire(time: datetime | None) -> bytes | None:
    """A time in wire form; None stays unset."""
    return None if time is None else timestamp(time)


def address_wire(address: Address | None) -> bytes | None:
    """The contract's address in wire form; None stays unset."""
    if address is None:
        return None
    return _address(
        recipient=address.recipient,
        street_lines=address.street_lines,
        city=address.city,
        region=address.region,
        postal_code=address.postal_code,
        country_code=address.country_code,
        point=_point(latitude=address.latitude, longitude=address.longitude),
    )


def part_wire(part: Part, order: Order) -> bytes:
    """The contract's plan part in wire form, with the names that pick lists show."""
    lines = order.lines
    return _part(
        fulfillment_order_id=part.fulfillment_order_id,
        location_id=part.location_id,
        method=part.method,
        reservation_id=part.reservation_id,
        lines=[
            _plan_line(
                line_number=number,
                sku=sku,
                quantity_units=quantity,
                name_en=lines[number].name_en,
                name_es=lines[number].name_es,
            )
            for number, sku, quantity in part.lines
        ],
        promise_time=time_wire(part.promise_time),
        attempt=part.attempt,
        delivery_address=address_wire(part.delivery_address),
        due_time=time_wire(part.due_time),
        done_time=time_wire(part.done_time),
        promise_outcome=0 if part.done_time is None else _OUTCOMES[part.kept],
        supply_id=part.supply_id,
        expected_time=time_wire(part.expected_at),
        pickup_location_id=part.pickup_location_id,
    )


class Written(NamedTuple):
    """What an order's answer and its events have in common, in wire form."""

    plan: list[bytes]
    delivery_address: bytes | None

    @classmethod
    def of(cls, order: Order) -> Written:
        """The order's plan and address."""
        plan = [part_wire(part, order) for part in order.parts.values()]
        return cls(plan, address_wire(order.delivery_address))


def order_wire(order: Order, written: Written | None = None) -> bytes:
    """The contract's order in wire form; `written` spares writing the same twice."""
    written = written or Written.of(order)
    groups: dict[int, list[bytes]] = {number: [] for number in order.lines}
    for spot, quantity in order.units.items():
        groups[spot.line_number].append(
            _group(
                state=spot.state,
                quantity_units=quantity,
                location_id=spot.location_id,
                fulfillment_order_id=spot.fulfillment_order_id,
            )
        )
    payment = order.payment
    return _order(
        order_id=order.order_id,
        channel_id=order.channel_id,
        customer=_customer(customer_id=order.customer_id, language_code=order.language_code),
        state=order.state,
        lines=[
            _line(
                line_number=number,
                sku=line.sku,
                name_en=line.name_en,
                name_es=line.name_es,
                quantity_units=line.quantity_units,
                method=line.method,
                pickup_location_id=line.pickup_location_id,
                unit_price_minor=line.unit_price_minor,
                discount_minor=line.discount_minor,
                tax_minor=line.tax_minor,
                total_minor=line.total_minor,
                units=groups[number],
            )
            for number, line in order.lines.items()
        ],
        currency_code=order.currency_code,
        total_minor=order.total_minor,
        tax_minor=order.tax_minor,
        discount_minor=order.discount_minor,
        delivery_address=written.delivery_address,
        location_id=order.location_id,
        customer_reference=order.customer_reference,
        plan=written.plan,
        payment=_payment(
            payment_id=payment.payment_id,
            state=payment.state(),
            authorized_minor=payment.authorized_minor,
            captured_minor=payment.captured_minor,
            refunded_minor=payment.refunded_minor,
            voided_minor=payment.voided_minor,
        ),
        messages=[
            _message(kind=message.kind, text=message.text, time=timestamp(message.time))
            for message in order.messages
        ],
        accept_time=timestamp(order.accept_time),
        version=order.version,
        trace_id=order.trace_id,
        promise_time=time_wire(order.promise_time),
        customer_promise=order.customer_promise,
        promise_outcome=_OUTCOMES[order.kept],
        on_hold=order.on_hold,
        holds=[
            _hold(
                reason=hold.reason,
                held_by=hold.held_by,
                hold_time=timestamp(hold.hold_time),
                lifted_by=hold.lifted_by,
                lift_time=time_wire(hold.lift_time),
                lift_reason=hold.lift_reason,
            )
            for hold in order.holds
        ],
    )


def address_proto(address: Address | None) -> types_pb2.Address | None:
    """The contract's address."""
    wire = address_wire(address)
    return None if wire is None else types_pb2.Address.FromString(wire)


def order_proto(order: Order) -> orders_pb2.Order:
    """The contract's order."""
    return orders_pb2.Order.FromString(order_wire(order))


def option_proto(option: Option) -> orders_pb2.PromiseOption:
    """The contract's option."""
    found = option.offer
    return orders_pb2.PromiseOption(
        customer_promise=option.customer_promise,
        name_en=option.name_en,
        name_es=option.name_es,
        possible=found is not None,
        promise_time=time_proto(found.promise_time) if found is not None else None,
    )


def limit_proto(found: LimitExceeded) -> orders_pb2.LimitRefusal:
    """The contract's refusal, by the reason that a reservation would be refused with."""
    return orders_pb2.LimitRefusal(
        reason="BUYER_LIMIT_EXCEEDED",
        sku=found.sku,
        requested_units=found.requested_units,
        limit_units=found.limit_units,
        left_units=found.left_units,
    )


def shortages_proto(shortages: Sequence[ShortLine]) -> list[orders_pb2.Shortage]:
    """The contract's shortages."""
    return [
        orders_pb2.Shortage(
            sku=short.sku, requested_units=short.requested_units, available_units=short.available_units
        )
        for short in shortages
    ]


def candidate_proto(candidate: Candidate) -> orders_pb2.SourcingCandidate:
    """The contract's candidate; costs in minor units, rounded down."""
    return orders_pb2.SourcingCandidate(
        location_id=candidate.location_id,
        distance_km=candidate.distance_km,
        coverable_units=candidate.coverable_units,
        eliminated_by=candidate.eliminated_by,
        cost_terms_minor={name: cost // 1000 for name, cost in candidate.cost_terms.items()},
        rule=candidate.rule,
        late_days=candidate.late_days,
        co2_grams=candidate.co2_grams,
    )


def later_proto(later: LaterPart) -> orders_pb2.ChosenPart:
    """The contract's chosen part, of what was to come."""
    chosen = chosen_proto(later.part, None)
    chosen.supply_id = later.supply_id
    chosen.expected_time.CopyFrom(stamp(later.expected_at))
    return chosen


def chosen_proto(part: PlannedPart, candidate: Candidate | None) -> orders_pb2.ChosenPart:
    """The contract's chosen part."""
    terms = candidate.cost_terms if candidate is not None and part.sent else {}
    return orders_pb2.ChosenPart(
        location_id=part.location_id,
        method=types_pb2.FulfillmentMethod.ValueType(part.method),
        lines=[orders_pb2.PlanLine(line_number=n, sku=sku, quantity_units=q) for n, sku, q in part.lines],
        pickup_location_id=part.pickup_location_id,
        cost_terms_minor={name: cost // 1000 for name, cost in terms.items()},
    )
