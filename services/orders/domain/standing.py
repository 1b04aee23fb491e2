"""Where the units of an order stand, and how they move: none is made, none is lost."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from services.orders.domain.facts import Part
from services.orders.domain.lines import Spot
from services.orders.domain.refusals import LineUnknown, QuantityTooHigh, TooLateToCancel, WrongMove
from services.orders.domain.states import AT_STORE, BEYOND, UnitState

Units = Sequence[tuple[int, int]]
"""(line number, units)."""

_CANCELLABLE = (
    UnitState.AWAITING_CUSTOMER,
    UnitState.RESOURCING,
    UnitState.BACKORDERED,
    UnitState.ALLOCATED,
)


class Standing(dict[Spot, int]):
    """Units by the spot they stand at; per line they add up to what was ordered."""

    def move(self, spot: Spot, to: Spot, quantity: int) -> None:
        """Move units that are there."""
        left = self[spot] - quantity
        assert left >= 0
        if left:
            self[spot] = left
        else:
            del self[spot]
        self[to] = self.get(to, 0) + quantity

    def take(
        self, part: Part, line_number: int, quantity: int, target: UnitState, sources: Iterable[UnitState]
    ) -> None:
        """Move units of a part that are there to `target`, from the first of `sources` on."""
        for state in sources:
            spot = _spot(part, line_number, state)
            taken = min(quantity, self.get(spot, 0))
            if taken:
                self.move(spot, _spot(part, line_number, target), taken)
                quantity -= taken

    def advance(
        self, order_id: str, part: Part, units: Units, target: UnitState, sources: tuple[UnitState, ...]
    ) -> list[tuple[int, int]]:
        """Move units of a part on, and give those that moved; what a later fact has moved is left alone.

        Raises:
            WrongMove: there are fewer units that stand at `sources` or beyond; nothing moves.
        """
        moves: list[tuple[int, int]] = []
        for line_number, quantity in units:
            here = self.at(part, line_number, sources)
            beyond = self.at(part, line_number, BEYOND[target])
            if here + beyond < quantity:
                raise WrongMove(order_id, line_number, target.name, quantity, here)
            if min(here, quantity):
                moves.append((line_number, min(here, quantity)))
        for line_number, quantity in moves:
            self.take(part, line_number, quantity, target, sources)
        return moves

    def check(
        self, order_id: str, part: Part, units: Units, sources: tuple[UnitState, ...], move: str
    ) -> None:
        """Let pass what can be taken from `sources`.

        Raises:
            WrongMove: there are fewer units.
        """
        for line_number, quantity in units:
            found = self.at(part, line_number, sources)
            if found < quantity:
                raise WrongMove(order_id, line_number, move, quantity, found)

    def at(self, part: Part, line_number: int, states: Iterable[UnitState]) -> int:
        """Units of a part's line that stand in one of `states`."""
        return sum(self.get(_spot(part, line_number, state), 0) for state in states)

    def in_state(self, state: UnitState) -> dict[int, int]:
        """Units by line number that stand in `state`, wherever."""
        found: dict[int, int] = {}
        for spot, quantity in self.items():
            if spot.state is state:
                found[spot.line_number] = found.get(spot.line_number, 0) + quantity
        return found

    def count(self, line_number: int, states: Iterable[UnitState]) -> int:
        """Units of a line that stand in one of `states`, wherever."""
        wanted = frozenset(states)
        return sum(q for s, q in self.items() if s.line_number == line_number and s.state in wanted)

    def cancellable(self, order_id: str, lines: Units | None) -> dict[Spot, int]:
        """The groups to cancel for `lines` (None: everything), units that nobody works on first.

        Raises:
            LineUnknown, QuantityTooHigh, TooLateToCancel: nothing is to be cancelled then.
        """
        left: dict[int, int] = {}
        for spot, quantity in self.items():
            gone = spot.state is UnitState.CANCELLED
            left[spot.line_number] = left.get(spot.line_number, 0) + (0 if gone else quantity)
        chosen: dict[Spot, int] = {}
        late: dict[str, int] = {}
        for line_number, quantity in (left if lines is None else dict(lines)).items():
            if line_number not in left:
                raise LineUnknown(order_id, line_number)
            if quantity > left[line_number]:
                raise QuantityTooHigh(line_number, quantity, left[line_number])
            if self._choose(line_number, quantity, chosen) < quantity:
                for spot, there in self._line(line_number).items():
                    if spot.state is not UnitState.CANCELLED:
                        late[spot.state.name] = late.get(spot.state.name, 0) + there
        if late or not chosen:
            raise TooLateToCancel(order_id, late)
        return chosen

    def _choose(self, line_number: int, quantity: int, chosen: dict[Spot, int]) -> int:
        found = 0
        groups = self._line(line_number)
        for state in _CANCELLABLE:
            for spot in sorted(spot for spot in groups if spot.state is state):
                taken = min(groups[spot], quantity - found)
                if taken:
                    chosen[spot] = taken
                    found += taken
        return found

    def _line(self, line_number: int) -> Mapping[Spot, int]:
        return {spot: quantity for spot, quantity in self.items() if spot.line_number == line_number}


def _spot(part: Part, line_number: int, state: UnitState) -> Spot:
    at_store = part.pickup_location_id and state in AT_STORE
    location_id = part.pickup_location_id if at_store else part.location_id
    return Spot(line_number, state, location_id, part.fulfillment_order_id)
