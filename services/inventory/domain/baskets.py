"""What baskets hold, in the book of one transaction: pools, holds, and all that is to change in them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from services.inventory.domain.control import Control, ControlLedger
from services.inventory.domain.limit import BuyerLimit, Claim, Claims, left_units
from services.inventory.domain.pool import Hold, HoldDisplaced, HoldState, Pool
from services.inventory.domain.refusals import BuyerLimitExceeded, ControlUnknown, HoldUnknown
from services.inventory.domain.stock import Cause


class Baskets:
    """The part of the book that holds are in."""

    def __init__(self, pools: Iterable[Pool], holds: Iterable[Hold]) -> None:
        self.pools: dict[str, Pool] = {pool.sku: pool for pool in pools}
        """Those of guarded positions, and of the SKUs that are to be held."""
        self.holds: dict[str, Hold] = {hold.hold_id: hold for hold in holds}
        self.changed_pools: dict[str, Pool] = {}
        self.new_holds: list[Hold] = []
        self.changed_holds: dict[str, Hold] = {}
        self.controls = ControlLedger()
        self.changed_limits: dict[str, BuyerLimit | None] = {}
        self.claims = Claims()

    def hold(self, hold_id: str) -> Hold:
        """The locked hold.

        Raises:
            HoldUnknown: there is none.
        """
        found = self.holds.get(hold_id)
        if found is None:
            raise HoldUnknown(hold_id)
        return found

    def add_hold(self, hold: Hold) -> None:
        """Put a new hold into the book; its pools are guarded from now on."""
        for line in hold.lines:
            pool = self.pools[line.sku]
            pool.guarded = True
            self._keep_held(pool, hold.channel_id, line.live_units)
        self.new_holds.append(hold)
        self.holds[hold.hold_id] = hold

    def use_hold(self, hold: Hold, units: Mapping[str, int]) -> None:
        """Units by SKU of a hold have become a reservation."""
        for sku, used in units.items():
            line = hold.line(sku)
            if line is None or not used:
                continue
            line.live_units -= used
            line.used_units += used
            self._keep_held(self.pools[sku], hold.channel_id, -used)
        if hold.live_units == 0:
            hold.state = HoldState.USED
        self.changed_holds[hold.hold_id] = hold

    def end_hold(self, hold: Hold, state: HoldState) -> None:
        """End a hold that is held; what it keeps goes back to the pool."""
        for line in hold.lines:
            if line.live_units:
                self._keep_held(self.pools[line.sku], hold.channel_id, -line.live_units)
                line.released_units += line.live_units
                line.live_units = 0
        hold.state = state
        self.changed_holds[hold.hold_id] = hold

    def displace_holds(self, pool: Pool, cause: Cause, document_id: str) -> list[HoldDisplaced]:
        """Take from baskets what a fact left uncovered, youngest first, as far as their holds are locked."""
        told: list[HoldDisplaced] = []
        youngest_first = sorted(
            self.holds.values(), key=lambda found: (found.created_at, found.hold_id), reverse=True
        )
        for hold in youngest_first:
            line = hold.line(pool.sku)
            if line is None or line.live_units == 0:
                continue
            units = min(line.live_units, pool.uncovered_units)
            line.live_units -= units
            line.displaced_units += units
            self._keep_held(pool, hold.channel_id, -units)
            if hold.live_units == 0:
                used = any(line.used_units for line in hold.lines)
                hold.state = HoldState.USED if used else HoldState.DISPLACED
            self.changed_holds[hold.hold_id] = hold
            told.append(
                HoldDisplaced(
                    hold.hold_id,
                    hold.channel_id,
                    hold.next_sequence(),
                    pool.sku,
                    units,
                    cause,
                    document_id,
                )
            )
            if not pool.uncovered_units:
                break
        return told

    def control(self, sku: str, channel_id: str) -> Control:
        """The control of a channel over a SKU whose pool is locked.

        Raises:
            ControlUnknown: there is none, or it was removed.
        """
        pool = self.pools.get(sku)
        found = pool.controls.get(channel_id) if pool is not None else None
        if found is None or found.rules is None:
            raise ControlUnknown(sku, channel_id)
        return found

    def put_control(self, pool: Pool, control: Control) -> None:
        """Put a control into the book, new or changed; its SKU is guarded from now on."""
        pool.controls[control.channel_id] = control
        pool.guarded = pool.controlled = True
        self.changed_pools[pool.sku] = pool
        self._note_controls([control])

    def put_limit(self, pool: Pool, limit: BuyerLimit | None) -> None:
        """Put a limit into the book, or take it out; its SKU is guarded from now on."""
        pool.limit = limit
        pool.guarded = pool.controlled = True
        self.changed_pools[pool.sku] = pool
        self.changed_limits[pool.sku] = limit

    def check_buyer(
        self, customer_id: str, units: Mapping[str, int], now: datetime, hold: Hold | None = None
    ) -> None:
        """Pass when the customer may have these units, those that their own `hold` keeps included.

        Raises:
            BuyerLimitExceeded.
        """
        for sku, wanted in units.items():
            limit = self._limit(sku, now)
            if limit is None:
                continue
            claims = self.claims.of((sku, customer_id))
            left = left_units(limit, customer_id, claims, hold.hold_id if hold is not None else "", wanted)
            if wanted > left:
                raise BuyerLimitExceeded(sku, wanted, limit.max_units, left)

    def claim(self, customer_id: str, document_id: str, units: Mapping[str, int], now: datetime) -> None:
        """Note what a customer was promised of limited SKUs."""
        for sku, wanted in units.items():
            if customer_id and self._limit(sku, now) is not None:
                self.claims.add(Claim(sku, customer_id, document_id), wanted)

    def _limit(self, sku: str, now: datetime) -> BuyerLimit | None:
        pool = self.pools.get(sku)
        limit = pool.limit if pool is not None else None
        return limit if limit is not None and limit.valid(now) else None

    def tell_controls(self, now: datetime) -> None:
        """Bring what replicas are told of each channel up to what the book says now."""
        for pool in self.pools.values():
            if pool.controls:
                told = pool.tell(now)
                self._note_controls(told)
                self.controls.told.update(((one.sku, one.channel_id), one) for one in told)

    def _note_controls(self, controls: Iterable[Control]) -> None:
        self.controls.changed.update(((one.sku, one.channel_id), one) for one in controls)

    def _keep_held(self, pool: Pool, channel_id: str, units: int) -> None:
        pool.held_units += units
        self.changed_pools[pool.sku] = pool
        self._note_controls(pool.count_held(channel_id, units))
