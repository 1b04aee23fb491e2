"""What the staff of a location does with its work: pick, miss, pack, ship, make ready, hand over."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta

from aljibe.fulfillment.v1 import fulfillment_pb2, fulfillment_pb2_grpc
from aljibe.orders.v1 import orders_pb2
from chassis.auth import TokenMinter
from chassis.ids import new_id
from tests.integration.words import SETTLE_SECONDS, Metadata, eventually, request_id

SHIFT = timedelta(hours=12)
"""A token lasts; rounds of crashes take hours."""


class Badges:
    """Tokens of everybody who comes to a door."""

    def __init__(self, minter: TokenMinter) -> None:
        self._minter = minter
        self.operator = self.token("operator", channels=["*"], locations=["*"])
        self.planner = self.token("planner", channels=["*"], locations=["*"])
        self.merchandiser = self.token("merchandiser", channels=["*"], locations=["*"])

    def token(
        self, role: str, channels: Iterable[str] = (), locations: Iterable[str] = (), subject: str = ""
    ) -> str:
        """A bearer token."""
        return self._minter.mint(subject or f"test:{role}", [role], channels, locations, SHIFT)

    def shop(self, channel: str = "web") -> str:
        """The token of a channel's front end."""
        return self.token("channel", channels=[channel], locations=["*"], subject=f"shop:{channel}")

    def till(self, store: str) -> str:
        """The token of a store's till."""
        return self.token("till", channels=["pos"], locations=[store], subject=f"till:{store}")

    def staff(self, location: str) -> str:
        """The token of a location's associate."""
        return self.token("associate", locations=[location], subject=f"associate:{location}")

    @staticmethod
    def auth(token: str) -> Metadata:
        """gRPC metadata of a token."""
        return (("authorization", f"Bearer {token}"),)


class Staff(Badges):
    """The verbs of a location's associates."""

    def __init__(
        self, minter: TokenMinter, fulfillment: fulfillment_pb2_grpc.FulfillmentServiceAsyncStub
    ) -> None:
        super().__init__(minter)
        self.fulfillment = fulfillment

    async def work(
        self, order: orders_pb2.Order | str, location: str = "", seconds: float = SETTLE_SECONDS
    ) -> fulfillment_pb2.FulfillmentOrder:
        """The open fulfillment order of an order (at a location), as soon as it is on the work list."""
        order_id = order if isinstance(order, str) else order.order_id

        async def look() -> fulfillment_pb2.FulfillmentOrder | None:
            found = await self.work_of(order_id)
            mine = [f for f in found if location in ("", f.location_id) and f.state <= 6]
            return mine[0] if mine else None

        found: fulfillment_pb2.FulfillmentOrder = await eventually(
            look, f"work of {order_id} at {location or 'any location'}", seconds
        )
        return found

    async def work_of(self, order_id: str) -> Sequence[fulfillment_pb2.FulfillmentOrder]:
        """All fulfillment orders of an order."""
        answer = await self.fulfillment.ListFulfillmentOrders(
            fulfillment_pb2.ListFulfillmentOrdersRequest(order_id=order_id), metadata=self.auth(self.operator)
        )
        return list(answer.fulfillment_orders)

    async def pick(
        self, work: fulfillment_pb2.FulfillmentOrder, lines: Mapping[int, int] | None = None
    ) -> fulfillment_pb2.FulfillmentOrder:
        """An associate of the location takes the units (all that are left, or these) from the shelf."""
        picked = [
            fulfillment_pb2.LineQuantity(line_number=number, quantity_units=units)
            for number, units in (lines or {}).items()
        ]
        answer = await self.fulfillment.PickUnits(
            fulfillment_pb2.PickUnitsRequest(
                request_id=request_id(), fulfillment_order_id=work.fulfillment_order_id, lines=picked
            ),
            metadata=self.auth(self.staff(work.location_id)),
        )
        return answer.fulfillment_order

    async def short(
        self,
        work: fulfillment_pb2.FulfillmentOrder,
        lines: Mapping[int, int],
        why: fulfillment_pb2.ShortPickReason.ValueType = fulfillment_pb2.SHORT_PICK_REASON_NOT_FOUND,
    ) -> fulfillment_pb2.FulfillmentOrder:
        """An associate cannot find units."""
        missing = [
            fulfillment_pb2.LineQuantity(line_number=number, quantity_units=units)
            for number, units in lines.items()
        ]
        answer = await self.fulfillment.ReportShortPick(
            fulfillment_pb2.ReportShortPickRequest(
                request_id=request_id(),
                fulfillment_order_id=work.fulfillment_order_id,
                lines=missing,
                reason=why,
            ),
            metadata=self.auth(self.staff(work.location_id)),
        )
        return answer.fulfillment_order

    async def ship(self, work: fulfillment_pb2.FulfillmentOrder) -> fulfillment_pb2.FulfillmentOrder:
        """Picks what is left, packs, and gives the parcel to the carrier."""
        auth = self.auth(self.staff(work.location_id))
        if work.state in (fulfillment_pb2.FULFILLMENT_STATE_OPEN, fulfillment_pb2.FULFILLMENT_STATE_PICKING):
            await self.pick(work)
        await self.fulfillment.PackOrder(
            fulfillment_pb2.PackOrderRequest(
                request_id=request_id(), fulfillment_order_id=work.fulfillment_order_id
            ),
            metadata=auth,
        )
        answer = await self.fulfillment.ShipOrder(
            fulfillment_pb2.ShipOrderRequest(
                request_id=request_id(),
                fulfillment_order_id=work.fulfillment_order_id,
                carrier="Correo",
                tracking_number=new_id("trk"),
            ),
            metadata=auth,
        )
        return answer.fulfillment_order

    async def receive_parcel(
        self, work: fulfillment_pb2.FulfillmentOrder
    ) -> fulfillment_pb2.FulfillmentOrder:
        """An associate of the store receives the parcel that another location sent there."""
        answer = await self.fulfillment.ReceiveParcel(
            fulfillment_pb2.ReceiveParcelRequest(
                request_id=request_id(), fulfillment_order_id=work.fulfillment_order_id
            ),
            metadata=self.auth(self.staff(work.pickup_location_id)),
        )
        return answer.fulfillment_order

    async def lose_parcel(self, work: fulfillment_pb2.FulfillmentOrder) -> fulfillment_pb2.FulfillmentOrder:
        """The parcel never comes to the store."""
        answer = await self.fulfillment.ReportLostInTransit(
            fulfillment_pb2.ReportLostInTransitRequest(
                request_id=request_id(), fulfillment_order_id=work.fulfillment_order_id, note="never came"
            ),
            metadata=self.auth(self.staff(work.pickup_location_id)),
        )
        return answer.fulfillment_order

    async def make_ready(self, work: fulfillment_pb2.FulfillmentOrder, seconds: int = 0) -> str:
        """Picks what did not come by parcel, puts the goods behind the counter, and returns the customer's
        code.
        """
        store = work.pickup_location_id or work.location_id
        if not work.pickup_location_id:
            await self.pick(work)
        await self.fulfillment.MarkReady(
            fulfillment_pb2.MarkReadyRequest(
                request_id=request_id(),
                fulfillment_order_id=work.fulfillment_order_id,
                collect_within_seconds=seconds,
            ),
            metadata=self.auth(self.staff(store)),
        )
        answer = await self.fulfillment.GetPickupCode(
            fulfillment_pb2.GetPickupCodeRequest(fulfillment_order_id=work.fulfillment_order_id),
            metadata=self.auth(self.shop(work.channel_id)),
        )
        return str(answer.code)

    async def hand_over(
        self, work: fulfillment_pb2.FulfillmentOrder, code: str
    ) -> fulfillment_pb2.FulfillmentOrder:
        """The customer shows a code at the counter."""
        answer = await self.fulfillment.HandOver(
            fulfillment_pb2.HandOverRequest(
                request_id=request_id(), fulfillment_order_id=work.fulfillment_order_id, code=code
            ),
            metadata=self.auth(self.staff(work.pickup_location_id or work.location_id)),
        )
        return answer.fulfillment_order
