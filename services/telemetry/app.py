"""Puts the telemetry service together: two doors for OTLP, one thread that stores, a door for questions."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path

from aljibe.telemetry.v1 import traces_pb2, traces_pb2_grpc
from chassis.auth import TokenVerifier
from chassis.pages import PageTokens
from chassis.run import Built, Context, ServiceDefinition
from chassis.settings import SettingsError
from services.telemetry.adapters.grpc.errors import table
from services.telemetry.adapters.grpc.traces import TraceServicer
from services.telemetry.adapters.ingest import Ingest
from services.telemetry.adapters.otlp.grpc_door import GrpcDoor
from services.telemetry.adapters.otlp.guard import Guard
from services.telemetry.adapters.otlp.http_door import HttpDoor
from services.telemetry.adapters.sqlite import files
from services.telemetry.adapters.sqlite.reader import Reader
from services.telemetry.adapters.sqlite.writer import Writer
from services.telemetry.config import Settings, check, needs_token


async def build(context: Context[Settings]) -> Built:
    """The store, opened; its doors open with `before_serve` and close before it does."""
    settings = context.settings
    check(settings)
    writer = _opened(settings)
    ingest = Ingest(writer, settings.ingest_queue_bytes)
    reader = Reader(settings.trace_store)
    assert settings.auth_keys_file is not None, "chassis.run refuses to serve without"
    verifier = TokenVerifier(settings.auth_keys_file)
    doors = [
        kind(
            listen,
            ingest,
            Guard(verifier if needs_token(settings, listen) else None),
            settings.max_message_bytes,
        )
        for kind, listen in ((GrpcDoor, settings.otlp_grpc_listen), (HttpDoor, settings.otlp_http_listen))
    ]
    ingest.start()

    async def open_doors() -> None:
        for door in doors:
            await door.start()

    async def close() -> None:
        for door in doors:
            await door.stop()
        await asyncio.to_thread(ingest.close)
        await asyncio.to_thread(reader.close)

    traces = TraceServicer(
        reader, ingest.counts, settings, PageTokens(files.secret(settings.trace_store)), context.clock
    )
    return Built(
        servicers=[
            (
                traces_pb2_grpc.add_TraceServiceServicer_to_server,
                traces,
                traces_pb2.DESCRIPTOR.services_by_name["TraceService"],
            )
        ],
        closers=[close],
        before_serve=open_doors,
    )


def _opened(settings: Settings) -> Writer:
    file: Path = settings.trace_store
    try:
        files.prepare(file)
        return Writer(file, settings.trace_max_spans, settings.trace_max_bytes)
    except (OSError, sqlite3.Error) as error:
        raise SettingsError(f"ALJIBE_TRACE_STORE: cannot use {file}: {error}") from error


definition = ServiceDefinition(
    name="telemetry",
    schema=None,
    migrations_package=None,
    error_table=table,
    build=build,
    settings=Settings,
    bus=False,
)
