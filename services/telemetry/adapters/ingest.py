"""Between the doors and the store: exports wait in a bounded queue, and one thread stores all that wait at
once.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from chassis.metrics import counter, gauge
from chassis.refusals import Overloaded, TooLarge, Unavailable
from services.telemetry.adapters.otlp import decode
from services.telemetry.adapters.sqlite.writer import Writer

log = logging.getLogger(__name__)

ROUND_BYTES = 4 << 20
"""Stored in one transaction at most, but for one export that is larger."""

_RECORDS = counter("trace_store_records_total", "1", "Spans and logs that came in", ("kind", "outcome"))
_DROPPED = counter("trace_store_dropped_total", "1", "Spans and logs that are not kept", ("reason",))
_REFUSED = counter("trace_store_refused_total", "1", "Exports refused because too many wait")
_EVICTED = counter("trace_store_evicted_total", "1", "Spans that made room for newer ones")
_STORED = gauge("trace_store_spans", "1", "Spans in the trace store")
_STORED_BYTES = gauge("trace_store_bytes", "By", "Bytes of the trace store in use")
_WAITING = gauge("trace_store_queue_bytes", "By", "Bytes of exports that wait to be stored")


class Signal(Enum):
    """What an export is about."""

    TRACES = "traces"
    LOGS = "logs"


class Malformed(Exception):
    """The bytes are no OTLP export."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """An export that is stored, but for what was wrong in it."""

    rejected: int = 0


@dataclass(slots=True)
class Counts:
    """Since the process began."""

    refused: int = 0
    dropped: int = 0
    evicted: int = 0


@dataclass(slots=True)
class _Export:
    signal: Signal
    payload: bytes
    answer: asyncio.Future[Accepted]


class Ingest:
    """Takes exports; what was answered is in the store."""

    def __init__(self, writer: Writer, max_queue_bytes: int) -> None:
        self._writer = writer
        self._max_queue_bytes = max_queue_bytes
        self._queue: deque[_Export] = deque()
        self._queued_bytes = 0
        self._work = threading.Condition()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="trace writer", daemon=True)
        self.counts = Counts()
        _WAITING.set_function(lambda: self._queued_bytes)
        _STORED.set_function(lambda: writer.spans)

    def start(self) -> None:
        """Begin to store."""
        self._thread.start()

    def close(self) -> None:
        """Store what waits, and end. Blocks."""
        with self._work:
            self._stopping = True
            self._work.notify()
        self._thread.join()
        self._writer.close()

    async def submit(self, signal: Signal, payload: bytes) -> Accepted:
        """Store an export's bytes.

        Raises:
            Overloaded: too many bytes wait; the sender may try again.
            TooLarge: it would never fit.
            Malformed: they are no export.
            Unavailable: the file failed.
        """
        if len(payload) > self._max_queue_bytes:
            raise TooLarge("an export", self._max_queue_bytes)
        export = _Export(signal, payload, asyncio.get_running_loop().create_future())
        with self._work:
            if self._stopping:
                raise Unavailable("the trace store")
            if self._queued_bytes + len(payload) > self._max_queue_bytes:
                self.counts.refused += 1
                _REFUSED.inc()
                raise Overloaded("the queue of exports", self._max_queue_bytes)
            self._queue.append(export)
            self._queued_bytes += len(payload)
            self._work.notify()
        return await export.answer

    def _run(self) -> None:
        while batch := self._take():
            answers = self._answers(batch)
            loop = batch[0].answer.get_loop()
            try:
                loop.call_soon_threadsafe(_settle, batch, answers)
            except RuntimeError:  # the loop has ended; nobody waits for the answers any more
                return
            with self._work:
                self._queued_bytes -= sum(len(export.payload) for export in batch)

    def _take(self) -> list[_Export]:
        with self._work:
            while not self._queue and not self._stopping:
                self._work.wait()
            batch: list[_Export] = []
            size = 0
            while self._queue and (not batch or size + len(self._queue[0].payload) <= ROUND_BYTES):
                batch.append(self._queue.popleft())
                size += len(batch[-1].payload)
            return batch

    def _answers(self, batch: Sequence[_Export]) -> list[Accepted | Exception]:
        answers: list[Accepted | Exception] = []
        found = decode.Decoded()
        for export in batch:
            malformed = found.malformed
            try:
                _decode(export, found)
            except DecodeError as error:
                answers.append(Malformed(str(error)))
            else:
                answers.append(Accepted(found.malformed - malformed))
        try:
            over = self._writer.store(found.spans, found.logs)
        except sqlite3.Error:
            log.exception("trace_store_failed")
            self._count("failed", found)
            away = Unavailable("the trace store")
            return [answer if isinstance(answer, Malformed) else away for answer in answers]
        self._count("stored", found)
        self.counts.dropped += found.malformed + over
        _DROPPED.labels("malformed").inc(found.malformed)
        _DROPPED.labels("trace_too_large").inc(over)
        _DROPPED.labels("outside_traces").inc(found.apart)
        _EVICTED.inc(self._writer.evicted - self.counts.evicted)
        self.counts.evicted = self._writer.evicted
        _STORED_BYTES.set(self._writer.used_bytes)
        return answers

    def _count(self, outcome: str, found: decode.Decoded) -> None:
        _RECORDS.labels("span", outcome).inc(len(found.spans))
        _RECORDS.labels("log", outcome).inc(len(found.logs))


def _decode(export: _Export, to: decode.Decoded) -> None:
    if export.signal is Signal.TRACES:
        decode.add_spans(ExportTraceServiceRequest.FromString(export.payload), to)
    else:
        decode.add_logs(ExportLogsServiceRequest.FromString(export.payload), to)


def _settle(batch: Sequence[_Export], answers: Sequence[Accepted | Exception]) -> None:
    for export, answer in zip(batch, answers, strict=True):
        if export.answer.done():  # the sender went away
            continue
        if isinstance(answer, Accepted):
            export.answer.set_result(answer)
        else:
            export.answer.set_exception(answer)
