"""The life of an order: units of its lines move between states and places, and money follows them.

Units are neither made nor lost: per line, the units of all groups add up to what was ordered. A method
either makes its whole move or refuses it with facts and changes nothing. What a move brings about is
appended to `Order.facts`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from services.orders.domain import messages
from services.orders.domain.facts import (
    BackorderReleased,
    Cancelled,
    CancelledUnits,
    ChoiceNeeded,
    Fact,
    Held,
    HoldLifted,
    MoneyDue,
    MoneyMoved,
    Part,
    Progressed,
    Released,
    Resourced,
    SearchNeeded,
    Told,
    Wanted,
)
from services.orders.domain.holds import MOST_HOLDS, Hold
from services.orders.domain.lines import Line, Spot
from services.orders.domain.messages import Message
from services.orders.domain.money import refund_share, share
from services.orders.domain.payment import Payment
from services.orders.domain.places import Address
from services.orders.domain.promise import Promise
from services.orders.domain.refusals import NothingToHold, NotOnHold, OrderOnHold, WrongMove
from services.orders.domain.standing import Standing, Units
from services.orders.domain.states import (
    FINAL_ORDER_STATES,
    Method,
    OrderState,
    UnitState,
    order_state,
)

MOST_ATTEMPTS = 60
"""Sourcing attempts of one order, of all kinds. Beyond, nobody can ask for more, and units whose location
fails are cancelled.
"""

_SETTLED = (UnitState.SHIPPED, UnitState.HANDED_OVER, UnitState.RETURNED, UnitState.CANCELLED)
_CAPTURED = (UnitState.SHIPPED, UnitState.HANDED_OVER, UnitState.RETURNED)


@dataclass(slots=True, kw_only=True)
class Order:
    """An accepted order."""

    order_id: str
    channel_id: str
    customer_id: str
    language_code: str
    currency_code: str
    total_minor: int
    tax_minor: int
    discount_minor: int
    delivery_address: Address | None
    location_id: str
    customer_reference: str
    accept_time: datetime
    promise_time: datetime | None
    trace_id: str
    customer_promise: str
    """How soon the customer wanted what is sent."""
    lines: dict[int, Line]
    units: Standing
    parts: dict[str, Part]
    payment: Payment
    messages: list[Message] = field(default_factory=list)
    attempts: int = 1
    """Reservation attempts used so far, re-sourcing included."""
    failed_locations: frozenset[str] = frozenset()
    """Locations that could not serve what they were asked to."""
    holds: list[Hold] = field(default_factory=list)
    """Oldest first."""
    version: int = 0
    event_sequence: int = 0
    facts: list[Fact] = field(default_factory=list)
    """What happened since the order was loaded."""

    @property
    def state(self) -> OrderState:
        """Where the order stands."""
        return order_state(spot.state for spot in self.units)

    @property
    def ended(self) -> bool:
        """Nothing is left to do, and the provider has moved all money that was due."""
        return self.state in FINAL_ORDER_STATES and self.payment.settles(self.lines.values())

    @property
    def kept(self) -> bool | None:
        """Whether the promise that was made with the acceptance is kept for all that is still wanted: nobody
        was late, and who served instead of another promised nothing later. None: not to be said yet.
        """
        attempts = {part.attempt for part in self.parts.values()}
        if len(attempts) < 2 and all(part.done_time is None for part in self.parts.values()):
            return None
        first = min(attempts)
        promised = [part.promise_time for part in self.parts.values() if part.attempt == first]
        by = max([time for time in promised if time is not None], default=None)
        outcomes = set()
        for spot in self.units:
            part = self.parts.get(spot.fulfillment_order_id)
            if spot.state is UnitState.CANCELLED or (part is not None and part.due_time is None):
                continue
            later = part is not None and by is not None and (part.promise_time or by) > by
            outcomes.add(False if later else part.kept if part is not None else None)
        return False if False in outcomes else None if None in outcomes or not outcomes else True

    @property
    def on_hold(self) -> bool:
        """Nobody is to work on it now."""
        return bool(self.holds) and self.holds[-1].lift_time is None

    @property
    def worn_out(self) -> bool:
        """It was sourced so often that no other location is looked for any more."""
        return self.attempts >= MOST_ATTEMPTS

    def destination(self, part: Part | None) -> Address | None:
        """Where a part's parcel goes: where the customer wanted those units, else to the order's address."""
        return part.delivery_address if part is not None and part.delivery_address else self.delivery_address

    # ---- facts from fulfillment

    def picked(self, fulfillment_order_id: str, units: Units) -> None:
        """Units were taken from the shelf."""
        if self._advance(fulfillment_order_id, units, UnitState.PICKED, (UnitState.ALLOCATED,)):
            self._progressed()

    def sent_to_store(self, fulfillment_order_id: str, units: Units, now: datetime) -> None:
        """Units left for the store where they are collected."""
        moved = self._advance(
            fulfillment_order_id, units, UnitState.IN_TRANSIT, (UnitState.PICKED, UnitState.ALLOCATED)
        )
        if moved:
            part = self.parts[fulfillment_order_id]
            self._tell(
                messages.SENT_TO_STORE,
                now,
                location=part.collected_at,
                until=messages.moment(part.promise_time, self.language_code),
                items=self._items(moved),
            )

    def lost_in_transit(self, fulfillment_order_id: str, units: Units, trigger: str, now: datetime) -> None:
        """Units will not come to their store: others are searched for that send them there."""
        part = self._part(fulfillment_order_id, units)
        self.units.check(self.order_id, part, units, (UnitState.IN_TRANSIT,), "loss in transit")
        for line_number, quantity in units:
            here = Spot(line_number, UnitState.IN_TRANSIT, part.pickup_location_id, fulfillment_order_id)
            self.units.move(here, Spot(line_number, UnitState.RESOURCING, "", ""), quantity)
        self._progressed()
        self._search(fulfillment_order_id, units, trigger, now)

    def ready(
        self,
        fulfillment_order_id: str,
        units: Units,
        until: datetime | None,
        now: datetime,
        done_time: datetime | None = None,
    ) -> None:
        """Units wait in the store until `until`, since `done_time` (None: now)."""
        if self._advance(
            fulfillment_order_id,
            units,
            UnitState.READY,
            (UnitState.IN_TRANSIT, UnitState.PICKED, UnitState.ALLOCATED),
        ):
            self._tell(
                messages.READY_FOR_PICKUP,
                now,
                location=self.parts[fulfillment_order_id].collected_at,
                until=messages.moment(until, self.language_code),
                items=self._items(units),
            )
            self._done(fulfillment_order_id, done_time or now)

    def shipped(
        self,
        fulfillment_order_id: str,
        units: Units,
        carrier: str,
        tracking_number: str,
        now: datetime,
        done_time: datetime | None = None,
    ) -> None:
        """Units left in a parcel at `done_time` (None: now); their share is captured."""
        moved = self._advance(
            fulfillment_order_id, units, UnitState.SHIPPED, (UnitState.PICKED, UnitState.ALLOCATED)
        )
        if moved:
            self._capture(moved)
            said = messages.tracking(self.language_code, carrier, tracking_number)
            self._tell(messages.SHIPPED, now, items=self._items(moved), tracking=said)
            self._done(fulfillment_order_id, done_time or now)

    def handed_over(self, fulfillment_order_id: str, units: Units, done_time: datetime | None = None) -> None:
        """The customer collected units at `done_time`; their share is captured."""
        moved = self._advance(
            fulfillment_order_id,
            units,
            UnitState.HANDED_OVER,
            (UnitState.READY, UnitState.IN_TRANSIT, UnitState.PICKED, UnitState.ALLOCATED),
        )
        if moved:
            self._capture(moved)
            self._progressed()
            if done_time is not None:
                self._done(fulfillment_order_id, done_time)

    def short(self, fulfillment_order_id: str, units: Units, trigger: str, now: datetime) -> None:
        """Units cannot come from their location: what is sent is searched for elsewhere, or given up where
        that was done too often; the customer of what stands in the store is asked.
        """
        if not self.lost(fulfillment_order_id, units, now):
            self._search(fulfillment_order_id, units, trigger, now)

    def _search(self, fulfillment_order_id: str, units: Units, trigger: str, now: datetime) -> None:
        if self.worn_out:
            self.given_up(units, now)
        else:
            self.attempts += 1
            self.facts.append(SearchNeeded(trigger, tuple(units), fulfillment_order_id, self.attempts))

    def lost(
        self,
        fulfillment_order_id: str,
        units: Units,
        now: datetime,
        wanted: Wanted | None = None,
        failed_id: str = "",
    ) -> bool:
        """Units left their location without reaching anybody; True when the customer was asked about them.
        With `wanted` they could have stayed, so that they are still reserved there. `failed_id`: who failed,
        unless it is that location.
        """
        part = self._part(fulfillment_order_id, units)
        self.units.check(self.order_id, part, units, (UnitState.ALLOCATED,), "loss")
        failed_id = failed_id or part.location_id
        asks = part.asks_without(failed_id)
        target = UnitState.AWAITING_CUSTOMER if asks else UnitState.RESOURCING
        for line_number, quantity in units:
            here = Spot(line_number, UnitState.ALLOCATED, part.location_id, fulfillment_order_id)
            self.units.move(here, Spot(line_number, target, "", ""), quantity)
        self.failed_locations |= {failed_id}
        if wanted is not None:
            back = tuple(
                CancelledUnits(
                    n, self.lines[n].sku, q, part.location_id, part.reservation_id, fulfillment_order_id
                )
                for n, q in units
            )
            self.facts.append(Released(back, wanted))
        if asks:
            self.facts.append(ChoiceNeeded(tuple(units)))
            self._tell(messages.CHOICE_NEEDED, now, location=failed_id, items=self._items(units))
        else:
            self._progressed()
        return asks

    def not_collected(self, fulfillment_order_id: str, units: Units, now: datetime) -> None:
        """The customer did not come: units are cancelled, their share is released."""
        moved = self._advance(
            fulfillment_order_id,
            units,
            UnitState.CANCELLED,
            (UnitState.READY, UnitState.IN_TRANSIT, UnitState.PICKED, UnitState.ALLOCATED),
        )
        if moved:
            # Inventory gives the units back on fulfillment's own event, so no reservation is named.
            gone = tuple(
                CancelledUnits(n, self.lines[n].sku, q, "", "", fulfillment_order_id) for n, q in moved
            )
            self._cancelled(gone, "NOT_COLLECTED", messages.NOT_COLLECTED, now)

    def returned(self, fulfillment_order_id: str, units: Units, now: datetime) -> None:
        """Units came back: their share is refunded."""
        sources = (UnitState.SHIPPED, UnitState.HANDED_OVER)
        part = self._part(fulfillment_order_id, units)
        self.units.check(self.order_id, part, units, sources, "return")
        back = 0
        for line_number, quantity in units:
            line = self.lines[line_number]
            amount = refund_share(
                line.captured_minor,
                self.units.count(line_number, _CAPTURED),
                line.refunded_minor,
                self.units.count(line_number, (UnitState.RETURNED,)),
                quantity,
            )
            line.refunded_minor += amount
            back += amount
            self.units.take(part, line_number, quantity, UnitState.RETURNED, sources)
        self._due("REFUND", back)
        self._tell(messages.REFUNDED, now, items=self._items(units), amount=self._amount(back))

    # ---- other locations, other wishes

    def resourced(self, parts: Sequence[Part], why: Wanted, source: UnitState, now: datetime) -> None:
        """Units in state `source` (RESOURCING, or AWAITING_CUSTOMER after a choice) are served by new
        parts.
        """
        wanted: dict[int, int] = {}
        for part in parts:
            for wish in part.lines:
                wanted[wish.line_number] = wanted.get(wish.line_number, 0) + wish.quantity_units
        for line_number, quantity in wanted.items():
            found = self.units.get(Spot(line_number, source, "", ""), 0)
            if found < quantity:
                raise WrongMove(self.order_id, line_number, "resourcing", quantity, found)
        for part in parts:
            self.parts[part.fulfillment_order_id] = part
            state = UnitState.BACKORDERED if part.supply_id else UnitState.ALLOCATED
            for wish in part.lines:
                to = Spot(wish.line_number, state, part.location_id, part.fulfillment_order_id)
                self.units.move(Spot(wish.line_number, source, "", ""), to, wish.quantity_units)
        promised = [part.promise_time for part in parts if part.promise_time is not None]
        self.facts.append(Resourced(tuple(parts), why))
        if promised and (self.promise_time is None or max(promised) > self.promise_time):
            self.promise_time = max(promised)
        self._tell(
            messages.RESOURCED,
            now,
            items=self._items(tuple(wanted.items())),
            until=messages.moment(max(promised, default=None), self.language_code),
        )

    def given_up(self, units: Units, now: datetime) -> None:
        """Nobody has the units that were searched for: they are cancelled, their share is released. What
        others were to send to a store is its customer's choice.
        """
        gone: dict[Spot, int] = {}
        asked: list[tuple[int, int]] = []
        for line_number, quantity in units:
            spot = Spot(line_number, UnitState.RESOURCING, "", "")
            if self.units.get(spot, 0) < quantity:
                raise WrongMove(self.order_id, line_number, "give up", quantity, self.units.get(spot, 0))
            if self.lines[line_number].method is Method.PICKUP:
                asked.append((line_number, quantity))
            else:
                gone[spot] = quantity
        for line_number, quantity in asked:
            spot = Spot(line_number, UnitState.RESOURCING, "", "")
            self.units.move(spot, spot._replace(state=UnitState.AWAITING_CUSTOMER), quantity)
        if asked:
            stores = sorted({self.lines[number].pickup_location_id for number, _ in asked})
            self.facts.append(ChoiceNeeded(tuple(asked)))
            self._tell(messages.CHOICE_NEEDED, now, location=", ".join(stores), items=self._items(asked))
        self.cancel(gone, "NO_STOCK", now)

    # ---- what is waited for

    def waiting(self, fulfillment_order_id: str) -> dict[int, int]:
        """Units by line number of a part that are still waited for."""
        return {
            spot.line_number: quantity
            for spot, quantity in self.units.items()
            if spot.state is UnitState.BACKORDERED and spot.fulfillment_order_id == fulfillment_order_id
        }

    def waiting_part(self, reservation_id: str, sku: str, supply_id: str) -> Part | None:
        """The part by which units of a supply are, or were, waited for."""
        for part in self.parts.values():
            same = part.supply_id == supply_id and part.reservation_id == reservation_id
            if same and any(line.sku == sku for line in part.lines):
                return part
        return None

    def backorder_moved(
        self, part: Part, expected_at: datetime, promise: Promise | None, now: datetime
    ) -> None:
        """A part's supply is expected at another time, so the customer has another promise."""
        if part.expected_at == expected_at or not self.waiting(part.fulfillment_order_id):
            return
        moved = part._replace(expected_at=expected_at)
        if promise is not None:
            moved = moved._replace(promise_time=promise.time, due_time=promise.due)
        self.parts[part.fulfillment_order_id] = moved
        self._promise_anew()
        if moved.promise_time != part.promise_time:
            self.tell_of(messages.BACKORDER_MOVED, moved, now)
        else:
            self._progressed()

    def backorder_cut(self, part: Part, line_number: int, quantity: int, trigger: str, now: datetime) -> None:
        """Units of a part will not come: parcels are searched for elsewhere, a pickup's customer is asked."""
        waiting = min(quantity, self.waiting(part.fulfillment_order_id).get(line_number, 0))
        if not waiting:
            return
        units = ((line_number, waiting),)
        asks = part.method == Method.PICKUP
        target = UnitState.AWAITING_CUSTOMER if asks else UnitState.RESOURCING
        here = Spot(line_number, UnitState.BACKORDERED, part.location_id, part.fulfillment_order_id)
        self.units.move(here, Spot(line_number, target, "", ""), waiting)
        if asks:
            self.facts.append(ChoiceNeeded(units))
            self._tell(messages.CHOICE_NEEDED, now, location=part.location_id, items=self._items(units))
        elif self.worn_out:
            self.given_up(units, now)
        else:
            self.attempts += 1
            self.facts.append(SearchNeeded(trigger, units, part.fulfillment_order_id, self.attempts))
            self._progressed()

    def backorder_arrived(self, part: Part, came: Part | None, surplus: Units, now: datetime) -> None:
        """Goods that `part` waits for are reserved at the location: `came` is the work on them, and what came
        beyond what is still wanted is given back.
        """
        if came is not None:
            self.parts[came.fulfillment_order_id] = came
            for line in came.lines:
                here = Spot(
                    line.line_number, UnitState.BACKORDERED, part.location_id, part.fulfillment_order_id
                )
                there = Spot(
                    line.line_number, UnitState.ALLOCATED, came.location_id, came.fulfillment_order_id
                )
                self.units.move(here, there, line.quantity_units)
            self.facts.append(BackorderReleased(came))
            self._promise_anew()
            self.tell_of(messages.BACKORDER_ARRIVED, came, now)
        if surplus:
            back = tuple(
                CancelledUnits(
                    n, self.lines[n].sku, q, part.location_id, part.reservation_id, part.fulfillment_order_id
                )
                for n, q in surplus
            )
            self.facts.append(Released(back, Wanted("NOT_WAITED_FOR")))

    def _promise_anew(self) -> None:
        open_parts = {spot.fulfillment_order_id for spot in self.units if spot.state not in _SETTLED}
        promised = [
            part.promise_time
            for name, part in self.parts.items()
            if part.promise_time is not None and name in open_parts
        ]
        if promised:
            self.promise_time = max(promised)

    def tell_of(self, kind: str, part: Part, now: datetime) -> None:
        """Tell the customer of a part and its promise."""
        self._tell(
            kind,
            now,
            items=self._items([(line.line_number, line.quantity_units) for line in part.lines]),
            until=messages.moment(part.promise_time, self.language_code),
        )

    def choose_to_ship(self, line_number: int, address: Address) -> None:
        """The customer wants a line's waiting units sent."""
        self.lines[line_number].method = Method.SHIP
        self.lines[line_number].pickup_location_id = ""
        if self.delivery_address is None:
            self.delivery_address = address

    # ---- holding

    def hold(self, reason: str, actor: str, now: datetime) -> None:
        """Nobody is to work on it any more; what has left stays left.

        Raises:
            NothingToHold: it has reached its end.
            OrderOnHold: it is held already.
        """
        if self.on_hold:
            raise OrderOnHold(self.order_id, self.holds[-1].reason)
        if self.state in FINAL_ORDER_STATES:
            raise NothingToHold(self.order_id, self.state.name)
        self.holds = [*self.holds, Hold(reason, actor, now)][-MOST_HOLDS:]
        self.facts.append(Held(self.holds[-1]))

    def lift_hold(self, reason: str, actor: str, now: datetime) -> None:
        """Work goes on.

        Raises:
            NotOnHold: nobody held it.
        """
        if not self.on_hold:
            raise NotOnHold(self.order_id)
        lifted = self.holds[-1]._replace(lifted_by=actor, lift_time=now, lift_reason=reason)
        self.holds = [*self.holds[:-1], lifted]
        self.facts.append(HoldLifted(lifted))

    # ---- cancelling

    def cancellable(self, lines: Units | None) -> dict[Spot, int]:
        """The groups to cancel for `lines` (None: everything), units that nobody works on first.

        Raises:
            LineUnknown, QuantityTooHigh, TooLateToCancel: nothing is to be cancelled then.
        """
        return self.units.cancellable(self.order_id, lines)

    def cancel(self, chosen: Mapping[Spot, int], cause: str, now: datetime) -> None:
        """Cancel units; of groups that shrank meanwhile, what is left. Their share is released."""
        gone: list[CancelledUnits] = []
        for spot, quantity in chosen.items():
            taken = min(quantity, self.units.get(spot, 0))
            if not taken:
                continue
            self.units.move(
                spot,
                Spot(spot.line_number, UnitState.CANCELLED, spot.location_id, spot.fulfillment_order_id),
                taken,
            )
            part = self.parts.get(spot.fulfillment_order_id)
            gone.append(
                CancelledUnits(
                    spot.line_number,
                    self.lines[spot.line_number].sku,
                    taken,
                    spot.location_id,
                    part.reservation_id if part else "",
                    spot.fulfillment_order_id,
                    part.supply_id if part and spot.state is UnitState.BACKORDERED else "",
                )
            )
        if gone:
            self._cancelled(tuple(gone), cause, messages.UNITS_CANCELLED, now)

    # ---- money

    def money_moved(self, movement: str, amount_minor: int) -> None:
        """The provider did what was due: CAPTURE, VOID or REFUND."""
        self.payment.moved(movement, amount_minor)
        words = {"CAPTURE": "CAPTURED", "VOID": "VOIDED", "REFUND": "REFUNDED"}
        self.facts.append(MoneyMoved(words[movement], amount_minor))

    # ---- inner workings

    def units_in(self, state: UnitState) -> dict[int, int]:
        """Units by line number that stand in `state`, wherever."""
        return self.units.in_state(state)

    def _done(self, fulfillment_order_id: str, at: datetime) -> None:
        """The location has done its share, once nothing of the part is left to do there."""
        part = self.parts[fulfillment_order_id]
        todo = (UnitState.ALLOCATED, UnitState.PICKED, UnitState.IN_TRANSIT)
        left = any(s.fulfillment_order_id == fulfillment_order_id and s.state in todo for s in self.units)
        if part.done_time is None and not left:
            self.parts[fulfillment_order_id] = part._replace(done_time=at)

    def _advance(
        self, fulfillment_order_id: str, units: Units, target: UnitState, sources: tuple[UnitState, ...]
    ) -> list[tuple[int, int]]:
        part = self._part(fulfillment_order_id, units)
        return self.units.advance(self.order_id, part, units, target, sources)

    def _part(self, fulfillment_order_id: str, units: Units) -> Part:
        part = self.parts.get(fulfillment_order_id)
        if part is None or not units:
            raise WrongMove(self.order_id, 0, f"a fact of unknown work {fulfillment_order_id}", 0, 0)
        return part

    def _settle(self, line_number: int, units: int) -> int:
        # The units stand in their new state already, so what was settled before is less by them.
        line = self.lines[line_number]
        settled = self.units.count(line_number, _SETTLED) - units
        return share(line.total_minor, line.quantity_units, settled, units)

    def _capture(self, moved: Units) -> None:
        taken = 0
        for line_number, quantity in moved:
            amount = self._settle(line_number, quantity)
            self.lines[line_number].captured_minor += amount
            taken += amount
        self._due("CAPTURE", taken)

    def _cancelled(self, gone: tuple[CancelledUnits, ...], cause: str, message: str, now: datetime) -> None:
        released = 0
        by_line: dict[int, int] = {}
        for unit in gone:
            by_line[unit.line_number] = by_line.get(unit.line_number, 0) + unit.quantity_units
        for line_number, quantity in by_line.items():
            amount = self._settle(line_number, quantity)
            self.lines[line_number].voided_minor += amount
            released += amount
        self.facts.append(Cancelled(gone, cause))
        self._due("VOID", released)
        self._tell(message, now, items=self._items(tuple(by_line.items())), amount=self._amount(released))

    def _due(self, kind: str, amount_minor: int) -> None:
        if amount_minor > 0 and self.payment.payment_id:
            self.facts.append(MoneyDue(kind, amount_minor))

    def _progressed(self) -> None:
        self.facts.append(Progressed())

    def _tell(self, kind: str, now: datetime, **facts: str) -> None:
        text = messages.text(kind, self.language_code, **facts)
        self.messages.append(Message(kind, text, now))
        self.facts.append(Told(kind, text))

    def _items(self, units: Units) -> str:
        return ", ".join(f"{quantity} × {self._name(number)}" for number, quantity in units)

    def _name(self, line_number: int) -> str:
        line = self.lines[line_number]
        return (line.name_es if self.language_code == "es" else line.name_en) or line.sku

    def _amount(self, minor: int) -> str:
        return messages.amount(minor, self.currency_code)
