"""What solves the problem of an order: which rows of it a plan can be made of, and the cheapest plan over
some rows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from services.orders.domain.assignment import cheapest_sums
from services.orders.domain.bounds import SUBSET_LINES, Line, Problem, least_with, visited
from services.orders.domain.quantities import Assignment, Share, Sums


def below(
    problem: Problem, most_parcels: int, limit: int, offers_of: Callable[[int], list[Sums]]
) -> dict[int, list[Sums]]:
    """The rows that a plan which costs `limit` at most can be made of, with what they ask for the lines."""
    lines = problem.lines
    if len(lines) <= SUBSET_LINES:
        least: Sequence[int] = least_with(problem.fixed, lines)
        return visited(problem.fixed, lines, least, most_parcels, limit, offers_of)
    least = problem.least_beside()
    return {at: offers_of(at) for at, bound in enumerate(least) if bound <= limit}


def solved(
    problem: Problem,
    offers: Mapping[int, Sequence[Sums]],
    cap: int,
    below: int | None,
    partial: bool = False,
) -> Assignment | None:
    """The cheapest plan over the rows that offer something, by line and candidate; None only when they
    cannot serve all of it, or not `below` that cost.
    """
    chosen = list(offers)
    sums = [[offers[at][number] for at in chosen] for number in range(len(problem.lines))]
    quantities = [line.quantity for line in problem.lines]
    if any(
        sum([len(one) - 1 for one in line]) < quantity
        for line, quantity in zip(sums, quantities, strict=True)
    ):
        return None
    fixed = [problem.fixed[at] for at in chosen]
    found = cheapest_sums(fixed, sums, quantities, cap, partial, below)
    if found is None:
        return None
    shares = [Share(line, problem.rows[chosen[at]], units) for line, at, units in found.shares]
    return found._replace(shares=tuple(shares))


def by_item(shares: Sequence[Share], lines: Sequence[Line], wanted: Sequence[int]) -> list[Share]:
    """The shares of lines as shares of the items that these are made of."""
    found = []
    for number, at, units in shares:
        line = lines[number]
        found += [Share(n, at, wanted[n] if line.together else units) for n in line.items]
    return found
