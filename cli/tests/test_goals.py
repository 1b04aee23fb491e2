"""`aljibe goals`: what a person sets, and what they see of how far a day is."""

from __future__ import annotations

import re

import pytest

from aljibe.insights.v1 import insights_pb2 as pb
from cli.tests.conftest import StubPlatform


def _today() -> pb.Today:
    pool = pb.GoalProgress(
        goal=pb.Goal(measure=pb.MEASURE_REVENUE, target=2_500_000, currency_code="EUR"),
        actual=1_250_050,
        expected_by_now=1_400_000,
        state=pb.GOAL_STATE_BEHIND,
    )
    web = pb.GoalProgress(
        goal=pb.Goal(channel_id="web", measure=pb.MEASURE_PROMISE_KEPT, target=9_750), expected_by_now=9_750
    )
    return pb.Today(day="2026-03-04", time_zone="Europe/Madrid", goals=[pool, web])


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (("pool", "orders", "1200"), pb.Goal(measure=pb.MEASURE_ORDERS, target=1200)),
        (
            ("web", "revenue", "250.5", "--currency", "eur"),
            pb.Goal(channel_id="web", measure=pb.MEASURE_REVENUE, target=25_050, currency_code="EUR"),
        ),
        (
            ("app", "promise", "97,5"),
            pb.Goal(channel_id="app", measure=pb.MEASURE_PROMISE_KEPT, target=9_750),
        ),
    ],
)
def test_a_goal_is_set_in_the_units_that_people_say(
    platform: StubPlatform, said: tuple[str, ...], expected: pb.Goal
) -> None:
    ran = platform.aljibe("goals", "set", *said)

    assert ran.code == 0
    (request,) = platform.stubs.requests
    assert list(request.goals) == [expected]
    assert request.request_id


@pytest.mark.parametrize(
    "said",
    [("web", "likes", "5"), ("web", "orders", "many"), ("web", "revenue", "5"), ("web", "units", "-1")],
)
def test_what_is_no_goal_is_wrong_usage(platform: StubPlatform, said: tuple[str, ...]) -> None:
    ran = platform.aljibe("goals", "set", *said[:2], "--", said[2])

    assert ran.code == 2
    assert not platform.stubs.requests


def test_goals_are_shown_with_what_should_be_reached_by_now(platform: StubPlatform) -> None:
    platform.stubs.today = _today()

    ran = platform.aljibe("goals", "show")
    document = platform.aljibe("goals", "show", "--json").document

    assert re.search(r"pool\s+revenue\s+12.500\.50 EUR\s+14.000\.00 EUR\s+25.000\.00 EUR\s+behind", ran.out)
    assert re.search(r"web\s+promise kept\s+–\s+97\.5 %\s+97\.5 %\s+too early to say", ran.out)
    assert document["goals"][0]["state"] == "GOAL_STATE_BEHIND"


def test_goals_are_shown_in_spanish(platform: StubPlatform) -> None:
    platform.stubs.today = _today()

    ran = platform.aljibe("goals", "show", "--lang", "es")

    assert "por debajo" in ran.out
    assert "Esperado hasta ahora" in ran.out
