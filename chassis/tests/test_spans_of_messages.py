"""The spans of events: published, processed, one by one and many at once."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from chassis import telemetry
from chassis.envelope import Incoming
from chassis.postgres import Connection
from chassis.tests.bus_kit import bus, event, eventually, write_down
from chassis.tests.conftest import OTHER, SAMPLED, UNSAMPLED, Recorder


async def test_an_event_is_published_and_processed_in_the_trace_of_its_cause(
    fresh_database: str, nats_url: str, spans: Recorder
) -> None:
    async with bus(fresh_database, nats_url) as kit:
        one = dataclasses.replace(event("ord_1", 1), traceparent=SAMPLED)
        kit.start(kit.relay.run)
        kit.start(kit.consumer().run)

        await kit.place([one])
        await kit.until_heard(1)
        assert await eventually(lambda: _there(spans, "process order-placed"))

    (published,) = _named(spans, "publish order-placed")
    (processed,) = _named(spans, "process order-placed")
    assert (published.kind, published.parent_id) == (telemetry.Kind.PRODUCER, SAMPLED[36:52])
    assert (processed.kind, processed.parent_id) == (telemetry.Kind.CONSUMER, published.span_id)
    assert published.attributes == {
        "messaging.system": "nats",
        "messaging.operation.name": "publish",
        "messaging.operation.type": "send",
        "messaging.destination.name": "aljibe.shop.v1.order-placed",
        "messaging.message.id": one.id,
        "messaging.batch.message_count": 1,
        "aljibe.order.id": "ord_1",
    }
    assert processed.attributes["messaging.consumer.group.name"] == "shelf"
    assert {span.parent_id for span in _named(spans, "INSERT heard")} == {processed.span_id}


async def test_a_batch_is_in_every_trace_and_linked_with_the_first(
    fresh_database: str, nats_url: str, spans: Recorder
) -> None:
    """The work is done once; each order's trace leads to it."""
    async with bus(fresh_database, nats_url) as kit:
        events = [
            dataclasses.replace(event(f"ord_{number}", 1), traceparent=traceparent)
            for number, traceparent in enumerate((SAMPLED, OTHER, UNSAMPLED))
        ]
        kit.start(kit.relay.run)
        await kit.place(events)
        assert await kit.relay.idle()

        kit.start(kit.consumer().run)
        await kit.until_heard(3)
        assert await eventually(lambda: _there(spans, "process order-placed", 2))

    processed = _named(spans, "process order-placed")
    lead = next(one for one in processed if one.trace_id == SAMPLED[3:35])
    other = next(one for one in processed if one.trace_id == OTHER[3:35])
    assert (lead.links, other.links) == ([other.traceparent], [lead.traceparent])
    assert other.attributes["aljibe.order.id"] == "ord_1"


async def test_a_message_that_fails_is_kept_though_its_trace_is_not_sampled(
    fresh_database: str, nats_url: str, spans: Recorder
) -> None:
    async def fail(conn: Connection, messages: Sequence[Incoming]) -> None:
        if any(one.deliveries == 1 for one in messages):
            raise ZeroDivisionError
        await write_down(conn, messages)

    async with bus(fresh_database, nats_url) as kit:
        kit.start(kit.relay.run)
        kit.start(kit.consumer(fail, backoff_seconds=(0.05,)).run)

        await kit.place([dataclasses.replace(event("ord_1", 1), traceparent=UNSAMPLED)])
        await kit.until_heard(1)

    (kept,) = _named(spans, "process order-placed")
    assert (kept.trace_id, kept.attributes["aljibe.kept"]) == (UNSAMPLED[3:35], "error")
    assert (kept.state, kept.attributes["error.type"]) == (telemetry.State.ERROR, "ZeroDivisionError")


def _named(spans: Recorder, name: str) -> list[telemetry.Span]:
    return [one for one in spans if one.name == name]


async def _there(spans: Recorder, name: str, count: int = 1) -> bool:
    return len(_named(spans, name)) >= count
