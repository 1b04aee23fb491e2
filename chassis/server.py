"""A gRPC server process from start to drained end: health, reflection, limits, background tasks, signals."""

from __future__ import annotations

import asyncio
import gc
import logging
import signal
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Any

from google.protobuf.descriptor import ServiceDescriptor
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from chassis import accepting, exchange
from chassis.auth import TokenVerifier
from chassis.draining import Draining
from chassis.edge import Limits, Registrar
from chassis.errors import ErrorTable
from chassis.settings import ChassisSettings, SettingsError

log = logging.getLogger(__name__)

AddServicer = Callable[[Any, Any], None]
Registration = tuple[AddServicer, object, ServiceDescriptor]
"""The generated `add_…Servicer_to_server`, the servicer, and `…_pb2.DESCRIPTOR.services_by_name["…"]`."""
Background = Callable[[], Awaitable[None]]
Closer = Callable[[], Awaitable[None]]

MAX_METADATA_BYTES = 64 * 1024
KEEPALIVE_MILLISECONDS = 30_000
KEEPALIVE_TIMEOUT_MILLISECONDS = 10_000
LEAST_CLIENT_PING_MILLISECONDS = 10_000
COLLECT_AFTER_OBJECTS = 20_000
CLOSER_TIMEOUT_SECONDS = 10.0
CANCEL_AGAIN_SECONDS = 1.0
MAX_CANCELS = 10


class Server:
    """A grpc.aio server whose servicers stand behind the edge. `start` binds and answers; `drain` ends it
    politely.
    """

    def __init__(
        self,
        settings: ChassisSettings,
        registrations: Sequence[Registration],
        *,
        table: ErrorTable,
        verifier: TokenVerifier,
    ) -> None:
        self._settings = settings
        self._server = accepting.server(_options(settings), settings.max_concurrent_rpcs)
        self._health = health.aio.HealthServicer()
        self._draining = Draining()
        limits = Limits.of(settings)
        unary: dict[str, exchange.Method] = {}
        for add, servicer, descriptor in registrations:
            add(servicer, Registrar(self._server, descriptor, verifier, table, limits, unary, self._draining))
        self._exchange = exchange.Exchange(unary, settings.max_concurrent_rpcs, settings.max_message_bytes)
        self._server.add_generic_rpc_handlers((self._exchange.handler(),))
        self._names = [descriptor.full_name for _, _, descriptor in registrations]
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        reflection.enable_server_reflection(
            [*self._names, exchange.SERVICE_NAME, health.SERVICE_NAME, reflection.SERVICE_NAME], self._server
        )
        self.port = 0

    async def start(self) -> None:
        """Bind and serve; health says NOT_SERVING until `ready`.

        Raises:
            SettingsError: the address cannot be bound.
        """
        await self._set_health(health_pb2.HealthCheckResponse.NOT_SERVING)
        try:
            self.port = self._server.add_insecure_port(self._settings.grpc_listen)
        except RuntimeError as error:
            raise SettingsError(f"cannot listen on {self._settings.grpc_listen}") from error
        await self._server.start()

    async def ready(self) -> None:
        """Let health say SERVING, for the server (empty name) and for each of its services."""
        await self._set_health(health_pb2.HealthCheckResponse.SERVING)

    async def drain(self, seconds: float) -> None:
        """Health says NOT_SERVING, no call is accepted any more, streams that wait end at once, and calls in
        flight have `seconds` to end.
        """
        await self._health.enter_graceful_shutdown()
        self._exchange.close()
        self._draining.begin()
        await self._server.stop(grace=seconds)

    async def _set_health(self, state: int) -> None:
        for name in ["", *self._names]:
            await self._health.set(name, state)


async def serve(
    settings: ChassisSettings,
    registrations: Sequence[Registration],
    *,
    table: ErrorTable,
    verifier: TokenVerifier,
    on_ready: Callable[[int], Awaitable[None]] | None = None,
    background: Sequence[Background] = (),
    closers: Sequence[Closer] = (),
    stop: asyncio.Event | None = None,
) -> None:
    """Serve until SIGTERM, SIGINT or `stop`; then drain: calls in flight, background tasks, and `closers`,
    last first.

    `on_ready(port)` runs when the server answers and before health says SERVING. A background task that
    raises ends everything, as an ExceptionGroup: the platform starts the process anew.
    """
    stopping = stop if stop is not None else asyncio.Event()
    try:
        server = Server(settings, registrations, table=table, verifier=verifier)
    except BaseException:
        await close_all(closers)
        raise
    unhook = _stop_on_signals(stopping)
    drained = False
    try:
        async with asyncio.TaskGroup() as tasks:
            await server.start()
            running = [tasks.create_task(_named(make), name=f"background {make!r}") for make in background]
            if on_ready is not None:
                await on_ready(server.port)
            spare_the_collector()
            await server.ready()
            log.info("serving", extra={"port": server.port})
            await stopping.wait()
            log.info("draining", extra={"seconds": settings.drain_seconds})
            await server.drain(settings.drain_seconds)
            drained = True
            await end_all(running)
    finally:
        if not drained:
            await server.drain(0)
        await close_all(closers)
        unhook()
    log.info("stopped")


def spare_the_collector() -> None:
    """What the process holds by now it holds for life: the collector need not look at it again and again, nor
    at every 700th new object of a process that makes thousands for a call and drops them by reference count.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(COLLECT_AFTER_OBJECTS, *gc.get_threshold()[1:])


async def _named(make: Background) -> None:
    await make()


async def end_all(tasks: Sequence[asyncio.Task[None]]) -> None:
    """Cancel `tasks`, and go on until they have ended.

    `asyncio.wait_for` before Python 3.12, which client libraries use, loses a cancellation that meets its
    result; the task, or one that it waits for, would then work on, and the drain would never end.
    """
    for task in tasks:
        task.cancel()
    for _ in range(MAX_CANCELS):
        if all(task.done() for task in tasks):
            return
        await asyncio.wait(tasks, timeout=CANCEL_AGAIN_SECONDS)
        for task in asyncio.all_tasks():
            if task.cancelling() and not task.done():
                task.cancel()


async def close_all(closers: Sequence[Closer]) -> None:
    """Run `closers`, last first; one that fails or hangs does not keep the others from their turn."""
    for close in reversed(closers):
        try:
            async with asyncio.timeout(CLOSER_TIMEOUT_SECONDS):
                await close()
        except Exception:
            log.exception("closer_failed", extra={"closer": repr(close)})


def _stop_on_signals(stopping: asyncio.Event) -> Callable[[], None]:
    loop = asyncio.get_running_loop()
    hooked: list[signal.Signals] = []
    # Outside the main thread (tests) there are no signals to hook.
    with suppress(NotImplementedError, RuntimeError, ValueError):
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stopping.set)
            hooked.append(number)

    def unhook() -> None:
        for number in hooked:
            loop.remove_signal_handler(number)

    return unhook


def _options(settings: ChassisSettings) -> list[tuple[str, int]]:
    options = [
        ("grpc.max_receive_message_length", settings.max_message_bytes),
        ("grpc.max_send_message_length", settings.max_message_bytes),
        ("grpc.max_metadata_size", MAX_METADATA_BYTES),
        ("grpc.keepalive_time_ms", KEEPALIVE_MILLISECONDS),
        ("grpc.keepalive_timeout_ms", KEEPALIVE_TIMEOUT_MILLISECONDS),
        ("grpc.http2.min_ping_interval_without_data_ms", LEAST_CLIENT_PING_MILLISECONDS),
        # Two processes on one port would share calls silently; the second must fail to bind instead.
        ("grpc.so_reuseport", 0),
    ]
    if settings.max_connection_age_seconds > 0:
        options.append(("grpc.max_connection_age_ms", int(settings.max_connection_age_seconds * 1000)))
    return options
