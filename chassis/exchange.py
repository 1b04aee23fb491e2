"""The serving side of an exchange: many calls on one stream, each through the edge as if it came alone.

A gRPC call costs the server a quarter of a millisecond of CPU before anything is done for it, most of it for
the beginning and end of its stream; in an exchange a call is a few fields of a message (ADR-0015).
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, NoReturn

import grpc

from aljibe.ops.v1 import exchange_pb2 as pb
from chassis.errors import DETAILS_KEY

log = logging.getLogger(__name__)

SERVICE_NAME = pb.DESCRIPTOR.services_by_name["ExchangeService"].full_name
METHOD = f"/{SERVICE_NAME}/Exchange"
MAX_ANSWER_BYTES = 256 * 1024
"""Answers are put together up to this size; a larger one travels alone."""
_UNIMPLEMENTED = grpc.StatusCode.UNIMPLEMENTED
_CANCELLED = grpc.StatusCode.DEADLINE_EXCEEDED
_BUSY = grpc.StatusCode.RESOURCE_EXHAUSTED

UnaryCall = Callable[[bytes, Any], Awaitable[Any]]
"""A method behind the edge: takes the request's bytes and a context, as gRPC gives them."""
Method = tuple[UnaryCall, Callable[[Any], bytes]]
"""The call, and what serializes its response."""


class Exchange:
    """Serves the method. `methods` may still grow after it was made; `max_calls` is for all streams at
    once.
    """

    def __init__(self, methods: Mapping[str, Method], max_calls: int | None, max_message_bytes: int) -> None:
        self._methods = methods
        self.max_response_bytes = max_message_bytes - MAX_ANSWER_BYTES // 4
        self._max_calls = max_calls
        self._running = 0
        self._streams: set[_Stream] = set()
        self._closing = False

    def handler(self) -> grpc.GenericRpcHandler:
        """What a gRPC server registers."""
        method = grpc.stream_stream_rpc_method_handler(
            self._serve, pb.ExchangeRequest.FromString, pb.ExchangeResponse.SerializeToString
        )
        return grpc.method_handlers_generic_handler(SERVICE_NAME, {"Exchange": method})

    def close(self) -> None:
        """Tell every caller to go elsewhere; what is running is answered still."""
        self._closing = True
        for stream in self._streams:
            stream.close()

    def find(self, name: str) -> Method | None:
        """The unary method of this name."""
        return self._methods.get(name)

    def enter(self) -> bool:
        """Counts a call; False when there are too many."""
        if self._max_calls is not None and self._running >= self._max_calls:
            return False
        self._running += 1
        return True

    def leave(self) -> None:
        """A counted call has ended."""
        self._running -= 1

    async def _serve(self, _requests: object, context: Any) -> None:
        stream = _Stream(self, context)
        self._streams.add(stream)
        if self._closing:
            stream.close()
        try:
            await stream.run()
        finally:
            self._streams.discard(stream)


class _Stream:
    def __init__(self, exchange: Exchange, context: Any) -> None:
        self._exchange = exchange
        self._context = context
        self._loop = asyncio.get_running_loop()
        self._tasks: set[asyncio.Task[None]] = set()
        self._answers: list[pb.ExchangeAnswer] = []
        self._wake = asyncio.Event()
        self._closing = self._told = False

    def close(self) -> None:
        self._closing = True
        self._wake.set()

    async def run(self) -> None:
        reader = self._loop.create_task(self._read())
        reader.add_done_callback(lambda _: self._wake.set())
        try:
            while self._answers or self._tasks or not (reader.done() or self._closing):
                await self._wake.wait()
                self._wake.clear()
                await self._write()
            await self._write()
        finally:
            # The caller went away, or all is answered.
            for task in (reader, *self._tasks):
                task.cancel()
        if reader.done() and not reader.cancelled():
            reader.result()

    async def _read(self) -> None:
        while (group := await self._context.read()) is not grpc.aio.EOF:
            # Once `closing` is on its way nothing is begun any more: the caller asks again elsewhere.
            if self._told:
                continue
            for call in group.calls:
                if not self._exchange.enter():
                    self._answer(call.number, _BUSY, "too many calls at once")
                    continue
                task = self._loop.create_task(self._serve(call))
                self._tasks.add(task)
                task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._exchange.leave()
        self._wake.set()

    async def _write(self) -> None:
        while self._answers or (self._closing and not self._told):
            group = pb.ExchangeResponse(closing=self._closing)
            self._told = self._told or self._closing
            size = taken = 0
            for answer in self._answers:
                size += len(answer.response)
                if taken and size > MAX_ANSWER_BYTES:
                    break
                taken += 1
            group.answers.extend(self._answers[:taken])
            del self._answers[:taken]
            await self._context.write(group)

    async def _serve(self, call: pb.ExchangeCall) -> None:
        method = self._exchange.find(call.method)
        if method is None:
            self._answer(call.number, _UNIMPLEMENTED, f"no unary method {call.method}")
            return
        answer, serialize = method
        seconds = max(call.timeout_milliseconds, 1) / 1000
        context = CallContext(call, time.monotonic() + seconds)
        task = asyncio.current_task()
        assert task is not None
        timer = self._loop.call_later(seconds, task.cancel)
        try:
            response = await answer(call.request, context)
        except grpc.aio.AbortError:
            self._answer(call.number, context.code(), context.details, context.status)
        except asyncio.CancelledError:
            if time.monotonic() < context.deadline:
                raise
            self._answer(call.number, _CANCELLED, "the time for this call is over")
        except Exception:  # the edge let through what it should not
            log.exception("exchange_failed", extra={"rpc": call.method})
            self._answer(call.number, grpc.StatusCode.INTERNAL, "something went wrong here")
        else:
            if context.refusal is not None:
                self._answer(call.number, context.refusal, context.details, context.status)
                return
            data = response if isinstance(response, bytes) else serialize(response)
            if len(data) > self._exchange.max_response_bytes:
                # The whole stream would fail, and everybody's calls with it.
                self._answer(call.number, _BUSY, "the response is larger than a message may be")
            else:
                self._answers.append(pb.ExchangeAnswer(number=call.number, response=data))
        finally:
            timer.cancel()

    def _answer(self, number: int, code: grpc.StatusCode, message: str, status: bytes = b"") -> None:
        self._answers.append(
            pb.ExchangeAnswer(number=number, code=code.value[0], message=message, status=status)
        )
        self._wake.set()


class CallContext:
    """What the edge asks of a gRPC context, for a call within an exchange."""

    __slots__ = ("_call", "deadline", "details", "refusal", "status")

    def __init__(self, call: pb.ExchangeCall, deadline: float) -> None:
        self._call = call
        self.deadline = deadline
        self.refusal: grpc.StatusCode | None = None
        self.details = ""
        self.status = b""

    def time_remaining(self) -> float:
        """Seconds left."""
        return max(0.0, self.deadline - time.monotonic())

    def invocation_metadata(self) -> list[tuple[str, str]]:
        """Those of the call's own fields that travel as metadata otherwise."""
        call = self._call
        found = []
        if call.authorization:
            found.append(("authorization", call.authorization))
        if call.traceparent:
            found.append(("traceparent", call.traceparent))
        if call.accept_language:
            found.append(("accept-language", call.accept_language))
        if call.baggage:
            found.append(("baggage", call.baggage))
        return found

    async def abort(self, code: grpc.StatusCode, details: str = "", trailing_metadata: Any = ()) -> NoReturn:
        """Refuse the call now."""
        self.set_code(code)
        self.set_details(details)
        self.set_trailing_metadata(trailing_metadata)
        raise grpc.aio.AbortError

    def set_code(self, code: grpc.StatusCode) -> None:
        """Refuse the call when its handler ends."""
        self.refusal = code

    def set_details(self, details: str) -> None:
        """What the refusal says."""
        self.details = details

    def set_trailing_metadata(self, trailing_metadata: Any) -> None:
        """Of which only the refusal's status travels."""
        for key, value in trailing_metadata:
            if key == DETAILS_KEY:
                self.status = value

    def code(self) -> grpc.StatusCode:
        """What it is refused with."""
        return self.refusal or grpc.StatusCode.UNKNOWN
