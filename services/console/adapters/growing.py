"""Pages that grow: the frame is sent at once, and every part as soon as it is there.

Parts stand in the page where they belong, one after the other, so that a browser paints the frame while
services are still asked, and needs no script for it.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping

import grpc
from markupsafe import Markup
from starlette.responses import StreamingResponse

Parts = AsyncGenerator[Mapping[str, str], None]
"""Yields {element id: inner HTML}, what is there first first; what was yielded may be left out later."""
PATIENCE_SECONDS = 0.3
"""A page waits so long for what decides its status."""
_NOT_THERE = '<p class="empty">–</p>'
_LOG = logging.getLogger(__name__)


async def at_once(fetch: Callable[[], Awaitable[Mapping[str, str]]]) -> Parts:
    """The parts of a page that come together."""
    yield await fetch()


async def begun(parts: Parts) -> Parts:
    """The same parts, once the first are there, or ``PATIENCE_SECONDS`` have passed: a page that has not
    begun by then is not painted in time. What the first parts raise by then is raised here, where it still
    decides the status; what they raise later is said in the page.
    """
    first = asyncio.ensure_future(anext(parts))
    try:
        await asyncio.wait((first,), timeout=PATIENCE_SECONDS)
        if first.done():
            first.result()
        following = _following(first, parts)
        # Started, so that its end is looked after even if nobody reads it.
        await anext(following)
    except BaseException:
        first.cancel()
        raise
    return following


async def _following(first: asyncio.Future[Mapping[str, str]], rest: Parts) -> Parts:
    try:
        yield {}
        yield await first
        async for parts in rest:
            yield parts
    finally:
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
        await rest.aclose()


class Holes:
    """Where parts of one page are to stand; `hole` is what its template calls for each."""

    def __init__(self, mark: str) -> None:
        self._mark = mark

    def hole(self, name: str) -> Markup:
        """The place of a part."""
        return Markup("<!--{}:{}-->").format(self._mark, name)

    def split(self, html: str) -> list[tuple[str, str]]:
        """The page up to each hole, with the hole's name; the last has none."""
        pieces = re.split(rf"<!--{re.escape(self._mark)}:([\w-]+)-->", html)
        return list(zip(pieces[::2], [*pieces[1::2], ""], strict=True))


class Growing(StreamingResponse):
    """The answer that grows. ``own`` makes a part the person's own; ``refused`` says in HTML why parts are
    missing, given what was raised.
    """

    def __init__(
        self,
        pieces: list[tuple[str, str]],
        parts: Parts,
        own: Callable[[str], str],
        refused: Callable[[Exception], str],
        *,
        status: int,
        headers: Mapping[str, str],
    ) -> None:
        self._own, self._refused = own, refused
        super().__init__(self._grow(pieces, parts), status, headers, "text/html")

    async def _grow(self, pieces: list[tuple[str, str]], parts: Parts) -> AsyncIterator[str]:
        known: dict[str, str] = {}
        missing: str | None = None
        ready = ""
        try:
            for text, name in pieces:
                ready += text
                if not name:
                    break
                while name not in known and missing is None:
                    if ready:
                        yield ready
                        ready = ""
                    try:
                        known |= await anext(parts)
                    except StopAsyncIteration:
                        missing = _NOT_THERE
                    except Exception as error:  # noqa: BLE001
                        # The edge: the page has begun, so what went wrong is said in it.
                        if not isinstance(error, grpc.aio.AioRpcError):
                            _LOG.exception("a part of a page could not be made")
                        missing = self._refused(error)
                if name in known:
                    ready += self._own(known[name])
                elif missing is not None:
                    # Why is said once.
                    ready, missing = ready + missing, _NOT_THERE
            yield ready
        finally:
            await parts.aclose()
