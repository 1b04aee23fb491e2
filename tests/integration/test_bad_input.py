"""Bad input gets a typed refusal with a reason at both doors, and changes nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import grpc
import pytest

from aljibe.catalog.v1 import catalog_pb2
from aljibe.common.v1 import types_pb2
from aljibe.inventory.v1 import inventory_pb2
from aljibe.orders.v1 import orders_pb2
from tests.integration.world import (
    CARRY_OUT,
    PICKUP,
    Refusal,
    World,
    eventually,
    reason,
    request_id,
)

Change = Callable[[orders_pb2.OrderDraft], None]


def _set(**fields: Any) -> Change:
    def change(draft: orders_pb2.OrderDraft) -> None:
        for name, value in fields.items():
            setattr(draft, name, value)

    return change


def _line(**fields: Any) -> Change:
    def change(draft: orders_pb2.OrderDraft) -> None:
        for name, value in fields.items():
            setattr(draft.lines[0], name, value)

    return change


def _no_country(draft: orders_pb2.OrderDraft) -> None:
    draft.delivery_address.country_code = ""


def _no_point(draft: orders_pb2.OrderDraft) -> None:
    draft.delivery_address.ClearField("point")


def _no_address(draft: orders_pb2.OrderDraft) -> None:
    draft.ClearField("delivery_address")


def _twice(draft: orders_pb2.OrderDraft) -> None:
    draft.lines.add().CopyFrom(draft.lines[0])


def _many_lines(draft: orders_pb2.OrderDraft) -> None:
    for number in range(200):
        draft.lines.add().CopyFrom(draft.lines[0])
        draft.lines[-1].sku = f"other-{number}"


def _no_lines(draft: orders_pb2.OrderDraft) -> None:
    del draft.lines[:]


def _pickup_at(location: str) -> Change:
    return _line(method=PICKUP, pickup_location_id=location)


CASES: dict[str, tuple[Change, int, str]] = {
    "unknown SKU": (_line(sku="no-such-sku"), 404, "SKU_UNKNOWN"),
    "quantity 0": (_line(quantity_units=0), 400, "FIELD_INVALID"),
    "negative quantity": (_line(quantity_units=-1), 400, "FIELD_INVALID"),
    "quantity over the limit": (_line(quantity_units=10_000), 400, "FIELD_INVALID"),
    "201 lines": (_many_lines, 400, "FIELD_INVALID"),
    "no line": (_no_lines, 400, "FIELD_INVALID"),
    "duplicate line": (_twice, 400, "FIELD_INVALID"),
    "no method": (_line(method=0), 400, "FIELD_INVALID"),
    "unknown channel": (_set(channel_id="no-such"), 404, "CHANNEL_UNKNOWN"),
    "no channel": (_set(channel_id=""), 400, "FIELD_INVALID"),
    "unknown pickup store": (_pickup_at("nowhere"), 404, "LOCATION_UNKNOWN"),
    "pickup without a store": (_pickup_at(""), 400, "LOCATION_REQUIRED"),
    "pickup at a warehouse": (_pickup_at("wh-1"), 409, "PICKUP_NOT_POSSIBLE"),
    "no address": (_no_address, 400, "ADDRESS_REQUIRED"),
    "address without country": (_no_country, 400, "FIELD_INVALID"),
    "address without coordinates": (_no_point, 400, "FIELD_INVALID"),
    "unknown coupon": (_set(), 400, "COUPON_UNKNOWN"),
    "currency mismatch": (_set(currency_code="EUR"), 400, "CURRENCY_MISMATCH"),
    "no currency": (_set(currency_code="dollars"), 400, "FIELD_INVALID"),
    "forged quote": (_set(quote_token="forged"), 400, "QUOTE_INVALID"),
    "language unknown here": (lambda d: setattr(d.customer, "language_code", "fr"), 400, "FIELD_INVALID"),
}


@pytest.mark.parametrize("case", CASES, ids=lambda name: name.replace(" ", "-"))
async def test_a_bad_order_is_refused_at_both_doors(world: World, case: str) -> None:
    """The same reason over HTTP and gRPC, and stock is untouched."""
    change, status, why = CASES[case]
    sku = await world.article(stock={"wh-1": 5})
    draft = world.draft({sku: 1})
    change(draft)
    if case == "unknown coupon":
        draft.coupon_codes.append("NO-SUCH-COUPON")
    request = orders_pb2.PlaceOrderRequest(
        request_id=request_id(), order=draft, payment=orders_pb2.PaymentInput(token="tok_ok")
    )
    token = world.token("channel", channels=["web", "no-such"], locations=["*"])

    with pytest.raises(Refusal) as over_http:
        await world.post("/v1/orders", request, token)
    with pytest.raises(grpc.aio.AioRpcError) as over_grpc:
        await world.orders.PlaceOrder(request, metadata=world.auth(token))

    assert (over_http.value.status, over_http.value.reason) == (status, why)
    assert reason(over_grpc.value) == why
    position = await world.position(sku, "wh-1")
    assert (position.on_hand_units, position.reserved_units) == (5, 0)


async def test_every_wrong_field_is_named(world: World) -> None:
    """One answer tells all that is wrong, each by its path."""
    draft = world.draft({"a": 0, "b": 1})
    draft.delivery_address.country_code = "usa"
    request = orders_pb2.PlaceOrderRequest(order=draft, payment=orders_pb2.PaymentInput())

    with pytest.raises(Refusal) as refused:
        await world.post("/v1/orders", request, world.shop())

    fields = {violation["field"] for violation in refused.value.problem["violations"]}
    assert {
        "request_id",
        "payment.token",
        "order.lines[0].quantity_units",
        "order.delivery_address.country_code",
    } <= fields


async def test_a_discontinued_article_is_not_sold(world: World) -> None:
    """A moment after it was taken out of sale, when orders has heard of it."""
    sku = await world.article(stock={"wh-1": 5})
    await world.catalog.DiscontinueVariants(
        catalog_pb2.DiscontinueVariantsRequest(request_id=request_id(), skus=[sku]),
        metadata=world.auth(world.merchandiser),
    )

    async def heard() -> bool:
        request = orders_pb2.PreviewOrderRequest(order=world.draft(sku))
        try:
            await world.orders.PreviewOrder(request, metadata=world.auth(world.shop()))
        except grpc.aio.AioRpcError as error:
            return reason(error) == "SKU_DISCONTINUED"
        return False

    await eventually(heard, "the discontinued article in orders")
    with pytest.raises(Refusal) as refused:
        await world.buy(sku)

    assert (refused.value.status, refused.value.reason) == (409, "SKU_DISCONTINUED")


async def test_an_expired_coupon_is_refused(world: World) -> None:
    """It existed once, and the refusal says so."""
    code = f"OLD-{request_id()[-8:].upper()}"
    promotion = catalog_pb2.Promotion(
        promotion_id=code,
        name=catalog_pb2.LocalizedText(en="Old"),
        percentage_off=catalog_pb2.PercentageOff(basis_points=1000),
        coupon_code=code,
    )
    promotion.valid_until.FromJsonString("2020-01-01T00:00:00Z")
    await world.catalog.UpsertPromotions(
        catalog_pb2.UpsertPromotionsRequest(request_id=request_id(), promotions=[promotion]),
        metadata=world.auth(world.merchandiser),
    )
    sku = await world.article(stock={"wh-1": 1})

    with pytest.raises(Refusal) as refused:
        await world.buy(sku, coupon_codes=[code])

    assert (refused.value.status, refused.value.reason) == (409, "COUPON_EXPIRED")


async def test_more_than_there_is_is_refused_with_the_true_figures(world: World) -> None:
    """The customer reads how many there are."""
    sku = await world.article(stock={"wh-1": 1, "store-north": 1})

    with pytest.raises(Refusal) as refused:
        await world.buy({sku: 3})

    assert (refused.value.status, refused.value.reason) == (409, "INSUFFICIENT_STOCK")
    assert sku in str(refused.value.problem["facts"])
    assert (await world.position(sku, "wh-1")).reserved_units == 0


async def test_a_sale_at_a_warehouse_till_is_refused(world: World) -> None:
    """A warehouse has no tills."""
    sku = await world.article(stock={"wh-1": 1})
    request = orders_pb2.PlaceOrderRequest(
        request_id=request_id(),
        order=world.draft(sku, channel="pos", method=CARRY_OUT, store="wh-1"),
        payment=orders_pb2.PaymentInput(token="cash"),
    )

    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await world.orders.PlaceOrder(request, metadata=world.auth(world.till("wh-1")))

    assert refused.value.code() is grpc.StatusCode.FAILED_PRECONDITION
    assert (await world.position(sku, "wh-1")).on_hand_units == 1


async def test_forged_page_tokens_are_refused(world: World) -> None:
    """At every list that pages, also a token that was made for another query."""
    paths = {
        "/v1/orders": {"channelId": "web"},
        "/v1/products": {"channelId": "web"},
        "/v1/channels": {},
        "/v1/promotions": {},
        "/v1/locations": {},
        "/v1/positions": {"sku": "x"},
        "/v1/movements": {"sku": "x"},
        "/v1/fulfillmentOrders": {"orderId": "x"},
    }
    operator = world.token("operator", channels=["*"], locations=["*"])

    reasons = {}
    for path, query in paths.items():
        with pytest.raises(Refusal) as refused:
            await world.get(path, operator, pageToken="Zm9yZ2Vk", **query)
        reasons[path] = (refused.value.status, refused.value.reason)

    assert reasons == dict.fromkeys(paths, (400, "PAGE_TOKEN_INVALID"))


async def test_a_page_token_is_bound_to_its_query(world: World) -> None:
    """Pages of one list cannot be walked with another's token."""
    operator = world.operator
    first = await world.get("/v1/locations", operator, pageSize="2")

    second = await world.get("/v1/locations", operator, pageSize="2", pageToken=first["nextPageToken"])
    with pytest.raises(Refusal) as elsewhere:
        await world.get("/v1/channels", operator, pageToken=first["nextPageToken"])

    ids = [one["locationId"] for one in (*first["locations"], *second["locations"])]
    assert ids == sorted(set(ids))
    assert elsewhere.value.reason == "PAGE_TOKEN_INVALID"


@pytest.mark.parametrize(
    ("body", "status", "why"),
    [
        (b'{"requestId": ', 400, "JSON_MALFORMED"),
        (b"\xff\xfe", 400, "JSON_MALFORMED"),
        (b'{"order": {"lines": "none"}}', 400, "FIELD_INVALID"),
        (b'{"order": {"lines": [{"quantityUnits": 1.5}]}}', 400, "FIELD_INVALID"),
        (b'{"order": {"nonsense": 1}}', 400, "FIELD_INVALID"),
        (b'{"order": {"customerReference": "' + b"x" * (1 << 20) + b'"}}', 413, "BODY_TOO_LARGE"),
    ],
    ids=["cut-off", "not-text", "wrong-type", "fraction", "unknown-field", "oversized"],
)
async def test_json_that_is_no_request_is_refused(world: World, body: bytes, status: int, why: str) -> None:
    """Before any service is called."""
    headers = {"Authorization": f"Bearer {world.shop()}", "Content-Type": "application/json"}

    answer = await world.http.post("/v1/orders", content=body, headers=headers)

    assert (answer.status_code, answer.json()["reason"]) == (status, why)


async def test_a_message_that_is_too_large_is_refused_over_grpc(world: World) -> None:
    """The limit is the server's; the connection goes on working."""
    draft = world.draft("x")
    draft.customer_reference = "x" * (5 << 20)
    request = orders_pb2.PlaceOrderRequest(request_id=request_id(), order=draft)

    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await world.orders.PlaceOrder(request, metadata=world.auth(world.shop()))
    listed = await world.orders.ListOrders(
        orders_pb2.ListOrdersRequest(channel_id="web"), metadata=world.auth(world.shop())
    )

    assert refused.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert listed is not None


async def test_a_call_without_deadline_gets_one_and_a_short_one_is_kept(world: World) -> None:
    """No call hangs for ever, and a caller in a hurry is not served late."""
    sku = await world.article(stock={"wh-1": 1})
    request = orders_pb2.PlaceOrderRequest(
        request_id=request_id(),
        order=world.draft(sku),
        payment=orders_pb2.PaymentInput(token="tok_slow"),
    )

    with pytest.raises(grpc.aio.AioRpcError) as late:
        await world.orders.PlaceOrder(request, metadata=world.auth(world.shop()), timeout=0.05)
    without = await world.orders.ListOrders(
        orders_pb2.ListOrdersRequest(channel_id="web"), metadata=world.auth(world.shop())
    )

    assert late.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    assert without is not None


async def test_a_client_that_leaves_midway_gets_its_order_once(world: World) -> None:
    """Whether or not the first call went through, the repeat with the same id gives the one order."""
    sku = await world.article(stock={"wh-1": 5})
    key = request_id()
    request = orders_pb2.PlaceOrderRequest(
        request_id=key, order=world.draft(sku), payment=orders_pb2.PaymentInput(token="tok_ok")
    )

    gone = world.orders.PlaceOrder(request, metadata=world.auth(world.shop()))
    await asyncio.sleep(0.005)  # the moment of leaving is the very thing that varies here
    gone.cancel()
    order = await world.buy(sku, key=key)
    again = await world.buy(sku, key=key)

    assert order.order_id == again.order_id

    async def once() -> bool:
        return (await world.position(sku, "wh-1")).reserved_units == 1

    await eventually(once, "single reservation")


async def test_masters_refuse_what_makes_no_sense(world: World) -> None:
    """A warehouse with pickups, a bad barcode, a time zone that does not exist."""
    auth = world.auth(world.planner)
    bad = inventory_pb2.Location(
        location_id="wh-bad",
        name="Bad",
        kind=types_pb2.LOCATION_KIND_WAREHOUSE,
        address=types_pb2.Address(country_code="US", point=types_pb2.GeoPoint(latitude=1, longitude=1)),
        time_zone="America/Chicago",
        capabilities=[inventory_pb2.CAPABILITY_PICKUP],
    )
    with pytest.raises(grpc.aio.AioRpcError) as capability:
        await world.locations.UpsertLocations(
            inventory_pb2.UpsertLocationsRequest(request_id=request_id(), locations=[bad]), metadata=auth
        )
    del bad.capabilities[:]
    bad.time_zone = "Mars/Olympus"
    with pytest.raises(grpc.aio.AioRpcError) as zone:
        await world.locations.UpsertLocations(
            inventory_pb2.UpsertLocationsRequest(request_id=request_id(), locations=[bad]), metadata=auth
        )
    variant = catalog_pb2.Variant(sku="bad-barcode", barcodes=["4006381333932"])
    product = catalog_pb2.Product(
        product_id="bad-barcode", name=catalog_pb2.LocalizedText(en="Bad"), variants=[variant]
    )
    with pytest.raises(grpc.aio.AioRpcError) as barcode:
        await world.catalog.UpsertProducts(
            catalog_pb2.UpsertProductsRequest(request_id=request_id(), products=[product]),
            metadata=world.auth(world.merchandiser),
        )

    reasons = [reason(found.value) for found in (capability, zone, barcode)]
    assert reasons == ["CAPABILITY_NOT_POSSIBLE", "TIME_ZONE_UNKNOWN", "BARCODE_INVALID"]
    listed = await world.locations.ListLocations(inventory_pb2.ListLocationsRequest(), metadata=auth)
    assert "wh-bad" not in {location.location_id for location in listed.locations}
