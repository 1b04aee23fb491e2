"""What is around every page: signing in, who sees what, languages, colours, keys, a service away."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

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
)
from tests.integration.world import hanging


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("language", LANGUAGES)
async def test_anybody_can_read_the_sign_in_page(visit: Visit, language: str, width: int) -> None:
    page = await visit("", "/sign-in", language=language, width=width)

    await expect(page.get_by_role("heading", level=1)).to_have_text(
        {"en": "Sign in", "es": "Entrar"}[language]
    )
    await no_violations(page)
    await fits(page)


async def test_who_is_not_signed_in_is_asked_and_comes_back_to_where_they_wanted(visit: Visit) -> None:
    page = await visit("", "/system")

    await page.get_by_role("button", name="Sign in as operations").click()

    await expect(page).to_have_url(f"{visit.base_url}/system")
    await expect(page.get_by_role("heading", level=1)).to_have_text("System")


async def test_a_page_of_another_role_is_neither_in_the_menu_nor_served(visit: Visit) -> None:
    visit.expected_errors.append("403")

    page = await visit("planner", "/system")

    await expect(page.get_by_role("alert").filter(has_text="not for your role")).to_be_visible()
    await expect(page.get_by_role("link", name="System")).to_have_count(0)


async def test_language_and_colours_are_switched_and_kept(visit: Visit) -> None:
    page = await visit("operator", "/system")

    await page.get_by_role("button", name="Español").click()
    await page.get_by_role("button", name="Colores: Claros").click()
    await page.get_by_role("button", name="Colores: Oscuros").click()

    await expect(page.locator("html")).to_have_attribute("lang", "es")
    await expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    await expect(page.get_by_role("heading", level=1)).to_have_text("Sistema")
    await no_violations(page)


async def test_signing_out_ends_the_session(visit: Visit) -> None:
    page = await visit("operator", "/system")

    await page.get_by_role("button", name="Sign out").click()
    await page.goto("/system")

    await expect(page).to_have_url(f"{visit.base_url}/sign-in?next=/system")


async def test_a_page_that_is_not_there_says_so_in_the_persons_language(visit: Visit) -> None:
    visit.expected_errors.append("404")

    page = await visit("operator", "/no-such-page", language="es")

    await expect(page.get_by_role("alert").filter(has_text="Aquí no hay ninguna página")).to_be_visible()
    await no_violations(page)


async def test_the_first_tab_skips_to_the_content(visit: Visit) -> None:
    page = await visit("operator", "/system")

    await page.keyboard.press("Tab")
    await expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    await page.keyboard.press("Enter")

    await expect(page.locator("main")).to_be_focused()


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("language", LANGUAGES)
async def test_system_names_every_service_and_its_state(
    visit: Visit, platform: Platform, language: str, width: int
) -> None:
    page = await visit("operator", "/system", language=language, width=width)

    for name in platform.addresses.grpc:
        row = page.get_by_role("row").filter(has=page.get_by_role("rowheader", name=name, exact=True))
        await expect(row).to_contain_text({"en": "answers", "es": "responde"}[language])
    await live(page)
    await no_violations(page)
    await fits(page)


async def test_a_service_that_hangs_is_shown_within_two_seconds_and_again_when_it_is_back(
    visit: Visit, platform: Platform
) -> None:
    page = await visit("operator", "/system", width=DESKTOP)
    row = page.get_by_role("row").filter(has=page.get_by_role("rowheader", name="catalog", exact=True))
    await live(page)

    with hanging(platform, "catalog"):
        # A hanging service is known after the second that its health check may take.
        await expect(row).to_contain_text("away", timeout=in_time() + 1000)
        await expect(page).to_have_title("System: 1 service away – Aljibe")

    await expect(row).to_contain_text("answers", timeout=in_time())
    await expect(page).to_have_title("System – Aljibe")


async def test_pages_work_without_scripts(visit: Visit) -> None:
    page = await visit("operator", "/system", width=PHONE, javascript=False)

    await page.get_by_role("button", name="Español").click()

    await expect(page.get_by_role("heading", level=1)).to_have_text("Sistema")
    await expect(page.get_by_role("row")).not_to_have_count(0)


async def test_on_a_phone_the_menu_shows_where_one_is(visit: Visit) -> None:
    """The strip is longer than the screen, and System is its last entry."""
    page = await visit("operator", "/system", width=PHONE)

    await expect(page.locator(".menu [aria-current]")).to_be_in_viewport(ratio=0.9)
