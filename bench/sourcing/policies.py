"""The policies that are compared: what shops use, and the engine in plain and in full."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from bench.sourcing.instances import MINOR, Instance, Order, Sale
from bench.sourcing.simulate import World
from services.orders.domain.assignment import FAR, cheapest_units
from services.orders.domain.demand import Foresight
from services.orders.domain.network import Article, Network, Site
from services.orders.domain.places import STORE, WAREHOUSE


class Myopic:
    """The exact cheapest plan of each order, as if stock were worth nothing; with `split` as a penalty on
    every parcel that outweighs everything, the fewest parcels, then the cheapest.
    """

    def __init__(self, split: int = 0) -> None:
        self._split = split

    def start(self, world: World, stock: Sequence[Sequence[int]]) -> None:
        """Keep a view."""
        self._stock = stock
        self._unit = [place.unit_cost for place in world.instance.places]
        self._parcels = (world.parcels + self._split).tolist()

    def sale(self, event: Sale) -> None:
        """Nothing is learned."""

    def order(self, number: int, event: Order) -> Sequence[int | None]:
        """The cheapest, now."""
        there = [line for line, sku in enumerate(event.skus) if any(self._stock[sku])]
        picks: list[int | None] = [None] * len(event.skus)
        if there:
            lines = [
                [cost if units else FAR for cost, units in zip(self._unit, self._stock[sku], strict=True)]
                for sku in (event.skus[line] for line in there)
            ]
            found, _ = cheapest_units(self._parcels[number], lines)
            for line, at in zip(there, found, strict=True):
                picks[line] = at
        return picks

    def tick(self, t: float) -> None:
        """Nothing is learned."""

    def end(self) -> None:
        """Nothing is kept."""


class Nearest(Myopic):
    """Each unit from the nearest location that has it."""

    def start(self, world: World, stock: Sequence[Sequence[int]]) -> None:
        """Keep a view."""
        super().start(world, stock)
        self._km = world.km.tolist()

    def order(self, number: int, event: Order) -> Sequence[int | None]:
        """The nearest, now."""
        km = self._km[number]
        return [
            min(
                (row for row, units in enumerate(self._stock[sku]) if units), key=km.__getitem__, default=None
            )
            for sku in event.skus
        ]


def fewest_splits() -> Myopic:
    """Fewest parcels, then the cheapest: what most order management systems do."""
    return Myopic(split=1 << 44)


class Priced:
    """The engine: learned demand, priced stock, the cheapest plan."""

    def __init__(self, foresight: Foresight | None = None) -> None:
        self._foresight = foresight

    def start(self, world: World, stock: Sequence[Sequence[int]]) -> None:
        """Read history, price."""
        instance = world.instance
        self._network = Network(
            [
                Site(
                    STORE if place.kind == "store" else WAREHOUSE,
                    place.lat,
                    place.lon,
                    place.unit_cost,
                    place.parcel_fixed,
                )
                for place in instance.places
            ],
            [Article(*pair) for pair in zip(instance.margin, instance.unmet, strict=True)],
            stock,
            instance.history,
            parcel_per_km=instance.parcel_per_km,
            horizon_weeks=13,
            foresight=self._foresight,
        )

    def sale(self, event: Sale) -> None:
        """Learn."""
        self._network.sale(event.t, event.location, event.sku, event.units)

    def order(self, number: int, event: Order) -> Sequence[int | None]:
        """Decide."""
        return self._network.order(event.t, event.lat, event.lon, event.skus)

    def tick(self, t: float) -> None:
        """Price again."""
        self._network.tick(t)

    def end(self) -> None:
        """Nothing is kept."""


class Agent:
    """The engine as a process that speaks the line protocol: what an outside grader meets."""

    def start(self, world: World, stock: Sequence[Sequence[int]]) -> None:
        """Start `aljibe sourcing-agent` and set it up."""
        instance = world.instance
        self._instance = instance
        self._row = {place.location_id: row for row, place in enumerate(instance.places)}
        self._folder = tempfile.TemporaryDirectory()
        history = Path(self._folder.name) / "history.csv"
        history.write_text(_history_csv(instance))
        command = [str(Path(sys.executable).with_name("aljibe")), "sourcing-agent"]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._to: IO[str] = self._process.stdin
        self._back: IO[str] = self._process.stdout
        self._ask(setup_message(instance, str(history)))

    def sale(self, event: Sale) -> None:
        """Tell."""
        place, sku = self._instance.places[event.location], self._instance.sku_ids[event.sku]
        self._ask(
            {"type": "sale", "t": event.t, "location": place.location_id, "sku": sku, "units": event.units}
        )

    def order(self, number: int, event: Order) -> Sequence[int | None]:
        """Ask."""
        lines = [self._instance.sku_ids[sku] for sku in event.skus]
        answer = self._ask(
            {
                "type": "order",
                "t": event.t,
                "id": str(number),
                "lat": event.lat,
                "lon": event.lon,
                "lines": lines,
            }
        )
        assert answer["id"] == str(number)
        picks = answer["picks"]
        assert isinstance(picks, list)
        return [None if at is None else self._row[at] for at in picks]

    def tick(self, t: float) -> None:
        """Tell."""
        self._ask({"type": "tick", "t": t})

    def end(self) -> None:
        """Say so, and see the process end well."""
        self._ask({"type": "end"})
        self._to.close()
        assert self._process.wait(10) == 0
        self._back.close()
        self._folder.cleanup()

    def _ask(self, message: object) -> dict[str, object]:
        self._to.write(json.dumps(message, separators=(",", ":")) + "\n")
        self._to.flush()
        answer = json.loads(self._back.readline())
        assert isinstance(answer, dict)
        return answer


def setup_message(instance: Instance, history: str) -> dict[str, object]:
    """What the protocol's first line says of an instance."""
    return {
        "type": "setup",
        "horizon_weeks": 13,
        "locations": [
            {
                "id": place.location_id,
                "kind": place.kind,
                "lat": place.lat,
                "lon": place.lon,
                "unit_cost": place.unit_cost / MINOR,
                "parcel_fixed": place.parcel_fixed / MINOR,
            }
            for place in instance.places
        ],
        "skus": [
            {"id": sku, "price": price / MINOR, "margin": margin / MINOR, "unmet_cost": unmet / MINOR}
            for sku, price, margin, unmet in zip(
                instance.sku_ids, instance.price, instance.margin, instance.unmet, strict=True
            )
        ],
        "parcel_per_km": instance.parcel_per_km / MINOR,
        "stock": {
            place.location_id: {sku: units for sku, units in zip(instance.sku_ids, row, strict=True) if units}
            for place, row in zip(instance.places, instance.stock, strict=True)
        },
        "history": history,
    }


def _history_csv(instance: Instance) -> str:
    past = instance.history
    rows = ["week,channel,location,sku,units,lat,lon"]
    columns = (past.week, past.location, past.sku, past.units, past.lat, past.lon)
    for week, at, sku, units, lat, lon in zip(*(column.tolist() for column in columns), strict=True):
        name = instance.sku_ids[sku]
        if at >= 0:
            rows.append(f"{week},pos,{instance.places[at].location_id},{name},{units},,")
        else:
            rows.append(f"{week},online,,{name},{units},{lat!r},{lon!r}")
    return "\n".join(rows) + "\n"
