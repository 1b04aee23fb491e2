"""A plan for an order too large to be solved exactly: a greedy one, improved as long as a number of steps
allows, so that a long order does not hold up the others; and a lower bound on the cheapest.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from heapq import heapify, heappop, heappush, nsmallest
from itertools import accumulate, chain

from services.orders.domain.quantities import Assignment, Share, Sums, cheapest_unit, units_of

SEARCHED_LOCATIONS = 40
SEARCH_STEPS = 150_000
"""Lines times locations that a search looks at, each about a third of a microsecond."""

_Move = tuple[int | None, int | None]
"""A location that is closed, and one that is opened."""


def searched(
    fixed: Sequence[int],
    sums: Sequence[Sequence[Sums]],
    wanted: Sequence[int],
    most_parcels: int = 0,
    partial: bool = False,
) -> Assignment | None:
    """Greedy by cost per unit, then locations closed, opened and exchanged while that helps and steps are
    left. With `most_parcels` none may be found although there is one; `partial` then serves what the greedy
    one does.
    """
    opened = _greedy(fixed, sums, wanted, most_parcels)
    best = _fill(opened, fixed, sums, wanted, partial)
    if best is None:
        return None
    if partial and sum(share.units for share in best.shares) < sum(wanted):
        return best
    better = _fill(_Search(fixed, sums, wanted, most_parcels).improved(opened), fixed, sums, wanted, False)
    if better is not None and better.cost < best.cost:
        best = better
    return best._replace(bound=min(lower_bound(fixed, sums, wanted), best.cost))


class _Search:
    """Improves the locations that serve an order."""

    def __init__(
        self,
        fixed: Sequence[int],
        sums: Sequence[Sequence[Sums]],
        wanted: Sequence[int],
        most_parcels: int,
    ) -> None:
        self._fixed, self._sums, self._wanted = fixed, sums, wanted
        self._most_parcels = most_parcels
        self._asked: dict[int, list[list[int]]] = {}
        self._steps = SEARCH_STEPS

    def improved(self, opened: set[int]) -> set[int]:
        """The locations that remain of these and those that came; moves go on from the best set so far until
        none of them helps any more.
        """
        useful = _useful(self._fixed, self._sums, self._wanted)
        best, going = self._cost(opened), True
        while going:
            going = False
            for old, new in self._moves(sorted(opened), useful):
                if old is not None and old not in opened:
                    continue
                if new is not None and (new in opened or (old is None and len(opened) == self._most_parcels)):
                    continue
                if self._steps <= 0:
                    return opened
                moved = (opened - {old}) | ({new} if new is not None else set())
                cost = self._cost(moved)
                if cost is not None and (best is None or cost < best):
                    opened, best, going = moved, cost, True
        return opened

    @staticmethod
    def _moves(opened: Sequence[int], useful: Sequence[int]) -> Iterator[_Move]:
        yield from ((old, None) for old in opened)
        yield from ((None, new) for new in useful)
        yield from ((old, new) for old in opened for new in useful)

    def _cost(self, opened: set[int]) -> int | None:
        """What they ask for everything, each unit from the one that asks least; None if they have less."""
        self._steps -= len(opened) * len(self._wanted)
        cost = sum([self._fixed[row] for row in opened])
        offers = [self._asks(row) for row in sorted(opened)]
        for quantity, *asked in zip(self._wanted, *offers, strict=True):
            units = sorted(chain.from_iterable(asked))
            if len(units) < quantity:
                return None
            cost += sum(units[:quantity])
        return cost

    def _asks(self, row: int) -> list[list[int]]:
        """By line what each further unit costs there, at least as much as the one before it."""
        known = self._asked.get(row)
        if known is None:
            known = self._asked[row] = [
                list(accumulate(units_of(line[row][: quantity + 1]), max))
                for line, quantity in zip(self._sums, self._wanted, strict=True)
            ]
        return known


def _useful(fixed: Sequence[int], sums: Sequence[Sequence[Sums]], wanted: Sequence[int]) -> list[int]:
    """Those that a search looks at: the cheapest per unit that they can give, and for each line; those first
    that are cheap per unit.
    """
    rates = []
    for row, parcel in enumerate(fixed):
        units, cost = _offer(row, sums, wanted)
        if units:
            rates.append(((parcel + cost) / units, row))
    ranked = [row for _, row in sorted(rates)]
    kept = set(ranked[:SEARCHED_LOCATIONS])
    for line in sums:
        asked = [
            (parcel + one[1], row)
            for row, (parcel, one) in enumerate(zip(fixed, line, strict=True))
            if len(one) > 1
        ]
        kept.update([row for _, row in nsmallest(3, asked)])
    return [row for row in ranked if row in kept]


def _offer(row: int, sums: Sequence[Sequence[Sums]], missing: Sequence[int]) -> tuple[int, int]:
    """How many of the missing units a location has, and what it asks for them."""
    units = cost = 0
    for line, quantity in zip(sums, missing, strict=True):
        if quantity:
            asked = line[row]
            there = len(asked) - 1
            if there > quantity:
                there = quantity
            units += there
            cost += asked[there]
    return units, cost


def _greedy(
    fixed: Sequence[int], sums: Sequence[Sequence[Sums]], wanted: Sequence[int], most_parcels: int
) -> set[int]:
    """One location after the other, under a cap that with the most units, else that with the cheapest. What
    one of them is worth is found out anew when it would be next, since others leave it less to do.
    """
    missing = list(wanted)
    chosen: set[int] = set()

    def worth(row: int) -> tuple[float, float, int] | None:
        units, cost = _offer(row, sums, missing)
        return (-units if most_parcels else 0, (fixed[row] + cost) / units, row) if units else None

    waiting = [one for one in map(worth, range(len(fixed))) if one is not None]
    heapify(waiting)
    while waiting and any(missing) and not (most_parcels and len(chosen) == most_parcels):
        row = heappop(waiting)[2]
        now = worth(row)
        if now is None:
            continue
        if waiting and now > waiting[0]:
            heappush(waiting, now)
            continue
        chosen.add(row)
        missing = [n - min(len(line[row]) - 1, n) for line, n in zip(sums, missing, strict=True)]
    return chosen


def _fill(
    chosen: set[int],
    fixed: Sequence[int],
    sums: Sequence[Sequence[Sums]],
    wanted: Sequence[int],
    partial: bool,
) -> Assignment | None:
    """Every unit from the chosen location that asks least for it."""
    shares: list[Share] = []
    used: set[int] = set()
    cost = 0
    for number, (line, quantity) in enumerate(zip(sums, wanted, strict=True)):
        offers = [(line[row][1], row, 1) for row in chosen if len(line[row]) > 1]
        heapify(offers)
        taken: dict[int, int] = {}
        while quantity and offers:
            price, row, n = heappop(offers)
            taken[row] = n
            cost += price
            quantity -= 1
            if len(line[row]) > n + 1:
                heappush(offers, (line[row][n + 1] - line[row][n], row, n + 1))
        if quantity and not partial:
            return None
        used.update(taken)
        shares += [Share(number, row, n) for row, n in sorted(taken.items())]
    return Assignment(tuple(shares), cost + sum(fixed[row] for row in used), 0)


def lower_bound(fixed: Sequence[int], sums: Sequence[Sequence[Sums]], wanted: Sequence[int]) -> int:
    """No plan costs less: each unit at its cheapest, a parcel's cost spread over all it could carry; or each
    unit at its cheapest and the cheapest parcel.
    """
    able = [
        sum(min(len(line[row]) - 1, n) for line, n in zip(sums, wanted, strict=True))
        for row in range(len(fixed))
    ]
    spread = bare = 0.0
    for line, n in zip(sums, wanted, strict=True):
        least = [(row, cheapest_unit(line[row])) for row in range(len(fixed)) if len(line[row]) > 1]
        bare += n * min(one for _, one in least)
        spread += n * min(one + fixed[row] / able[row] for row, one in least)
    return max(int(spread), int(bare) + min(cost for cost, units in zip(fixed, able, strict=True) if units))
