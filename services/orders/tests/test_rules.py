"""What the rules of sourcing keep when they are stored: their content, their name, and what older releases
wrote.
"""

from __future__ import annotations

import json

import pytest

from services.orders.domain.rules import (
    CustomerPromise,
    Exclusion,
    Group,
    Matcher,
    SafetyDays,
    Scope,
    SourcingRules,
    TariffStep,
)
from services.orders.domain.sourcing import Wish, WishLine, decide
from services.orders.domain.states import Method
from services.orders.tests.builders import LOCATIONS, NOW, Shelf

FULL = SourcingRules(
    name="Autumn",
    groups=(
        Group("near stores", Matcher(kinds=("STORE",), within_km=50, open_now=True)),
        Group("the rest", scope=Scope(channel_ids=("web",), attributes=(("age", "18"), ("cold", "yes")))),
    ),
    exclusions=(Exclusion("no express from afar", Scope(customer_promises=("EXPRESS",)), Matcher(("s-9",))),),
    safety_days=(SafetyDays("stores first", Matcher(kinds=("STORE",)), Scope(brands=("Own",)), 3),),
    tariff=(TariffStep(100, 450_000, 20_000, 1), TariffStep(800, 700_000, 30_000, 2)),
    brands_together=("Own",),
    ship_to_store=True,
    delivery_weekdays=(1, 2, 3, 4, 5),
    customer_promises=(
        CustomerPromise("EXPRESS", "Tomorrow", "Mañana", 1, late_per_day=500_000, transit_days=1),
        CustomerPromise("WEEKEND", delivery_weekdays=(6, 7), tariff=(TariffStep(50, 1, 2, 0),)),
    ),
)


def test_rules_come_back_as_they_were_stored() -> None:
    """A decision is replayed with them: equal content, equal version, and still a key of a cache."""
    read = SourcingRules.from_json(FULL.to_json())

    assert read == FULL
    assert hash(read) == hash(FULL)
    assert read.version == FULL.version


def test_the_version_is_the_content() -> None:
    """Whatever differs makes another version, in the nested parts too."""
    other = SourcingRules.from_json(FULL.to_json().replace('"within_km":50', '"within_km":51'))

    assert other != FULL
    assert other.version != FULL.version
    assert SourcingRules().version == SourcingRules().version


def test_rules_stored_by_an_earlier_release_load() -> None:
    """Decisions of before the fields existed stay replayable."""
    old = {"parcel_fixed": 1, "parcel_per_km": 2, "split": 3, "ship_cut_off_minute": 600, "transit_days": 2}

    read = SourcingRules.from_json(json.dumps(old))

    assert read == SourcingRules(
        parcel_fixed=1, parcel_per_km=2, split=3, ship_cut_off_minute=600, transit_days=2
    )


def test_rules_stored_by_a_later_release_load() -> None:
    """While instances of two releases run, each reads what the other wrote."""
    content = json.loads(FULL.to_json())
    content["moon_phase"] = 1
    content["groups"][0]["weight"] = 2
    content["groups"][0]["locations"]["mood"] = ["calm"]

    assert SourcingRules.from_json(json.dumps(content)) == FULL


@pytest.mark.parametrize(("channel_id", "served_by"), [("app", "store-1"), ("web", "wh-1")])
def test_a_line_that_no_group_is_about_may_come_from_all(channel_id: str, served_by: str) -> None:
    """Groups for one channel say nothing of another's orders, which would otherwise find nobody."""
    rules = SourcingRules(groups=(Group("stores", Matcher(kinds=("STORE",)), Scope(channel_ids=("app",))),))
    stock = Shelf({("a", "store-1"): 1, ("a", "wh-1"): 1})
    wish = Wish((WishLine(1, "a", 1, Method.SHIP),), (40.0, -80.0), channel_id)

    plan = decide(wish, stock, LOCATIONS, rules, now=NOW)

    assert [part.location_id for part in plan.parts] == [served_by]
