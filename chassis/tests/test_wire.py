"""What `writer` writes is what protobuf writes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import given, settings
from hypothesis import strategies as st

from aljibe.common.v1 import types_pb2
from aljibe.inventory.v1 import inventory_pb2
from aljibe.orders.v1 import events_pb2, orders_pb2
from chassis.contract import ContractError
from chassis.wire import timestamp, varint, writer

_F = FieldDescriptor
_NUMBERS = {
    _F.TYPE_INT32: st.integers(-(1 << 31), (1 << 31) - 1),
    _F.TYPE_INT64: st.integers(-(1 << 63), (1 << 63) - 1),
    _F.TYPE_UINT32: st.integers(0, (1 << 32) - 1),
    _F.TYPE_UINT64: st.integers(0, (1 << 64) - 1),
    _F.TYPE_BOOL: st.booleans(),
    _F.TYPE_DOUBLE: st.floats(allow_nan=False),
    _F.TYPE_STRING: st.text(max_size=300),
    _F.TYPE_BYTES: st.binary(max_size=300),
}
TYPES = [
    orders_pb2.Order,
    orders_pb2.PlaceOrderRequest,
    events_pb2.OrderAccepted,
    events_pb2.CustomerNotified,
    inventory_pb2.ReserveOutcome,
    types_pb2.Address,
]


def _messages(kind: type[Message]) -> st.SearchStrategy[Message]:
    """Messages of a type, with any of its fields set."""

    def value(field: Any) -> st.SearchStrategy[Any]:
        if field.message_type is not None:
            one: st.SearchStrategy[Any] = _messages(GetMessageClass(field.message_type))
        elif field.enum_type is not None:
            one = st.sampled_from([value.number for value in field.enum_type.values])
        else:
            one = _NUMBERS[field.type]
        return st.lists(one, max_size=3) if field.is_repeated else one

    fields = st.fixed_dictionaries({}, optional={f.name: value(f) for f in kind.DESCRIPTOR.fields})
    return fields.map(lambda given: kind(**given))


def _written(message: Message) -> bytes:
    """The message by our writers, from the innermost out."""
    given: dict[str, Any] = {}
    for field, value in message.ListFields():
        if field.message_type is None:
            given[field.name] = value
        elif field.is_repeated:
            given[field.name] = [_written(one) for one in value]
        else:
            given[field.name] = _written(value)
    return writer(type(message))(**given)


@pytest.mark.parametrize("kind", TYPES, ids=lambda kind: kind.DESCRIPTOR.name)
@given(data=st.data())
@settings(max_examples=20, deadline=None)
def test_a_written_message_is_byte_by_byte_the_serialized_one(kind: type[Message], data: Any) -> None:
    message = data.draw(_messages(kind))

    written = _written(message)

    assert written == message.SerializeToString()


def test_a_field_of_long_content_is_framed_as_protobuf_does() -> None:
    order = orders_pb2.Order(trace_id="x" * 100_000)

    framed = writer(orders_pb2.PlaceOrderResponse)(order=order.SerializeToString())

    assert framed == orders_pb2.PlaceOrderResponse(order=order).SerializeToString()


def test_an_empty_message_that_is_set_is_not_one_that_is_absent() -> None:
    write = writer(orders_pb2.PlaceOrderResponse)

    assert write(order=b"") == orders_pb2.PlaceOrderResponse(order=orders_pb2.Order()).SerializeToString()
    assert write(order=None) == write() == b""


@given(st.datetimes(datetime(1, 1, 1), datetime(9999, 12, 31), timezones=st.just(UTC)))  # noqa: DTZ001
def test_a_time_is_told_to_the_microsecond(time: datetime) -> None:
    since = time - datetime(1970, 1, 1, tzinfo=UTC)
    seconds, micros = divmod(since // timedelta(microseconds=1), 1_000_000)

    assert timestamp(time) == Timestamp(seconds=seconds, nanos=micros * 1000).SerializeToString()


@pytest.mark.parametrize("number", [0, 1, 127, 128, 16_383, 16_384, 1 << 32, (1 << 63) - 1, -1, -(1 << 63)])
def test_numbers_of_every_size_read_back(number: int) -> None:
    assert orders_pb2.Order.FromString(b"\x40" + varint(number)).tax_minor == number


def test_a_message_with_a_map_has_no_writer() -> None:
    with pytest.raises(ContractError):
        writer(orders_pb2.SourcingCandidate)
