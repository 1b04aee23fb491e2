"""Customers after they ordered: they cancel, collect, do not come, decide, and bring goods back."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import uuid_utils

from aljibe.fulfillment.v1 import fulfillment_pb2 as fulfillment
from aljibe.orders.v1 import orders_pb2 as orders
from demo import wire
from demo.data.baskets import Channel
from demo.decisions import Cancel, Shortage
from demo.doors import Doors, Refused
from demo.journal import Journal, Shopper

RETURNS_AT_A_TIME = 4
NOT_THERE_YET_TRIES = 40
NOT_THERE_YET_SECONDS = 0.5
_NOT_THERE_YET = frozenset({"NOT_DELIVERED", "ORDER_UNKNOWN"})
WRONG_CODE = "000000"
_OTHER_WRONG_CODE = "111111"


class Customers:
    """``stores`` are where goods may be brought back. Use ``close`` to let the last returns finish."""

    def __init__(self, doors: Doors, journal: Journal, stores: Sequence[str]) -> None:
        self._doors = doors
        self._journal = journal
        self._stores = stores
        self._returns: asyncio.Queue[tuple[Shopper, str, int]] = asyncio.Queue()
        self.no_shows: list[str] = []
        """Fulfillment orders whose customers never come."""

    async def ordered(self, shopper: Shopper) -> None:
        """An order was accepted: its customer may change their mind at once."""
        wanted = shopper.choices.cancel
        if wanted is Cancel.NOTHING:
            if shopper.basket.channel is Channel.TILL and shopper.choices.returns:
                self._returns.put_nowait((shopper, shopper.basket.store_location_id, 1))
            return
        content: dict[str, object] = {"requestId": str(uuid_utils.uuid7()), "reason": "changed my mind"}
        if wanted is Cancel.ONE_UNIT:
            content["lines"] = [{"lineNumber": 1, "quantityUnits": 1}]
        path = f"/v1/orders/{shopper.order_id}:cancel"
        try:
            await self._doors.http("POST", path, self._token(shopper), content)
        except Refused as refusal:
            self._count(refusal, "cancelled_too_late", "TOO_LATE_TO_CANCEL")
        else:
            self._journal.happened["cancelled"] += 1

    async def collect(self, shopper: Shopper, work: fulfillment.FulfillmentOrder) -> None:
        """A pickup is ready: most come, show their code and take the goods; a few mistype it first."""
        if not shopper.choices.collects:
            self.no_shows.append(work.fulfillment_order_id)
            return
        path = f"/v1/fulfillmentOrders/{work.fulfillment_order_id}/pickupCode"
        answer = await self._doors.http("GET", path, self._token(shopper))
        code = str(answer["code"])
        if shopper.choices.mistypes_code:
            try:
                await self._hand_over(work, WRONG_CODE if code != WRONG_CODE else _OTHER_WRONG_CODE)
            except Refused as refusal:
                self._count(refusal, "wrong_codes", "CODE_WRONG")
        await self._hand_over(work, code)
        self._journal.happened["collected"] += 1
        self.received(shopper, work)

    def received(self, shopper: Shopper, work: fulfillment.FulfillmentOrder) -> None:
        """The customer has the goods; some come back."""
        line = next((line for line in work.lines if line.picked_units > 0), None)
        if line is not None and shopper.choices.returns:
            self._returns.put_nowait((shopper, work.location_id, line.line_number))

    async def bring_back(self) -> None:
        """Bring goods back as their time comes; runs until it is cancelled."""

        async def one_after_another() -> None:
            while True:
                shopper, location_id, line_number = await self._returns.get()
                try:
                    await self._bring_back(shopper, location_id, line_number)
                finally:
                    self._returns.task_done()

        async with asyncio.TaskGroup() as group:
            for _ in range(RETURNS_AT_A_TIME):
                group.create_task(one_after_another())

    async def all_brought_back(self) -> None:
        """Return when nobody is on the way with a return."""
        await self._returns.join()

    async def decide(self, order: orders.Order) -> None:
        """The pickup store has not got it: the customer has it sent, or gives it up."""
        shopper = self._journal.shoppers.get(order.customer_reference)
        if shopper is None:
            return
        content: dict[str, object] = {"requestId": str(uuid_utils.uuid7())}
        path = f"/v1/orders/{order.order_id}:resolveShortage"
        if shopper.choices.shortage is Shortage.SHIP:
            home = await self._home(shopper)
            try:
                await self._doors.http("POST", path, self._token(shopper), {**content, "shipTo": home})
            except Refused as refusal:
                self._count(
                    refusal, "choice_overtaken", "INSUFFICIENT_STOCK", "NOTHING_TO_RESOLVE", "NO_PLAN"
                )
                if refusal.reason == "NOTHING_TO_RESOLVE":
                    return
            else:
                self._journal.happened["chose_shipping"] += 1
                return
        content["requestId"] = str(uuid_utils.uuid7())
        try:
            await self._doors.http("POST", path, self._token(shopper), {**content, "cancel": True})
        except Refused as refusal:
            self._count(refusal, "choice_overtaken", "NOTHING_TO_RESOLVE")
        else:
            self._journal.happened["chose_cancelling"] += 1

    async def _home(self, shopper: Shopper) -> dict[str, object]:
        """Near the store they wanted to collect at: the store's own address, as the platform knows it."""
        path = f"/v1/locations/{shopper.basket.store_location_id}"
        document = await self._doors.http("GET", path, self._token(shopper))
        address: dict[str, object] = document["location"]["address"]
        return {**address, "recipient": f"Household {shopper.basket.household_id}"}

    async def _bring_back(self, shopper: Shopper, location_id: str, line_number: int) -> None:
        choices = shopper.choices
        if choices.return_elsewhere or location_id not in self._stores:
            others = [store for store in self._stores if store != location_id]
            location_id = others[int(choices.return_at * len(others))]
            self._journal.happened["returned_elsewhere"] += 1
        disposition = fulfillment.DISPOSITION_SCRAP if choices.scrap else fulfillment.DISPOSITION_RESTOCK
        request = fulfillment.ReceiveReturnRequest(
            request_id=str(uuid_utils.uuid7()),
            location_id=location_id,
            order_id=shopper.order_id,
            lines=[
                fulfillment.ReturnedLine(
                    line_number=line_number,
                    quantity_units=1,
                    disposition=disposition,
                    reason="damaged" if choices.scrap else "not needed after all",
                )
            ],
        )
        token = self._doors.tokens.associate(location_id)
        for _ in range(NOT_THERE_YET_TRIES):
            try:
                await self._doors.rpc(self._doors.fulfillment.ReceiveReturn, request, token)
            except Refused as refusal:
                if refusal.reason not in _NOT_THERE_YET:
                    self._journal.faults[f"return: {refusal.reason}"] += 1
                    return
            else:
                self._journal.happened["returns"] += 1
                return
            # The till's sale reaches the back office by an event; the counter asks again.
            await asyncio.sleep(NOT_THERE_YET_SECONDS)
        self._journal.faults["return: NOT_DELIVERED"] += 1

    async def _hand_over(self, work: fulfillment.FulfillmentOrder, code: str) -> None:
        request = fulfillment.HandOverRequest(
            request_id=str(uuid_utils.uuid7()), fulfillment_order_id=work.fulfillment_order_id, code=code
        )
        token = self._doors.tokens.associate(work.pickup_location_id or work.location_id)
        await self._doors.rpc(self._doors.fulfillment.HandOver, request, token)

    def _token(self, shopper: Shopper) -> str:
        return self._doors.tokens.channel(wire.CHANNEL_ID[shopper.basket.channel])

    def _count(self, refusal: Refused, name: str, *expected: str) -> None:
        self._journal.happened[name] += 1
        if refusal.reason not in expected:
            self._journal.faults[refusal.reason] += 1
