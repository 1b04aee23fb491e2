"""Channels to other services: identity, trace, language and deadline on every call, and retry of
UNAVAILABLE within a budget.

A channel of its own rather than gRPC interceptors: those make three tasks per call, several times the cost
of what they add here.
"""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Self

import grpc

from chassis import baggage, metrics, telemetry
from chassis.auth import ServiceIdentity
from chassis.call import current_call
from chassis.conventions import (
    RPC_METHOD,
    RPC_RESPONSE_STATUS_CODE,
    RPC_SYSTEM_NAME,
    SERVER_ADDRESS,
    SERVER_PORT,
)
from chassis.exchange_client import Exchanger
from chassis.server import KEEPALIVE_MILLISECONDS, KEEPALIVE_TIMEOUT_MILLISECONDS, MAX_METADATA_BYTES

DEFAULT_DEADLINE_SECONDS = 5.0
MAX_ATTEMPTS = 12
BACKOFF_BASE_SECONDS = 0.020
BACKOFF_CAP_SECONDS = 0.500
BUDGET_BURST = 10.0
BUDGET_SHARE = 0.1
DEFAULT_MAX_MESSAGE_BYTES = 4 << 20
RECONNECT_FIRST_MILLISECONDS = 100
RECONNECT_CAP_MILLISECONDS = 1_000
RESOLVE_AGAIN_MILLISECONDS = 5_000
_APART = ("/grpc.health.", "/grpc.reflection.")
"""Answered by gRPC's own servicers, which the shared streams do not know."""
_SERVICE_CONFIG = json.dumps({"loadBalancingConfig": [{"round_robin": {}}]})

_CALLS = metrics.histogram(
    "rpc_client_seconds", "s", "Time of a call to another service, retries included", ("rpc", "code")
)
_RETRIES = metrics.counter(
    "rpc_client_retries_total", "calls", "Calls made again after UNAVAILABLE", ("rpc",)
)

Metadata = Sequence[tuple[str, str | bytes]]


class RetryBudget:
    """At most a tenth more calls by retrying, plus a burst of ten: an outage must not be answered with a
    multiple of the load.
    """

    def __init__(self, share: float = BUDGET_SHARE, burst: float = BUDGET_BURST) -> None:
        self._share = share
        self._burst = burst
        self._tokens = burst

    def earn(self) -> None:
        """Count one call."""
        self._tokens = min(self._burst, self._tokens + self._share)

    def spend(self) -> bool:
        """Whether one retry may be made; it is counted."""
        if self._tokens < 1.0:
            return False
        self._tokens -= 1.0
        return True


def channel(
    address: str,
    identity: ServiceIdentity | None = None,
    *,
    max_message_bytes: int = DEFAULT_MAX_MESSAGE_BYTES,
    default_deadline_seconds: float = DEFAULT_DEADLINE_SECONDS,
    exchange_streams: int = 0,
) -> grpc.aio.Channel:
    """A channel for generated stubs; keep one per address, and close it at the end.

    Each unary call carries the `authorization` of its own `metadata`, or else the service's token; the
    current traceparent; the caller's `accept-language`; and as deadline its `timeout` (default 5 s) or what
    is left of the call
    being served, whichever is less. Only UNAVAILABLE is retried, with full jitter from 20 to 500 ms, while
    time and budget last. Streams get
    the same metadata and neither retry nor a default deadline.

    With `exchange_streams`, unary calls share so many streams (`chassis/exchange_client.py`) where the
    service serves that: for callers of thousands a second, who then pay for a message once in a moment
    instead of once a call.
    """
    options: list[tuple[str, str | int]] = [
        ("grpc.max_receive_message_length", max_message_bytes),
        ("grpc.max_send_message_length", max_message_bytes),
        ("grpc.max_metadata_size", MAX_METADATA_BYTES),
        ("grpc.enable_retries", 0),
        ("grpc.service_config", _SERVICE_CONFIG),
        ("grpc.keepalive_time_ms", KEEPALIVE_MILLISECONDS),
        ("grpc.keepalive_timeout_ms", KEEPALIVE_TIMEOUT_MILLISECONDS),
        ("grpc.initial_reconnect_backoff_ms", RECONNECT_FIRST_MILLISECONDS),
        ("grpc.min_reconnect_backoff_ms", RECONNECT_FIRST_MILLISECONDS),
        ("grpc.max_reconnect_backoff_ms", RECONNECT_CAP_MILLISECONDS),
        ("grpc.dns_min_time_between_resolutions_ms", RESOLVE_AGAIN_MILLISECONDS),
    ]
    target = address if "://" in address or address.startswith(("unix:", "dns:")) else f"dns:///{address}"
    inner = grpc.aio.insecure_channel(target, options=options)
    exchanger = Exchanger(inner, exchange_streams) if exchange_streams else None
    return _Channel(inner, identity, default_deadline_seconds, exchanger, _place(address))


def _place(address: str) -> dict[str, telemetry.Attribute]:
    """Where calls go, as attributes of their spans; of several addresses, as they were given."""
    bare = address.rpartition("/")[2]
    host, colon, port = bare.rpartition(":")
    if colon and port.isdecimal():
        return {SERVER_ADDRESS: host, SERVER_PORT: int(port)}
    return {SERVER_ADDRESS: bare}


class _Channel(grpc.aio.Channel):
    def __init__(
        self,
        inner: grpc.aio.Channel,
        identity: ServiceIdentity | None,
        default_deadline_seconds: float,
        exchanger: Exchanger | None,
        place: dict[str, telemetry.Attribute],
    ) -> None:
        self._exchanger = exchanger
        self._attributes = {RPC_SYSTEM_NAME: "grpc", **place}
        self._inner = inner
        self._identity = identity
        self._default_seconds = default_deadline_seconds
        self._budget = RetryBudget()

    def unary_unary(self, method: str, *args: Any, **kwargs: Any) -> Any:
        call: Any = self._inner.unary_unary(method, *args, **kwargs)
        if self._exchanger is not None and not method.startswith(_APART):
            call = self._exchanger.unary_unary(method, call, *args, **kwargs)
        return self._retrying(method, call)

    def unary_stream(self, method: str, *args: Any, **kwargs: Any) -> Any:
        return self._stream(self._inner.unary_stream(method, *args, **kwargs))

    def stream_unary(self, method: str, *args: Any, **kwargs: Any) -> Any:
        return self._stream(self._inner.stream_unary(method, *args, **kwargs))

    def stream_stream(self, method: str, *args: Any, **kwargs: Any) -> Any:
        return self._stream(self._inner.stream_stream(method, *args, **kwargs))

    async def close(self, grace: float | None = None) -> None:
        if self._exchanger is not None:
            await self._exchanger.close()
        await self._inner.close(grace)

    def get_state(self, try_to_connect: bool = False) -> grpc.ChannelConnectivity:
        return self._inner.get_state(try_to_connect)

    async def wait_for_state_change(self, last_observed_state: grpc.ChannelConnectivity) -> None:
        await self._inner.wait_for_state_change(last_observed_state)

    async def channel_ready(self) -> None:
        await self._inner.channel_ready()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.close()

    def _metadata(self, given: Metadata | None, traceparent: str | None) -> list[tuple[str, str | bytes]]:
        metadata = list(given or ())
        names = {name for name, _ in metadata}
        if self._identity is not None and "authorization" not in names:
            metadata.append(("authorization", self._identity.authorization()))
        if traceparent is not None and "traceparent" not in names:
            metadata.append(("traceparent", traceparent))
        call = current_call()
        if call is not None and call.languages and "accept-language" not in names:
            metadata.append(("accept-language", call.languages))
        carried = baggage.carried()
        if carried and "baggage" not in names:
            metadata.append(("baggage", carried))
        return metadata

    def _stream(self, inner: Callable[..., Any]) -> Callable[..., Any]:
        def start(
            *args: Any, timeout: float | None = None, metadata: Metadata | None = None, **kwargs: Any
        ) -> Any:
            sent = self._metadata(metadata, telemetry.current_traceparent())
            return inner(*args, timeout=timeout, metadata=sent, **kwargs)

        return start

    def _retrying(self, method: str, inner: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        name = method.lstrip("/")
        ok = _CALLS.labels(name, "OK")
        budget = self._budget
        attributes = {**self._attributes, RPC_METHOD: name}

        async def once_or_more(
            request: Any, *, timeout: float | None = None, metadata: Metadata | None = None, **kwargs: Any
        ) -> Any:
            started = time.monotonic()
            seconds = self._default_seconds if timeout is None else timeout
            call = current_call()
            if call is not None:
                seconds = min(seconds, call.remaining_seconds())
            deadline = started + seconds
            span = telemetry.child(name, telemetry.Kind.CLIENT, attributes)
            sent = self._metadata(
                metadata, telemetry.current_traceparent() if span is None else span.traceparent
            )
            budget.earn()
            attempt = 0
            while True:
                attempt += 1
                try:
                    response = await inner(
                        request, timeout=deadline - time.monotonic(), metadata=sent, **kwargs
                    )
                except grpc.aio.AioRpcError as error:
                    pause = random.uniform(0.0, min(BACKOFF_CAP_SECONDS, BACKOFF_BASE_SECONDS * 2**attempt))
                    again = (
                        error.code() is grpc.StatusCode.UNAVAILABLE
                        and attempt < MAX_ATTEMPTS
                        and time.monotonic() + pause < deadline
                        and budget.spend()
                    )
                    if not again:
                        _CALLS.labels(name, error.code().name).observe(time.monotonic() - started)
                        if span is not None:
                            span.attributes[RPC_RESPONSE_STATUS_CODE] = error.code().name
                            # Of a client's span any other code than OK is an error.
                            span.failed(error.code().name)
                            telemetry.finish(span)
                        raise
                    _RETRIES.labels(name).inc()
                    await asyncio.sleep(pause)
                except BaseException as error:
                    if span is not None:
                        span.raised(error)
                        telemetry.finish(span)
                    raise
                else:
                    if span is None:
                        ok.observe(time.monotonic() - started)
                    else:
                        span.attributes[RPC_RESPONSE_STATUS_CODE] = "OK"
                        telemetry.finish(span)
                        ok.observe(time.monotonic() - started, telemetry.exemplar(span.traceparent))
                    return response

        return once_or_more
