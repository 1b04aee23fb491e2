"""OTLP comes in by gRPC and HTTP, and what came in is answered by the contract."""

from __future__ import annotations

import asyncio
import gzip
import json
from typing import Any

import grpc
import pytest
from google.protobuf import duration_pb2
from google.rpc import error_details_pb2, status_pb2
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2, metrics_service_pb2_grpc
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from aljibe.telemetry.v1 import traces_pb2 as pb
from chassis.errors import DETAILS_KEY, reason_of
from services.telemetry.adapters.sqlite.writer import Writer
from services.telemetry.tests.builders import (
    MILLISECOND,
    NOW,
    SECOND,
    log_line,
    logs,
    span,
    trace_id,
    traces,
)
from services.telemetry.tests.conftest import Doors, Open
from tests.servers import free_port

PROTOBUF = {"content-type": "application/x-protobuf"}
JSON = {"content-type": "application/json"}


async def _search(doors: Doors, **filters: object) -> pb.SearchTracesResponse:
    request = pb.SearchTracesRequest(**filters)  # type: ignore[arg-type]
    return await doors.questions.SearchTraces(request, metadata=doors.token("operator"), timeout=10)


async def _trace(doors: Doors, trace: bytes) -> pb.Trace:
    request = pb.GetTraceRequest(trace_id=trace.hex())
    answer = await doors.questions.GetTrace(request, metadata=doors.token("auditor"), timeout=10)
    return answer.trace


async def test_what_was_sent_by_grpc_is_read_back_whole(doors: Doors) -> None:
    """The waterfall shows attributes, events, links and logs as the service told them."""
    trace, other = trace_id(), span(trace_id())
    root = span(trace, name="PlaceOrder", kind=Span.SPAN_KIND_SERVER, aljibe__order__id="ord_1", lines=2)
    child = span(trace, parent=root.span_id, start=NOW + 1, failed=True, skus=["a", "b"], links=[other])
    child.events.add(time_unix_nano=NOW + 2, name="exception").attributes.add(
        key="exception.type"
    ).value.string_value = "InsufficientStock"
    line = log_line(trace, "order_refused", severity="WARN", reason="OUT_OF_STOCK")

    await doors.traces.Export(traces({"orders": [root, child]}), timeout=10)
    await doors.logs.Export(logs("orders", line), timeout=10)
    found = await _trace(doors, trace)

    first, second = found.spans
    assert (first.name, first.kind, first.service) == ("PlaceOrder", pb.SPAN_KIND_SERVER, "orders")
    assert dict(first.attributes) == {"aljibe.order.id": "ord_1", "lines": "2"}
    assert first.duration.ToNanoseconds() == 5 * MILLISECOND
    assert second.parent_span_id == root.span_id.hex()
    assert (second.state, second.state_message) == (pb.SPAN_STATE_ERROR, "out of stock")
    assert dict(second.attributes) == {"skus": '["a", "b"]'}
    assert dict(second.events[0].attributes) == {"exception.type": "InsufficientStock"}
    assert (second.links[0].trace_id, second.links[0].span_id) == (other.trace_id.hex(), other.span_id.hex())
    (log,) = found.logs
    assert (log.service, log.severity, log.body) == ("orders", "WARN", "order_refused")
    assert dict(log.attributes) == {"reason": "OUT_OF_STOCK"}


async def test_a_span_that_was_sent_twice_is_shown_once(doors: Doors) -> None:
    """A sender whose answer was lost sends again."""
    sent = span(trace_id())

    for _ in range(2):
        await doors.traces.Export(traces({"orders": [sent]}), timeout=10)

    assert len((await _trace(doors, sent.trace_id)).spans) == 1


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("form", ["protobuf", "json"])
async def test_http_takes_protobuf_and_json_plain_and_gzip(doors: Doors, form: str, packed: bool) -> None:
    """Browsers and other languages send OTLP over HTTP."""
    sent = span(trace_id(), aljibe__order__id="ord_http")
    linked = span(trace_id())
    body = traces({"web": [sent]}).SerializeToString()
    if form == "json":
        body = json.dumps(_json_export(sent, linked)).encode()
    headers = dict(PROTOBUF if form == "protobuf" else JSON)
    if packed:
        headers["content-encoding"] = "gzip"
        body = gzip.compress(body)

    answer = await doors.http.post("/v1/traces", content=body, headers=headers)
    (found,) = (await _search(doors, order_id="ord_http")).traces

    assert answer.status_code == 200
    assert answer.headers["content-type"] == headers["content-type"]
    assert found.trace_id == sent.trace_id.hex()
    assert found.root_service == "web"
    shown = (await _trace(doors, sent.trace_id)).spans[0]
    assert shown.span_id == sent.span_id.hex()
    if form == "json":
        assert shown.links[0].span_id == linked.span_id.hex()


def _json_export(sent: Span, linked: Span) -> dict[str, object]:
    """As the specification's example has it: ids in hexadecimal, numbers of 64 bits as text."""
    told = {
        "traceId": sent.trace_id.hex(),
        "spanId": sent.span_id.hex().upper(),
        "name": sent.name,
        "kind": 2,
        "startTimeUnixNano": str(sent.start_time_unix_nano),
        "endTimeUnixNano": str(sent.end_time_unix_nano),
        "attributes": [{"key": "aljibe.order.id", "value": {"stringValue": "ord_http"}}],
        "links": [{"traceId": linked.trace_id.hex(), "spanId": linked.span_id.hex()}],
        "somethingNew": True,
    }
    resource = {"attributes": [{"key": "service.name", "value": {"stringValue": "aljibe-web"}}]}
    return {"resourceSpans": [{"resource": resource, "scopeSpans": [{"spans": [told]}]}]}


async def test_logs_come_by_http_too_and_metrics_are_taken_and_not_kept(doors: Doors) -> None:
    """A sender of all three signals must not fail for one of them."""
    trace = trace_id()
    await doors.http.post(
        "/v1/traces", content=traces({"web": [span(trace)]}).SerializeToString(), headers=PROTOBUF
    )

    logged = await doors.http.post(
        "/v1/logs", content=logs("web", log_line(trace, "clicked")).SerializeToString(), headers=PROTOBUF
    )
    measured = await doors.http.post("/v1/metrics", content=b"{}", headers=JSON)
    stub = metrics_service_pb2_grpc.MetricsServiceStub(doors.otlp)  # type: ignore[no-untyped-call]
    await stub.Export(metrics_service_pb2.ExportMetricsServiceRequest(), timeout=10)

    assert (logged.status_code, measured.status_code) == (200, 200)
    assert [log.body for log in (await _trace(doors, trace)).logs] == ["clicked"]


async def test_spans_that_cannot_be_kept_are_told_as_partial_success(doors: Doors) -> None:
    """The sender then does not send them again."""
    broken = span(trace_id())
    broken.span_id = b""

    answer = await doors.traces.Export(traces({"orders": [broken, span(trace_id())]}), timeout=10)

    assert answer.partial_success.rejected_spans == 1
    assert answer.partial_success.error_message


async def test_what_is_no_export_is_refused_and_stores_nothing(doors: Doors) -> None:
    """Also when it comes together with a good one."""
    export: Any = doors.otlp.unary_unary("/opentelemetry.proto.collector.trace.v1.TraceService/Export")
    good = traces({"orders": [span(trace_id())]}).SerializeToString()

    answers = await asyncio.gather(export(b"\xff\xff"), export(good), return_exceptions=True)
    broken = await doors.http.post("/v1/traces", content=b"\xff\xff", headers=PROTOBUF)
    no_json = await doors.http.post("/v1/traces", content=b"{", headers=JSON)
    no_hex = await doors.http.post(
        "/v1/traces",
        content=b'{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"zz"}]}]}]}',
        headers=JSON,
    )
    text = await doors.http.post("/v1/traces", content=b"x", headers={"content-type": "text/plain"})

    assert isinstance(answers[0], grpc.aio.AioRpcError)
    assert answers[0].code() is grpc.StatusCode.INVALID_ARGUMENT
    assert [answer.status_code for answer in (broken, no_json, no_hex, text)] == [400, 400, 400, 415]
    assert len((await _search(doors)).traces) == 1


async def test_a_body_that_unpacks_to_too_much_is_refused(doors: Doors) -> None:
    """A kilobyte of gzip can be a gigabyte of zeros."""
    bomb = gzip.compress(bytes(doors.settings.max_message_bytes + 1))

    packed = await doors.http.post(
        "/v1/traces", content=bomb, headers={**PROTOBUF, "content-encoding": "gzip"}
    )
    plain = await doors.http.post(
        "/v1/traces", content=bytes(doors.settings.max_message_bytes + 1), headers=PROTOBUF
    )

    assert (packed.status_code, plain.status_code) == (413, 413)


async def test_overload_is_told_with_when_to_try_again_and_counted(
    open_doors: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Senders keep their spans meanwhile; nothing grows without bound here."""
    doors = await open_doors(max_message_bytes=3000, ingest_queue_bytes=3000)
    let_go = asyncio.Event()
    loop = asyncio.get_running_loop()
    store = Writer.store

    def held(writer: Writer, *records: object) -> int:
        asyncio.run_coroutine_threadsafe(let_go.wait(), loop).result(20)
        return store(writer, *records)  # type: ignore[arg-type]

    monkeypatch.setattr(Writer, "store", held)
    large = traces({"orders": [span(trace_id(), note="x" * 1500)]})
    first = asyncio.create_task(_export(doors, large))
    await _until_waiting(doors, large.ByteSize())

    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await doors.traces.Export(large, timeout=10)
    by_http = await doors.http.post("/v1/traces", content=large.SerializeToString(), headers=PROTOBUF)
    let_go.set()
    await first

    assert refused.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert _retry_seconds(refused.value) == 1
    assert (by_http.status_code, by_http.headers["retry-after"]) == (429, "1")
    state = await doors.questions.GetStoreState(pb.GetStoreStateRequest(), metadata=doors.token("operator"))
    assert (state.refused, state.spans, state.max_spans) == (2, 1, doors.settings.trace_max_spans)
    await doors.traces.Export(large, timeout=10)


async def _export(doors: Doors, request: object) -> None:
    await doors.traces.Export(request, timeout=20)


async def _until_waiting(doors: Doors, size: int) -> None:
    from chassis.metrics import REGISTRY

    async with asyncio.timeout(10):
        while REGISTRY.get_sample_value("aljibe_trace_store_queue_bytes") != size:
            await asyncio.sleep(0.01)


def _retry_seconds(error: grpc.aio.AioRpcError) -> int:
    for key, value in error.trailing_metadata() or ():
        if key == DETAILS_KEY and isinstance(value, bytes):
            info = error_details_pb2.RetryInfo()
            if status_pb2.Status.FromString(value).details[0].Unpack(info):
                return int(info.retry_delay.seconds)
    return 0


async def test_others_than_this_machine_need_a_token(open_doors: Open) -> None:
    """A port that a network can reach must not be filled by anybody; a service's token opens it."""
    doors = await open_doors(otlp_grpc_listen=_everywhere(), otlp_http_listen=_everywhere())
    request = traces({"orders": [span(trace_id())]})
    body = request.SerializeToString()
    (authorization,) = doors.token("service")
    (shop,) = doors.token("channel")

    with pytest.raises(grpc.aio.AioRpcError) as nobody:
        await doors.traces.Export(request, timeout=10)
    with pytest.raises(grpc.aio.AioRpcError) as channel:
        await doors.traces.Export(request, metadata=[shop], timeout=10)
    by_http = await doors.http.post("/v1/traces", content=body, headers=PROTOBUF)
    await doors.traces.Export(request, metadata=[authorization], timeout=10)
    allowed = await doors.http.post(
        "/v1/traces", content=body, headers={**PROTOBUF, "authorization": authorization[1]}
    )

    assert nobody.value.code() is grpc.StatusCode.UNAUTHENTICATED
    assert channel.value.code() is grpc.StatusCode.PERMISSION_DENIED
    assert (by_http.status_code, allowed.status_code) == (401, 200)


def _everywhere() -> str:
    return f"0.0.0.0:{free_port()}"


async def test_pages_follow_each_other_without_gap_or_repeat(doors: Doors) -> None:
    """Also where traces began in the same nanosecond, and only for the query they were made for."""
    sent = [span(trace_id(), start=NOW + number // 3) for number in range(10)]
    await doors.traces.Export(traces({"orders": sent}), timeout=10)

    seen: list[str] = []
    token = ""
    while True:
        page = await _search(doors, page_size=4, page_token=token)
        seen += [one.trace_id for one in page.traces]
        token = page.next_page_token
        if not token:
            break
    first = await _search(doors, page_size=4)
    with pytest.raises(grpc.aio.AioRpcError) as forged:
        await _search(doors, errors_only=True, page_token=first.next_page_token)

    assert sorted(seen) == sorted(one.trace_id.hex() for one in sent)
    assert len(seen) == 10
    assert reason_of(forged.value) == "PAGE_TOKEN_INVALID"


async def test_the_map_tells_rates_over_the_window(doors: Doors) -> None:
    """Thirty calls in the last minute are half a call a second."""
    calls = [
        span(trace_id(), start=NOW - 60 * SECOND + number * SECOND, kind=Span.SPAN_KIND_SERVER)
        for number in range(30)
    ]
    await doors.traces.Export(traces({"orders": calls}), timeout=10)
    operator = doors.token("operator")

    answer = await doors.questions.GetServiceMap(
        pb.GetServiceMapRequest(window=duration_pb2.Duration(seconds=60)), metadata=operator
    )
    longer = await doors.questions.GetServiceMap(pb.GetServiceMapRequest(), metadata=operator)
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await doors.questions.GetServiceMap(
            pb.GetServiceMapRequest(window=duration_pb2.Duration(seconds=100_000)), metadata=operator
        )

    (node,) = answer.nodes
    assert node.calls_per_second == pytest.approx(0.5)
    assert node.p99.ToNanoseconds() == 5 * MILLISECOND
    assert longer.window.seconds == 60, "the store is no older"
    assert reason_of(refused.value) == "WINDOW_OUT_OF_RANGE"


async def test_a_trace_that_is_not_stored_is_not_found(doors: Doors) -> None:
    """It may have made room for newer ones."""
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await _trace(doors, trace_id())

    assert refused.value.code() is grpc.StatusCode.NOT_FOUND
    assert reason_of(refused.value) == "TRACE_NOT_FOUND"


async def test_questions_need_a_token(doors: Doors) -> None:
    """Traces tell of orders; the port for questions is like any other service's."""
    with pytest.raises(grpc.aio.AioRpcError) as nobody:
        await doors.questions.SearchTraces(pb.SearchTracesRequest(), timeout=10)
    with pytest.raises(grpc.aio.AioRpcError) as till:
        await doors.questions.SearchTraces(pb.SearchTracesRequest(), metadata=doors.token("till"), timeout=10)

    assert nobody.value.code() is grpc.StatusCode.UNAUTHENTICATED
    assert till.value.code() is grpc.StatusCode.PERMISSION_DENIED


async def test_success_over_http_is_an_empty_answer_of_the_same_form(doors: Doors) -> None:
    """As the specification demands; a sender parses it."""
    answer = await doors.http.post("/v1/traces", content=b"", headers=PROTOBUF)
    as_json = await doors.http.post("/v1/traces", content=b"{}", headers=JSON)

    assert ExportTraceServiceResponse.FromString(answer.content) == ExportTraceServiceResponse()
    assert as_json.json() == {}
