"""Orders and their events in wire form are what the generated messages would be."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import given, settings
from hypothesis import strategies as st

from aljibe.common.v1 import types_pb2
from aljibe.orders.v1 import events_pb2, orders_pb2
from services.orders.adapters.grpc.translate import Written, order_proto, order_wire
from services.orders.adapters.nats.events import events_of
from services.orders.domain import facts
from services.orders.domain.facts import Part, PartLine
from services.orders.domain.lines import Line, Spot
from services.orders.domain.messages import Message
from services.orders.domain.order import Order
from services.orders.domain.payment import Payment
from services.orders.domain.places import Address
from services.orders.domain.standing import Standing
from services.orders.domain.states import Method, UnitState
from services.orders.tests.builders import NOW, order

_texts = st.text(max_size=12)
_money = st.integers(-(1 << 40), 1 << 40)
_times = st.datetimes(datetime(2020, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
_addresses = st.builds(
    Address,
    country_code=_texts,
    latitude=st.floats(-90, 90),
    longitude=st.floats(-180, 180),
    recipient=_texts,
    street_lines=st.lists(_texts, max_size=3).map(tuple),
    city=_texts,
    region=_texts,
    postal_code=_texts,
)
_methods = st.sampled_from(Method)
_numbers = st.integers(1, 3)
_lines = st.fixed_dictionaries(
    {
        number: st.builds(
            Line,
            line_number=st.just(number),
            sku=_texts,
            name_en=_texts,
            name_es=_texts,
            quantity_units=st.integers(1, 9_999),
            method=_methods,
            pickup_location_id=_texts,
            unit_price_minor=_money,
            discount_minor=_money,
            tax_minor=_money,
            total_minor=_money,
        )
        for number in (1, 2, 3)
    }
)
_parts = st.lists(
    st.builds(
        Part,
        fulfillment_order_id=_texts,
        location_id=_texts,
        method=_methods,
        reservation_id=_texts,
        lines=st.lists(st.builds(PartLine, _numbers, _texts, st.integers(1, 9_999)), max_size=3).map(tuple),
        promise_time=st.none() | _times,
        attempt=st.integers(1, 20),
        delivery_address=st.none() | _addresses,
        due_time=st.none() | _times,
        done_time=st.none() | _times,
        supply_id=_texts,
        expected_at=st.none() | _times,
    ),
    max_size=3,
    unique_by=lambda part: part.fulfillment_order_id,
).map(lambda parts: {part.fulfillment_order_id: part for part in parts})
_orders = st.builds(
    Order,
    order_id=_texts,
    channel_id=_texts,
    customer_id=_texts,
    language_code=_texts,
    currency_code=_texts,
    total_minor=_money,
    tax_minor=_money,
    discount_minor=_money,
    delivery_address=st.none() | _addresses,
    location_id=_texts,
    customer_reference=_texts,
    customer_promise=_texts,
    accept_time=_times,
    promise_time=st.none() | _times,
    trace_id=_texts,
    lines=_lines,
    units=st.dictionaries(
        st.builds(Spot, _numbers, st.sampled_from(UnitState), _texts, _texts),
        st.integers(1, 9_999),
        min_size=1,
    ).map(Standing),
    parts=_parts,
    payment=st.builds(Payment, payment_id=_texts, authorized_minor=_money, captured_minor=_money),
    messages=st.lists(st.builds(Message, kind=_texts, text=_texts, time=_times), max_size=2),
    version=st.integers(1, 1 << 40),
)


def stamp(time: datetime | None) -> Timestamp | None:
    if time is None:
        return None
    since = time - datetime(1970, 1, 1, tzinfo=UTC)
    return Timestamp(seconds=since // timedelta(seconds=1), nanos=time.microsecond * 1000)


def plain_address(address: Address | None) -> types_pb2.Address | None:
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


def plain_part(part: Part, order: Order) -> orders_pb2.PlanPart:
    names = order.lines
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
                name_en=names[line.line_number].name_en,
                name_es=names[line.line_number].name_es,
            )
            for line in part.lines
        ],
        promise_time=stamp(part.promise_time),
        attempt=part.attempt,
        delivery_address=plain_address(part.delivery_address),
        due_time=stamp(part.due_time),
        done_time=stamp(part.done_time),
        supply_id=part.supply_id,
        expected_time=stamp(part.expected_at),
        promise_outcome={
            None: orders_pb2.PROMISE_OUTCOME_UNSPECIFIED,
            True: orders_pb2.PROMISE_OUTCOME_KEPT,
            False: orders_pb2.PROMISE_OUTCOME_MISSED,
        }[part.kept],
        pickup_location_id=part.pickup_location_id,
    )


def plain_order(order: Order) -> orders_pb2.Order:
    """The order built as a message, field by field."""
    message = orders_pb2.Order(
        order_id=order.order_id,
        channel_id=order.channel_id,
        customer=orders_pb2.Customer(customer_id=order.customer_id, language_code=order.language_code),
        state=orders_pb2.OrderState.ValueType(order.state),
        currency_code=order.currency_code,
        total_minor=order.total_minor,
        tax_minor=order.tax_minor,
        discount_minor=order.discount_minor,
        delivery_address=plain_address(order.delivery_address),
        location_id=order.location_id,
        customer_reference=order.customer_reference,
        customer_promise=order.customer_promise,
        promise_outcome=orders_pb2.PromiseOutcome.ValueType({None: 0, True: 1, False: 2}[order.kept]),
        plan=[plain_part(part, order) for part in order.parts.values()],
        payment=orders_pb2.PaymentSummary(
            payment_id=order.payment.payment_id,
            state=order.payment.state(),
            authorized_minor=order.payment.authorized_minor,
            captured_minor=order.payment.captured_minor,
        ),
        messages=[
            orders_pb2.CustomerMessage(kind=one.kind, text=one.text, time=stamp(one.time))
            for one in order.messages
        ],
        accept_time=stamp(order.accept_time),
        version=order.version,
        trace_id=order.trace_id,
        promise_time=stamp(order.promise_time),
    )
    for number, line in order.lines.items():
        told = message.lines.add(
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
        for spot, quantity in order.units.items():
            if spot.line_number == number:
                told.units.add(
                    state=orders_pb2.UnitState.ValueType(spot.state),
                    quantity_units=quantity,
                    location_id=spot.location_id,
                    fulfillment_order_id=spot.fulfillment_order_id,
                )
    return message


@given(_orders)
@settings(max_examples=20, deadline=None)
def test_an_order_on_the_wire_is_the_message_byte_by_byte(order: Order) -> None:
    message = plain_order(order)

    assert order_wire(order) == order_wire(order, Written.of(order)) == message.SerializeToString()
    assert order_proto(order) == message


@given(_orders)
@settings(max_examples=15, deadline=None)
def test_an_acceptance_is_told_as_the_messages_would_be(order: Order) -> None:
    happened: list[facts.Fact] = [facts.Accepted(), facts.Told("KIND", "Thank you")]
    accepted = events_pb2.OrderAccepted(
        order_id=order.order_id,
        channel_id=order.channel_id,
        plan=[plain_part(part, order) for part in order.parts.values()],
        delivery_address=plain_address(order.delivery_address),
        language_code=order.language_code,
        total=types_pb2.Money(currency_code=order.currency_code, amount_minor=order.total_minor),
        time=stamp(NOW),
        location_id=order.location_id,
        customer_reference=order.customer_reference,
        customer_promise=order.customer_promise,
    )

    told = events_of(order, happened, NOW, "00-trace", Written.of(order))

    assert [one.payload for one in told] == [
        accepted.SerializeToString(),
        events_pb2.CustomerNotified(
            order_id=order.order_id,
            customer_id=order.customer_id,
            kind="KIND",
            text="Thank you",
            language_code=order.language_code,
            time=stamp(NOW),
        ).SerializeToString(),
    ]


def test_events_carry_their_type_subject_and_number() -> None:
    made = order(("a", 2, 1_000))
    made.event_sequence = 4
    part = next(iter(made.parts.values()))
    happened: list[facts.Fact] = [
        facts.Resourced((replace_address(part),), facts.Wanted("SHORT_PICK")),
        facts.Cancelled((facts.CancelledUnits(1, "a", 1, "wh-1", "rsv_1", "ful_1"),), "CUSTOMER"),
        facts.ChoiceNeeded(((1, 2),)),
        facts.MoneyMoved("CAPTURED", 500),
    ]

    told = events_of(made, happened, NOW, "00-trace")

    assert [(one.type, one.subject, one.sequence) for one in told] == [
        ("aljibe.orders.v1.OrderResourced", "aljibe.orders.v1.order-resourced.ord_1", 5),
        ("aljibe.orders.v1.UnitsCancelled", "aljibe.orders.v1.units-cancelled.ord_1", 6),
        ("aljibe.orders.v1.CustomerChoiceNeeded", "aljibe.orders.v1.customer-choice-needed.ord_1", 7),
        ("aljibe.orders.v1.PaymentMoved", "aljibe.orders.v1.payment-moved.ord_1", 8),
    ]
    resourced: Any = events_pb2.OrderResourced.FromString(told[0].payload)
    assert resourced.plan[0].delivery_address == plain_address(HOME_AGAIN)
    cancelled = events_pb2.UnitsCancelled.FromString(told[1].payload)
    assert (cancelled.units[0].reservation_id, cancelled.cause) == ("rsv_1", "CUSTOMER")
    choice = events_pb2.CustomerChoiceNeeded.FromString(told[2].payload)
    assert [(line.line_number, line.quantity_units) for line in choice.lines] == [(1, 2)]
    moved = events_pb2.PaymentMoved.FromString(told[3].payload)
    assert (moved.movement, moved.amount.amount_minor, moved.amount.currency_code) == ("CAPTURED", 500, "USD")


def test_progress_is_told_only_when_nothing_else_is() -> None:
    made = order(("a", 1, 1_000))

    alone = events_of(made, [facts.Progressed(), facts.Progressed()], NOW, None)
    beside = events_of(made, [facts.Progressed(), facts.Told("SHIPPED", "On its way")], NOW, None)

    assert [one.type for one in (*alone, *beside)] == [
        "aljibe.orders.v1.OrderProgressed",
        "aljibe.orders.v1.CustomerNotified",
    ]


HOME_AGAIN = Address("US", 1.0, 2.0, "Ana")


def replace_address(part: Part) -> Part:
    return part._replace(delivery_address=HOME_AGAIN)
