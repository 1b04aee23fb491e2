"""Everything the services know of one order, as far as a person may ask them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

import grpc

from aljibe.fulfillment.v1 import fulfillment_pb2
from aljibe.inventory.v1 import inventory_pb2
from aljibe.orders.v1 import orders_pb2
from aljibe.telemetry.v1 import traces_pb2
from services.console.adapters import problems
from services.console.adapters.doors import CALL_SECONDS
from services.console.adapters.menu import AUDITOR, OPERATOR, roles_of
from services.console.adapters.page import Console
from services.console.adapters.pages.order_views import candidate_rank
from services.console.adapters.session import Person

MAX_TRACES = 50
"""Of an order: an order's work is a trace for each call by which somebody did something."""
MAX_WORK = 50
"""Fulfillment orders whose movements are read."""
MAX_WHY_ASKED = 3
"""Each is a decision of the engine of its own, and others follow at a press."""
"""Candidates of a decision whose reason is asked for as a sentence; the others have the word for it."""
TRACES_EVERY = 3
"""Spans come in batches some seconds late: traces are looked for at every third look at the order."""

T = TypeVar("T")


@dataclass(frozen=True)
class Facts:
    """One order. What the person's role may not see is None; `away` names the parts that could not be had,
    each with the sentence that says why.
    """

    order: orders_pb2.Order
    work: Sequence[fulfillment_pb2.FulfillmentOrder] | None = None
    movements: Sequence[inventory_pb2.Movement] | None = None
    decisions: Sequence[orders_pb2.SourcingDecision] | None = None
    whys: dict[tuple[int, str], orders_pb2.WhyNotResponse] = field(default_factory=dict)
    """By attempt and location."""
    summaries: Sequence[traces_pb2.TraceSummary] | None = None
    trace: traces_pb2.Trace | None = None
    away: dict[str, str] = field(default_factory=dict)


class Look:
    """Looks at one order again and again, asking each service only when there may be something new."""

    def __init__(
        self, console: Console, person: Person, order_id: str, *, attempt: int, why: str, unasked: int = 0
    ) -> None:
        self._doors, self._person, self._order_id = console.doors, person, order_id
        self._attempt, self._why, self._unasked = attempt, why, unasked
        self._staff = person.has_role(OPERATOR, AUDITOR)
        self._traced = person.has_role(*roles_of("traces"))
        self._facts: Facts | None = None
        self._looks = 0

    async def now(self) -> Facts:
        """The order as it is now; raises the refusal when it cannot be had; other parts may be away."""
        before = self._facts
        answer = await self._doors.orders.GetOrder(
            orders_pb2.GetOrderRequest(order_id=self._order_id),
            metadata=self._person.metadata,
            timeout=CALL_SECONDS,
        )
        facts = Facts(answer.order)
        if self._staff:
            facts = await self._with_work(facts)
            if before is not None and not self._moved(before, facts):
                facts = replace(
                    facts, movements=before.movements, decisions=before.decisions, whys=before.whys
                )
            else:
                facts = await self._with_stock_and_reasons(facts)
        if self._traced and (before is None or self._looks % TRACES_EVERY == 0 or before.trace is None):
            facts = await self._with_traces(facts)
        elif before is not None:
            facts = replace(facts, summaries=before.summaries, trace=before.trace)
        self._looks += 1
        self._facts = facts
        return facts

    def _moved(self, before: Facts, facts: Facts) -> bool:
        if before.away or facts.away or before.order.version != facts.order.version:
            return True
        # The ledger follows the work by a moment: what was just done is looked at once more.
        versions = [[one.version for one in found.work or ()] for found in (before, facts)]
        return versions[0] != versions[1] or self._looks % TRACES_EVERY == 0

    async def _with_work(self, facts: Facts) -> Facts:
        call = self._doors.fulfillment.ListFulfillmentOrders(
            fulfillment_pb2.ListFulfillmentOrdersRequest(order_id=self._order_id, page_size=200),
            metadata=self._person.metadata,
            timeout=CALL_SECONDS,
        )
        answer = await self._or_away(call, facts, "work")
        return replace(facts, work=() if answer is None else tuple(answer.fulfillment_orders))

    async def _with_stock_and_reasons(self, facts: Facts) -> Facts:
        movements, decisions = await asyncio.gather(self._movements(facts), self._decisions(facts))
        return replace(
            facts, movements=movements, decisions=decisions, whys=await self._whys(facts, decisions)
        )

    async def _movements(self, facts: Facts) -> Sequence[inventory_pb2.Movement]:
        documents = [
            facts.order.order_id,
            *(part.fulfillment_order_id for part in facts.order.plan[:MAX_WORK]),
        ]
        calls = [
            self._or_away(
                self._doors.stock.ListMovements(
                    inventory_pb2.ListMovementsRequest(document_id=document, page_size=400),
                    metadata=self._person.metadata,
                    timeout=CALL_SECONDS,
                ),
                facts,
                "movements",
            )
            for document in dict.fromkeys(documents)
        ]
        found = [
            one for answer in await asyncio.gather(*calls) if answer is not None for one in answer.movements
        ]
        return sorted(found, key=lambda one: one.movement_id)

    async def _decisions(self, facts: Facts) -> Sequence[orders_pb2.SourcingDecision]:
        call = self._doors.orders.ExplainSourcing(
            orders_pb2.ExplainSourcingRequest(order_id=self._order_id),
            metadata=self._person.metadata,
            timeout=CALL_SECONDS,
        )
        answer = await self._or_away(call, facts, "plan")
        return () if answer is None else tuple(answer.decisions)

    async def _whys(
        self, facts: Facts, decisions: Sequence[orders_pb2.SourcingDecision]
    ) -> dict[tuple[int, str], orders_pb2.WhyNotResponse]:
        decision = decision_of(decisions, self._attempt)
        if decision is None:
            return {}
        ruled_out = [one for one in sorted(decision.candidates, key=candidate_rank) if one.eliminated_by]
        asked = [one.location_id for one in ruled_out[: self._unasked]]
        known = {one.location_id for one in decision.candidates}
        asked += [self._why] if self._why in known and self._why not in asked else []
        calls = [
            self._or_away(
                self._doors.orders.WhyNot(
                    orders_pb2.WhyNotRequest(
                        order_id=self._order_id, location_id=location_id, attempt=decision.attempt
                    ),
                    metadata=self._person.metadata,
                    timeout=CALL_SECONDS,
                ),
                facts,
                "plan",
            )
            for location_id in asked
        ]
        answers = zip(asked, await asyncio.gather(*calls), strict=True)
        return {(decision.attempt, place): answer for place, answer in answers if answer is not None}

    async def _with_traces(self, facts: Facts) -> Facts:
        search = traces_pb2.SearchTracesRequest(order_id=self._order_id, page_size=MAX_TRACES)
        doors, person = self._doors, self._person
        answer = await self._or_away(
            doors.traces.SearchTraces(search, metadata=person.metadata, timeout=CALL_SECONDS), facts, "traces"
        )
        if answer is None or not answer.traces:
            return replace(facts, summaries=() if answer is not None else None)
        known = [one.trace_id for one in answer.traces]
        wanted = facts.order.trace_id if facts.order.trace_id in known else known[-1]
        found = await self._or_away(
            doors.traces.GetTrace(
                traces_pb2.GetTraceRequest(trace_id=wanted), metadata=person.metadata, timeout=CALL_SECONDS
            ),
            facts,
            "traces",
        )
        return replace(facts, summaries=tuple(answer.traces), trace=None if found is None else found.trace)

    async def _or_away(self, call: Awaitable[T], facts: Facts, part: str) -> T | None:
        """The answer, or None with the part told as away: one service's failure leaves the others' parts."""
        try:
            return await call
        except grpc.aio.AioRpcError as error:
            facts.away[part] = problems.sentence(error, self._person.texts)
            return None


def decision_of(
    decisions: Sequence[orders_pb2.SourcingDecision], attempt: int
) -> orders_pb2.SourcingDecision | None:
    """That of an attempt; the newest with a choice to look at for 0 or one that is not there."""
    for decision in decisions:
        if decision.attempt == attempt:
            return decision
    return decisions[-1] if decisions else None
