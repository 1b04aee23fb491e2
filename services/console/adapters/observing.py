"""What operators see of the pages themselves: a span and a duration for each page and action.

Live news asks every second: its calls carry a trace that is not recorded, or they would fill the store that
the pages show. Looking at traces leaves none either.
"""

from __future__ import annotations

import random
import time
from collections.abc import AsyncGenerator, AsyncIterable, Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from chassis import metrics, telemetry

_REQUESTS = metrics.histogram(
    "console_request_seconds", "s", "Time to a page or an action's answer", ("route", "method", "status")
)
_WHOLE = metrics.histogram(
    "console_whole_page_seconds", "s", "Time to the last part of a page that is sent in parts", ("route",)
)
Chunk = str | bytes | memoryview
_UNTRACED = "/traces"


async def observed(request: Request, route: str, serve: Callable[[], Awaitable[Response]]) -> Response:
    """The answer, within a span of its own, counted. ``route`` is the path's pattern."""
    started = time.monotonic()
    given = request.headers.get("traceparent")
    quiet = route.startswith(_UNTRACED)
    attributes: dict[str, telemetry.Attribute] = {"http.request.method": request.method, "http.route": route}
    status = 500
    try:
        with telemetry.from_traceparent(unrecorded() if quiet else given):
            with telemetry.span(f"{request.method} {route}", telemetry.Kind.SERVER, attributes) as span:
                response = await serve()
                status = response.status_code
                if span is not None:
                    span.attributes["http.response.status_code"] = status
                if isinstance(response, StreamingResponse):
                    response.body_iterator = _to_its_end(response.body_iterator, route, started)
                return response
    finally:
        _REQUESTS.labels(route, request.method, str(status)).observe(time.monotonic() - started)


def _to_its_end(body: AsyncIterable[Chunk], route: str, started: float) -> AsyncGenerator[Chunk, None]:
    """The same, with a span and a duration for what comes after the frame. Services that are asked for it are
    asked within the page's trace.
    """
    rest = telemetry.child("rest of the page")
    trace = rest.traceparent if rest is not None else telemetry.current_traceparent()

    async def told() -> AsyncGenerator[Chunk, None]:
        telemetry.attach(trace)
        try:
            async for chunk in body:
                yield chunk
        finally:
            _WHOLE.labels(route).observe(time.monotonic() - started)
            if rest is not None:
                telemetry.finish(rest)

    return told()


def unrecorded() -> str:
    """A ``traceparent`` whose trace nobody records (W3C trace context, flag 00)."""
    digits = random.randbytes(24).hex()
    return f"00-{digits[:32]}-{digits[32:]}-00"
