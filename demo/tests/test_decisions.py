from __future__ import annotations

from collections import Counter

from demo.data.baskets import Channel
from demo.data.places import Way
from demo.decisions import Cancel, Short, choices, short_pick
from demo.tests.builders import basket

MANY = 20_000


def test_equal_seeds_make_equal_people() -> None:
    """A run can be repeated: nobody's behaviour depends on what else happens."""
    first = [choices(5, basket(number)) for number in range(200)]
    second = [choices(5, basket(number)) for number in reversed(range(200))]

    assert first == second[::-1]
    assert first != [choices(6, basket(number)) for number in range(200)]


def test_shares_are_what_they_say() -> None:
    """About one in seventy cancels, three in a hundred never come, one card in a hundred is declined."""
    everybody = [choices(1, basket(number)) for number in range(MANY)]

    cancels = Counter(one.cancel for one in everybody)
    assert 0.010 < 1 - cancels[Cancel.NOTHING] / MANY < 0.020
    assert cancels[Cancel.ONE_UNIT]
    assert cancels[Cancel.EVERYTHING]
    assert 0.02 < sum(not one.collects for one in everybody) / MANY < 0.04
    assert 0.005 < sum(one.card == "tok_declined" for one in everybody) / MANY < 0.015


def test_a_customer_at_a_till_has_the_goods_and_cannot_cancel() -> None:
    tills = [choices(1, basket(n, channel=Channel.TILL, way=Way.CARRY_OUT)) for n in range(2_000)]

    assert {one.cancel for one in tills} == {Cancel.NOTHING}
    assert {one.card for one in tills} == {"cash", "tok_ok"}


def test_about_one_pick_in_a_hundred_goes_wrong_the_same_way_again() -> None:
    found = [short_pick(1, str(number), "store-1") for number in range(MANY)]

    assert 0.007 < sum(short is not Short.NOTHING for short in found) / MANY < 0.013
    assert set(found) == set(Short)
    assert found == [short_pick(1, str(number), "store-1") for number in range(MANY)]
