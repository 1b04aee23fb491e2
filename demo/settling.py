"""The end of the day: everybody finishes, who did not come has lost the reservation, the books are read."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

import uuid_utils

from aljibe.fulfillment.v1 import fulfillment_pb2 as fulfillment
from aljibe.inventory.v1 import inventory_pb2 as inventory
from aljibe.ops.v1 import bus_pb2 as ops
from aljibe.orders.v1 import orders_pb2 as orders
from demo.customers import Customers
from demo.doors import Doors, Refused
from demo.facts import OrderFacts, order_facts
from demo.journal import Journal
from demo.staff import Staff

SETTLE_SECONDS = 120.0
PAUSE_SECONDS = 0.5
PAGE = 200
AUDIT_SECONDS = 60.0
EXPIRE_AT_A_TIME = 8
_OPEN = (
    orders.ORDER_STATE_AWAITING_CUSTOMER,
    orders.ORDER_STATE_ACCEPTED,
    orders.ORDER_STATE_IN_PROGRESS,
)


@dataclass(frozen=True)
class Audit:
    """What inventory's audit found."""

    movements: int
    positions: int
    difference_count: int
    differences: tuple[str, ...]
    duration_ms: int


@dataclass
class Books:
    """The run as the platform tells it when the day is over."""

    orders: dict[str, OrderFacts] = field(default_factory=dict)
    unsettled: list[str] = field(default_factory=list)
    """References of accepted orders that did not reach their end in time."""
    dead_letters: dict[str, int] = field(default_factory=dict)
    audit: Audit | None = None


class Settling:
    """Waits for the end of all work and reads the books; ``left`` hears how many orders are still open."""

    def __init__(
        self,
        doors: Doors,
        journal: Journal,
        customers: Customers,
        staff: Staff,
        left: Callable[[int], None],
        *,
        patience_seconds: float = SETTLE_SECONDS,
    ) -> None:
        self._doors = doors
        self._journal = journal
        self._customers = customers
        self._staff = staff
        self._left = left
        self._deadline = time.monotonic() + patience_seconds
        self._operator = doors.tokens.office("operator")

    async def settle(self) -> Books:
        """The books, once nothing moves any more or patience has run out."""
        while time.monotonic() < self._deadline:
            if await self._quiet():
                break
            await asyncio.sleep(PAUSE_SECONDS)
        books = Books()
        await self._read_orders(books)
        for name in self._doors.bus:
            state = await self._bus_state(name)
            books.dead_letters[name] = state.open_dead_letters
        books.audit = await self._audit()
        return books

    async def _quiet(self) -> bool:
        """Push what can be pushed; True when nothing was left to push."""
        await self._expire_no_shows()
        still_open = 0
        for state in _OPEN:
            async for order in self._list(state):
                if order.customer_reference in self._journal.shoppers:
                    still_open += 1
                    for location_id in waiting_at(order):
                        self._staff.nudge(location_id)
                    if state == orders.ORDER_STATE_AWAITING_CUSTOMER:
                        await self._customers.decide(order)
        self._left(still_open)
        if still_open or not self._staff.idle:
            return False
        async with asyncio.timeout(max(1.0, self._deadline - time.monotonic())):
            await self._customers.all_brought_back()
        for name in self._doors.bus:
            if not _drained(await self._bus_state(name)):
                return False
        return True

    async def _expire_no_shows(self) -> None:
        if not self._staff.idle:
            return
        waiting = iter(self._customers.no_shows[:])
        self._customers.no_shows.clear()

        async def one_after_another() -> None:
            for which in waiting:
                request = fulfillment.ExpirePickupRequest(
                    request_id=str(uuid_utils.uuid7()), fulfillment_order_id=which
                )
                try:
                    await self._doors.rpc(self._doors.fulfillment.ExpirePickup, request, self._operator)
                    self._journal.happened["not_collected"] += 1
                except Refused as refusal:
                    self._journal.faults[f"expire: {refusal.reason}"] += 1

        async with asyncio.TaskGroup() as group:
            for _ in range(EXPIRE_AT_A_TIME):
                group.create_task(one_after_another())

    async def _read_orders(self, books: Books) -> None:
        """All orders of the run, and again those whose money still moves."""
        async for order in self._list(orders.ORDER_STATE_UNSPECIFIED):
            if order.customer_reference in self._journal.shoppers:
                books.orders[order.customer_reference] = order_facts(order)
        while True:
            open_ones = [facts for facts in books.orders.values() if not facts.settled]
            self._left(len(open_ones))
            if not open_ones or time.monotonic() > self._deadline:
                break
            await asyncio.sleep(PAUSE_SECONDS)
            for facts in open_ones:
                request = orders.GetOrderRequest(order_id=facts.order_id)
                answer = await self._doors.rpc(self._doors.orders.GetOrder, request, self._operator)
                books.orders[facts.reference] = order_facts(answer.order)
        lost = [
            shopper.reference
            for shopper in self._journal.shoppers.values()
            if shopper.order_id and shopper.reference not in books.orders
        ]
        books.unsettled = [facts.reference for facts in open_ones] + lost

    async def _list(self, state: orders.OrderState.ValueType) -> AsyncIterator[orders.Order]:
        page = ""
        while True:
            request = orders.ListOrdersRequest(state=state, page_size=PAGE, page_token=page)
            answer = await self._doors.rpc(self._doors.orders.ListOrders, request, self._operator)
            for order in answer.orders:
                yield order
            page = answer.next_page_token
            if not page:
                return

    async def _bus_state(self, name: str) -> ops.GetBusStateResponse:
        return await self._doors.rpc(
            self._doors.bus[name].GetBusState, ops.GetBusStateRequest(), self._operator
        )

    async def _audit(self) -> Audit:
        answer = await self._doors.rpc(
            self._doors.stock.AuditStock,
            inventory.AuditStockRequest(),
            self._doors.tokens.office("auditor"),
            timeout=AUDIT_SECONDS,
        )
        return Audit(
            movements=answer.movements,
            positions=answer.positions,
            difference_count=answer.difference_count,
            differences=tuple(
                f"{found.rule} {found.sku} {found.location_id} {found.document_id}: "
                f"{found.expected_units} expected, {found.actual_units} found"
                for found in answer.differences[:20]
            ),
            duration_ms=answer.duration_ms,
        )


def waiting_at(order: orders.Order) -> set[str]:
    """Where somebody still has to pick or pack for this order."""
    to_do = (orders.UNIT_STATE_ALLOCATED, orders.UNIT_STATE_PICKED)
    return {
        group.location_id
        for line in order.lines
        for group in line.units
        if group.state in to_do and group.location_id
    }


def _drained(state: ops.GetBusStateResponse) -> bool:
    """Every event is published and handled."""
    if not state.broker_connected or state.unpublished_events or state.waiting_messages:
        return False
    return all(
        consumer.known and not consumer.pending_messages and not consumer.unsettled_messages
        for consumer in state.consumers
    )
