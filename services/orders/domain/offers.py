"""What locations ask for the lines of an order that is sent, the price of stock included: asked for only
where it matters, and worked out once for each location.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from services.orders.domain.bounds import Line, Problem
from services.orders.domain.candidates import Item
from services.orders.domain.quantities import Sums
from services.orders.domain.worth import Worth

_NONE: Sums = (0,)


class Asking:
    """By what units of the items of an order cost more than with free stock. `stock` is by item, `taken` are
    units that others of the order's parcels have already.
    """

    def __init__(
        self,
        items: Sequence[Item],
        stock: Sequence[Mapping[str, int]],
        worth: Worth,
        percent: int,
        taken: Mapping[tuple[str, str], int],
    ) -> None:
        self._items, self._stock, self._worth = items, stock, worth
        self._percent, self._taken = percent, taken
        self._taken_of = {sku for sku, _ in taken}

    def dearer(self, location_id: str, number: int, count: int) -> Sequence[int]:
        """By what 0, 1, 2, … `count` units of an item cost more there; free stock earns its credit."""
        worth = self._worth
        if not worth.priced:
            return (0,)
        item = self._items[number]
        first = self._taken.get((item.sku, location_id), 0)
        held = self._stock[number][location_id]
        percent, credit = self._percent, item.credit
        total, sums = 0, [0]
        for price in worth.prices(item.sku, location_id, held, first, count):
            if price:
                total += price * percent // 100 + credit
            sums.append(total)
        return sums

    def column(
        self, location_ids: Sequence[str], line: Line, rows: Sequence[int], wanted: Sequence[int]
    ) -> list[Sums]:
        """What 0, 1, 2, … units of a line cost at these locations, the `rows` of the problem."""
        cover, asks, number = line.cover, line.asks, line.items[0]
        if line.together:
            return [
                (0, asks[at] + sum([self.dearer(name, n, wanted[n])[-1] for n in line.items]))
                if cover[at]
                else _NONE
                for name, at in zip(location_ids, rows, strict=True)
            ]
        if not self._worth.priced:
            return [tuple([n * asks[at] for n in range(cover[at] + 1)]) for at in rows]
        if self._items[number].sku in self._taken_of:
            return [
                [n * asks[at] + more for n, more in enumerate(self.dearer(name, number, cover[at]))]
                if cover[at]
                else _NONE
                for name, at in zip(location_ids, rows, strict=True)
            ]
        item, stock = self._items[number], self._stock[number]
        percent, credit, sku = self._percent, item.credit, item.sku
        if line.quantity == 1:
            asked = [n for n, at in enumerate(rows) if cover[at]]
            dearer = self._worth.firsts(sku, [location_ids[n] for n in asked], stock)
            column: list[Sums] = [_NONE] * len(rows)
            for n, price in zip(asked, dearer, strict=True):
                ask = asks[rows[n]]
                column[n] = 0, ask + (price * percent // 100 + credit if price else 0)
            return column
        first, prices = self._worth.first, self._worth.prices
        found: list[Sums] = []
        for name, at in zip(location_ids, rows, strict=True):
            units, ask = cover[at], asks[at]
            if units == 1:
                price = first(sku, name, stock[name])
                found.append((0, ask + (price * percent // 100 + credit if price else 0)))
            elif units:
                total, sums = 0, [0]
                for price in prices(sku, name, stock[name], 0, units):
                    total += ask + (price * percent // 100 + credit if price else 0)
                    sums.append(total)
                found.append(sums)
            else:
                found.append(_NONE)
        return found


class Offers:
    """What rows of a problem ask for 0, 1, 2, … units of each line."""

    __slots__ = ("_asking", "_every", "_known", "_problem", "_wanted", "ids")

    def __init__(self, asking: Asking, ids: Sequence[str], problem: Problem, wanted: Sequence[int]) -> None:
        self._asking, self._problem, self._wanted = asking, problem, wanted
        self.ids = ids if len(problem.rows) == len(ids) else [ids[at] for at in problem.rows]
        self._known: dict[int, list[Sums]] = {}
        self._every: list[list[Sums]] | None = None

    def __call__(self, at: int) -> list[Sums]:
        """What one of them asks."""
        known = self._known.get(at)
        if known is None:
            every = self._every
            found = [line[0] for line in self._asked([at])] if every is None else [line[at] for line in every]
            known = self._known[at] = found
        return known

    def ask(self, rows: Sequence[int]) -> None:
        """Ask all of them at once."""
        missing = [at for at in rows if at not in self._known]
        if missing and self._every is None:
            self._known.update(zip(missing, map(list, zip(*self._asked(missing), strict=True)), strict=True))

    def every(self) -> list[list[Sums]]:
        """By line what each asks."""
        if self._every is None:
            self._every = self._asked(range(len(self.ids)))
        return self._every

    def columns(self, rows: Sequence[int]) -> list[list[Sums]]:
        """By line what each of these asks."""
        if len(rows) == len(self.ids) and isinstance(rows, range):
            return self.every()
        if self._every is not None:
            return [[line[at] for at in rows] for line in self._every]
        self.ask(rows)
        return [list(line) for line in zip(*[self._known[at] for at in rows], strict=True)]

    def _asked(self, rows: Sequence[int]) -> list[list[Sums]]:
        ids, column = [self.ids[at] for at in rows], self._asking.column
        return [column(ids, line, rows, self._wanted) for line in self._problem.lines]
