"""The calling side of an exchange: unary calls that share a few streams instead of opening one each.

While a group of calls is being written the next gathers; nothing waits on a timer, so a lone call is not
delayed. A service that does not know exchanges is called in the ordinary way.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import grpc

from aljibe.ops.v1 import exchange_pb2 as pb
from chassis.errors import DETAILS_KEY
from chassis.exchange import METHOD

STREAM_SECONDS = 60.0
"""A stream is replaced after this time, so that calls reach instances that are younger than it."""
ASK_AGAIN_SECONDS = 60.0
"""How long a service that did not know exchanges is called without."""
MAX_GROUP_CALLS = 256
MAX_GROUP_BYTES = 64 * 1024
"""Calls are put together up to this size; a larger one is made alone, without an exchange."""
_OVERHEAD_BYTES = 1024
_CODES = {code.value[0]: code for code in grpc.StatusCode}
_BROKEN = frozenset((grpc.StatusCode.CANCELLED, grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN))
"""How a stream ends that breaks; INTERNAL is what grpc.aio says when the break meets a write. What is wrong
with a call is said in its own answer."""

Call = Callable[..., Awaitable[Any]]
Metadata = Sequence[tuple[str, str | bytes]]


class _NotServed(Exception):
    """The service knows no exchange; nothing of the call was begun."""


class Exchanger:
    """The streams of one channel. Raises `grpc.aio.AioRpcError` like a call of its own would."""

    def __init__(self, channel: grpc.aio.Channel, streams: int) -> None:
        self._open: Callable[[], Any] = channel.stream_stream(
            METHOD,
            request_serializer=pb.ExchangeRequest.SerializeToString,
            response_deserializer=pb.ExchangeResponse.FromString,
        )
        self._streams: list[_Stream | None] = [None] * streams
        self._leaving: set[_Stream] = set()
        self._turns = itertools.cycle(range(streams))
        self._plain_until = 0.0

    def unary_unary(
        self,
        method: str,
        plain: Call,
        request_serializer: Callable[[Any], bytes] = bytes,
        response_deserializer: Callable[[bytes], Any] = bytes,
        **_: Any,
    ) -> Call:
        """A call of `method`; `plain` is the same without exchange."""

        async def call(request: Any, *, timeout: float, metadata: Metadata, **kwargs: Any) -> Any:
            data = request_serializer(request)
            if len(data) > MAX_GROUP_BYTES or time.monotonic() < self._plain_until:
                return await plain(request, timeout=timeout, metadata=metadata, **kwargs)
            message = pb.ExchangeCall(
                method=method, request=data, timeout_milliseconds=max(1, int(timeout * 1000))
            )
            for name, value in metadata:
                if name == "authorization":
                    message.authorization = str(value)
                elif name == "traceparent":
                    message.traceparent = str(value)
                elif name == "accept-language":
                    message.accept_language = str(value)
                elif name == "baggage":
                    message.baggage = str(value)
                else:
                    # What an exchange has no field for is not lost.
                    return await plain(request, timeout=timeout, metadata=metadata, **kwargs)
            try:
                return response_deserializer(await self._stream().ask(message, timeout))
            except _NotServed:
                self._plain_until = time.monotonic() + ASK_AGAIN_SECONDS
                return await plain(request, timeout=timeout, metadata=metadata, **kwargs)

        return call

    async def close(self) -> None:
        """Ends all streams; their calls fail."""
        for stream in (*self._streams, *self._leaving):
            if stream is not None:
                await stream.close()

    def _stream(self) -> _Stream:
        turn = next(self._turns)
        stream = self._streams[turn]
        if stream is None or not stream.usable:
            if stream is not None and not stream.ended:
                self._leaving.add(stream)
                stream.leave()
            self._leaving = {one for one in self._leaving if not one.ended}
            stream = self._streams[turn] = _Stream(self._open())
        return stream


class _Stream:
    def __init__(self, opened: Any) -> None:
        self._opened = opened
        self._loop = asyncio.get_running_loop()
        self._began = time.monotonic()
        self._numbers = itertools.count(1)
        self._waiting: dict[int, tuple[asyncio.Future[bytes], asyncio.TimerHandle]] = {}
        self._calls: list[pb.ExchangeCall] = []
        self._wake = asyncio.Event()
        self._leaving = self._closed = False
        self.ended = False
        self._tasks = (self._loop.create_task(self._write()), self._loop.create_task(self._read()))

    @property
    def usable(self) -> bool:
        """Whether it takes calls."""
        return not (self.ended or self._leaving or time.monotonic() - self._began > STREAM_SECONDS)

    def ask(self, call: pb.ExchangeCall, timeout: float) -> asyncio.Future[bytes]:
        """The response's bytes."""
        call.number = number = next(self._numbers)
        future: asyncio.Future[bytes] = self._loop.create_future()
        self._waiting[number] = (future, self._loop.call_later(timeout, self._late, number))
        self._calls.append(call)
        self._wake.set()
        return future

    def leave(self) -> None:
        """Takes no more calls, and ends when those it has are answered."""
        self._leaving = True
        self._wake.set()

    async def close(self) -> None:
        """Ends it now."""
        self._closed = True
        self._opened.cancel()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _late(self, number: int) -> None:
        self._fail(number, grpc.StatusCode.DEADLINE_EXCEEDED, "Deadline Exceeded")

    def _fail(self, number: int, code: grpc.StatusCode, details: str, status: bytes = b"") -> None:
        future, timer = self._waiting.pop(number)
        timer.cancel()
        if not future.done():
            trailing = grpc.aio.Metadata((DETAILS_KEY, status)) if status else grpc.aio.Metadata()
            future.set_exception(grpc.aio.AioRpcError(code, grpc.aio.Metadata(), trailing, details))

    async def _write(self) -> None:
        try:
            while not self.ended:
                while self._calls:
                    await self._opened.write(pb.ExchangeRequest(calls=self._group()))
                if self._leaving:
                    await self._opened.done_writing()
                    return
                await self._wake.wait()
                self._wake.clear()
        except (grpc.aio.AioRpcError, asyncio.InvalidStateError):
            return  # the reader learns why

    def _group(self) -> list[pb.ExchangeCall]:
        size = taken = 0
        for call in self._calls[:MAX_GROUP_CALLS]:
            size += len(call.request) + _OVERHEAD_BYTES
            if taken and size > MAX_GROUP_BYTES:
                break
            taken += 1
        group = self._calls[:taken]
        del self._calls[:taken]
        return group

    async def _read(self) -> None:
        code, details = grpc.StatusCode.UNAVAILABLE, "the exchange has ended"
        try:
            while (group := await self._opened.read()) is not grpc.aio.EOF:
                for answer in group.answers:
                    self._take(answer)
                if group.closing:
                    self.leave()
            ended_with = await self._opened.code()
            if ended_with is not grpc.StatusCode.OK:
                code, details = ended_with, await self._opened.details() or ""
        except grpc.aio.AioRpcError as error:
            code, details = error.code(), error.details() or ""
        finally:
            self._end(code, details)
            self._wake.set()

    def _take(self, answer: pb.ExchangeAnswer) -> None:
        if answer.code:
            code = _CODES.get(answer.code, grpc.StatusCode.UNKNOWN)
            if answer.number in self._waiting:
                self._fail(answer.number, code, answer.message, answer.status)
            return
        future, timer = self._waiting.pop(answer.number, _NOBODY)
        if timer is not None and future is not None:
            timer.cancel()
            if not future.done():
                future.set_result(answer.response)

    def _end(self, code: grpc.StatusCode, details: str) -> None:
        """Nothing comes any more. What is unanswered may have been done or not, as when any call fails so."""
        self.ended = True
        unserved = code is grpc.StatusCode.UNIMPLEMENTED
        if self._closed:
            code, details = grpc.StatusCode.CANCELLED, "the channel was closed"
        elif code in _BROKEN:
            code = grpc.StatusCode.UNAVAILABLE  # the service went away in the midst of it
        for number in list(self._waiting):
            future, timer = self._waiting[number]
            if unserved:
                del self._waiting[number]
                timer.cancel()
                if not future.done():
                    future.set_exception(_NotServed())
            else:
                self._fail(number, code, details)


_NOBODY: tuple[None, None] = (None, None)
