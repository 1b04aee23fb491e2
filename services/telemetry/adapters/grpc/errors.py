"""How each refusal of the trace store is answered."""

from __future__ import annotations

from grpc import StatusCode

from chassis.errors import ErrorRule, ErrorTable
from services.telemetry.domain import refusals

table = ErrorTable(
    "telemetry.aljibe.dev",
    [
        ErrorRule(
            refusals.TraceNotFound,
            StatusCode.NOT_FOUND,
            "TRACE_NOT_FOUND",
            "la traza «{trace_id}» no está guardada",
        ),
        ErrorRule(
            refusals.WindowOutOfRange,
            StatusCode.INVALID_ARGUMENT,
            "WINDOW_OUT_OF_RANGE",
            "la ventana debe ser de {least_seconds} a {most_seconds} segundos",
        ),
    ],
)
