"""The figures of a run, computed from what its people saw and what the platform's books say."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from demo.data.baskets import Channel
from demo.data.places import LocationKind
from demo.facts import OrderFacts
from demo.journal import Journal
from demo.settling import Audit, Books
from demo.wire import CHANNEL_ID

METHODS = ("CARRY_OUT", "PICKUP", "SHIP")


@dataclass(frozen=True)
class ChannelFigures:
    """One channel: what it sold, and how long its customers waited for the yes."""

    orders: int = 0
    units: int = 0
    total_minor: int = 0
    refused: int = 0
    p50_ms: float = 0.0
    p99_ms: float = 0.0


@dataclass(frozen=True)
class MethodFigures:
    """One way of getting the goods. ``orders`` and ``units`` as ordered; ``served_units`` reached the
    customer.
    """

    orders: int = 0
    units: int = 0
    served_units: int = 0


@dataclass(frozen=True)
class PlaceFigures:
    """All locations of one kind: shares of orders that they were given, and the units in them."""

    parts: int = 0
    units: int = 0


@dataclass(frozen=True)
class Money:
    """Sums over all orders, in minor units."""

    sold_minor: int = 0
    tax_minor: int = 0
    discount_minor: int = 0
    authorized_minor: int = 0
    captured_minor: int = 0
    refunded_minor: int = 0
    voided_minor: int = 0


@dataclass(frozen=True)
class Sourcing:
    """Where parcels came from, and what had to be decided anew."""

    shipped_orders: int = 0
    split_orders: int = 0
    parcels: int = 0
    parcels_from_stores: int = 0
    resourced_orders: int = 0
    resourced_lines: int = 0
    resourced_units: int = 0


@dataclass(frozen=True)
class Scene:
    """What the run was about."""

    seed: int
    scale: float
    products: int
    promotions: int
    stores: int
    warehouses: int
    stock_units: int
    baskets: int
    sample_sku: str = ""


@dataclass(frozen=True)
class Summary:
    """Everything that the closing page shows."""

    scene: Scene
    steps: Mapping[str, float]
    total_seconds: float
    orders: int
    units: int
    orders_per_second: float
    channels: Mapping[str, ChannelFigures]
    methods: Mapping[str, MethodFigures]
    places: Mapping[str, PlaceFigures]
    sourcing: Sourcing
    refusals: Mapping[str, int]
    happened: Mapping[str, int]
    cancelled_units: int
    returned_units: int
    money: Money
    p50_ms: float
    p99_ms: float
    audit: Audit | None
    dead_letters: Mapping[str, int]
    unsettled: Sequence[str]
    sample_order: str = ""
    """The id of an order worth looking at."""
    faults: Mapping[str, int] = field(default_factory=dict)

    @property
    def clean(self) -> bool:
        """The ledger agrees with every counter and every accepted order has reached its end."""
        return self.audit is not None and not self.audit.difference_count and not self.unsettled


def summarise(
    scene: Scene,
    steps: Mapping[str, float],
    journal: Journal,
    books: Books,
    kinds: Mapping[str, LocationKind],
) -> Summary:
    """The figures of one run. ``kinds`` says what each location is."""
    orders = list(books.orders.values())
    seconds = max(journal.replay_seconds, 1e-9)
    everyone = [latency for latencies in journal.latencies.values() for latency in latencies]
    refusals: Counter[str] = Counter()
    for (_, reason), count in journal.refused.items():
        refusals[reason] += count
    return Summary(
        scene=scene,
        steps=dict(steps),
        total_seconds=sum(steps.values()),
        orders=len(orders),
        units=sum(sum(order.units.values()) for order in orders),
        orders_per_second=journal.orders / seconds,
        channels={channel.value: _channel(channel, journal, orders) for channel in Channel},
        methods={method: _method(method, orders) for method in METHODS},
        places=_places(orders, kinds),
        sourcing=_sourcing(orders, kinds),
        refusals=dict(refusals.most_common()),
        happened=dict(sorted(journal.happened.items())),
        cancelled_units=sum(order.units_in("CANCELLED") for order in orders),
        returned_units=sum(order.units_in("RETURNED") for order in orders),
        money=_money(orders),
        p50_ms=percentile(everyone, 50) * 1_000,
        p99_ms=percentile(everyone, 99) * 1_000,
        audit=books.audit,
        dead_letters=dict(books.dead_letters),
        unsettled=tuple(books.unsettled),
        sample_order=max(orders, key=_eventful).order_id if orders else "",
        faults=dict(journal.faults.most_common()),
    )


def percentile(values: Iterable[float], percent: float) -> float:
    """The nearest-rank percentile (the smallest value that at least ``percent`` % do not exceed); 0 of
    nothing.
    """
    ordered = sorted(values)
    if not ordered:
        return 0.0
    return ordered[max(1, math.ceil(percent / 100 * len(ordered))) - 1]


def _channel(channel: Channel, journal: Journal, orders: Iterable[OrderFacts]) -> ChannelFigures:
    own = [order for order in orders if order.channel_id == CHANNEL_ID[channel]]
    latencies = journal.latencies.get(channel, [])
    return ChannelFigures(
        orders=len(own),
        units=sum(sum(order.units.values()) for order in own),
        total_minor=sum(order.total_minor for order in own),
        refused=sum(count for (found, _), count in journal.refused.items() if found is channel),
        p50_ms=percentile(latencies, 50) * 1_000,
        p99_ms=percentile(latencies, 99) * 1_000,
    )


def _method(method: str, orders: Iterable[OrderFacts]) -> MethodFigures:
    served = ("SHIPPED", "HANDED_OVER", "RETURNED")
    own = [order for order in orders if method in order.methods]
    counts = [(state, n) for order in own for (way, state), n in order.units.items() if way == method]
    return MethodFigures(
        orders=len(own),
        units=sum(count for _, count in counts),
        served_units=sum(count for state, count in counts if state in served),
    )


def _places(orders: Iterable[OrderFacts], kinds: Mapping[str, LocationKind]) -> Mapping[str, PlaceFigures]:
    parts: Counter[LocationKind] = Counter()
    units: Counter[LocationKind] = Counter()
    for order in orders:
        for part in order.parts:
            kind = kinds[part.location_id]
            parts[kind] += 1
            units[kind] += part.units
    return {kind.value: PlaceFigures(parts[kind], units[kind]) for kind in LocationKind}


def _sourcing(orders: Iterable[OrderFacts], kinds: Mapping[str, LocationKind]) -> Sourcing:
    shipped = split = parcels = from_stores = again_orders = again_lines = again_units = 0
    for order in orders:
        first = min((part.attempt for part in order.parts), default=0)
        again = [part for part in order.parts if part.attempt > first]
        again_orders += bool(again)
        again_lines += sum(part.lines for part in again)
        again_units += sum(part.units for part in again)
        sent = [part for part in order.parts if part.method == "SHIP"]
        parcels += len(sent)
        from_stores += sum(kinds[part.location_id] is LocationKind.STORE for part in sent)
        planned = {part.location_id for part in sent if part.attempt == first}
        shipped += bool(sent)
        split += len(planned) > 1
    return Sourcing(shipped, split, parcels, from_stores, again_orders, again_lines, again_units)


def _eventful(order: OrderFacts) -> tuple[int, int, int]:
    """How much there is to see in an order: sourcing attempts, places, states of its units."""
    return (len({part.attempt for part in order.parts}), len(order.parts), len(order.units))


def _money(orders: Sequence[OrderFacts]) -> Money:
    return Money(
        sold_minor=sum(order.total_minor for order in orders),
        tax_minor=sum(order.tax_minor for order in orders),
        discount_minor=sum(order.discount_minor for order in orders),
        authorized_minor=sum(order.authorized_minor for order in orders),
        captured_minor=sum(order.captured_minor for order in orders),
        refunded_minor=sum(order.refunded_minor for order in orders),
        voided_minor=sum(order.voided_minor for order in orders),
    )
