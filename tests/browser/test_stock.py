"""A stock controller at an article: where it is, what can be promised and why, who keeps it, what moved."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from playwright.async_api import expect

from aljibe.inventory.v1 import (
    controls_pb2,
    controls_pb2_grpc,
    holds_pb2,
    holds_pb2_grpc,
    inventory_pb2,
    supply_pb2,
    supply_pb2_grpc,
    transfers_pb2,
    transfers_pb2_grpc,
)
from tests.browser.shop_floor import goods, parcel, pickup
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
from tests.integration.world import World, request_id

NORTH, SOUTH = "store-north", "store-south"
FIGURES = {
    "en": ("Available", "On hand", "Reserved", "Safety", "Held by baskets"),
    "es": ("Disponible", "Existencias", "Reservado", "Seguridad", "Retenido por cestas"),
}
SAYS = {
    "en": {
        "terms": ("held by baskets", "buffer"),
        "on the way": "on the way",
        "transfer": "transfer out",
        "agree": "All figures agree",
    },
    "es": {
        "terms": ("retenido por cestas", "margen"),
        "on the way": "en camino",
        "transfer": "salida por traslado",
        "agree": "Todas las cifras cuadran",
    },
}


async def busy_article(world: World) -> tuple[str, str, str]:
    """One with stock at two stores, an order, a basket, a control, goods expected and goods on their way."""
    sku, code, name = await goods(world, NORTH, units=40)
    await world.receive(sku, SOUTH, 10)
    await pickup(world, NORTH, (sku, 3))
    auth, inventory = world.auth(world.operator), world.grpc_channel("inventory")
    await holds_pb2_grpc.HoldServiceStub(inventory).CreateHold(
        holds_pb2.CreateHoldRequest(
            request_id=request_id(),
            channel_id="web",
            lines=[holds_pb2.HeldLine(sku=sku, quantity_units=2)],
        ),
        metadata=auth,
    )
    control = controls_pb2.ChannelControl(
        channel_id="app", sku=sku, buffer=controls_pb2.ControlAmount(units=5)
    )
    await controls_pb2_grpc.ChannelControlServiceStub(inventory).SetChannelControls(
        controls_pb2.SetChannelControlsRequest(request_id=request_id(), controls=[control]), metadata=auth
    )
    expected = supply_pb2.UpsertSupplyRequest(
        request_id=request_id(),
        supply_id=f"PO-{sku}",
        location_id=SOUTH,
        lines=[supply_pb2.SupplyUnits(sku=sku, quantity_units=100)],
    )
    expected.expected_time.FromDatetime(datetime.now(UTC) + timedelta(days=3))
    await supply_pb2_grpc.SupplyServiceStub(inventory).UpsertSupply(expected, metadata=auth)
    transfers = transfers_pb2_grpc.TransferServiceStub(inventory)
    planned = await transfers.CreateTransfer(
        transfers_pb2.CreateTransferRequest(
            request_id=request_id(),
            source_id=NORTH,
            destination_id=SOUTH,
            lines=[transfers_pb2.TransferUnits(sku=sku, quantity_units=4)],
        ),
        metadata=auth,
    )
    await transfers.DispatchTransfer(
        transfers_pb2.DispatchTransferRequest(
            request_id=request_id(), transfer_id=planned.transfer.transfer_id, source_id=NORTH
        ),
        metadata=auth,
    )
    return sku, code, name


async def test_an_article_is_found_by_name_and_by_barcode(visit: Visit, world: World) -> None:
    _, code, name = await goods(world, NORTH)
    page = await visit("planner", "/stock")

    await page.get_by_role("searchbox").fill(name.lower())
    await page.keyboard.press("Enter")
    await page.get_by_role("link", name=name).click()
    await expect(page.get_by_role("heading", level=1)).to_have_text(name)
    await page.goto("/stock")
    await page.keyboard.type(code)
    await page.keyboard.press("Enter")

    await expect(page.get_by_role("heading", level=1)).to_have_text(name)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("language", LANGUAGES)
async def test_everything_about_an_article_stands_on_one_page(
    visit: Visit, world: World, language: str, width: int
) -> None:
    """36 at the one store of which 3 are reserved, 10 at the other, 2 in a basket, 5 kept from the app."""
    sku, _, _ = await busy_article(world)
    says = SAYS[language]
    page = await visit("operator", f"/stock/{sku}?channel=app", language=language, width=width)

    figures = dict(
        zip(
            await page.locator("#pool dt").all_inner_texts(),
            await page.locator("#pool dd").all_inner_texts(),
            strict=True,
        )
    )
    assert figures == dict(zip(FIGURES[language], ("41", "46", "3", "0", "2"), strict=True))
    promise = page.locator("#explain .sum")
    for term in says["terms"]:
        await expect(promise).to_contain_text(term)
    await expect(promise).to_contain_text("= 36")
    await expect(page.locator("#claims tbody tr")).to_have_count(2)
    await expect(page.locator("#coming")).to_contain_text(f"PO-{sku}")
    await expect(page.locator("#coming")).to_contain_text(str(says["on the way"]))
    await expect(page.locator("#movements")).to_contain_text(str(says["transfer"]))
    await expect(page.get_by_text(str(says["agree"]))).to_be_visible()
    await live(page)
    await no_violations(page)
    await fits(page)
    if width == PHONE:
        await touchable(page)


async def test_a_sale_is_on_the_page_within_two_seconds(visit: Visit, world: World) -> None:
    sku, _, _ = await goods(world, NORTH, units=9)
    page = await visit("auditor", f"/stock/{sku}")
    await live(page)

    work = await parcel(world, (sku, 2))

    await expect(page.locator("#pool dd").first).to_have_text("7", timeout=in_time())
    await expect(page.locator("#claims tbody tr")).to_have_count(1)
    await expect(page.locator("#claims")).to_contain_text(work.order_id[-8:])


async def test_a_planner_corrects_stock_with_a_reason_after_saying_yes(visit: Visit, world: World) -> None:
    sku, _, _ = await goods(world, NORTH, units=9)
    page = await visit("planner", f"/stock/{sku}")

    await page.get_by_label("Difference in units").fill("−2")
    await page.get_by_label("Cause").select_option(label="damage")
    await page.get_by_role("textbox", name="Why", exact=True).fill("A broken box")
    await page.get_by_role("button", name="Correct").click()
    await page.get_by_role("button", name="No, go back").click()
    assert (await world.position(sku, NORTH)).on_hand_units == 9
    await page.get_by_role("button", name="Correct").click()
    await page.get_by_role("button", name="Yes").click()
    await expect(page.get_by_text("Corrected. On hand there now: 7.")).to_be_visible()

    movement = (await world.movements(sku))[0]
    assert (movement.quantity_units, movement.cause) == (-2, inventory_pb2.MOVEMENT_CAUSE_DAMAGE)
    assert (movement.actor, movement.note) == ("planner", "A broken box")


async def test_who_only_reads_is_not_offered_to_correct(visit: Visit, world: World) -> None:
    sku, _, _ = await goods(world, NORTH)

    for account, location in (("auditor", ""), ("store", NORTH)):
        page = await visit(account, f"/stock/{sku}", location=location)
        await expect(page.locator("#pool")).to_be_visible()
        await expect(page.get_by_role("button", name="Correct")).to_have_count(0)


async def test_the_ledger_is_filtered_by_place_kind_cause_and_time(visit: Visit, world: World) -> None:
    sku, _, _ = await busy_article(world)
    page = await visit("auditor", f"/stock/{sku}/ledger")
    rows = page.locator("tbody tr")
    await expect(rows).to_have_count(3)

    async def shown(label: str, option: str) -> None:
        await page.get_by_label(label, exact=True).select_option(label=option)
        await page.get_by_role("button", name="Show").click()

    await shown("Location", SOUTH)
    await expect(rows).to_have_count(1)
    await shown("Location", "any")
    await expect(rows).to_have_count(3)
    await shown("Kind", "moved")
    await expect(rows).to_have_count(1)
    await expect(rows).to_contain_text("transfer out")
    await shown("Cause", "receipt")
    await expect(rows).to_have_count(2)
    tomorrow = (datetime.now(UTC) + timedelta(days=2)).strftime("%Y-%m-%dT%H:%M")
    await page.get_by_label("From").fill(tomorrow)
    await page.get_by_role("button", name="Show").click()
    await expect(page.get_by_text("No movement fits")).to_be_visible()
    await no_violations(page)


async def test_the_audit_of_everything_is_one_button(visit: Visit, world: World) -> None:
    page = await visit("auditor", "/stock")

    await page.get_by_role("link", name="Audit all stock").click()

    await expect(page.get_by_text("All figures agree")).to_be_visible()
    await no_violations(page)


@pytest.mark.parametrize("language", LANGUAGES)
async def test_search_and_ledger_are_readable_on_a_phone(visit: Visit, world: World, language: str) -> None:
    sku, _, _ = await goods(world, NORTH)
    page = await visit("operator", "/stock", language=language, width=PHONE)

    for path in ("/stock?q=crisps", "/stock?q=nothing-like-it", f"/stock/{sku}/ledger"):
        await page.goto(path)
        await no_violations(page)
        await fits(page)
        await touchable(page)
