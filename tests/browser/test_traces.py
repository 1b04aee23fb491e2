"""The pages of traces: search, waterfall, map of services."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import expect

from tests.browser.visit import LANGUAGES, WIDTHS, Visit, fits, no_violations
from tests.integration.world import World

STORED = 20_000
"""Spans come in batches: a trace is whole some seconds after the work."""


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("language", LANGUAGES)
async def test_traces_of_a_real_run_are_listed(visit: Visit, language: str, width: int) -> None:
    page = await visit("operator", "/traces", language=language, width=width)

    await expect(page.get_by_role("heading", level=1)).to_have_text(
        {"en": "Traces", "es": "Trazas"}[language]
    )
    await expect(page.locator("#found tbody tr").first).to_be_visible()
    await no_violations(page)
    await fits(page)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("language", LANGUAGES)
async def test_an_orders_trace_is_a_waterfall_that_leads_back_to_the_order(
    visit: Visit, world: World, language: str, width: int
) -> None:
    order = await world.buy(await world.article(stock={"store-north": 1}))
    page = await visit("operator", f"/traces?order={order.order_id}", language=language, width=width)
    row = page.locator("#found tbody tr", has_text="orders").first
    await expect(row).to_be_visible(timeout=STORED)

    await row.get_by_role("link").first.click()
    await page.locator(".fall-span summary", has_text="PlaceOrder").first.click()

    await expect(page.locator(".fall-span").first).to_be_visible()
    await expect(page.locator(".fall-span[open] .attributes").first).to_be_visible()
    assert await page.locator("h2").first.text_content() == {"en": "Waterfall", "es": "Cascada"}[language]
    await no_violations(page)
    await fits(page)
    await page.locator(f'main a[href="/orders/{order.order_id}"]').first.click()
    await expect(page).to_have_url(f"{visit.base_url}/orders/{order.order_id}")


async def test_the_search_takes_order_service_duration_and_errors(visit: Visit, world: World) -> None:
    order = await world.buy(await world.article(stock={"store-north": 1}))
    page = await visit("auditor", f"/traces?order={order.order_id}")
    rows = page.locator("#found tbody tr")
    await expect(rows.first).to_be_visible(timeout=STORED)

    await page.get_by_label("At least (ms)").fill("600000")
    await page.get_by_role("button", name="Search").click()
    await expect(page.get_by_text("No stored trace fits.")).to_be_visible()
    await page.get_by_role("link", name="Clear").click()
    await page.get_by_label("Service").select_option("fulfillment")
    await page.get_by_role("button", name="Search").click()

    await expect(page).to_have_url(re.compile("service=fulfillment"))
    for services in await page.locator("#found td.services").all_text_contents():
        assert "fulfillment" in services


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("language", LANGUAGES)
async def test_the_map_of_services_shows_who_calls_whom(visit: Visit, language: str, width: int) -> None:
    page = await visit("planner", "/traces/map?window=3600", language=language, width=width)

    drawn = page.get_by_role("img", name=re.compile("Map|Mapa"))
    await expect(drawn).to_be_visible()
    await expect(
        page.locator("#map tbody tr", has_text="orders").filter(has_text="inventory").first
    ).to_be_visible()
    await no_violations(page)
    await fits(page)


async def test_a_trace_that_is_gone_says_so(visit: Visit) -> None:
    visit.expected_errors.append("404")

    page = await visit("operator", f"/traces/{'0' * 31}1")

    await expect(page.get_by_role("alert").filter(has_text="not stored")).to_be_visible()


async def test_traces_are_not_for_the_call_centre(visit: Visit) -> None:
    visit.expected_errors.append("403")

    page = await visit("callcentre", "/traces")

    await expect(page.get_by_role("alert").filter(has_text="not for your role")).to_be_visible()
