"""Units that could stay where they are, but that others shall serve: an operator wants it, or their location
stopped.

Others are found and their units reserved before anything is taken away (stage MOVE), so that nothing changes
when there are none. From the moment that fulfillment is asked (TAKE_OUT) on, it is the way of every other
case, and a crash leaves a row with which the background, or fulfillment's own event, finishes it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import NamedTuple

from chassis.refusals import PassedOn
from services.orders.domain.facts import Part, Wanted
from services.orders.domain.moving import movable, spots, unpicked
from services.orders.domain.order import Order
from services.orders.domain.places import Address
from services.orders.domain.placing import NewId
from services.orders.domain.refusals import (
    InsufficientStock,
    LocationUnknown,
    NothingToSourceAgain,
    OrderOnHold,
    Refusal,
    SourcedTooOften,
)
from services.orders.domain.standing import Units
from services.orders.domain.states import UnitState
from services.orders.usecases.cancel_order import Encode, known
from services.orders.usecases.cases import (
    DONE,
    MOVE,
    OPERATOR,
    SOURCE,
    TAKE_OUT,
    new_move,
    reserved_for,
    searched_wish,
    taken_out,
)
from services.orders.usecases.place_order import Request
from services.orders.usecases.ports import (
    CapacityTaken,
    Case,
    CaseUnits,
    Directory,
    LiveCapacity,
    Reservations,
    Store,
    Taken,
    Tx,
)
from services.orders.usecases.secure import Secure, Secured

OWN_SECONDS = 30.0
"""How long a move is left to whoever opened it."""
PROMISE_TRIES = 5


_REFUSED = (Refusal, PassedOn)


class _Found(NamedTuple):
    """Others that have the units, reserved there; nothing of it is written yet."""

    secured: Secured
    to: Address | None
    fulfillment_order_id: str

    @property
    def units(self) -> tuple[tuple[int, int, str], ...]:
        """What they serve: (line number, units, fulfillment order that gives them up)."""
        by_line: dict[int, int] = {}
        for part in self.secured.plan.parts:
            for number, _, quantity in part.lines:
                by_line[number] = by_line.get(number, 0) + quantity
        return tuple((n, q, self.fulfillment_order_id) for n, q in sorted(by_line.items()))


class Ask(NamedTuple):
    """What an operator wants moved; `lines` empty: all that is not picked."""

    fulfillment_order_id: str
    lines: Units
    excluded: frozenset[str]
    actor: str
    reason: str


class MoveUnits:
    """Moves units from a location to others, or asks a pickup's customer."""

    def __init__(
        self,
        store: Store,
        secure: Secure,
        taken: Taken,
        directory: Directory,
        reservations: Reservations,
        capacity: LiveCapacity,
        new_id: NewId,
    ) -> None:
        self._store = store
        self._secure = secure
        self._taken = taken
        self._directory = directory
        self._reservations = reservations
        self._capacity = capacity
        self._new_id = new_id

    async def __call__(
        self, order_id: str, case_id: str, ask: Ask, request: Request, encode: Encode
    ) -> bytes:
        """The answer in wire form.

        Raises:
            OrderUnknown, OrderOnHold, SourcedTooOften, LocationUnknown, InsufficientStock, NoPlan,
            NothingPromised, and what `movable` raises: everything is as it was.
        """
        await self._directory.learn(set(ask.excluded), "")
        for location_id in sorted(ask.excluded):
            if location_id not in self._directory.locations.by_id:
                raise LocationUnknown(location_id)

        async def begin(tx: Tx) -> bytes | Case:
            order = known(tx, order_id)
            stored = await tx.stored(request.key, request.fingerprint, request.request_id)
            if stored is not None:
                return stored
            begun = await tx.lock_case(order_id, case_id)
            if begun is not None:
                return begun
            if order.on_hold:
                raise OrderOnHold(order_id, order.holds[-1].reason)
            if order.worn_out:
                raise SourcedTooOften(order_id, order.attempts)
            part, units = movable(order, ask.fulfillment_order_id, ask.lines)
            wanted = Wanted(OPERATOR, ask.actor, ask.reason)
            case = new_move(order, case_id, part, units, wanted, tx, ask.excluded)
            await tx.open_move(case, wait_seconds=OWN_SECONDS)
            return case

        begun = await self._store.change([order_id], begin)
        if isinstance(begun, bytes):
            return begun
        try:
            await self.move(begun, partial=False)
        except _REFUSED:
            await self._drop(begun)
            raise

        async def answer(tx: Tx) -> Order | bytes:
            order = known(tx, order_id)
            stored = await tx.stored(request.key, request.fingerprint, request.request_id)
            if stored is not None:
                return stored
            tx.answer(request.key, request.fingerprint, lambda: encode(order))
            return order

        done = await self._store.change([order_id], answer)
        return done if isinstance(done, bytes) else encode(done)

    async def move(self, case: Case, *, partial: bool) -> None:
        """Bring a case to its end, or as far as the background can go on; with `partial`, for as many units
        as others have.

        Raises:
            NothingToSourceAgain, InsufficientStock, NoPlan, NothingPromised, OrderOnHold,
            AttemptsExhausted: everything is as it was.
        """
        if case.stage in (SOURCE, DONE):
            return
        order = await self._store.read(case.order_id)
        assert order is not None
        part = order.parts[case.units[0][2]]
        found: _Found | None = None
        if case.stage == MOVE:
            found = await self._find(case, order, part, partial)
            try:
                case = await self._announce(case, found.units)
            except _REFUSED:
                await self._give_back(found)
                raise
        reason = await self._taken.take_out(
            order, case.case_id, spots(part, [(n, q) for n, q, _ in case.units])
        )
        if reason:
            await self._give_back(found)
            raise NothingToSourceAgain(case.order_id, {UnitState.PICKED.name: _count(case.units)})
        await self._finish(case, found)

    async def _find(self, case: Case, order: Order, part: Part, partial: bool) -> _Found:
        """Others that have the units, reserved there."""
        there = unpicked(order, part)
        wanted = {n: min(q, there.get(n, 0)) for n, q, _ in case.units if there.get(n, 0)}
        searched = searched_wish(order, part, wanted, await self._store.goods(case.order_id))
        if not wanted or searched is None or (not partial and sum(wanted.values()) < _count(case.units)):
            raise NothingToSourceAgain(case.order_id, {})
        wish, to = searched
        secured = await self._secure(
            case.order_id,
            wish,
            order.channel_id,
            first_attempt=case.attempt,
            last_attempt=case.attempt,
            trigger=case.trigger,
            excluded=order.failed_locations | case.excluded | {part.location_id},
            partial=partial,
            customer_id=order.customer_id,
        )
        found = _Found(secured, to, part.fulfillment_order_id)
        if not found.units:
            raise InsufficientStock(secured.plan.shortages)
        try:
            self._parts(found)
        except Exception:
            await self._give_back(found)
            raise
        return found

    async def _announce(self, case: Case, units: Sequence[tuple[int, int, str]]) -> Case:
        """From here on whoever meets the case takes the units out; not while the order is on hold."""

        async def announce(tx: Tx) -> Case:
            order = known(tx, case.order_id)
            current = await tx.lock_case(case.order_id, case.case_id)
            if current is None or current.stage != MOVE or current.attempt != case.attempt:
                raise NothingToSourceAgain(case.order_id, {})
            if order.on_hold:
                raise OrderOnHold(case.order_id, order.holds[-1].reason)
            following = dataclasses.replace(current, stage=TAKE_OUT, units=tuple(units))
            await tx.move_case(following, wait_seconds=OWN_SECONDS)
            return following

        return await self._store.change([case.order_id], announce)

    async def _finish(self, case: Case, found: _Found | None) -> None:
        """The units are out: others serve them. What they cannot promise any more is searched for anew."""
        for _ in range(PROMISE_TRIES):
            try:
                parts = self._parts(found) if found is not None else []
            except _REFUSED:
                break
            try:
                if not await self._settle(case, found, parts):
                    await self._give_back(found)
                return
            except CapacityTaken:
                await self._capacity.refresh()
        await self._settle(case, None, [])
        await self._give_back(found)

    async def _settle(self, case: Case, found: _Found | None, parts: Sequence[Part]) -> bool:
        async def settle(tx: Tx) -> bool:
            order = known(tx, case.order_id)
            await taken_out(tx, case.order_id, case.case_id)
            current = await tx.lock_case(case.order_id, case.case_id)
            if found is None or current is None or current.stage != SOURCE:
                return found is not None and reserved_for(order, found.secured.reservation_id)
            searched = order.units_in(UnitState.RESOURCING)
            if any(searched.get(n, 0) < q for n, q, _ in found.units):
                return False
            order.resourced(parts, case.wanted, UnitState.RESOURCING, tx.now)
            tx.keep(case.order_id, found.secured.decided)
            await tx.move_case(dataclasses.replace(current, stage=DONE))
            return True

        return await self._store.change([case.order_id], settle)

    def _parts(self, found: _Found) -> list[Part]:
        secured = found.secured
        return secured.parts(self._directory.locations, self._new_id, self._capacity, found.to)

    async def _give_back(self, found: _Found | None) -> None:
        if found is not None:
            await self._reservations.release(found.secured.reservation_id)

    async def _drop(self, case: Case) -> None:
        async def drop(tx: Tx) -> None:
            current = await tx.lock_case(case.order_id, case.case_id)
            if current is not None and current.stage in (MOVE, TAKE_OUT):
                await tx.drop_case(case.order_id, case.case_id)

        await self._store.change([case.order_id], drop)


def _count(units: CaseUnits) -> int:
    return sum(quantity for _, quantity, _ in units)
