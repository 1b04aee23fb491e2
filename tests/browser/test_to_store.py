"""A store sends goods to another, which receives them and hands them over, each on a handheld."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from aljibe.fulfillment.v1 import fulfillment_pb2 as pb
from tests.browser.shop_floor import goods, tote
from tests.browser.test_store import now
from tests.browser.visit import LANGUAGES, PHONE, Visit, fits, live, no_violations, touchable
from tests.integration.world import PICKUP, World

NORTH, SOUTH = "store-north", "store-south"
SAYS = {
    "en": {
        "start": "Start picking",
        "picked": "Picked 1",
        "goes": "Parcel for the store store-north",
        "pack": "Packed",
        "carrier": "Carrier",
        "tracking": "Parcel number",
        "ship": "The carrier has it",
        "coming": "to arrive",
        "from": "Comes from store-south",
        "here": "The parcel is here",
        "received": "Received.",
        "ready": "Ready: tell the customer",
        "made ready": "The customer has been told",
    },
    "es": {
        "start": "Empezar a recoger",
        "picked": "Recogidas 1",
        "goes": "Paquete para la tienda store-north",
        "pack": "Empaquetado",
        "carrier": "Transportista",
        "tracking": "Número de envío",
        "ship": "Lo tiene el transportista",
        "coming": "por llegar",
        "from": "Viene de store-south",
        "here": "El paquete ha llegado",
        "received": "Recibido.",
        "ready": "Listo: avisar al cliente",
        "made ready": "Se ha avisado al cliente",
    },
}


@pytest.mark.parametrize("language", LANGUAGES)
async def test_what_one_store_sends_another_receives_and_makes_ready(
    visit: Visit, world: World, language: str
) -> None:
    """The packer sees that the parcel goes to a store; the store sees it coming without asking."""
    says = SAYS[language]
    async with world.under_rules(ship_to_store={"allowed": True}):
        sku, _, _ = await goods(world, SOUTH)
        order = await world.buy(sku, method=PICKUP, store=NORTH)
    work = await world.work(order, SOUTH)
    path = f"/store/work/{work.fulfillment_order_id}"
    receiver = await visit("store", "/store", language=language, width=PHONE, location=NORTH)
    await live(receiver)
    sender = await visit("store", "/store", language=language, width=PHONE, location=SOUTH)

    card = sender.locator(f'a.job[href="{path}"]')
    await expect(card).to_contain_text(says["goes"])
    await card.click()
    await sender.get_by_role("button", name=says["start"]).click()
    await sender.get_by_role("button", name=says["picked"]).click()
    await expect(sender.locator("#work-head")).to_contain_text(says["goes"])
    await sender.get_by_role("button", name=says["pack"], exact=True).click()
    await sender.get_by_label(says["carrier"]).fill("Correo")
    await sender.get_by_label(says["tracking"]).fill("PK-1")
    await sender.get_by_role("button", name=says["ship"]).click()
    await expect(sender.get_by_role("button", name=says["here"])).to_have_count(0)

    coming = receiver.locator('[data-key="coming"] a.job', has_text=tote(work))
    await expect(coming).to_contain_text(says["from"])
    await expect(receiver.locator('[data-key="coming-head"]')).to_contain_text(says["coming"])
    await fits(receiver)
    await no_violations(receiver)
    await coming.click()
    await touchable(receiver)
    await receiver.get_by_role("button", name=says["here"]).click()
    await expect(receiver.get_by_text(says["received"])).to_be_visible()
    assert (await now(world, work)).state == pb.FULFILLMENT_STATE_ARRIVED
    await fits(receiver)
    await receiver.get_by_role("button", name=says["ready"]).click()

    await expect(receiver.get_by_text(says["made ready"])).to_be_visible()
    assert (await now(world, work)).state == pb.FULFILLMENT_STATE_READY
