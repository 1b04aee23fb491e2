"""`aljibe goals`: what a day should bring, of each channel and of the pool, and how far it is."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Annotated

import typer
import uuid_utils
from rich.table import Table

from aljibe.insights.v1 import insights_pb2 as pb
from aljibe.insights.v1 import insights_pb2_grpc
from cli.doors import CALL_SECONDS, door
from cli.session import Session, command, proto_json
from cli.show import minor_digits, money, short, units
from cli.trouble import Usage

POOL = "pool"
MEASURES = {
    "orders": pb.MEASURE_ORDERS,
    "units": pb.MEASURE_UNITS,
    "revenue": pb.MEASURE_REVENUE,
    "promise": pb.MEASURE_PROMISE_KEPT,
}
_STYLES = {"REACHED": "green", "ON_TRACK": "green", "CLOSE": "yellow", "BEHIND": "red"}
_SHARES_PER_PERCENT = 100


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(no_args_is_help=True)
    command(group, "set")(_set)
    command(group, "show")(_show)
    app.add_typer(group, name="goals")


async def _set(
    session: Session,
    channel: Annotated[str, typer.Argument(metavar="CHANNEL", help="goals.channel")],
    measure: Annotated[str, typer.Argument(metavar="MEASURE", help="goals.measure")],
    target: Annotated[str, typer.Argument(metavar="TARGET", help="goals.target")],
    currency: Annotated[str, typer.Option("--currency", metavar="CODE", help="goals.currency")] = "",
) -> None:
    number = MEASURES.get(measure)
    if number is None:
        raise Usage("goals.bad_measure", text=measure, measures=", ".join(MEASURES))
    if number == pb.MEASURE_REVENUE and not currency:
        raise Usage("goals.needs_currency")
    goal = pb.Goal(
        channel_id="" if channel == POOL else channel,
        measure=number,
        target=_target(target, number, currency.upper()),
        currency_code=currency.upper() if number == pb.MEASURE_REVENUE else "",
    )
    async with door(session, "insights") as insights:
        answer = await insights_pb2_grpc.InsightsServiceStub(insights.channel).SetGoals(
            pb.SetGoalsRequest(request_id=str(uuid_utils.uuid7()), goals=[goal]),
            metadata=insights.metadata,
            timeout=CALL_SECONDS,
        )
    said = "goals.is_set" if goal.target else "goals.ended"
    session.show(
        session.texts(
            said,
            channel=_channel(session, goal),
            measure=_measure(session, goal),
            target=_said(goal, goal.target),
        )
    )
    session.document(proto_json(answer))


async def _show(
    session: Session,
    day: Annotated[str, typer.Option("--day", metavar="YYYY-MM-DD", help="goals.day")] = "",
) -> None:
    async with door(session, "insights") as insights:
        answer = await insights_pb2_grpc.InsightsServiceStub(insights.channel).GetToday(
            pb.GetTodayRequest(day=day, window_minutes=1), metadata=insights.metadata, timeout=CALL_SECONDS
        )
    texts, today = session.texts, answer.today
    table = Table(texts("goals.word.channel"), texts("goals.word.measure"), box=None)
    for heading in ("actual", "expected", "target"):
        table.add_column(texts(f"goals.word.{heading}"), justify="right")
    table.add_column(texts("goals.word.state"))
    for one in today.goals:
        state = short(pb.GoalState.Name(one.state), "GOAL_STATE_")
        known = one.state != pb.GOAL_STATE_UNSPECIFIED
        word = texts.name("goal_state", state)
        style = _STYLES.get(state)
        table.add_row(
            _channel(session, one.goal),
            _measure(session, one.goal),
            _said(one.goal, one.actual) if known else "–",
            _said(one.goal, one.expected_by_now),
            _said(one.goal, one.goal.target),
            f"[{style}]{word}[/{style}]" if style else word,
        )
    session.show(texts("goals.day_is", day=today.day, zone=today.time_zone))
    session.show(table if today.goals else texts("goals.none"))
    session.document({"day": today.day, "goals": [proto_json(one) for one in today.goals]})


def _target(text: str, measure: int, currency: str) -> int:
    try:
        value = Decimal(text.replace(",", "."))
    except InvalidOperation:
        raise Usage("goals.bad_target", text=text) from None
    if not value.is_finite() or value < 0:
        raise Usage("goals.bad_target", text=text)
    if measure == pb.MEASURE_PROMISE_KEPT:
        return int(value * _SHARES_PER_PERCENT)
    return int(value * 10 ** minor_digits(currency)) if measure == pb.MEASURE_REVENUE else int(value)


def _said(goal: pb.Goal, value: int) -> str:
    if goal.measure == pb.MEASURE_REVENUE:
        return money(value, goal.currency_code)
    if goal.measure == pb.MEASURE_PROMISE_KEPT:
        return f"{Decimal(value) / _SHARES_PER_PERCENT:.1f} %"
    return units(value)


def _channel(session: Session, goal: pb.Goal) -> str:
    return goal.channel_id or session.texts("goals.pool")


def _measure(session: Session, goal: pb.Goal) -> str:
    return session.texts.name("measure", short(pb.Measure.Name(goal.measure), "MEASURE_"))
