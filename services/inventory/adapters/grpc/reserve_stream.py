"""StreamReserveStock: reservations without end on one call, in parts that are as large as what waits."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator
from typing import TypeAlias

from aljibe.inventory.v1 import inventory_pb2 as pb
from chassis.errors import is_expected
from chassis.telemetry import current_traceparent
from services.inventory.adapters.grpc import marks, outcomes
from services.inventory.adapters.grpc.errors import table
from services.inventory.usecases.desk import LANES, BatchOutcome, StockDesk
from services.inventory.usecases.post import Submission

WINDOW = 2_048
"""Reservations of a stream that may be unanswered; no more are read until some are."""
MAX_PART = 256
PARTS_UNDER_WAY = LANES
DEFAULT_TIMEOUT_SECONDS = 10.0

Asked: TypeAlias = tuple[pb.ReserveStockRequest, Submission]


class ReserveStream:
    """One call. While parts of it are in the database what comes in gathers for the next, whatever the size
    of its messages; answers go out in the order of the requests, each as soon as those before it are out.
    """

    def __init__(self, desk: StockDesk, languages: str) -> None:
        self._desk = desk
        self._languages = languages
        self._waiting: deque[Asked] = deque()
        self._parts: deque[tuple[list[Asked], asyncio.Task[BatchOutcome]]] = deque()
        self._under_way = 0
        self._unanswered = 0
        self._news = asyncio.Event()
        self._room = asyncio.Event()

    async def answers(
        self, messages: AsyncIterator[pb.StreamReserveStockRequest]
    ) -> AsyncGenerator[pb.StreamReserveStockResponse, None]:
        """Every outcome, until the sender has closed its side and all is answered.

        Raises:
            What ended the reading, once all that was read is answered.
        """
        reading = asyncio.create_task(self._read(messages), name="reserve-stream-read")
        reading.add_done_callback(lambda _: self._news.set())
        number = 1
        try:
            while self._parts or not reading.done():
                if not self._parts:
                    await self._news.wait()
                    self._news.clear()
                    continue
                asked, posting = self._parts[0]
                await asyncio.wait([posting])
                self._parts.popleft()
                yield self._answer(number, asked, posting)
                number += len(asked)
                self._unanswered -= len(asked)
                self._room.set()
            await reading
        finally:
            self._waiting.clear()
            left = [reading, *(posting for _, posting in self._parts)]
            for task in left:
                task.cancel()
            await asyncio.gather(*left, return_exceptions=True)

    async def _read(self, messages: AsyncIterator[pb.StreamReserveStockRequest]) -> None:
        traceparent = current_traceparent()
        async for message in messages:
            deadline = time.monotonic() + (message.timeout_ms / 1000 or DEFAULT_TIMEOUT_SECONDS)
            for request in message.requests:
                self._waiting.append((request, marks.reserve(request, traceparent, deadline)))
            self._unanswered += len(message.requests)
            self._begin()
            while self._unanswered >= WINDOW:
                self._room.clear()
                await self._room.wait()

    def _begin(self) -> None:
        """Begin parts as long as there are reservations, and lanes for them."""
        while self._waiting and self._under_way < PARTS_UNDER_WAY:
            part = [self._waiting.popleft() for _ in range(min(MAX_PART, len(self._waiting)))]
            submissions = [submission for _, submission in part]
            self._parts.append((part, asyncio.create_task(self._desk.submit_batch(submissions))))
            self._parts[-1][1].add_done_callback(self._ended)
            self._under_way += 1
            self._news.set()

    def _ended(self, _: asyncio.Task[BatchOutcome]) -> None:
        self._under_way -= 1
        self._begin()

    def _answer(
        self, number: int, asked: list[Asked], posting: asyncio.Task[BatchOutcome]
    ) -> pb.StreamReserveStockResponse:
        failure = posting.exception()
        if failure is None:
            done = posting.result()
        elif isinstance(failure, Exception) and is_expected(table, failure):
            # The database is away, or the queue is full: told to each, and the stream goes on.
            done = BatchOutcome([failure] * len(asked), {})
        else:
            raise failure
        response = pb.StreamReserveStockResponse(first_number=number)
        add = response.outcomes.add
        for (request, _), outcome in zip(asked, done.outcomes, strict=True):
            outcomes.write_outcome(outcome, request, done, self._languages, add())
        return response
