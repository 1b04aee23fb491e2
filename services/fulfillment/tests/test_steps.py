"""Steps of the work in the trace of their order, and the figures of the work."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from aljibe.fulfillment.v1 import fulfillment_pb2 as pb
from chassis import telemetry
from chassis.metrics import REGISTRY
from chassis.settings import ChassisSettings
from services.fulfillment.adapters import figures
from services.fulfillment.tests.conftest import Door
from services.fulfillment.tests.knocking import SHIP, a_part, accepted, request_id, tell, until

ORDERS = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0"
REQUESTS = "00-1bf7651916cd43dd8448eb211c80319c-c7ad6b7169203331-0"


@pytest.fixture
def spans() -> Iterator[list[telemetry.Span]]:
    taken: list[telemetry.Span] = []
    opened = telemetry.setup(ChassisSettings(service_name="fulfillment"), take=taken.append)
    yield taken
    opened.close()


@pytest.mark.parametrize(
    ("order", "request_", "goes_on_in", "steps", "links"),
    [
        ("1", "1", ORDERS, 1, 1),
        ("1", "0", ORDERS, 1, 0),
        ("0", "1", REQUESTS, 0, 0),
        ("0", "0", ORDERS, 0, 0),
    ],
    ids=["both sampled", "the order's only", "the request's only", "neither"],
)
async def test_a_step_goes_on_in_the_trace_of_its_order(
    door: Door,
    spans: list[telemetry.Span],
    order: str,
    request_: str,
    goes_on_in: str,
    steps: int,
    links: int,
) -> None:
    """Or in the request's, where that alone is recorded: half a trace is better than none."""
    part = a_part(SHIP)
    await tell(door, accepted(part), traceparent=ORDERS + order)
    await until(door, "FulfillmentOrderOpened")

    await door.stub.StartPicking(
        pb.StartPickingRequest(request_id=request_id(), fulfillment_order_id=part.fulfillment_order_id),
        metadata=[*door.associate, ("traceparent", REQUESTS + request_)],
    )

    async with door.db.connection() as conn:
        told = await conn.fetchval("SELECT traceparent FROM outbox ORDER BY sequence DESC LIMIT 1")
    found = [one for one in spans if one.name == "step picking-started"]
    assert told[3:35] == goes_on_in[3:35]
    assert [one.trace_id for one in found] == [ORDERS[3:35]] * steps
    assert [len(one.links) for one in found] == [links] * steps
    if steps:
        assert told == found[0].traceparent
        assert found[0].attributes["aljibe.location.id"] == "store-1"


async def test_work_that_waits_is_counted_by_location_and_state(door: Door) -> None:
    """Its promise has passed long ago."""
    part = a_part(SHIP, location_id="store-1")
    await tell(door, accepted(part))
    await until(door, "FulfillmentOrderOpened")

    await figures.measure(door.db)

    waiting = {"location": "store-1", "state": "OPEN"}
    assert REGISTRY.get_sample_value("aljibe_fulfillment_backlog_orders", waiting) == 1
    assert REGISTRY.get_sample_value("aljibe_fulfillment_late_orders", {"location": "store-1"}) == 1
