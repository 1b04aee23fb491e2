"""Rules that are well written and still cannot be meant, by name."""

from __future__ import annotations

from typing import Any

import pytest

from services.orders.domain.draft import Channel
from services.orders.domain.places import Location, Locations
from services.orders.domain.rules import (
    EXPRESS,
    CustomerPromise,
    Exclusion,
    Group,
    Matcher,
    SafetyDays,
    Scope,
    SourcingRules,
)
from services.orders.domain.rules_checks import check, named_channels, named_locations

_STORE = frozenset({"SHIP", "PICKUP", "CARRY_OUT"})
PLACES = Locations.of(
    [
        Location("s-1", "STORE", 40.0, -3.7, "ES", "MD", capabilities=_STORE),
        Location("s-2", "STORE", 41.4, 2.2, "ES", "CT", capabilities=_STORE),
        Location("k-1", "STORE", 41.0, -4.0, "AD", "", capabilities=frozenset({"PICKUP"})),
        Location("w-1", "WAREHOUSE", 39.9, -3.7, "ES", "MD", capabilities=frozenset({"SHIP"})),
    ]
)
CHANNELS = {"web": Channel("web", "EUR"), "pos": Channel("pos", "EUR")}
STORES, WAREHOUSES, ALL = Matcher(kinds=("STORE",)), Matcher(kinds=("WAREHOUSE",)), Matcher()


def found(**fields: Any) -> list[tuple[str, str]]:
    """Path and reason of each problem of rules with these fields."""
    problems = check(SourcingRules(name="n", **fields), PLACES, CHANNELS)
    assert all(one.sentence("en") and one.sentence("es") for one in problems)
    return [(one.path, one.reason) for one in problems]


def test_good_rules_have_no_problem() -> None:
    """What the manual shows is accepted, and so are rules that say nothing."""
    assert found() == []
    assert (
        found(
            groups=(Group("stores", Matcher(kinds=("STORE",), within_km=30)), Group("all")),
            exclusions=(Exclusion("x", Scope(channel_ids=("web",), least_value_minor=1), Matcher(("s-1",))),),
            safety_days=(SafetyDays("own", STORES, Scope(brands=("a",)), 2),),
            most_parcels=2,
            no_split_below_minor=2_000,
        )
        == []
    )


def test_rules_may_name_the_promises_that_customers_are_offered_and_no_others() -> None:
    """A misspelt promise would be a rule that holds for nobody."""
    rule = Exclusion("x", Scope(customer_promises=("STANDARD", "EXPRESS", "DRONE")), Matcher(("s-1",)))
    drone = CustomerPromise("DRONE", transit_days=0)

    assert found(exclusions=(rule,)) == [("exclusions[0].applies_to.customer_promises[2]", "PROMISE_UNKNOWN")]
    assert found(exclusions=(rule,), customer_promises=(drone,)) == [
        ("exclusions[0].applies_to.customer_promises[1]", "PROMISE_UNKNOWN")
    ]
    assert found(exclusions=(rule,), customer_promises=(drone, EXPRESS)) == []


def test_names_that_are_not_there_are_told_one_by_one() -> None:
    """A mistyped store would silently never be matched."""
    group = Group("g", Matcher(("s-1", "s-9", "s-8")), Scope(channel_ids=("web", "shop")))

    assert found(groups=(group,)) == [
        ("groups[0].locations.ids[1]", "LOCATION_UNKNOWN"),
        ("groups[0].locations.ids[2]", "LOCATION_UNKNOWN"),
        ("groups[0].applies_to.channels[1]", "CHANNEL_UNKNOWN"),
    ]
    rules = SourcingRules(groups=(group,))
    assert named_locations(rules) == {"s-1", "s-8", "s-9"}
    assert named_channels(rules) == {"web", "shop"}


@pytest.mark.parametrize(
    "matcher",
    [
        Matcher(kinds=("WAREHOUSE",), capabilities=("PICKUP",)),
        Matcher(country_codes=("PT",)),
        Matcher(regions=("PV",)),
        Matcher(("w-1",), kinds=("STORE",)),
    ],
)
def test_a_rule_that_matches_no_location_is_refused(matcher: Matcher) -> None:
    """Whether group, exclusion or safety days."""
    assert found(groups=(Group("g", matcher),)) == [("groups[0].locations", "NOTHING_MATCHES")]
    assert found(exclusions=(Exclusion("e", locations=matcher),)) == [
        ("exclusions[0].locations", "NOTHING_MATCHES")
    ]
    assert found(safety_days=(SafetyDays("s", matcher, days=1),)) == [
        ("safety_days[0].locations", "NOTHING_MATCHES")
    ]


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"transit_days": 9}, ("promise.transit_days", "TRANSIT_CROSSED")),
        (
            {"customer_promises": (CustomerPromise("SLOW", transit_days=8),)},
            ("customer_promises[0].transit_days", "TRANSIT_CROSSED"),
        ),
        (
            {"customer_promises": (CustomerPromise("FAST", deliver_within_days=1, transit_days=2),)},
            ("customer_promises[0].deliver_within_days", "PROMISE_NEVER_KEPT"),
        ),
        (
            {"most_parcels": 1, "no_split_below_minor": 1},
            ("split.no_split_below", "NO_EFFECT_OF_VALUE"),
        ),
        (
            {"markdown_percent": 5, "opportunity_percent": 0},
            ("stock_value.markdown_percent", "MARKDOWN_WITHOUT_PRICES"),
        ),
        (
            {"currency_code": "USD", "no_split_below_minor": 1},
            ("currency", "CURRENCY_NOT_SOLD"),
        ),
        (
            {"groups": (Group("g", ALL, Scope(least_value_minor=2, most_value_minor=1)),)},
            ("groups[0].applies_to.least_value", "VALUES_CROSSED"),
        ),
        (
            {"exclusions": (Exclusion("e", Scope(methods=("PICKUP",)), Matcher(within_km=5)),)},
            ("exclusions[0].locations.within_km", "DISTANCE_WITHOUT_SHIPPING"),
        ),
        (
            {"groups": (Group("g", Matcher(within_km=5), Scope(methods=("PICKUP",))),)},
            ("groups[0].applies_to.methods", "GROUP_WITHOUT_SHIPPING"),
        ),
        ({"groups": (Group("g", Matcher(("k-1",))),)}, ("groups[0].locations", "CAPABILITY_MISSING")),
        ({"exclusions": (Exclusion("e"),)}, ("exclusions[0]", "ALL_EXCLUDED")),
        (
            {"exclusions": (Exclusion("e", locations=STORES), Exclusion("f", locations=WAREHOUSES))},
            ("exclusions[1]", "ALL_EXCLUDED"),
        ),
        (
            {"exclusions": (Exclusion("e", locations=STORES),), "groups": (Group("g", Matcher(("s-1",))),)},
            ("groups[0]", "GROUP_EXCLUDED"),
        ),
        ({"groups": (Group("g"), Group("h", STORES))}, ("groups[1]", "GROUP_UNREACHABLE")),
        ({"groups": (Group("g", STORES), Group("h", STORES))}, ("groups[1]", "GROUP_UNREACHABLE")),
    ],
    ids=lambda value: value[1] if isinstance(value, tuple) and len(value) == 2 else "",
)
def test_what_cannot_be_meant_is_refused(fields: dict[str, Any], problem: tuple[str, str]) -> None:
    """Each contradiction by name, and only that one."""
    assert found(**fields) == [problem]


@pytest.mark.parametrize(
    "fields",
    [
        # Near or open today, far or closed tomorrow: an exclusion of these leaves the group its sense.
        {
            "exclusions": (Exclusion("e", locations=Matcher(kinds=("STORE",), within_km=3)),),
            "groups": (Group("g", STORES),),
        },
        # For some lines only.
        {
            "exclusions": (Exclusion("e", Scope(brands=("a",)), STORES),),
            "groups": (Group("g", STORES),),
        },
        # The same locations for other lines.
        {"groups": (Group("g", STORES, Scope(brands=("a",))), Group("h", STORES))},
        # Limits of value are of no concern where none is stated.
        {"currency_code": "USD"},
    ],
)
def test_what_may_be_meant_is_left_alone(fields: dict[str, Any]) -> None:
    """A check that cries wolf would be worked around."""
    assert found(**fields) == []
