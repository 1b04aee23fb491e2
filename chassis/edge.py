"""The edge of every RPC: deadline, token, roles, parsing, field rules, scopes, span, metrics, error table.

Handlers are wrapped when a servicer is registered, not by a gRPC interceptor: per call that spares the
interceptor's own coroutine, and a method that was not wrapped cannot be reached at all.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, TypeVar, cast

import grpc
from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from google.protobuf.message import DecodeError, Message

from chassis import baggage, exchange, metrics, telemetry
from chassis.access import Policy, policy_of
from chassis.auth import Principal, TokenVerifier
from chassis.call import Call, set_call
from chassis.conventions import RPC_METHOD, RPC_RESPONSE_STATUS_CODE, RPC_SYSTEM_NAME
from chassis.draining import PATIENCE_SECONDS, Draining
from chassis.errors import DETAILS_KEY, ErrorTable, is_expected
from chassis.refusals import DeadlineExceeded, InvalidArgument
from chassis.settings import ChassisSettings
from chassis.validation import Validator, compile_validator

log = logging.getLogger(__name__)

M = TypeVar("M", bound=Message)

Context = grpc.aio.ServicerContext[Any, Any]

_SECONDS = metrics.histogram("rpc_server_seconds", "s", "Time to answer an RPC", ("rpc", "code"))
_CODES = {code.value[0]: code for code in grpc.StatusCode}
_SERVER_FAULTS = frozenset(
    {
        grpc.StatusCode.UNKNOWN,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.UNIMPLEMENTED,
        grpc.StatusCode.INTERNAL,
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.DATA_LOSS,
    }
)
"""What is an error of a server's span, by OpenTelemetry's conventions for gRPC; the others are answers."""
_NOTHING = b""
"""What a handler returns whose call is refused; it is not sent."""
# Streams live longer than calls: a watch ends when the client goes or the process drains.
_NO_DEADLINE = float("inf")


@dataclass(frozen=True, slots=True)
class Limits:
    """Deadlines that the edge enforces, in seconds."""

    default_seconds: float
    max_seconds: float

    @classmethod
    def of(cls, settings: ChassisSettings) -> Limits:
        """Those of the settings."""
        return cls(settings.default_deadline_seconds, settings.max_deadline_seconds)


class Registrar:
    """Stands in for the server in `add_…Servicer_to_server`, and passes wrapped handlers on to it; those of
    unary methods go into `unary` as well, by full name.
    """

    def __init__(
        self,
        server: grpc.aio.Server,
        service: ServiceDescriptor,
        verifier: TokenVerifier,
        table: ErrorTable,
        limits: Limits,
        unary: dict[str, exchange.Method] | None = None,
        draining: Draining | None = None,
    ) -> None:
        self._server = server
        self._draining = draining or Draining()
        self._unary = {} if unary is None else unary
        self._service = service
        self._verifier = verifier
        self._table = table
        self._limits = limits

    def add_generic_rpc_handlers(self, generic_rpc_handlers: Sequence[grpc.GenericRpcHandler]) -> None:
        """Generated code calls this first; the same handlers follow by name below, and only those are
        served.
        """

    def add_registered_method_handlers(
        self, service_name: str, method_handlers: Mapping[str, grpc.RpcMethodHandler[Any, Any]]
    ) -> None:
        """Wrap each handler and register it under its name."""
        if service_name != self._service.full_name:
            raise ValueError(
                f"{service_name} was registered with the descriptor of {self._service.full_name}"
            )
        unary, streaming = {}, {}
        for name, handler in method_handlers.items():
            descriptor = self._service.methods_by_name[name]
            method = _Method(descriptor, handler, self._verifier, self._table, self._limits, self._draining)
            if descriptor.client_streaming or descriptor.server_streaming:
                streaming[name] = method.handler()
            else:
                unary[name] = method.handler()
                self._unary[f"/{service_name}/{name}"] = method.unary()
        self._server.add_registered_method_handlers(service_name, unary)
        self._server.add_generic_rpc_handlers(
            (grpc.method_handlers_generic_handler(service_name, streaming),)
        )


@dataclass(slots=True)
class _Work:
    """A call being served."""

    call: Call
    started: float
    timer: float | None
    """Seconds after which we end it ourselves."""
    authorization: str | None
    traceparent: str
    span: telemetry.Span | None
    begun_here: bool
    """Whether its trace began with it."""
    streaming: bool


class _Method:
    """One RPC method with everything that can be prepared once."""

    def __init__(
        self,
        method: MethodDescriptor,
        handler: grpc.RpcMethodHandler[Any, Any],
        verifier: TokenVerifier,
        table: ErrorTable,
        limits: Limits,
        draining: Draining,
    ) -> None:
        self._draining = draining
        service = method.containing_service
        assert service is not None
        self._name = f"/{service.full_name}/{method.name}"
        inner: Any = handler
        self._inner = inner
        self._policy: Policy = policy_of(method)
        self._validate: Validator = compile_validator(method.input_type)
        self._parse: Callable[[bytes], Message] = inner.request_deserializer
        self._verifier = verifier
        self._table = table
        self._limits = limits
        self._seconds: dict[grpc.StatusCode, Any] = {}
        self._ok = self._observer(grpc.StatusCode.OK)
        self._attributes = {RPC_SYSTEM_NAME: "grpc", RPC_METHOD: self._name[1:]}

    def handler(self) -> grpc.RpcMethodHandler[Any, Any]:
        """The wrapped handler; it takes bytes, because a request that cannot be parsed is the caller's
        fault and not INTERNAL.
        """
        inner = self._inner
        serialize = _serializer(inner.response_serializer)
        if inner.request_streaming and inner.response_streaming:
            return grpc.stream_stream_rpc_method_handler(self._stream_stream, None, serialize)
        if inner.request_streaming:
            return grpc.stream_unary_rpc_method_handler(self._stream_unary, None, serialize)
        if inner.response_streaming:
            return grpc.unary_stream_rpc_method_handler(self._unary_stream, None, serialize)
        return grpc.unary_unary_rpc_method_handler(self._unary_unary, None, serialize)

    def unary(self) -> exchange.Method:
        """The same for calls that share a stream."""
        return self._unary_unary, _serializer(self._inner.response_serializer)

    async def _unary_unary(self, data: bytes, context: Context) -> Any:
        work = self._open(context, streaming=False)
        try:
            self._admit(work)
            request = self._request(data, work)
            if work.timer is None:
                response = await self._inner.unary_unary(request, context)
            else:
                async with asyncio.timeout(work.timer):
                    response = await self._inner.unary_unary(request, context)
        except BaseException as error:
            if self._goes_on(error, work, context):
                raise
            return _NOTHING
        self._done(work)
        return response

    async def _stream_unary(self, requests: AsyncIterator[bytes], context: Context) -> Any:
        work = self._open(context, streaming=True)
        try:
            self._admit(work)
            async with asyncio.timeout(work.timer):
                response = await self._inner.stream_unary(self._requests(requests, work), context)
        except BaseException as error:
            if self._goes_on(error, work, context):
                raise
            return _NOTHING
        self._done(work)
        return response

    async def _unary_stream(self, data: bytes, context: Context) -> AsyncIterator[Any]:
        work = self._open(context, streaming=True)
        try:
            self._admit(work)
            request = self._request(data, work)
            async with aclosing(self._inner.unary_stream(request, context)) as responses:
                async for response in self._draining.until_begun(responses, PATIENCE_SECONDS):
                    yield response
        except GeneratorExit:
            self._left(work)
            raise
        except BaseException as error:
            if self._goes_on(error, work, context):
                raise
            return
        self._done(work)

    async def _stream_stream(self, requests: AsyncIterator[bytes], context: Context) -> AsyncIterator[Any]:
        work = self._open(context, streaming=True)
        try:
            self._admit(work)
            # Once nothing more is read, the servicer answers what was, and ends.
            given = self._requests(self._draining.until_begun(requests), work)
            async with aclosing(self._inner.stream_stream(given, context)) as responses:
                async for response in responses:
                    yield response
        except GeneratorExit:
            self._left(work)
            raise
        except BaseException as error:
            if self._goes_on(error, work, context):
                raise
            return
        self._done(work)

    def _open(self, context: Context, *, streaming: bool) -> _Work:
        """The call's facts, and its span. gRPC itself cancels at the caller's deadline."""
        now = time.monotonic()
        remaining: float | None = context.time_remaining()
        timer: float | None = None
        if remaining is None:
            if not streaming:
                timer = remaining = self._limits.default_seconds
        elif remaining > self._limits.max_seconds and not streaming:
            timer = remaining = self._limits.max_seconds
        languages = ""
        incoming: str | None = None
        authorization: str | None = None
        for key, value in context.invocation_metadata() or ():
            if key == "authorization":
                authorization = str(value)
            elif key == "traceparent":
                incoming = str(value)
            elif key == "accept-language":
                languages = str(value)
            elif key == "baggage":
                baggage.carry(str(value))
        call = Call(self._name, None, _NO_DEADLINE if remaining is None else now + remaining, languages)
        set_call(call)
        traceparent = telemetry.attach(incoming)
        span = telemetry.begin(traceparent, self._name[1:], telemetry.Kind.SERVER, self._attributes)
        begun_here = traceparent is not incoming
        return _Work(call, now, timer, authorization, traceparent, span, begun_here, streaming)

    def _admit(self, work: _Work) -> None:
        policy = self._policy
        if policy.open:
            return
        principal = self._verifier.verify(work.authorization)
        policy.check_role(principal)
        work.call.principal = principal

    def _request(self, data: bytes, work: _Work) -> Message:
        try:
            request = self._parse(data)
        except DecodeError as error:
            raise InvalidArgument(
                "", "the request is not a valid message of its type", "MALFORMED"
            ) from error
        self._validate(request)
        principal: Principal | None = work.call.principal
        if self._policy.check_scopes is not None and principal is not None:
            self._policy.check_scopes(principal, request)
        return request

    async def _requests(self, requests: AsyncIterator[bytes], work: _Work) -> AsyncIterator[Message]:
        async for data in requests:
            # A stream may outlive its token, and its token's key.
            self._admit(work)
            yield self._request(data, work)

    def _done(self, work: _Work) -> None:
        seconds = time.monotonic() - work.started
        span = work.span
        if span is not None:
            span.attributes[RPC_RESPONSE_STATUS_CODE] = "OK"
            telemetry.finish(span)
            self._ok(seconds, telemetry.exemplar(span.traceparent))
            return
        self._ok(seconds)
        if seconds >= telemetry.slow_seconds() and not work.streaming:
            self._keep(work, seconds, grpc.StatusCode.OK)

    def _left(self, work: _Work) -> None:
        if work.span is not None:
            telemetry.finish(work.span)

    def _keep(self, work: _Work, seconds: float, code: grpc.StatusCode) -> None:
        """Of a trace that nobody samples: a span all the same."""
        telemetry.keep(
            self._name[1:],
            telemetry.Kind.SERVER,
            seconds,
            {**self._attributes, RPC_RESPONSE_STATUS_CODE: code.name},
            traceparent=work.traceparent,
            error=code.name if code in _SERVER_FAULTS else "",
            begun_here=work.begun_here,
        )

    def _failed(self, work: _Work, code: grpc.StatusCode, error: BaseException) -> None:
        """Measure, and say on the span, what the call is answered with."""
        seconds = time.monotonic() - work.started
        span = work.span
        if span is None:
            self._observer(code)(seconds)
            slow = seconds >= telemetry.slow_seconds() and not work.streaming
            if code in _SERVER_FAULTS or slow:
                self._keep(work, seconds, code)
            return
        span.attributes[RPC_RESPONSE_STATUS_CODE] = code.name
        span.raised(error)
        # Whether it is an error is said by the answer: what is not ours to mend is none.
        span.state = telemetry.State.UNSET
        if code in _SERVER_FAULTS:
            span.failed(code.name)
        telemetry.finish(span)
        self._observer(code)(seconds, telemetry.exemplar(span.traceparent))

    def _goes_on(self, error: BaseException, work: _Work, context: Context) -> bool:
        """Have the call answered with `error` when its handler ends; whether the handler is to raise it
        instead.

        `abort` would raise, and gRPC keep what it raised, with all frames on its way and whatever they hold,
        in a circle: 25 kB a refused call, and seconds for the collector once there are thousands. Nor does
        this raise `error`, for its own frame holds it.
        """
        call = work.call
        if isinstance(error, grpc.aio.AbortError):
            # A servicer chose its own answer.
            self._failed(work, _code_of(context), error)
            return True
        if isinstance(error, asyncio.CancelledError):
            # The caller went away or its deadline passed; nobody is left to be told, and nothing is wrong
            # here.
            late = call.remaining_seconds() <= 0.0
            gone = grpc.StatusCode.DEADLINE_EXCEEDED if late else grpc.StatusCode.CANCELLED
            self._failed(work, gone, error)
            return True
        if not isinstance(error, Exception):
            return True
        if isinstance(error, TimeoutError) and call.remaining_seconds() <= 0.0:
            error = DeadlineExceeded()
        if not is_expected(self._table, error):
            log.error("rpc_failed", exc_info=error, extra={"rpc": self._name})
        status = self._table.status_for(error, call.languages)
        code = _CODES.get(status.code, grpc.StatusCode.UNKNOWN)
        if code is grpc.StatusCode.UNAVAILABLE:
            log.warning(
                "rpc_unavailable",
                extra={"rpc": self._name, "reason": str(error), "kind": type(error).__name__},
            )
        self._failed(work, code, error)
        context.set_code(code)
        context.set_details(status.message)
        context.set_trailing_metadata(((DETAILS_KEY, status.SerializeToString()),))
        return False

    def _observer(self, code: grpc.StatusCode) -> Callable[..., None]:
        observe: Callable[..., None] | None = self._seconds.get(code)
        if observe is None:
            observe = self._seconds[code] = _SECONDS.labels(self._name[1:], code.name).observe
        return observe


def sent_as_is(answer: type[M], wire: bytes) -> M:
    """What a servicer returns that has its `answer` in wire form already, such as one that was stored with
    its request. The edge sends bytes as they are; the type is what the generated servicer wants to hear.
    """
    return cast(M, wire)


def _serializer(serialize: Callable[[Any], bytes]) -> Callable[[Any], bytes]:
    def wire(response: Any) -> bytes:
        return response if type(response) is bytes else serialize(response)

    return wire


def _code_of(context: Context) -> grpc.StatusCode:
    code: Any = context.code()
    return code if isinstance(code, grpc.StatusCode) else _CODES.get(code, grpc.StatusCode.UNKNOWN)
