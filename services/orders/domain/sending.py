"""What of an order is handed out where it stands, what is sent, and all that is sent decided together.

Parcels of an order go to its customer, and to the stores where goods are collected that these lack. For each
of these places the plan is the cheapest (`shipping`). Where two of them would take the same units, or all
together need more parcels than rules allow, they are decided on what the others leave, and `gap` says by how
much another plan may be cheaper.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from services.orders.domain.candidates import Sources
from services.orders.domain.eligibility import Here
from services.orders.domain.places import Locations
from services.orders.domain.plans import PlannedLine, PlannedPart, Wish, WishLine
from services.orders.domain.promise import Moment, Timetable
from services.orders.domain.refusals import ShortLine
from services.orders.domain.rules import SourcingRules
from services.orders.domain.shipping import Nearby, Ship, Shipped, free_on_site
from services.orders.domain.states import Method
from services.orders.domain.views import Stock
from services.orders.domain.worth import Worth

Taken = dict[tuple[str, str], int]
"""Units by (SKU, location)."""


class Ways(NamedTuple):
    """How the lines of an order reach the customer."""

    on_site: list[PlannedPart]
    """Collected or carried out where they stand."""
    shortages: list[ShortLine]
    """Of lines that are collected."""
    shipped: list[WishLine]
    """Sent to the customer."""
    lacking: Mapping[str, list[WishLine]]
    """By store the lines that others send there."""
    sources: Sources
    """For what is sent to the customer."""

    def ships(self, wish: Wish, locations: Locations, near: Nearby | None = None) -> list[Ship]:
        """A decision for each place that goods are sent to: stores in order of id, then the customer. `near`
        are the locations that a cheapest plan of what is sent to the customer can be made of; None: any.
        """
        found = []
        for store_id, lines in sorted(self.lacking.items()):
            store = locations.by_id[store_id]
            here = self.sources.here.from_place((store.latitude, store.longitude))
            found.append(Ship(wish, lines, self.sources._replace(here=here, store_id=store_id, latest=None)))
        if self.shipped:
            found.append(Ship(wish, self.shipped, self.sources, near))
        return found


def ways_of(
    wish: Wish,
    stock: Stock,
    locations: Locations,
    rules: SourcingRules,
    worth: Worth,
    moment: Moment,
    excluded: frozenset[str],
    latest: int | None = None,
) -> Ways:
    """The lines of `wish` by how they reach the customer, parcels to them by day `latest`. A line to collect
    is handed out of the store's own stock when that has all of it; else, where rules allow it, what is
    lacking is sent there.
    """
    timetable = Timetable.of(locations, rules)
    here = Here(locations, wish.destination, lambda: timetable.open_at(moment.now))
    taken: Taken = {}
    sources = Sources(stock, rules, worth, moment, excluded, taken, here, latest=latest)
    shipped: list[WishLine] = []
    shortages: list[ShortLine] = []
    lacking: dict[str, list[WishLine]] = {}
    on_site: dict[tuple[str, Method], list[PlannedLine]] = {}
    for line in wish.lines:
        if line.method is Method.SHIP:
            shipped.append(line)
            continue
        quantity = line.quantity_units
        if line.method is Method.PICKUP:
            there = 0
            store = locations.by_id.get(line.location_id)
            active = store is not None and store.active
            if active and line.location_id not in excluded:
                there = free_on_site(wish, line, sources, taken)
            if there < quantity and active and rules.ship_to_store:
                lacking.setdefault(line.location_id, []).append(line)
                continue
            if there < quantity:
                shortages.append(ShortLine(line.sku, quantity, there))
                quantity = there
            if quantity:
                key = line.sku, line.location_id
                taken[key] = taken.get(key, 0) + quantity
        if quantity:
            on_site.setdefault((line.location_id, line.method), []).append(
                PlannedLine(line.line_number, line.sku, quantity)
            )
    parts = [
        PlannedPart(location_id, method, tuple(planned))
        for (location_id, method), planned in sorted(on_site.items())
    ]
    return Ways(parts, shortages, shipped, lacking, sources)


def together(ships: Sequence[Ship], rules: SourcingRules, worth: Worth, partial: bool) -> Shipped:
    """All that is sent, at least cost."""
    if len(ships) == 1:
        return ships[0].plan(partial)
    found, proven = _within_cap(ships, partial)
    least = sum([one.cost - one.gap for one in found])
    gap = sum([one.gap for one in found])
    if _compete(ships, found):
        found = _one_after_another(ships, found, partial)
        gap = max(0, sum([one.cost for one in found]) - least)
        proven = proven and not any(one.shortages for one in found)
    going = sum([any(part.sent for part in one.parts) for one in found])
    shortages = tuple([short for one in found for short in one.shortages])
    cost = sum([one.cost for one in found]) + rules.split * max(0, going - 1)
    return Shipped(
        tuple([part for one in found for part in one.parts]),
        shortages,
        cost,
        gap if proven else 0,
        worth.looked_at(),
    )


def _within_cap(ships: Sequence[Ship], partial: bool) -> tuple[list[Shipped], bool]:
    """The cheapest plan of each place by itself, with no more parcels together than rules allow; and whether
    they serve all.
    """
    most = ships[0].most_parcels
    if not most:
        found = [ship.plan(partial) for ship in ships]
        return found, not any(one.shortages for one in found)
    known: dict[tuple[int, int], Shipped] = {}

    def plan(at: int, parcels: int) -> Shipped:
        if (at, parcels) not in known:
            if parcels:
                ships[at].most_parcels = parcels
                known[at, parcels] = ships[at].plan(partial)
                ships[at].most_parcels = most
            else:
                known[at, parcels] = _nothing(ships[at])
        return known[at, parcels]

    # Each place needs a parcel; if the others leave it enough for its cheapest plan, that is the plan.
    shares = [max(0, most - len(ships) + 1)] * len(ships)
    parcels = [sum([part.sent for part in plan(at, n).parts]) for at, n in enumerate(shares)]
    if sum(parcels) > most or len(ships) > most:
        # By parcels used so far, the best of the places so far: units missing, cost, parcels of each.
        best: dict[int, tuple[int, int, tuple[int, ...]]] = {0: (0, 0, ())}
        for at in range(len(ships)):
            following: dict[int, tuple[int, int, tuple[int, ...]]] = {}
            for used, (missing, cost, before) in best.items():
                for n in range(most - used + 1):
                    one = plan(at, n)
                    this = missing + _missing(one), cost + one.cost, (*before, n)
                    if used + n not in following or this < following[used + n]:
                        following[used + n] = this
            best = following
        shares = list(min(best.values())[2])
    found = [plan(at, n) for at, n in enumerate(shares)]
    return found, not any(one.shortages for one in found)


def _missing(plan: Shipped) -> int:
    return sum([x.requested_units - (x.available_units if plan.parts else 0) for x in plan.shortages])


def _nothing(ship: Ship) -> Shipped:
    short = tuple([ShortLine(line.sku, line.quantity_units, 0) for line in ship.lines])
    return Shipped((), short, 0, 0, {})


def _picks(plan: Shipped) -> Taken:
    picks: Taken = {}
    for part in plan.parts:
        for line in part.lines:
            key = line.sku, part.location_id
            picks[key] = picks.get(key, 0) + line.quantity_units
    return picks


def _compete(ships: Sequence[Ship], found: Sequence[Shipped]) -> bool:
    """Whether two plans take units of the same position."""
    seen: set[tuple[str, str]] = set()
    for one in found:
        picks = _picks(one).keys()
        if picks & seen:
            return True
        seen |= picks
    return False


def _one_after_another(ships: Sequence[Ship], found: Sequence[Shipped], partial: bool) -> list[Shipped]:
    """Each plan made on what those before it leave; from the other end, too, if units are missing so."""
    best: list[Shipped] = []
    for order in (range(len(ships)), range(len(ships) - 1, -1, -1)):
        taken: Taken = {}
        plans: dict[int, Shipped] = {}
        for at in order:
            ship = ships[at].beside(taken)
            if ship.most_parcels:
                ship.most_parcels = sum([part.sent for part in found[at].parts]) or 1
            plans[at] = ship.plan(partial)
            for key, units in _picks(plans[at]).items():
                taken[key] = taken.get(key, 0) + units
        best = [plans[at] for at in range(len(ships))]
        if not any(one.shortages for one in best):
            break
    return best
