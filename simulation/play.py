"""Playing a past again under several rules at once, each with stock, capacity and learning of its own.

The same world, variants and settings give the same result: there is no clock and no chance. What happens
later never reaches what was decided before.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from enum import StrEnum
from typing import NamedTuple

from services.orders.domain.record import DecisionRecord
from services.orders.domain.rules import SourcingRules
from services.orders.domain.sourcing import Plan, decide
from services.orders.domain.views import NO_PRICES, Capacity, Prices, Stock
from simulation.learning import Learner, Seen
from simulation.measure import Promised, Served, Workload, margin, promised, served
from simulation.shelves import Shelves
from simulation.world import DAY, Movement, Order, Sale, World

MAX_VARIANTS = 8


@dataclass(frozen=True)
class Variant:
    """Rules to be tried, and what they are called."""

    name: str
    rules: SourcingRules

    @property
    def needs_prices(self) -> bool:
        """Whether prices of stock, or the expected demand that comes with them, play a part."""
        rules = self.rules
        return bool(rules.opportunity_percent or rules.markdown_percent or rules.safety_days)

    def without_prices(self, name: str) -> Variant:
        """The same, with stock worth nothing."""
        return Variant(name, replace(self.rules, opportunity_percent=0))


@dataclass(frozen=True)
class Settings:
    """How a past is played."""

    horizon_days: int = 0
    """How far ahead prices of stock look; 0: to the end of the period, as when nothing is delivered."""
    kept_changes: int = 20
    """Changed orders per variant of which the decisions are kept."""


class Cause(StrEnum):
    """Why an order was served otherwise than under the first variant."""

    RULES = "RULES"
    PRICES = "PRICES"
    EARLIER = "EARLIER"
    """On the first variant's stock it would have been served the same: earlier orders left other stock."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What one variant decided of an order, with all that it takes to decide it again."""

    plan: Plan
    record: DecisionRecord
    promise: datetime
    served: Served


@dataclass(frozen=True, slots=True)
class Change:
    """An order that a variant served otherwise than the first one."""

    order_id: str
    at: datetime
    cause: Cause
    first: Decision
    other: Decision

    @property
    def difference(self) -> int:
        """By how much it became dearer, margin of unmet units included, in thousandths of a minor unit."""
        return self.other.served.burden - self.first.served.burden


@dataclass
class DayFigures:
    """What walk-in customers met in a day. Margins in thousandths of a minor unit."""

    sold_units: int = 0
    lost_units: int = 0
    """Missed because online orders had taken them."""
    lost_margin: int = 0
    short_units: int = 0
    """Missed anyway."""


@dataclass
class Outcome:
    """What came of a variant: one entry per order of the world, and per day."""

    variant: Variant
    orders: list[Served] = field(default_factory=list)
    days: dict[date, DayFigures] = field(default_factory=dict)
    changed: int = 0
    """Orders served otherwise than by the first variant."""
    changes: list[Change] = field(default_factory=list)
    """Those that changed most, the most first."""


def simulate(
    world: World,
    variants: Sequence[Variant],
    settings: Settings | None = None,
    advance: Callable[[int], None] | None = None,
) -> list[Outcome]:
    """Play `world` under each variant; all are measured by the costs of the first. `advance` hears of events
    that are done.

    Raises:
        ValueError: there is no variant, or there are too many.
    """
    if not 1 <= len(variants) <= MAX_VARIANTS:
        raise ValueError(f"{len(variants)} variants are not between 1 and {MAX_VARIANTS}")
    settings = settings or Settings()
    past = Seen.past_of(world)
    runs = [_Run(world, past, variant, variants[0].rules, settings) for variant in variants]
    tick = world.begins
    for event in world.events:
        while event.at >= tick:
            for run in runs:
                run.tick(tick)
            tick = tick.replace(hour=0, minute=0, second=0, microsecond=0) + DAY
        if isinstance(event, Order):
            decided = [run.decide(event) for run in runs]
            for run, one in zip(runs[1:], decided[1:], strict=True):
                run.compare(event, one, runs[0], decided[0])
            for run, one in zip(runs, decided, strict=True):
                run.accept(event, one)
        else:
            for run in runs:
                run.happen(event)
        if advance is not None:
            advance(1)
    return [run.ended() for run in runs]


class _Decided(NamedTuple):
    plan: Plan
    promised: Promised
    served: Served


class _Run:
    """One variant under way."""

    def __init__(
        self, world: World, past: Seen, variant: Variant, yardstick: SourcingRules, settings: Settings
    ) -> None:
        self._world, self._rules, self._yardstick = world, variant.rules, yardstick
        self._kept = settings.kept_changes
        self._shelves = Shelves(world)
        self._workload = Workload(world.locations)
        self._learner = (
            Learner(world, past, variant.rules, settings.horizon_days) if variant.needs_prices else None
        )
        self._prices: Prices = NO_PRICES
        self._heap: list[tuple[int, int, Change]] = []
        self._outcome = Outcome(variant, days={day: DayFigures() for day in world.days})

    def tick(self, at: datetime) -> None:
        """A day begins: stock is priced."""
        if self._learner is not None:
            self._prices = self._learner.book(at, self._shelves)

    def happen(self, event: Sale | Movement) -> None:
        """Something else than an order."""
        if isinstance(event, Movement):
            self._shelves.move(event.sku, event.location_id, event.quantity_units)
            return
        sold, lost = self._shelves.sell(event.sku, event.location_id, event.quantity_units)
        if self._learner is not None:
            self._learner.sold(event.at, event.sku, event.location_id, sold)
        day = self._outcome.days[event.at.date()]
        day.sold_units += sold
        day.lost_units += lost
        day.lost_margin += lost * margin(self._world.prices_minor.get(event.sku, 0), self._yardstick)
        day.short_units += event.quantity_units - sold - lost

    def decide(self, order: Order) -> _Decided:
        """What the engine does with it; nothing changes."""
        world = self._world
        plan = self._plan(order, self._shelves, self._workload)
        promise = promised(plan, order.wish, order.at, world.locations, self._rules, self._workload)
        figures = served(plan, order.at, promise.time, world.locations, self._yardstick, world.prices_minor)
        return _Decided(plan, promise, figures)

    def compare(self, order: Order, mine: _Decided, first: _Run, its: _Decided) -> None:
        """Note an order that is served otherwise than by the first variant."""
        if (mine.plan.parts, mine.plan.shortages) == (its.plan.parts, its.plan.shortages):
            return
        self._outcome.changed += 1
        weight = abs(mine.served.burden - its.served.burden)
        if len(self._heap) >= self._kept and (not self._heap or weight <= self._heap[0][0]):
            return
        change = Change(
            order.order_id,
            order.at,
            self._cause(order, first, its.plan),
            first.decision(order, its),
            self.decision(order, mine),
        )
        heapq.heappush(self._heap, (weight, -self._outcome.changed, change))
        if len(self._heap) > self._kept:
            heapq.heappop(self._heap)

    def decision(self, order: Order, decided: _Decided) -> Decision:
        """With the record, made of the stock as it is before the order takes its units."""
        record = DecisionRecord.of(
            order.wish,
            self._shelves,
            self._world.locations,
            self._rules,
            decided.plan,
            now=order.at,
            partial=True,
        )
        return Decision(decided.plan, record, decided.promised.time, decided.served)

    def accept(self, order: Order, decided: _Decided) -> None:
        """The order takes its units and its work."""
        self._outcome.orders.append(decided.served)
        for (sku, location_id), units in decided.plan.picks().items():
            self._shelves.order(sku, location_id, units)
        for location_id, work in decided.promised.work:
            self._workload.take(location_id, work)
        if self._learner is not None:
            self._learner.ordered(order.at, order.wish, decided.plan)

    def ended(self) -> Outcome:
        """What came of it."""
        self._outcome.changes = [
            change for _, _, change in sorted(self._heap, key=lambda kept: (-kept[0], -kept[1]))
        ]
        return self._outcome

    def _plan(self, order: Order, stock: Stock, capacity: Capacity) -> Plan:
        return decide(
            order.wish,
            stock,
            self._world.locations,
            self._rules,
            now=order.at,
            prices=self._prices,
            capacity=capacity,
            partial=True,
        )

    def _cause(self, order: Order, first: _Run, its: Plan) -> Cause:
        again = self._plan(order, first._shelves, first._workload)
        if (again.parts, again.shortages) == (its.parts, its.shortages):
            return Cause.EARLIER
        weight = first._rules.opportunity_percent
        same = replace(self._rules, opportunity_percent=weight) == first._rules
        return Cause.PRICES if same else Cause.RULES
