"""Sends spans, log records and metrics by OTLP over gRPC, from a thread, out of bounded queues.

What the service does never waits for it: a full queue drops what comes, and counts it.

Settings are OpenTelemetry's own: `OTEL_EXPORTER_OTLP_ENDPOINT`, `…_HEADERS`, `…_TIMEOUT` (milliseconds),
`…_COMPRESSION`, `…_CERTIFICATE`, `…_INSECURE`; `OTEL_BSP_SCHEDULE_DELAY` (milliseconds, here 1,000 by
default, so that a page shows a trace at once), `OTEL_BSP_MAX_QUEUE_SIZE` (here 16,384),
`OTEL_BSP_MAX_EXPORT_BATCH_SIZE` (512); `OTEL_METRIC_EXPORT_INTERVAL` (milliseconds, here 15,000).
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import grpc

from chassis.metrics import counter
from chassis.otlp_wire import LogEntry, logs, traces
from chassis.settings import SettingsError
from chassis.spans import Span

log = logging.getLogger(__name__)

SCHEDULE_DELAY_MILLISECONDS = 1_000
MAX_QUEUE = 16_384
MAX_BATCH = 512
METRIC_INTERVAL_MILLISECONDS = 15_000
TIMEOUT_MILLISECONDS = 10_000
RETRY_SECONDS = (0.5, 1.0, 2.0)
CLOSE_SECONDS = 3.0
COMPLAIN_EVERY_SECONDS = 60.0
_MAX_MESSAGE_BYTES = 64 << 20
_TRANSIENT = frozenset(
    {
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        grpc.StatusCode.ABORTED,
        grpc.StatusCode.CANCELLED,
    }
)
_METHOD = "/opentelemetry.proto.collector.{0}.v1.{1}Service/Export"

_EXPORTED = counter("telemetry_exported_total", "items", "Spans and log records that were sent", ["signal"])
_DROPPED = counter(
    "telemetry_dropped_total",
    "items",
    "Spans and log records that were not sent: no room, or nobody to take them",
    ["signal", "why"],
)


class Sender:
    """One channel to the endpoint; `send` blocks, for a thread of its own."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        protocol = environ.get("OTEL_EXPORTER_OTLP_PROTOCOL", "").strip() or "grpc"
        if protocol != "grpc":
            raise SettingsError(f"OTEL_EXPORTER_OTLP_PROTOCOL must be grpc, not {protocol!r}")
        self._timeout = _number(environ, "OTEL_EXPORTER_OTLP_TIMEOUT", TIMEOUT_MILLISECONDS) / 1000
        self._headers = _headers(environ.get("OTEL_EXPORTER_OTLP_HEADERS", ""))
        self._channel = _channel(environ)
        self._calls = {
            signal: self._channel.unary_unary(
                _METHOD.format(signal, name),
                request_serializer=_as_is,
                response_deserializer=_as_is,
            )
            for signal, name in (("trace", "Trace"), ("logs", "Logs"), ("metrics", "Metrics"))
        }
        self._stopping = threading.Event()
        self._complained = 0.0

    def send(self, signal: str, body: bytes) -> bool:
        """Whether it arrived, `trace`, `logs` or `metrics`; tries again a few times where that may help."""
        for pause in (*RETRY_SECONDS, 0.0):
            try:
                self._calls[signal](body, timeout=self._timeout, metadata=self._headers)
            except grpc.RpcError as error:
                failed: Any = error
                code = failed.code()
                if code not in _TRANSIENT or not pause or self._stopping.wait(pause):
                    self._complain(signal, str(code))
                    return False
            except ValueError:
                return False  # the channel is closed
            else:
                return True
        return False

    def stopping(self) -> None:
        """Do not try again from now on."""
        self._stopping.set()
        self._timeout = min(self._timeout, CLOSE_SECONDS)

    def close(self) -> None:
        """Ends what is under way."""
        self._channel.close()

    def _complain(self, signal: str, code: str) -> None:
        now = time.monotonic()
        if now - self._complained > COMPLAIN_EVERY_SECONDS:
            self._complained = now
            log.warning("telemetry.not.sent", extra={"signal": signal, "code": code})


class Queue:
    """What waits to be sent of one signal. `put` never waits and may be called from any thread."""

    def __init__(self, signal: str, most: int, batch: int, wake: Callable[[], None]) -> None:
        self.signal = signal
        self._items: deque[Any] = deque()
        self._most = most
        self._batch = batch
        self._wake = wake
        self._full = _DROPPED.labels(signal, "queue full")
        self._lost = _DROPPED.labels(signal, "not taken")
        self._sent = _EXPORTED.labels(signal)

    def put(self, item: Any) -> None:
        """Take it, or drop it where there is no room."""
        items = self._items
        waiting = len(items)
        if waiting >= self._most:
            self._full.inc()
            return
        items.append(item)
        if waiting == self._batch:
            self._wake()

    def flush(self, write: Callable[[list[Any]], bytes], send: Callable[[str, bytes], bool]) -> None:
        """Send all that waits, batch by batch."""
        while self._items:
            batch = [self._items.popleft() for _ in range(min(self._batch, len(self._items)))]
            counted = self._sent if send(self.signal, write(batch)) else self._lost
            counted.inc(len(batch))


class Pipeline:
    """A thread that sends what waits, a moment after it came, and the metrics now and then."""

    def __init__(self, environ: Mapping[str, str], who: bytes, metrics: Callable[[], bytes]) -> None:
        self._sender = Sender(environ)
        self._who = who
        self._metrics = metrics
        self._woken = threading.Event()
        self._ending = False
        most = int(_number(environ, "OTEL_BSP_MAX_QUEUE_SIZE", MAX_QUEUE))
        batch = int(_number(environ, "OTEL_BSP_MAX_EXPORT_BATCH_SIZE", MAX_BATCH))
        self._delay = _number(environ, "OTEL_BSP_SCHEDULE_DELAY", SCHEDULE_DELAY_MILLISECONDS) / 1000
        every = _number(environ, "OTEL_METRIC_EXPORT_INTERVAL", METRIC_INTERVAL_MILLISECONDS)
        self._metrics_every = max(0.1, every / 1000)
        self._spans = Queue("trace", most, batch, self._woken.set)
        self._logs = Queue("logs", most, batch, self._woken.set)
        self._thread = threading.Thread(target=self._run, name="telemetry", daemon=True)
        self.take: Callable[[Span], None] = self._spans.put
        """Takes an ended span."""
        self.take_log: Callable[[LogEntry], None] = self._logs.put
        """Takes a log record."""

    def start(self) -> None:
        """Begin to send."""
        self._thread.start()

    def close(self) -> None:
        """Send what waits, for at most some seconds, and end."""
        self._ending = True
        self._sender.stopping()
        self._woken.set()
        self._thread.join(CLOSE_SECONDS)
        self._sender.close()

    def _run(self) -> None:
        metrics_at = time.monotonic() + self._metrics_every
        while True:
            self._woken.wait(min(self._delay, max(0.0, metrics_at - time.monotonic())))
            ending = self._ending
            self._woken.clear()
            self._spans.flush(lambda batch: traces(self._who, batch), self._sender.send)
            self._logs.flush(lambda batch: logs(self._who, batch), self._sender.send)
            if ending or time.monotonic() >= metrics_at:
                self._sender.send("metrics", self._metrics())
                metrics_at = time.monotonic() + self._metrics_every
            if ending:
                return


def _channel(environ: Mapping[str, str]) -> grpc.Channel:
    endpoint = environ.get("OTEL_EXPORTER_OTLP_ENDPOINT", "")
    parts = urlsplit(endpoint)
    target = parts.netloc or endpoint
    insecure = environ.get("OTEL_EXPORTER_OTLP_INSECURE", "").lower()
    options = [("grpc.max_send_message_length", _MAX_MESSAGE_BYTES)]
    compressed = environ.get("OTEL_EXPORTER_OTLP_COMPRESSION", "").strip().lower() == "gzip"
    compression = grpc.Compression.Gzip if compressed else grpc.Compression.NoCompression
    if parts.scheme != "https" and insecure != "false":
        return grpc.insecure_channel(target, options, compression)
    file = environ.get("OTEL_EXPORTER_OTLP_CERTIFICATE", "")
    try:
        root = Path(file).read_bytes() if file else None
    except OSError as error:
        raise SettingsError(f"OTEL_EXPORTER_OTLP_CERTIFICATE cannot be read: {error}") from error
    return grpc.secure_channel(target, grpc.ssl_channel_credentials(root), options, compression)


def _headers(text: str) -> tuple[tuple[str, str], ...]:
    pairs = (part.partition("=") for part in text.split(",") if part.strip())
    return tuple((name.strip().lower(), unquote(value.strip())) for name, _, value in pairs)


def _number(environ: Mapping[str, str], name: str, default: float) -> float:
    text = environ.get(name, "").strip()
    try:
        number = float(text) if text else default
    except ValueError as error:
        raise SettingsError(f"{name} must be a number, not {text!r}") from error
    if number <= 0:
        raise SettingsError(f"{name} must be above 0, not {text!r}")
    return number


def _as_is(body: bytes) -> bytes:
    return body
