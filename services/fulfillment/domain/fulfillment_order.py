"""A fulfillment order: one location's share of an order, as a state machine.

    OPEN ─► PICKING ─► PICKED ─┬► PACKED ─► SHIPPED         (SHIP)
      │        │               └► READY ─┬► HANDED_OVER     (PICKUP)
      └────────┴► CANCELLED              └► EXPIRED

A pickup whose goods another location sends to the store goes PICKED ─► PACKED ─► IN_TRANSIT ─► ARRIVED ─►
READY: the work of who sends them until they have left, then of the store. What is lost on the way leaves it.

CARRY_OUT is born HANDED_OVER. Picking from OPEN starts picking by itself, since a small store takes the
whole order in one go; a short pick or a cancellation in OPEN leaves it OPEN, since nobody has begun.
Whenever no unit is left to pick, the order is PICKED, or CANCELLED when nothing at all was picked.

Every verb first checks all, then changes all: a refused verb leaves no trace (a wrong code alone is counted).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from services.fulfillment.domain import facts
from services.fulfillment.domain.facts import Disposition, ShortPickReason, Told, Units
from services.fulfillment.domain.hold import WorkHold
from services.fulfillment.domain.pickup_code import PickupCode
from services.fulfillment.domain.refusals import (
    AlreadyPicked,
    CodeLocked,
    CodeWrong,
    LineUnknown,
    OpeningInvalid,
    OrderOnHold,
    QuantityTooHigh,
    WrongMethod,
    WrongState,
)


class Method(StrEnum):
    """How the goods leave."""

    SHIP = "SHIP"
    PICKUP = "PICKUP"
    CARRY_OUT = "CARRY_OUT"


class State(StrEnum):
    """Where a fulfillment order stands."""

    OPEN = "OPEN"
    PICKING = "PICKING"
    PICKED = "PICKED"
    PACKED = "PACKED"
    SHIPPED = "SHIPPED"
    READY = "READY"
    HANDED_OVER = "HANDED_OVER"
    EXPIRED = "EXPIRED"
    CANCELLED = "CANCELLED"
    IN_TRANSIT = "IN_TRANSIT"
    ARRIVED = "ARRIVED"


PICKABLE = frozenset({State.OPEN, State.PICKING})
DELIVERED = frozenset({State.SHIPPED, State.HANDED_OVER})
LIVE = frozenset(
    {
        State.OPEN,
        State.PICKING,
        State.PICKED,
        State.PACKED,
        State.READY,
        State.IN_TRANSIT,
        State.ARRIVED,
    }
)
"""States in which somebody still has work to do."""
HAVING_LEFT = frozenset({State.IN_TRANSIT, State.ARRIVED, State.READY, State.HANDED_OVER, State.EXPIRED})
"""States of goods that were sent to a store: their work is the store's."""


@dataclass(slots=True)
class Line:
    """Units of one line of the order: quantity = left + picked + short + cancelled; returned + lost <=
    picked.
    """

    line_number: int
    sku: str
    quantity_units: int
    name_en: str = ""
    name_es: str = ""
    picked_units: int = 0
    short_units: int = 0
    cancelled_units: int = 0
    returned_units: int = 0
    lost_units: int = 0

    @property
    def in_hand_units(self) -> int:
        """Units that were picked, and not lost on the way to a store."""
        return self.picked_units - self.lost_units

    @property
    def left_units(self) -> int:
        """Units still to pick."""
        return self.quantity_units - self.picked_units - self.short_units - self.cancelled_units

    def units(self, quantity_units: int) -> Units:
        """`quantity_units` of this line."""
        return Units(self.line_number, self.sku, quantity_units)


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """What a fulfillment order is opened from; it never changes afterwards."""

    fulfillment_order_id: str
    order_id: str
    location_id: str
    method: Method
    promise_time: datetime
    reservation_id: str = ""
    channel_id: str = ""
    customer_reference: str = ""
    language_code: str = ""
    delivery_address: bytes = field(default=b"", repr=False)
    """The address in wire form; the domain only keeps it."""
    due_time: datetime | None = None
    """By when the goods have to be on their way, or ready; None: by the promise."""
    pickup_location_id: str = ""
    """The store that the goods are sent to, to be collected; empty where a pickup's goods are there."""


@dataclass(slots=True, kw_only=True)
class FulfillmentOrder:
    """One location's share of an order. Change it by its verbs only; `told` holds the facts that are not
    stored yet.
    """

    opening: Opening
    lines: list[Line]
    state: State
    open_time: datetime
    version: int
    event_sequence: int
    carrier: str = ""
    tracking_number: str = ""
    parcel_count: int = 0
    collect_until: datetime | None = None
    code: PickupCode | None = None
    picker: str = ""
    hold: WorkHold | None = None
    """Set while an operator holds the order: it is not worked on."""
    told: list[Told] = field(default_factory=list)

    @staticmethod
    def open(opening: Opening, lines: Sequence[Line], *, now: datetime, actor: str) -> FulfillmentOrder:
        """A new one, OPEN, which takes over its `lines`; for CARRY_OUT the goods are already in the
        customer's hands.

        Raises:
            OpeningInvalid: no id, order or location, no line, a line twice, or a quantity below 1.
        """
        _check(opening, lines)
        fresh = sorted(lines, key=_number)
        in_hand = opening.method is Method.CARRY_OUT
        if in_hand:
            for line in fresh:
                line.picked_units = line.quantity_units
        order = FulfillmentOrder(
            opening=opening,
            lines=fresh,
            state=State.HANDED_OVER if in_hand else State.OPEN,
            open_time=now,
            version=1,
            event_sequence=0,
        )
        order._tell(facts.Opened(), now, actor)
        return order

    @property
    def id(self) -> str:
        """The fulfillment order's id."""
        return self.opening.fulfillment_order_id

    @property
    def due_time(self) -> datetime:
        """By when the goods have to be on their way, or ready to be collected."""
        if self._at_store:
            return self.opening.promise_time
        return self.opening.due_time or self.opening.promise_time

    @property
    def work_location_id(self) -> str:
        """Whose work it is: the store's once goods that are sent there have left."""
        return self.opening.pickup_location_id if self._at_store else self.opening.location_id

    @property
    def _at_store(self) -> bool:
        return bool(self.opening.pickup_location_id) and self.state in HAVING_LEFT

    def start_picking(self, *, now: datetime, actor: str) -> None:
        """OPEN → PICKING."""
        self._need_no_hold("start picking")
        self._need("start picking", State.OPEN)
        self.state = State.PICKING
        self.picker = actor
        self._changed()
        self._tell(facts.PickingStarted(), now, actor)

    def pick(self, quantities: Mapping[int, int], *, now: datetime, actor: str) -> None:
        """Units (by line number, each >= 1) were taken from the shelf; an empty mapping means all that is
        left.

        Raises:
            WrongState, LineUnknown, QuantityTooHigh: nothing was picked.
        """
        self._need_no_hold("pick")
        self._need("pick", *PICKABLE)
        wanted = quantities or {line.line_number: line.left_units for line in self.lines if line.left_units}
        taken = self._checked(wanted)
        starts = self.state is State.OPEN
        for line, quantity in taken:
            line.picked_units += quantity
        self.state = State.PICKING
        if starts:
            self.picker = actor
        self._settle()
        self._changed()
        if starts:
            self._tell(facts.PickingStarted(), now, actor)
        self._tell(facts.Picked(_units(taken)), now, actor)

    def report_short(
        self, quantities: Mapping[int, int], reason: ShortPickReason, note: str, *, now: datetime, actor: str
    ) -> None:
        """Units could not be found or given; they leave this fulfillment order.

        Raises:
            WrongState, LineUnknown, QuantityTooHigh: nothing was reported.
        """
        self._need("report a short pick of", *PICKABLE)
        missing = self._checked(quantities)
        for line, quantity in missing:
            line.short_units += quantity
        self._settle()
        self._changed()
        self._tell(facts.Short(_units(missing), reason, note), now, actor)

    def take_out(self, quantities: Mapping[int, int], request_id: str, *, now: datetime, actor: str) -> None:
        """Units are not wanted any more; all of them leave, or none.

        Raises:
            LineUnknown: no such line.
            AlreadyPicked: fewer than wanted are left to pick.
        """
        leaving: list[tuple[Line, int]] = []
        for number, quantity in quantities.items():
            line = self._line(number)
            left = line.left_units if self.state in PICKABLE else 0
            if quantity > left:
                raise AlreadyPicked(self.id, self.state, number, quantity, left)
            leaving.append((line, quantity))
        for line, quantity in leaving:
            line.cancelled_units += quantity
        self._settle()
        self._changed()
        self._tell(facts.TakenOut(_units(leaving), request_id), now, actor)

    def pack(self, parcel_count: int, *, now: datetime, actor: str) -> None:
        """PICKED → PACKED, in `parcel_count` (>= 1) parcels; for what is sent only."""
        self._need_no_hold("pack")
        self._need_parcel("pack")
        self._need("pack", State.PICKED)
        self.state = State.PACKED
        self.parcel_count = parcel_count
        self._changed()
        self._tell(facts.Packed(parcel_count), now, actor)

    def ship(self, carrier: str, tracking_number: str, *, now: datetime, actor: str) -> None:
        """PACKED → SHIPPED, or IN_TRANSIT to a store: the carrier has it; for what is sent only."""
        self._need_no_hold("ship")
        self._need_parcel("ship")
        self._need("ship", State.PACKED)
        self.carrier, self.tracking_number = carrier, tracking_number
        self._changed()
        if self.opening.pickup_location_id:
            self.state = State.IN_TRANSIT
            self._tell(facts.SentToStore(self.picked(), carrier, tracking_number), now, actor)
        else:
            self.state = State.SHIPPED
            self._tell(facts.Shipped(self.picked(), carrier, tracking_number), now, actor)

    def receive(self, *, now: datetime, actor: str) -> None:
        """IN_TRANSIT → ARRIVED: the store has it; for what is sent to a store only. A hold is no reason to
        leave a parcel at the door.
        """
        self._need_way_to_store("receive")
        self._need("receive", State.IN_TRANSIT)
        self.state = State.ARRIVED
        self._changed()
        self._tell(facts.ReceivedAtStore(self.picked()), now, actor)

    def lose(self, quantities: Mapping[int, int], note: str, *, now: datetime, actor: str) -> None:
        """Units will not come to the store and leave this fulfillment order; an empty mapping means all.

        Raises:
            WrongMethod, WrongState, LineUnknown, QuantityTooHigh: nothing was reported.
        """
        self._need_way_to_store("report a loss of")
        self._need("report a loss of", State.IN_TRANSIT)
        wanted = quantities or {line.line_number: line.in_hand_units for line in self.lines}
        gone = [(self._line(number), quantity) for number, quantity in wanted.items() if quantity]
        for line, quantity in gone:
            if quantity > line.in_hand_units:
                raise QuantityTooHigh(self.id, line.line_number, quantity, line.in_hand_units)
        for line, quantity in gone:
            line.lost_units += quantity
        if not self.picked():
            self.state = State.CANCELLED
        self._changed()
        self._tell(facts.LostInTransit(_units(gone), note), now, actor)

    def make_ready(self, code: PickupCode, collect_until: datetime, *, now: datetime, actor: str) -> None:
        """PICKED → READY, or ARRIVED → READY in a store that it was sent to: it waits until `collect_until`
        for whoever shows `code`; for PICKUP only.
        """
        self._need_no_hold("make ready")
        self._need_method("make ready", Method.PICKUP)
        self._need("make ready", State.ARRIVED if self.opening.pickup_location_id else State.PICKED)
        self.state = State.READY
        self.code, self.collect_until = code, collect_until
        self._changed()
        self._tell(facts.Ready(self.picked(), collect_until), now, actor)

    def hand_over(self, guess: str, *, now: datetime, actor: str) -> None:
        """READY → HANDED_OVER against the code, which is void afterwards; for PICKUP only.

        A customer who comes late, but before the goods went back, still gets them.

        Raises:
            CodeWrong: the try is counted in `code`, which must be stored.
            CodeLocked: 5 wrong tries were made before; the right code does not help any more.
        """
        self._need_no_hold("hand over")
        self._need_method("hand over", Method.PICKUP)
        code = self._ready_code("hand over")
        if not code.tries_left:
            raise CodeLocked(self.id)
        if not code.matches(guess):
            self.code = code.after_wrong_try()
            raise CodeWrong(self.id, self.code.tries_left)
        self.state = State.HANDED_OVER
        self.code = None
        self._changed()
        self._tell(facts.HandedOver(self.picked()), now, actor)

    def renew_code(self, code: PickupCode) -> None:
        """The old code is void, wrong tries are forgotten."""
        self._need_method("renew the code of", Method.PICKUP)
        self._ready_code("renew the code of")
        self.code = code
        self._changed()

    def shown_code(self) -> PickupCode:
        """The code, for the customer's front end only."""
        self._need_method("show the code of", Method.PICKUP)
        return self._ready_code("show the code of")

    def expire(self, *, now: datetime, actor: str) -> None:
        """READY → EXPIRED: the goods go to the shelf of the store where they waited, the code is void."""
        self._need_method("expire", Method.PICKUP)
        self._need("expire", State.READY)
        self.state = State.EXPIRED
        self.code = None
        self._changed()
        self._tell(facts.Expired(self.picked()), now, actor)

    def receive_back(
        self,
        quantities: Mapping[int, int],
        disposition: Disposition,
        reason: str,
        *,
        return_id: str,
        receiving_location_id: str,
        now: datetime,
        actor: str,
    ) -> None:
        """Delivered units (by line number, each >= 1) came back.

        Raises:
            WrongState: nothing was delivered.
            QuantityTooHigh: more than were delivered and are not back yet.
        """
        self._need("receive a return of", *DELIVERED)
        back: list[tuple[Line, int]] = []
        for number, quantity in quantities.items():
            line = self._line(number)
            if quantity > line.in_hand_units - line.returned_units:
                raise QuantityTooHigh(self.id, number, quantity, line.in_hand_units - line.returned_units)
            back.append((line, quantity))
        for line, quantity in back:
            line.returned_units += quantity
        self._changed()
        self._tell(
            facts.Returned(return_id, receiving_location_id, _units(back), disposition, reason), now, actor
        )

    def picked(self) -> tuple[Units, ...]:
        """All that was taken from the shelf and not lost since."""
        return tuple(line.units(line.in_hand_units) for line in self.lines if line.in_hand_units)

    def _line(self, number: int) -> Line:
        for line in self.lines:
            if line.line_number == number:
                return line
        raise LineUnknown(self.id, number)

    def _checked(self, quantities: Mapping[int, int]) -> list[tuple[Line, int]]:
        found = [(self._line(number), quantity) for number, quantity in quantities.items()]
        for line, quantity in found:
            if quantity > line.left_units:
                raise QuantityTooHigh(self.id, line.line_number, quantity, line.left_units)
        return found

    def _need(self, action: str, *states: State) -> None:
        if self.state not in states:
            raise WrongState(self.id, action, self.state)

    def _need_no_hold(self, action: str) -> None:
        if self.hold is not None:
            raise OrderOnHold(self.id, self.opening.order_id, action, self.hold.reason)

    def _need_method(self, action: str, method: Method) -> None:
        if self.opening.method is not method:
            raise WrongMethod(self.id, action, self.opening.method)

    def _need_parcel(self, action: str) -> None:
        if self.opening.method is not Method.SHIP and not self.opening.pickup_location_id:
            raise WrongMethod(self.id, action, self.opening.method)

    def _need_way_to_store(self, action: str) -> None:
        if not self.opening.pickup_location_id:
            raise WrongMethod(self.id, action, self.opening.method)

    def _ready_code(self, action: str) -> PickupCode:
        if self.state is not State.READY or self.code is None:
            raise WrongState(self.id, action, self.state)
        return self.code

    def _settle(self) -> None:
        if any(line.left_units for line in self.lines):
            return
        self.state = State.PICKED if any(line.picked_units for line in self.lines) else State.CANCELLED

    def _changed(self) -> None:
        self.version += 1

    def _tell(self, fact: facts.Fact, now: datetime, actor: str) -> None:
        self.event_sequence += 1
        self.told.append(Told(self.event_sequence, now, actor, fact))


def _number(line: Line) -> int:
    return line.line_number


def _check(opening: Opening, lines: Sequence[Line]) -> None:
    """Written out, because it runs for every order: each condition is looked at once, and only a failed one
    is described.
    """
    id_ = opening.fulfillment_order_id
    if not id_:
        raise OpeningInvalid(id_, "fulfillment_order_id", "is missing")
    if not opening.order_id:
        raise OpeningInvalid(id_, "order_id", "is missing")
    if not opening.location_id:
        raise OpeningInvalid(id_, "location_id", "is missing")
    if not lines:
        raise OpeningInvalid(id_, "lines", "are missing")
    if opening.pickup_location_id and opening.method is not Method.PICKUP:
        raise OpeningInvalid(id_, "pickup_location_id", "is for what is collected")
    numbers: set[int] = set()
    for line in lines:
        if line.quantity_units < 1:
            raise OpeningInvalid(id_, "lines.quantity_units", "must be at least 1")
        if not line.sku:
            raise OpeningInvalid(id_, "lines.sku", "is missing")
        numbers.add(line.line_number)
    if len(numbers) < len(lines):
        raise OpeningInvalid(id_, "lines", "name a line twice")


def _units(taken: Iterable[tuple[Line, int]]) -> tuple[Units, ...]:
    return tuple(line.units(quantity) for line, quantity in taken)
