from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from chassis.auth import DevelopmentKeys, development_keys
from services.console.app import ConsoleApp
from services.console.config import Settings

HOST = "http://localhost"


@pytest.fixture
def keys(tmp_path: Path) -> DevelopmentKeys:
    return development_keys(tmp_path / "keys")


@pytest.fixture
def settings(keys: DevelopmentKeys) -> Settings:
    """Of a console whose services are all away."""
    return Settings(
        token_key_file=keys.private_key_file,
        development_accounts=True,
        orders_address="127.0.0.1:1",
    )


@dataclass
class Browser:
    """A browser without scripts: keeps cookies, and sends a page's forms."""

    http: httpx.AsyncClient

    async def get(self, path: str, **headers: str) -> httpx.Response:
        return await self.http.get(path, headers=headers)

    async def send(self, page: httpx.Response, path: str, **fields: str) -> httpx.Response:
        """A form of ``page``, as a browser would send it."""
        return await self.http.post(
            path, data={"csrf": token_of(page), **fields}, headers={"origin": HOST, "referer": str(page.url)}
        )

    async def sign_in(self, account: str, **fields: str) -> httpx.Response:
        return await self.send(await self.get("/sign-in"), "/sign-in", account=account, **fields)


def token_of(page: httpx.Response) -> str:
    found = re.search(r'<meta name="csrf" content="([^"]+)"', page.text)
    assert found, page.text[:500]
    return found[1]


Open = Callable[[Settings], Browser]


@pytest_asyncio.fixture
async def open_console() -> AsyncIterator[Open]:
    opened: list[tuple[ConsoleApp, httpx.AsyncClient]] = []

    def make(wanted: Settings) -> Browser:
        console = ConsoleApp(wanted)
        transport = httpx.ASGITransport(console.app, raise_app_exceptions=False, client=("192.0.2.7", 5000))
        http = httpx.AsyncClient(transport=transport, base_url=HOST)
        opened.append((console, http))
        return Browser(http)

    yield make
    for console, http in opened:
        await http.aclose()
        await console.close()


@pytest.fixture
def browser(open_console: Open, settings: Settings) -> Browser:
    return open_console(settings)
