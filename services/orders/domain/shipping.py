"""The lines of an order that are sent to one place: the cheapest plan over every location that may serve
them.

The place is the customer's address, or the store where they are collected. That store may have some of the
units itself: then it is one more location, whose units need no parcel. Where rules count parcels, the
cheapest plan without its units is compared with the cheapest that uses any.

Lines of one SKU are one item here. Groups of locations are prices, far above any cost, for every unit and
place in the order of groups; so the cheapest plan takes from a later group only what the earlier ones cannot
serve.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from services.orders.domain.assignment import FAR
from services.orders.domain.bounds import Problem
from services.orders.domain.candidates import LATER_GROUP, Candidates, Item, Row, Sources
from services.orders.domain.eligibility import Eligible, eligible, in_one_parcel
from services.orders.domain.offers import Asking, Offers
from services.orders.domain.plans import PlannedLine, PlannedPart, Wish, WishLine
from services.orders.domain.quantities import Assignment, Share
from services.orders.domain.refusals import ShortLine
from services.orders.domain.solving import below, beside, by_item, rows_below, solved
from services.orders.domain.states import Method
from services.orders.domain.worth import Looked

_FORCE = 1 << 50
"""So much less a parcel costs that has to be in the plan."""


class Shipped(NamedTuple):
    """The plan of what is sent, as in `Plan`."""

    parts: tuple[PlannedPart, ...]
    shortages: tuple[ShortLine, ...]
    cost: int
    gap: int
    prices: Mapping[tuple[str, str], tuple[int, ...]]


class _NoRoom(Exception):
    """Locations that a plan was to be made of have no capacity for what they may be asked for."""

    def __init__(self, location_ids: Sequence[str]) -> None:
        self.location_ids = location_ids


class Nearby(NamedTuple):
    """All locations that a plan can be made of which costs no more than that of the best single one."""

    ids: Sequence[str]
    """In order."""
    single: str
    """The cheapest that has everything, of equally cheap ones that with the dearest stock."""
    cost: int
    """Of everything from there."""


class Ship:
    """One order's decision about what is sent to one place."""

    def __init__(
        self, wish: Wish, lines: Sequence[WishLine], sources: Sources, near: Nearby | None = None
    ) -> None:
        self.wish, self.lines, self.sources, self.rules = wish, lines, sources, sources.rules
        self.most_parcels = 0 if wish.accepted else self.rules.most_parcels
        self._worth = sources.worth
        self.full: set[str] = set()
        """Locations that have no opening or no capacity within the horizon, or none in time."""
        # Made without the days of arrival, so it says nothing where these leave somebody out.
        self._near = near if sources.latest is None else None
        self._worth.look(self.rules.opportunity_percent, self.rules.markdown_percent)
        self.items = self._items(lines)
        self._stock = [sources.stock.units(item.sku) for item in self.items]
        self._asking = Asking(
            self.items, self._stock, self._worth, self.rules.opportunity_percent, sources.taken
        )
        self.on_site = self._on_site()
        """By item the units that the store has where all is collected."""

    def beside(self, taken: Mapping[tuple[str, str], int]) -> Ship:
        """The same decision where other parcels of the order have taken these units."""
        both = dict(self.sources.taken)
        for key, units in taken.items():
            both[key] = both.get(key, 0) + units
        made = Ship(self.wish, self.lines, self.sources._replace(taken=both))
        made.most_parcels = self.most_parcels
        return made

    def plan(self, partial: bool) -> Shipped:
        """The cheapest plan, of what there is."""
        while True:
            try:
                found = self._plan(partial)
            except _NoRoom as without:
                self.full.update(without.location_ids)
                continue
            full = [
                part.location_id
                for part in found.parts
                if part.sent
                and not self.in_time(
                    self.sources.arrival(
                        part.location_id, part.distance_km, sum([line.quantity_units for line in part.lines])
                    )
                )
            ]
            if not full:
                return found
            self.full.update(full)

    def _items(self, lines: Sequence[WishLine]) -> list[Item]:
        rules = self.rules
        same: dict[str, list[WishLine]] = {}
        for line in lines:
            same.setdefault(line.sku, []).append(line)
        ruled = bool(rules.exclusions or rules.groups or rules.safety_days or not rules.endless_aisle)
        to_store = bool(self.sources.store_id)
        free = Eligible(self.sources.here, sent=True)
        return [
            Item(
                sku,
                sum([line.quantity_units for line in those]),
                tuple(those),
                eligible(self.wish, those[0], rules, self.sources.here, to_store=to_store) if ruled else free,
                those[0].unit_price_minor * 10 * rules.markdown_percent if self._worth.version else 0,
            )
            for sku, those in same.items()
        ]

    def _on_site(self) -> list[int]:
        sources, store_id = self.sources, self.sources.store_id
        if not store_id or store_id in sources.excluded:
            return [0] * len(self.items)
        return [
            min(item.quantity_units, free_on_site(self.wish, item.lines[0], sources, sources.taken))
            for item in self.items
        ]

    def candidates(self) -> Candidates:
        """The locations that may send something."""
        return self._candidates(None).settled()

    def _candidates(self, among: Sequence[str] | None) -> Candidates:
        store_id = self.sources.store_id
        full = self.full | {store_id} if store_id else self.full
        return Candidates.of(self.sources, self.items, full, among)

    def _wanted(self, all_of: Candidates) -> list[int]:
        """By item the units that are to be served: as many as there are."""
        return [
            min(item.quantity_units, sum(cover)) for item, cover in zip(self.items, all_of.cover, strict=True)
        ]

    # ---- the cheapest

    def _plan(self, partial: bool) -> Shipped:
        all_of = self._candidates(None if self._near is None or self.full else self._near.ids)
        if not any(self.on_site):
            return self._sent(all_of, partial)
        if self.most_parcels or in_one_parcel(self.wish, self.rules):
            return self._with_on_site(all_of, self._sent(all_of, partial), partial)
        return self._sent(self._beside(all_of), partial)

    def _beside(self, sent: Candidates) -> Candidates:
        """Them and, behind them, what the store has itself: it needs no parcel, so it is no split."""
        return sent.beside(
            self.sources.store_id, self.on_site, -self.rules.split, self.rules.pick_store_per_unit
        )

    def _sent(self, all_of: Candidates, partial: bool) -> Shipped:
        """The cheapest plan over these."""
        wanted = self._wanted(all_of)
        if any(n < item.quantity_units for n, item in zip(wanted, self.items, strict=True)):
            all_of.settle(range(len(all_of.ids)))
            if all_of.out:
                raise _NoRoom(all_of.out)
            short = self._shortages(wanted)
            if not partial or not any(wanted):
                return Shipped((), short, 0, 0, {})
        shares, gap, relevant = self._cheapest(all_of, wanted)
        served = [0] * len(wanted)
        for share in shares:
            served[share.line] += share.units
        if served != wanted and not partial:
            return Shipped((), self._shortages(served), 0, 0, self._worth.looked_at())
        cost = self._real_cost(all_of, shares)
        prices = self._worth.looked_at() if relevant is None else Looked(self._worth, relevant)
        return Shipped(self._parts(all_of, shares), self._shortages(served), cost, gap, prices)

    def _with_on_site(self, sent: Candidates, whole: Shipped, partial: bool) -> Shipped:
        """The cheaper of `whole`, where all is sent, and the cheapest plan that uses units of the store's
        own: these need no parcel, so they count neither for a cap on parcels nor as a split.
        """
        all_of = self._beside(sent)
        wanted = self._wanted(all_of)
        if not partial and any(n < item.quantity_units for n, item in zip(wanted, self.items, strict=True)):
            return Shipped((), self._shortages(wanted), 0, 0, {})
        problem = self._problem(all_of, wanted, grouped=False)
        prices = self._worth.looked_at()
        if not problem.rows or problem.rows[-1] != len(sent.ids):
            # All that it has belongs to brands that stay together.
            return whole._replace(prices=prices)
        own = len(problem.rows) - 1
        one_parcel = in_one_parcel(self.wish, self.rules)
        limit = FAR
        if whole.parts and not whole.shortages and not (one_parcel and len(whole.parts) > 1):
            limit = self._order(whole)[2] + self.rules.split - 1

        offers = Offers(self._asking, all_of.ids, problem, wanted)
        rows = below(problem, 1 if one_parcel else self.most_parcels, limit, offers)
        found = None
        if own in rows:
            problem.fixed[own] = -_FORCE
            # The first in the row, as in `cost_with`.
            rows = [own, *[at for at in rows if at != own]]
            caps = [self.most_parcels + 1 if self.most_parcels else 0]
            caps = [2, *caps] if one_parcel else caps
            found = self._using(problem, rows, offers, caps, len(sent.ids), partial)
        prices = self._worth.looked_at()
        if found is None:
            return whole._replace(prices=prices)
        shares = by_item(found.shares, problem.lines, wanted)
        served = [0] * len(wanted)
        for share in shares:
            served[share.line] += share.units
        mixed = Shipped(
            self._parts(all_of, shares),
            self._shortages(served),
            self._real_cost(all_of, shares),
            found.cost - found.bound,
            prices,
        )
        if mixed.shortages and not partial:
            return whole._replace(prices=prices)
        best = min(whole, mixed, key=self._order)
        # The other one may have been searched, too.
        return best._replace(prices=prices, gap=max(whole.gap, mixed.gap))

    @staticmethod
    def _using(
        problem: Problem, rows: Sequence[int], offers: Offers, caps: Sequence[int], own: int, partial: bool
    ) -> Assignment | None:
        """The cheapest plan that uses units of the candidate `own`, by the first of the `caps` on locations
        that there is one for.
        """
        for cap in caps:
            found = solved(problem, rows, offers, cap, None)
            if found is None and partial and cap == caps[-1]:
                found = solved(problem, rows, offers, cap, None, partial=True)
            if found is not None and any(share.location == own for share in found.shares):
                return found
        return None

    def _order(self, plan: Shipped) -> tuple[int, int, int]:
        """Which of two plans comes first: the one that serves more, then as groups say, then the cheaper. An
        order of little value comes in one parcel if it can.
        """
        short = sum([one.requested_units - one.available_units for one in plan.shortages])
        parcels = sum([part.sent for part in plan.parts])
        split = int(in_one_parcel(self.wish, self.rules) and parcels > 1)
        later = 0
        for item in self.items:
            ranks = item.eligible.ranks
            if ranks is not None:
                for part in plan.parts:
                    units = sum([line.quantity_units for line in part.lines if line.sku == item.sku])
                    later += units * ranks.get(part.location_id, 0) if part.sent else 0
        if not plan.parts:
            short = sum([item.quantity_units for item in self.items])
        return short, split, later * LATER_GROUP + plan.cost

    def _cheapest(
        self, all_of: Candidates, wanted: list[int]
    ) -> tuple[Sequence[Share], int, Callable[[], set[str]] | None]:
        """Who serves what, how far from the cheapest that may be, and who says which locations mattered for
        it (None: all).
        """
        cap, one_parcel = self.most_parcels, in_one_parcel(self.wish, self.rules)
        problem = self._problem(all_of, wanted, grouped=not cap and not one_parcel)
        if all_of.out:
            raise _NoRoom(all_of.out)
        rows, lines = problem.rows, problem.lines

        offers = Offers(self._asking, all_of.ids, problem, wanted)
        own = len(rows) - 1 if all_of.ids[rows[-1]] == self.sources.store_id else None
        if own is not None and problem.few:
            offers.every()  # The search will ask all of them.
        single = self._single(problem, offers)
        bounds: Callable[[], Sequence[int]] | None = None
        if own is not None:
            bounds, both = problem.least, beside(problem, offers, own)
            if both is not None and (single is None or both.cost < single.cost):
                single = both
        found, known, searched = single, None if single is None else single.cost, False
        if single is None or not (
            cap == 1 or one_parcel or len(rows) < 2 or problem.two_at_least() >= single.cost
        ):
            limit = FAR if known is None else known
            asked: Sequence[int]
            if problem.few:
                bounds, asked = problem.least, problem.rows_beside(limit)
            else:
                least = problem.least()
                bounds = least.copy
                asked = rows_below(problem, least, cap, limit - 1, offers)
            if own is not None:
                # The first in the row: the exact search knows then that all that follows is a parcel.
                asked = [own, *[at for at in asked if at != own]]
            split = solved(problem, asked, offers, cap, known)
            if split is None and cap and single is None:
                split, searched = solved(problem, range(len(rows)), offers, cap, None, True), True
            if split is not None and (single is None or split.cost < single.cost):
                found = split
            elif split is not None and single is not None:
                found = single._replace(bound=min(split.bound, single.cost))
        assert found is not None
        shares = by_item((*problem.forced, *found.shares), lines, wanted)
        if found.bound < found.cost:
            return shares, found.cost - found.bound, None
        if searched or self.full or (bounds is not None and not problem.few and max(wanted) > 1):
            # What is searched, how far an exact search of quantities may go, and who was found to have no
            # room for its share of an earlier plan depends on all that was looked at.
            return shares, 0, None
        cost = found.cost

        def mattered() -> set[str]:
            those = {at for at, free in problem.alone().items() if free <= cost}
            those.update([at for at, bound in enumerate(bounds() if bounds else ()) if bound <= cost])
            return {all_of.ids[rows[at]] for at in those} | {all_of.ids[at] for _, at, _ in problem.forced}

        return shares, 0, mattered

    def _problem(self, all_of: Candidates, wanted: list[int], grouped: bool) -> Problem:
        """What is to be decided, a brand that stays together as one line where any location has all of it,
        else its items, each from one location where any has all of that.
        """
        brands: dict[str, list[int]] = {}
        bundles: list[tuple[tuple[int, ...], bool]] = []
        for n, quantity in enumerate(wanted):
            brand = self.items[n].lines[0].brand
            if not quantity:
                continue
            if brand and brand in self.rules.brands_together:
                brands.setdefault(brand, []).append(n)
            else:
                bundles.append(((n,), False))
        for those in brands.values():
            if any(all_of.having(those, wanted)):
                bundles.append((tuple(those), True))
            else:
                bundles += [((n,), any(all_of.having([n], wanted))) for n in those]
        credit = [item.credit for item in self.items]
        return Problem.of(all_of, sorted(bundles), wanted, credit, self.rules.split, grouped)

    def _single(self, problem: Problem, offers: Offers) -> Assignment | None:
        """The cheapest location that has everything, of equally cheap ones that with the dearest stock."""
        if self._near is not None and not self.full:
            cost, at = self._near.cost + self.rules.split, offers.ids.index(self._near.single)
        else:
            alone = sorted([(free, at) for at, free in problem.alone().items()])
            if not alone:
                return None

            def whole(at: int) -> int:
                return problem.fixed[at] + sum([sums[-1] for sums in offers(at)])

            at = alone[0][1]
            cost = whole(at)
            rivals = [one for free, one in alone[1:] if free < cost]
            offers.ask(rivals)
            for one in rivals:
                if (this := whole(one)) < cost:
                    cost, at = this, one
        shares = [Share(n, problem.rows[at], line.quantity) for n, line in enumerate(problem.lines)]
        return Assignment(tuple(shares), cost, cost)

    def in_time(self, arrives: int | None) -> bool:
        """Whether a parcel that arrives on that day, if it can be sent at all, keeps the promise."""
        latest = self.sources.latest
        return arrives is not None and (latest is None or arrives <= latest)

    # ---- what explains it

    def arrival(self, row: Row) -> int | None:
        """The day on which all that the location could give arrives; None: it has no capacity for it."""
        return self.sources.arrival(row.location_id, row.km, sum(row.cover))

    def stock_terms(self, location_id: str, item: Item, count: int) -> tuple[int, int]:
        """What the first `count` units are worth there, and the credit for those from overstock."""
        held = self.sources.stock.units(item.sku).get(location_id, 0)
        first = self.sources.taken.get((item.sku, location_id), 0)
        prices = self._worth.prices(item.sku, location_id, held, first, count)
        price = sum([one * self.rules.opportunity_percent // 100 for one in prices])
        return price, sum([item.credit for one in prices if not one])

    def cost_with(self, location_id: str) -> int | None:
        """What the cheapest plan costs in which this location sends something; None when there is none."""
        all_of, cap, mixed = self.candidates(), self.most_parcels, any(self.on_site)
        if location_id not in all_of.ids:
            return None
        if mixed:
            # The store's own units are no parcel, wherever they are used.
            all_of = self._beside(all_of)
            cap = cap and cap + 1
        at = all_of.ids.index(location_id)
        wanted = self._wanted(all_of)
        problem = self._problem(all_of, wanted, grouped=False)
        if at not in problem.rows:
            return None
        first = problem.rows.index(at)
        problem.fixed[first] -= _FORCE
        # The first in the row, since the exact search takes it that no later parcel costs less than nothing.
        order = [first, *(other for other in range(len(problem.rows)) if other != first)]
        offers = Offers(self._asking, all_of.ids, problem, wanted)
        found = solved(problem, order, offers, cap, None)
        if found is None and cap:
            found = solved(problem, order, offers, cap, None, True)
        if found is None or all(share.location != at for share in found.shares):
            return None
        return self._real_cost(all_of, by_item(found.shares, problem.lines, wanted))

    # ---- the plan

    def _real_cost(self, all_of: Candidates, shares: Sequence[Share]) -> int:
        used = {at for _, at, _ in shares if all_of.ids[at] != self.sources.store_id}
        cost = sum([all_of.fixed[at] for at in used]) + self.rules.split * max(0, len(used) - 1)
        for n, at, units in shares:
            cost += units * (all_of.units[at] - self.items[n].credit)
            cost += self._asking.dearer(all_of.ids[at], n, units)[-1]
        return cost

    def _shortages(self, served: Sequence[int]) -> tuple[ShortLine, ...]:
        shortages = []
        for item, units in zip(self.items, served, strict=True):
            for line in item.lines:
                there = min(units, line.quantity_units)
                units -= there
                if there < line.quantity_units:
                    shortages.append(ShortLine(line.sku, line.quantity_units, there))
        return tuple(shortages)

    def _parts(self, all_of: Candidates, shares: Sequence[Share]) -> tuple[PlannedPart, ...]:
        left = [[line.quantity_units for line in item.lines] for item in self.items]
        planned: dict[int, list[PlannedLine]] = {}
        for n, at, units in sorted(shares):
            for number, line in enumerate(self.items[n].lines):
                here = min(units, left[n][number])
                if here:
                    left[n][number] -= here
                    units -= here
                    planned.setdefault(at, []).append(PlannedLine(line.line_number, line.sku, here))
        method, store_id = (Method.PICKUP if self.sources.store_id else Method.SHIP), self.sources.store_id
        return tuple(
            PlannedPart(
                all_of.ids[at],
                method,
                tuple(sorted(lines)),
                all_of.kms[at],
                "" if all_of.ids[at] == store_id else store_id,
            )
            for at, lines in sorted(planned.items())
        )


def free_on_site(wish: Wish, line: WishLine, sources: Sources, taken: Mapping[tuple[str, str], int]) -> int:
    """Units that the store of a pickup may hand out of its own, beyond those `taken`."""
    key = line.sku, line.location_id
    there = sources.stock.units(line.sku).get(line.location_id, 0) - taken.get(key, 0)
    rules = sources.rules
    if rules.exclusions or rules.safety_days:
        rule = eligible(wish, line, rules, sources.here)
        if line.location_id in rule.banned:
            return 0
        there -= rule.kept_back(sources.worth, *key)
    return max(0, there)
