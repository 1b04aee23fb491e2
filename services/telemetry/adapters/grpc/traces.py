"""TraceService: search, one trace, the service map, the store's state."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any, TypeVar

import grpc

from aljibe.telemetry.v1 import traces_pb2 as pb
from aljibe.telemetry.v1 import traces_pb2_grpc
from chassis.clock import Clock
from chassis.pages import PageTokens
from services.telemetry.adapters.grpc import translate
from services.telemetry.adapters.ingest import Counts
from services.telemetry.adapters.sqlite.reader import Reader
from services.telemetry.config import Settings
from services.telemetry.domain.records import Edge, Node
from services.telemetry.domain.refusals import TraceNotFound, WindowOutOfRange

T = TypeVar("T")
Context = grpc.aio.ServicerContext[Any, Any]

DEFAULT_WINDOW_SECONDS = 900.0
LEAST_WINDOW_SECONDS = 1.0
MOST_WINDOW_SECONDS = 86_400.0
MAP_KEPT_SECONDS = 2.0
"""A map is worked out from tens of thousands of spans; those who ask within this get the same one."""
MAX_KEPT_MAPS = 16
_NANOSECONDS = 1_000_000_000


class TraceServicer(traces_pb2_grpc.TraceServiceServicer):
    """Translates, asks the reader beside the event loop, translates back."""

    def __init__(
        self, reader: Reader, counts: Counts, settings: Settings, pages: PageTokens, clock: Clock
    ) -> None:
        self._reader = reader
        self._counts = counts
        self._settings = settings
        self._pages = pages
        self._clock = clock
        self._maps: dict[int, tuple[float, asyncio.Future[tuple[list[Node], list[Edge], float]]]] = {}

    async def SearchTraces(  # noqa: N802
        self, request: pb.SearchTracesRequest, context: Context
    ) -> pb.SearchTracesResponse:
        """A page of summaries."""
        query = translate.query_of(request, self._pages.position(request, parts=2))
        found = await self._ask(lambda: self._reader.search(query))
        page = found[: query.limit - 1]
        answer = pb.SearchTracesResponse(traces=[translate.summary_of(one) for one in page])
        if len(found) > len(page):
            answer.next_page_token = self._pages.next_token(request, str(page[-1].start), str(page[-1].key))
        return answer

    async def GetTrace(self, request: pb.GetTraceRequest, context: Context) -> pb.GetTraceResponse:  # noqa: N802
        """All of one."""
        trace_id = request.trace_id

        def read() -> pb.Trace | None:
            stored = self._reader.trace(bytes.fromhex(trace_id))
            return None if stored is None else translate.trace_of(trace_id, stored)

        trace = await self._ask(read)
        if trace is None:
            raise TraceNotFound(trace_id)
        return pb.GetTraceResponse(trace=trace)

    async def GetServiceMap(  # noqa: N802
        self, request: pb.GetServiceMapRequest, context: Context
    ) -> pb.GetServiceMapResponse:
        """Rates and durations of the window."""
        asked = request.window.ToNanoseconds() / _NANOSECONDS
        window = asked if request.HasField("window") else DEFAULT_WINDOW_SECONDS
        if not LEAST_WINDOW_SECONDS <= window <= MOST_WINDOW_SECONDS:
            raise WindowOutOfRange(LEAST_WINDOW_SECONDS, MOST_WINDOW_SECONDS)
        nodes, edges, seconds = await self._map(int(window * _NANOSECONDS))
        return pb.GetServiceMapResponse(
            nodes=[translate.node_of(node, seconds) for node in nodes],
            edges=[translate.edge_of(edge, seconds) for edge in edges],
            window=translate.duration_of(int(seconds * _NANOSECONDS)),
        )

    async def GetStoreState(  # noqa: N802
        self, request: pb.GetStoreStateRequest, context: Context
    ) -> pb.GetStoreStateResponse:
        """Totals and what was not taken."""
        totals = await self._ask(self._reader.totals)
        answer = pb.GetStoreStateResponse(
            spans=totals.spans,
            logs=totals.logs,
            traces=totals.traces,
            bytes=totals.bytes,
            max_spans=self._settings.trace_max_spans,
            max_bytes=self._settings.trace_max_bytes,
            refused=self._counts.refused,
            evicted=self._counts.evicted,
            dropped=self._counts.dropped,
        )
        if totals.oldest_start is not None:
            answer.oldest_time.CopyFrom(translate.time_of(totals.oldest_start))
        return answer

    async def _map(self, window: int) -> tuple[list[Node], list[Edge], float]:
        made = self._maps.get(window)
        if made is None or time.monotonic() - made[0] > MAP_KEPT_SECONDS:
            if len(self._maps) >= MAX_KEPT_MAPS:
                self._maps.clear()
            made = self._maps[window] = (time.monotonic(), asyncio.ensure_future(self._make_map(window)))
        return await asyncio.shield(made[1])

    async def _make_map(self, window: int) -> tuple[list[Node], list[Edge], float]:
        now = int(self._clock().timestamp() * _NANOSECONDS)

        def read() -> tuple[list[Node], list[Edge], float]:
            nodes, edges, since = self._reader.service_map(now - window)
            return nodes, edges, max(LEAST_WINDOW_SECONDS, (now - since) / _NANOSECONDS)

        return await self._ask(read)

    async def _ask(self, question: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._reader.pool, question)
