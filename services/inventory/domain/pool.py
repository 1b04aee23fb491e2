"""The pool of a SKU, all its locations together, and what baskets hold of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum

from services.inventory.domain.control import UNLIMITED_UNITS, Control, Share, share
from services.inventory.domain.limit import BuyerLimit
from services.inventory.domain.stock import Cause, Position

POOL = ""
"""The pool's place where a location id stands: replicas and shortages name the pool so."""


class HoldState(IntEnum):
    """Life of a hold: held → used, or released, or expired, or displaced; numbers are those of the
    contract.
    """

    HELD = 1
    USED = 2
    RELEASED = 3
    EXPIRED = 4
    DISPLACED = 5


@dataclass(slots=True)
class Pool:
    """One SKU over all locations. `held_units` never exceeds what is there and not reserved.

    Whoever locks a guarded position holds the lock of its pool, so that the sums stay true while it decides.
    """

    sku: str
    held_units: int = 0
    guarded: bool = False
    version: int = 0
    controlled: bool = False
    """Whether a channel control or a limit was ever set for it; only then are there any to look for."""
    measured: bool = False
    """Whether the sums are known; without holds and controls nobody asks for them."""
    there_units: int = 0
    """Σ over locations of max(0, on_hand − reserved)."""
    promisable_units: int = 0
    """Σ over active locations of max(0, on_hand − reserved − safety)."""
    controls: dict[str, Control] = field(default_factory=dict)
    """By channel; with one for all channels that have none."""
    limit: BuyerLimit | None = None
    """What each customer may have of it."""

    @property
    def room_units(self) -> int:
        """What somebody without a hold may still take; below zero when safety stock has grown since."""
        return self.promisable_units - self.held_units

    def share(self, channel_id: str, now: datetime) -> Share:
        """What a channel may be promised, and why (ADR-0014)."""
        return share(channel_id, self.room_units, self.promisable_units, self.controls, now)

    def room_of(self, channel_id: str, now: datetime) -> int:
        """What a channel may still take without a hold; never below zero."""
        if not self.controls:
            return max(0, self.room_units)
        return self.share(channel_id, now).room_units

    def tell(self, now: datetime) -> list[Control]:
        """Bring what replicas are told of each channel up to date; gives the controls that changed by it."""
        changed: list[Control] = []
        for control in self.controls.values():
            found = self.share(control.channel_id, now)
            withheld = min(UNLIMITED_UNITS, found.fenced_units + found.buffered_units)
            changes_at = control.rules.changes_at(now) if control.rules is not None else None
            told = (control.withheld_units, control.limit_units, control.changes_at)
            if control.version and told == (withheld, found.limit_units, changes_at):
                continue
            control.withheld_units, control.limit_units = withheld, found.limit_units
            control.changes_at = changes_at
            control.version += 1
            changed.append(control)
        return changed

    def count_held(self, channel_id: str, units: int) -> list[Control]:
        """Change what the holds of a channel keep; gives the controls that count it."""
        control = self.controls.get(channel_id)
        if control is None:
            return []
        control.held_units += units
        return [control]

    def count_promised(self, channel_id: str, since: datetime, units: int) -> list[Control]:
        """Change what a channel was promised, by a reservation or sale made `since`; gives the controls that
        count it.
        """
        counting = [one for one in self.controls.values() if one.counted_from <= since]
        for control in counting:
            control.taken_units += units
            if control.channel_id == channel_id:
                control.promised_units += units
        return counting

    @property
    def uncovered_units(self) -> int:
        """Held units that a fact has taken."""
        return max(0, self.held_units - self.there_units) if self.measured else 0

    def leave(self, position: Position) -> None:
        """Take a position out of the sums, before it changes."""
        self._count(position, -1)

    def enter(self, position: Position) -> None:
        """Put it back, as it is now."""
        self._count(position, 1)

    def _count(self, position: Position, sign: int) -> None:
        self.there_units += sign * max(0, position.on_hand_units - position.reserved_units)
        if position.active:
            self.promisable_units += sign * position.available_units

    def as_position(self) -> Position:
        """The pool as replicas keep it: a place without a name, where held units are missing."""
        return Position(self.sku, POOL, reserved_units=self.held_units, version=self.version)


@dataclass(slots=True)
class HoldLine:
    """What a hold keeps of one SKU: quantity = live + used + released + displaced."""

    sku: str
    quantity_units: int
    live_units: int
    used_units: int = 0
    released_units: int = 0
    displaced_units: int = 0


@dataclass(slots=True)
class Hold:
    """Units of the pool kept for a basket, wherever they are."""

    hold_id: str
    channel_id: str
    state: HoldState
    created_at: datetime
    expire_time: datetime
    """When it ends unless renewed; means nothing afterwards."""
    ttl_seconds: int
    lines: list[HoldLine] = field(default_factory=list)
    event_sequence: int = 0

    @property
    def live_units(self) -> int:
        """Units still kept, over all lines."""
        return sum(line.live_units for line in self.lines)

    def line(self, sku: str) -> HoldLine | None:
        """The line of a SKU."""
        for line in self.lines:
            if line.sku == sku:
                return line
        return None

    def kept_units(self, sku: str) -> int:
        """What it keeps of a SKU."""
        line = self.line(sku) if self.state is HoldState.HELD else None
        return line.live_units if line is not None else 0

    def next_sequence(self) -> int:
        """The number of its next event, counting from 1."""
        self.event_sequence += 1
        return self.event_sequence


@dataclass(slots=True, frozen=True)
class HoldDisplaced:
    """A fact took units from under a basket's hold."""

    hold_id: str
    channel_id: str
    sequence: int
    sku: str
    quantity_units: int
    cause: Cause
    document_id: str


@dataclass(slots=True, frozen=True)
class HoldExpired:
    """A hold ran out."""

    hold_id: str
    channel_id: str
    sequence: int
