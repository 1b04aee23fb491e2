"""Store and warehouse staff: they look at their location's list, pick, pack, ship, and call the customer."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence

import uuid_utils

from aljibe.common.v1 import types_pb2 as types
from aljibe.fulfillment.v1 import fulfillment_pb2 as fulfillment
from demo.customers import Customers
from demo.decisions import Short, short_pick
from demo.doors import Away, Doors, Refused
from demo.journal import Journal

HANDS = 12
"""How many pick at the same time, over all locations."""
LOOKS_AT_A_TIME = 4
GATHER_SECONDS = 1.0
"""A location looks at its list this long after the first sign of new work, so that one look finds several."""
ROUND_SECONDS = 20.0
"""Every location looks this often even without a sign: work that was sourced again gives none."""
PAGE = 200
CARRIERS = ("UPS", "FedEx", "USPS")
_TO_DO = (
    fulfillment.FULFILLMENT_STATE_OPEN,
    fulfillment.FULFILLMENT_STATE_PICKING,
    fulfillment.FULFILLMENT_STATE_PICKED,
    fulfillment.FULFILLMENT_STATE_PACKED,
)
_OVERTAKEN = frozenset({"WRONG_STATE", "QUANTITY_TOO_HIGH"})
_REASONS = {
    Short.NOT_FOUND: fulfillment.SHORT_PICK_REASON_NOT_FOUND,
    Short.DAMAGED: fulfillment.SHORT_PICK_REASON_DAMAGED,
    Short.NEEDED_IN_STORE: fulfillment.SHORT_PICK_REASON_NEEDED_IN_STORE,
}

Work = fulfillment.FulfillmentOrder


class Staff:
    """Works on the fulfillment orders of this run (those whose customers are in the journal) until cancelled.

    ``advance`` hears of each fulfillment order that left their hands.
    """

    def __init__(
        self,
        doors: Doors,
        journal: Journal,
        customers: Customers,
        locations: Sequence[str],
        *,
        seed: int,
        advance: Callable[[int], None],
    ) -> None:
        self._doors = doors
        self._journal = journal
        self._customers = customers
        self._locations = locations
        self._seed = seed
        self._advance = advance
        self._signs: dict[str, float] = {}
        self._signal = asyncio.Event()
        self._looking = 0
        self._taken: set[str] = set()
        self._queue: asyncio.Queue[Work] = asyncio.Queue()

    def nudge(self, location_id: str) -> None:
        """There is or will soon be work at this location."""
        self._signs.setdefault(location_id, time.monotonic() + GATHER_SECONDS)
        self._signal.set()

    @property
    def idle(self) -> bool:
        """Nobody is at work or about to look."""
        return not (self._taken or self._signs or self._looking)

    async def work(self) -> None:
        """Look and pick until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._make_rounds())
            for _ in range(LOOKS_AT_A_TIME):
                group.create_task(self._look_where_told())
            for _ in range(HANDS):
                group.create_task(self._pick_one_after_another())

    async def _make_rounds(self) -> None:
        while True:
            await asyncio.sleep(ROUND_SECONDS)
            for location_id in self._locations:
                self.nudge(location_id)

    async def _look_where_told(self) -> None:
        while True:
            now = time.monotonic()
            due = next((place for place, when in self._signs.items() if when <= now), None)
            if due is None:
                await self._until_due(now)
                continue
            del self._signs[due]
            await self._look(due)

    async def _look(self, location_id: str) -> None:
        self._looking += 1
        try:
            async for work in self._list(location_id):
                known = work.customer_reference in self._journal.shoppers
                if known and work.fulfillment_order_id not in self._taken:
                    self._taken.add(work.fulfillment_order_id)
                    self._queue.put_nowait(work)
        except Away:
            self.nudge(location_id)
        finally:
            self._looking -= 1

    async def _until_due(self, now: float) -> None:
        self._signal.clear()
        wait = min(self._signs.values()) - now if self._signs else None
        try:
            await asyncio.wait_for(self._signal.wait(), wait)
        except TimeoutError:
            return

    async def _list(self, location_id: str) -> AsyncIterator[Work]:
        token, page = self._doors.tokens.associate(location_id), ""
        while True:
            request = fulfillment.ListFulfillmentOrdersRequest(
                location_id=location_id, states=_TO_DO, page_size=PAGE, page_token=page
            )
            answer = await self._doors.rpc(self._doors.fulfillment.ListFulfillmentOrders, request, token)
            for work in answer.fulfillment_orders:
                yield work
            page = answer.next_page_token
            if not page:
                return

    async def _pick_one_after_another(self) -> None:
        while True:
            work = await self._queue.get()
            try:
                await self._fulfil(work)
            except Refused as refusal:
                # A cancellation that came first is everyday life; the next look shows what is left.
                self._journal.happened["overtaken"] += 1
                if refusal.reason not in _OVERTAKEN:
                    self._journal.faults[f"staff: {refusal.reason}"] += 1
            except Away:
                self.nudge(work.location_id)
            finally:
                self._taken.discard(work.fulfillment_order_id)

    async def _fulfil(self, work: Work) -> None:
        token, call = self._doors.tokens.associate(work.location_id), self._doors.fulfillment
        key, which = str(uuid_utils.uuid7()), work.fulfillment_order_id
        if work.state == fulfillment.FULFILLMENT_STATE_OPEN:
            work = await self._report_short(work, token, key)
        if work.state in (fulfillment.FULFILLMENT_STATE_OPEN, fulfillment.FULFILLMENT_STATE_PICKING):
            pick = fulfillment.PickUnitsRequest(request_id=f"pick-{key}", fulfillment_order_id=which)
            work = (await self._doors.rpc(call.PickUnits, pick, token)).fulfillment_order
        if work.state not in (fulfillment.FULFILLMENT_STATE_PICKED, fulfillment.FULFILLMENT_STATE_PACKED):
            return
        shopper = self._journal.shoppers[work.customer_reference]
        if work.method == types.FULFILLMENT_METHOD_PICKUP and not work.pickup_location_id:
            ready = fulfillment.MarkReadyRequest(request_id=f"ready-{key}", fulfillment_order_id=which)
            work = (await self._doors.rpc(call.MarkReady, ready, token)).fulfillment_order
            self._advance(1)
            await self._customers.collect(shopper, work)
            return
        if work.state == fulfillment.FULFILLMENT_STATE_PICKED:
            pack = fulfillment.PackOrderRequest(request_id=f"pack-{key}", fulfillment_order_id=which)
            work = (await self._doors.rpc(call.PackOrder, pack, token)).fulfillment_order
        ship = fulfillment.ShipOrderRequest(
            request_id=f"ship-{key}",
            fulfillment_order_id=which,
            carrier=CARRIERS[shopper.basket.basket_id % len(CARRIERS)],
            tracking_number=f"1Z{which[-12:].upper()}",
        )
        work = (await self._doors.rpc(call.ShipOrder, ship, token)).fulfillment_order
        self._advance(1)
        if not work.pickup_location_id:
            self._customers.received(shopper, work)
            return
        # It goes to the store where it is collected; the van is quick.
        store = self._doors.tokens.associate(work.pickup_location_id)
        receive = fulfillment.ReceiveParcelRequest(request_id=f"receive-{key}", fulfillment_order_id=which)
        await self._doors.rpc(call.ReceiveParcel, receive, store)
        ready = fulfillment.MarkReadyRequest(request_id=f"ready-{key}", fulfillment_order_id=which)
        work = (await self._doors.rpc(call.MarkReady, ready, store)).fulfillment_order
        await self._customers.collect(shopper, work)

    async def _report_short(self, work: Work, token: str, key: str) -> Work:
        short = short_pick(self._seed, work.customer_reference.rpartition("-")[2], work.location_id)
        line = next((line for line in work.lines if _left(line) > 0), None)
        if short is Short.NOTHING or line is None:
            return work
        request = fulfillment.ReportShortPickRequest(
            request_id=f"short-{key}",
            fulfillment_order_id=work.fulfillment_order_id,
            lines=[fulfillment.LineQuantity(line_number=line.line_number, quantity_units=_left(line))],
            reason=_REASONS[short],
            note="the demo's shelf was not what the book said",
        )
        answer = await self._doors.rpc(self._doors.fulfillment.ReportShortPick, request, token)
        self._journal.happened["short_picks"] += 1
        return answer.fulfillment_order


def _left(line: fulfillment.FulfillmentLine) -> int:
    return line.quantity_units - line.picked_units - line.short_units - line.cancelled_units
