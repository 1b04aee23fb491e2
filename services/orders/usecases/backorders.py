"""What orders wait for: it comes, it comes at another time, or it does not come."""

from __future__ import annotations

import dataclasses
from datetime import datetime, timedelta
from functools import partial

from services.orders.domain.facts import Part, PartLine
from services.orders.domain.order import Order
from services.orders.domain.places import km_between
from services.orders.domain.placing import NewId, parts_of, promise_later
from services.orders.domain.promise import Promise
from services.orders.domain.refusals import NothingPromised
from services.orders.domain.sourcing import Plan, PlannedLine, PlannedPart
from services.orders.domain.standing import Units
from services.orders.domain.states import Method
from services.orders.domain.views import UNLIMITED, Capacity
from services.orders.usecases.cases import ARRIVED, DONE
from services.orders.usecases.ports import CapacityTaken, Case, Directory, LiveCapacity, Store, Supplies, Tx
from services.orders.usecases.terms import TermsAt

PROMISE_TRIES = 5
"""How often the work is promised anew because others took the day's capacity."""


class Backorders:
    """Looks after units that wait for a supply."""

    def __init__(
        self,
        store: Store,
        directory: Directory,
        terms_at: TermsAt,
        capacity: LiveCapacity,
        new_id: NewId,
        supplies: Supplies,
    ) -> None:
        self._supplies = supplies
        self._store = store
        self._directory = directory
        self._terms_at = terms_at
        self._capacity = capacity
        self._new_id = new_id

    def promise(self, order: Order, part: Part, expected_at: datetime, now: datetime) -> Promise | None:
        """What can be kept of a part's units when their supply comes at that time."""
        rules = self._terms_at(now).rules
        ready = max(now, expected_at + timedelta(days=rules.receiving_days))
        release = self._release(order, part)
        at, km = self._way(order, part)
        return promise_later(
            self._directory.locations,
            rules,
            Method(part.method),
            part.location_id,
            sum(line.quantity_units for line in part.lines),
            km,
            ready if release is None else max(ready, release),
            at,
        )

    async def arrived(self, case: Case) -> None:
        """Goods that were waited for are reserved at the location: its work begins, with a promise of now."""
        for left in reversed(range(PROMISE_TRIES)):
            try:
                await self._store.change([case.order_id], partial(self._begin, case))
                return
            except CapacityTaken:
                if not left:
                    raise
                await self._capacity.refresh()

    async def _begin(self, case: Case, tx: Tx) -> None:
        order = tx.orders[case.order_id]
        current = await tx.lock_case(case.order_id, case.case_id)
        if current is None or current.stage != ARRIVED:
            return
        part = order.parts[case.units[0][2]]
        release = self._release(order, part)
        if release is not None and release > tx.now:
            await tx.move_case(current, wait_seconds=(release - tx.now).total_seconds(), note="not released")
            return
        waiting = order.waiting(part.fulfillment_order_id)
        units: list[tuple[int, int]] = []
        surplus: list[tuple[int, int]] = []
        for number, came, _ in case.units:
            wanted = min(came, waiting.get(number, 0))
            if wanted:
                units.append((number, wanted))
            if came > wanted:
                surplus.append((number, came - wanted))
        work = self._work_of(order, part, units, tx.now) if units else None
        order.backorder_arrived(part, work, surplus, tx.now)
        await tx.move_case(dataclasses.replace(current, stage=DONE))

    def _release(self, order: Order, part: Part) -> datetime | None:
        """Before when the part's goods reach nobody, if that is said of any."""
        found = [self._supplies.release_time(line.sku, order.channel_id) for line in part.lines]
        return max([one for one in found if one is not None], default=None)

    def _work_of(self, order: Order, part: Part, units: Units, now: datetime) -> Part:
        lines = tuple([PlannedLine(n, order.lines[n].sku, quantity) for n, quantity in units])
        at, km = self._way(order, part)
        planned = PlannedPart(part.location_id, Method(part.method), lines, km)
        made = self._promised(part, planned, at, now, self._capacity)
        if made is None:
            # Beyond its capacity the location takes nothing on in the book, but the goods are there.
            made = self._promised(part, planned, at, now, UNLIMITED)
            made = None if made is None else made._replace(work=())
        if made is not None:
            # Goods that came later than was said do not make the promise of before kept.
            dues = [one for one in (made.due_time, part.due_time) if one is not None]
            return made._replace(due_time=min(dues, default=None))
        # Nothing is open for a long time; the promise stays what it was.
        return part._replace(
            fulfillment_order_id=self._new_id("ful"),
            lines=tuple([PartLine(*line) for line in lines]),
            supply_id="",
            expected_at=None,
        )

    def _promised(
        self,
        part: Part,
        planned: PlannedPart,
        at: tuple[float, float] | None,
        now: datetime,
        capacity: Capacity,
    ) -> Part | None:
        try:
            (made,) = parts_of(
                Plan((planned,), (), 0),
                part.reservation_id,
                part.attempt,
                now,
                self._directory.locations,
                self._terms_at(now).rules,
                self._new_id,
                part.delivery_address,
                destination=at,
                capacity=capacity,
            )
        except NothingPromised:
            return None
        return made

    def _way(self, order: Order, part: Part) -> tuple[tuple[float, float] | None, int]:
        to = order.destination(part)
        if part.method != Method.SHIP or to is None:
            return None, 0
        at = (to.latitude, to.longitude)
        return at, km_between(self._directory.locations.by_id[part.location_id], at)
