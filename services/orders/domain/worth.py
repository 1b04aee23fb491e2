"""What units of stock are worth to one decision: from the prices of the moment, or from a record of it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import ItemsView, Iterator, Mapping, Sequence
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


class Worth(ABC):
    """Prices of stock and units that stay, remembered as they are asked for. One decision only."""

    def __init__(self, version: str) -> None:
        self.version = version
        """Of the prices of stock; empty when there are none."""
        self.priced = bool(version)
        """Whether any counts."""
        self._stays = Stays()
        self._percent = 100
        self._seen: dict[tuple[str, str], tuple[int, ...]] = {}

    def look(self, percent: int, markdown_percent: int) -> None:
        """Prices count so many per cent from now on, and those of nothing for a credit."""
        self._percent = percent
        self.priced = bool(self.version) and (percent > 0 or markdown_percent > 0)

    def prices(self, sku: str, location_id: str, held: int, first: int, count: int) -> tuple[int, ...]:
        """Prices of `count` units given away by a location that holds `held`, behind the `first` ones;
        unweighted, thousandths of a minor unit.
        """
        key = sku, location_id
        known = self._seen.get(key, ())
        if count == 1 and not first and not known:
            known = self._seen[key] = (self._price(sku, location_id, held, 0),)
            return known
        if len(known) < first + count:
            known += tuple([self._price(sku, location_id, held, n) for n in range(len(known), first + count)])
            self._seen[key] = known
        return known[first : first + count]

    def first(self, sku: str, location_id: str, held: int) -> int:
        """The price of the first unit, as `prices` gives it."""
        key = sku, location_id
        known = self._seen.get(key)
        if known is None:
            known = self._seen[key] = (self._price(sku, location_id, held, 0),)
        return known[0]

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

    def looked_at(self) -> dict[tuple[str, str], tuple[int, ...]]:
        """By (SKU, location) the prices asked for, from the first unit on; where all are 0, nothing."""
        return {key: prices for key, prices in self._seen.items() if any(prices)}

    @abstractmethod
    def _keeps_at(self, sku: str, location_ids: Sequence[str], days: int) -> list[int]:
        """What `kept_back_at` gives, worked out."""

    @abstractmethod
    def _price(self, sku: str, location_id: str, held: int, number: int) -> int:
        """Of one more unit when `number` of `held` are given away."""


class Live(Worth):
    """From the prices of the moment."""

    def __init__(self, prices: Prices) -> None:
        super().__init__(prices.version)
        self._prices = prices

    def _keeps_at(self, sku: str, location_ids: Sequence[str], days: int) -> list[int]:
        rates = self._prices.rates
        return [ceil(days * rates(sku, at) - _ALMOST) for at in location_ids]

    def _price(self, sku: str, location_id: str, held: int, number: int) -> int:
        return max(0, self._prices.price(sku, location_id, held - number)) if held > number else 0


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

    def _price(self, sku: str, location_id: str, held: int, number: int) -> int:
        known = self._prices.get((sku, location_id), ())
        return known[number] if number < len(known) else 0
