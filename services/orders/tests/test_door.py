"""Orders through its real door: gRPC, PostgreSQL and NATS are real, the neighbours are in memory."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import timedelta
from typing import Any

import grpc
import pytest
import uuid_utils

from aljibe.common.v1 import types_pb2
from aljibe.orders.v1 import orders_pb2
from chassis.errors import error_info_of, reason_of
from chassis.metrics import REGISTRY
from services.orders.tests.conftest import Service

SHIP, PICKUP, CARRY_OUT = 1, 2, 3
PATIENT_SECONDS = 55.0


def address() -> Any:
    return types_pb2.Address(
        country_code="US", region="OH", point=types_pb2.GeoPoint(latitude=40.1, longitude=-80.1)
    )


def wish(
    *lines: tuple[str, int], method: int = SHIP, store: str = "", channel: str = "web", **more: Any
) -> Any:
    places: dict[str, Any] = {"delivery_address": address()} if method == SHIP else {}
    if method == CARRY_OUT:
        places["location_id"] = store
    return orders_pb2.OrderDraft(
        channel_id=channel,
        lines=[
            orders_pb2.DraftLine(
                sku=sku,
                quantity_units=units,
                method=types_pb2.FulfillmentMethod.ValueType(method),
                pickup_location_id=store if method == PICKUP else "",
            )
            for sku, units in lines
        ],
        **places,
        **more,
    )


def place(draft: Any, token: str = "tok_ok", request_id: str = "") -> Any:  # noqa: S107 - the test provider's
    return orders_pb2.PlaceOrderRequest(
        request_id=request_id or str(uuid_utils.uuid7()),
        order=draft,
        payment=orders_pb2.PaymentInput(token=token),
    )


async def refused(call: Any) -> tuple[grpc.StatusCode, str]:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    return caught.value.code(), reason_of(caught.value)


async def test_an_order_is_shipped_from_the_cheapest_location(orders: Service) -> None:
    """The warehouse picks cheaper than a store, and is near."""
    await orders.stock(("a", "store-1", 5), ("a", "wh-1", 5), ("b", "wh-1", 1))

    order = (await orders.stub().PlaceOrder(place(wish(("a", 2), ("b", 1))))).order

    assert [part.location_id for part in order.plan] == ["wh-1"]
    assert order.state == orders_pb2.ORDER_STATE_ACCEPTED
    assert order.total_minor == 3_000
    assert order.payment.state == "AUTHORIZED"
    assert [message.kind for message in order.messages] == ["ORDER_ACCEPTED"]
    read = (await orders.stub().GetOrder(orders_pb2.GetOrderRequest(order_id=order.order_id))).order
    assert read == order


async def test_ten_equal_requests_at_once_give_one_order_and_ten_equal_answers(orders: Service) -> None:
    """A front end that is unsure sends again; the customer must get one order."""
    await orders.stock(("a", "wh-1", 100))
    request = place(wish(("a", 1)))
    stub = orders.stub()

    answers = await asyncio.gather(*(stub.PlaceOrder(request) for _ in range(10)))
    again = await stub.PlaceOrder(request)

    assert all(answer == again for answer in answers)
    assert orders.neighbours.inventory.stock["a", "wh-1"] == 99
    other = place(wish(("a", 2)), request_id=request.request_id)
    assert await refused(stub.PlaceOrder(other)) == (
        grpc.StatusCode.INVALID_ARGUMENT,
        "REQUEST_ID_REUSED",
    )


async def test_two_hundred_buyers_of_the_last_unit_make_one_sale(orders: Service) -> None:
    """No oversell, and no server error for those who come too late. All wait as long as it takes: on a busy
    machine the last may not be reached within the ten seconds of a call that names no deadline.
    """
    await orders.stock(("a", "wh-1", 1))
    stub = orders.stub()

    outcomes = await asyncio.gather(
        *(stub.PlaceOrder(place(wish(("a", 1))), timeout=PATIENT_SECONDS) for _ in range(200)),
        return_exceptions=True,
    )

    counted = Counter(reason_of(one) if isinstance(one, grpc.aio.AioRpcError) else "sold" for one in outcomes)
    assert counted == {"sold": 1, "INSUFFICIENT_STOCK": 199}
    assert orders.neighbours.inventory.stock["a", "wh-1"] == 0


async def test_many_buyers_share_out_all_units_of_many_locations(orders: Service) -> None:
    """Nobody is sent away while a location still has a unit."""
    await orders.stock(*(("a", location, 10) for location in ("store-1", "store-2", "store-3", "wh-1")))
    stub = orders.stub()

    outcomes = await asyncio.gather(
        *(stub.PlaceOrder(place(wish(("a", 1)))) for _ in range(60)), return_exceptions=True
    )

    sold = [one for one in outcomes if not isinstance(one, BaseException)]
    assert len(sold) == 40
    assert sum(orders.neighbours.inventory.stock.values()) == 0


async def test_an_order_is_split_when_no_location_has_all_of_it(orders: Service) -> None:
    """Two parcels are better than none."""
    await orders.stock(("a", "store-1", 1), ("b", "wh-1", 1))

    order = (await orders.stub().PlaceOrder(place(wish(("a", 1), ("b", 1))))).order

    assert sorted(part.location_id for part in order.plan) == ["store-1", "wh-1"]


async def test_an_order_planned_where_a_moment_ago_was_closed_goes_elsewhere(orders: Service) -> None:
    """Orders has not heard of it yet; the customer hears nothing of it. Stock only there is no stock."""
    await orders.stock(("a", "wh-1", 1), ("a", "store-1", 1), ("b", "wh-1", 1))
    orders.neighbours.inventory.closed = {"wh-1"}

    order = (await orders.stub().PlaceOrder(place(wish(("a", 1))))).order
    nowhere_else = await refused(orders.stub().PlaceOrder(place(wish(("b", 1)))))

    assert [part.location_id for part in order.plan] == ["store-1"]
    assert nowhere_else == (grpc.StatusCode.FAILED_PRECONDITION, "INSUFFICIENT_STOCK")


async def test_a_pickup_at_a_store_that_closed_a_moment_ago_is_refused_by_its_reason(orders: Service) -> None:
    """The customer chose that very store."""
    await orders.stock(("a", "store-1", 1), ("a", "wh-1", 1))
    orders.neighbours.inventory.closed = {"store-1"}

    draft = wish(("a", 1), method=PICKUP, store="store-1")
    outcome = await refused(orders.stub().PlaceOrder(place(draft)))

    assert outcome == (grpc.StatusCode.FAILED_PRECONDITION, "LOCATION_INACTIVE")


@pytest.mark.parametrize("token", ["tok_declined", "tok_insufficient_funds"])
async def test_a_declined_payment_releases_everything(orders: Service, token: str) -> None:
    """A refusal leaves nothing behind, and the same request may be paid otherwise."""
    await orders.stock(("a", "wh-1", 1))
    request_id = str(uuid_utils.uuid7())

    outcome = await refused(orders.stub().PlaceOrder(place(wish(("a", 1)), token, request_id=request_id)))
    paid = await orders.stub().PlaceOrder(place(wish(("a", 1)), request_id=request_id))

    assert outcome == (grpc.StatusCode.FAILED_PRECONDITION, "PAYMENT_DECLINED")
    assert paid.order.plan[0].attempt == 2


async def test_a_provider_that_is_away_is_an_outage_and_no_refusal(orders: Service) -> None:
    """Whether it kept the money is unknown, so it is told to let go."""
    await orders.stock(("a", "wh-1", 1))
    stub = orders.stub(subject="away")

    outcome = await refused(stub.PlaceOrder(place(wish(("a", 1)), "tok_unavailable"), timeout=20))

    assert outcome == (grpc.StatusCode.UNAVAILABLE, "PAYMENT_UNAVAILABLE")
    assert orders.neighbours.inventory.stock["a", "wh-1"] == 1
    rows = await orders.fetch("SELECT kind FROM payment_task WHERE task_id LIKE 'void_%'")
    assert {row["kind"] for row in rows} == {"VOID_AUTHORIZATION"}


async def test_what_a_customer_carries_out_is_never_refused_and_captured_at_once(orders: Service) -> None:
    """A fact, not a request."""
    till = orders.stub("till", channels=("pos",), locations=("store-1",))
    draft = wish(("a", 1), method=CARRY_OUT, store="store-1", channel="pos")

    order = (await till.PlaceOrder(place(draft, "cash"))).order

    assert order.state == orders_pb2.ORDER_STATE_COMPLETED
    assert order.lines[0].units[0].state == orders_pb2.UNIT_STATE_HANDED_OVER
    assert not orders.neighbours.inventory.reservations
    settled = await orders.fetch(
        "SELECT captured_minor FROM customer_order WHERE order_id = $1", order.order_id
    )
    for _ in range(100):
        if settled[0]["captured_minor"]:
            break
        await asyncio.sleep(0.05)
        settled = await orders.fetch(
            "SELECT captured_minor FROM customer_order WHERE order_id = $1", order.order_id
        )
    assert settled[0]["captured_minor"] == 1_000


@pytest.mark.parametrize(
    ("draft", "reason"),
    [
        (wish(("no-such", 1)), "SKU_UNKNOWN"),
        (wish(("a", 1), method=PICKUP, store="wh-1"), "PICKUP_NOT_POSSIBLE"),
        (wish(("a", 1), method=PICKUP, store="store-3"), "PICKUP_NOT_POSSIBLE"),
        (wish(("a", 1), method=PICKUP, store="store-9"), "LOCATION_UNKNOWN"),
        (wish(("a", 1), method=PICKUP), "LOCATION_REQUIRED"),
        (wish(("a", 1), currency_code="EUR"), "CURRENCY_MISMATCH"),
        (wish(("a", 0)), "FIELD_INVALID"),
        (wish(("a", 1), ("a", 2)), "FIELD_INVALID"),
        (wish(("a", 2)), "INSUFFICIENT_STOCK"),
    ],
)
async def test_bad_input_gets_a_typed_refusal_and_changes_nothing(
    orders: Service, draft: Any, reason: str
) -> None:
    await orders.stock(("a", "wh-1", 1))

    outcome = await refused(orders.stub().PlaceOrder(place(draft)))

    assert outcome[1] == reason
    assert orders.neighbours.inventory.stock["a", "wh-1"] == 1
    assert sum(orders.neighbours.inventory.stock.values()) == 1


async def test_a_shipped_line_needs_an_address_and_a_channel_its_methods(orders: Service) -> None:
    bare = wish(("a", 1))
    bare.ClearField("delivery_address")
    till = orders.stub("till", channels=("pos",))

    assert (await refused(orders.stub().PlaceOrder(place(bare))))[1] == "ADDRESS_REQUIRED"
    shipped = wish(("a", 1), channel="pos", location_id="store-1")
    assert (await refused(till.PlaceOrder(place(shipped))))[1] == "METHOD_NOT_OFFERED"


async def test_spanish_callers_are_refused_in_spanish(orders: Service) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await orders.stub().PlaceOrder(
            place(wish(("a", 1), method=PICKUP, store="wh-1")), metadata=(("accept-language", "es"),)
        )

    info = error_info_of(caught.value)
    assert info is not None
    assert info.domain == "orders.aljibe.dev"
    details = dict(caught.value.trailing_metadata() or ())["grpc-status-details-bin"]
    assert "Los clientes no pueden recoger" in bytes(details).decode("utf-8", "ignore")


async def test_a_token_sees_only_orders_of_its_channels(orders: Service) -> None:
    await orders.stock(("a", "wh-1", 1))
    order_id = (await orders.stub().PlaceOrder(place(wish(("a", 1))))).order.order_id
    look = orders_pb2.GetOrderRequest(order_id=order_id)

    other = await refused(orders.stub(channels=("app",)).GetOrder(look))
    staff = await orders.stub("associate", channels=()).GetOrder(look)
    foreign = await refused(orders.stub(channels=("app",)).PlaceOrder(place(wish(("a", 1)))))

    assert other[0] is grpc.StatusCode.PERMISSION_DENIED
    assert staff.order.order_id == order_id
    assert foreign[0] is grpc.StatusCode.PERMISSION_DENIED
    unknown = orders_pb2.GetOrderRequest(order_id="ord_00000000000000000000000000")
    assert await refused(orders.stub().GetOrder(unknown)) == (grpc.StatusCode.NOT_FOUND, "ORDER_UNKNOWN")


async def test_a_reservation_found_again_after_a_crash_is_the_plan(orders: Service) -> None:
    """A process died between reserving and accepting; the retry takes up what it left."""
    inventory = orders.neighbours.inventory
    await orders.stock(("a", "wh-1", 1))
    request = place(wish(("a", 1)), "tok_declined")
    await refused(orders.stub().PlaceOrder(request))
    (reservation,) = inventory.reservations.values()
    inventory.released.clear()
    inventory.stock["a", "wh-1"] = 0
    reservation.lines[0].location_id = "store-2"

    retry = place(wish(("a", 1)), request_id=request.request_id)
    inventory.stock["a", "store-1"] = 1
    order = (await orders.stub().PlaceOrder(retry)).order

    assert order.plan[0].location_id == "store-2"
    assert order.plan[0].reservation_id == reservation.reservation_id


async def test_a_preview_prices_plans_and_keeps_nothing(orders: Service) -> None:
    await orders.stock(("a", "wh-1", 1))
    request = orders_pb2.PreviewOrderRequest(order=wish(("a", 1), ("b", 2)))

    preview = await orders.stub().PreviewOrder(request)

    assert preview.order.total_minor == 3_000
    assert [part.location_id for part in preview.order.plan] == ["wh-1"]
    assert [(s.sku, s.requested_units, s.available_units) for s in preview.shortages] == [("b", 2, 0)]
    assert preview.quote_token == "q"
    assert not orders.neighbours.inventory.reservations


async def test_a_preview_tells_what_a_limit_would_refuse_and_asks_for_nothing_else(orders: Service) -> None:
    """Only inventory knows limits; an article that nothing is kept back of costs a preview no call."""
    inventory = orders.neighbours.inventory
    inventory.limits["scarce-1"] = 1
    await orders.stock(("scarce-1", "wh-1", 9), ("plain-1", "wh-1", 9))
    customer = orders_pb2.Customer(customer_id="cus-7")

    async def previewed(*lines: tuple[str, int], hold_id: str = "") -> orders_pb2.PreviewOrderResponse:
        draft = wish(*lines, customer=customer)
        request = orders_pb2.PreviewOrderRequest(order=draft, hold_id=hold_id)
        answer: orders_pb2.PreviewOrderResponse = await orders.stub().PreviewOrder(request)
        return answer

    plain = await previewed(("plain-1", 9))
    asked_for_plain = len(inventory.limits_asked)
    scarce = await previewed(("plain-1", 1), ("scarce-1", 2), hold_id="hld_1")
    within = await previewed(("scarce-1", 1))

    assert (asked_for_plain, list(plain.limit_refusals), list(within.limit_refusals)) == (0, [], [])
    request = inventory.limits_asked[0]
    assert (request.customer_id, request.hold_id) == ("cus-7", "hld_1")
    assert [(line.sku, line.quantity_units) for line in request.lines] == [("scarce-1", 2)]
    assert list(scarce.limit_refusals) == [
        orders_pb2.LimitRefusal(
            reason="BUYER_LIMIT_EXCEEDED", sku="scarce-1", requested_units=2, limit_units=1, left_units=1
        )
    ]
    assert [part.location_id for part in scarce.order.plan] == ["wh-1"]
    assert not scarce.shortages
    assert not inventory.reservations


async def test_orders_are_listed_newest_first_page_by_page(orders: Service) -> None:
    await orders.stock(("a", "wh-1", 9))
    stub = orders.stub()
    placed = []
    for number in range(5):
        draft = wish(("a", 1), customer=orders_pb2.Customer(customer_id="cus-list"))
        draft.customer_reference = f"R-{number}"
        placed.append((await stub.PlaceOrder(place(draft))).order.order_id)
    request = orders_pb2.ListOrdersRequest(channel_id="web", customer_id="cus-list", page_size=2)

    found = []
    while True:
        page = await stub.ListOrders(request)
        found += [order.order_id for order in page.orders]
        request.page_token = page.next_page_token
        if not page.next_page_token:
            break

    assert found == placed[::-1]
    request.page_token = "forged"
    assert (await refused(stub.ListOrders(request)))[1] == "PAGE_TOKEN_INVALID"
    everything = orders_pb2.ListOrdersRequest(page_size=2)
    assert (await refused(stub.ListOrders(everything)))[0] is grpc.StatusCode.PERMISSION_DENIED


async def test_a_decision_is_explained_with_what_ruled_each_location_out(orders: Service) -> None:
    await orders.stock(("a", "store-1", 1), ("a", "wh-1", 1))
    order_id = (await orders.stub().PlaceOrder(place(wish(("a", 1))))).order.order_id
    request = orders_pb2.ExplainSourcingRequest(order_id=order_id)

    answer = await orders.stub("operator", channels=("*",)).ExplainSourcing(request)

    (decision,) = answer.decisions
    assert decision.trigger == "PLACED"
    assert [part.location_id for part in decision.chosen] == ["wh-1"]
    assert {c.location_id: c.eliminated_by for c in decision.candidates} == {
        "store-1": "NOT_CHEAPEST",
        "store-2": "NO_STOCK",
        "store-3": "NO_STOCK",
        "wh-1": "",
    }
    assert decision.cost_minor > 0
    assert decision.co2_grams > 0


async def test_why_not_is_answered_for_a_location_in_two_languages(orders: Service) -> None:
    """A store manager asks about one store, not about a table."""
    await orders.stock(("a", "store-1", 1), ("a", "wh-1", 1))
    order_id = (await orders.stub().PlaceOrder(place(wish(("a", 1))))).order.order_id
    staff = orders.stub("operator", channels=("*",))

    answer = await staff.WhyNot(orders_pb2.WhyNotRequest(order_id=order_id, location_id="store-1"))

    assert (answer.attempt, answer.candidate.eliminated_by) == (1, "NOT_CHEAPEST")
    assert answer.extra_minor > 0
    assert answer.sentence_en.startswith("store-1 could have served 1 unit")
    assert answer.sentence_es.startswith("store-1 podía servir 1 unidad")
    nowhere = staff.WhyNot(orders_pb2.WhyNotRequest(order_id=order_id, location_id="nowhere"))
    assert await refused(nowhere) == (grpc.StatusCode.NOT_FOUND, "LOCATION_UNKNOWN")
    never = staff.WhyNot(orders_pb2.WhyNotRequest(order_id=order_id, location_id="wh-1", attempt=9))
    assert await refused(never) == (grpc.StatusCode.NOT_FOUND, "DECISION_UNKNOWN")


async def test_a_till_sells_what_another_location_sends(orders: Service) -> None:
    """Endless aisle: the shelf is empty, and the customer has it sent home from the till."""
    await orders.stock(("a", "wh-1", 1), ("b", "store-1", 1))
    draft = wish(("a", 1), ("b", 1), location_id="store-1")
    draft.lines[1].method = types_pb2.FULFILLMENT_METHOD_CARRY_OUT
    till = orders.stub("till", channels=("web",), locations=("store-1",))

    order = (await till.PlaceOrder(place(draft))).order

    assert {(part.location_id, part.method) for part in order.plan} == {
        ("wh-1", types_pb2.FULFILLMENT_METHOD_SHIP),
        ("store-1", types_pb2.FULFILLMENT_METHOD_CARRY_OUT),
    }


async def test_a_carried_out_order_that_dies_before_its_acceptance_blocks_no_money(orders: Service) -> None:
    """Nothing is reserved that could expire: the intent to authorise takes its place."""
    till = orders.stub("till", channels=("pos",), locations=("store-1",))
    retried, forgotten = (
        place(wish(("a", 1), method=CARRY_OUT, store="store-1", channel="pos"), "tok_slow") for _ in range(2)
    )

    for request in (retried, forgotten):
        with pytest.raises(grpc.aio.AioRpcError):
            await till.PlaceOrder(request, timeout=0.7)
    keys = {row["authorization_key"] for row in await orders.fetch("SELECT * FROM authorization_intent")}
    accepted = (await till.PlaceOrder(retried)).order
    (left,) = await orders.fetch("UPDATE authorization_intent SET void_at = now() RETURNING *")
    await orders.until_rows(
        "SELECT FROM test_provider_operation WHERE kind = 'VOID_AUTHORIZATION' AND authorization_key = $1",
        left["authorization_key"],
        seconds=45,
    )

    (taken,) = await orders.until_rows(
        "SELECT p.* FROM test_provider_operation p JOIN customer_order o USING (authorization_key)"
        " WHERE o.order_id = $1",
        accepted.order_id,
    )
    assert keys == {left["authorization_key"], taken["authorization_key"]}
    assert (taken["kind"], taken["amount_minor"]) == ("CAPTURE", 1_000)
    assert await orders.fetch("SELECT FROM authorization_intent") == []


async def test_a_declined_card_at_the_till_is_tried_again_under_another_key(orders: Service) -> None:
    """A provider answers an old key with its old answer."""
    till = orders.stub("till", channels=("pos",), locations=("store-1",))
    draft = wish(("a", 1), method=CARRY_OUT, store="store-1", channel="pos")

    declined = await refused(till.PlaceOrder(place(draft, "tok_declined")))
    left = await orders.fetch("SELECT FROM authorization_intent")
    paid = await till.PlaceOrder(place(draft))

    assert declined == (grpc.StatusCode.FAILED_PRECONDITION, "PAYMENT_DECLINED")
    assert left == []
    assert paid.order.state == orders_pb2.ORDER_STATE_COMPLETED


async def test_watching_an_order_that_is_not_there_listens_to_nothing(orders: Service) -> None:
    """An id is part of a subject, so a wildcard in its place would hear everybody's orders."""
    watch = orders.stub().WatchOrder(orders_pb2.WatchOrderRequest(order_id="*"))

    assert await refused(watch.read()) == (grpc.StatusCode.NOT_FOUND, "ORDER_UNKNOWN")


async def test_a_repeat_gets_the_first_answer_whatever_became_of_stock_and_prices(orders: Service) -> None:
    """The order stands: that nothing is left of the article, or that it is sold no more, is no reason."""
    await orders.stock(("a", "wh-1", 1))
    request = place(wish(("a", 1)))
    stub = orders.stub()
    first = await stub.PlaceOrder(request)

    await orders.stock(("a", "wh-1", 0))
    sold_out = await stub.PlaceOrder(request)

    assert sold_out == first
    assert len(orders.neighbours.inventory.reservations) == 1


async def test_a_repeat_leaves_the_reservation_of_the_accepted_order_alone(orders: Service) -> None:
    """Inventory may not know yet that the order is accepted, and the reservation look as if it were about to
    end: who gives it back then takes the goods from an order that stands.
    """
    await orders.stock(("a", "wh-1", 2))
    orders.neighbours.inventory.expire = timedelta(seconds=60)
    request = place(wish(("a", 1)))
    stub = orders.stub()

    first = await stub.PlaceOrder(request)
    again = await stub.PlaceOrder(request)

    assert again == first
    assert not orders.neighbours.inventory.released


async def test_a_repeat_of_an_order_paid_at_the_second_attempt_gets_its_answer(orders: Service) -> None:
    """The first attempt's reservation has ended; a third would be a second order."""
    await orders.stock(("a", "wh-1", 5))
    request_id = str(uuid_utils.uuid7())
    stub = orders.stub()
    await refused(stub.PlaceOrder(place(wish(("a", 1)), "tok_declined", request_id=request_id)))
    request = place(wish(("a", 1)), request_id=request_id)

    paid = await stub.PlaceOrder(request)
    again = await stub.PlaceOrder(request)

    assert again == paid
    assert orders.neighbours.inventory.stock["a", "wh-1"] == 4


async def test_a_repeat_of_what_was_carried_out_gets_its_answer(orders: Service) -> None:
    """No reservation tells that it came before."""
    till = orders.stub("till", channels=("pos",), locations=("store-1",))
    request = place(wish(("a", 1), method=CARRY_OUT, store="store-1", channel="pos"), "cash")

    first = await till.PlaceOrder(request)
    again = await till.PlaceOrder(request)

    assert again == first


async def test_only_what_may_have_come_before_is_looked_up(orders: Service) -> None:
    """A new order does not pay for the few that come again."""
    await orders.stock(("a", "wh-1", 5))
    request = place(wish(("a", 1)))
    stub = orders.stub()

    before = _looked_up()
    await stub.PlaceOrder(request)
    new = _looked_up() - before
    await stub.PlaceOrder(request)

    assert (new, _looked_up() - before) == (0, 1)


def _looked_up() -> float:
    """Groups of look-ups that this process has run; the service is in it."""
    found = REGISTRY.get_sample_value("aljibe_group_size_count", {"group": "orders.lookup"})
    return found or 0.0
