"""Logs: one JSON object a line on stderr, with trace and span ids; and by OTLP what a trace page shows."""

from __future__ import annotations

import json
import logging
import sys
import traceback
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from chassis.settings import SettingsError
from chassis.spans import (
    EXCEPTION_STACKTRACE,
    EXCEPTION_TYPE,
    SPAN_ID,
    TRACE_ID,
    Attribute,
    active,
    frames_of,
    is_sampled,
)

if TYPE_CHECKING:
    from chassis.otlp_wire import LogEntry

MAX_FIELD_LENGTH = 200
_STANDARD_FIELDS = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
_OURS = ("chassis", "services", "aljibe")
_SENDER = "chassis.otlp"
# Of https://opentelemetry.io/docs/specs/otel/logs/data-model/#field-severitynumber
_SEVERITY = {logging.DEBUG: 5, logging.INFO: 9, logging.WARNING: 13, logging.ERROR: 17, logging.CRITICAL: 21}


class JsonFormatter(logging.Formatter):
    """One JSON object a line: time, level, logger, event, the record's extra fields, trace ids, and the
    traceback of an exception.
    """

    def __init__(self, service_name: str) -> None:
        super().__init__()
        self._service_name = service_name

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "service": self._service_name,
            "logger": record.name,
            "event": record.getMessage(),
        }
        traceparent = active.get()
        if traceparent is not None:
            line["trace_id"] = traceparent[TRACE_ID]
            line["span_id"] = traceparent[SPAN_ID]
        line.update(_fields(record))
        if record.exc_info and record.exc_info[1] is not None:
            line["error"] = "".join(traceback.format_exception(record.exc_info[1]))
        return json.dumps(line, default=str, ensure_ascii=False)


class _Forwarding(logging.Handler):
    """Hands warnings, and whatever is logged within a sampled trace, to OTLP.

    Less goes there than to stderr, for it leaves the machine: of an exception its class and place and not its
    text, of a field its first line, and of other people's log lines not what they filled in.
    """

    def __init__(self, take: Callable[[LogEntry], None]) -> None:
        super().__init__()
        from chassis.otlp_wire import LogEntry

        self._take = take
        self._entry = LogEntry

    def emit(self, record: logging.LogRecord) -> None:
        """Hand it over; never waits."""
        traceparent = active.get()
        sampled = traceparent is not None and is_sampled(traceparent)
        if (record.levelno < logging.WARNING and not sampled) or record.name == _SENDER:
            return
        ours = record.name.partition(".")[0] in _OURS
        attributes: dict[str, Attribute] = {"logger.name": record.name}
        if ours:
            attributes |= {name: _short(value) for name, value in _fields(record).items()}
        if record.exc_info and record.exc_info[1] is not None:
            attributes[EXCEPTION_TYPE] = type(record.exc_info[1]).__name__
            attributes[EXCEPTION_STACKTRACE] = frames_of(record.exc_info[1])
        self._take(
            self._entry(
                int(record.created * 1e9),
                _SEVERITY.get(record.levelno, 9),
                record.levelname,
                record.getMessage() if ours else str(record.msg),
                attributes,
                traceparent,
            )
        )


def _fields(record: logging.LogRecord) -> dict[str, object]:
    return {name: value for name, value in vars(record).items() if name not in _STANDARD_FIELDS}


def _short(value: object) -> Attribute:
    if isinstance(value, bool | int | float):
        return value
    return str(value).partition("\n")[0][:MAX_FIELD_LENGTH]


def setup_logs(service_name: str, level: str) -> None:
    """Send the process's logs to stderr as JSON. Raises SettingsError for an unknown level."""
    levels: Mapping[str, int] = logging.getLevelNamesMapping()
    if level.upper() not in levels:
        raise SettingsError(f"ALJIBE_LOG_LEVEL must be one of {', '.join(levels)}, not {level!r}")
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter(service_name))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(levels[level.upper()])


def forward_logs(take: Callable[[LogEntry], None] | None) -> None:
    """From now on hand log records to `take` as well; None ends it."""
    root = logging.getLogger()
    root.handlers[:] = [one for one in root.handlers if not isinstance(one, _Forwarding)]
    if take is not None:
        root.addHandler(_Forwarding(take))
