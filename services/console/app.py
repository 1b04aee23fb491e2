"""Composition root of the console: pages, the shell around them, health."""

from __future__ import annotations

import asyncio
import importlib
import pkgutil
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

import orjson
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from chassis.auth import TokenMinter
from chassis.settings import SettingsError
from services.console.adapters import accounts, pages
from services.console.adapters.doors import Doors
from services.console.adapters.page import Console
from services.console.adapters.security import KnownHosts, SecurityHeaders
from services.console.adapters.session import Sessions
from services.console.adapters.shell import Shell
from services.console.config import Settings

NEEDED_TO_BE_READY = ("catalog", "inventory", "orders", "fulfillment")
_SMALLEST_PACKED_BYTES = 700


class ConsoleApp:
    """The pages for people; `app` is the ASGI application.

    Raises SettingsError when a file that it needs is not there or not usable.
    """

    def __init__(self, settings: Settings) -> None:
        key_file = settings.token_key_file
        if key_file is None:
            raise SettingsError("ALJIBE_TOKEN_KEY_FILE is not set")
        if settings.development_accounts and "*" in settings.hosts:
            raise SettingsError(
                "ALJIBE_DEVELOPMENT_ACCOUNTS are for named hosts only, not for ALJIBE_HOSTS=*"
            )
        try:
            known = _accounts(settings)
            minter = TokenMinter(key_file)
            sessions = Sessions(settings, known, key_file)
        except ValueError as error:
            raise SettingsError(str(error)) from error
        self._doors = Doors(settings)
        self._console = Console(settings, self._doors, sessions)
        routes: Sequence[BaseRoute] = (
            *Shell(self._console, known, minter).routes(),
            *(route for module in _page_modules() for route in module.routes(self._console)),
            Route("/healthz", self._alive),
            Route("/readyz", self._ready),
        )
        self.app = Starlette(
            routes=routes,
            middleware=(
                Middleware(KnownHosts, hosts=settings.hosts),
                Middleware(SecurityHeaders),
                Middleware(GZipMiddleware, minimum_size=_SMALLEST_PACKED_BYTES, compresslevel=5),
            ),
            exception_handlers={HTTPException: self._not_there, Exception: self._failed},
        )

    @staticmethod
    def hash_password(password: str) -> str:
        """What the accounts file keeps of a password."""
        return accounts.hash_password(password)

    def drain(self) -> None:
        """Ends the live streams; their pages connect again elsewhere."""
        self._console.streams.drain()

    async def close(self) -> None:
        """Closes the channels to the services."""
        await self._doors.close()

    async def _not_there(self, request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        person = self._console.sessions.person(request)
        status = error.status_code if error.status_code in (400, 403, 404, 429, 503) else 404
        response = self._console.problem(request, person, status)
        response.status_code = error.status_code
        return response

    async def _failed(self, request: Request, error: Exception) -> Response:
        # Starlette raises the error again after this answer, and the server logs it there with its traceback.
        return self._console.problem(request, self._console.sessions.person(request), 500)

    async def _alive(self, request: Request) -> Response:
        return Response(b'{"state":"alive"}', media_type="application/json")

    async def _ready(self, request: Request) -> Response:
        """200 when every service that a page cannot do without serves; 503 names those that do not."""
        answers = await asyncio.gather(*(self._doors.serves(name) for name in NEEDED_TO_BE_READY))
        away = [name for name, serves in zip(NEEDED_TO_BE_READY, answers, strict=True) if not serves]
        body = orjson.dumps({"state": "waiting" if away else "ready", "away": away})
        return Response(body, 503 if away else 200, media_type="application/json")


def _accounts(settings: Settings) -> accounts.Accounts:
    if settings.development_accounts:
        return accounts.DevelopmentAccounts()
    if settings.accounts_file is None:
        raise ValueError("ALJIBE_ACCOUNTS_FILE is not set")
    return accounts.AccountsFile(Path(settings.accounts_file))


def _page_modules() -> Sequence[ModuleType]:
    names = sorted(one.name for one in pkgutil.iter_modules(pages.__path__))
    found = [importlib.import_module(f"{pages.__name__}.{name}") for name in names]
    return [module for module in found if hasattr(module, "routes")]
