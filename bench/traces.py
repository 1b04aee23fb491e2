"""`python -m bench.traces`: what the embedded trace store takes, holds and answers, on its own process.

It starts the service, sends spans of orders over OTLP as five processes would, and then searches. The sender
runs beside it; what one core of the service would take is told from the CPU time that the service used.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import psutil
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from aljibe.telemetry.v1 import traces_pb2 as pb
from aljibe.telemetry.v1 import traces_pb2_grpc
from chassis.auth import TokenMinter, development_keys
from cli.local.machine import free_port
from cli.local.service import ServiceProcess

SPANS = 100_000
EXPORT_SPANS = 512
"""What an OpenTelemetry SDK sends at once."""
SENDERS = 5
SEARCHES = 400
STEP_NANOSECONDS = 2_000_000
_EXPORT = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
_CLIENT, _SERVER, _INTERNAL = Span.SPAN_KIND_CLIENT, Span.SPAN_KIND_SERVER, Span.SPAN_KIND_INTERNAL


@dataclass(frozen=True)
class Doors:
    """The service's ports."""

    questions: str
    otlp: str


def exports(spans: int, began: int) -> list[bytes]:
    """So many spans, as exports of one service each."""
    dice = random.Random(3)
    waiting: dict[str, list[Span]] = {}
    done: list[bytes] = []
    made = number = 0
    while made < spans:
        for service, span in _order(number, began + number * STEP_NANOSECONDS, dice):
            mine = waiting.setdefault(service, [])
            mine.append(span)
            made += 1
            if len(mine) == EXPORT_SPANS:
                done.append(_export(service, mine))
                mine.clear()
        number += 1
    return [*done, *(_export(service, left) for service, left in waiting.items() if left)]


def _order(number: int, start: int, dice: random.Random) -> Iterator[tuple[str, Span]]:
    """Twenty spans, as an order that is placed makes them: calls, work inside, statements."""
    trace = dice.randbytes(16)
    took = dice.randrange(5_000_000, 50_000_000) * (40 if dice.random() < 0.01 else 1)
    about = {
        "aljibe.order.id": f"ord_{number:026d}",
        "aljibe.channel.id": f"channel-{number % 4}",
    }

    def span(name: str, parent: Span | None, kind: Span.SpanKind.ValueType, **more: str) -> Span:
        attributes = {"rpc.system": "grpc", "rpc.method": name, "server.address": "127.0.0.1", **more}
        return Span(
            trace_id=trace,
            span_id=dice.randbytes(8),
            parent_span_id=parent.span_id if parent else b"",
            name=name,
            kind=kind,
            start_time_unix_nano=start,
            end_time_unix_nano=start + took // (1 if parent is None else dice.randrange(2, 9)),
            attributes=[
                KeyValue(key=key, value=AnyValue(string_value=text)) for key, text in attributes.items()
            ],
        )

    root = span("POST /v1/orders", None, _SERVER)
    yield "gateway", root
    place = span("aljibe.orders.v1.OrderService/PlaceOrder", root, _SERVER, **about)
    if dice.random() < 0.02:
        place.status.code = Status.STATUS_CODE_ERROR
    yield "orders", place
    for service, method in (
        ("catalog", "PricingService/BatchQuoteBaskets"),
        ("inventory", "ReservationService/BatchReserveStock"),
        ("inventory", "ReservationService/CommitReservations"),
        ("fulfillment", "FulfillmentService/OpenOrders"),
    ):
        call = span(method, place, _CLIENT)
        yield "orders", call
        served = span(method, call, _SERVER, **{"aljibe.location.id": f"store-{number % 50:02d}"})
        yield service, served
        yield service, span("UPDATE positions", served, _CLIENT, **{"db.system.name": "postgresql"})
        yield service, span(f"group {service}", served, _INTERNAL)
    yield "orders", span("decide", place, _INTERNAL, **about)
    yield "orders", span("commit", place, _INTERNAL, **about)


def _export(service: str, spans: Sequence[Span]) -> bytes:
    request = ExportTraceServiceRequest()
    group = request.resource_spans.add()
    group.resource.attributes.append(
        KeyValue(key="service.name", value=AnyValue(string_value=f"aljibe-{service}"))
    )
    group.scope_spans.add().spans.extend(spans)
    return request.SerializeToString()


def searches(count: int, orders: int, began: int) -> Iterator[pb.SearchTracesRequest]:
    """Every filter alone and with another, for what is common, rare and not there."""
    dice = random.Random(5)
    names = ("POST", "aljibe.orders", "UPDATE", "nothing", "group inventory", "decide")
    for _ in range(count):
        request = pb.SearchTracesRequest(page_size=50)
        for one in dice.sample(range(8), dice.randint(0, 3)):
            if one == 0:
                request.order_id = f"ord_{dice.randrange(orders):026d}"
            elif one == 1:
                request.channel_id = f"channel-{dice.randrange(5)}"
            elif one == 2:
                request.location_id = f"store-{dice.randrange(55):02d}"
            elif one == 3:
                request.service = dice.choice(("gateway", "orders", "inventory", "catalog", "nobody"))
            elif one == 4:
                request.name_prefix = dice.choice(names)
            elif one == 5:
                request.min_duration.FromMilliseconds(dice.choice((10, 100, 1000, 60_000)))
            elif one == 6:
                request.errors_only = True
            else:
                request.start_from.FromNanoseconds(began + dice.randrange(orders) * STEP_NANOSECONDS)
        yield request


async def _send(doors: Doors, payloads: Sequence[bytes]) -> float:
    """Seconds until all are stored; each sender waits for its answer, as an SDK does."""
    queue = iter(payloads)
    async with grpc.aio.insecure_channel(doors.otlp) as channel:
        export: Any = channel.unary_unary(_EXPORT)

        async def sender() -> None:
            for payload in queue:
                await export(payload, timeout=30)

        began = time.perf_counter()
        async with asyncio.TaskGroup() as group:
            for _ in range(SENDERS):
                group.create_task(sender())
        return time.perf_counter() - began


async def _ask(doors: Doors, minter: TokenMinter, orders: int, began: int) -> tuple[list[float], float]:
    """Milliseconds of each search, and of the service map."""
    metadata = (("authorization", f"Bearer {minter.mint('bench', ['operator'], ['*'], ['*'])}"),)
    took = []
    async with grpc.aio.insecure_channel(doors.questions) as channel:
        stub = traces_pb2_grpc.TraceServiceStub(channel)
        await stub.GetStoreState(pb.GetStoreStateRequest(), metadata=metadata, timeout=30)
        for request in searches(SEARCHES, orders, began):
            asked = time.perf_counter()
            await stub.SearchTraces(request, metadata=metadata, timeout=30)
            took.append((time.perf_counter() - asked) * 1000)
        asked = time.perf_counter()
        window = pb.GetServiceMapRequest()
        window.window.FromSeconds(86_400)
        await stub.GetServiceMap(window, metadata=metadata, timeout=30)
        return took, (time.perf_counter() - asked) * 1000


async def _measure(spans: int) -> Mapping[str, float]:
    began = time.time_ns() - spans // 20 * STEP_NANOSECONDS
    payloads = exports(spans, began)
    with tempfile.TemporaryDirectory(prefix="aljibe-traces-") as folder:
        keys = development_keys(Path(folder) / "keys")
        doors = Doors(f"127.0.0.1:{free_port()}", f"127.0.0.1:{free_port()}")
        service = ServiceProcess(
            "telemetry",
            doors.questions,
            environ={
                **os.environ,
                "ALJIBE_GRPC_LISTEN": doors.questions,
                "ALJIBE_OTLP_GRPC_LISTEN": doors.otlp,
                "ALJIBE_OTLP_HTTP_LISTEN": f"127.0.0.1:{free_port()}",
                "ALJIBE_TRACE_STORE": f"{folder}/traces.db",
                "ALJIBE_AUTH_KEYS_FILE": str(keys.public_keys_file),
                "ALJIBE_SERVICE_TOKEN_KEY_FILE": str(keys.private_key_file),
            },
            migrate_environ=None,
            log=Path(folder) / "telemetry.log",
        )
        service.start()
        try:
            await service.healthy()
            process = psutil.Process(service.pid)
            idle, cpu = process.memory_info().rss, sum(process.cpu_times()[:2])
            seconds = await _send(doors, payloads)
            cpu = sum(process.cpu_times()[:2]) - cpu
            stored = process.memory_info().rss
            took, mapped = await _ask(doors, TokenMinter(keys.private_key_file), spans // 20, began)
            asked = process.memory_info().rss
            size = sum(map(os.path.getsize, (f"{folder}/traces.db", f"{folder}/traces.db-wal")))
        finally:
            await service.stop()
    took.sort()
    return {
        "spans": spans,
        "spans_per_second": spans / seconds,
        "spans_per_cpu_second": spans / cpu,
        "rss_idle_mib": idle / 2**20,
        "rss_stored_mib": stored / 2**20,
        "rss_after_searches_mib": asked / 2**20,
        "file_mib": size / 2**20,
        "search_p50_ms": statistics.median(took),
        "search_p99_ms": took[int(0.99 * len(took))],
        "search_slowest_ms": took[-1],
        "service_map_ms": mapped,
    }


def main(arguments: Sequence[str]) -> int:
    """Print the figures."""
    parser = argparse.ArgumentParser(prog="python -m bench.traces", description=__doc__)
    parser.add_argument("--spans", type=int, default=SPANS, help="how many (100000)")
    for name, value in asyncio.run(_measure(parser.parse_args(arguments).spans)).items():
        print(f"{name:>24} {value:12,.1f}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
