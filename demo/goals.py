"""Goals for the day of the run, so that there is something to compare it with."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from aljibe.insights.v1 import insights_pb2 as insights
from demo import wire
from demo.data.catalogue import CURRENCY
from demo.doors import Doors
from demo.world import World

AMBITION = 1.25
"""A day's goal is this much more than the run sells: within reach, and not reached by itself."""
PROMISE_KEPT = 9_500
"""Ten-thousandths."""


def goals_of(world: World) -> list[insights.Goal]:
    """Orders and promises kept, of each channel and of the pool, and what the pool earns at list prices."""
    prices = {product.sku: product.list_price_minor for product in world.products}
    orders: Counter[str] = Counter()
    value_minor = 0
    for basket in world.baskets:
        orders[wire.CHANNEL_ID[basket.channel]] += 1
        value_minor += sum(prices.get(sku, 0) * units for sku, units in basket.lines)
    goals = [_orders("", sum(orders.values())), _kept("")]
    revenue = insights.Goal(
        measure=insights.MEASURE_REVENUE, target=round_figure(value_minor), currency_code=CURRENCY
    )
    goals += [revenue] if value_minor else []
    for channel_id, count in sorted(orders.items()):
        goals.append(_orders(channel_id, count))
        if channel_id != "pos":
            # What leaves over a till is promised to nobody.
            goals.append(_kept(channel_id))
    return goals


def round_figure(value: int) -> int:
    """``AMBITION`` times a figure, rounded to two digits as people set goals; at least 1."""
    wanted = max(1, round(AMBITION * value))
    digits = max(0, len(str(wanted)) - 2)
    return max(1, int(round(wanted, -digits)))


async def set_goals(doors: Doors, world: World, run: str) -> Mapping[str, insights.Goal]:
    """Set the goals, unless somebody has set any or the platform keeps none; those that were set, by channel
    and measure.
    """
    if doors.insights is None:
        return {}
    token = doors.tokens.office("planner")
    listed = await doors.rpc(doors.insights.ListGoals, insights.ListGoalsRequest(page_size=1), token)
    if listed.goals:
        return {}
    request = insights.SetGoalsRequest(request_id=f"{run}/goals", goals=goals_of(world))
    answer = await doors.rpc(doors.insights.SetGoals, request, token)
    return {f"{goal.channel_id} {insights.Measure.Name(goal.measure)}": goal for goal in answer.goals}


def _orders(channel_id: str, count: int) -> insights.Goal:
    return insights.Goal(channel_id=channel_id, measure=insights.MEASURE_ORDERS, target=round_figure(count))


def _kept(channel_id: str) -> insights.Goal:
    return insights.Goal(channel_id=channel_id, measure=insights.MEASURE_PROMISE_KEPT, target=PROMISE_KEPT)
