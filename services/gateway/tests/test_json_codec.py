"""The compiled codec says what json_format says, for every message that a route of the contract carries."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import orjson
import pytest
from google.protobuf import descriptor_pb2, json_format, struct_pb2, wrappers_pb2
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aljibe.catalog.v1 import catalog_pb2
from aljibe.orders.v1 import orders_pb2
from services.gateway.adapters.json_codec import MAX_JSON_DEPTH, JsonCodec
from services.gateway.adapters.routes import contract_services, routes_of

CODEC = JsonCodec()
ROUTES = tuple(routes_of(contract_services()))
REQUESTS = sorted({route.request_class for route in ROUTES}, key=lambda kind: kind.DESCRIPTOR.full_name)
RESPONSES = sorted({route.response_class for route in ROUTES}, key=lambda kind: kind.DESCRIPTOR.full_name)
DEEPEST = 5
EXAMPLES = int(os.environ.get("ALJIBE_TEST_EXAMPLES", "200"))
SECONDS = st.integers(-62135596800, 253402300799)
NANOS = st.sampled_from((0, 1, 1_000, 1_001, 1_000_000, 123_000_000, 123_456_000, 123_456_789, 999_999_999))
MAX_DURATION_SECONDS = 315_576_000_000
"""Ten thousand years, by google/protobuf/duration.proto."""
TEXTS = st.one_of(
    st.sampled_from(("", "a", "ñandú", "0", '"\\\n')), st.text(st.characters(codec="utf-8"), max_size=6)
)
_FIELD = FieldDescriptor
SCALARS: dict[int, st.SearchStrategy[Any]] = {
    _FIELD.CPPTYPE_INT32: st.one_of(st.sampled_from((0, 1, -1)), st.integers(-(2**31), 2**31 - 1)),
    _FIELD.CPPTYPE_INT64: st.one_of(st.sampled_from((0, 1, -1)), st.integers(-(2**63), 2**63 - 1)),
    _FIELD.CPPTYPE_UINT32: st.integers(0, 2**32 - 1),
    _FIELD.CPPTYPE_UINT64: st.integers(0, 2**64 - 1),
    _FIELD.CPPTYPE_BOOL: st.booleans(),
    _FIELD.CPPTYPE_DOUBLE: st.one_of(st.sampled_from((0.0, -0.0, 1.0)), st.floats()),
    _FIELD.CPPTYPE_FLOAT: st.floats(width=32),
}
ODD = st.sampled_from(
    (
        *(
            None,
            True,
            0,
            7,
            -3,
            2**40,
            2.0,
            2.5,
            "",
            "12",
            "-4",
            "1.0",
            " 5",
            "x",
            "NaN",
            [],
            [None],
            ["a"],
            [1],
        ),
        *({}, {"a": None}, {"sku": "s"}, "2026-02-30T00:00:00Z", "2026-02-03T04:05:06.7+01:00", "Ana"),
    )
)


@st.composite
def filled(draw: st.DrawFn, descriptor: Any, make: Callable[[], Message], depth: int = 0) -> Message:
    """A message of the type, with about half of its fields."""
    message = make()
    if descriptor.full_name == "google.protobuf.Timestamp":
        stamp: Any = message
        stamp.seconds, stamp.nanos = draw(SECONDS), draw(NANOS)
        return message
    if descriptor.full_name == "google.protobuf.Duration":
        span: Any = message
        sign = draw(st.sampled_from((1, -1)))
        # Both parts have the sign of the whole.
        span.seconds, span.nanos = sign * draw(st.integers(0, MAX_DURATION_SECONDS)), sign * draw(NANOS)
        return message
    for field in descriptor.fields:
        if not draw(st.booleans()) or (field.message_type is not None and depth >= DEEPEST):
            continue
        value: Any = getattr(message, field.name)
        if field.message_type is not None and field.message_type.GetOptions().map_entry:
            scalar = _scalar(field.message_type.fields_by_name["value"])
            for key in draw(st.lists(TEXTS, max_size=2)):
                value[key] = draw(scalar)
        elif field.message_type is not None and field.is_repeated:
            for _ in range(draw(st.integers(0, 2))):
                draw(filled(field.message_type, value.add, depth + 1))
        elif field.message_type is not None:
            value.SetInParent()
            draw(filled(field.message_type, lambda made=value: made, depth + 1))  # type: ignore[misc]
        elif field.is_repeated:
            value.extend(draw(st.lists(_scalar(field), max_size=2)))
        else:
            setattr(message, field.name, draw(_scalar(field)))
    return message


def _scalar(field: FieldDescriptor) -> st.SearchStrategy[Any]:
    if field.enum_type is not None:
        return st.sampled_from((*field.enum_type.values_by_number, 9_999))
    if field.type == FieldDescriptor.TYPE_BYTES:
        return st.binary(max_size=5)
    return TEXTS if field.type == FieldDescriptor.TYPE_STRING else SCALARS[field.cpp_type]


def _reference(kind: type[Message], document: Any) -> Message | str:
    made = kind()
    try:
        json_format.ParseDict(document, made, max_recursion_depth=MAX_JSON_DEPTH)
    except json_format.ParseError as error:
        return str(error)
    return made


def _ours(kind: type[Message], document: object) -> Message | str:
    try:
        return CODEC.message(kind, document)
    except json_format.ParseError as error:
        return str(error)


def _bytes(outcome: Message | str) -> bytes | str:
    # NaN differs from itself: what is sent on is compared.
    return outcome if isinstance(outcome, str) else outcome.SerializeToString(deterministic=True)


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
@given(kind=st.sampled_from((*REQUESTS, *RESPONSES)), data=st.data())
def test_a_message_becomes_the_document_that_json_format_makes(
    kind: type[Message], data: st.DataObject
) -> None:
    """Names, omission of defaults, numbers as text, enums, times, maps, and the order of fields."""
    message = data.draw(filled(kind.DESCRIPTOR, kind))

    document = CODEC.document(message)

    assert orjson.dumps(document) == orjson.dumps(json_format.MessageToDict(message))


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
@given(kind=st.sampled_from(REQUESTS), data=st.data())
def test_a_document_becomes_the_message_that_json_format_makes(
    kind: type[Message], data: st.DataObject
) -> None:
    """Under either name of a field."""
    message = data.draw(filled(kind.DESCRIPTOR, kind))
    own_names = data.draw(st.booleans())
    document = json_format.MessageToDict(message, preserving_proto_field_name=own_names)

    assert _bytes(_ours(kind, document)) == _bytes(_reference(kind, document))


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
@given(kind=st.sampled_from(REQUESTS), data=st.data())
def test_an_odd_document_is_read_or_refused_as_json_format_does(
    kind: type[Message], data: st.DataObject
) -> None:
    """What is accepted and every word of a refusal are the reference's."""
    document = json_format.MessageToDict(data.draw(filled(kind.DESCRIPTOR, kind)))
    spots = _spots(document, kind.DESCRIPTOR)
    holder, key = spots[data.draw(st.integers(0, len(spots) - 1))]
    holder[key] = data.draw(ODD)

    assert _bytes(_ours(kind, document)) == _bytes(_reference(kind, document))


def _spots(document: Any, descriptor: Any) -> list[tuple[Any, Any]]:
    """Where something can be put in the place of what is there, or beside it."""
    names = [name for field in descriptor.fields for name in (field.name, field.json_name)]
    found: list[tuple[Any, Any]] = [(document, name) for name in (*names, "unheardOf", "[x.y]")]
    waiting = [document]
    while waiting:
        part = waiting.pop()
        for key, value in part.items() if isinstance(part, dict) else enumerate(part):
            found.append((part, key))
            if isinstance(value, dict | list):
                waiting.append(value)
    return found


@pytest.mark.parametrize("kind", [*REQUESTS, *RESPONSES], ids=lambda kind: kind.DESCRIPTOR.name)
def test_every_message_of_the_contract_has_its_codec(kind: type[Message]) -> None:
    """A proto that cannot be compiled is noticed here and not by its first caller."""
    assert CODEC.document(kind()) == {}
    assert CODEC.message(kind, {}) == kind()


@pytest.mark.parametrize("body", [None, 1, "x", [], ["a"], [{}], True])
def test_a_body_that_is_no_object_is_refused_as_json_format_does(body: object) -> None:
    """A field of the request may be the body, and then any JSON may arrive there."""
    document = {"order": body}

    ours = _bytes(_ours(orders_pb2.PlaceOrderRequest, document))

    assert ours == _bytes(_reference(orders_pb2.PlaceOrderRequest, document))


@pytest.mark.parametrize("seconds", [-62135596801, 253402300800])
def test_a_time_outside_the_calendar_is_an_error(seconds: int) -> None:
    """As in json_format, rather than a text that no client can read."""
    message = orders_pb2.Order(accept_time=Timestamp(seconds=seconds))

    with pytest.raises(ValueError, match=r"[Tt]imestamp"):
        CODEC.document(message)


@pytest.mark.parametrize(
    "message",
    [
        struct_pb2.Value(list_value=struct_pb2.ListValue(values=[struct_pb2.Value(bool_value=True)])),
        wrappers_pb2.Int64Value(value=5),
        wrappers_pb2.FloatValue(value=0.1),
        descriptor_pb2.FieldDescriptorProto(name="x", number=3),
        catalog_pb2.Product(product_id="p"),
    ],
    ids=lambda message: message.DESCRIPTOR.name,
)
def test_types_that_are_rare_go_through_json_format(message: Message) -> None:
    """Forms of their own and old protos; the contract has none of them today, and may tomorrow."""
    document = json_format.MessageToDict(message)

    assert CODEC.document(message) == document
    assert CODEC.message(type(message), document) == message
