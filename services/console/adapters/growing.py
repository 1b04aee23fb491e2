"""Pages that grow: the frame is sent at once, and every part as soon as it is there.

Parts stand in the page where they belong, one after the other, so that a browser paints the frame while
services are still asked, and needs no script for it.
"""

from __future__ import annotations

import logging
import re
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping

import grpc
from markupsafe import Markup
from starlette.responses import StreamingResponse

Parts = AsyncGenerator[Mapping[str, str], None]
"""Yields {element id: inner HTML}, what is there first first; what was yielded may be left out later."""
_NOT_THERE = '<p class="empty">–</p>'
_LOG = logging.getLogger(__name__)


async def at_once(fetch: Callable[[], Awaitable[Mapping[str, str]]]) -> Parts:
    """The parts of a page that come together."""
    yield await fetch()


async def followed(first: Mapping[str, str], rest: Parts) -> Parts:
    """The parts that were waited for, then the others."""
    try:
        yield first
        async for parts in rest:
            yield parts
    finally:
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
