"""Composition root of the gateway: the contract's routes, the OpenAPI document, its page, health."""

from __future__ import annotations

import asyncio
import importlib.metadata
from collections.abc import Sequence
from functools import partial
from typing import cast

import orjson
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Mount
from starlette.routing import Route as Page

from chassis.health import serves
from services.gateway.adapters import openapi
from services.gateway.adapters.comments import read_comments
from services.gateway.adapters.docs_page import LANGUAGES, render
from services.gateway.adapters.door import Door
from services.gateway.adapters.http1 import DoorProtocol
from services.gateway.adapters.routes import RouteTable, contract_services, routes_of
from services.gateway.adapters.upstream import Upstream
from services.gateway.config import Settings

HEALTH_SECONDS = 1.0
NOT_WAITED_FOR = frozenset({"telemetry", "insights"})
"""They show what happened; the door is of use without them."""
_CORS_HEADERS = (
    "authorization",
    "content-type",
    "idempotency-key",
    "accept-language",
    "traceparent",
    "baggage",
)


class Gateway:
    """The HTTP door with all its pages; `app` is the ASGI application, and `protocol` what uvicorn reads
    connections with.
    """

    def __init__(self, settings: Settings) -> None:
        table = RouteTable(routes_of(contract_services()))
        self._upstream = Upstream(settings)
        self._door = Door(table, self._upstream, settings)
        document = openapi.document(table.routes, read_comments(), importlib.metadata.version("aljibe"))
        self._openapi = orjson.dumps(document)
        self._pages = {language: render(document, language) for language in LANGUAGES}
        routes: Sequence[BaseRoute] = (
            Mount("/v1", self._door),
            Page("/openapi.json", self._openapi_document),
            Page("/docs", self._documentation),
            Page("/healthz", self._alive),
            Page("/readyz", self._ready),
            Page("/", self._front),
        )
        self.app = Starlette(routes=routes, middleware=_cors(settings.cors_origins))
        self.protocol = cast(
            type[asyncio.Protocol], partial(DoorProtocol, self._door, cors=bool(settings.cors_origins))
        )

    def drain(self) -> None:
        """Ends the open event streams; their clients connect again elsewhere."""
        self._door.draining.set()

    async def close(self) -> None:
        """Closes the channels to the services."""
        await self._upstream.close()

    async def _openapi_document(self, request: Request) -> Response:
        return Response(self._openapi, media_type="application/json")

    async def _documentation(self, request: Request) -> Response:
        asked = request.query_params.get("lang", "")
        wanted = request.headers.get("accept-language", "en")[:2].lower()
        language = next((one for one in (asked, wanted) if one in LANGUAGES), "en")
        return HTMLResponse(self._pages[language], headers={"content-language": language})

    async def _front(self, request: Request) -> Response:
        return RedirectResponse("/docs")

    async def _alive(self, request: Request) -> Response:
        return Response(b'{"state":"alive"}', media_type="application/json")

    async def _ready(self, request: Request) -> Response:
        """200 when every service that sells serves; 503 names those that do not."""
        selling = {name: one for name, one in self._upstream.services.items() if name not in NOT_WAITED_FOR}
        answers = await asyncio.gather(*(serves(one, HEALTH_SECONDS) for one in selling.values()))
        away = [name for name, there in zip(selling, answers, strict=True) if not there]
        body = orjson.dumps({"state": "waiting" if away else "ready", "away": away})
        return Response(body, 503 if away else 200, media_type="application/json")


def _cors(origins: Sequence[str]) -> Sequence[Middleware]:
    if not origins:
        return ()
    return (
        Middleware(
            CORSMiddleware,
            allow_origins=list(origins),
            allow_methods=["GET", "POST", "PUT", "PATCH", "DELETE"],
            allow_headers=list(_CORS_HEADERS),
            expose_headers=["traceparent", "retry-after"],
            max_age=600,
        ),
    )
