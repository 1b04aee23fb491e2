"""The page Today over a real run of orders: at both widths, in both languages, live, with its goals."""

from __future__ import annotations

import os
from pathlib import Path

import grpc
import pytest
import uuid_utils
from playwright.async_api import Locator, Page, expect

from aljibe.insights.v1 import insights_pb2, insights_pb2_grpc
from aljibe.orders.v1 import orders_pb2
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
from tests.integration.world import World, hanging

PICTURES = os.environ.get("ALJIBE_TEST_PICTURES", "")
"""A folder for pictures of what the tests saw; empty: none."""
WORDS = {
    "en": {"heading": "Today", "orders": "Orders", "alarms": "Alarms", "table": "As a table"},
    "es": {"heading": "Hoy", "orders": "Pedidos", "alarms": "Alarmas", "table": "Como tabla"},
}


def _figure(page: Page, label: str) -> Locator:
    return page.locator("#figures .figure").filter(has=page.get_by_text(label, exact=True)).locator("dd")


async def _number(page: Page, label: str) -> int:
    text = (
        await page.locator("#figures .figure")
        .filter(has=page.get_by_text(label, exact=True))
        .locator("dd")
        .inner_text()
    )
    return int(text.split()[0].replace(",", "").replace(".", ""))


async def _picture(page: Page, name: str) -> None:
    if PICTURES:
        await page.screenshot(path=Path(PICTURES) / f"{name}.png", full_page=True)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("language", LANGUAGES)
async def test_today_shows_the_run_at_every_width_in_both_languages(
    visit: Visit, language: str, width: int
) -> None:
    """With figures, both charts, a table behind each, goals and channels; nothing scrolls sideways."""
    words = WORDS[language]

    page = await visit("operator", "/today", language=language, width=width)

    await expect(page.get_by_role("heading", level=1)).to_contain_text(words["heading"])
    assert await _number(page, words["orders"]) > 0
    await expect(page.locator("#by-channel svg[role=img]")).to_be_visible()
    await expect(page.locator("#by-way svg[role=img]")).to_be_visible()
    await page.locator("#by-channel summary", has_text=words["table"]).click()
    await expect(page.locator("#by-channel table")).to_be_visible()
    await expect(page.locator("#channels tbody tr").first).to_be_visible()
    await live(page)
    await no_violations(page)
    await fits(page)
    if width == PHONE:
        await touchable(page)
    await _picture(page, f"today-{language}-{width}")


@pytest.mark.parametrize("theme", ["light", "dark"])
async def test_the_whole_day_is_shown_by_hour_in_light_and_dark(visit: Visit, theme: str) -> None:
    page = await visit("operator", "/today", width=DESKTOP, theme=theme)

    await page.get_by_role("link", name="Whole day").click()

    await expect(page.get_by_role("heading", name="Orders per hour by channel")).to_be_visible()
    await expect(page.locator("#by-way svg[role=img]")).to_be_visible()
    await no_violations(page)
    await _picture(page, f"today-day-{theme}")


async def test_an_order_is_on_the_page_within_two_seconds(visit: Visit, world: World) -> None:
    """And what is open in a table stays open, as the news leave alone what did not change."""
    sku = await world.article(stock={"wh-1": 2})
    page = await visit("operator", "/today", width=DESKTOP)
    await live(page)
    await page.locator("#by-way summary").click()
    before = await _number(page, "Orders")

    await world.buy(sku, channel="web")

    await expect(_figure(page, "Orders")).to_contain_text(f"{before + 1:,}", timeout=in_time())
    await expect(page.locator("#by-way table")).to_be_visible()


async def test_a_refusal_is_counted_with_its_reason_within_three_seconds(visit: Visit, world: World) -> None:
    """Orders tells of refusals once a second, and the page has its two seconds after that."""
    sku = await world.article()
    page = await visit("operator", "/today", width=DESKTOP)
    await live(page)
    before = await _number(page, "Refused")

    with pytest.raises(grpc.aio.AioRpcError):
        await world.orders.PlaceOrder(
            orders_pb2.PlaceOrderRequest(
                request_id=str(uuid_utils.uuid7()),
                order=world.draft(sku, channel="web"),
                payment=orders_pb2.PaymentInput(token="tok_ok"),
            ),
            metadata=world.auth(world.shop("web")),
        )

    await expect(_figure(page, "Refused")).to_contain_text(str(before + 1), timeout=in_time() + 1000)
    await expect(page.locator("#refusals")).to_contain_text("too little stock")


async def test_an_operator_sets_and_ends_a_goal_on_the_page(visit: Visit, platform: Platform) -> None:
    """The whole pool's first; a target of 0 ends it."""
    page = await visit("operator", "/today", width=DESKTOP)

    form = page.locator("#goal-form")
    await page.get_by_text("Set a goal").click()
    await form.get_by_label("Channel").select_option("")
    await form.get_by_label("Measure").select_option("UNITS")
    await form.get_by_label("Target per day").fill("123456")
    await page.get_by_role("button", name="Save").click()

    await expect(page.get_by_role("status")).to_contain_text("The goal is set.")
    await expect(page.locator("#goals")).to_contain_text("of 123,456")

    await page.get_by_text("Set a goal").click()
    await form.get_by_label("Measure").select_option("UNITS")
    await form.get_by_label("Target per day").fill("0")
    await page.get_by_role("button", name="Save").click()

    await expect(page.get_by_role("status")).to_contain_text("The goal has ended.")
    await expect(page.locator("#goals")).not_to_contain_text("123,456")


async def test_an_auditor_sees_the_day_and_sets_nothing(visit: Visit) -> None:
    page = await visit("auditor", "/today", width=DESKTOP)

    await expect(page.locator("#figures")).to_be_visible()
    await expect(page.get_by_text("Set a goal")).to_have_count(0)


async def test_a_service_that_is_away_is_an_alarm(visit: Visit, platform: Platform) -> None:
    """Within the seconds that the round of questions takes, and no longer than it lasts."""
    page = await visit("operator", "/today", width=DESKTOP)
    await live(page)

    with hanging(platform, "fulfillment"):
        await expect(page.locator("#alarms")).to_contain_text("fulfillment does not answer", timeout=15_000)
        await _picture(page, "today-alarm")

    await expect(page.locator("#alarms")).not_to_contain_text("fulfillment does not answer", timeout=15_000)


async def test_the_page_works_without_script(visit: Visit) -> None:
    page = await visit("operator", "/today", width=PHONE, javascript=False)

    await expect(page.locator("#by-channel svg[role=img]")).to_be_visible()


async def test_goals_stand_in_the_demo(platform: Platform, world: World) -> None:
    """A run of the demo leaves a page that is not empty."""
    async with grpc.aio.insecure_channel(platform.addresses.grpc["insights"]) as channel:
        stub = insights_pb2_grpc.InsightsServiceStub(channel)
        answer = await stub.ListGoals(
            insights_pb2.ListGoalsRequest(), metadata=world.auth(world.token("operator"))
        )

    assert {goal.channel_id for goal in answer.goals} >= {"", "web"}
