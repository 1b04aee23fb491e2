"""The bare echo."""

from __future__ import annotations

import asyncio
from typing import Any, Self

import grpc

from bench import echo
from bench.calls.caller import Caller, GrpcCaller
from bench.shop import Shop


class EchoUnary(GrpcCaller):
    """The bare echo."""

    service = "orders"
    method = echo.UNARY

    def body(self) -> bytes:
        """An id and two lines."""
        return echo.message().SerializeToString()

    def request(self) -> bytes:
        """Always the same."""
        return self.bodies[0]


class EchoStream(Caller):
    """One bidirectional stream; a call is one message there and back."""

    def __init__(self, shop: Shop, run: str, traced: float | None, target: str) -> None:
        super().__init__(shop, run, traced, target)
        self._channel = grpc.aio.insecure_channel(target)
        self._stream: Any = self._channel.stream_stream(echo.STREAM)()
        self._waiting: asyncio.Queue[asyncio.Future[None]] = asyncio.Queue()
        self._outgoing: asyncio.Queue[bytes] = asyncio.Queue()
        self._message = echo.message().SerializeToString()

    async def __aenter__(self) -> Self:
        self._tasks = [asyncio.create_task(self._read()), asyncio.create_task(self._write())]
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._stream.cancel()
        await self._channel.close()

    async def once(self) -> int:
        """One message."""
        answered: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.put_nowait(answered)
        self._outgoing.put_nowait(self._message)
        await answered
        return 1

    async def _write(self) -> None:
        while True:
            await self._stream.write(await self._outgoing.get())

    async def _read(self) -> None:
        while True:
            await self._stream.read()
            (await self._waiting.get()).set_result(None)
