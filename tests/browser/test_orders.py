"""The pages of orders: search, one order's life, and what people do to it."""

from __future__ import annotations

import re

import grpc
import pytest
from playwright.async_api import Page, expect

from aljibe.fulfillment.v1 import fulfillment_pb2, incidents_pb2, incidents_pb2_grpc
from aljibe.orders.v1 import orders_pb2
from cli.local.platform import Platform
from tests.browser.visit import (
    LANGUAGES,
    PHONE,
    WIDTHS,
    Visit,
    fits,
    in_time,
    live,
    no_violations,
    touchable,
)
from tests.integration.world import PICKUP, World, eventually, hanging, reason, request_id, units

SETTLED = 15_000


async def confirm(page: Page) -> None:
    """Answer the question that a form asks before it does anything."""
    await page.get_by_role("dialog").get_by_role("button", name=re.compile("^(Yes|Sí)$")).click()


async def unfold(page: Page, name: str) -> None:
    """Open one of the actions."""
    await page.locator("#order-actions summary").get_by_text(name, exact=True).click()


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("language", LANGUAGES)
async def test_the_search_shows_real_orders_to_everybody_who_may_see_them(
    visit: Visit, language: str, width: int
) -> None:
    page = await visit("callcentre", "/orders", language=language, width=width)

    await expect(page.get_by_role("heading", level=1)).to_have_text(
        {"en": "Orders", "es": "Pedidos"}[language]
    )
    assert await page.locator("#found tbody tr").count() > 10
    await no_violations(page)
    await fits(page)
    if width == PHONE:
        await touchable(page)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("language", LANGUAGES)
async def test_one_order_is_told_whole(visit: Visit, world: World, language: str, width: int) -> None:
    sku = await world.article(stock={"store-north": 1, "wh-1": 5})
    order = await world.buy(sku, language=language)
    await world.ship(await world.work(order))
    await world.until(order, lambda one: one.state == orders_pb2.ORDER_STATE_COMPLETED)

    page = await visit("operator", f"/orders/{order.order_id}", language=language, width=width)

    await expect(page.locator("#order-head")).to_contain_text(
        {"en": "completed", "es": "completado"}[language]
    )
    await expect(page.locator("#order-life")).to_contain_text({"en": "shipment", "es": "envío"}[language])
    await expect(page.locator("#order-money")).to_contain_text({"en": "captured", "es": "cobrado"}[language])
    await expect(page.locator("#order-messages li")).to_have_count(2)
    await expect(page.locator("#order-ledger tbody tr")).to_have_count(1)
    await expect(page.get_by_role("img", name=re.compile("Map|Mapa"))).to_be_visible()
    await expect(page.locator("#order-plan tbody tr.chosen")).to_have_count(1)
    await expect(page.locator("#order-trace .fall-span").first).to_be_visible(timeout=SETTLED)
    await no_violations(page)
    await fits(page)


@pytest.mark.parametrize("theme", ["light", "dark"])
async def test_an_order_is_readable_in_both_colours(visit: Visit, world: World, theme: str) -> None:
    order = await world.buy(await world.article(stock={"store-north": 1}))

    page = await visit("operator", f"/orders/{order.order_id}", theme=theme)
    await page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true;")

    await no_violations(page)


async def test_orders_are_found_by_number_reference_article_place_channel_and_state(
    visit: Visit, world: World
) -> None:
    sku = await world.article(stock={"store-west": 4})
    order = await world.buy(sku, channel="app", customer_reference=f"REF {sku}")
    other = await world.buy(sku, channel="web")
    page = await visit("operator", "/orders")
    rows = page.locator("#found tbody tr")

    for query in (
        f"query=REF+{sku}",
        f"sku={sku}&channel=app",
        f"sku={sku}&channel=app&location=store-west&state=ACCEPTED&from=2020-01-01T00:00",
    ):
        await page.goto(f"/orders?{query}")
        await expect(rows).to_have_count(1)
        await expect(rows.get_by_role("link")).to_have_attribute("href", f"/orders/{order.order_id}")
    await page.goto(f"/orders?sku={sku}")
    await expect(rows).to_have_count(2)
    for query in (f"sku={sku}&location=wh-1", f"sku={sku}&to=2020-01-01T00:00", f"sku={sku}&state=RETURNED"):
        await page.goto(f"/orders?{query}")
        await expect(page.get_by_text("No order fits.")).to_be_visible()

    await page.goto("/orders")
    await page.get_by_label("Order number or customer reference").fill(other.order_id)
    await page.get_by_role("button", name="Search").click()

    await expect(page).to_have_url(f"{visit.base_url}/orders/{other.order_id}")


async def test_a_new_order_appears_in_the_list_by_itself(visit: Visit, world: World) -> None:
    sku = await world.article(stock={"store-north": 3})
    page = await visit("operator", f"/orders?sku={sku}")
    await live(page)

    order = await world.buy(sku)

    row = page.locator(f'#found a[href="/orders/{order.order_id}"]')
    await expect(row).to_be_visible(timeout=in_time())


async def test_what_a_store_does_is_on_the_page_of_the_order_at_once(visit: Visit, world: World) -> None:
    order = await world.buy(await world.article(stock={"store-north": 1}))
    work = await world.work(order)
    page = await visit("operator", f"/orders/{order.order_id}")
    await live(page)

    await world.pick(work)

    await expect(page.locator("#order-lines")).to_contain_text("picked", timeout=in_time())
    await expect(page.locator("#order-work")).to_contain_text("picked", timeout=in_time())


async def test_a_place_that_was_not_chosen_says_why_not(visit: Visit, world: World) -> None:
    sku = await world.article(stock={"store-north": 2, "wh-1": 2})
    order = await world.buy(sku)

    page = await visit("operator", f"/orders/{order.order_id}")

    empty = page.locator("#order-plan tr", has=page.get_by_text("store-south", exact=True))
    await page.goto(f"/orders/{order.order_id}?why=store-south")
    await expect(empty).to_contain_text("store-south had none of the articles free to promise.")


async def test_the_call_centre_cancels_a_whole_order_after_a_question(visit: Visit, world: World) -> None:
    order = await world.buy(await world.article(stock={"store-north": 1}))
    page = await visit("callcentre", f"/orders/{order.order_id}", width=PHONE)

    await unfold(page, "Cancel")
    await page.locator("#cancel-form").get_by_label("Reason").fill("changed their mind")
    await page.get_by_role("button", name="Cancel the whole order").click()
    await page.get_by_role("dialog").get_by_role("button", name="No, go back").click()
    assert (await world.order(order)).state == orders_pb2.ORDER_STATE_ACCEPTED
    await page.get_by_role("button", name="Cancel the whole order").click()
    await confirm(page)

    await expect(page.get_by_role("status").filter(has_text="The order is cancelled.")).to_be_visible()
    await expect(page.locator("#order-head")).to_contain_text("cancelled")
    assert (await world.order(order)).state == orders_pb2.ORDER_STATE_CANCELLED


async def test_units_of_a_line_are_cancelled(visit: Visit, world: World) -> None:
    order = await world.buy({await world.article(stock={"store-north": 5}): 3})
    page = await visit("operator", f"/orders/{order.order_id}")

    await unfold(page, "Cancel")
    await page.get_by_label("of 3 not picked yet").fill("2")
    await page.get_by_role("button", name="Cancel these units").click()
    await confirm(page)

    await expect(page.get_by_role("status").filter(has_text="Cancelled: 2 units.")).to_be_visible()
    after = await world.order(order)
    assert units(after, orders_pb2.UNIT_STATE_CANCELLED) == 2
    assert units(after, orders_pb2.UNIT_STATE_ALLOCATED) == 1


async def test_what_is_too_late_to_cancel_is_refused_in_a_sentence_and_stays(
    visit: Visit, world: World
) -> None:
    order = await world.buy(await world.article(stock={"store-north": 1}))
    work = await world.work(order)
    page = await visit("operator", f"/orders/{order.order_id}", javascript=False)
    await unfold(page, "Cancel")

    await world.pick(work)
    await world.until(order, lambda one: units(one, orders_pb2.UNIT_STATE_PICKED) == 1)
    await page.get_by_role("button", name="Cancel the whole order").click()

    await expect(page.get_by_role("alert").filter(visible=True)).to_have_count(1)
    assert units(await world.order(order), orders_pb2.UNIT_STATE_PICKED) == 1


async def test_an_order_is_held_and_the_hold_lifted_with_reasons(visit: Visit, world: World) -> None:
    order = await world.buy(await world.article(stock={"store-north": 1}))
    work = await world.work(order)
    page = await visit("operator", f"/orders/{order.order_id}")

    await unfold(page, "Put on hold")
    await page.locator("#hold-form").get_by_label("Reason").fill("fraud check")
    await page.get_by_role("button", name="Put on hold").click()
    await confirm(page)

    await expect(page.locator("#order-head")).to_contain_text("fraud check")
    await expect(page.locator("#order-life")).to_contain_text("Put on hold by")
    assert (await world.order(order)).on_hold
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await world.pick(work)
    assert reason(refused.value) == "ORDER_ON_HOLD"
    await no_violations(page)

    await page.get_by_role("button", name="Lift the hold").click()
    await confirm(page)

    await expect(page.get_by_role("status").filter(has_text="The hold is lifted.")).to_be_visible()
    assert not (await world.order(order)).on_hold
    await world.pick(work)


async def test_orders_on_hold_are_listed(visit: Visit, world: World) -> None:
    sku = await world.article(stock={"store-north": 2})
    held, free = await world.buy(sku), await world.buy(sku)
    await world.orders.HoldOrder(
        orders_pb2.HoldOrderRequest(request_id=request_id(), order_id=held.order_id, reason="address"),
        metadata=world.auth(world.operator),
    )

    page = await visit("operator", f"/orders?sku={sku}&held=yes")

    await expect(page.locator(f'#found a[href="/orders/{held.order_id}"]')).to_be_visible()
    await expect(page.locator(f'#found a[href="/orders/{free.order_id}"]')).to_have_count(0)
    await expect(page.get_by_label("Only on hold")).to_be_checked()


async def test_another_place_serves_what_an_operator_takes_from_one(visit: Visit, world: World) -> None:
    sku = await world.article(stock={"store-north": 1, "store-south": 1, "store-west": 1})
    order = await world.buy(sku)
    first = (await world.work(order)).location_id
    other = next(place for place in ("store-south", "store-west", "store-north") if place != first)
    last = next(
        place for place in ("store-south", "store-west", "store-north") if place not in (first, other)
    )
    page = await visit("operator", f"/orders/{order.order_id}")

    await unfold(page, "Source again")
    form = page.locator("#source-again-form")
    await form.get_by_label("Nor from").fill(other)
    await form.get_by_label("Reason").fill("the store is flooded")
    await form.get_by_role("button", name="Source again").click()
    await confirm(page)

    await expect(page.get_by_role("status").filter(has_text="Sourced again.")).to_be_visible()
    await expect(page.locator("#order-life")).to_contain_text("an operator wanted it so")
    await expect(page.locator("#order-plan nav a")).to_have_count(2)
    after = await world.order(order)
    assert [
        one.location_id for one in after.lines[0].units if one.state == orders_pb2.UNIT_STATE_ALLOCATED
    ] == [last]


@pytest.mark.parametrize("choice", ["store", "ship", "cancel"])
async def test_the_customers_choice_is_carried_out(visit: Visit, world: World, choice: str) -> None:
    sku = await world.article(stock={"store-north": 1, "store-west": 2})
    order = await world.buy(sku, method=PICKUP, store="store-north", language="en")
    await world.short(await world.work(order), {1: 1}, fulfillment_pb2.SHORT_PICK_REASON_NOT_FOUND)
    await world.until(order, lambda one: units(one, orders_pb2.UNIT_STATE_AWAITING_CUSTOMER) == 1)
    page = await visit("callcentre", f"/orders/{order.order_id}")
    await no_violations(page)

    if choice == "store":
        await page.get_by_label("Collect them at another store").select_option("store-west")
        await page.get_by_role("button", name="Collect them at another store").click()
    elif choice == "cancel":
        await page.get_by_role("button", name="Cancel them").click()
    else:
        await page.locator("#order-choice summary").click()
        for label, text in (
            ("Country", "US"),
            ("Latitude", "41.9"),
            ("Longitude", "-87.7"),
            ("City", "Chicago"),
        ):
            await page.locator("#choose-ship").get_by_label(label).fill(text)
        await page.get_by_role("button", name="Send them to an address").click()
    await confirm(page)

    await expect(page.get_by_role("status").filter(has_text="Done as the customer wants.")).to_be_visible()
    after = await world.order(order)
    (group,) = [one for one in after.lines[0].units if one.quantity_units]
    expected = {
        "store": ("ALLOCATED", "store-west"),
        "ship": ("ALLOCATED", "store-west"),
        "cancel": ("CANCELLED", ""),
    }
    state, place = expected[choice]
    assert group.state == orders_pb2.UnitState.Value(f"UNIT_STATE_{state}")
    assert choice == "cancel" or group.location_id == place


async def test_roles_see_what_they_may_and_no_more(visit: Visit, world: World) -> None:
    order = await world.buy(await world.article(stock={"store-north": 1}))

    agent = await visit("callcentre", f"/orders/{order.order_id}")
    auditor = await visit("auditor", f"/orders/{order.order_id}")

    await expect(agent.locator("#order-plan")).to_have_count(0)
    await expect(agent.locator("#order-trace")).to_have_count(0)
    await expect(agent.locator("#order-actions summary")).to_have_text(["Cancel"])
    await expect(auditor.locator("#order-plan tbody tr.chosen")).to_have_count(1)
    await expect(auditor.locator("#order-actions form")).to_have_count(0)


async def test_everything_can_be_done_without_a_mouse(visit: Visit, world: World) -> None:
    order = await world.buy(await world.article(stock={"store-north": 1}))
    page = await visit("operator", "/orders")

    await page.keyboard.press("/")
    await page.keyboard.type(order.order_id)
    await page.keyboard.press("Enter")
    await page.wait_for_url(f"**/orders/{order.order_id}")
    await page.locator("#order-actions summary").get_by_text("Cancel", exact=True).focus()
    await page.keyboard.press("Enter")
    await page.get_by_role("button", name="Cancel the whole order").focus()
    await page.keyboard.press("Enter")
    await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")

    await expect(page.get_by_role("status").filter(has_text="The order is cancelled.")).to_be_visible()


async def test_what_a_store_told_and_what_came_back_are_in_the_orders_life(
    visit: Visit, world: World
) -> None:
    """One life across all services: a till's return leads from the ledger of stock to its order."""
    sku = await world.article(stock={"store-north": 2})
    order = await world.buy({sku: 2})
    await world.ship(await world.work(order))
    await world.until(order, lambda one: one.state == orders_pb2.ORDER_STATE_COMPLETED)
    report = incidents_pb2.ReportIncidentRequest(
        request_id=request_id(),
        location_id="store-north",
        kind=incidents_pb2.INCIDENT_KIND_INCIDENT,
        category=incidents_pb2.INCIDENT_CATEGORY_CARRIER,
        text="The carrier came late",
        order_id=order.order_id,
    )
    incidents = incidents_pb2_grpc.IncidentServiceStub(world.grpc_channel("fulfillment"))
    await incidents.ReportIncident(report, metadata=world.auth(world.staff("store-north")))
    line = fulfillment_pb2.ReturnedLine(
        line_number=1, quantity_units=1, disposition=fulfillment_pb2.DISPOSITION_RESTOCK, reason="too small"
    )
    back = await world.fulfillment.ReceiveReturn(
        fulfillment_pb2.ReceiveReturnRequest(
            request_id=request_id(), location_id="store-west", order_id=order.order_id, lines=[line]
        ),
        metadata=world.auth(world.till("store-west")),
    )
    await eventually(lambda: _returned(world, sku, back.return_id), "the returned unit in the ledger")

    page = await visit("operator", f"/stock/{sku}/ledger")
    await page.get_by_role("row").filter(has_text="return").get_by_role("link").click()

    await expect(page).to_have_url(re.compile(f"/orders/{order.order_id}$"))
    life = page.locator("#order-life")
    await expect(life).to_contain_text("1 unit came back at store-west")
    await expect(life).to_contain_text("too small")
    await expect(life).to_contain_text("The carrier came late")
    await expect(page.locator("#order-incidents")).to_contain_text("The carrier came late")
    await expect(page.locator("#order-ledger tbody tr")).to_have_count(2)
    await no_violations(page)


async def _returned(world: World, sku: str, return_id: str) -> bool:
    return any(one.document_id == return_id for one in await world.movements(sku))


@pytest.mark.parametrize("width", WIDTHS)
async def test_an_order_is_told_whole_and_cancelled_without_scripts(
    visit: Visit, world: World, width: int
) -> None:
    """The page comes in parts as services answer, and needs nothing of the browser for it."""
    order = await world.buy(await world.article(stock={"store-north": 1, "wh-1": 3}))

    page = await visit("operator", f"/orders/{order.order_id}", width=width, javascript=False)

    await expect(page.locator("#order-head")).to_contain_text("accepted")
    await expect(page.locator("#order-plan tbody tr.chosen")).to_have_count(1)
    await expect(page.locator("#order-life li")).not_to_have_count(0)
    await page.locator("#order-actions summary").get_by_text("Cancel", exact=True).click()
    await page.get_by_role("button", name="Cancel the whole order").click()
    await expect(page.get_by_role("status").filter(has_text="cancelled")).to_be_visible()
    assert (await world.order(order)).state == orders_pb2.ORDER_STATE_CANCELLED


async def test_a_service_that_hangs_does_not_keep_the_page_of_an_order(
    visit: Visit, world: World, platform: Platform
) -> None:
    order = await world.buy(await world.article(stock={"store-north": 1}))
    page = await visit("operator", "/orders")

    with hanging(platform, "telemetry", "fulfillment"):
        await page.goto(f"/orders/{order.order_id}", wait_until="commit")

        await expect(page.locator("#order-lines tbody tr")).to_have_count(1, timeout=in_time())
        await expect(page.locator("#order-head")).to_contain_text("accepted")


async def test_an_order_that_is_not_there_says_so(visit: Visit) -> None:
    visit.expected_errors.append("404")

    page = await visit("operator", "/orders/ord_01jzzzzzzzzzzzzzzzzzzzzzzz")

    await expect(page.locator("main").get_by_role("alert").filter(visible=True)).to_have_count(1)


async def test_an_order_is_on_its_way_before_the_orders_have_answered(
    visit: Visit, world: World, platform: Platform
) -> None:
    order = await world.buy(await world.article(stock={"store-north": 1}))
    page = await visit("operator", "/orders")

    with hanging(platform, "orders"):
        answer = await page.goto(f"/orders/{order.order_id}", wait_until="commit")

        assert answer is not None
        assert answer.status == 200
        await expect(page.get_by_role("heading", level=1)).to_contain_text(order.order_id, timeout=in_time())
    await expect(page.locator("#order-lines tbody tr")).to_have_count(1, timeout=in_time())


async def test_that_there_is_no_such_order_is_said_on_a_page_that_has_begun(
    visit: Visit, platform: Platform
) -> None:
    page = await visit("operator", "/orders")

    with hanging(platform, "orders"):
        await page.goto("/orders/ord_01jzzzzzzzzzzzzzzzzzzzzzzz", wait_until="commit")
        await expect(page.get_by_role("heading", level=1)).to_be_visible(timeout=in_time())

    alert = page.locator("#order-head").get_by_role("alert")
    await expect(alert).to_contain_text("ord_01jzzzzzzzzzzzzzzzzzzzzzzz", timeout=in_time())
