"""Nothing works without a token, and a token works only for what it names: tried on every RPC."""

from __future__ import annotations

import importlib
from datetime import timedelta
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message_factory import GetMessageClass

import aljibe
from aljibe.common.v1 import options_pb2
from aljibe.orders.v1 import orders_pb2
from chassis.auth import TokenMinter
from tests.integration.world import CARRY_OUT, PICKUP, Refusal, World, reason, request_id

ALL_ROLES = (
    "channel",
    "till",
    "associate",
    "operator",
    "merchandiser",
    "planner",
    "auditor",
    "service",
)


def _methods() -> list[MethodDescriptor]:
    found: dict[str, MethodDescriptor] = {}
    for folder in map(Path, aljibe.__path__):
        for stub in sorted(folder.rglob("*_pb2.py")):
            name = ".".join(("aljibe", *stub.relative_to(folder).with_suffix("").parts))
            for service in importlib.import_module(name).DESCRIPTOR.services_by_name.values():
                found.update({method.full_name: method for method in service.methods})
    # A stream of calls, each with a token of its own; chassis/tests/test_exchange.py sends some without.
    del found["aljibe.ops.v1.ExchangeService.Exchange"]
    return [found[name] for name in sorted(found)]


METHODS = _methods()


async def _call(world: World, method: MethodDescriptor, token: str | None) -> grpc.aio.AioRpcError | None:
    """Calls a method with an empty request; the refusal, or None when it was served."""
    owner = method.containing_service.file.package.split(".")[1]
    channel: Any = world.grpc_channel("orders" if owner == "ops" else owner)
    path = f"/{method.containing_service.full_name}/{method.name}"
    request = GetMessageClass(method.input_type)()
    metadata = world.auth(token) if token is not None else ()
    wire: dict[str, Any] = {
        "request_serializer": type(request).SerializeToString,
        "response_deserializer": GetMessageClass(method.output_type).FromString,
    }
    try:
        if method.client_streaming:
            await channel.stream_unary(path, **wire)(iter([request]), metadata=metadata, timeout=5)
        elif method.server_streaming:
            async for _ in channel.unary_stream(path, **wire)(request, metadata=metadata, timeout=5):
                break
        else:
            await channel.unary_unary(path, **wire)(request, metadata=metadata, timeout=5)
    except grpc.aio.AioRpcError as error:
        return error
    return None


@pytest.mark.parametrize("method", METHODS, ids=lambda m: m.full_name)
async def test_no_rpc_answers_without_a_token(world: World, method: MethodDescriptor) -> None:
    """Also not with a token that is broken, expired or signed by somebody else."""
    expired = TokenMinter(world.platform.development_key_file).mint(
        "late", ["operator"], ["*"], ["*"], ttl=timedelta(seconds=-60)
    )

    refusals = {
        "none": await _call(world, method, None),
        "broken": await _call(world, method, "not.a.token"),
        "expired": await _call(world, method, expired),
    }

    for kind, refusal in refusals.items():
        assert refusal is not None, kind
        assert refusal.code() is grpc.StatusCode.UNAUTHENTICATED, kind


@pytest.mark.parametrize("method", METHODS, ids=lambda m: m.full_name)
async def test_each_rpc_is_open_to_its_roles_only(world: World, method: MethodDescriptor) -> None:
    """The contract's own list decides; every other role is refused before its request is even read."""
    access = method.GetOptions().Extensions[options_pb2.access]
    allowed = {options_pb2.Role.Name(role).removeprefix("ROLE_").lower() for role in access.roles}
    assert allowed, "an RPC without roles is open to nobody"

    refused = set()
    for role in (*ALL_ROLES, "nobody"):
        refusal = await _call(world, method, world.token(role, channels=["*"], locations=["*"]))
        if refusal is not None and refusal.code() is grpc.StatusCode.PERMISSION_DENIED:
            refused.add(role)

    assert refused == {*ALL_ROLES, "nobody"} - allowed


async def test_a_token_of_another_channel_buys_nothing(world: World) -> None:
    """At both doors, and nothing is reserved."""
    sku = await world.article(stock={"wh-1": 1})
    request = orders_pb2.PlaceOrderRequest(
        request_id=request_id(),
        order=world.draft(sku, channel="web"),
        payment=orders_pb2.PaymentInput(token="tok_ok"),
    )

    with pytest.raises(grpc.aio.AioRpcError) as over_grpc:
        await world.orders.PlaceOrder(request, metadata=world.auth(world.shop("app")))
    with pytest.raises(Refusal) as over_http:
        await world.post("/v1/orders", request, world.shop("app"))

    assert over_grpc.value.code() is grpc.StatusCode.PERMISSION_DENIED
    assert (over_http.value.status, over_http.value.reason) == (403, "PERMISSION_DENIED")
    assert (await world.position(sku, "wh-1")).reserved_units == 0


async def test_a_till_sells_only_in_its_own_store(world: World) -> None:
    """The token names the store."""
    sku = await world.article(stock={"store-west": 1})
    request = orders_pb2.PlaceOrderRequest(
        request_id=request_id(),
        order=world.draft(sku, channel="pos", method=CARRY_OUT, store="store-west"),
        payment=orders_pb2.PaymentInput(token="cash"),
    )

    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await world.orders.PlaceOrder(request, metadata=world.auth(world.till("store-north")))

    assert refused.value.code() is grpc.StatusCode.PERMISSION_DENIED
    assert (await world.position(sku, "store-west")).on_hand_units == 1


async def test_an_order_is_seen_by_its_own_channel_and_by_staff(world: World) -> None:
    """Another channel's shop reads, watches and cancels nothing of it."""
    sku = await world.article(stock={"wh-1": 1})
    order = await world.buy(sku, channel="web")
    path = f"/v1/orders/{order.order_id}"

    own = await world.get(path, world.shop("web"))
    with pytest.raises(Refusal) as read:
        await world.get(path, world.shop("app"))
    with pytest.raises(Refusal) as watched:
        await world.get(f"{path}:watch", world.shop("app"))
    with pytest.raises(Refusal) as cancelled:
        await world.post(f"{path}:cancel", {"requestId": request_id()}, world.shop("app"))

    assert own["order"]["orderId"] == order.order_id
    assert [found.value.status for found in (read, watched, cancelled)] == [403, 403, 403]


async def test_staff_of_another_store_touches_nothing(world: World) -> None:
    """An associate works on the own location's list only, and cannot read a customer's code."""
    sku = await world.article(stock={"store-north": 1})
    order = await world.buy(sku, channel="app", method=PICKUP, store="store-north")
    work = await world.work(order)
    stranger = world.staff("store-south")
    path = f"/v1/fulfillmentOrders/{work.fulfillment_order_id}"

    refused = []
    for verb in ("startPicking", "pick", "ready"):
        with pytest.raises(Refusal) as one:
            await world.post(f"{path}:{verb}", {"requestId": request_id()}, stranger)
        refused.append(one.value.status)
    with pytest.raises(Refusal) as listed:
        await world.get("/v1/fulfillmentOrders", stranger, locationId="store-north")
    with pytest.raises(Refusal) as code:
        await world.get(f"{path}/pickupCode", world.staff("store-north"))

    assert refused == [403, 403, 403]
    assert (listed.value.status, code.value.status) == (403, 403)
    assert (await world.work_of(order.order_id))[0].version == work.version


async def test_reasons_come_in_the_callers_language(world: World) -> None:
    """Spanish and English, at both doors."""
    sku = await world.article(stock={"wh-1": 1})
    request = orders_pb2.PlaceOrderRequest(
        request_id=request_id(),
        order=world.draft({sku: 5}),
        payment=orders_pb2.PaymentInput(token="tok_ok"),
    )
    answers = {
        language: (
            await world.http.post(
                "/v1/orders",
                json={"requestId": request_id(), "order": _order(sku), "payment": {"token": "tok_ok"}},
                headers={"Authorization": f"Bearer {world.shop()}", "Accept-Language": language},
            )
        ).json()
        for language in ("es", "en")
    }

    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await world.orders.PlaceOrder(request, metadata=world.auth(world.shop()))

    assert reason(refused.value) == "INSUFFICIENT_STOCK"
    assert {answer["reason"] for answer in answers.values()} == {"INSUFFICIENT_STOCK"}
    assert answers["es"]["detail"] != answers["en"]["detail"]


def _order(sku: str) -> dict[str, object]:
    point = {"latitude": 41.9, "longitude": -87.7}
    return {
        "channelId": "web",
        "lines": [{"sku": sku, "quantityUnits": 5, "method": "FULFILLMENT_METHOD_SHIP"}],
        "deliveryAddress": {"countryCode": "US", "point": point},
    }
