"""A life of stock that hypothesis makes up: shelves, baskets, promises and transfers."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import pytest
from google.protobuf.message import Message
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
)

from aljibe.common.v1 import types_pb2
from aljibe.inventory.v1 import holds_pb2 as holds
from aljibe.inventory.v1 import inventory_pb2 as pb
from aljibe.inventory.v1 import transfers_pb2 as transfers
from services.inventory.tests.doors import PLACES, AnyDoor, NotDone
from services.inventory.tests.model import Model
from services.inventory.tests.model_things import Place, Refused, Trip

KINDS = ("A", "B")
CHANNELS = ("web", "app")
CUSTOMERS = ("ana", "eva", "")
SHIP, CARRY_OUT = types_pb2.FULFILLMENT_METHOD_SHIP, types_pb2.FULFILLMENT_METHOD_CARRY_OUT
TTL_SECONDS = 60
_lives = itertools.count(1)

few = st.integers(1, 4)
some = st.integers(0, 6)
kinds = st.sampled_from(KINDS)
shelves = st.sampled_from(PLACES)
which = st.integers(0, 50)
channels = st.sampled_from(CHANNELS)
customers = st.sampled_from(CUSTOMERS)
amounts = st.one_of(
    st.none(), st.tuples(st.integers(0, 5), st.just(0)), st.tuples(st.just(0), st.integers(1, 100))
)
moments = st.sampled_from([None, None, None, None, 5, 30, 61])
picking = st.dictionaries(st.tuples(kinds, shelves), few, min_size=1, max_size=3)


class Life(RuleBasedStateMachine):
    """One retailer with two articles at two stores; every life has articles of its own."""

    open_door: Callable[[], AnyDoor]

    def __init__(self) -> None:
        super().__init__()
        self.door = type(self).open_door()
        self.model = Model()
        self.life = next(_lives)
        self._numbers = itertools.count(1)
        self._asked: list[tuple[Message, Any]] = []
        # A second apart, so that "the youngest" means the same to the model and to the rows.
        self._tick()

    # How requests are made

    def _sku(self, kind: str) -> str:
        return f"{kind}-{self.life}"

    def _place(self, key: tuple[str, str]) -> Place:
        return (self._sku(key[0]), key[1])

    def _tick(self) -> None:
        self._wait(1)

    def _wait(self, seconds: int) -> None:
        self.model.wait(seconds)
        self.door.wait(seconds)

    def _ask(self, request: Any, expected: Callable[[], Any]) -> Any:
        """The answer, once door and model agree on whether there is one; None when both refuse."""
        if "request_id" in request.DESCRIPTOR.fields_by_name:
            request.request_id = f"r{self.life}-{next(self._numbers)}"
        try:
            expected()
            refused = ""
        except Refused as reason:
            refused = str(reason)
        try:
            answer = self.door.ask(request)
        except NotDone as reason:
            if str(reason) not in refused.split("|"):
                raise AssertionError(f"the model says {refused or 'yes'} to {request}") from reason
            return None
        assert not refused, f"the model refuses with {refused}: {request}"
        if "request_id" in request.DESCRIPTOR.fields_by_name:
            self._asked.append((request, answer))
        return answer

    def _picks(self, picks: dict[Place, int]) -> list[pb.Pick]:
        return [pb.Pick(sku=sku, location_id=at, quantity_units=units) for (sku, at), units in picks.items()]

    # Facts

    @rule(kind=kinds, at=shelves, units=few)
    def receive(self, kind: str, at: str, units: int) -> None:
        line = pb.StockLine(sku=self._sku(kind), quantity_units=units)
        request = pb.ReceiveStockRequest(location_id=at, lines=[line])
        self._ask(request, lambda: self.model.move((self._sku(kind), at), units))

    @rule(kind=kinds, at=shelves, units=few, channel=st.sampled_from((*CHANNELS, "")))
    def sell(self, kind: str, at: str, units: int, channel: str) -> None:
        line = pb.StockLine(sku=self._sku(kind), quantity_units=units)
        request = pb.SellStockRequest(location_id=at, lines=[line], channel_id=channel)
        self._ask(request, lambda: self.model.sell((self._sku(kind), at), units, channel))

    @rule(kind=kinds, at=shelves, units=some)
    def count(self, kind: str, at: str, units: int) -> None:
        line = pb.CountedLine(sku=self._sku(kind), counted_units=units)
        request = pb.CountStockRequest(location_id=at, lines=[line])
        self._ask(request, lambda: self.model.count((self._sku(kind), at), units))

    @rule(kind=kinds, at=shelves, units=st.integers(0, 2))
    def keep_back(self, kind: str, at: str, units: int) -> None:
        line = pb.SafetyLine(sku=self._sku(kind), safety_units=units)
        request = pb.SetSafetyStockRequest(location_id=at, lines=[line])
        self._ask(request, lambda: self.model.keep_back((self._sku(kind), at), units))

    # Baskets

    @rule(units=st.dictionaries(kinds, few, min_size=1, max_size=2), channel=channels, customer=customers)
    def hold(self, units: dict[str, int], channel: str, customer: str) -> None:
        wanted = {self._sku(kind): count for kind, count in units.items()}
        request = holds.CreateHoldRequest(
            channel_id=channel,
            customer_id=customer,
            lines=[holds.HeldLine(sku=sku, quantity_units=count) for sku, count in wanted.items()],
            ttl_seconds=TTL_SECONDS,
        )
        made: list[Any] = []
        answer = self._ask(
            request, lambda: made.append(self.model.hold(wanted, TTL_SECONDS, channel, customer))
        )
        if answer is not None:
            self.model.baskets[answer.hold.hold_id] = made[0]
        self._tick()

    @precondition(lambda self: self.model.baskets)
    @rule(number=which)
    def renew(self, number: int) -> None:
        hold_id, basket = self._one(self.model.baskets, number)
        self._ask(holds.RenewHoldRequest(hold_id=hold_id), lambda: self.model.renew(basket))

    @precondition(lambda self: self.model.baskets)
    @rule(number=which)
    def let_go(self, number: int) -> None:
        hold_id, basket = self._one(self.model.baskets, number)
        self._ask(holds.ReleaseHoldRequest(hold_id=hold_id), lambda: self.model.let_go(basket))

    # Promises

    @rule(keys=picking, with_basket=st.booleans(), number=which, channel=channels, customer=customers)
    def reserve(
        self,
        keys: dict[tuple[str, str], int],
        with_basket: bool,
        number: int,
        channel: str,
        customer: str,
    ) -> None:
        picks = {self._place(key): units for key, units in sorted(keys.items())}
        hold_id, basket = "", None
        if with_basket and self.model.baskets:
            hold_id, basket = self._one(self.model.baskets, number)
        request = pb.ReserveStockRequest(
            order_id=f"ord-{self.life}-{next(self._numbers)}",
            attempt=1,
            picks=self._picks(picks),
            ttl_seconds=TTL_SECONDS,
            channel_id=channel,
            hold_id=hold_id,
            customer_id=customer,
        )
        made: list[Any] = []
        answer = self._ask(
            request,
            lambda: made.append(self.model.reserve(picks, TTL_SECONDS, basket, channel, customer)),
        )
        if answer is not None:
            assert not answer.existed
            made[0].request = request
            self.model.promises[answer.reservation.reservation_id] = made[0]
        self._tick()

    @precondition(lambda self: self.model.promises)
    @rule(number=which, more=st.booleans())
    def reserve_again(self, number: int, more: bool) -> None:
        """An order that asks again finds what stands, whatever the shelves say now."""
        reservation_id, promise = self._one(self.model.promises, number)
        if promise.request.supply_picks:
            # What it asked for stands in the request, wherever it is by now.
            answer = self._ask(
                promise.request, lambda: self.model.reserve_again(promise, promise.wanted, TTL_SECONDS)
            )
            assert answer is None or answer.existed
            return
        picks = {place: units + more for place, units in promise.wanted.items()}
        request = pb.ReserveStockRequest()
        request.CopyFrom(promise.request)
        del request.picks[:]
        request.picks.extend(self._picks(picks))
        answer = self._ask(request, lambda: self.model.reserve_again(promise, picks, TTL_SECONDS))
        if answer is not None:
            assert answer.existed
            assert answer.reservation.reservation_id == reservation_id

    @precondition(lambda self: self.model.promises)
    @rule(number=which)
    def commit(self, number: int) -> None:
        reservation_id, promise = self._one(self.model.promises, number)
        request = pb.CommitReservationRequest(reservation_id=reservation_id)
        self._ask(request, lambda: self.model.commit(promise))

    @precondition(lambda self: self.model.promises)
    @rule(number=which, units=some, line=which)
    def release(self, number: int, units: int, line: int) -> None:
        """Some units of a line; all that are kept when it is none."""
        reservation_id, promise = self._one(self.model.promises, number)
        picks = self._part(promise.wanted, units, line)
        request = pb.ReleaseReservationRequest(reservation_id=reservation_id, picks=self._picks(picks))
        self._ask(request, lambda: self.model.release(promise, picks))

    @precondition(lambda self: self.model.promises)
    @rule(number=which, units=some, line=which)
    def consume(self, number: int, units: int, line: int) -> None:
        """The goods leave: some units of a line, or all that are kept."""
        reservation_id, promise = self._one(self.model.promises, number)
        picks = self._part(promise.wanted, units, line)
        request = pb.ConsumeReservationRequest(
            reservation_id=reservation_id, picks=self._picks(picks), cause=pb.MOVEMENT_CAUSE_SHIPMENT
        )
        self._ask(request, lambda: self.model.consume(promise, picks))

    # Transfers

    @rule(units=st.dictionaries(kinds, few, min_size=1, max_size=2), backwards=st.booleans())
    def plan_trip(self, units: dict[str, int], backwards: bool) -> None:
        source, destination = reversed(PLACES) if backwards else PLACES
        planned = {self._sku(kind): count for kind, count in units.items()}
        request = transfers.CreateTransferRequest(
            source_id=source,
            destination_id=destination,
            lines=[transfers.TransferUnits(sku=sku, quantity_units=count) for sku, count in planned.items()],
        )
        answer = self._ask(request, lambda: None)
        self.model.trips[answer.transfer.transfer_id] = Trip(source, destination, planned)

    @precondition(lambda self: self.model.trips)
    @rule(number=which, forced=st.booleans())
    def dispatch(self, number: int, forced: bool) -> None:
        transfer_id, trip = self._one(self.model.trips, number)
        request = transfers.DispatchTransferRequest(
            transfer_id=transfer_id, source_id=trip.source, forced=forced
        )
        self._ask(request, lambda: self.model.dispatch(trip, forced=forced))

    @precondition(lambda self: self.model.trips)
    @rule(number=which, kind=kinds, units=some)
    def arrive(self, number: int, kind: str, units: int) -> None:
        transfer_id, trip = self._one(self.model.trips, number)
        came = {self._sku(kind): units} if units else {}
        request = transfers.ReceiveTransferRequest(
            transfer_id=transfer_id,
            destination_id=trip.destination,
            lines=[transfers.TransferUnits(sku=sku, quantity_units=count) for sku, count in came.items()],
        )
        self._ask(request, lambda: self.model.arrive(trip, came))

    @precondition(lambda self: self.model.trips)
    @rule(number=which)
    def give_up(self, number: int) -> None:
        transfer_id, trip = self._one(self.model.trips, number)
        request = transfers.CloseTransferRequest(
            transfer_id=transfer_id, destination_id=trip.destination, note="lost on the road"
        )
        self._ask(request, lambda: self.model.give_up(trip))

    @precondition(lambda self: self.model.trips)
    @rule(number=which)
    def drop(self, number: int) -> None:
        transfer_id, trip = self._one(self.model.trips, number)
        request = transfers.CancelTransferRequest(transfer_id=transfer_id, source_id=trip.source)
        self._ask(request, lambda: self.model.drop(trip))

    # Time, and callers who ask twice

    @rule(seconds=st.sampled_from([5, 30, 61]))
    def wait(self, seconds: int) -> None:
        self._wait(seconds)

    @precondition(lambda self: self._asked)
    @rule(number=which)
    def repeat(self, number: int) -> None:
        """A request that was answered is asked again: the first answer, and no second effect."""
        request, answer = self._asked[number % len(self._asked)]
        assert self.door.ask(request) == answer

    @precondition(lambda self: self._asked)
    @rule(number=which)
    def reuse(self, number: int) -> None:
        """The same request id for something else is nobody's success."""
        request, _ = self._asked[number % len(self._asked)]
        other: Any = type(request)()
        other.CopyFrom(request)
        if "location_id" not in request.DESCRIPTOR.fields_by_name:
            return
        (other.location_id,) = [place for place in PLACES if place != other.location_id]
        # A count is looked at before its request is.
        with pytest.raises(NotDone, match=r"REQUEST_ID_REUSED|LOCATION_DIFFERS"):
            self.door.ask(other)

    # What must be true after each step

    @invariant()
    def the_shelves_agree(self) -> None:
        for kind in KINDS:
            for at in PLACES:
                place = (self._sku(kind), at)
                expected = (
                    self.model.on_hand.get(place, 0),
                    self.model.reserved(place),
                    self.model.safety.get(place, 0),
                )
                assert self.door.position(*place) == expected, place

    @invariant()
    def the_promises_agree(self) -> None:
        for reservation_id, promise in self.model.promises.items():
            state, lines = self.door.promise(reservation_id)
            expected = {
                place: (
                    promise.live.get(place, 0),
                    promise.consumed.get(place, 0),
                    promise.displaced.get(place, 0),
                )
                for place, units in promise.wanted.items()
                if units or promise.came.get(place)
            }
            assert (state, lines) == (promise.state, expected), reservation_id
            if promise.request.supply_picks:
                waits = {name: units for name, units in promise.waits.items() if units}
                assert self.door.waits(reservation_id) == waits, reservation_id

    @invariant()
    def the_baskets_and_trips_agree(self) -> None:
        for hold_id, basket in self.model.baskets.items():
            assert self.door.basket(hold_id) == (basket.state, basket.live), hold_id
        for transfer_id, trip in self.model.trips.items():
            on_the_way = trip.on_the_way or dict.fromkeys(trip.planned, 0)
            assert self.door.trip(transfer_id) == (trip.state, on_the_way), transfer_id

    @invariant()
    def nothing_is_promised_twice(self) -> None:
        for place, on_hand in self.model.on_hand.items():
            assert self.model.reserved(place) <= max(0, on_hand)

    def teardown(self) -> None:
        self.door.audit()

    @staticmethod
    def _one(found: dict[str, Any], number: int) -> tuple[str, Any]:
        return list(found.items())[number % len(found)]

    @staticmethod
    def _part(wanted: Any, units: int, line: int) -> dict[Place, int]:
        places = sorted(wanted)
        return {places[line % len(places)]: units} if units else {}
