"""What solves the problem of an order: which rows of it a plan can be made of, and the cheapest plan over
some rows.
"""

from __future__ import annotations

from collections.abc import Sequence

from services.orders.domain.assignment import BOUNDED_LINES, FAR, cheapest_sums, near_of
from services.orders.domain.bounds import Line, Problem, visited
from services.orders.domain.offers import Offers
from services.orders.domain.quantities import Assignment, Share


def below(problem: Problem, most_parcels: int, limit: int, offers: Offers) -> list[int]:
    """The rows that a plan which costs `limit` at most can be made of."""
    if problem.few:
        if limit >= FAR:
            return list(range(len(problem.rows)))
        return near_of(problem.fixed, offers.every(), [line.quantity for line in problem.lines], limit)
    return rows_below(problem, problem.least(), most_parcels, limit, offers)


def rows_below(
    problem: Problem, least: Sequence[int], most_parcels: int, limit: int, offers: Offers
) -> list[int]:
    """The same, where `least` is what no plan with a row costs less than."""
    if len(problem.lines) <= BOUNDED_LINES:
        return visited(problem.fixed, problem.lines, least, most_parcels, limit, offers)
    return [at for at, bound in enumerate(least) if bound <= limit]


def solved(
    problem: Problem,
    chosen: Sequence[int],
    offers: Offers,
    cap: int,
    below: int | None,
    partial: bool = False,
) -> Assignment | None:
    """The cheapest plan over the `chosen` rows, by line and candidate; None only when they cannot serve all
    of it, or not `below` that cost.
    """
    if not chosen:
        return None
    sums = offers.columns(chosen)
    quantities = [line.quantity for line in problem.lines]
    for line, quantity in zip(sums, quantities, strict=True):
        if sum(map(len, line)) - len(line) < quantity:
            return None
    fixed = [problem.fixed[at] for at in chosen]
    found = cheapest_sums(fixed, sums, quantities, cap, partial, below)
    if found is None:
        return None
    shares = [Share(line, problem.rows[chosen[at]], units) for line, at, units in found.shares]
    return found._replace(shares=tuple(shares))


def beside(problem: Problem, offers: Offers, own: int) -> Assignment | None:
    """All that the last row, `own`, has, and the cheapest of the others that has all the rest."""
    there = [line.cover[own] for line in problem.lines]
    missing = [line.quantity - units for line, units in zip(problem.lines, there, strict=True)]
    found: Sequence[int] = range(own)
    for line, units in zip(problem.lines, missing, strict=True):
        cover = line.cover
        found = [at for at in found if cover[at] >= units]
    if not found or not any(missing):
        return None

    def rest(at: int) -> int:
        return problem.fixed[at] + sum([sums[units] for sums, units in zip(offers(at), missing, strict=True)])

    at = min(found, key=rest)
    cost = rest(at) + sum([sums[units] for sums, units in zip(offers(own), there, strict=True)])
    shares = [
        Share(n, problem.rows[row], units)
        for row, some in ((own, there), (at, missing))
        for n, units in enumerate(some)
        if units
    ]
    return Assignment(tuple(shares), cost, cost)


def by_item(shares: Sequence[Share], lines: Sequence[Line], wanted: Sequence[int]) -> list[Share]:
    """The shares of lines as shares of the items that these are made of."""
    found = []
    for number, at, units in shares:
        line = lines[number]
        found += [Share(n, at, wanted[n] if line.together else units) for n in line.items]
    return found
