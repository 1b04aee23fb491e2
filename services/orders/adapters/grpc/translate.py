"""Between the contract's messages and the domain."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from google.protobuf.timestamp_pb2 import Timestamp

from aljibe.common.v1 import types_pb2
from aljibe.inventory.v1 import inventory_pb2
from aljibe.orders.v1 import orders_pb2
from services.orders.domain.draft import Draft, DraftLine
from services.orders.domain.facts import Part
from services.orders.domain.order import Order
from services.orders.domain.places import CARRY_OUT, PICKUP, SHIP, STORE, WAREHOUSE, Address, Location
from services.orders.domain.record import Candidate
from services.orders.domain.refusals import ShortLine
from services.orders.domain.sourcing import PlannedPart
from services.orders.domain.states import Method

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_CAPABILITIES = {
    inventory_pb2.CAPABILITY_SHIP: SHIP,
    inventory_pb2.CAPABILITY_PICKUP: PICKUP,
    inventory_pb2.CAPABILITY_CARRY_OUT: CARRY_OUT,
}
_METHODS = {method.value: method for method in Method}


def timestamp(time: datetime | None) -> Timestamp | None:
    """The protobuf form, to the microsecond; None stays unset."""
    return None if time is None else stamp(time)


def stamp(time: datetime) -> Timestamp:
    """The protobuf form, to the microsecond."""
    seconds, micros = divmod((time - _EPOCH) // _MICROSECOND, 1_000_000)
    return Timestamp(seconds=seconds, nanos=micros * 1000)


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


def address_proto(address: Address | None) -> types_pb2.Address | None:
    """The contract's address."""
    if address is None:
        return None
    return types_pb2.Address(
        recipient=address.recipient,
        street_lines=address.street_lines,
        city=address.city,
        region=address.region,
        postal_code=address.postal_code,
        country_code=address.country_code,
        point=types_pb2.GeoPoint(latitude=address.latitude, longitude=address.longitude),
    )


def draft_of(message: orders_pb2.OrderDraft, hold_id: str = "") -> Draft:
    """The domain's draft."""
    return Draft(
        message.channel_id,
        tuple(
            DraftLine(line.sku, line.quantity_units, _METHODS[line.method], line.pickup_location_id)
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
    )


def part_proto(part: Part, order: Order) -> orders_pb2.PlanPart:
    """The contract's plan part, with the names that pick lists show."""
    lines = order.lines
    return orders_pb2.PlanPart(
        fulfillment_order_id=part.fulfillment_order_id,
        location_id=part.location_id,
        method=types_pb2.FulfillmentMethod.ValueType(part.method),
        reservation_id=part.reservation_id,
        lines=[
            orders_pb2.PlanLine(
                line_number=line.line_number,
                sku=line.sku,
                quantity_units=line.quantity_units,
                name_en=lines[line.line_number].name_en,
                name_es=lines[line.line_number].name_es,
            )
            for line in part.lines
        ],
        promise_time=timestamp(part.promise_time),
        attempt=part.attempt,
        delivery_address=address_proto(part.delivery_address),
    )


def order_proto(order: Order) -> orders_pb2.Order:
    """The contract's order."""
    lines = {
        number: orders_pb2.OrderLine(
            line_number=number,
            sku=line.sku,
            name_en=line.name_en,
            name_es=line.name_es,
            quantity_units=line.quantity_units,
            method=types_pb2.FulfillmentMethod.ValueType(line.method),
            pickup_location_id=line.pickup_location_id,
            unit_price_minor=line.unit_price_minor,
            discount_minor=line.discount_minor,
            tax_minor=line.tax_minor,
            total_minor=line.total_minor,
        )
        for number, line in order.lines.items()
    }
    for spot, quantity in order.units.items():
        lines[spot.line_number].units.add(
            state=orders_pb2.UnitState.ValueType(spot.state),
            quantity_units=quantity,
            location_id=spot.location_id,
            fulfillment_order_id=spot.fulfillment_order_id,
        )
    payment = order.payment
    return orders_pb2.Order(
        order_id=order.order_id,
        channel_id=order.channel_id,
        customer=orders_pb2.Customer(customer_id=order.customer_id, language_code=order.language_code),
        state=orders_pb2.OrderState.ValueType(order.state),
        lines=lines.values(),
        currency_code=order.currency_code,
        total_minor=order.total_minor,
        tax_minor=order.tax_minor,
        discount_minor=order.discount_minor,
        delivery_address=address_proto(order.delivery_address),
        location_id=order.location_id,
        customer_reference=order.customer_reference,
        plan=[part_proto(part, order) for part in order.parts.values()],
        payment=orders_pb2.PaymentSummary(
            payment_id=payment.payment_id,
            state=payment.state(),
            authorized_minor=payment.authorized_minor,
            captured_minor=payment.captured_minor,
            refunded_minor=payment.refunded_minor,
            voided_minor=payment.voided_minor,
        ),
        messages=[
            orders_pb2.CustomerMessage(kind=message.kind, text=message.text, time=timestamp(message.time))
            for message in order.messages
        ],
        accept_time=timestamp(order.accept_time),
        version=order.version,
        trace_id=order.trace_id,
        promise_time=timestamp(order.promise_time),
    )


def answer_bytes(order: Order) -> bytes:
    """PlaceOrderResponse in wire form."""
    return orders_pb2.PlaceOrderResponse(order=order_proto(order)).SerializeToString()


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
    )


def chosen_proto(part: PlannedPart, candidate: Candidate | None) -> orders_pb2.ChosenPart:
    """The contract's chosen part."""
    terms = candidate.cost_terms if candidate is not None and part.method is Method.SHIP else {}
    return orders_pb2.ChosenPart(
        location_id=part.location_id,
        method=types_pb2.FulfillmentMethod.ValueType(part.method),
        lines=[orders_pb2.PlanLine(line_number=n, sku=sku, quantity_units=q) for n, sku, q in part.lines],
        cost_terms_minor={name: cost // 1000 for name, cost in terms.items()},
    )
