"""How news reach a page that somebody is using: nothing they do is disturbed, and they see the newest."""

from __future__ import annotations

import asyncio
import json
import re

from playwright.async_api import Page, Route, expect

from tests.browser.visit import PHONE, Visit, in_time, live

AGAIN = "retry: 50\n\n"


class Newsroom:
    """Stands in for the stream of a page: each connection ends at once, with the next news if there is any,
    and the browser connects again.
    """

    def __init__(self) -> None:
        self._news: asyncio.Queue[str] = asyncio.Queue()

    async def take_over(self, page: Page, path: str) -> None:
        """From the next load on."""
        await page.route(f"**{path}", self._answer)
        await page.reload()

    def send(self, event: str = "regions", **content: str) -> None:
        """One event."""
        self._news.put_nowait(f"event: {event}\ndata: {json.dumps(content)}\n\n")

    async def _answer(self, route: Route) -> None:
        news = "" if self._news.empty() else self._news.get_nowait()
        await route.fulfill(content_type="text/event-stream", body=AGAIN + news)


FORM = (
    '<form method="post" action="/preferences"><input type="hidden" name="csrf" value="">'
    '<input type="hidden" name="request_id" value="">'
    '<label for="note">Note</label><input id="note" name="note"></form>'
)


async def test_a_region_waits_while_somebody_types_in_it(visit: Visit) -> None:
    page, newsroom = await visit("operator", "/system"), Newsroom()
    await newsroom.take_over(page, "/system/live")
    newsroom.send(services=f"<p>first</p>{FORM}")
    await page.get_by_label("Note").fill("half a sen")

    newsroom.send(services=f"<p>second</p>{FORM}", news="heard")

    await expect(page.locator("#news")).to_have_text("heard", timeout=in_time())
    await expect(page.locator("#services")).to_contain_text("first")
    await page.get_by_label("Note").blur()
    await expect(page.locator("#services")).to_contain_text("second")
    await expect(page.get_by_label("Note")).to_have_value("half a sen")


async def test_what_is_open_and_in_focus_stays_so(visit: Visit) -> None:
    page, newsroom = await visit("operator", "/system"), Newsroom()
    await newsroom.take_over(page, "/system/live")
    rows = '<details data-key="{0}"><summary>{0}</summary><p>{1}</p></details>'
    newsroom.send(services=rows.format("b", "old"))
    await page.get_by_text("b", exact=True).focus()
    await page.keyboard.press("Enter")

    newsroom.send(services=rows.format("a", "another") + rows.format("b", "new"))

    await expect(page.get_by_text("new")).to_be_visible(timeout=in_time())
    await expect(page.get_by_text("another")).to_be_hidden()
    await expect(page.get_by_text("b", exact=True)).to_be_focused()


async def test_a_form_that_came_as_news_is_this_persons_own(visit: Visit) -> None:
    page, newsroom = await visit("operator", "/system"), Newsroom()
    await newsroom.take_over(page, "/system/live")
    newsroom.send(services=FORM)
    request_id = page.locator('#services input[name="request_id"]')
    await expect(request_id).not_to_have_value("")
    before = await request_id.input_value()

    newsroom.send(services=f"<p>more</p>{FORM}")
    await expect(page.locator("#services")).to_contain_text("more")

    assert await request_id.input_value() == before
    assert len(await page.locator('#services input[name="csrf"]').input_value()) > 20


async def test_a_service_that_is_away_is_said_and_gone_when_it_is_back(visit: Visit) -> None:
    page, newsroom = await visit("operator", "/system"), Newsroom()
    await newsroom.take_over(page, "/system/live")

    newsroom.send("away", sentence="A service is away.")
    await expect(page.get_by_role("alert").filter(has_text="A service is away.")).to_be_visible()
    newsroom.send(services="<p>back</p>")

    await expect(page.locator("#services")).to_have_text("back")
    await expect(page.get_by_role("alert")).to_be_hidden()


async def test_what_is_typed_without_a_connection_stays_until_it_is_back(visit: Visit) -> None:
    """A browser's own page of having no network would take the form and all that was typed with it."""
    visit.expected_errors += ["ERR_INTERNET_DISCONNECTED", "Failed to load resource"]
    page = await visit("operator", "/orders", width=PHONE)
    await live(page)
    search = page.get_by_label("Order number or customer reference")
    said = page.get_by_role("alert").filter(has_text="No connection")

    await page.context.set_offline(True)
    await expect(said).to_be_visible()
    await search.fill("no-such-reference")
    await search.press("Enter")
    await page.get_by_role("link", name="Stock", exact=True).click()
    await expect(search).to_have_value("no-such-reference")
    await expect(page).to_have_url(re.compile("/orders$"))
    await page.context.set_offline(False)
    await expect(said).to_be_hidden()
    await search.press("Enter")

    await expect(page.locator("#found")).to_contain_text("No order fits.")


async def test_pages_ask_nobody_but_the_console(visit: Visit) -> None:
    """A store's network may reach nothing else."""
    asked: set[str] = set()
    page = await visit("operator", "/today")
    page.context.on("request", lambda request: asked.add(request.url))

    for path in (
        "/today",
        "/store",
        "/orders",
        "/stock",
        "/sourcing",
        "/traces",
        "/traces/map",
        "/bus",
        "/system",
    ):
        await page.goto(path)

    assert len(asked) > 9
    assert {url for url in asked if not url.startswith(visit.base_url)} == set()


async def test_somebody_signed_out_elsewhere_is_told(visit: Visit) -> None:
    page, newsroom = await visit("operator", "/system"), Newsroom()
    await newsroom.take_over(page, "/system/live")

    newsroom.send("over", why="signed-out")

    await expect(page.get_by_role("alert").filter(has_text="Your session has ended")).to_be_visible()


async def test_the_slash_key_goes_to_the_search(visit: Visit) -> None:
    page = await visit("operator", "/orders")

    await page.keyboard.press("/")

    await expect(page.locator("[data-search]")).to_be_focused()


async def test_pressing_twice_sends_once(visit: Visit) -> None:
    page = await visit("operator", "/system")
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url) if request.method == "POST" else None)

    await page.get_by_role("button", name="Español").dblclick(no_wait_after=True)
    await expect(page.get_by_role("heading", level=1)).to_have_text("Sistema")

    assert len(sent) == 1
