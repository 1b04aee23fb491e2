"""`aljibe.insights.v1.InsightsService`: translate, read, translate back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import grpc

from aljibe.insights.v1 import insights_pb2 as pb
from aljibe.insights.v1 import insights_pb2_grpc
from chassis import requests
from chassis.auth import current_principal
from chassis.clock import Clock
from chassis.pages import PageTokens
from chassis.postgres import Connection, Database
from services.insights.adapters import wire
from services.insights.adapters.looks import Looks
from services.insights.adapters.postgres.reading import read_goals, set_goals
from services.insights.domain.goals import check

DEFAULT_PAGE_SIZE = 50
DEFAULT_WINDOW_MINUTES = 60
TELL_AT_MOST_EVERY_SECONDS = 1.0

_Context = grpc.aio.ServicerContext[Any, Any]


class InsightsServicer(insights_pb2_grpc.InsightsServiceServicer):
    """The RPCs of insights."""

    def __init__(
        self, db: Database, looks: Looks, pages: PageTokens, clock: Clock, watch_seconds: float
    ) -> None:
        self._db = db
        self._looks = looks
        self._pages = pages
        self._clock = clock
        self._watch_seconds = watch_seconds

    async def GetToday(self, request: pb.GetTodayRequest, context: _Context) -> pb.GetTodayResponse:  # noqa: N802
        """A day as it stands now."""
        window = request.window_minutes or DEFAULT_WINDOW_MINUTES
        look = await self._looks.read(request.day, request.time_zone, window)
        return pb.GetTodayResponse(today=look)

    async def WatchToday(  # noqa: N802
        self, request: pb.WatchTodayRequest, context: _Context
    ) -> AsyncIterator[pb.WatchTodayResponse]:
        """Today, and again whenever it changed."""
        window = request.window_minutes or DEFAULT_WINDOW_MINUTES
        told: pb.Today | None = None
        while True:
            look = await self._looks.latest(request.time_zone, window, self._watch_seconds)
            if told is None or differs(told, look):
                told = look
                yield pb.WatchTodayResponse(today=look)
                await asyncio.sleep(TELL_AT_MOST_EVERY_SECONDS)
            else:
                await asyncio.sleep(self._watch_seconds)

    async def SetGoals(self, request: pb.SetGoalsRequest, context: _Context) -> pb.SetGoalsResponse:  # noqa: N802
        """Goals in place of those of the same channel and measure."""
        goals = [wire.goal_of(goal) for goal in request.goals]
        for goal in goals:
            check(goal)
        actor = current_principal().subject

        async def change(conn: Connection) -> pb.SetGoalsResponse:
            await set_goals(conn, goals, self._clock(), actor)
            return pb.SetGoalsResponse(goals=[wire.goal_wire(goal) for goal in goals])

        return await requests.idempotent(
            self._db, "SetGoals", request, pb.SetGoalsResponse, change, scope=actor
        )

    async def ListGoals(self, request: pb.ListGoalsRequest, context: _Context) -> pb.ListGoalsResponse:  # noqa: N802
        """A page of the goals that stand."""
        position = self._pages.position(request, parts=2)
        size = request.page_size or DEFAULT_PAGE_SIZE
        after = (position[0], position[1]) if position else ("", "")
        async with self._db.connection() as conn:
            found = await read_goals(conn, size + 1, after, request.channel_id)
        answer = pb.ListGoalsResponse(goals=[wire.goal_wire(goal) for goal in found[:size]])
        if len(found) > size:
            last = found[size - 1]
            answer.next_page_token = self._pages.next_token(request, last.channel_id, last.measure.value)
        return answer


def differs(told: pb.Today, look: pb.Today) -> bool:
    """Whether a day is another than the one that was told, but for when it was read."""
    left, right = pb.Today(), pb.Today()
    left.CopyFrom(told)
    right.CopyFrom(look)
    left.ClearField("as_of")
    right.ClearField("as_of")
    return left != right
