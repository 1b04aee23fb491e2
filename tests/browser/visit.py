"""A person at a page: signs in by role, looks in a language at a width, and notes what goes wrong in the
browser.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from axe_playwright_python.async_playwright import Axe
from playwright.async_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    Response,
    StorageState,
    expect,
)

PHONE = 360
DESKTOP = 1440
LANGUAGES = ("en", "es")
WIDTHS = (PHONE, DESKTOP)
LIVE_MILLISECONDS = 2000
"""News must be on the page within this time, on a machine that is ours; `in_time` asks whether it is."""
WAIT_MILLISECONDS = 30_000
_SAMPLE_SECONDS = 0.02
expect.set_options(timeout=WAIT_MILLISECONDS)
_AXE_OPTIONS = {
    "runOnly": {
        "type": "tag",
        "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    },
    # What has passed need not be written down, element by element.
    "resultTypes": ["violations"],
}
_WIDER_THAN_THE_SCREEN = """() => {
  const room = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth <= room) return [];
  const right = (one) => Math.round(one.getBoundingClientRect().right);
  const held = (one) => {
    const box = one.closest(".scroll, .menu, pre");
    // What is placed by something outside the box is not clipped by it.
    return box !== null && (getComputedStyle(one).position !== "absolute" || box.contains(one.offsetParent));
  };
  return [...document.querySelectorAll("body *")]
    .filter((one) => right(one) > room + 1 && !held(one))
    .slice(0, 8).map((one) => `${one.tagName}.${one.getAttribute("class")} ends at ${right(one)}`);
}"""
_TOO_SMALL = """(least) => {
  const field = "main input:not([type=hidden], [type=checkbox], [type=radio])";
  const height = (one) => one.getBoundingClientRect().height;
  return [...document.querySelectorAll(`main button, ${field}, main select, .menu a, main a.button`)]
    .filter((one) => one.offsetParent !== null && height(one) < least - 0.5)
    .slice(0, 8).map((one) => `${one.outerHTML.slice(0, 120)} is ${height(one)} high`);
}"""


Passes = dict[tuple[str, str], StorageState]
"""The cookies of who has signed in, by account and location: who comes again need not do so again."""


@dataclass
class Visit:
    """Makes pages for people. Every page is looked at for errors when the test ends."""

    browser: Browser
    base_url: str
    passes: Passes = field(default_factory=dict)
    expected_errors: list[str] = field(default_factory=list)
    """Parts of messages that this test brings about on purpose."""
    _contexts: list[BrowserContext] = field(default_factory=list)
    _errors: list[str] = field(default_factory=list)

    async def __call__(
        self,
        account: str,
        path: str = "/",
        *,
        language: str = "en",
        width: int = DESKTOP,
        location: str = "",
        theme: str = "light",
        javascript: bool = True,
    ) -> Page:
        """A page on which a development account has gone to ``path``, signed in on the sign-in page when it
        is its first visit of the run. The account "store" needs a ``location``; an empty one stays a visitor.
        """
        height = 780 if width <= PHONE else 900
        context = await self.browser.new_context(
            viewport={"width": width, "height": height},
            has_touch=width <= PHONE,
            locale={"en": "en-US", "es": "es-ES"}[language],
            color_scheme="dark" if theme == "dark" else "light",
            reduced_motion="reduce",
            timezone_id="America/Chicago",
            java_script_enabled=javascript,
            base_url=self.base_url,
            storage_state=self.passes.get((account, location)),
        )
        self._contexts.append(context)
        context.set_default_timeout(WAIT_MILLISECONDS)
        page = await context.new_page()
        page.on("console", self._noted)
        page.on("pageerror", lambda error: self._errors.append(f"{page.url}: {error}"))
        page.on("response", self._answered)
        if account and (account, location) not in self.passes:
            await page.goto("/sign-in")
            form = page.locator(f'form:has(input[name="account"][value="{account}"])')
            if location:
                await form.locator("select").select_option(location)
            await form.locator("button").click()
            await page.wait_for_url(lambda url: "/sign-in" not in url)
            self.passes[account, location] = await context.storage_state()
        await page.goto(path)
        return page

    def errors(self) -> list[str]:
        """What browsers complained of: console errors, failed requests, answers of 5xx."""
        return [one for one in self._errors if not any(part in one for part in self.expected_errors)]

    async def close(self) -> None:
        """Leave all pages."""
        for context in self._contexts:
            for page in context.pages:
                await page.unroute_all(behavior="ignoreErrors")
            await context.close()

    def _noted(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self._errors.append(f"{message.location.get('url', '')}: {message.text}")

    def _answered(self, response: Response) -> None:
        if response.status >= 500:
            self._errors.append(f"{response.url}: answered {response.status}")


def in_time() -> float:
    """The milliseconds for news: as many times two seconds as this machine, being busy with something else,
    takes to give us a moment's work.
    """
    began, worked = time.monotonic(), time.thread_time()
    while time.thread_time() - worked < _SAMPLE_SECONDS:
        pass
    return LIVE_MILLISECONDS * max(1.0, (time.monotonic() - began) / _SAMPLE_SECONDS)


async def no_violations(page: Page, *, but: Sequence[str] = ()) -> None:
    """Demand that axe-core finds nothing to object to (WCAG 2.2 AA and best practice)."""
    found = await Axe().run(page, options=_AXE_OPTIONS)
    said = [
        f"{one['id']} ({one['impact']}): {one['help']}\n    "
        + "\n    ".join(f"{node['target']}: {node['html'][:200]}" for node in one["nodes"][:5])
        for one in found.response["violations"]
        if one["id"] not in but
    ]
    assert not said, f"{page.url}\n" + "\n".join(said)


async def fits(page: Page) -> None:
    """Demand that the page does not scroll sideways; tables may, inside their card."""
    wide = await page.evaluate(_WIDER_THAN_THE_SCREEN)
    assert not wide, f"{page.url} is wider than the screen: {wide}"


async def touchable(page: Page, pixels: int = 44) -> None:
    """Demand that buttons, fields and menu links are large enough for a finger."""
    small = await page.evaluate(_TOO_SMALL, pixels)
    assert not small, f"{page.url}: too small for a finger: {small}"


async def live(page: Page) -> None:
    """Wait until the page gets its news."""
    await expect(page.locator("#live-mark.on")).to_be_visible()
