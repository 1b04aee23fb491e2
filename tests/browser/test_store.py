"""A day of a store's associate on a handheld, with the real services behind it."""

from __future__ import annotations

import pytest
from playwright.async_api import APIResponse, Page, Route, expect

from aljibe.fulfillment.v1 import fulfillment_pb2 as pb
from aljibe.inventory.v1 import inventory_pb2
from aljibe.orders.v1 import orders_pb2
from cli.local.platform import Platform
from tests.browser.shop_floor import goods, parcel, pickup, tote
from tests.browser.visit import (
    DESKTOP,
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
from tests.integration.world import World, eventually, hanging, units

NORTH, SOUTH, WEST = "store-north", "store-south", "store-west"
SAYS = {
    "en": {
        "start": "Start picking",
        "started": "You pick this order.",
        "one left": "1 left to pick",
        "last": "that was the last",
        "not found": "Not on the shelf",
        "report": "Report missing",
        "pack": "Packed",
        "carrier": "Carrier",
        "tracking": "Parcel number",
        "ship": "The carrier has it",
        "shipped": "On its way with Correo.",
        "picked": "Picked 1",
        "ready": "Ready: tell the customer",
        "made ready": "The customer has been told",
        "handed over": "Handed over. Done.",
    },
    "es": {
        "start": "Empezar a recoger",
        "started": "Recoge esta orden.",
        "one left": "queda 1 por recoger",
        "last": "era la última",
        "not found": "No está en el estante",
        "report": "Comunicar el faltante",
        "pack": "Empaquetado",
        "carrier": "Transportista",
        "tracking": "Número de envío",
        "ship": "Lo tiene el transportista",
        "shipped": "En camino con Correo.",
        "picked": "Recogidas 1",
        "ready": "Listo: avisar al cliente",
        "made ready": "Se ha avisado al cliente",
        "handed over": "Entregado. Hecho.",
    },
}


async def scan(page: Page, code: str) -> None:
    """As a scanner does: letters wherever the focus is, then Enter."""
    await page.keyboard.type(code)
    await page.keyboard.press("Enter")


async def scan_into(page: Page, code: str) -> None:
    """The same on a page that has just come, once its field has the focus."""
    await expect(page.locator("input:focus")).to_have_count(1)
    await scan(page, code)


async def now(world: World, work: pb.FulfillmentOrder) -> pb.FulfillmentOrder:
    """The work as it is now."""
    answer = await world.fulfillment.GetFulfillmentOrder(
        pb.GetFulfillmentOrderRequest(fulfillment_order_id=work.fulfillment_order_id),
        metadata=world.auth(world.operator),
    )
    return answer.fulfillment_order


@pytest.mark.parametrize("language", LANGUAGES)
async def test_a_parcel_is_picked_by_barcode_missed_in_part_packed_and_shipped(
    visit: Visit, world: World, language: str
) -> None:
    says = SAYS[language]
    (sku, code, _), (other, _, _) = await goods(world, NORTH), await goods(world, NORTH, aisle="11")
    work = await parcel(world, (sku, 2), (other, 1))
    page = await visit("store", "/store", language=language, width=PHONE, location=NORTH)

    await page.get_by_text(tote(work), exact=True).click()
    await page.get_by_role("button", name=says["start"]).click()
    await expect(page.get_by_role("status").filter(has_text=says["started"])).to_be_visible()
    await expect(page.locator("#barcode")).to_be_focused()
    await scan(page, "2099999999990")
    await expect(page.locator("#scan-said.refused")).to_contain_text("2099999999990")
    await scan(page, code)
    await expect(page.locator("#scan-said.done")).to_contain_text(says["one left"])
    await scan(page, code)
    await expect(page.locator("#scan-said.done")).to_contain_text(says["last"])
    await scan(page, code)
    await expect(page.locator("#scan-said.refused")).to_be_visible()
    await page.locator("summary").click()
    await page.get_by_label(says["not found"]).check()
    await page.get_by_role("button", name=says["report"]).click()
    await page.get_by_role("button", name=says["pack"], exact=True).click()
    await page.get_by_label(says["carrier"]).fill("Correo")
    await page.get_by_label(says["tracking"]).fill("PK-1")
    await page.get_by_role("button", name=says["ship"]).click()

    await expect(page.get_by_text(says["shipped"])).to_be_visible()
    shipped = await now(world, work)
    assert shipped.state == pb.FULFILLMENT_STATE_SHIPPED
    assert shipped.tracking_number == "PK-1"
    assert shipped.picker == "store"
    lines = {line.sku: (line.picked_units, line.short_units) for line in shipped.lines}
    assert lines == {sku: (2, 0), other: (0, 1)}


@pytest.mark.parametrize("language", LANGUAGES)
async def test_a_pickup_is_made_ready_and_handed_over_against_the_right_code_only(
    visit: Visit, world: World, language: str
) -> None:
    says = SAYS[language]
    sku, _, name = await goods(world, NORTH)
    work = await pickup(world, NORTH, (sku, 1), reference="WEB-77")
    page = await visit(
        "store", f"/store/work/{work.fulfillment_order_id}", language=language, width=PHONE, location=NORTH
    )

    await page.get_by_role("button", name=says["picked"]).click()
    await page.get_by_role("button", name=says["ready"]).click()
    await expect(page.get_by_text(says["made ready"])).to_be_visible()
    shown = await world.fulfillment.GetPickupCode(
        pb.GetPickupCodeRequest(fulfillment_order_id=work.fulfillment_order_id),
        metadata=world.auth(world.shop("web")),
    )
    wrong = "000000" if shown.code != "000000" else "111111"
    await page.goto("/store/counter")
    await page.get_by_role("searchbox").fill("web-77")
    await page.keyboard.press("Enter")
    await page.get_by_text(tote(work), exact=True).click()
    await scan_into(page, wrong)
    await expect(page.get_by_role("alert").filter(has_text="4")).to_be_visible()
    assert (await now(world, work)).state == pb.FULFILLMENT_STATE_READY
    await scan_into(page, shown.code)

    await expect(page.get_by_text(says["handed over"])).to_be_visible()
    assert (await now(world, work)).state == pb.FULFILLMENT_STATE_HANDED_OVER
    assert name


async def test_a_locked_code_is_renewed_and_a_customer_who_does_not_come_is_given_up_on(
    visit: Visit, world: World
) -> None:
    sku, _, _ = await goods(world, NORTH)
    work = await pickup(world, NORTH, (sku, 1))
    code = await world.make_ready(work)
    page = await visit("store", f"/store/work/{work.fulfillment_order_id}", width=PHONE, location=NORTH)

    for said in ("left: 4", "left: 3", "left: 2", "left: 1", "left: 0", "Locked"):
        await page.get_by_label("The customer's code").fill("000000" if code != "000000" else "111111")
        await page.get_by_role("button", name="Hand over").click()
        await expect(page.get_by_role("alert").filter(has_text=said)).to_be_visible()
    await page.get_by_role("button", name="New code").click()
    await page.get_by_role("button", name="Yes").click()
    await expect(page.get_by_text("There is a new code")).to_be_visible()
    assert code not in await page.content()
    await page.get_by_role("button", name="Customer did not come").click()
    await page.get_by_role("button", name="Yes").click()

    await expect(page.get_by_text("Put the goods back on the shelf")).to_be_visible()
    assert (await now(world, work)).state == pb.FULFILLMENT_STATE_EXPIRED


async def test_the_pick_list_goes_by_aisle_over_several_orders_and_prints(visit: Visit, world: World) -> None:
    (near, code, name), (far, _, other) = (
        await goods(world, WEST, aisle="2"),
        await goods(world, WEST, aisle="10"),
    )
    works = [await pickup(world, WEST, (far, 1), (near, 1)), await pickup(world, WEST, (near, 2))]
    page = await visit("store", "/store", width=PHONE, location=WEST)

    await page.get_by_role("button", name="Pick the next").click()
    await expect(page).to_have_url(f"{visit.base_url}/store/pick")
    headings = page.locator(".leg h2")
    # Work of other tests may be on the list, too: of articles without an aisle.
    assert [text.strip() for text in await headings.all_inner_texts()][:2] == ["Aisle 2", "Aisle 10"]
    stop = page.locator(".stop").filter(has_text=name)
    await expect(stop.locator(".stop-units")).to_have_text("3×")
    for work in works:
        await expect(stop).to_contain_text(tote(work))
    await live(page)
    await scan(page, code)
    await expect(stop.locator(".stop-units")).to_have_text("2×", timeout=in_time())
    await page.get_by_label("Sorted by").select_option("order")
    for work in works:
        await expect(headings.filter(has_text=tote(work))).to_have_count(1)
    await page.emulate_media(media="print")
    await expect(page.get_by_text(other)).to_be_visible()
    await expect(page.locator("#barcode")).to_be_hidden()
    await expect(page.locator(".dock")).to_be_hidden()


async def test_what_was_scanned_without_a_connection_is_sent_once_when_it_is_back(
    visit: Visit, world: World
) -> None:
    visit.expected_errors += ["ERR_INTERNET_DISCONNECTED", "Failed to load resource", "Failed to fetch"]
    sku, code, _ = await goods(world, NORTH)
    work = await parcel(world, (sku, 5))
    page = await visit("store", f"/store/work/{work.fulfillment_order_id}", width=PHONE, location=NORTH)
    await page.get_by_role("button", name="Start picking").click()
    await expect(page.locator("#barcode")).to_be_focused()

    await page.context.set_offline(True)
    await scan(page, code)
    await scan(page, code)
    await expect(page.get_by_role("alert").filter(has_text="No connection")).to_be_visible()
    await page.context.set_offline(False)
    await expect(page.locator("#scan-said.done")).to_contain_text("3 left to pick")

    assert (await now(world, work)).lines[0].picked_units == 2
    await expect(page.get_by_role("alert").filter(has_text="No connection")).to_be_hidden()


async def test_an_answer_that_was_lost_on_the_way_does_not_pick_twice(visit: Visit, world: World) -> None:
    visit.expected_errors += ["ERR_CONNECTION_RESET", "ERR_FAILED", "Failed to load resource"]
    sku, code, _ = await goods(world, NORTH)
    work = await parcel(world, (sku, 3))
    page = await visit("store", f"/store/work/{work.fulfillment_order_id}", width=PHONE, location=NORTH)
    await page.get_by_role("button", name="Start picking").click()
    await expect(page.locator("#barcode")).to_be_focused()
    lost: list[APIResponse] = []

    async def lose(route: Route) -> None:
        if lost:
            await route.continue_()
            return
        lost.append(await route.fetch())
        await route.abort("connectionreset")

    await page.route("**/store/pick/scan", lose)
    await scan(page, code)

    await expect(page.locator("#scan-said.done")).to_contain_text("2 left to pick")
    assert lost
    assert (await now(world, work)).lines[0].picked_units == 1


async def test_goods_come_back_and_are_sold_again_or_not(visit: Visit, world: World) -> None:
    sku, _, _ = await goods(world, NORTH, units=10)
    work = await parcel(world, (sku, 3))
    await world.ship(work)
    await world.until(work.order_id, lambda found: units(found, orders_pb2.UNIT_STATE_SHIPPED) == 3)
    page = await visit("store", "/store/counter", width=PHONE, location=SOUTH)

    await page.get_by_role("link", name="Take goods back").click()
    await scan_into(page, work.order_id)
    await page.get_by_label("Came back").fill("2")
    await page.get_by_label("What becomes of them").select_option(label="Back on the shelf")
    await page.get_by_role("button", name="Take back").click()

    await expect(page.get_by_text("2 taken back")).to_be_visible()
    assert (await now(world, work)).lines[0].returned_units == 2

    async def restocked() -> inventory_pb2.Position | None:
        found = await world.position(sku, SOUTH)
        return found if found.on_hand_units == 2 else None

    await eventually(restocked, "two units at the store that took them back")


async def test_a_store_tells_operations_and_hears_their_answer_live(visit: Visit, world: World) -> None:
    sku, _, _ = await goods(world, SOUTH)
    work = await pickup(world, SOUTH, (sku, 1))
    text = f"The shelf of {sku} is empty"
    page = await visit("store", f"/store/work/{work.fulfillment_order_id}", width=PHONE, location=SOUTH)
    await page.get_by_role("link", name="Tell operations about this").click()
    await page.get_by_label("What is it about?").select_option(label="Book and shelf differ")
    await page.get_by_role("textbox", name="What went wrong").fill(text)
    await page.get_by_role("textbox", name="What would help?").fill("Count the aisle")
    await page.get_by_role("button", name="Send", exact=True).click()
    await expect(page.get_by_text("Sent. Operations answer here.")).to_be_visible()
    await live(page)
    operations = await visit("operator", "/store/incidents", width=DESKTOP)
    told = operations.locator(".stop").filter(has_text=text)

    await told.get_by_text("Answer", exact=True).click()
    await told.get_by_label("What was done").fill(f"We count {sku} tonight")
    await told.get_by_role("button", name="Send the answer").click()
    await expect(operations.get_by_text("Answered.")).to_be_visible()

    await expect(page.get_by_text(f"We count {sku} tonight")).to_be_visible(timeout=in_time())
    await told.get_by_role("button", name="Close").click()
    await operations.get_by_role("button", name="Yes").click()
    await expect(operations.get_by_text("Closed.")).to_be_visible()
    await expect(told).to_contain_text("closed")
    await no_violations(operations)


async def test_a_few_articles_are_counted_without_being_told_what_the_book_says(
    visit: Visit, world: World
) -> None:
    (sku, code, name), (other, _, _) = await goods(world, SOUTH, units=7), await goods(world, SOUTH, units=4)
    page = await visit("store", "/store/counts", width=PHONE, location=SOUTH)

    await page.get_by_label("Articles to count").fill(f"{code}\n{other}")
    await page.get_by_role("button", name="Start the count").click()
    await expect(page.get_by_role("heading", name=name)).to_be_visible()
    await no_violations(page)
    await touchable(page)
    await scan(page, "5")
    await expect(page.get_by_text("5 written down.")).to_be_visible()
    await scan_into(page, other)
    await expect(page.get_by_label("Units on the shelf")).to_be_focused()
    await scan(page, "4")
    await expect(page.get_by_text("4 written down.")).to_be_visible()
    assert sorted(await page.locator(".stop-units").all_inner_texts()) == ["4", "5"]
    await page.get_by_role("button", name="Finish the count").click()
    await page.get_by_role("button", name="Yes").click()

    await expect(page.get_by_text("Difference: 2 units")).to_be_visible()
    assert (await world.position(sku, SOUTH)).on_hand_units == 5
    assert (await world.position(other, SOUTH)).on_hand_units == 4


async def test_new_work_is_on_the_list_within_two_seconds(visit: Visit, world: World) -> None:
    sku, _, _ = await goods(world, SOUTH)
    page = await visit("store", "/store", width=PHONE, location=SOUTH)
    await live(page)

    work = await pickup(world, SOUTH, (sku, 1))

    await expect(page.get_by_text(tote(work), exact=True)).to_be_visible(timeout=in_time())


async def test_an_associate_sees_the_own_store_only_and_an_operator_chooses(
    visit: Visit, world: World
) -> None:
    visit.expected_errors.append("403")
    sku, _, _ = await goods(world, NORTH)
    work = await pickup(world, NORTH, (sku, 1))

    stranger = await visit("store", f"/store?location={NORTH}", width=PHONE, location=SOUTH)
    await expect(stranger.get_by_text(tote(work), exact=True)).to_have_count(0)
    await stranger.goto(f"/store/work/{work.fulfillment_order_id}")
    await expect(stranger.get_by_role("alert")).to_be_visible()
    operator = await visit("operator", "/store")
    await operator.get_by_role("link", name="Store-North").click()

    await expect(operator.get_by_text(tote(work), exact=True)).to_be_visible()
    auditor = await visit("auditor", f"/store/work/{work.fulfillment_order_id}")
    await expect(auditor.locator("main").get_by_role("button")).to_have_count(0)


async def test_a_unit_is_picked_without_scripts(visit: Visit, world: World) -> None:
    sku, code, _ = await goods(world, NORTH)
    work = await parcel(world, (sku, 2))
    await world.fulfillment.StartPicking(
        pb.StartPickingRequest(request_id=f"x-{sku}", fulfillment_order_id=work.fulfillment_order_id),
        metadata=world.auth(world.staff(NORTH)),
    )
    page = await visit(
        "store",
        f"/store/work/{work.fulfillment_order_id}",
        width=PHONE,
        location=NORTH,
        javascript=False,
    )

    await page.get_by_label("Scan or type a barcode").fill(code)
    await page.keyboard.press("Enter")

    await expect(page.locator(".flash.done")).to_contain_text("1 left to pick")
    assert (await now(world, work)).lines[0].picked_units == 1


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("language", LANGUAGES)
async def test_every_part_is_readable_by_all_and_large_enough_for_a_thumb(
    visit: Visit, world: World, language: str, width: int
) -> None:
    sku, _, _ = await goods(world, NORTH)
    ready, picking, fresh = [await pickup(world, NORTH, (sku, 2), reference="A-1") for _ in range(3)]
    await world.make_ready(ready)
    page = await visit("store", "/store", language=language, width=width, location=NORTH)
    await page.goto(f"/store/work/{picking.fulfillment_order_id}")
    async with page.expect_navigation():
        await page.get_by_role("button", name=SAYS[language]["start"]).click()
    await page.locator("summary").click()

    for path in (
        f"/store/work/{picking.fulfillment_order_id}",
        f"/store/work/{ready.fulfillment_order_id}",
        f"/store/work/{fresh.fulfillment_order_id}",
        "/store",
        "/store/pick",
        "/store/counter",
        f"/store/returns?order={ready.order_id}",
        "/store/counts",
        "/store/incidents",
    ):
        await page.goto(path)
        await no_violations(page)
        await fits(page)
        if width == PHONE:
            await touchable(page)


async def test_the_page_is_there_before_its_work_is_known(
    visit: Visit, world: World, platform: Platform
) -> None:
    """Who waits sees that something comes."""
    sku, _, _ = await goods(world, NORTH)
    work = await parcel(world, (sku, 1))
    page = await visit("store", "/store/counter", location=NORTH)

    with hanging(platform, "fulfillment"):
        await page.goto("/store", wait_until="commit")
        await expect(page.get_by_role("heading", level=1)).to_be_visible(timeout=in_time())

    await expect(page.get_by_text(tote(work), exact=True)).to_be_visible(timeout=in_time())
