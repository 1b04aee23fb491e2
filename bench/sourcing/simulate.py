"""One policy over one instance: the stock is here, so a policy cannot sell what is not there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from time import perf_counter
from typing import Protocol

import numpy as np

from bench.sourcing.geography import Floats, Rows, distances_km
from bench.sourcing.instances import MINOR, Instance, Order, Sale


class Policy(Protocol):
    """What decides. It is told what happened, never what will."""

    def start(self, world: World, stock: Sequence[Sequence[int]]) -> None:
        """The instance begins; `stock[sku][location]` is kept up to date by the caller."""
        ...

    def sale(self, event: Sale) -> None:
        """A walk-in sale, with the units that there were."""
        ...

    def order(self, number: int, event: Order) -> Sequence[int | None]:
        """The location of each unit, None for none."""
        ...

    def tick(self, t: float) -> None:
        """A day has passed."""
        ...

    def end(self) -> None:
        """That was all."""
        ...


class World:
    """An instance with what parcels cost from everywhere to every order's destination."""

    def __init__(self, instance: Instance) -> None:
        self.instance = instance
        self.orders = [event for event in instance.events if isinstance(event, Order)]

    @cached_property
    def km(self) -> Floats:
        """A row per order, a column per location."""
        places = self.instance.places
        return distances_km(
            np.asarray([order.lat for order in self.orders]),
            np.asarray([order.lon for order in self.orders]),
            np.asarray([place.lat for place in places]),
            np.asarray([place.lon for place in places]),
        )

    @cached_property
    def parcels(self) -> Rows:
        """What a parcel costs, in thousandths of a cent; a row per order, a column per location."""
        fixed = np.asarray([place.parcel_fixed for place in self.instance.places])
        result: Rows = np.rint(fixed + self.km * self.instance.parcel_per_km).astype(np.int64)
        return result


@dataclass(frozen=True)
class Outcome:
    """What a run cost, in currency units, and how it went."""

    shipping: float
    lost_sales: float
    unmet: float
    orders: int
    parcels: int
    store_units: int
    p99_ms: float

    @property
    def cost(self) -> float:
        """Everything."""
        return self.shipping + self.lost_sales + self.unmet

    @property
    def parcels_per_order(self) -> float:
        """Shipments per order."""
        return self.parcels / max(1, self.orders)


class BrokenPromise(Exception):
    """A policy picked what was not there, or nothing though something was."""


def run(world: World, policy: Policy) -> Outcome:
    """Play the events; time is measured per order of two or three lines.

    Raises:
        BrokenPromise: the policy broke a rule of the protocol.
    """
    instance = world.instance
    stock = [list(row) for row in zip(*instance.stock, strict=True)]
    policy.start(world, stock)
    parcels = world.parcels.tolist()
    units = [place.unit_cost for place in instance.places]
    stores = [place.kind == "store" for place in instance.places]
    shipping = lost = unmet = 0
    number = sent = from_stores = 0
    took: list[float] = []
    for event in instance.events:
        if isinstance(event, Sale):
            there = stock[event.sku]
            sold = min(event.units, there[event.location])
            lost += (event.units - sold) * instance.margin[event.sku]
            if sold:
                there[event.location] -= sold
                policy.sale(event._replace(units=sold))
        elif isinstance(event, Order):
            began = perf_counter()
            picks = policy.order(number, event)
            if 2 <= len(event.skus) <= 3:
                took.append(perf_counter() - began)
            for sku, at in zip(event.skus, picks, strict=True):
                if at is None:
                    if any(stock[sku]):
                        raise BrokenPromise(f"order {number}: {instance.sku_ids[sku]} is somewhere")
                    unmet += instance.unmet[sku]
                    continue
                if stock[sku][at] < 1:
                    raise BrokenPromise(f"order {number}: no {instance.sku_ids[sku]} at {at}")
                stock[sku][at] -= 1
                shipping += units[at]
                from_stores += stores[at]
            used = {at for at in picks if at is not None}
            shipping += sum(parcels[number][at] for at in used)
            sent += len(used)
            number += 1
        else:
            policy.tick(event.t)
    policy.end()
    times = np.asarray(took or [0.0]) * 1e3
    return Outcome(
        shipping / MINOR,
        lost / MINOR,
        unmet / MINOR,
        number,
        sent,
        from_stores,
        float(np.percentile(times, 99)),
    )
