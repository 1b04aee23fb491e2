"""Random lives of stock, asked for through the contract's own requests, against a model in plain words.

The same machine runs on the store in memory and on PostgreSQL through gRPC. ``ALJIBE_EXAMPLES`` asks for more
lives, ``ALJIBE_STEPS`` for longer ones; a failure prints the shortest life that shows it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from aljibe.fulfillment.v1 import events_pb2 as fulfillment
from aljibe.fulfillment.v1 import fulfillment_pb2
from aljibe.inventory.v1 import backorders_pb2 as backorders
from aljibe.inventory.v1 import controls_pb2 as controls
from aljibe.inventory.v1 import counts_pb2 as counts
from aljibe.inventory.v1 import inventory_pb2 as stock
from aljibe.inventory.v1 import limits_pb2 as limits
from aljibe.inventory.v1 import supply_pb2 as supply
from aljibe.orders.v1 import events_pb2 as orders
from aljibe.orders.v1 import orders_pb2
from services.inventory.tests.doors import AnyDoor, FakeDoor, Portal, RealDoor
from services.inventory.tests.life import (
    CARRY_OUT,
    CHANNELS,
    KINDS,
    SHIP,
    TTL_SECONDS,
    Life,
    amounts,
    channels,
    customers,
    few,
    kinds,
    moments,
    shelves,
    some,
    which,
)
from services.inventory.tests.model_things import Amount, Control, Limit

EXAMPLES = int(os.environ.get("ALJIBE_EXAMPLES", "0"))
STEPS = int(os.environ.get("ALJIBE_STEPS", "40"))


class WholeLife(Life):
    """The same with counts that take a while, channels, customers, and what other services tell."""

    # What orders and fulfillment tell

    @precondition(lambda self: self.model.promises)
    @rule(number=which)
    def accepted(self, number: int) -> None:
        """An order is accepted; the news may come when its reservation has long expired."""
        reservation_id, promise = self._one(self.model.promises, number)
        part = orders_pb2.PlanPart(method=SHIP, reservation_id=reservation_id)
        self.model.accepted(promise)
        self.door.tell("orders", orders.OrderAccepted(order_id="ord-1", plan=[part]))

    @rule(kind=kinds, at=shelves, units=few, channel=channels)
    def carried_out(self, kind: str, at: str, units: int, channel: str) -> None:
        """A till's order: the goods are gone, whoever was promised them."""
        line = orders_pb2.PlanLine(sku=self._sku(kind), quantity_units=units)
        part = orders_pb2.PlanPart(method=CARRY_OUT, location_id=at, lines=[line])
        self.model.sell((self._sku(kind), at), units, channel)
        event = orders.OrderAccepted(order_id="ord-1", plan=[part], channel_id=channel)
        self.door.tell("orders", event)

    @precondition(lambda self: self.model.promises)
    @rule(
        number=which,
        units=few,
        line=which,
        what=st.sampled_from(
            [
                "cancelled",
                "not collected",
                "shipped",
                "sent to a store",
                "NOT_FOUND",
                "DAMAGED",
                "NEEDED_IN_STORE",
            ]
        ),
    )
    def fulfilled(self, number: int, units: int, line: int, what: str) -> None:
        """What a location makes of an order's units, also of those that it does not keep any more."""
        reservation_id, promise = self._one(self.model.promises, number)
        ((place, _),) = self._part(promise.wanted, units, line).items()
        sku, at = place
        origin = fulfillment.Origin(
            reservation_id=reservation_id, location_id=at, fulfillment_order_id="ful-1", method=SHIP
        )
        told = [fulfillment.Units(sku=sku, quantity_units=units)]
        if what == "cancelled":
            self.model.called_off(promise, place, units)
            back = orders.CancelledUnits(
                sku=sku, location_id=at, quantity_units=units, reservation_id=reservation_id
            )
            self.door.tell("orders", orders.UnitsCancelled(units=[back]))
        elif what == "not collected":
            self.model.called_off(promise, place, units)
            self.door.tell("fulfillment", fulfillment.PickupExpired(origin=origin, units=told))
        elif what == "sent to a store":
            # Its hand-over there is nothing new: the units have left the book.
            self.model.shipped(promise, place, units)
            origin.pickup_location_id = "store-9"
            self.door.tell("fulfillment", fulfillment.ParcelSentToStore(origin=origin, units=told))
            self.door.tell("fulfillment", fulfillment.OrderHandedOver(origin=origin, units=told))
        elif what == "shipped":
            self.model.shipped(promise, place, units)
            self.door.tell("fulfillment", fulfillment.OrderShipped(origin=origin, units=told))
        else:
            self.model.short(promise, place, units, what)
            reason = fulfillment_pb2.ShortPickReason.Value(f"SHORT_PICK_REASON_{what}")
            self.door.tell("fulfillment", fulfillment.UnitsShort(origin=origin, units=told, reason=reason))

    @rule(kind=kinds, at=shelves, units=few)
    def not_collected_where_it_was_sent(self, kind: str, at: str, units: int) -> None:
        """Goods that another location sent to a store are its stock once their customer did not come."""
        self.model.move((self._sku(kind), at), units)
        origin = fulfillment.Origin(
            reservation_id="rsv-of-another-place",
            location_id="wh-9",
            fulfillment_order_id="ful-1",
            pickup_location_id=at,
        )
        told = [fulfillment.Units(sku=self._sku(kind), quantity_units=units)]
        self.door.tell("fulfillment", fulfillment.PickupExpired(origin=origin, units=told))

    @rule(kind=kinds, at=shelves, units=few)
    def returned(self, kind: str, at: str, units: int) -> None:
        """Goods that a customer brought back are on the shelf, and a limit does not count them back."""
        self.model.move((self._sku(kind), at), units)
        told = fulfillment.ReturnReceived(
            return_id="ret-1",
            receiving_location_id=at,
            disposition=fulfillment_pb2.DISPOSITION_RESTOCK,
            units=[fulfillment.Units(sku=self._sku(kind), quantity_units=units)],
        )
        self.door.tell("fulfillment", told)

    # What channels and customers may have

    @rule(
        kind=kinds,
        channel=channels,
        buffer=amounts,
        fence=amounts,
        cap=amounts,
        priority=st.integers(0, 1),
        times=st.tuples(moments, moments, moments),
        only_fence=st.booleans(),
    )
    def control(
        self,
        kind: str,
        channel: str,
        buffer: Amount | None,
        fence: Amount | None,
        cap: Amount | None,
        priority: int,
        times: tuple[int | None, int | None, int | None],
        only_fence: bool,
    ) -> None:
        self._tick()
        starts, release, ends = (None if one is None else self.model.now + one for one in times)
        message = controls.ChannelControl(
            channel_id=channel, sku=self._sku(kind), priority=priority, only_ring_fence=only_fence
        )
        for name, amount in (("buffer", buffer), ("ring_fence", fence), ("cap", cap)):
            if amount is not None:
                units, percent = amount
                said = {"percent": percent} if percent else {"units": units}
                getattr(message, name).CopyFrom(controls.ControlAmount(**said))
        for name, ahead in zip(("valid_from", "release_time", "valid_until"), times, strict=True):
            self._set_time(message, name, ahead)
        mine = Control(channel, 0, buffer, fence, cap, priority, starts, release, ends, only_fence)
        request = controls.SetChannelControlsRequest(controls=[message])
        self._ask(request, lambda: self.model.set_control(self._sku(kind), mine))

    @rule(kind=kinds, channel=channels)
    def uncontrol(self, kind: str, channel: str) -> None:
        sku = self._sku(kind)
        named = [controls.ChannelControlName(channel_id=channel, sku=sku)]
        request = controls.RemoveChannelControlsRequest(controls=named)
        self._ask(request, lambda: self.model.remove_control(sku, channel))

    @rule(
        kind=kinds,
        most=few,
        times=st.tuples(moments, moments),
        window=st.sampled_from([0, 0, 20]),
        named_only=st.booleans(),
    )
    def limit(
        self, kind: str, most: int, times: tuple[int | None, int | None], window: int, named_only: bool
    ) -> None:
        self._tick()
        starts, ends = (None if one is None else self.model.now + one for one in times)
        message = limits.BuyerLimit(
            sku=self._sku(kind), max_units=most, window_seconds=window, named_only=named_only
        )
        for name, ahead in zip(("valid_from", "valid_until"), times, strict=True):
            self._set_time(message, name, ahead)
        mine = Limit(most, 0, starts, ends, window, named_only)
        request = limits.SetBuyerLimitsRequest(limits=[message])
        self._ask(request, lambda: self.model.set_limit(self._sku(kind), mine))

    @rule(kind=kinds)
    def unlimit(self, kind: str) -> None:
        request = limits.RemoveBuyerLimitsRequest(skus=[self._sku(kind)])
        self._ask(request, lambda: self.model.remove_limit(self._sku(kind)))

    def _set_time(self, message: Any, name: str, ahead: int | None) -> None:
        if ahead is not None:
            getattr(message, name).FromDatetime(self.door.now() + timedelta(seconds=ahead))

    # What is to come

    @rule(only=st.sampled_from(("", *KINDS)))
    def sell_ahead(self, only: str) -> None:
        skus = [self._sku(kind) for kind in KINDS if only in ("", kind)]
        terms = [
            supply.BackorderTerms(sku=sku, channel_id="*", mode=supply.BACKORDER_MODE_BACKORDER)
            for sku in skus
        ]
        request = backorders.SetBackorderTermsRequest(terms=terms)
        self._ask(request, lambda: self.model.sold_ahead.update(skus))

    @rule(kind=kinds, at=shelves, units=few)
    def expect(self, kind: str, at: str, units: int) -> None:
        """One supply is open for each shelf; when it was closed, the next one is expected."""
        place = (self._sku(kind), at)
        past = sum(one.closed for one in self.model.supplies.values() if one.place == place)
        name = f"PO-{place[0]}-{at}-{past}"
        request = supply.UpsertSupplyRequest(
            supply_id=name,
            location_id=at,
            lines=[supply.SupplyUnits(sku=place[0], quantity_units=units)],
        )
        request.expected_time.FromDatetime(self.door.now() + timedelta(days=1 + units))
        self._ask(request, lambda: self.model.expect(name, place, units))

    @precondition(lambda self: self.model.supplies)
    @rule(number=which, units=few)
    def come(self, number: int, units: int) -> None:
        name, found = self._one(self.model.supplies, number)
        line = supply.SupplyUnits(sku=found.place[0], quantity_units=units)
        request = supply.ReceiveSupplyRequest(supply_id=name, location_id=found.place[1], lines=[line])
        self._ask(request, lambda: self.model.come(name, units))

    @precondition(lambda self: self.model.supplies)
    @rule(number=which)
    def close_supply(self, number: int) -> None:
        name, found = self._one(self.model.supplies, number)
        request = supply.CloseSupplyRequest(supply_id=name, location_id=found.place[1])
        self._ask(request, lambda: self.model.close_supply(name))

    @rule(
        kind=kinds,
        at=shelves,
        more=st.sampled_from([0, 4, 6, 8]),
        crowd=st.lists(st.tuples(st.integers(1, 2), channels, customers), min_size=2, max_size=4),
        accepted=st.booleans(),
        then=st.sampled_from(["", "come", "less", "close"]),
        units_then=few,
    )
    def wait_for(
        self,
        kind: str,
        at: str,
        more: int,
        crowd: list[tuple[int, str, str]],
        accepted: bool,
        then: str,
        units_then: int,
    ) -> None:
        """Some customers wait, one after the other, for what may be stated anew before; then, perhaps, it
        comes, becomes less, or ends.
        """
        sku = self._sku(kind)
        if more:
            if sku not in self.model.sold_ahead:
                self.sell_ahead(kind)
            self.expect(kind, at, more)
        names = [name for name, one in self.model.supplies.items() if one.place == (sku, at)]
        if not names:
            return
        name = names[-1]
        number = list(self.model.supplies).index(name)
        for units, channel, customer in crowd:
            request = stock.ReserveStockRequest(
                order_id=f"ord-{self.life}-{next(self._numbers)}",
                attempt=1,
                ttl_seconds=TTL_SECONDS,
                channel_id=channel,
                customer_id=customer,
                supply_picks=[
                    stock.SupplyPick(sku=sku, location_id=at, supply_id=name, quantity_units=units)
                ],
            )
            made: list[Any] = []
            answer = self._ask(
                request,
                partial(self._wait_for, made, name, units, channel, customer),
            )
            if answer is not None:
                made[0].request = request
                self.model.promises[answer.reservation.reservation_id] = made[0]
                if accepted:
                    commit = stock.CommitReservationRequest(reservation_id=answer.reservation.reservation_id)
                    self._ask(commit, partial(self.model.commit, made[0]))
            self._tick()
        if then == "come":
            self.come(number, units_then)
        elif then == "less":
            self.expect(kind, at, units_then)
        elif then == "close":
            self.close_supply(number)

    def _wait_for(self, made: list[Any], name: str, units: int, channel: str, customer: str) -> None:
        made.append(self.model.wait_for(name, units, TTL_SECONDS, channel, customer))

    # Counts that take a while

    @rule(at=shelves, some_kinds=st.sets(kinds, min_size=1))
    def start_count(self, at: str, some_kinds: set[str]) -> None:
        skus = [self._sku(kind) for kind in sorted(some_kinds)]
        answer = self._ask(counts.StartCountRequest(location_id=at, skus=skus), lambda: None)
        self.model.sheets[answer.count.count_id] = self.model.start_count(at, skus)

    @precondition(lambda self: self.model.sheets)
    @rule(number=which, kind=kinds, units=some, now=st.booleans())
    def record(self, number: int, kind: str, units: int, now: bool) -> None:
        count_id, sheet = self._one(self.model.sheets, number)
        line = counts.RecordedLine(sku=self._sku(kind), counted_units=units)
        if now:
            line.counted_seconds_ago = 0
        request = counts.RecordCountRequest(count_id=count_id, location_id=sheet.at, lines=[line])
        self._ask(request, lambda: self.model.record(sheet, self._sku(kind), units, now=now))

    @precondition(lambda self: self.model.sheets)
    @rule(number=which, missing_are_zero=st.booleans())
    def complete(self, number: int, missing_are_zero: bool) -> None:
        count_id, sheet = self._one(self.model.sheets, number)
        request = counts.CompleteCountRequest(
            count_id=count_id, location_id=sheet.at, missing_are_zero=missing_are_zero
        )
        answer = self._ask(request, lambda: self.model.complete(sheet, missing_are_zero=missing_are_zero))
        if answer is not None:
            assert answer.count.difference_units == sheet.found

    @precondition(lambda self: self.model.sheets)
    @rule(number=which)
    def call_off_count(self, number: int) -> None:
        count_id, sheet = self._one(self.model.sheets, number)
        request = counts.CancelCountRequest(count_id=count_id, location_id=sheet.at)
        self._ask(request, lambda: self.model.cancel_count(sheet))

    @invariant()
    def the_channels_agree(self) -> None:
        for kind in KINDS:
            for channel in (*CHANNELS, "kiosk"):
                expected = self.model.share(self._sku(kind), channel)
                assert self.door.promisable(self._sku(kind), channel) == expected, (kind, channel)


def _live(open_door: Callable[[], AnyDoor], examples: int) -> None:
    life: type[WholeLife] = type("ThisLife", (WholeLife,), {"open_door": staticmethod(open_door)})
    run_state_machine_as_test(
        life,
        settings=settings(
            max_examples=EXAMPLES or examples,
            stateful_step_count=STEPS,
            deadline=None,
            database=None,
            derandomize=not EXAMPLES,
            suppress_health_check=list(HealthCheck),
            phases=(Phase.generate, Phase.shrink),
            print_blob=True,
        ),
    )


@pytest.fixture
def portal() -> Iterator[Portal]:
    opened = Portal()
    yield opened
    opened.close()


@pytest.mark.timeout(3600 if EXAMPLES else 600)
def test_lives_in_memory_follow_the_model(portal: Portal) -> None:
    _live(lambda: FakeDoor(portal), 40)


@pytest.mark.timeout(3600 if EXAMPLES else 600)
def test_lives_in_postgres_follow_the_model(
    portal: Portal, database_url: str, nats_url: str, tmp_path: Path
) -> None:
    door = RealDoor(portal, database_url, nats_url, tmp_path)
    try:
        _live(lambda: door, 8)
    finally:
        door.close()
