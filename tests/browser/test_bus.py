"""The page Bus: a message nobody can handle is seen, handled again or given up; outboxes are sent again."""

from __future__ import annotations

from typing import Any

import nats
import pytest
from playwright.async_api import Locator, Page, expect

from aljibe.inventory.v1 import events_pb2 as inventory
from chassis.clock import utc_now
from chassis.envelope import event, headers, source_of
from chassis.ids import new_id
from cli.local.platform import Platform
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

TITLES = {"en": "Dead letters", "es": "Cartas muertas"}


async def poison(platform: Platform) -> str:
    """A message of inventory whose payload nobody can read; the id of its aggregate."""
    about = new_id("hld")
    sent = event(
        "inventory",
        inventory.LocationChanged(),
        aggregate_type="location",
        aggregate_id=about,
        sequence=1,
        occurred_at=utc_now(),
    )
    client = await nats.connect(platform.nats_url)
    try:
        await client.jetstream().publish(
            sent.subject, b"\xff\xff\xff", headers=headers(sent, source_of("inventory"))
        )
    finally:
        await client.close()
    return about


def row(page: Page, about: str) -> Locator:
    return page.locator("#letters tr").filter(has_text=about)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("language", LANGUAGES)
async def test_it_shows_outboxes_consumers_and_streams(
    visit: Visit, platform: Platform, language: str, width: int
) -> None:
    page = await visit("operator", "/bus", language=language, width=width)

    await live(page)
    await expect(page.get_by_role("heading", name=TITLES[language])).to_be_visible()
    for part, name in (("#services", "orders"), ("#consumers", "fulfillment"), ("#streams", "ALJIBE_ORDERS")):
        await expect(page.locator(part).get_by_role("rowheader", name=name, exact=True).first).to_be_visible()
    await expect(page.locator("#streams")).not_to_contain_text("?")
    await no_violations(page)
    await fits(page)
    if width == PHONE:
        await touchable(page)


async def test_a_poisoned_message_is_seen_within_two_seconds_redriven_and_given_up(
    visit: Visit, platform: Platform
) -> None:
    """Handling it again cannot help, and says why; with a note it is given up and stays on record."""
    page = await visit("operator", "/bus", width=DESKTOP)
    await live(page)

    about = await poison(platform)
    letter = row(page, about)
    await expect(letter).to_be_visible(timeout=in_time())
    await expect(letter).to_contain_text("cannot be decoded")
    await letter.locator("summary").click()
    await expect(letter).to_contain_text("aljibe.inventory.v1.LocationChanged")
    await expect(letter).to_contain_text("ff ff ff")
    await no_violations(page)

    await letter.get_by_role("checkbox").check()
    await page.get_by_role("button", name="Handle again").click()
    await confirm(page)
    await expect(page.get_by_role("alert")).to_contain_text("Still dead: 1")
    await row(page, about).get_by_role("checkbox").check()
    await page.get_by_label("Why they are given up").fill("sent by a test")
    await page.get_by_role("button", name="Give up for good").click()
    await confirm(page)

    await expect(page.get_by_text("Given up: 1.")).to_be_visible()
    await expect(row(page, about)).to_have_count(0)
    await page.goto("/bus?letters=any")
    await expect(row(page, about)).to_contain_text("given up")
    await row(page, about).locator("summary").click()
    await expect(row(page, about)).to_contain_text("sent by a test")


async def test_several_are_settled_at_once_and_none_without_a_note(visit: Visit, platform: Platform) -> None:
    page = await visit("operator", "/bus", language="es", width=DESKTOP)
    await live(page)
    both = [await poison(platform), await poison(platform)]

    for about in both:
        await row(page, about).get_by_role("checkbox").check()
    await page.get_by_role("button", name="Descartar").click()
    await confirm(page)
    await expect(page.get_by_role("alert")).to_contain_text("Diga por qué")
    for about in both:
        await row(page, about).get_by_role("checkbox").check()
    await page.get_by_label("Por qué se descartan").fill("prueba")
    await page.get_by_role("button", name="Descartar").click()
    await confirm(page)

    await expect(page.get_by_text("Descartadas: 2.")).to_be_visible()
    for about in both:
        await expect(row(page, about)).to_have_count(0)


async def test_an_outbox_is_published_again_for_a_span_of_time(visit: Visit) -> None:
    page = await visit("operator", "/bus", width=DESKTOP)

    form = page.locator("#replay")
    await form.get_by_label("Service").select_option("orders")
    await form.get_by_label("From").fill("2020-01-01T00:00")
    await form.get_by_role("button", name="Publish again").click()
    await confirm(page)

    await expect(page.get_by_text("events of orders are published again")).to_be_visible()


async def test_an_auditor_sees_all_and_changes_nothing(visit: Visit, platform: Platform) -> None:
    page = await visit("auditor", "/bus", width=DESKTOP)

    about = await poison(platform)

    await expect(row(page, about)).to_be_visible(timeout=in_time())
    await expect(page.get_by_role("checkbox")).to_have_count(0)
    await expect(page.locator("#replay")).to_have_count(0)


async def confirm(page: Page) -> None:
    """Say yes to the question of an action."""
    dialog: Any = page.get_by_role("dialog")
    await dialog.locator("button").last.click()
