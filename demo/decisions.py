"""What people do, decided by the seed and their basket alone, so that equal runs have equal people."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from random import Random

from demo.data.baskets import Basket
from demo.data.places import Way

DECLINED_SHARE = 0.01
SECOND_CARD_SHARE = 0.7
CASH_SHARE = 0.35
CANCEL_SHARE = 0.015
PART_CANCEL_SHARE = 0.4
NO_SHOW_SHARE = 0.03
WRONG_CODE_SHARE = 0.02
RETURN_SHARE = {Way.SHIP: 0.03, Way.PICKUP: 0.015, Way.CARRY_OUT: 0.006}
ELSEWHERE_SHARE = 0.6
SCRAP_SHARE = 0.2
SHORT_PICK_SHARE = 0.01


class Shortage(StrEnum):
    """What a customer answers when the pickup store has not got it."""

    SHIP = "SHIP"
    CANCEL = "CANCEL"


class Cancel(StrEnum):
    """How much of an order a customer takes back at once."""

    NOTHING = "NOTHING"
    ONE_UNIT = "ONE_UNIT"
    EVERYTHING = "EVERYTHING"


class Short(StrEnum):
    """What goes wrong at the shelf."""

    NOTHING = "NOTHING"
    NOT_FOUND = "NOT_FOUND"
    DAMAGED = "DAMAGED"
    NEEDED_IN_STORE = "NEEDED_IN_STORE"


@dataclass(frozen=True, slots=True)
class Choices:
    """One customer's behaviour. ``card`` is the first payment token; ``second_card`` whether another is tried
    after a refusal. ``return_at`` is a number from 0 to 1 that picks the store of a return.
    """

    card: str
    second_card: bool
    cancel: Cancel
    collects: bool
    mistypes_code: bool
    returns: bool
    return_elsewhere: bool
    return_at: float
    scrap: bool
    shortage: Shortage


def choices(seed: int, basket: Basket) -> Choices:
    """How this basket's customer behaves."""
    random = Random(f"{seed}/customer/{basket.basket_id}")
    online = basket.way is not Way.CARRY_OUT
    declined = random.random() < DECLINED_SHARE
    cash = random.random() < CASH_SHARE and not online
    second_card = random.random() < SECOND_CARD_SHARE
    cancels = random.random() < CANCEL_SHARE and online
    part = random.random() < PART_CANCEL_SHARE
    return Choices(
        card="cash" if cash else "tok_declined" if declined and online else "tok_ok",
        second_card=second_card,
        cancel=Cancel.NOTHING if not cancels else Cancel.ONE_UNIT if part else Cancel.EVERYTHING,
        collects=random.random() >= NO_SHOW_SHARE,
        mistypes_code=random.random() < WRONG_CODE_SHARE,
        returns=random.random() < RETURN_SHARE[basket.way],
        return_elsewhere=random.random() < ELSEWHERE_SHARE,
        return_at=random.random(),
        scrap=random.random() < SCRAP_SHARE,
        shortage=Shortage.SHIP if random.random() < 0.6 else Shortage.CANCEL,
    )


def short_pick(seed: int, reference: str, location_id: str) -> Short:
    """What happens when this location picks for this order; about one in a hundred goes wrong."""
    random = Random(f"{seed}/short/{reference}/{location_id}")
    if random.random() >= SHORT_PICK_SHARE:
        return Short.NOTHING
    return random.choices((Short.NOT_FOUND, Short.DAMAGED, Short.NEEDED_IN_STORE), (5, 3, 2))[0]
