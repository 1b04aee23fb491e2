"""The life of a basket's hold: create, renew, release, expire, each as a command to the book. A reservation
uses it (`reserving.Reserve`), a fact may displace it (`Book.move`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from services.inventory.domain.book import Book
from services.inventory.domain.needs import Needs
from services.inventory.domain.pool import POOL, Hold, HoldExpired, HoldLine, HoldState
from services.inventory.domain.refusals import MAX_SHORTAGES, HoldEnded, InsufficientStock, Shortage

DEFAULT_HOLD_TTL_SECONDS = 900


@dataclass(slots=True, frozen=True)
class CreateHold:
    """Keep units of the pool for a basket: every line or none."""

    channel_id: str
    lines: tuple[tuple[str, int], ...]
    """SKU and units, each SKU once."""
    ttl_seconds: int = DEFAULT_HOLD_TTL_SECONDS
    customer_id: str = ""

    def needs(self, needs: Needs) -> None:
        """The pools, guarded from now on."""
        needs.guards.update(sku for sku, _ in self.lines)
        if self.customer_id:
            needs.customers.add(self.customer_id)

    def apply(self, book: Book) -> Hold:
        """Hold.

        Raises:
            InsufficientStock, BuyerLimitExceeded.
        """
        book.check_buyer(self.customer_id, dict(self.lines), book.now)
        shortages: list[Shortage] = []
        for sku, units in self.lines:
            room = book.pools[sku].room_of(self.channel_id, book.now)
            if units > room:
                shortages.append(Shortage(sku, POOL, units, room))
        if shortages:
            raise InsufficientStock(tuple(shortages[:MAX_SHORTAGES]), len(shortages))
        ttl_seconds = self.ttl_seconds or DEFAULT_HOLD_TTL_SECONDS
        hold = Hold(
            book.new_id("hld"),
            self.channel_id,
            HoldState.HELD,
            book.now,
            book.now + timedelta(seconds=ttl_seconds),
            ttl_seconds,
            [HoldLine(sku, units, units) for sku, units in sorted(self.lines)],
        )
        book.add_hold(hold)
        book.claim(self.customer_id, hold.hold_id, dict(self.lines), book.now)
        return hold


@dataclass(slots=True, frozen=True)
class RenewHold:
    """The basket is alive: its hold lasts again as long as it was made for, or for `ttl_seconds`."""

    hold_id: str
    ttl_seconds: int = 0

    def needs(self, needs: Needs) -> None:
        """The hold alone: its units stay as they are."""
        needs.holds.add(self.hold_id)

    def apply(self, book: Book) -> Hold:
        """Renew.

        Raises:
            HoldUnknown, HoldEnded.
        """
        found = book.hold(self.hold_id)
        if found.state is not HoldState.HELD:
            raise HoldEnded(found.hold_id, found.state.name)
        renewed = book.now + timedelta(seconds=self.ttl_seconds or found.ttl_seconds)
        if renewed > found.expire_time:
            found.expire_time = renewed
            book.changed_holds[found.hold_id] = found
        return found


@dataclass(slots=True, frozen=True)
class ReleaseHold:
    """Give back all that a hold keeps; one that ended already stays as it is."""

    hold_id: str

    def needs(self, needs: Needs) -> None:
        """The hold and its pools."""
        needs.holds.add(self.hold_id)
        needs.held_pools.add(self.hold_id)

    def apply(self, book: Book) -> Hold:
        """Release.

        Raises:
            HoldUnknown.
        """
        found = book.hold(self.hold_id)
        if found.state is HoldState.HELD:
            book.end_hold(found, HoldState.RELEASED)
        return found


@dataclass(slots=True, frozen=True)
class ExpireHold:
    """End a hold whose time is over; any other is left as it is."""

    hold_id: str

    def needs(self, needs: Needs) -> None:
        """The hold and its pools."""
        ReleaseHold(self.hold_id).needs(needs)

    def apply(self, book: Book) -> bool:
        """Whether it expired now."""
        found = book.holds.get(self.hold_id)
        if found is None or found.state is not HoldState.HELD or found.expire_time > book.now:
            return False
        book.end_hold(found, HoldState.EXPIRED)
        book.events.append(HoldExpired(found.hold_id, found.channel_id, found.next_sequence()))
        return True
