"""What units of stock are worth to one decision: from the prices of the moment, or from a record of it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Callable, Container, ItemsView, Iterator, Mapping, Sequence
from math import ceil

from services.orders.domain.views import Prices

_ALMOST = 1e-9


class Stays(Mapping[tuple[str, str, int], int]):
    """Units that safety days keep by (SKU, location, days), where any: put in order when somebody asks, which
    is when a decision is recorded.
    """

    def __init__(self) -> None:
        self._asked: list[tuple[str, int, Sequence[str], Sequence[int]]] = []
        self._known: dict[tuple[str, str, int], int] = {}

    def add(self, sku: str, days: int, location_ids: Sequence[str], kept: Sequence[int]) -> None:
        """What so many days keep of an article at each of the locations."""
        self._asked.append((sku, days, location_ids, kept))

    def _all(self) -> dict[tuple[str, str, int], int]:
        for sku, days, location_ids, kept in self._asked:
            self._known.update(
                {(sku, at, days): units for at, units in zip(location_ids, kept, strict=True) if units}
            )
        self._asked.clear()
        return self._known

    def __getitem__(self, key: tuple[str, str, int]) -> int:
        return self._all()[key]

    def __iter__(self) -> Iterator[tuple[str, str, int]]:
        return iter(self._all())

    def __len__(self) -> int:
        return len(self._all())

    def items(self) -> ItemsView[tuple[str, str, int], int]:
        """All of it."""
        return self._all().items()

    def __repr__(self) -> str:
        return repr(self._all())


class Looked(Mapping[tuple[str, str], tuple[int, ...]]):
    """Prices that a decision looked at by (SKU, location), of the locations where they mattered: found out
    when somebody asks, which is when a decision is recorded.
    """

    def __init__(self, worth: Worth, mattered: Callable[[], Container[str]]) -> None:
        self._worth, self._mattered = worth, mattered
        self._known: dict[tuple[str, str], tuple[int, ...]] | None = None

    def _all(self) -> dict[tuple[str, str], tuple[int, ...]]:
        if self._known is None:
            self._known = self._worth.looked_at(self._mattered())
        return self._known

    def __getitem__(self, key: tuple[str, str]) -> tuple[int, ...]:
        return self._all()[key]

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return iter(self._all())

    def __len__(self) -> int:
        return len(self._all())

    def items(self) -> ItemsView[tuple[str, str], tuple[int, ...]]:
        """All of it."""
        return self._all().items()

    def __repr__(self) -> str:
        return repr(self._all())


class Worth(ABC):
    """Prices of stock and units that stay, remembered as they are asked for. One decision only."""

    def __init__(self, version: str) -> None:
        self.version = version
        """Of the prices of stock; empty when there are none."""
        self.priced = bool(version)
        """Whether any counts."""
        self._stays = Stays()
        self._percent = 100
        self._seen: defaultdict[str, dict[str, tuple[int, ...]]] = defaultdict(dict)

    def look(self, percent: int, markdown_percent: int) -> None:
        """Prices count so many per cent from now on, and those of nothing for a credit."""
        self._percent = percent
        self.priced = bool(self.version) and (percent > 0 or markdown_percent > 0)

    def prices(self, sku: str, location_id: str, held: int, first: int, count: int) -> tuple[int, ...]:
        """Prices of `count` units given away by a location that holds `held`, behind the `first` ones;
        unweighted, thousandths of a minor unit.
        """
        seen = self._seen[sku]
        known = seen.get(location_id, ())
        if len(known) < first + count:
            known += self._next(sku, location_id, held, len(known), first + count)
            seen[location_id] = known
        return known[first : first + count]

    def first(self, sku: str, location_id: str, held: int) -> int:
        """The price of the first unit, as `prices` gives it."""
        seen = self._seen[sku]
        known = seen.get(location_id)
        if known is None:
            known = seen[location_id] = self._next(sku, location_id, held, 0, 1)
        return known[0]

    def firsts(self, sku: str, location_ids: Sequence[str], held: Mapping[str, int]) -> list[int]:
        """The price of the first unit at each of these locations; `held` is by location."""
        seen = self._seen[sku]
        get = seen.get
        found = []
        for at in location_ids:
            known = get(at)
            if known is None:
                known = seen[at] = self._next(sku, at, held[at], 0, 1)
            found.append(known[0])
        return found

    def all(self, sku: str, location_id: str, held: int, count: int) -> int:
        """The weighted price of the first `count` units."""
        if count == 1:
            return self.first(sku, location_id, held) * self._percent // 100
        return sum([price * self._percent // 100 for price in self.prices(sku, location_id, held, 0, count)])

    def kept_back(self, sku: str, location_id: str, days: int) -> int:
        """Units that so many days of walk-in demand keep."""
        return self.kept_back_at(sku, (location_id,), days)[0]

    def kept_back_at(self, sku: str, location_ids: Sequence[str], days: int) -> list[int]:
        """The same of many locations."""
        kept = self._keeps_at(sku, location_ids, days)
        self._stays.add(sku, days, location_ids, kept)
        return kept

    def stays(self) -> Stays:
        """What `kept_back` gave, by what it was asked; nothing where it was nothing."""
        return self._stays

    def looked_at(self, location_ids: Container[str] | None = None) -> dict[tuple[str, str], tuple[int, ...]]:
        """By (SKU, location) the prices asked for, from the first unit on; where all are 0, nothing. Only of
        these locations, if any are given.
        """
        return {
            (sku, at): prices
            for sku, seen in self._seen.items()
            for at, prices in seen.items()
            if (location_ids is None or at in location_ids) and any(prices)
        }

    @abstractmethod
    def _keeps_at(self, sku: str, location_ids: Sequence[str], days: int) -> list[int]:
        """What `kept_back_at` gives, worked out."""

    @abstractmethod
    def _next(self, sku: str, location_id: str, held: int, first: int, last: int) -> tuple[int, ...]:
        """The prices of units when `first` of `held` are given away, one more, …, up to `last`."""


class Live(Worth):
    """From the prices of the moment."""

    def __init__(self, prices: Prices) -> None:
        super().__init__(prices.version)
        self._prices = prices

    def _keeps_at(self, sku: str, location_ids: Sequence[str], days: int) -> list[int]:
        return [ceil(days * rate - _ALMOST) for rate in self._prices.rates_at(sku, location_ids)]

    def _next(self, sku: str, location_id: str, held: int, first: int, last: int) -> tuple[int, ...]:
        price = self._prices.price
        if last - first == 1:
            one = price(sku, location_id, held - first) if held > first else 0
            return (one if one > 0 else 0,)
        return tuple(
            [max(0, price(sku, location_id, held - n)) if held > n else 0 for n in range(first, last)]
        )


class Recorded(Worth):
    """From a record; what it does not say was nothing, or did not matter."""

    def __init__(
        self,
        version: str,
        prices: Mapping[tuple[str, str], tuple[int, ...]],
        kept_back: Mapping[tuple[str, str, int], int],
    ) -> None:
        super().__init__(version)
        self._prices = prices
        self._kept_back = kept_back

    def _keeps_at(self, sku: str, location_ids: Sequence[str], days: int) -> list[int]:
        return [self._kept_back.get((sku, at, days), 0) for at in location_ids]

    def _next(self, sku: str, location_id: str, held: int, first: int, last: int) -> tuple[int, ...]:
        known = self._prices.get((sku, location_id), ())[first:last]
        return known + (0,) * (last - first - len(known))
