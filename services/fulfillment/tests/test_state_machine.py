"""Whatever is done in whatever order, the counters add up and the history has no hole."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from services.fulfillment.domain.facts import Disposition, ShortPickReason
from services.fulfillment.domain.fulfillment_order import LIVE, FulfillmentOrder, Method, State
from services.fulfillment.domain.pickup_code import MAX_WRONG_TRIES, PickupCode
from services.fulfillment.domain.refusals import CodeWrong, Refusal
from services.fulfillment.tests.builders import ACTOR, CODE, NOW, WRONG_CODE, an_opening, an_order

NEXT = {
    State.OPEN: {State.PICKING, State.PICKED, State.CANCELLED},
    State.PICKING: {State.PICKED, State.CANCELLED},
    State.PICKED: {State.PACKED, State.READY},
    State.PACKED: {State.SHIPPED, State.IN_TRANSIT},
    State.IN_TRANSIT: {State.ARRIVED, State.CANCELLED},
    State.ARRIVED: {State.READY},
    State.READY: {State.HANDED_OVER, State.EXPIRED},
    State.SHIPPED: set[State](),
    State.HANDED_OVER: set[State](),
    State.EXPIRED: set[State](),
    State.CANCELLED: set[State](),
}
quantities = st.dictionaries(st.integers(1, 4), st.integers(1, 4), max_size=3)
some_quantities = st.dictionaries(st.integers(1, 4), st.integers(1, 4), min_size=1, max_size=3)


class FulfillmentOrderMachine(RuleBasedStateMachine):
    @initialize(
        lines=st.lists(st.integers(1, 4), min_size=1, max_size=3),
        method=st.sampled_from(Method),
        store=st.sampled_from(["", "store-2"]),
    )
    def open(self, lines: list[int], method: Method, store: str) -> None:
        opening = an_opening(method, pickup_location_id=store if method is Method.PICKUP else "")
        self.order = an_order(*lines, opening=opening)
        self.state = self.order.state

    def do(self, verb: Callable[[FulfillmentOrder], None]) -> None:
        before, refused = repr(self.order), None
        version, events = self.order.version, len(self.order.told)
        try:
            verb(self.order)
        except CodeWrong:
            assert (self.order.version, len(self.order.told)) == (version, events)
        except Refusal as refusal:
            refused = str(refusal)
        else:
            assert self.order.version == version + 1
        if refused is not None:
            assert refused
            assert repr(self.order) == before
        assert self.order.state is self.state or self.order.state in NEXT[self.state]
        self.state = self.order.state

    @rule()
    def start(self) -> None:
        self.do(lambda order: order.start_picking(now=NOW, actor=ACTOR))

    @rule(wanted=quantities)
    def pick(self, wanted: dict[int, int]) -> None:
        self.do(lambda order: order.pick(wanted, now=NOW, actor=ACTOR))

    @rule(wanted=some_quantities, reason=st.sampled_from(ShortPickReason))
    def report_short(self, wanted: dict[int, int], reason: ShortPickReason) -> None:
        self.do(lambda order: order.report_short(wanted, reason, "", now=NOW, actor=ACTOR))

    @rule(wanted=some_quantities)
    def take_out(self, wanted: dict[int, int]) -> None:
        self.do(lambda order: order.take_out(wanted, "r", now=NOW, actor=ACTOR))

    @rule()
    def pack(self) -> None:
        self.do(lambda order: order.pack(1, now=NOW, actor=ACTOR))

    @rule()
    def ship(self) -> None:
        self.do(lambda order: order.ship("c", "t", now=NOW, actor=ACTOR))

    @rule()
    def receive(self) -> None:
        self.do(lambda order: order.receive(now=NOW, actor=ACTOR))

    @rule(wanted=quantities)
    def lose(self, wanted: dict[int, int]) -> None:
        self.do(lambda order: order.lose(wanted, "", now=NOW, actor=ACTOR))

    @rule()
    def make_ready(self) -> None:
        self.do(lambda order: order.make_ready(PickupCode(CODE), NOW, now=NOW, actor=ACTOR))

    @rule(guess=st.sampled_from([CODE, WRONG_CODE, WRONG_CODE]))
    def hand_over(self, guess: str) -> None:
        self.do(lambda order: order.hand_over(guess, now=NOW, actor=ACTOR))

    @rule()
    def renew(self) -> None:
        self.do(lambda order: order.renew_code(PickupCode(CODE)))

    @rule()
    def expire(self) -> None:
        self.do(lambda order: order.expire(now=NOW, actor=ACTOR))

    @rule(wanted=some_quantities, disposition=st.sampled_from(Disposition))
    def receive_back(self, wanted: dict[int, int], disposition: Disposition) -> None:
        self.do(
            lambda order: order.receive_back(
                wanted,
                disposition,
                "",
                return_id="ret_1",
                receiving_location_id="store-1",
                now=NOW,
                actor=ACTOR,
            )
        )

    @invariant()
    def counters_add_up(self) -> None:
        for line in self.order.lines:
            assert line.left_units >= 0
            assert 0 <= line.returned_units + line.lost_units <= line.picked_units

    @invariant()
    def something_is_left_to_pick_only_before_it_is_picked(self) -> None:
        left = any(line.left_units for line in self.order.lines)
        assert left == (self.order.state in (State.OPEN, State.PICKING))

    @invariant()
    def only_the_cancelled_has_nothing(self) -> None:
        if self.order.state not in (State.OPEN, State.PICKING):
            assert bool(self.order.picked()) == (self.order.state is not State.CANCELLED)

    @invariant()
    def a_code_exists_only_while_goods_wait(self) -> None:
        assert (self.order.code is not None) == (self.order.state is State.READY)
        assert self.order.code is None or self.order.code.wrong_tries <= MAX_WRONG_TRIES

    @invariant()
    def a_store_works_only_on_what_has_left_for_it(self) -> None:
        sent = self.order.opening.pickup_location_id
        left = {State.IN_TRANSIT, State.ARRIVED, State.READY, State.HANDED_OVER, State.EXPIRED}
        here = "store-2" if sent and self.order.state in left else "store-1"
        assert self.order.work_location_id == here

    @invariant()
    def the_history_has_no_hole(self) -> None:
        assert [told.sequence for told in self.order.told] == list(range(1, self.order.event_sequence + 1))

    @invariant()
    def goods_come_back_only_after_they_left(self) -> None:
        if self.order.state in LIVE:
            assert not any(line.returned_units for line in self.order.lines)


FulfillmentOrderMachine.TestCase.settings = settings(max_examples=150, stateful_step_count=25, deadline=None)
TestFulfillmentOrder = FulfillmentOrderMachine.TestCase
