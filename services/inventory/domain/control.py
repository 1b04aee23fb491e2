"""Channel controls: how much of a SKU's pool a channel may be promised.

The formula is `share`; the service's README documents it and ADR-0014 says why it is so. Whoever changes one
changes all three.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from services.inventory.domain.stock import MAX_STOCK_UNITS, Position

EVERY_CHANNEL = "*"
"""In the place of a channel: every channel without a control of its own for the SKU."""
SHARE_MARK = "@"
"""Before a channel, in the place of a location: minus what the channel may not touch of the pool."""
LIMIT_MARK = "<"
"""Before a channel, in the place of a location: the most that the channel may still be promised."""
UNLIMITED_UNITS = MAX_STOCK_UNITS


@dataclass(slots=True, frozen=True)
class Amount:
    """A number of units, or a percentage of what there was and came (`Control.base_units`)."""

    units: int = 0
    percent: int = 0

    def of(self, base_units: int, *, up: bool = False) -> int:
        """Units; a fraction is given up, or with `up` made whole."""
        if not self.percent:
            return self.units
        part = max(0, base_units) * self.percent
        return -(-part // 100) if up else part // 100


@dataclass(slots=True, frozen=True)
class Rules:
    """What a channel control says; each amount is optional."""

    buffer: Amount | None = None
    """Of the common pool, the channel may not touch these."""
    ring_fence: Amount | None = None
    """Only the channel may touch these, less what it has already had."""
    cap: Amount | None = None
    """The most that the channel may have."""
    priority: int = 0
    """Whose ring-fence is filled first when there is not enough for all: the highest."""
    valid_from: datetime | None = None
    valid_until: datetime | None = None
    release_time: datetime | None = None
    """From then on what is left of the ring-fence is everybody's again."""
    fallback: bool = True
    """Whether the channel may go on into the common pool beyond its ring-fence."""

    def valid(self, now: datetime) -> bool:
        """Whether it counts now."""
        return (self.valid_from is None or self.valid_from <= now) and (
            self.valid_until is None or now < self.valid_until
        )

    def fences(self, now: datetime) -> bool:
        """Whether it keeps units for its channel now."""
        return (
            self.ring_fence is not None
            and self.valid(now)
            and (self.release_time is None or now < self.release_time)
        )

    def changes_at(self, now: datetime) -> datetime | None:
        """When time alone next changes what it means."""
        times = (self.valid_from, self.valid_until, self.release_time)
        return min((time for time in times if time is not None and time > now), default=None)


@dataclass(slots=True)
class Control:
    """A channel's control of one SKU, what was promised under it, and what replicas were told.

    Counters: units of reservations made since `counted_from` that are kept or have left, and of till sales
    since then, the channel's (`promised`) and all channels' (`taken`); units that the channel's holds keep.
    """

    sku: str
    channel_id: str
    rules: Rules | None
    """None: removed, or that of `EVERY_CHANNEL`."""
    counted_from: datetime
    promised_units: int = 0
    held_units: int = 0
    taken_units: int = 0
    event_sequence: int = 0
    withheld_units: int = 0
    limit_units: int = UNLIMITED_UNITS
    version: int = 0
    changes_at: datetime | None = None

    @property
    def used_units(self) -> int:
        """What the channel has had: it counts against its ring-fence and its cap."""
        return self.promised_units + self.held_units

    def base_units(self, promisable_units: int) -> int:
        """What percentages are taken of: what could be promised when counting began, and what came since."""
        return promisable_units + self.taken_units

    def next_sequence(self) -> int:
        """The number of its next event, counting from 1."""
        self.event_sequence += 1
        return self.event_sequence

    def as_positions(self) -> list[Position]:
        """The two figures as replicas keep them: places with marked names."""
        share, limit = SHARE_MARK + self.channel_id, LIMIT_MARK + self.channel_id
        return [
            Position(self.sku, share, reserved_units=self.withheld_units, version=self.version),
            Position(self.sku, limit, on_hand_units=self.limit_units, version=self.version),
        ]


def figures_of(channel_id: str) -> list[str]:
    """The names of the places where replicas look for what a channel may have."""
    return [mark + channel for channel in (channel_id, EVERY_CHANNEL) for mark in (SHARE_MARK, LIMIT_MARK)]


@dataclass(slots=True, frozen=True)
class Share:
    """What a channel may be promised of a SKU at all locations together, and each term on the way."""

    free_units: int
    """What nobody was promised and no basket holds."""
    fenced_units: int = 0
    """Kept for other channels."""
    buffered_units: int = 0
    """Of the common pool, kept from the channel by its buffer."""
    closed_units: int = 0
    """Of the common pool, kept from the channel because it may not go beyond its ring-fence."""
    above_cap_units: int = 0
    """Beyond what the channel may still have by its cap."""
    limit_units: int = UNLIMITED_UNITS
    """The most by cap and missing fallback, however much comes in."""

    @property
    def room_units(self) -> int:
        """What the channel may be promised; never below zero."""
        return (
            self.free_units
            - self.fenced_units
            - self.buffered_units
            - self.closed_units
            - self.above_cap_units
        )


def share(
    channel_id: str,
    free_units: int,
    promisable_units: int,
    controls: Mapping[str, Control],
    now: datetime,
) -> Share:
    """The formula. `promisable_units` is Σ free over active locations; `free_units` is that less what baskets
    hold.

    Ring-fences are filled in order of priority out of what is free; what they leave is common. A channel
    has its own ring-fence, and of the common units those beyond its buffer, up to its cap.
    """
    free = max(0, free_units)
    own = controls.get(channel_id)
    rules = own.rules if own is not None and own.rules is not None and own.rules.valid(now) else None
    common, fenced, mine, fence_left = free, 0, 0, 0
    for control in _by_priority(controls.values(), now):
        left = _fence_left(control, promisable_units)
        kept = min(common, left)
        common -= kept
        if control is own:
            mine, fence_left = kept, left
        else:
            fenced += kept
    if own is None or rules is None:
        return Share(free, fenced)
    base = own.base_units(promisable_units)
    limit = UNLIMITED_UNITS
    buffered = min(common, rules.buffer.of(base, up=True)) if rules.buffer is not None else 0
    closed = 0
    if not rules.fallback and rules.fences(now):
        closed, limit = common - buffered, fence_left
    found = mine + common - buffered - closed
    above = 0
    if rules.cap is not None:
        room = max(0, rules.cap.of(base) - own.used_units)
        above, limit = max(0, found - room), min(limit, room)
    return Share(free, fenced, buffered, closed, above, limit)


def _by_priority(controls: Iterable[Control], now: datetime) -> list[Control]:
    fencing = [one for one in controls if one.rules is not None and one.rules.fences(now)]
    fencing.sort(key=lambda one: (-one.rules.priority if one.rules else 0, one.channel_id))
    return fencing


def _fence_left(control: Control, promisable_units: int) -> int:
    assert control.rules is not None
    assert control.rules.ring_fence is not None
    whole = control.rules.ring_fence.of(control.base_units(promisable_units))
    return max(0, whole - control.used_units)


@dataclass(slots=True, frozen=True)
class Sale:
    """Units of a controlled SKU that left over a till, with no reservation: what a channel's counters know
    them by.
    """

    sale_key: str
    sku: str
    channel_id: str
    quantity_units: int


@dataclass(slots=True)
class ControlLedger:
    """What one transaction changes in controls."""

    changed: dict[tuple[str, str], Control] = field(default_factory=dict)
    told: dict[tuple[str, str], Control] = field(default_factory=dict)
    """Those whose figures replicas must hear."""
    sales: list[Sale] = field(default_factory=list)


@dataclass(slots=True, frozen=True)
class ControlChanged:
    """A channel control was set, changed or removed."""

    sku: str
    channel_id: str
    sequence: int
    rules: Rules | None


@dataclass(slots=True, frozen=True)
class Opening:
    """What a control that begins to count now begins with.

    Promises are those of reservations that say they were made now or later: by another process, whose clock
    is ahead of ours.
    """

    held_units: int = 0
    promised_units: int = 0
    taken_units: int = 0
