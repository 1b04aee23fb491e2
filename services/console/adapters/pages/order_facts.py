"""Everything the services know of one order, as far as a person may ask them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import grpc

from aljibe.fulfillment.v1 import fulfillment_pb2, incidents_pb2
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
"""Candidates of a decision whose reason is asked for as a sentence, each a decision of the engine of its own;
the others have the word for it, and the sentence at a press.
"""
TRACES_EVERY = 3
"""Spans come in batches some seconds late: traces are looked for at every third look at the order."""

TRACES_SECONDS = 2.0
"""Deadline of what only traces tell: an order's page is whole without them."""
MAX_STEPS = 200
"""Of an order's work; more are in its traces."""
MAX_RETURNS = 200
"""Lines that came back of an order."""
MAX_INCIDENTS = 20
"""Told about an order; the newest are shown."""

Found = dict[str, Any]
"""Fields of `Facts`."""
T = TypeVar("T")


@dataclass(frozen=True)
class Facts:
    """One order. What the person's role may not see is None; `away` names the parts that could not be had,
    each with the sentence that says why; `pending` those that are still asked for.
    """

    order: orders_pb2.Order
    work: Sequence[fulfillment_pb2.FulfillmentOrder] | None = None
    incidents: Sequence[incidents_pb2.Incident] | None = None
    returns: Sequence[fulfillment_pb2.GoodsReturn] | None = None
    steps: Sequence[fulfillment_pb2.Step] | None = None
    movements: Sequence[inventory_pb2.Movement] | None = None
    decisions: Sequence[orders_pb2.SourcingDecision] | None = None
    whys: Mapping[tuple[int, str], orders_pb2.WhyNotResponse] = field(default_factory=dict)
    """By attempt and location."""
    summaries: Sequence[traces_pb2.TraceSummary] | None = None
    trace: traces_pb2.Trace | None = None
    away: dict[str, str] = field(default_factory=dict)
    pending: frozenset[str] = frozenset()


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

    async def now(self) -> AsyncGenerator[Facts, None]:
        """The order as it is now. At the first look: the order at once, and again with each part as its
        service answers, all asked side by side; later whole. Raises the refusal when there is no order.
        """
        if self._facts is None:
            async for facts in self._first():
                yield facts
        else:
            facts = await self._again(self._facts)
            yield facts
        self._looks += 1
        self._facts = facts

    async def _first(self) -> AsyncGenerator[Facts, None]:
        facts = Facts(await self._order())
        asked: dict[str, Callable[[], Coroutine[Any, Any, Found]]] = {}
        if self._staff:
            asked |= {
                "work": lambda: self._work(facts),
                "incidents": lambda: self._incidents(facts),
                "steps": lambda: self._steps(facts),
                "stock": lambda: self._stock(facts),
                "plan": lambda: self._plan(facts, unasked=0),
            }
        if self._traced:
            asked["traces"] = lambda: self._traces(facts)
        facts = replace(facts, pending=frozenset(asked))
        yield facts
        tasks = {asyncio.create_task(ask()): name for name, ask in asked.items()}
        try:
            while waiting := [task for task, name in tasks.items() if name in facts.pending]:
                done, _ = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    facts = replace(facts, **task.result(), pending=facts.pending - {tasks[task]})
                yield facts
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _again(self, before: Facts) -> Facts:
        facts = Facts(await self._order())
        if self._staff:
            work, incidents = await asyncio.gather(self._work(facts), self._incidents(facts))
            facts = replace(facts, **work, **incidents)
            if self._moved(before, facts):
                steps, stock, plan = await asyncio.gather(
                    self._steps(facts), self._stock(facts), self._plan(facts, unasked=self._unasked)
                )
                facts = replace(facts, **steps, **stock, **plan)
            else:
                facts = replace(
                    facts,
                    steps=before.steps,
                    returns=before.returns,
                    movements=before.movements,
                    decisions=before.decisions,
                    whys=before.whys,
                )
        if self._traced and (self._looks % TRACES_EVERY == 0 or before.trace is None):
            return replace(facts, **await self._traces(facts))
        return replace(facts, summaries=before.summaries, trace=before.trace)

    async def _order(self) -> orders_pb2.Order:
        answer = await self._doors.orders.GetOrder(
            orders_pb2.GetOrderRequest(order_id=self._order_id),
            metadata=self._person.metadata,
            timeout=CALL_SECONDS,
        )
        return answer.order

    def _moved(self, before: Facts, facts: Facts) -> bool:
        if before.away or facts.away or before.order.version != facts.order.version:
            return True
        # The ledger follows the work by a moment: what was just done is looked at once more. The second look
        # asks for the reasons that the first left out.
        versions = [[one.version for one in found.work or ()] for found in (before, facts)]
        return versions[0] != versions[1] or self._looks == 1 or self._looks % TRACES_EVERY == 0

    async def _work(self, facts: Facts) -> Found:
        call = self._doors.fulfillment.ListFulfillmentOrders(
            fulfillment_pb2.ListFulfillmentOrdersRequest(order_id=self._order_id, page_size=200),
            metadata=self._person.metadata,
            timeout=CALL_SECONDS,
        )
        answer = await self._or_away(call, facts, "work")
        return {"work": () if answer is None else tuple(answer.fulfillment_orders)}

    async def _steps(self, facts: Facts) -> Found:
        call = self._doors.fulfillment.ListSteps(
            fulfillment_pb2.ListStepsRequest(order_id=self._order_id, page_size=MAX_STEPS),
            metadata=self._person.metadata,
            timeout=CALL_SECONDS,
        )
        answer = await self._or_away(call, facts, "work")
        return {"steps": () if answer is None else tuple(answer.steps)}

    async def _incidents(self, facts: Facts) -> Found:
        call = self._doors.incidents.ListIncidents(
            incidents_pb2.ListIncidentsRequest(order_id=self._order_id, page_size=MAX_INCIDENTS),
            metadata=self._person.metadata,
            timeout=CALL_SECONDS,
        )
        answer = await self._or_away(call, facts, "incidents")
        return {"incidents": () if answer is None else tuple(answer.incidents)}

    async def _stock(self, facts: Facts) -> Found:
        """What it moved: by its own document, those of its shares, and those of what came back of it."""
        own = [facts.order.order_id, *(part.fulfillment_order_id for part in facts.order.plan[:MAX_WORK])]
        returns, found = await asyncio.gather(self._returns(facts), self._movements(facts, own))
        back = await self._movements(facts, [one.return_id for one in returns])
        movements = sorted([*found, *back], key=lambda one: one.movement_id)
        return {"returns": returns, "movements": movements}

    async def _returns(self, facts: Facts) -> Sequence[fulfillment_pb2.GoodsReturn]:
        call = self._doors.fulfillment.ListReturns(
            fulfillment_pb2.ListReturnsRequest(order_id=self._order_id, page_size=MAX_RETURNS),
            metadata=self._person.metadata,
            timeout=CALL_SECONDS,
        )
        answer = await self._or_away(call, facts, "work")
        return () if answer is None else tuple(answer.returns)

    async def _movements(self, facts: Facts, documents: Iterable[str]) -> list[inventory_pb2.Movement]:
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
        answers = await asyncio.gather(*calls)
        return [one for answer in answers if answer is not None for one in answer.movements]

    async def _plan(self, facts: Facts, *, unasked: int) -> Found:
        """``unasked``: so many candidates are explained without being asked about."""
        call = self._doors.orders.ExplainSourcing(
            orders_pb2.ExplainSourcingRequest(order_id=self._order_id),
            metadata=self._person.metadata,
            timeout=CALL_SECONDS,
        )
        answer = await self._or_away(call, facts, "plan")
        decisions = () if answer is None else tuple(answer.decisions)
        return {"decisions": decisions, "whys": await self._whys(facts, decisions, unasked)}

    async def _whys(
        self, facts: Facts, decisions: Sequence[orders_pb2.SourcingDecision], unasked: int
    ) -> dict[tuple[int, str], orders_pb2.WhyNotResponse]:
        decision = decision_of(decisions, self._attempt)
        if decision is None:
            return {}
        ruled_out = [one for one in sorted(decision.candidates, key=candidate_rank) if one.eliminated_by]
        asked = [one.location_id for one in ruled_out[:unasked]]
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

    async def _traces(self, facts: Facts) -> Found:
        """Its traces, and what is in its own; in the oldest known one where its own is not known."""
        own = facts.order.trace_id
        answer, found = await asyncio.gather(
            self._or_away(
                self._doors.traces.SearchTraces(
                    traces_pb2.SearchTracesRequest(order_id=self._order_id, page_size=MAX_TRACES),
                    metadata=self._person.metadata,
                    timeout=TRACES_SECONDS,
                ),
                facts,
                "traces",
            ),
            self._trace(own),
        )
        if answer is None or not answer.traces:
            return {"summaries": () if answer is not None else None, "trace": found}
        if found is None:
            found = await self._trace(answer.traces[-1].trace_id)
        return {"summaries": tuple(answer.traces), "trace": found}

    async def _trace(self, trace_id: str) -> traces_pb2.Trace | None:
        """None where it is not kept, or its service away, which the search tells."""
        try:
            answer = await self._doors.traces.GetTrace(
                traces_pb2.GetTraceRequest(trace_id=trace_id),
                metadata=self._person.metadata,
                timeout=TRACES_SECONDS,
            )
        except grpc.aio.AioRpcError:
            return None
        return answer.trace

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
