"""Properties of the formula that says what a channel may be promised (ADR-0014)."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from chassis.replica import Replica
from services.inventory.domain.control import EVERY_CHANNEL, Amount, Control, Rules
from services.inventory.domain.explaining import explain
from services.inventory.domain.pool import POOL, Pool
from services.inventory.domain.stock import Position
from services.inventory.tests.builders import NOW, SKU
from services.inventory.usecases.availability import Availability
from services.inventory.usecases.inbound import InboundBoard

CHANNELS = ("app", "market", "web")
AMOUNTS = st.one_of(
    st.none(),
    st.builds(Amount, units=st.integers(0, 30)),
    st.builds(Amount, percent=st.integers(1, 100)),
)
RULES = st.one_of(
    st.none(),
    st.builds(
        Rules,
        buffer=AMOUNTS,
        ring_fence=AMOUNTS,
        cap=AMOUNTS,
        priority=st.integers(0, 2),
        valid_until=st.sampled_from([None, NOW, NOW + timedelta(days=1)]),
        release_time=st.sampled_from([None, NOW, NOW + timedelta(days=1)]),
        fallback=st.booleans(),
    ),
)
WISHES = st.lists(st.tuples(st.sampled_from(CHANNELS), st.integers(1, 12)), max_size=12)


def a_pool(stock_units: int, rules: list[Rules | None], held_units: int = 0) -> Pool:
    pool = Pool(SKU, held_units, guarded=True, controlled=True, measured=True)
    pool.promisable_units = stock_units
    for channel_id, one in zip((*CHANNELS, EVERY_CHANNEL), (*rules, None), strict=True):
        pool.controls[channel_id] = Control(SKU, channel_id, one, NOW)
    return pool


def promise(pool: Pool, channel_id: str, units: int) -> None:
    """Reserve at some location."""
    pool.promisable_units -= units
    pool.count_promised(channel_id, NOW, units)


def fence_left(pool: Pool, channel_id: str) -> int:
    """What of its ring-fence the channel has not had."""
    control = pool.controls[channel_id]
    if control.rules is None or control.rules.ring_fence is None or not control.rules.fences(NOW):
        return 0
    whole = control.rules.ring_fence.of(pool.promisable_units + control.taken_units)
    return max(0, whole - control.used_units)


@given(st.integers(0, 60), st.lists(RULES, min_size=3, max_size=3), st.integers(0, 10), WISHES)
def test_never_more_than_the_pool_nor_than_a_cap(
    stock_units: int, rules: list[Rules | None], held_units: int, wishes: list[tuple[str, int]]
) -> None:
    pool = a_pool(stock_units, rules, held_units)

    for channel_id, wish in wishes:
        room = pool.room_of(channel_id, NOW)
        assert 0 <= room <= max(0, pool.room_units)
        promise(pool, channel_id, min(wish, room))

    assert pool.promisable_units >= min(stock_units, held_units)
    for control in pool.controls.values():
        one = control.rules
        if one is not None and one.cap is not None and one.valid(NOW):
            assert control.used_units <= one.cap.of(stock_units)


@given(st.integers(0, 60), st.lists(RULES, min_size=3, max_size=3), WISHES)
def test_what_others_take_never_touches_a_ring_fence(
    stock_units: int, rules: list[Rules | None], wishes: list[tuple[str, int]]
) -> None:
    """A ring-fence that stood in full stands in full whatever others take, and its channel can have it."""
    rules = [one and replace(one, cap=None) for one in rules]
    pool = a_pool(stock_units, rules)
    whole = sum(fence_left(pool, channel_id) for channel_id in CHANNELS) <= stock_units

    for channel_id, wish in wishes:
        before = {other: pool.room_of(other, NOW) for other in CHANNELS}
        left = {other: fence_left(pool, other) for other in CHANNELS}
        promise(pool, channel_id, min(wish, before[channel_id]))
        for other in CHANNELS:
            if other != channel_id:
                assert fence_left(pool, other) == left[other]
                assert not whole or pool.room_of(other, NOW) >= left[other]
    # Every channel in turn takes all that it may: nothing that is kept for the next one is gone.
    if whole:
        for channel_id in CHANNELS:
            mine = fence_left(pool, channel_id)
            room = pool.room_of(channel_id, NOW)
            assert room >= mine
            promise(pool, channel_id, room)
    assert pool.promisable_units >= 0


@given(st.integers(0, 60), st.lists(RULES, min_size=3, max_size=3))
def test_the_higher_priority_is_filled_first(stock_units: int, rules: list[Rules | None]) -> None:
    pool = a_pool(stock_units, [one and replace(one, cap=None) for one in rules])
    fencing = [
        one for one in pool.controls.values() if one.rules is not None and fence_left(pool, one.channel_id)
    ]

    for one in fencing:
        above = sum(
            fence_left(pool, other.channel_id)
            for other in fencing
            if other.rules and one.rules and other.rules.priority > one.rules.priority
        )
        same = sum(
            fence_left(pool, other.channel_id)
            for other in fencing
            if other.rules and one.rules and other.rules.priority == one.rules.priority and other is not one
        )
        least = min(fence_left(pool, one.channel_id), max(0, stock_units - above - same))
        assert pool.room_of(one.channel_id, NOW) >= least


@given(
    st.lists(st.tuples(st.integers(-3, 20), st.integers(0, 5), st.booleans()), max_size=4),
    st.integers(0, 15),
    st.lists(RULES, min_size=3, max_size=3),
    st.lists(st.integers(0, 9), min_size=3, max_size=3),
)
def test_reservation_replica_and_explanation_say_the_same(
    drawn: list[tuple[int, int, bool]], held_units: int, rules: list[Rules | None], had: list[int]
) -> None:
    """Three ways to one formula, for each channel, at each location and at all together."""
    positions = [
        Position(SKU, f"place-{number}", on_hand, 0, safety, active=active)
        for number, (on_hand, safety, active) in enumerate(drawn)
    ]
    pool = a_pool(0, rules, held_units)
    for position in positions:
        pool.enter(position)
    for channel_id, units in zip(CHANNELS, had, strict=True):
        pool.count_promised(channel_id, NOW, units)
    told = pool.tell(NOW)
    vector = {position.location_id: position.free_units for position in positions}
    figures = {figure.location_id: figure.free_units for one in told for figure in one.as_positions()}
    copy = Replica()
    copy.put_all((SKU, *row, 1) for row in ({**vector, **figures, POOL: -held_units}).items())
    replica = Availability(copy, InboundBoard())
    replica.set_active({position.location_id: position.active for position in positions})

    for channel_id in (*CHANNELS, "never-heard-of"):
        room = pool.room_of(channel_id, NOW)
        share = pool.share(channel_id, NOW)
        total, at = replica.of(SKU, channel_id=channel_id)
        assert replica.total(SKU, channel_id) == replica.total(SKU, channel_id) == room
        assert total == room == explain(positions, held_units, "", share).available_units
        for position in positions:
            here = explain(positions, held_units, position.location_id, share).available_units
            free = position.available_units if position.active else 0
            assert here == at.get(position.location_id, 0) == min(free, room)


def test_a_promise_later_in_the_group_sees_the_one_before() -> None:
    pool = a_pool(10, [Rules(cap=Amount(units=3)), None, None])

    promise(pool, "app", 2)

    assert pool.room_of("app", NOW) == 1
    assert pool.tell(NOW)
    assert not pool.tell(NOW)
