"""The server takes all calls that have come, not one in several turns of the event loop."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc

from chassis import accepting

CALLS = 32
TURN_SECONDS = 0.02
METHOD = "/test.Busy/Call"


class Busy:
    """A service whose every turn of the event loop takes long, and that notes in which turn a call began."""

    def __init__(self) -> None:
        self.turn = 0
        self.begun: list[int] = []
        self.gate = asyncio.Event()

    async def turns(self) -> None:
        while True:
            time.sleep(TURN_SECONDS)  # a group's work in Python
            self.turn += 1
            await asyncio.sleep(0)

    async def call(self, request: bytes, context: Any) -> bytes:
        self.begun.append(self.turn)
        await self.gate.wait()
        return request


@asynccontextmanager
async def serving(busy: Busy, most_calls: int | None = None) -> AsyncIterator[grpc.Channel]:
    """The service, and a channel whose calls do not need the event loop."""
    server = accepting.server((), most_calls)
    handler: grpc.RpcMethodHandler[Any, Any] = grpc.unary_unary_rpc_method_handler(busy.call)
    server.add_registered_method_handlers("test.Busy", {"Call": handler})
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    channel = grpc.insecure_channel(f"127.0.0.1:{port}", options=[("grpc.enable_http_proxy", 0)])
    try:
        yield channel
    finally:
        channel.close()
        await server.stop(0)


async def test_calls_that_came_during_a_turn_begin_together() -> None:
    """Else a group under load is as small as the few calls that were let in one by one."""
    assert accepting.KNOWN, "this release of grpcio is made differently: see chassis/accepting.py"
    busy = Busy()
    async with serving(busy) as channel:
        busy.gate.set()
        call: Any = channel.unary_unary(METHOD)
        await asyncio.to_thread(call, b"the connection stands", timeout=10)
        busy.begun.clear()

        async with asyncio.TaskGroup() as group:
            spinning = group.create_task(busy.turns())
            answers = [call.future(str(number).encode(), timeout=30) for number in range(CALLS)]
            said = await asyncio.to_thread(lambda: [answer.result() for answer in answers])
            spinning.cancel()

        assert said == [str(number).encode() for number in range(CALLS)]
        assert max(busy.begun) - min(busy.begun) < CALLS


async def test_more_calls_than_are_outstanding_are_all_served() -> None:
    busy = Busy()
    async with serving(busy) as channel:
        busy.gate.set()
        call: Any = channel.unary_unary(METHOD)

        answers = [call.future(b"one", timeout=30) for _ in range(accepting.OUTSTANDING * 2 + 1)]
        said = await asyncio.to_thread(lambda: [answer.result() for answer in answers])

        assert len(said) == len(busy.begun) == accepting.OUTSTANDING * 2 + 1


async def test_more_calls_than_allowed_are_refused_and_later_ones_served() -> None:
    busy = Busy()
    async with serving(busy, most_calls=2) as channel:
        call: Any = channel.unary_unary(METHOD)

        answers = [call.future(b"one", timeout=30) for _ in range(3)]
        refused = await asyncio.to_thread(lambda: next(one for one in _done(answers) if one.exception()))
        busy.gate.set()
        await asyncio.to_thread(lambda: [answer.exception() for answer in answers])
        later = await asyncio.to_thread(_served, call, b"later")

        assert sum(answer.exception() is not None for answer in answers) == 1
        assert refused.exception().code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert later == b"later"


def _served(call: Any, request: bytes) -> Any:
    """The answer once there is room again: the server counts a call until it has heard that it is over."""
    until = time.monotonic() + 10
    while True:
        try:
            return call(request, timeout=10)
        except grpc.RpcError:
            if time.monotonic() > until:
                raise
            time.sleep(0.01)


def _done(answers: list[Any]) -> Any:
    """Answers as they come."""
    until = time.monotonic() + 10
    while time.monotonic() < until:
        yield from [answer for answer in answers if answer.done()]
        time.sleep(0.01)
