"""The route table follows the contract."""

from __future__ import annotations

import pytest
from google.api import annotations_pb2

from services.gateway.adapters import openapi
from services.gateway.adapters.comments import read_comments
from services.gateway.adapters.problems import BadRequestProblem
from services.gateway.adapters.routes import RouteTable, contract_services, routes_of
from services.gateway.adapters.transcode import build_request


@pytest.fixture(scope="module")
def table() -> RouteTable:
    """The real contract's routes."""
    return RouteTable(routes_of(contract_services()))


def test_every_annotated_method_is_a_route_and_an_operation(table: RouteTable) -> None:
    """A new annotated RPC needs no code: neither for its route nor for its place in the OpenAPI document."""
    annotated = {
        method.full_name
        for service in contract_services()
        for method in service.methods
        if method.GetOptions().HasExtension(annotations_pb2.http)
    }

    document = openapi.document(table.routes, read_comments(), "0")

    assert annotated == {route.method.full_name for route in table.routes}
    operations = [operation for path in document["paths"].values() for operation in path.values()]
    assert len(operations) == len(table.routes)
    assert len({operation["operationId"] for operation in operations}) == len(operations)


def test_every_operation_and_field_of_the_document_is_described(table: RouteTable) -> None:
    """The document is made of the contract's comments; one that is missing is a gap in the contract."""
    document = openapi.document(table.routes, read_comments(), "0")

    undescribed = [
        f"{name}.{field}"
        for name, schema in document["components"]["schemas"].items()
        for field, content in schema.get("properties", {}).items()
        if name != "Problem" and not content.get("description")
    ]
    assert undescribed == []


@pytest.mark.parametrize(
    ("verb", "path", "method", "variables"),
    [
        ("POST", "/v1/orders", "PlaceOrder", {}),
        ("POST", "/v1/orders:preview", "PreviewOrder", {}),
        ("GET", "/v1/orders/ord_1", "GetOrder", {"order_id": "ord_1"}),
        ("GET", "/v1/orders/ord_1:watch", "WatchOrder", {"order_id": "ord_1"}),
        ("POST", "/v1/orders/ord_1:cancel", "CancelOrder", {"order_id": "ord_1"}),
        ("GET", "/v1/products/caf%C3%A9", "GetProduct", {"product_id": "café"}),
    ],
)
def test_a_path_leads_to_its_method(
    table: RouteTable, verb: str, path: str, method: str, variables: dict[str, str]
) -> None:
    """Verbs after a colon and escaped characters included."""
    found = table.find(verb, path)

    assert found is not None
    assert (found[0].method.name, dict(found[1])) == (method, variables)


def test_a_known_path_tells_its_methods(table: RouteTable) -> None:
    """405 names what is allowed, 404 is for what does not exist."""
    assert table.find("DELETE", "/v1/orders") is None
    assert table.verbs("/v1/orders") == ("GET", "POST")
    assert table.verbs("/v1/nothing") == ()


def test_query_parameters_fill_the_request_by_either_spelling(table: RouteTable) -> None:
    """lowerCamelCase as ProtoJSON writes it, and the proto's own names."""
    found = table.find("GET", "/v1/orders")
    assert found is not None

    query = [("channelId", "web"), ("page_size", "5"), ("state", "ORDER_STATE_ACCEPTED")]
    request = build_request(found[0], {}, query, b"", "")

    assert (request.channel_id, request.page_size, request.state) == ("web", 5, 1)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("verb", "path", "query", "body", "key", "reason"),
    [
        ("POST", "/v1/orders", [], b"{", "", "JSON_MALFORMED"),
        ("POST", "/v1/orders", [], b"[]", "", "JSON_MALFORMED"),
        ("POST", "/v1/orders", [], b'{"order": 5}', "", "FIELD_INVALID"),
        ("POST", "/v1/orders", [], b'{"order": {"lines": [{"quantityUnits": "two"}]}}', "", "FIELD_INVALID"),
        ("POST", "/v1/orders", [], b'{"ordr": {}}', "", "FIELD_INVALID"),
        ("POST", "/v1/orders", [], b'{"requestId": "a"}', "b", "REQUEST_ID_MISMATCH"),
        ("POST", "/v1/orders", [("channelId", "web")], b"{}", "", "FIELD_INVALID"),
        ("POST", "/v1/orders/ord_1:cancel", [], b'{"orderId": "ord_2"}', "", "FIELD_INVALID"),
        ("GET", "/v1/orders", [("nonsense", "1")], b"", "", "FIELD_INVALID"),
        ("GET", "/v1/orders", [("pageSize", "many")], b"", "", "FIELD_INVALID"),
        ("GET", "/v1/orders", [("pageSize", "1"), ("pageSize", "2")], b"", "", "FIELD_INVALID"),
        ("GET", "/v1/orders", [("state", "NO_SUCH_STATE")], b"", "", "FIELD_INVALID"),
    ],
)
def test_what_cannot_be_understood_is_refused_before_any_call(
    table: RouteTable, verb: str, path: str, query: list[tuple[str, str]], body: bytes, key: str, reason: str
) -> None:
    """Malformed JSON, wrong types, unknown names and contradictions each have a reason."""
    found = table.find(verb, path)
    assert found is not None

    with pytest.raises(BadRequestProblem) as refused:
        build_request(found[0], found[1], query, body, key)

    assert refused.value.problem.reason == reason
