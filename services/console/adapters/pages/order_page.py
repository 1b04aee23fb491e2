"""The page of one order: its life across all services, its plan with reasons, its money, its trace."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from aljibe.inventory.v1 import inventory_pb2
from aljibe.orders.v1 import orders_pb2
from services.console.adapters import floor
from services.console.adapters.growing import Parts, begun
from services.console.adapters.menu import AUDITOR, CHANNEL, OPERATOR, roles_of
from services.console.adapters.page import Console
from services.console.adapters.pages import order_facts, trace_views
from services.console.adapters.pages.order_actions import OrderActions
from services.console.adapters.pages.order_facts import Facts, Look
from services.console.adapters.pages.order_views import (
    candidate_rank,
    life_of,
    order_view,
    parts_of,
    shares,
    short,
    steps_done,
)
from services.console.adapters.pages.place_book import PlaceBook
from services.console.adapters.session import Person
from services.console.domain import order_life, places_map
from services.console.domain.places_map import Place

MAX_CANDIDATES = 12
"""Shown at once; the others are folded away."""
MAX_TRACE_ROWS = 40
LOOK_SECONDS = 1.0
TERMS = ("parcel", "distance", "units", "transfer", "stock_price", "lateness", "markdown_credit")
NEEDS: Mapping[str, tuple[str, ...]] = {
    "head": (),
    "choice": (),
    "lines": (),
    "money": (),
    "messages": (),
    "work": ("work",),
    "actions": ("work",),
    "plan": ("plan",),
    "ledger": ("stock",),
    "incidents": ("incidents",),
    "trace": ("traces",),
    "life": ("work", "steps", "plan", "stock", "incidents", "traces"),
}
"""Of each part of the page the parts of `Facts` without which there is nothing to show yet."""
_ROLES = roles_of("orders")


class OrderPage:
    """Handlers of one order's page."""

    def __init__(self, book: PlaceBook) -> None:
        self._book = book

    async def show(self, console: Console, request: Request, person: Person) -> Response:
        """The page: whether there is such an order decides its status, if that is soon known; the rest comes
        when it is there.
        """
        order_id = request.path_params["order_id"]
        options = _Options.of(request)
        look = self._look(console, person, order_id, options)
        parts = await begun(self._parts(console, person, look, options))
        return console.render(
            request,
            person,
            "orders/one.html",
            order_id=order_id,
            staff=person.has_role(OPERATOR, AUDITOR),
            traced=person.has_role(*roles_of("traces")),
            live=f"/orders/{order_id}/live{options.query()}",
            parts=parts,
        )

    async def regions(
        self, console: Console, request: Request, person: Person
    ) -> AsyncIterator[Mapping[str, str]]:
        """Its news: every part of the page."""
        order_id = request.path_params["order_id"]
        options = _Options.of(request)
        look = self._look(console, person, order_id, options, unasked=order_facts.MAX_WHY_ASKED)

        async def looks() -> Parts:
            while True:
                async for news in self._parts(console, person, look, options):
                    yield news
                await asyncio.sleep(LOOK_SECONDS)

        async for news in console.hub.follow(("order", person.scope, order_id, options.query()), looks):
            yield news

    async def _parts(self, console: Console, person: Person, look: Look, options: _Options) -> Parts:
        """The parts that can be shown by now, and again whenever there are more."""
        shown: dict[str, str] = {}
        async for facts in look.now():
            names = [
                name
                for name, needs in NEEDS.items()
                if f"order-{name}" not in shown and not facts.pending.intersection(needs)
            ]
            if not names:
                continue
            told = await self._shown(person, facts, options)
            fragments = {
                f"order-{name}": console.fragment(person, f"orders/one_{name}.html", **told) for name in names
            }
            shown = {**shown, **fragments}
            yield shown

    def _look(
        self, console: Console, person: Person, order_id: str, options: _Options, *, unasked: int = 0
    ) -> Look:
        return Look(console, person, order_id, attempt=options.attempt, why=options.why, unasked=unasked)

    async def _shown(self, person: Person, facts: Facts, options: _Options) -> dict[str, Any]:
        """What the templates need; the same for the page and for its news."""
        now = datetime.now(UTC)
        places = await self._book.places(person)
        steps = order_life.steps(
            steps_done(facts.steps or ()), trace_views.steps_of(facts.summaries or (), facts.trace)
        )
        decision = order_facts.decision_of(facts.decisions or (), options.attempt)
        return {
            "view": order_view(facts.order, person.language, now),
            "order": facts.order,
            "facts": facts,
            "places": places,
            "shares": shares(facts.order, facts.work or (), person.language, now),
            "life": life_of(
                facts.order,
                facts.decisions or (),
                facts.work or (),
                facts.movements or (),
                steps,
                facts.returns or (),
                facts.incidents or (),
            )[::-1],
            "ahead": order_life.ahead(parts_of(facts.order), now)[::-1],
            "decision": decision,
            "candidates": _candidates(facts, decision),
            "map": _map(facts.order, decision, places, person, whole=options.whole),
            "options": options,
            "terms": _terms(decision),
            "most_candidates": MAX_CANDIDATES,
            "fall": trace_views.fall_of(facts.trace, most_rows=MAX_TRACE_ROWS) if facts.trace else None,
            "incidents": floor.told(facts.incidents or ()),
            "brief": trace_views.brief,
            "cause": lambda number: short(inventory_pb2.MovementCause, number),
            "kind_of": trace_views.kind_of,
            "order_of": trace_views.order_of,
            "may_cancel": person.has_role(OPERATOR, CHANNEL),
            "may_operate": person.has_role(OPERATOR),
            "stores": [one for one in places.values() if _hands_over(one)],
        }


class _Options:
    """Which decision is looked at, how much of the map, and which location is asked about."""

    def __init__(self, attempt: int, why: str, *, whole: bool) -> None:
        self.attempt, self.why, self.whole = attempt, why, whole

    @classmethod
    def of(cls, request: Request) -> _Options:
        """From the address."""
        attempt = request.query_params.get("attempt", "")
        why = request.query_params.get("why", "")[:32]
        number = int(attempt) if attempt.isdecimal() and len(attempt) < 5 else 0
        return cls(number, why, whole=request.query_params.get("map", "") == "whole")

    def query(self, **other: object) -> str:
        """The end of the page's address, with some of it changed."""
        fields = {"attempt": self.attempt, "why": self.why, "map": "whole" if self.whole else "", **other}
        text = urlencode({name: value for name, value in fields.items() if value})
        return f"?{text}" if text else ""


def _candidates(
    facts: Facts, decision: orders_pb2.SourcingDecision | None
) -> list[tuple[orders_pb2.SourcingCandidate, orders_pb2.WhyNotResponse | None]]:
    if decision is None:
        return []
    ranked = sorted(decision.candidates, key=candidate_rank)
    return [(one, facts.whys.get((decision.attempt, one.location_id))) for one in ranked]


def _terms(decision: orders_pb2.SourcingDecision | None) -> list[str]:
    """The terms of cost that any candidate of the decision has."""
    if decision is None:
        return []
    found = {term for one in decision.candidates for term in one.cost_terms_minor}
    return [term for term in TERMS if term in found]


def _map(
    order: orders_pb2.Order,
    decision: orders_pb2.SourcingDecision | None,
    places: Mapping[str, inventory_pb2.Location],
    person: Person,
    *,
    whole: bool,
) -> places_map.Drawing | None:
    if decision is None:
        return None
    chosen = {part.location_id for part in decision.chosen}
    found = []
    for one in decision.candidates:
        location = places.get(one.location_id)
        if location is None or not location.address.HasField("point"):
            continue
        point = location.address.point
        state = "chosen" if one.location_id in chosen else "other" if one.cost_terms_minor else "none"
        note = person.texts.word("orders.why", one.eliminated_by or "CHOSEN")
        found.append(
            Place(one.location_id, point.latitude, point.longitude, state, one.coverable_units, note)
        )
    target = None
    if order.HasField("delivery_address") and order.delivery_address.HasField("point"):
        point = order.delivery_address.point
        name = order.delivery_address.city or person.texts("orders.legend.target")
        target = Place(name, point.latitude, point.longitude, "target")
    return places_map.draw(found, target, whole=whole) if found else None


def _hands_over(location: inventory_pb2.Location) -> bool:
    return location.active and inventory_pb2.CAPABILITY_PICKUP in location.capabilities


def order_routes(console: Console, book: PlaceBook) -> Sequence[BaseRoute]:
    """The page's routes; after those of the search, which begin alike."""
    page, actions = OrderPage(book), OrderActions()
    own = "/orders/{order_id}"
    return (
        console.page(own, page.show, _ROLES),
        console.live(f"{own}/live", page.regions, _ROLES),
        console.action(f"{own}/cancel", actions.cancel, (OPERATOR, CHANNEL)),
        console.action(f"{own}/choose", actions.choose, (OPERATOR, CHANNEL)),
        console.action(f"{own}/hold", actions.hold, (OPERATOR,)),
        console.action(f"{own}/lift", actions.lift, (OPERATOR,)),
        console.action(f"{own}/source-again", actions.source_again, (OPERATOR,)),
    )
