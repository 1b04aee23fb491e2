"""OTLP over gRPC. The bytes are handed on as they are; a thread takes them apart."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import grpc
from opentelemetry.proto.collector.logs.v1 import logs_service_pb2
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2

from chassis.errors import DETAILS_KEY
from chassis.settings import SettingsError
from services.telemetry.adapters.ingest import Ingest, Signal
from services.telemetry.adapters.otlp import answers
from services.telemetry.adapters.otlp.guard import Guard

MAX_CONCURRENT_EXPORTS = 256
_METRICS_ANSWER = metrics_service_pb2.ExportMetricsServiceResponse().SerializeToString()

Export = Callable[[bytes, Any], Awaitable[bytes]]


class GrpcDoor:
    """A gRPC server for exports; `port` is known after `start`."""

    def __init__(self, listen: str, ingest: Ingest, guard: Guard, max_message_bytes: int) -> None:
        self._listen = listen
        self._ingest = ingest
        self._guard = guard
        self._server = grpc.aio.server(
            options=[("grpc.max_receive_message_length", max_message_bytes), ("grpc.so_reuseport", 0)],
            maximum_concurrent_rpcs=MAX_CONCURRENT_EXPORTS,
            compression=None,
        )
        handlers: dict[Any, Export] = {
            trace_service_pb2: self._export(Signal.TRACES),
            logs_service_pb2: self._export(Signal.LOGS),
            metrics_service_pb2: self._metrics,
        }
        for module, handler in handlers.items():
            (service,) = module.DESCRIPTOR.services_by_name.values()
            method: grpc.RpcMethodHandler[bytes, bytes] = grpc.unary_unary_rpc_method_handler(handler)
            self._server.add_generic_rpc_handlers(
                (grpc.method_handlers_generic_handler(service.full_name, {"Export": method}),)
            )
        self.port = 0

    async def start(self) -> None:
        """Bind and take exports.

        Raises:
            SettingsError: the address cannot be bound.
        """
        try:
            self.port = self._server.add_insecure_port(self._listen)
        except RuntimeError as error:
            raise SettingsError(f"cannot listen on {self._listen}") from error
        await self._server.start()

    async def stop(self) -> None:
        """Let exports under way end."""
        await self._server.stop(grace=2.0)

    def _export(self, signal: Signal) -> Export:
        async def export(payload: bytes, context: grpc.aio.ServicerContext[bytes, bytes]) -> bytes:
            try:
                self._guard.check(_authorization(context))
                accepted = await self._ingest.submit(signal, payload)
            except answers.REFUSALS as refusal:
                return _refuse(context, refusal)
            return answers.response_of(signal, accepted).SerializeToString()

        return export

    async def _metrics(self, payload: bytes, context: grpc.aio.ServicerContext[bytes, bytes]) -> bytes:
        """Taken and not kept: each process serves its own as Prometheus text."""
        try:
            self._guard.check(_authorization(context))
        except answers.REFUSALS as refusal:
            return _refuse(context, refusal)
        return _METRICS_ANSWER


def _refuse(context: grpc.aio.ServicerContext[bytes, bytes], refusal: Exception) -> bytes:
    status = answers.status_of(refusal)
    context.set_code(answers.code_of(refusal))
    context.set_details(status.message)
    context.set_trailing_metadata(((DETAILS_KEY, status.SerializeToString()),))
    return b""


def _authorization(context: grpc.aio.ServicerContext[bytes, bytes]) -> str | None:
    for key, value in context.invocation_metadata() or ():
        if key == "authorization":
            return value if isinstance(value, str) else value.decode("latin-1")
    return None
