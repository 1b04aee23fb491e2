"""Group commit: while one group is in the database the next gathers, so that load makes groups and idleness
adds no delay.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextvars import Context
from typing import Generic, TypeVar

from chassis import metrics, telemetry
from chassis.call import current_call
from chassis.refusals import DeadlineExceeded, Overloaded, Unavailable

T = TypeVar("T")
R = TypeVar("R")

MAX_GROUP = 256
MAX_QUEUE = 4096
GATHER_ROUNDS = 12
GATHER_SECONDS = 0.01

_SIZE = metrics.histogram(
    "group_size", "members", "Members of an executed group", ("group",), metrics.SIZE_BUCKETS
)
_WAIT = metrics.histogram(
    "group_wait_seconds", "s", "Time the oldest member of a group waited before its group began", ("group",)
)
_DURATION = metrics.histogram("group_execute_seconds", "s", "Time a group took", ("group",))
_QUEUE = metrics.gauge("group_queue_length", "members", "Members waiting for the next group", ("group",))
_DROPPED = metrics.counter(
    "group_dropped_total", "members", "Members dropped before work began", ("group", "why")
)


class _Member(Generic[T, R]):
    __slots__ = ("answer", "deadline", "item", "since", "trace")

    def __init__(self, item: T, deadline: float, answer: asyncio.Future[R], since: float) -> None:
        self.item = item
        self.deadline = deadline
        self.answer = answer
        self.since = since
        self.trace = telemetry.current_traceparent()


class GroupCommit(Generic[T, R]):
    """Hands items to `execute` in groups, in order of arrival, and each caller the answer to its own item.

    `execute` returns one result per item, in order: a value, or an exception that this member alone
    receives. If it raises, and `retry_alone` says so of what it raised, each member is tried once by
    itself; otherwise all receive what
    it raised. `lanes` groups may be in flight at once; they start in arrival order. With `gather`, a group
    under load begins when nobody else has joined for `GATHER_ROUNDS` of the event loop, or after
    `GATHER_SECONDS`. At most `max_queue` members wait:
    more is `Overloaded`. A member whose deadline has passed, or whose caller is gone, is dropped before
    work begins; once its
    group has begun the work goes on without it, for a request id makes its answer available to a retry.
    """

    def __init__(
        self,
        name: str,
        execute: Callable[[Sequence[T]], Awaitable[Sequence[R | Exception]]],
        *,
        max_group: int = MAX_GROUP,
        max_queue: int = MAX_QUEUE,
        lanes: int = 1,
        retry_alone: Callable[[Exception], bool] | None = None,
        gather: bool = False,
    ) -> None:
        if min(max_group, max_queue, lanes) < 1:
            raise ValueError("max_group, max_queue and lanes must be at least 1")
        self._name = name
        self._execute = execute
        self._max_group = max_group
        self._max_queue = max_queue
        self._lanes = lanes
        self._retry_alone = retry_alone
        self._gathers = gather
        self._gathering = False
        self._joined = 0
        self._last_size = 0
        self._waiting: deque[_Member[T, R]] = deque()
        self._running: set[asyncio.Task[None]] = set()
        self._closed = False
        self._context = Context()
        self._size = _SIZE.labels(name)
        self._wait = _WAIT.labels(name)
        self._duration = _DURATION.labels(name)
        self._expired = _DROPPED.labels(name, "expired")
        self._gone = _DROPPED.labels(name, "caller gone")
        _QUEUE.labels(name).set_function(lambda: float(len(self._waiting)))

    def __len__(self) -> int:
        """Members waiting for a group."""
        return len(self._waiting)

    async def submit(self, item: T, *, deadline: float | None = None) -> R:
        """The result for `item`. `deadline` is on `time.monotonic()`; by default that of the RPC being
        served.

        Raises:
            Overloaded: the queue is full; nothing was done.
            DeadlineExceeded: the time ran out before the member's group began; nothing was done.
            Unavailable: the process is shutting down; nothing was done.
        """
        if self._closed:
            raise Unavailable(self._name)
        if len(self._waiting) >= self._max_queue:
            self._drop_dead()
            if len(self._waiting) >= self._max_queue:
                raise Overloaded(self._name, self._max_queue)
        if deadline is None:
            call = current_call()
            deadline = call.deadline if call is not None else float("inf")
        answer: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Member(item, deadline, answer, time.monotonic()))
        self._joined += 1
        if len(self._running) < self._lanes and not self._gathering:
            self._start_lane()
        try:
            return await answer
        finally:
            # What it raises leads to this frame, and would be led to by it: a circle for the collector.
            del answer

    async def close(self) -> None:
        """Take no more members, and return when every group that waits or runs is done."""
        self._closed = True
        while self._running:
            await asyncio.wait(self._running)

    def _start_lane(self) -> None:
        # An own context: a lane serves many callers and must not carry the first one's deadline or principal.
        task = asyncio.get_running_loop().create_task(
            self._lane(), name=f"group {self._name}", context=self._context.copy()
        )
        self._running.add(task)
        task.add_done_callback(self._lane_ended)

    def _lane_ended(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        if not task.cancelled() and task.exception() is not None:
            task.get_loop().call_exception_handler(
                {"message": f"group {self._name} broke", "exception": task.exception(), "task": task}
            )
        if self._waiting and not self._gathering:
            self._start_lane()

    async def _lane(self) -> None:
        while self._waiting:
            if self._gathers:
                if self._gathering:
                    return
                await self._while_more_come()
            await self._gather_and_run()

    async def _while_more_come(self) -> None:
        """Go round the event loop until nobody has joined for some rounds.

        A busy loop comes to the calls that have arrived one by one, so a group that began at once would be
        small, at the full price of its statements; and a loop with nothing to do goes round in no time.
        """
        if len(self._waiting) == 1 and self._last_size <= 1:
            return
        until = time.monotonic() + GATHER_SECONDS
        self._gathering = True
        try:
            joined, quiet = self._joined, 0
            while quiet < GATHER_ROUNDS and len(self._waiting) < self._max_group:
                await asyncio.sleep(0)
                if joined != self._joined:
                    if time.monotonic() > until:
                        break
                    joined, quiet = self._joined, 0
                else:
                    quiet += 1
        finally:
            self._gathering = False

    async def _gather_and_run(self) -> None:
        group = self._gather()
        if not group:
            return
        if self._gathers and self._waiting and len(self._running) < self._lanes:
            self._start_lane()
        try:
            await self._run(group)
        finally:
            for member in group:
                if not member.answer.done():
                    member.answer.set_exception(Unavailable(self._name))

    def _gather(self) -> list[_Member[T, R]]:
        now = time.monotonic()
        group: list[_Member[T, R]] = []
        while self._waiting and len(group) < self._max_group:
            member = self._waiting.popleft()
            if self._alive(member, now):
                group.append(member)
        self._last_size = len(group)
        if group:
            self._size.observe(len(group))
            self._wait.observe(now - group[0].since)
        return group

    def _alive(self, member: _Member[T, R], now: float) -> bool:
        if member.answer.done():
            self._gone.inc()
            return False
        if member.deadline <= now:
            self._expired.inc()
            member.answer.set_exception(DeadlineExceeded(self._name))
            return False
        return True

    def _drop_dead(self) -> None:
        now = time.monotonic()
        self._waiting = deque(member for member in self._waiting if self._alive(member, now))

    async def _run(self, group: Sequence[_Member[T, R]]) -> None:
        started = time.monotonic()
        began = time.time_ns() - int(started * 1e9)
        callers = [(member.trace, began + int(member.since * 1e9)) for member in group]
        try:
            with telemetry.shared_span(f"group {self._name}", callers):
                results = await self._execute([member.item for member in group])
        except Exception as error:  # noqa: BLE001 - an edge: whatever the work raised belongs to the callers
            if len(group) > 1 and self._retry_alone is not None and self._retry_alone(error):
                for member in group:
                    await self._run([member])
            else:
                for member in group:
                    _settle(member.answer, error)
            return
        self._duration.observe(time.monotonic() - started)
        if len(results) != len(group):
            broken = RuntimeError(f"group {self._name}: {len(results)} results for {len(group)} members")
            for member in group:
                _settle(member.answer, broken)
            return
        for member, result in zip(group, results, strict=True):
            _settle(member.answer, result)


def _settle(answer: asyncio.Future[R], result: R | Exception) -> None:
    if answer.done():
        return
    if isinstance(result, Exception):
        answer.set_exception(result)
    else:
        answer.set_result(result)
