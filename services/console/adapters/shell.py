"""What is around the pages: front door, sign-in and out, preferences, files, health."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import grpc
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from aljibe.common.v1 import types_pb2
from aljibe.inventory.v1 import inventory_pb2
from chassis.auth import TokenMinter
from services.console.adapters.accounts import (
    DEVELOPMENT,
    MAX_PASSWORD_LENGTH,
    Account,
    Accounts,
    Attempts,
    password_fits,
)
from services.console.adapters.page import BadForm, Console, Form, own_path
from services.console.adapters.session import Person

MAX_PASSWORDS_AT_ONCE = 2
_LOCATIONS_SECONDS = 1.5
_MAX_LOCATIONS = 500


class Shell:
    """The console's own routes."""

    def __init__(self, console: Console, accounts: Accounts, minter: TokenMinter) -> None:
        self._console = console
        self._accounts = accounts
        self._minter = minter
        self._attempts = Attempts(console.settings.sign_in_attempts_per_minute)
        self._hashing = asyncio.Semaphore(MAX_PASSWORDS_AT_ONCE)

    def routes(self) -> Sequence[BaseRoute]:
        """The console's own routes."""
        return (
            Route("/", self._front),
            Route("/sign-in", self._ask, methods=["GET"]),
            Route("/sign-in", self._sign_in, methods=["POST"]),
            Route("/sign-out", self._sign_out, methods=["POST"]),
            Route("/preferences", self._prefer, methods=["POST"]),
            Route("/static/{mark}/{name}", self._console.statics.serve),
            Route("/favicon.ico", self._icon),
        )

    async def _front(self, request: Request) -> Response:
        person = self._console.sessions.person(request)
        if not person.signed_in:
            return self._console.to_sign_in(request)
        menu = self._console.menu(person)
        if not menu:
            return self._console.problem(request, person, 200, "problem.no_pages")
        return RedirectResponse(menu[0].path, 303)

    async def _icon(self, request: Request) -> Response:
        return RedirectResponse(self._console.statics.address("mark.svg"), 308)

    async def _ask(self, request: Request) -> Response:
        person = self._console.sessions.person(request)
        if person.signed_in:
            return RedirectResponse("/", 303)
        return await self._form(request, person)

    async def _form(self, request: Request, person: Person, status: int = 200, problem: str = "") -> Response:
        development = self._console.settings.development_accounts
        stores = await self._stores() if development else []
        return self._console.render(
            request,
            person,
            "shell/sign_in.html",
            status=status,
            accounts=DEVELOPMENT,
            stores=stores,
            problem=problem,
            next=request.query_params.get("next", ""),
        )

    async def _sign_in(self, request: Request) -> Response:
        console, visitor = self._console, self._console.sessions.person(request)
        try:
            form = await console.read_form(request, visitor)
        except BadForm as error:
            return await self._form(request, visitor, 400, str(error))
        address = request.client.host if request.client else ""
        if not self._attempts.allowed(address):
            return await self._form(request, visitor, 429, "sign_in.too_many")
        account = self._accounts.find(form.get("account", ""))
        if not await self._known(account, form.get("password", "")):
            self._attempts.failed(address)
            return await self._form(request, visitor, 403, "sign_in.wrong")
        assert account is not None
        if account.chooses_location and not form.get("location", ""):
            return await self._form(request, visitor, 400, "sign_in.choose_store")
        target = form.get("next", "")
        response = RedirectResponse(target if own_path(target) else "/", 303)
        console.sessions.begin(
            request, response, account, form.get("location", "")[:32], form.get("time_zone", "")
        )
        return response

    async def _known(self, account: Account | None, password: str) -> bool:
        if self._console.settings.development_accounts:
            return account is not None
        if len(password) > MAX_PASSWORD_LENGTH:
            return False
        async with self._hashing:
            # A hash takes a tenth of a second and 32 MB on purpose.
            return await asyncio.to_thread(password_fits, account, password)

    async def _sign_out(self, request: Request) -> Response:
        response = RedirectResponse("/sign-in", 303)
        if await self._own_form(request):
            self._console.sessions.end(request, response)
        return response

    async def _prefer(self, request: Request) -> Response:
        form = await self._own_form(request)
        back = form.get("back", "") if form is not None else ""
        response = RedirectResponse(back if own_path(back) else "/", 303)
        if form is not None:
            self._console.sessions.prefer(request, response, form.get("language", ""), form.get("theme", ""))
        return response

    async def _own_form(self, request: Request) -> Form | None:
        try:
            return await self._console.read_form(request, self._console.sessions.person(request))
        except BadForm:
            return None

    async def _stores(self) -> list[inventory_pb2.Location]:
        """The stores that the store account may choose from; none while inventory is away."""
        if "inventory" not in self._console.doors.addresses:
            return []
        token = self._minter.mint("console", ["auditor"], ["*"], ["*"])
        asked = inventory_pb2.ListLocationsRequest(page_size=_MAX_LOCATIONS)
        try:
            answer = await self._console.doors.locations.ListLocations(
                asked, metadata=(("authorization", f"Bearer {token}"),), timeout=_LOCATIONS_SECONDS
            )
        except grpc.aio.AioRpcError:
            return []
        return [one for one in answer.locations if one.kind == types_pb2.LOCATION_KIND_STORE]
