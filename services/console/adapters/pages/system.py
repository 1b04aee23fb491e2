"""The page System: which services answer, as a person of operations first asks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from services.console.adapters.growing import at_once
from services.console.adapters.menu import roles_of
from services.console.adapters.page import Console
from services.console.adapters.session import Person

_ROLES = roles_of("system")


@dataclass(frozen=True, slots=True)
class Service:
    """A service behind the pages."""

    name: str
    address: str
    state: str
    """UP or AWAY."""


def routes(console: Console) -> Sequence[BaseRoute]:
    """The page's routes."""
    return (console.page("/system", show, _ROLES), console.live("/system/live", regions, _ROLES))


async def show(console: Console, request: Request, person: Person) -> Response:
    """The page; its table comes when every service has answered or let its second pass."""

    async def table() -> Mapping[str, str]:
        return _table(console, person, await services_of(console))

    return console.render(request, person, "system/page.html", live="/system/live", parts=at_once(table))


async def regions(console: Console, request: Request, person: Person) -> AsyncIterator[Mapping[str, str]]:
    """Its news: the table."""
    before: dict[str, str] = {}
    async for services in console.hub.watch("system", lambda: services_of(console), seconds=1.0):
        states = {service.name: service.state for service in services}
        changed = [
            service for service in services if before.get(service.name, service.state) != service.state
        ]
        before = states
        news = {
            **_table(console, person, services),
            "title": person.texts("system.title") + _away(person, services),
        }
        if changed:
            news["news"] = console.fragment(person, "system/news.html", changed=changed)
        yield news


def _table(console: Console, person: Person, services: Sequence[Service]) -> Mapping[str, str]:
    return {"services": console.fragment(person, "system/services.html", services=services)}


async def services_of(console: Console) -> list[Service]:
    """Every service with its state now."""
    names = sorted(console.doors.addresses)
    states = await asyncio.gather(*(console.doors.serves(name) for name in names))
    return [
        Service(name, console.doors.addresses[name], "UP" if state else "AWAY")
        for name, state in zip(names, states, strict=True)
    ]


def _away(person: Person, services: Sequence[Service]) -> str:
    away = sum(service.state == "AWAY" for service in services)
    return f": {person.texts.count('system.away', away)}" if away else ""
