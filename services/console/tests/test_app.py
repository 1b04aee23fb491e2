from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from chassis.auth import DevelopmentKeys, TokenVerifier
from chassis.settings import SettingsError
from services.console.adapters.accounts import hash_password
from services.console.app import ConsoleApp
from services.console.config import Settings
from services.console.tests.conftest import HOST, Browser, Open, token_of


async def test_every_answer_forbids_foreign_and_inline_code(browser: Browser) -> None:
    for path in ("/sign-in", "/no-such-page", "/static/x/console.css"):
        answer = await browser.get(path)

        assert "default-src 'self'" in answer.headers["content-security-policy"]
        assert "unsafe" not in answer.headers["content-security-policy"]
        assert answer.headers["x-content-type-options"] == "nosniff"


async def test_a_page_holds_neither_inline_script_nor_style(browser: Browser) -> None:
    page = (await browser.get("/sign-in")).text

    assert not re.search(r"<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)", page)
    assert not re.search(r'(?:src|href)="(?:https?:)?//', page)


async def test_a_visitor_is_asked_to_sign_in_and_comes_back(browser: Browser) -> None:
    asked = await browser.get("/system?x=1")
    assert asked.headers["location"] == "/sign-in?next=/system%3Fx%3D1"

    signed = await browser.sign_in("operator", next="/system?x=1")

    assert signed.headers["location"] == "/system?x=1"
    assert (await browser.get("/system")).status_code == 200


@pytest.mark.parametrize(
    "target", ["//evil.example", "https://evil.example", "/\\evil.example", "javascript:x"]
)
async def test_signing_in_leads_nowhere_else(browser: Browser, target: str) -> None:
    signed = await browser.sign_in("operator", next=target)

    assert signed.headers["location"] == "/"


async def test_the_session_cookie_is_for_this_site_and_no_script(browser: Browser) -> None:
    signed = await browser.sign_in("operator")

    cookie = next(one for one in signed.headers.get_list("set-cookie") if one.startswith("aljibe_session"))
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie


async def test_a_cookie_that_was_changed_is_none(browser: Browser) -> None:
    await browser.sign_in("planner")
    kept = browser.http.cookies["aljibe_session"]

    browser.http.cookies.set("aljibe_session", ("A" if kept[0] != "A" else "B") + kept[1:])

    assert (await browser.get("/system")).headers["location"].startswith("/sign-in")


async def test_a_session_ends_when_it_is_not_used(open_console: Open, settings: Settings) -> None:
    browser = open_console(replace(settings, session_idle_seconds=0))

    await browser.sign_in("operator")

    assert (await browser.get("/system")).headers["location"].startswith("/sign-in")


async def test_a_form_without_our_token_or_from_elsewhere_does_nothing(browser: Browser) -> None:
    await browser.sign_in("operator")
    page = await browser.get("/system")

    stale = await browser.http.post("/preferences", data={"csrf": "0" * 48, "language": "es"})
    foreign = await browser.http.post(
        "/preferences",
        data={"csrf": token_of(page), "language": "es"},
        headers={"origin": "https://evil.example"},
    )

    assert "aljibe_language" not in browser.http.cookies
    assert {stale.status_code, foreign.status_code} == {303}


async def test_the_token_of_one_session_is_none_of_another(open_console: Open, settings: Settings) -> None:
    ana, bea = open_console(settings), open_console(settings)
    await ana.sign_in("operator")
    await bea.sign_in("operator")

    page = await ana.get("/system")
    await bea.http.post(
        "/preferences", data={"csrf": token_of(page), "language": "es"}, headers={"origin": HOST}
    )

    assert "aljibe_language" not in bea.http.cookies


async def test_the_chosen_language_is_kept_before_the_browsers(browser: Browser) -> None:
    assert 'lang="es"' in (await browser.get("/sign-in", **{"accept-language": "es-ES"})).text

    await browser.send(await browser.get("/sign-in"), "/preferences", language="es", back="/sign-in")

    assert 'lang="es"' in (await browser.get("/sign-in", **{"accept-language": "en"})).text


@pytest.mark.parametrize("path", ["/traces", "/traces/map", "/sourcing", "/bus", "/system"])
async def test_a_page_that_grows_is_whole_and_says_which_part_is_missing(browser: Browser, path: str) -> None:
    """Services that are away keep nobody from the page, its menu and its search."""
    await browser.sign_in("operator")

    page = await browser.get(path)

    assert page.status_code == 200
    assert page.text.rstrip().endswith("</html>")
    assert "<!--" not in page.text
    alerts = page.text.count('<div class="flash refused" role="alert">')
    # Bus and System tell of each service by itself that it is away.
    assert alerts == (0 if path in ("/bus", "/system") else 1)


async def test_a_host_name_that_is_not_ours_reaches_nothing(browser: Browser) -> None:
    foreign = await browser.get("/sign-in", host="evil.example")
    probe = await browser.get("/healthz", host="10.1.2.3:8081")

    assert foreign.status_code == 421
    assert probe.status_code == 200


async def test_files_are_kept_for_ever_under_the_address_of_their_content(browser: Browser) -> None:
    page = (await browser.get("/sign-in")).text
    address = re.findall(r'href="(/static/[^"]+\.css)"', page)[0]

    current = await browser.get(address)
    old = await browser.get(re.sub(r"/static/\w+/", "/static/000000000000/", address))

    assert "immutable" in current.headers["cache-control"]
    assert old.headers["cache-control"] == "no-cache"
    assert current.headers["content-encoding"] == "gzip"


async def test_pages_are_packed_and_never_kept(browser: Browser) -> None:
    page = await browser.get("/sign-in")

    assert page.headers["content-encoding"] == "gzip"
    assert page.headers["cache-control"] == "no-store"


async def test_a_link_from_elsewhere_asks_again_from_our_own_side(browser: Browser) -> None:
    """A cookie with SameSite=Strict does not come along with a click in a chat."""
    answer = await browser.get("/system", **{"sec-fetch-site": "cross-site"})

    assert answer.status_code == 200
    assert 'content="0; url=/system"' in answer.text


async def test_a_live_page_of_somebody_signed_out_is_told_to_stop(browser: Browser) -> None:
    answer = await browser.get("/system/live")

    assert answer.headers["content-type"].startswith("text/event-stream")
    assert "signed-out" in answer.text


async def test_ready_names_the_services_that_are_away(browser: Browser) -> None:
    answer = await browser.get("/readyz")

    assert answer.status_code == 503
    assert "orders" in answer.json()["away"]


async def test_store_people_choose_a_store(browser: Browser) -> None:
    refused = await browser.sign_in("store")
    assert refused.status_code == 400

    signed = await browser.sign_in("store", location="store-1")

    assert signed.status_code == 303


class TestPasswords:
    @pytest.fixture
    def guarded(self, settings: Settings, tmp_path: Path) -> Settings:
        file = tmp_path / "accounts.json"
        account = {
            "name": "ana",
            "roles": ["operator"],
            "language": "es",
            "password_hash": hash_password("abc"),
        }
        file.write_text(json.dumps({"accounts": [account]}))
        return replace(
            settings, development_accounts=False, accounts_file=file, sign_in_attempts_per_minute=3
        )

    async def test_the_right_one_is_needed(self, open_console: Open, guarded: Settings) -> None:
        browser = open_console(guarded)

        wrong = await browser.sign_in("ana", password="abd")
        unknown = await browser.sign_in("bea", password="abc")
        right = await browser.sign_in("ana", password="abc")

        assert [one.status_code for one in (wrong, unknown, right)] == [403, 403, 303]
        assert wrong.text.count('role="alert"') == unknown.text.count('role="alert"')

    async def test_guessing_is_slowed_down(self, open_console: Open, guarded: Settings) -> None:
        browser = open_console(guarded)

        answers = [(await browser.sign_in("ana", password="no")).status_code for _ in range(4)]

        assert answers == [403, 403, 403, 429]

    async def test_development_accounts_are_not_there(self, open_console: Open, guarded: Settings) -> None:
        browser = open_console(guarded)

        assert (await browser.sign_in("operator")).status_code == 403
        assert "sign_in" not in (await browser.get("/sign-in")).text

    async def test_the_accounts_language_is_theirs(self, open_console: Open, guarded: Settings) -> None:
        browser = open_console(guarded)
        await browser.sign_in("ana", password="abc")

        assert 'lang="es"' in (await browser.get("/system", **{"accept-language": "en"})).text


def test_a_console_without_key_or_accounts_does_not_start(settings: Settings) -> None:
    with pytest.raises(SettingsError, match="ALJIBE_TOKEN_KEY_FILE"):
        ConsoleApp(replace(settings, token_key_file=None))
    with pytest.raises(SettingsError, match="ALJIBE_ACCOUNTS_FILE"):
        ConsoleApp(replace(settings, development_accounts=False))
    with pytest.raises(SettingsError, match="ALJIBE_HOSTS"):
        ConsoleApp(replace(settings, hosts=("*",)))


def test_a_persons_token_says_their_role_and_places(settings: Settings, keys: DevelopmentKeys) -> None:
    from starlette.requests import Request
    from starlette.responses import Response

    from services.console.adapters.accounts import DevelopmentAccounts
    from services.console.adapters.session import Sessions

    sessions = Sessions(settings, DevelopmentAccounts(), keys.private_key_file)
    account = DevelopmentAccounts().find("store")
    assert account is not None
    scope = {
        "type": "http",
        "method": "GET",
        "path": "/",
        "headers": [],
        "scheme": "http",
        "server": ("x", 80),
    }
    response = Response()
    sessions.begin(Request(scope), response, account, "store-7", "Europe/Madrid")
    cookie = response.headers.getlist("set-cookie")[0].partition(";")[0].encode()

    person = sessions.person(Request({**scope, "headers": [(b"cookie", cookie)]}))

    principal = TokenVerifier(keys.public_keys_file).verify(f"Bearer {person.token}")
    assert principal.subject == "store"
    assert principal.roles == {"associate"}
    assert principal.locations == {"store-7"}
    assert not principal.channels
    assert person.time_zone == "Europe/Madrid"
