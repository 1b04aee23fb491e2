"""The page Today: its fragments in both languages, and the bars of its charts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from aljibe.insights.v1 import insights_pb2 as pb
from services.console.adapters.doors import Doors
from services.console.adapters.page import Console
from services.console.adapters.pages import today as page
from services.console.adapters.session import Person, Sessions
from services.console.config import Settings
from services.console.domain.bars import rounded_up, stacked

NOW = datetime(2026, 3, 4, 12, 0, 30, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def _stamp(moment: datetime) -> Timestamp:
    stamp = Timestamp()
    stamp.FromDatetime(moment)
    return stamp


def a_person(language: str, role: str = "operator") -> Person:
    return Person(
        subject="ana",
        name="Ana",
        roles=frozenset({role}),
        channels=frozenset({"*"}),
        locations=frozenset({"*"}),
        language=language,
        theme="light",
        time_zone="UTC",
        session_id="s",
        expires=0.0,
        tokens=lambda: "",
    )


def a_today(**more: Any) -> pb.Today:
    return pb.Today(day="2026-03-04", time_zone="UTC", as_of=_stamp(NOW), **more)


def a_full_day() -> pb.Today:
    counted = pb.OrderCount(
        time=_stamp(NOW.replace(second=0) - MINUTE),
        channel_id="web",
        way=pb.WAY_PICKUP,
        orders=1234,
        units=2000,
        amount_minor=500_000,
        currency_code="USD",
    )
    facts: dict[int, dict[str, str]] = {
        pb.ALARM_KIND_AUDIT_DIFFERENCE: {"differences": "2"},
        pb.ALARM_KIND_OVERSELL: {"units": "3", "orders": "1", "window_minutes": "15"},
        pb.ALARM_KIND_DEAD_LETTERS: {"service": "orders", "messages": "1"},
        pb.ALARM_KIND_OUTBOX_LAG: {"service": "orders", "events": "5", "seconds": "12"},
        pb.ALARM_KIND_CONSUMER_LAG: {"service": "orders", "consumer": "orders", "messages": "2000"},
        pb.ALARM_KIND_REPLICA_STALE: {"service": "orders", "seconds": "9"},
        pb.ALARM_KIND_SERVICE_AWAY: {"service": "catalog"},
        pb.ALARM_KIND_LATE_BACKLOG: {
            "location_id": "store-1",
            "location_name": "Centro",
            "late": "4",
            "oldest_due": NOW.isoformat(),
        },
        pb.ALARM_KIND_REFUSALS: {
            "share_percent": "30",
            "refused": "30",
            "placed": "100",
            "reason": "NO_PLAN",
            "window_minutes": "15",
        },
    }
    return a_today(
        minutes=[counted],
        hours=[counted],
        channels=[
            pb.ChannelTotal(
                channel_id="web", orders=1234, units=2000, amount_minor=500_000, currency_code="USD"
            )
        ],
        promises=[pb.PromiseCount(channel_id="app", kept=9, missed=1, overdue=2)],
        refusals=[pb.RefusalCount(reason="INSUFFICIENT_STOCK", channel_id="web", refusals=7)],
        resourced=[pb.ResourcedCount(trigger="SHORT_PICK", resourcings=2, units=3)],
        backlog=[
            pb.LocationBacklog(
                location_id="store-1", location_name="Centro", open=5, late=4, oldest_due_time=_stamp(NOW)
            )
        ],
        alarms=[
            pb.Alarm(
                alarm_id=str(kind),
                kind=cast("Any", kind),
                severity=pb.SEVERITY_WARNING,
                since_time=_stamp(NOW),
                facts=told,
                link="/bus",
            )
            for kind, told in facts.items()
        ],
        goals=[
            pb.GoalProgress(
                goal=pb.Goal(measure=pb.MEASURE_REVENUE, target=900_000, currency_code="USD"),
                actual=500_000,
                expected_by_now=450_000,
                basis=pb.EXPECTATION_BASIS_SAME_WEEKDAY,
                state=pb.GOAL_STATE_ON_TRACK,
            ),
            pb.GoalProgress(
                goal=pb.Goal(channel_id="web", measure=pb.MEASURE_PROMISE_KEPT, target=9_500),
                expected_by_now=9_500,
            ),
        ],
    )


def fragments(today: pb.Today, language: str, span: str = "hour") -> dict[str, str]:
    settings = Settings()
    console = Console(settings, Doors(settings), cast("Sessions", None))
    person = a_person(language)
    facts = page._Page()._facts(person, today, span)
    return {name: console.fragment(person, f"today/{name}.html", **facts) for name in page._REGIONS}


@pytest.mark.parametrize("span", ["hour", "day"])
@pytest.mark.parametrize("language", ["en", "es"])
def test_every_alarm_figure_and_goal_has_its_words(language: str, span: str) -> None:
    """No placeholder is left, and no word is missing in either language."""
    made = fragments(a_full_day(), language, span)

    assert made["alarms"].count('class="alarm ') == 9
    for html in made.values():
        assert "{" not in html
        assert "today." not in html
    assert {"en": "1,234", "es": "1.234"}[language] in made["figures"]
    assert {"en": "Centro: 4 late", "es": "Centro: 4 con retraso"}[language] in made["alarms"]
    goals = made["goals"].replace("\u00a0", " ")
    assert {"en": "USD 5,000.00 of USD 9,000.00", "es": "5.000,00 USD de 9.000,00 USD"}[language] in goals


@pytest.mark.parametrize("language", ["en", "es"])
def test_an_empty_day_says_so(language: str) -> None:
    made = fragments(a_today(), language)

    assert {"en": "No alarms.", "es": "Sin alarmas."}[language] in made["alarms"]
    assert {"en": "No orders in this time.", "es": "No hay pedidos en este tiempo."}[language] in made[
        "by-way"
    ]


@pytest.mark.parametrize(
    ("text", "measure", "currency", "expected"),
    [
        ("1200", "ORDERS", "", 1200),
        ("97,5", "PROMISE_KEPT", "", 9750),
        ("12.50", "REVENUE", "USD", 1250),
        ("1250", "REVENUE", "CLP", 1250),
        ("many", "ORDERS", "", None),
        ("-1", "ORDERS", "", None),
        ("NaN", "ORDERS", "", None),
    ],
)
def test_a_target_is_read_in_the_measures_own_unit(
    text: str, measure: str, currency: str, expected: int | None
) -> None:
    assert page._target(text, measure, currency) == expected


def test_bars_stack_in_a_fixed_order_and_keep_their_places_in_time() -> None:
    """A series that is missing in one look does not change what the colours of others mean."""
    counts = [(NOW, "app", 1), (NOW, "web", 3), (NOW + 2 * MINUTE, "web", 2), (NOW + 9 * MINUTE, "web", 9)]

    chart = stacked(counts, first=NOW, slots=3, slot=MINUTE, order=("web", "pos", "app"))

    assert chart.series == ["web", "app"]
    assert [bar.total for bar in chart.bars] == [4, 0, 2]
    assert chart.top == 4
    assert [(one.series, one.y, one.height) for one in chart.bars[0].segments] == [
        (1, 25.0, 75.0),
        (2, 0.0, 25.0),
    ]
    assert chart.most is chart.bars[0]


@pytest.mark.parametrize(("value", "top"), [(0, 2), (2, 2), (3, 4), (5, 10), (11, 20), (41, 100), (250, 400)])
def test_scales_end_at_numbers_that_are_read_at_a_glance(value: int, top: int) -> None:
    assert rounded_up(value) == top
