"""How each refusal is answered."""

from __future__ import annotations

from grpc import StatusCode

from chassis.errors import ErrorRule, ErrorTable
from services.insights.domain import day, goals

TABLE = ErrorTable(
    "insights.aljibe.dev",
    [
        ErrorRule(
            day.TimeZoneUnknown,
            StatusCode.INVALID_ARGUMENT,
            "TIME_ZONE_UNKNOWN",
            "No existe la zona horaria {time_zone}",
        ),
        ErrorRule(day.DayInvalid, StatusCode.INVALID_ARGUMENT, "FIELD_INVALID", "No existe el día {day}"),
        ErrorRule(
            goals.CurrencyRequired,
            StatusCode.INVALID_ARGUMENT,
            "CURRENCY_REQUIRED",
            "Solo la meta de ingresos lleva moneda, y la necesita",
        ),
        ErrorRule(
            goals.TargetTooHigh,
            StatusCode.INVALID_ARGUMENT,
            "TARGET_TOO_HIGH",
            "Una proporción no puede superar 10000 diezmilésimas: {target}",
        ),
    ],
)
