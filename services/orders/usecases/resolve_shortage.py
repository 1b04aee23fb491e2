"""The customer's choice for units that their store could not give them: send them, another store, or
cancel.
"""

from __future__ import annotations

from dataclasses import dataclass

from services.orders.domain.draft import check_pickup
from services.orders.domain.facts import Wanted
from services.orders.domain.lines import Spot
from services.orders.domain.order import Order
from services.orders.domain.places import Address
from services.orders.domain.placing import NewId
from services.orders.domain.refusals import (
    NothingPromised,
    NothingToResolve,
    OrderChanged,
    OrderOnHold,
    SourcedTooOften,
)
from services.orders.domain.sourcing import Wish
from services.orders.domain.states import Method, UnitState
from services.orders.usecases.cancel_order import Encode, Guard, known
from services.orders.usecases.cases import wish_again
from services.orders.usecases.place_order import Request
from services.orders.usecases.ports import (
    CapacityTaken,
    Directory,
    Goods,
    LiveCapacity,
    Reservations,
    Store,
    Tx,
)
from services.orders.usecases.secure import Secure, Secured

CUSTOMER_CHOICE = "CUSTOMER_CHOICE"
ATTEMPTS_SET_ASIDE = 5
PROMISE_TRIES = 5
"""How often the choice is promised anew because others took the day's capacity."""


@dataclass(frozen=True, slots=True)
class Choice:
    """One of: an address to send to, another store, or neither: cancel."""

    ship_to: Address | None = None
    pickup_location_id: str = ""


class ResolveShortage:
    """Settles all units of an order that wait for its customer."""

    def __init__(
        self,
        store: Store,
        secure: Secure,
        directory: Directory,
        reservations: Reservations,
        capacity: LiveCapacity,
        new_id: NewId,
    ) -> None:
        self._store = store
        self._secure = secure
        self._directory = directory
        self._reservations = reservations
        self._capacity = capacity
        self._new_id = new_id

    async def __call__(
        self, order_id: str, choice: Choice, request: Request, *, guard: Guard, encode: Encode
    ) -> bytes:
        """The answer in wire form.

        Raises:
            OrderUnknown, NothingToResolve, SourcedTooOften, InsufficientStock, NoPlan, LocationUnknown,
            LocationInactive, PickupNotPossible: nothing is changed.
        """
        if choice.pickup_location_id:
            await self._directory.learn({choice.pickup_location_id}, "")
            check_pickup(choice.pickup_location_id, self._directory.locations)

        async def begin(tx: Tx) -> bytes | Order:
            order = known(tx, order_id)
            guard(order)
            stored = await tx.stored(request.key, request.fingerprint, request.request_id)
            if stored is not None:
                return stored
            waiting = order.units_in(UnitState.AWAITING_CUSTOMER)
            if not waiting:
                raise NothingToResolve(order_id)
            if choice.ship_to is None and not choice.pickup_location_id:
                gone = {Spot(n, UnitState.AWAITING_CUSTOMER, "", ""): q for n, q in waiting.items()}
                order.cancel(gone, "CUSTOMER", tx.now)
                tx.answer(request.key, request.fingerprint, lambda: encode(order))
            elif order.on_hold:
                raise OrderOnHold(order_id, order.holds[-1].reason)
            elif order.worn_out:
                raise SourcedTooOften(order_id, order.attempts)
            else:
                # Attempts are set aside before inventory is asked, so that no two searches share one.
                order.attempts += ATTEMPTS_SET_ASIDE
            return order

        order = await self._store.change([order_id], begin)
        if isinstance(order, bytes):
            return order
        if choice.ship_to is None and not choice.pickup_location_id:
            return encode(order)
        secured = await self._secure(
            order_id,
            _wish(order, choice, await self._store.goods(order_id)),
            order.channel_id,
            first_attempt=order.attempts - ATTEMPTS_SET_ASIDE + 1,
            last_attempt=order.attempts,
            trigger=CUSTOMER_CHOICE,
            # What the chosen store has it may give, even if it failed before.
            excluded=order.failed_locations - {choice.pickup_location_id},
            customer_id=order.customer_id,
        )
        for left in reversed(range(PROMISE_TRIES)):
            try:
                return await self._commit(order_id, choice, secured, request, encode)
            except CapacityTaken:
                await self._capacity.refresh()
                if not left:
                    await self._reservations.release(secured.reservation_id)
                    raise OrderChanged(order_id) from None
            except NothingPromised:
                await self._reservations.release(secured.reservation_id)
                raise
        raise AssertionError

    async def _commit(
        self, order_id: str, choice: Choice, secured: Secured, request: Request, encode: Encode
    ) -> bytes:
        parts = secured.parts(self._directory.locations, self._new_id, self._capacity, choice.ship_to)

        async def finish(tx: Tx) -> bytes | Order | None:
            order = known(tx, order_id)
            stored = await tx.stored(request.key, request.fingerprint, request.request_id)
            if stored is not None:
                return stored
            wanted = {line.line_number: 0 for part in parts for line in part.lines}
            for part in parts:
                for line in part.lines:
                    wanted[line.line_number] += line.quantity_units
            if order.units_in(UnitState.AWAITING_CUSTOMER) != wanted:
                return None
            for number in wanted:
                if choice.ship_to is not None:
                    order.choose_to_ship(number, choice.ship_to)
                else:
                    order.lines[number].pickup_location_id = choice.pickup_location_id
            order.resourced(parts, Wanted(CUSTOMER_CHOICE), UnitState.AWAITING_CUSTOMER, tx.now)
            tx.keep(order_id, secured.decided)
            tx.answer(request.key, request.fingerprint, lambda: encode(order))
            return order

        done = await self._store.change([order_id], finish)
        if not isinstance(done, Order):
            # Somebody else resolved it meanwhile: what was reserved here is not needed.
            await self._reservations.release(secured.reservation_id)
        if done is None:
            raise OrderChanged(order_id)
        return done if isinstance(done, bytes) else encode(done)


def _wish(order: Order, choice: Choice, goods: Goods) -> Wish:
    method = Method.SHIP if choice.ship_to is not None else Method.PICKUP
    waiting = order.units_in(UnitState.AWAITING_CUSTOMER)
    return wish_again(order, waiting, method, choice.ship_to, choice.pickup_location_id, goods)
