"""The group commit of acceptances, on PostgreSQL: several instances, the same requests."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio

from aljibe.orders.v1 import orders_pb2
from chassis.envelope import OutboxEvent
from chassis.ids import new_id
from chassis.postgres import Database, open_database
from chassis.refusals import RequestIdReused
from services.orders.adapters.postgres.accept import GroupAcceptor
from services.orders.adapters.postgres.capacity import CapacityBook
from services.orders.domain import facts
from services.orders.domain.places import Locations
from services.orders.domain.record import DecisionRecord
from services.orders.domain.sourcing import Plan, Wish
from services.orders.tests.builders import LOCATIONS, order
from services.orders.tests.conftest import role_url
from services.orders.usecases.ports import Acceptance, Decided, HoldTooShort
from tests.servers import Databases


@pytest_asyncio.fixture
async def db(databases: Databases, orders_template: str) -> AsyncIterator[Database]:
    async with databases.fresh(orders_template) as url:
        opened = await open_database(role_url(url), "orders")
        try:
            yield opened
        finally:
            await opened.close()


def acceptance(
    request: str, *, content: bytes = b"f", hold: timedelta = timedelta(minutes=15), sku: str = "a"
) -> Acceptance:
    """An order that is placed by `request`; its id follows from it, whichever instance places it."""
    made = order((sku, 1, 1_000))
    made.order_id = f"ord_{request}"
    made.facts = [facts.Accepted()]
    record = DecisionRecord("l", "r", Wish(()), frozenset(), False, {}, {})
    now = datetime.now(UTC)
    made.accept_time = now
    return Acceptance(
        made,
        (Decided(1, "PLACED", record, Plan((), (), 0)),),
        f"PlaceOrder|shop|{request}",
        content,
        request,
        now + hold,
        False,
    )


class Instance:
    """An acceptor of a process of its own, and what it announced."""

    def __init__(self, db: Database, places: Locations = LOCATIONS) -> None:
        self.announced: list[str] = []
        self.book = CapacityBook(db, lambda: places)
        self.acceptor = GroupAcceptor(db, self._announce, lambda: datetime.now(UTC), self.book)

    def _announce(self, events: Sequence[OutboxEvent], order_ids: Sequence[str]) -> None:
        self.announced += order_ids

    async def accept(self, *group: Acceptance) -> list[Any]:
        return await asyncio.gather(*map(self.acceptor.accept, group), return_exceptions=True)


async def count(db: Database, table: str) -> int:
    async with db.connection() as conn:
        return int(await conn.fetchval(f"SELECT count(*) FROM {table}"))  # noqa: S608 - a literal of this file


async def test_a_group_commits_answers_orders_and_events_together(db: Database) -> None:
    one = Instance(db)
    requests = [new_id("req") for _ in range(5)]

    answers = await one.accept(*map(acceptance, requests))

    placed = [orders_pb2.PlaceOrderResponse.FromString(answer).order for answer in answers]
    assert [order.order_id for order in placed] == [f"ord_{request}" for request in requests]
    assert one.announced == [order.order_id for order in placed]
    for table in ("customer_order", "order_line", "plan_part", "sourcing_decision", "outbox", "request"):
        assert await count(db, table) == 5
    stored = await one.acceptor.stored(f"PlaceOrder|shop|{requests[0]}", b"f", requests[0])
    assert stored == answers[0]


async def test_requests_that_two_instances_accept_at_once_become_one_order_each(db: Database) -> None:
    """Whoever is second gives the first one's answer, and announces only what is its own."""
    one, other = Instance(db), Instance(db)
    requests = [new_id("req") for _ in range(20)]
    shared = requests[5:15]

    first, second = await asyncio.gather(
        one.accept(*map(acceptance, requests[:15])), other.accept(*map(acceptance, requests[5:]))
    )

    assert [first[requests.index(request)] for request in shared] == second[:10]
    assert sorted(one.announced + other.announced) == sorted(f"ord_{request}" for request in requests)
    assert await count(db, "customer_order") == await count(db, "outbox") == 20


async def test_other_content_under_a_request_id_that_another_instance_used_is_refused(db: Database) -> None:
    request, fresh = new_id("req"), new_id("req")
    await Instance(db).accept(acceptance(request))

    refused, answer = await Instance(db).accept(acceptance(request, content=b"other"), acceptance(fresh))

    assert isinstance(refused, RequestIdReused)
    assert orders_pb2.PlaceOrderResponse.FromString(answer).order.order_id == f"ord_{fresh}"


async def test_a_reservation_that_ends_too_soon_keeps_only_its_own_order_out(db: Database) -> None:
    late, fine = new_id("req"), new_id("req")

    refused, answer = await Instance(db).accept(
        acceptance(late, hold=timedelta(seconds=10)), acceptance(fine)
    )

    assert isinstance(refused, HoldTooShort)
    assert isinstance(answer, bytes)
    assert await count(db, "request") == await count(db, "customer_order") == 1


@pytest.mark.parametrize("intended", [False, True])
async def test_an_acceptance_ends_its_own_intent_only(db: Database, intended: bool) -> None:
    request, other = new_id("req"), new_id("req")
    async with db.connection() as conn:
        await conn.executemany(
            "INSERT INTO authorization_intent VALUES ($1, 'key', 1000, 'USD', now())",
            [(f"ord_{request}",), (f"ord_{other}",)],
        )

    await Instance(db).accept(acceptance(request)._replace(intended=intended))

    assert await count(db, "authorization_intent") == (1 if intended else 2)
