"""Server-sent events of live pages: bounded, with heartbeats, ended when the process drains."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable, Mapping

import grpc
import orjson
from starlette.responses import Response, StreamingResponse

from chassis import metrics, telemetry
from services.console.adapters import problems
from services.console.adapters.observing import unrecorded
from services.console.adapters.session import Person
from services.console.config import Settings

RECONNECT_MILLISECONDS = 1000
AGAIN_FIRST_SECONDS = 0.5
AGAIN_CAP_SECONDS = 5.0
_OPEN = metrics.gauge("console_live_streams", "streams", "Live pages that are open")
_LOG = logging.getLogger(__name__)
_HEADERS = {"cache-control": "no-store", "x-accel-buffering": "no"}

Iterate = Callable[[], AsyncIterator[Mapping[str, str]]]


class Streams:
    """All open live streams."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._draining = asyncio.Event()
        self.open_count = 0

    def drain(self) -> None:
        """End them all; their pages connect again elsewhere."""
        self._draining.set()

    def open(self, person: Person, regions: Iterate) -> Response:
        """The answer that tells a page its news."""
        if self.open_count >= self._settings.max_event_streams:
            return self.over("full")
        return StreamingResponse(
            self._events(person, regions), media_type="text/event-stream", headers=_HEADERS
        )

    def over(self, why: str) -> Response:
        """Tells the page not to ask again."""
        return Response(_event("over", {"why": why}), media_type="text/event-stream", headers=_HEADERS)

    async def _events(self, person: Person, regions: Iterate) -> AsyncIterator[bytes]:
        self.open_count += 1
        _OPEN.inc()
        end = min(time.time() + self._settings.event_stream_seconds, person.expires)
        queue: asyncio.Queue[bytes] = asyncio.Queue(1)
        pump = asyncio.create_task(self._pump(person, regions, queue))
        drained = asyncio.create_task(self._draining.wait())
        taking: asyncio.Task[bytes] | None = None
        try:
            yield f"retry: {RECONNECT_MILLISECONDS}\n\n".encode()
            while not drained.done() and (left := end - time.time()) > 0:
                taking = taking or asyncio.create_task(queue.get())
                seconds = min(self._settings.event_heartbeat_seconds, left)
                await asyncio.wait(
                    (taking, drained, pump), timeout=seconds, return_when=asyncio.FIRST_COMPLETED
                )
                if taking.done():
                    news, taking = taking.result(), None
                    yield news
                    continue
                if pump.done():
                    return
                yield b": still here\n\n"
        finally:
            self.open_count -= 1
            _OPEN.dec()
            tasks = [task for task in (pump, drained, taking) if task is not None]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _pump(self, person: Person, regions: Iterate, queue: asyncio.Queue[bytes]) -> None:
        """Puts what changed; says when a service is away, and tries again until it is back."""
        telemetry.attach(unrecorded())
        sent: dict[str, str] = {}
        pause = AGAIN_FIRST_SECONDS
        away = ""
        while True:
            try:
                async for news in regions():
                    changed = {name: html for name, html in news.items() if sent.get(name) != html}
                    if changed or away:
                        await queue.put(_event("regions", changed))
                    sent.update(changed)
                    pause, away = AGAIN_FIRST_SECONDS, ""
                return
            except grpc.aio.AioRpcError as error:
                said = problems.sentence(error, person.texts)
                if said != away:
                    await queue.put(_event("away", {"sentence": said}))
                away = said
            except Exception:  # noqa: BLE001
                # The edge: a bug of ours ends this page's news, and is told once, here.
                _LOG.exception("a live page failed")
                await queue.put(_event("away", {"sentence": person.texts("problem.500")}))
                return
            await asyncio.sleep(pause)
            pause = min(AGAIN_CAP_SECONDS, pause * 2)


def _event(name: str, content: Mapping[str, str]) -> bytes:
    return b"event: %s\ndata: %s\n\n" % (name.encode(), orjson.dumps(content))
