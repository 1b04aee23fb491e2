"""Every figure that is promised can be explained, and the explanation adds up."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import grpc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aljibe.inventory.v1 import availability_pb2, availability_pb2_grpc, holds_pb2
from aljibe.inventory.v1 import inventory_pb2 as pb
from chassis.errors import reason_of
from services.inventory.domain.explaining import explain
from services.inventory.domain.stock import Position
from services.inventory.tests.builders import CLOSED_STORE, OTHER_STORE, SKU, STORE, unique
from services.inventory.tests.conftest import Door
from services.inventory.usecases.availability import Availability
from services.inventory.usecases.inbound import InboundBoard

UNITS = st.integers(-5, 20)


class _Vector:
    def __init__(self, values: dict[str, int]) -> None:
        self._values = values

        self.derived: dict[str, Any] = {}

    def items(self, group: str) -> Iterable[tuple[str, int]]:
        return self._values.items()

    def get(self, group: str, member: str) -> int | None:
        return self._values.get(member)


@given(
    st.lists(st.tuples(UNITS, st.integers(0, 20), st.integers(0, 9), st.booleans()), max_size=5),
    st.integers(0, 30),
)
def test_the_terms_sum_up_to_what_channels_are_told(
    drawn: list[tuple[int, int, int, bool]], held_units: int
) -> None:
    """Replica and explanation are two ways to one formula, at each location and at all together."""
    positions = [
        Position(SKU, f"place-{number}", on_hand, min(reserved, max(0, on_hand)), safety, active=active)
        for number, (on_hand, reserved, safety, active) in enumerate(drawn)
    ]
    vector = {position.location_id: position.free_units for position in positions}
    told = Availability(_Vector({**vector, "": -held_units}), InboundBoard())
    told.set_active({position.location_id: position.active for position in positions})

    total, at = told.of(SKU)

    assert explain(positions, held_units).available_units == total
    assert told.total(SKU) == told.total(SKU) == total
    for position in positions:
        here = explain(positions, held_units, position.location_id).available_units
        assert here == at.get(position.location_id, 0)


async def test_every_term_comes_from_the_database(door: Door) -> None:
    sku = unique("SKU")
    await door.receive(4, sku=sku)
    await door.receive(3, sku=sku, location_id=OTHER_STORE)
    await door.receive(9, sku=sku, location_id=CLOSED_STORE)
    await door.stock.SetSafetyStock(
        pb.SetSafetyStockRequest(
            request_id=unique("safety"), location_id=STORE, lines=[pb.SafetyLine(sku=sku, safety_units=1)]
        ),
        metadata=door.service,
    )
    pick = pb.Pick(sku=sku, location_id=STORE, quantity_units=1)
    await door.reservations.ReserveStock(
        pb.ReserveStockRequest(order_id=unique("ord"), attempt=1, picks=[pick]), metadata=door.service
    )
    await door.processes[0].holds.CreateHold(
        holds_pb2.CreateHoldRequest(
            request_id=unique("hold"),
            channel_id="web",
            lines=[holds_pb2.HeldLine(sku=sku, quantity_units=4)],
        ),
        metadata=door.service,
    )
    service = availability_pb2_grpc.AvailabilityServiceStub(door.processes[0].channel)

    async def explained(location_id: str = "") -> availability_pb2.ExplainAvailabilityResponse:
        request = availability_pb2.ExplainAvailabilityRequest(
            channel_id="web", sku=sku, location_id=location_id
        )
        return await service.ExplainAvailability(request, metadata=door.service)

    everywhere = await explained()
    here = await explained(STORE)
    with pytest.raises(grpc.aio.AioRpcError) as nowhere:
        await explained("nowhere")

    kinds = availability_pb2.AvailabilityTermKind.Name
    prefix = "AVAILABILITY_TERM_KIND_"
    terms = {kinds(term.kind).removeprefix(prefix): term.units for term in everywhere.terms}
    assert terms == {"ON_HAND": 16, "RESERVED": -1, "SAFETY": -1, "INACTIVE": -9, "HELD": -4}
    assert everywhere.available_units == 1
    assert [(one.location_id, one.available_units) for one in everywhere.locations] == [
        (STORE, 2),
        (OTHER_STORE, 3),
        (CLOSED_STORE, 0),
    ]
    assert (here.available_units, [term.units for term in here.terms]) == (1, [4, -1, -1, -1])
    assert reason_of(nowhere.value) == "LOCATION_UNKNOWN"
