"""Field rules of the contract, as a caller meets them."""

from __future__ import annotations

from typing import Any

import pytest
from google.protobuf import descriptor_pb2, descriptor_pool
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message_factory import GetMessageClass
from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aljibe.common.v1 import options_pb2, types_pb2
from aljibe.orders.v1 import orders_pb2
from chassis.contract import ContractError
from chassis.fine import compile_fine
from chassis.ids import new_id
from chassis.refusals import InvalidRequest
from chassis.tests.conftest import Stubs
from chassis.validation import _WELL_KNOWN_SECONDS, MAX_VIOLATIONS, _Compiler, compile_validator


def violations(message: Any) -> list[tuple[str, str]]:
    try:
        compile_validator(message.DESCRIPTOR)(message)
    except InvalidRequest as error:
        return [(found.field, found.reason) for found in error.violations]
    return []


def test_a_request_that_keeps_every_rule_passes(echo: Stubs) -> None:
    request = echo.pb.EchoRequest(
        do="x",
        lines=[{"sku": "A", "quantity_units": 24}, {"sku": "B", "quantity_units": 1}],
        note="ok",
        color=echo.pb.COLOR_RED,
        order_id=new_id("ord"),
        currency="EUR",
        country="ES",
        point={"latitude": 0.0},
        counts={"abc": 1},
        at=Timestamp(seconds=1),
        inner={"currency": "EUR"},
        tags=["a", "b"],
    )

    found = violations(request)

    assert found == []


def test_what_is_optional_may_be_absent(echo: Stubs) -> None:
    assert violations(echo.pb.EchoRequest()) == []


LINE = {"sku": "A", "quantity_units": 1}


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"lines": [{"quantity_units": 1}]}, [("lines[0].sku", "REQUIRED")]),
        ({"lines": [LINE | {"sku": "A" * 9}]}, [("lines[0].sku", "TOO_LONG")]),
        ({"lines": [LINE | {"sku": "a b"}]}, [("lines[0].sku", "PATTERN")]),
        ({"lines": [LINE | {"sku": "A\n"}]}, [("lines[0].sku", "PATTERN")]),
        ({"lines": [{"sku": "A"}]}, [("lines[0].quantity_units", "TOO_SMALL")]),
        ({"lines": [LINE | {"quantity_units": -1}]}, [("lines[0].quantity_units", "TOO_SMALL")]),
        ({"lines": [LINE | {"quantity_units": 25}]}, [("lines[0].quantity_units", "TOO_LARGE")]),
        ({"lines": [LINE, LINE | {"sku": "B"}, LINE]}, [("lines[2].sku", "DUPLICATE")]),
        ({"lines": [LINE] * 6}, [("lines", "TOO_MANY")]),
        ({"note": ""}, [("note", "TOO_SHORT")]),
        ({"note": "n"}, [("note", "TOO_SHORT")]),
        ({"note": "n" * 11}, [("note", "TOO_LONG")]),
        ({"color": 7}, [("color", "UNDEFINED_ENUM")]),
        ({"order_id": "ord_1"}, [("order_id", "ID_MALFORMED")]),
        ({"order_id": new_id("rsv")}, [("order_id", "ID_MALFORMED")]),
        ({"currency": "eur"}, [("currency", "CURRENCY_MALFORMED")]),
        ({"country": "ESP"}, [("country", "COUNTRY_MALFORMED")]),
        ({"point": {}}, [("point.latitude", "REQUIRED")]),
        ({"point": {"latitude": 90.5}}, [("point.latitude", "TOO_LARGE")]),
        ({"point": {"latitude": float("nan")}}, [("point.latitude", "NOT_FINITE")]),
        ({"counts": {"abcd": 1}}, [("counts['abcd']", "TOO_LONG")]),
        ({"counts": {"a": 0}}, [("counts['a']", "TOO_SMALL")]),
        ({"counts": {"a": 1, "b": 1, "c": 1}}, [("counts", "TOO_MANY")]),
        ({"at": Timestamp(seconds=10**15)}, [("at", "TIMESTAMP_MALFORMED")]),
        ({"at": Timestamp(nanos=-1)}, [("at", "TIMESTAMP_MALFORMED")]),
        ({"inner": {"inner": {"currency": "x"}}}, [("inner.inner.currency", "CURRENCY_MALFORMED")]),
        ({"tags": ["a", "a"]}, [("tags[1]", "DUPLICATE")]),
        ({"tags": ["a", "long"]}, [("tags[1]", "TOO_LONG")]),
        ({"do": "a\0b"}, [("do", "NUL_CHARACTER")]),
        ({"do": "x" * 4097}, [("do", "TOO_LONG")]),
    ],
)
def test_each_rule_names_the_field_that_breaks_it(
    echo: Stubs, fields: dict[str, Any], expected: list[tuple[str, str]]
) -> None:
    assert violations(echo.pb.EchoRequest(**fields)) == expected


def test_everything_required_is_asked_for_at_once(echo: Stubs) -> None:
    found = violations(echo.pb.Strict())

    assert found == [(name, "REQUIRED") for name in ("color", "point", "lines", "name", "way")]


def test_a_hostile_request_gets_a_bounded_answer(echo: Stubs) -> None:
    bad = echo.pb.EchoRequest(lines=[{"sku": "a"}] * 5, tags=["long"] * 5000)

    assert len(violations(bad)) == MAX_VIOLATIONS


_TEXTS = st.sampled_from(["", "A", "B-1", "a", "EUR", "ES", "en", "x" * 40, "a\0", new_id("ord")]) | st.text(
    max_size=3
)
_VALUES = {
    FieldDescriptor.CPPTYPE_STRING: _TEXTS,
    FieldDescriptor.CPPTYPE_INT32: st.sampled_from([0, 1, 2, 24, 25, -1, 10_000]),
    FieldDescriptor.CPPTYPE_INT64: st.sampled_from([0, 1, 2, 24, 25, -1, 1 << 60]),
    FieldDescriptor.CPPTYPE_DOUBLE: st.sampled_from([0.0, 45.5, 90.5, -200.0, float("nan")]),
    FieldDescriptor.CPPTYPE_ENUM: st.integers(0, 4),
    FieldDescriptor.CPPTYPE_BOOL: st.booleans(),
}


def _messages(kind: Any, depth: int = 3) -> st.SearchStrategy[Any]:
    """Messages of a type that keep or break its rules."""
    fields: dict[str, Any] = {}
    for field in kind.DESCRIPTOR.fields:
        inner = field.message_type
        if inner is not None and inner.GetOptions().map_entry:
            fields[field.name] = st.dictionaries(_TEXTS, _VALUES[FieldDescriptor.CPPTYPE_INT32], max_size=3)
            continue
        if inner is None:
            one: st.SearchStrategy[Any] = _VALUES[field.cpp_type]
        elif depth:
            one = _messages(GetMessageClass(inner), depth - 1)
        else:
            continue
        fields[field.name] = st.lists(one, max_size=3) if field.is_repeated else one
    return st.fixed_dictionaries({}, optional=fields).map(lambda given: kind(**given))


@pytest.mark.parametrize(
    "name", ["EchoRequest", "Strict", "Line", "DraftLine", "OrderDraft", "PlaceOrderRequest"]
)
@given(data=st.data())
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
def test_the_quick_yes_comes_exactly_when_no_rule_is_broken(echo: Stubs, name: str, data: Any) -> None:
    kind = getattr(echo.pb, name, None) or getattr(orders_pb2, name)
    message = data.draw(_messages(kind))
    compiler = _Compiler()
    check = compiler.message(kind.DESCRIPTOR)
    assert check is not None

    fine = compile_fine(kind.DESCRIPTOR, compiler.field, frozenset(_WELL_KNOWN_SECONDS))

    assert fine(message) is not bool(check(message))


def test_a_usual_order_gets_the_quick_yes() -> None:
    """Else every order pays for both ways."""
    request = orders_pb2.PlaceOrderRequest(
        request_id=new_id("req"),
        order=orders_pb2.OrderDraft(
            channel_id="web",
            lines=[
                orders_pb2.DraftLine(sku=sku, quantity_units=1, method=types_pb2.FULFILLMENT_METHOD_SHIP)
                for sku in "ab"
            ],
        ),
        payment=orders_pb2.PaymentInput(token="tok_ok"),
    )
    asked = []

    def checked(field: Any) -> Any:
        asked.append(field.full_name)
        return _Compiler().field(field)

    assert compile_fine(request.DESCRIPTOR, checked, frozenset())(request)
    assert [name for name in asked if "orders" in name] == ["aljibe.orders.v1.OrderDraft.coupon_codes"]


def _message_with(**rules: Any) -> Any:
    """A message with one int32 field that carries these rules."""
    file = descriptor_pb2.FileDescriptorProto(name=f"{sorted(rules)}.proto", package="bad", syntax="proto3")
    field = file.message_type.add(name="Bad").field.add(name="n", number=1, type=5, label=1)
    field.options.Extensions[options_pb2.rules].CopyFrom(options_pb2.Rules(**rules))
    file.dependency.append("aljibe/common/v1/options.proto")
    pool = descriptor_pool.DescriptorPool()
    for known in (descriptor_pb2.DESCRIPTOR, options_pb2.DESCRIPTOR):
        pool.AddSerializedFile(known.serialized_pb)
    pool.AddSerializedFile(file.SerializeToString())
    return pool.FindMessageTypeByName("bad.Bad")


@pytest.mark.parametrize(
    "rules", [{"max_len": 3}, {"pattern": "x"}, {"unique_by": ["sku"]}, {"gte_double": 1.0}]
)
def test_a_rule_that_does_not_fit_its_field_stops_the_service_from_starting(rules: dict[str, Any]) -> None:
    with pytest.raises(ContractError):
        compile_validator(_message_with(**rules))
