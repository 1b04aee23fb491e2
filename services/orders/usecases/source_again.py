"""Units whose location failed: a list of cases, worked off in the background, each once in effect.

A case begins at TAKE_OUT when fulfillment still has the units (a fact took them from under the promise),
and at SOURCE when it has given them up itself. Every step is repeatable: fulfillment knows the case's id,
inventory the order's
attempt, and the outcome is committed with the case under the order's lock.
"""

from __future__ import annotations

import asyncio
import dataclasses
import logging
from collections.abc import Mapping, Sequence

import grpc

from chassis.conventions import ORDER_ID
from chassis.postgres import WAIT_OUT
from chassis.refusals import PassedOn
from chassis.set_aside import SetAside
from chassis.telemetry import from_traceparent, span
from services.orders.domain.lines import Spot
from services.orders.domain.order import Order
from services.orders.domain.places import Address
from services.orders.domain.placing import NewId
from services.orders.domain.refusals import (
    AttemptsExhausted,
    InsufficientStock,
    NoPlan,
    NothingPromised,
    NothingToSourceAgain,
    OrderOnHold,
    OrderUnknown,
)
from services.orders.domain.states import UnitState
from services.orders.usecases.backorders import Backorders
from services.orders.usecases.cases import (
    ARRIVED,
    DONE,
    LOCATION_CLOSED,
    MOVE,
    SOURCE,
    TAKE_OUT,
    reserved_for,
    searched_wish,
    taken_out,
)
from services.orders.usecases.move_units import MoveUnits
from services.orders.usecases.ports import (
    CapacityTaken,
    Case,
    Directory,
    LiveCapacity,
    Reservations,
    Store,
    Taken,
    Tx,
)
from services.orders.usecases.secure import Secure, Secured

log = logging.getLogger(__name__)

CASES_AT_ONCE = 16
CLAIM_SECONDS = 30.0
IDLE_SECONDS = 0.5
AWAY_SECONDS = 2.0
MAX_TRIES = 5
"""Rounds of reserving for one case before its units are given up."""

PROMISE_TRIES = 5
"""How often found units are promised anew because others took the day's capacity."""

FIRST_WAIT_SECONDS = 15.0
MOST_WAIT_SECONDS = 300.0
"""Between two looks for others that could serve what a stopped location has."""
_AWAY: tuple[type[Exception], ...] = (*WAIT_OUT, grpc.aio.AioRpcError, OSError, TimeoutError)


class SourceAgain:
    """Works off sourcing cases; any number of instances may."""

    def __init__(
        self,
        store: Store,
        secure: Secure,
        taken: Taken,
        directory: Directory,
        reservations: Reservations,
        capacity: LiveCapacity,
        new_id: NewId,
        moves: MoveUnits,
        backorders: Backorders,
    ) -> None:
        self._backorders = backorders
        self._moves = moves
        self._store = store
        self._secure = secure
        self._taken = taken
        self._directory = directory
        self._reservations = reservations
        self._capacity = capacity
        self._new_id = new_id
        self._aside = SetAside("orders.sourcing", first_seconds=AWAY_SECONDS)
        self._woken = asyncio.Event()

    def wake(self) -> None:
        """Look for work now."""
        self._woken.set()

    async def run(self) -> None:
        """Work for ever; waits out services that are away, and sets aside a case that fails."""
        while True:
            try:
                busy = await self.once()
            except _AWAY as error:
                log.warning("sourcing.waiting", extra={"reason": repr(error)})
                busy = 0
            if not busy:
                self._woken.clear()
                try:
                    async with asyncio.timeout(IDLE_SECONDS):
                        await self._woken.wait()
                except TimeoutError:
                    continue

    async def once(self) -> int:
        """One round; gives how many cases were worked on."""
        cases = await self._store.claim_cases(CASES_AT_ONCE, CLAIM_SECONDS)
        # Cases of one order after each other, orders side by side.
        by_order: dict[str, list[Case]] = {}
        for case in cases:
            by_order.setdefault(case.order_id, []).append(case)
        await asyncio.gather(*(self._work_off(group) for group in by_order.values()))
        return len(cases)

    async def _work_off(self, cases: Sequence[Case]) -> None:
        for case in cases:
            about = {ORDER_ID: case.order_id, "aljibe.case.id": case.case_id, "aljibe.trigger": case.trigger}
            with from_traceparent(case.traceparent), span("SourceAgain", attributes=about):
                try:
                    with self._aside.trying(case.case_id, passing=_AWAY) as attempt:
                        await self._step(case)
                except _AWAY as error:
                    await self._store.postpone_case(case, AWAY_SECONDS, repr(error))
                else:
                    if attempt.error is not None:
                        await self._store.postpone_case(case, attempt.wait_seconds, repr(attempt.error))

    async def _step(self, case: Case) -> None:
        if case.stage == MOVE:
            await self._move(case)
        elif case.stage == TAKE_OUT:
            await self._take_out(case)
        elif case.stage == ARRIVED:
            await self._backorders.arrived(case)
        else:
            await self._source(case)

    async def _move(self, case: Case) -> None:
        """A move that waits for stock elsewhere, or whose operator's call was cut off."""
        closed = case.trigger == LOCATION_CLOSED
        order = await self._known(case.order_id)
        part = order.parts[case.units[0][2]]
        if closed and self._directory.locations.by_id[part.location_id].active:
            await self._end(case, "the location works again")
            return
        try:
            await self._moves.move(case, partial=closed)
        except NothingToSourceAgain:
            await self._end(case, "nothing is left to move")
        except OrderOnHold as error:
            await self._store.postpone_case(case, AWAY_SECONDS, str(error))
        except (InsufficientStock, NoPlan, NothingPromised, AttemptsExhausted, PassedOn) as error:
            if closed:
                await self._wait_for_stock(case, error)
            else:
                await self._end(case, str(error))

    async def _wait_for_stock(self, case: Case, error: Exception) -> None:
        async def wait(tx: Tx) -> None:
            current = await tx.lock_case(case.order_id, case.case_id)
            if current is None or current.stage != MOVE or current.attempt != case.attempt:
                return
            following = dataclasses.replace(current, tries=current.tries + 1)
            order = tx.orders[case.order_id]
            if isinstance(error, AttemptsExhausted | PassedOn) and not order.worn_out:
                # The attempt's reservation ended, or was made for other units.
                order.attempts += 1
                following = dataclasses.replace(following, attempt=order.attempts)
            seconds = min(MOST_WAIT_SECONDS, FIRST_WAIT_SECONDS * 2**current.tries)
            await tx.move_case(following, wait_seconds=seconds, note=str(error))

        await self._store.change([case.order_id], wait)

    async def _take_out(self, case: Case) -> None:
        order = await self._known(case.order_id)
        asked: dict[Spot, int] = {}
        for number, quantity, fulfillment_order_id in case.units:
            location_id = order.parts[fulfillment_order_id].location_id
            spot = Spot(number, UnitState.ALLOCATED, location_id, fulfillment_order_id)
            left = min(quantity, order.units.get(spot, 0))
            if left:
                asked[spot] = left
        # Not there any more: picked, so the goods are in hand; or taken out for another reason.
        reason = await self._taken.take_out(order, case.case_id, asked) if asked else "NOTHING_LEFT"

        async def finish(tx: Tx) -> None:
            if reason:
                current = await tx.lock_case(case.order_id, case.case_id)
                if current is not None and current.stage == TAKE_OUT:
                    await tx.move_case(dataclasses.replace(current, stage=DONE), note=reason)
                return
            await taken_out(tx, case.order_id, case.case_id)

        await self._store.change([case.order_id], finish)
        self.wake()

    async def _source(self, case: Case) -> None:
        order = await self._known(case.order_id)
        searched = order.units_in(UnitState.RESOURCING)
        wanted = {n: min(q, searched.get(n, 0)) for n, q, _ in case.units if searched.get(n, 0)}
        # A case's units were reserved together, so they all go to the same place.
        part = order.parts.get(case.units[0][2])
        found = searched_wish(order, part, wanted, await self._store.goods(case.order_id))
        if not wanted or found is None:
            await self._end(case, "the units were settled otherwise")
            return
        wish, to = found
        try:
            secured = await self._secure(
                case.order_id,
                wish,
                order.channel_id,
                first_attempt=case.attempt,
                last_attempt=case.attempt,
                trigger=case.trigger,
                excluded=order.failed_locations | case.excluded,
                partial=True,
                customer_id=order.customer_id,
                later=_later(order),
            )
        except (InsufficientStock, NoPlan):
            await self._settle(case, wanted, None, to)
        except (AttemptsExhausted, PassedOn) as error:
            # The attempt's reservation ended, or was made for other units: go on with a fresh attempt.
            await self._next_attempt(case, wanted, str(error))
        else:
            await self._settle(case, wanted, secured, to)

    async def _settle(
        self, case: Case, wanted: dict[int, int], secured: Secured | None, to: Address | None
    ) -> None:
        """Commit what was found, and give up what was not."""
        for left in reversed(range(PROMISE_TRIES)):
            try:
                await self._promise(case, wanted, secured, to)
                return
            except CapacityTaken:
                if not left:
                    raise
                await self._capacity.refresh()
            except NothingPromised as error:
                assert secured is not None
                await self._reservations.release(secured.reservation_id)
                await self._next_attempt(case, wanted, str(error))
                return

    async def _promise(
        self, case: Case, wanted: dict[int, int], secured: Secured | None, to: Address | None
    ) -> None:
        parts = (
            secured.parts(self._directory.locations, self._new_id, self._capacity, to)
            if secured is not None
            else []
        )
        found: dict[int, int] = {}
        for part in parts:
            for line in part.lines:
                found[line.line_number] = found.get(line.line_number, 0) + line.quantity_units

        async def settle(tx: Tx) -> bool:
            order = tx.orders[case.order_id]
            current = await tx.lock_case(case.order_id, case.case_id)
            if current is None or current.stage != SOURCE or current.attempt != case.attempt:
                # Somebody may have settled it with this very reservation.
                return secured is not None and reserved_for(order, secured.reservation_id)
            there = order.units_in(UnitState.RESOURCING)
            if any(there.get(n, 0) < q for n, q in wanted.items()):
                await _try_again(tx, order, current, wanted, "units were settled otherwise meanwhile")
                return False
            if secured is not None:
                order.resourced(parts, case.wanted, UnitState.RESOURCING, tx.now)
                tx.keep(case.order_id, secured.decided)
            missing = [(n, q - found.get(n, 0)) for n, q in wanted.items() if q > found.get(n, 0)]
            if missing:
                order.given_up(missing, tx.now)
            await tx.move_case(dataclasses.replace(current, stage=DONE))
            return True

        settled = await self._store.change([case.order_id], settle)
        if not settled and secured is not None and secured.reservation_id:
            await self._reservations.release(secured.reservation_id)

    async def _next_attempt(self, case: Case, wanted: dict[int, int], note: str) -> None:
        async def go_on(tx: Tx) -> None:
            order = tx.orders[case.order_id]
            current = await tx.lock_case(case.order_id, case.case_id)
            if current is None or current.stage != SOURCE or current.attempt != case.attempt:
                return
            await _try_again(tx, order, dataclasses.replace(current, tries=current.tries + 1), wanted, note)

        await self._store.change([case.order_id], go_on)

    async def _end(self, case: Case, note: str) -> None:
        async def end(tx: Tx) -> None:
            await tx.move_case(dataclasses.replace(case, stage=DONE), note=note)

        await self._store.change([case.order_id], end)

    async def _known(self, order_id: str) -> Order:
        order = await self._store.read(order_id)
        if order is None:
            raise OrderUnknown(order_id)
        return order


async def _try_again(tx: Tx, order: Order, case: Case, wanted: Mapping[int, int], note: str) -> None:
    """Another attempt, or the end of the search where case or order had too many: the units are cancelled."""
    if case.tries < MAX_TRIES and not order.worn_out:
        order.attempts += 1
        await tx.move_case(dataclasses.replace(case, attempt=order.attempts), note=note)
        return
    there = order.units_in(UnitState.RESOURCING)
    gone = [(n, min(q, there[n])) for n, q in wanted.items() if there.get(n)]
    if gone:
        order.given_up(gone, tx.now)
    await tx.move_case(dataclasses.replace(case, stage=DONE), note=note)


def _later(order: Order) -> frozenset[int]:
    """Lines of which the customer has accepted before that they come later."""
    return frozenset(
        [line.line_number for part in order.parts.values() if part.supply_id for line in part.lines]
    )
