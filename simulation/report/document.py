"""What a simulation found as one JSON document."""

from __future__ import annotations

import json
from typing import Any

from services.orders.domain.sourcing import Plan
from simulation.figures import Row
from simulation.play import Change, Decision, Outcome
from simulation.report.story import Told
from simulation.world import Sale


def document(told: Told) -> dict[str, Any]:
    """Everything the page says, as data. Money in thousandths of a minor unit; times are ISO 8601, UTC."""
    comparison = told.comparison
    world = comparison.world
    return {
        "begins": world.begins.isoformat(),
        "ends": world.ends.isoformat(),
        "currencyCode": world.currency_code,
        "source": told.source,
        "orders": len(world.orders),
        "walkInSales": sum(isinstance(event, Sale) for event in world.events),
        "locations": len(world.locations.by_id),
        "versions": [_version(outcome) for outcome in comparison.outcomes],
        "figures": [_row(row) for row in comparison.rows],
        "ordersByParcels": [list(counts) for counts in comparison.parcels],
        "days": [
            {
                "day": day.isoformat(),
                "total": [daily[number] for daily in comparison.daily_total],
                "lostUnits": [outcome.days[day].lost_units for outcome in comparison.outcomes],
                "lostMargin": [outcome.days[day].lost_margin for outcome in comparison.outcomes],
                "soldUnits": [outcome.days[day].sold_units for outcome in comparison.outcomes],
            }
            for number, day in enumerate(world.days)
        ],
        "activate": list(told.activate),
        "rollback": told.rollback,
    }


def _version(outcome: Outcome) -> dict[str, Any]:
    return {
        "name": outcome.variant.name,
        "rulesVersion": outcome.variant.rules.version,
        "opportunityPercent": outcome.variant.rules.opportunity_percent,
        "changedOrders": outcome.changed,
        "changes": [_change(change) for change in outcome.changes],
    }


def _row(row: Row) -> dict[str, Any]:
    return {
        "key": row.metric.key,
        "unit": row.metric.unit.value,
        "mean": row.metric.mean,
        "pairedBy": row.metric.basis.value,
        "values": list(row.values),
        "differences": [
            {"value": found.value, "halfWidth95": found.half_width, "sure": found.sure}
            for found in row.differences
        ],
    }


def _change(change: Change) -> dict[str, Any]:
    return {
        "orderId": change.order_id,
        "time": change.at.isoformat(),
        "cause": change.cause.value,
        "difference": change.difference,
        "first": _decision(change.first),
        "other": _decision(change.other),
    }


def _decision(decision: Decision) -> dict[str, Any]:
    return {
        "promise": decision.promise.isoformat(),
        "cost": decision.served.cost,
        "parts": _parts(decision.plan),
        # Once through JSON, whose keys are texts.
        "record": json.loads(json.dumps(decision.record.to_dict())),
    }


def _parts(plan: Plan) -> list[dict[str, Any]]:
    return [
        {
            "locationId": part.location_id,
            "method": part.method.name,
            "pickupLocationId": part.pickup_location_id,
            "km": part.distance_km,
            "lines": [{"sku": line.sku, "quantityUnits": line.quantity_units} for line in part.lines],
        }
        for part in plan.parts
    ]
