"""From the contract's messages to what the pages of orders show."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

from google.protobuf.timestamp_pb2 import Timestamp

from aljibe.common.v1 import types_pb2
from aljibe.fulfillment.v1 import fulfillment_pb2, incidents_pb2
from aljibe.inventory.v1 import inventory_pb2
from aljibe.orders.v1 import orders_pb2
from services.console.domain import order_life
from services.console.domain.order_life import Moment, Outlook, Part

FINAL_STATES = ("COMPLETED", "CANCELLED", "RETURNED")
_WAITING = ("RESOURCING", "AWAITING_CUSTOMER")
_CANCELLABLE = ("ALLOCATED", "BACKORDERED", *_WAITING)
_BOUNDARY = re.compile(r"(?<=[a-z])(?=[A-Z])")


def short(kind: Any, number: int) -> str:
    """`SHIPPED` of UNIT_STATE_SHIPPED, ``kind`` being the enum; the number where it is newer than these
    pages.
    """
    try:
        name: str = kind.Name(number)
    except ValueError:
        return str(number)
    return name.removeprefix(_BOUNDARY.sub("_", kind.DESCRIPTOR.name).upper() + "_")


def moment(time: Timestamp) -> datetime | None:
    """The time, or None when it is not set."""
    if not time.seconds and not time.nanos:
        return None
    return datetime.fromtimestamp(time.seconds + time.nanos / 1e9, UTC)


@dataclass(frozen=True, slots=True)
class Group:
    """Units of a line in one state at one place."""

    state: str
    units: int
    location_id: str


@dataclass(frozen=True, slots=True)
class Line:
    """A line with where its units stand; `cancellable_units` are not picked yet."""

    number: int
    sku: str
    name: str
    units: int
    method: str
    total_minor: int
    groups: tuple[Group, ...]
    cancellable_units: int


@dataclass(frozen=True, slots=True)
class Share:
    """A part of the plan with the work behind it."""

    fulfillment_order_id: str
    location_id: str
    method: str
    state: str
    content: tuple[tuple[str, str, int], ...]
    """SKU, name and units."""
    part: Part
    outlook: Outlook
    attempt: int
    carrier: str
    tracking_number: str
    movable: bool
    """Whether units of it may be sourced again."""
    pickup_location_id: str = ""
    """The store that it sends the goods to, to be collected."""


@dataclass(frozen=True, slots=True)
class OrderView:
    """One order as a page shows it."""

    order: orders_pb2.Order
    state: str
    outlook: Outlook
    worst: Part | None
    lines: tuple[Line, ...]
    waiting_units: int
    asked_units: int
    """Units that wait for the customer's choice."""

    @property
    def final(self) -> bool:
        """Whether nothing is left to do."""
        return self.state in FINAL_STATES

    @property
    def units(self) -> int:
        """Units ordered."""
        return sum(line.units for line in self.lines)

    @property
    def cancellable_units(self) -> int:
        """Units that may still be cancelled."""
        return sum(line.cancellable_units for line in self.lines)

    @property
    def cancelled_units(self) -> int:
        """Units that will not be served."""
        return sum(group.units for line in self.lines for group in line.groups if group.state == "CANCELLED")

    @property
    def places(self) -> tuple[str, ...]:
        """The locations that serve it, or did."""
        found = (group.location_id for line in self.lines for group in line.groups if group.location_id)
        return tuple(dict.fromkeys(found))


def order_view(order: orders_pb2.Order, language: str, now: datetime) -> OrderView:
    """The order with its lines and what is to be said of its promise."""
    lines = tuple(_line(line, language) for line in order.lines)
    groups = [group for line in lines for group in line.groups]
    waiting = sum(group.units for group in groups if group.state in _WAITING)
    outlook, worst = order_life.outlook(parts_of(order), now, waiting_units=waiting)
    asked = sum(group.units for group in groups if group.state == "AWAITING_CUSTOMER")
    state = short(orders_pb2.OrderState, order.state)
    return OrderView(order, state, outlook, worst, lines, waiting, asked)


def _line(line: orders_pb2.OrderLine, language: str) -> Line:
    groups = tuple(
        Group(short(orders_pb2.UnitState, one.state), one.quantity_units, one.location_id)
        for one in line.units
    )
    return Line(
        line.line_number,
        line.sku,
        _name(line, language) or line.sku,
        line.quantity_units,
        short(types_pb2.FulfillmentMethod, line.method),
        line.total_minor,
        groups,
        sum(group.units for group in groups if group.state in _CANCELLABLE),
    )


class _Named(Protocol):
    name_en: str
    name_es: str


def _name(line: _Named, language: str) -> str:
    return (line.name_es if language == "es" else line.name_en) or line.name_en


def parts_of(order: orders_pb2.Order) -> list[Part]:
    """The plan's parts as far as their promises go."""
    live = {
        group.fulfillment_order_id
        for line in order.lines
        for group in line.units
        if group.state != orders_pb2.UNIT_STATE_CANCELLED
    }
    return [_part(one, one.fulfillment_order_id in live) for one in order.plan]


def _part(part: orders_pb2.PlanPart, live: bool) -> Part:
    outcome = short(orders_pb2.PromiseOutcome, part.promise_outcome)
    return Part(
        part.location_id,
        short(types_pb2.FulfillmentMethod, part.method),
        moment(part.promise_time),
        # Goods that are sent to a store are done when they wait there.
        moment(part.promise_time if part.pickup_location_id else part.due_time),
        moment(part.done_time),
        "" if outcome == "UNSPECIFIED" else outcome,
        live,
        part.supply_id,
        moment(part.expected_time) if part.supply_id else None,
    )


def shares(
    order: orders_pb2.Order,
    work: Iterable[fulfillment_pb2.FulfillmentOrder],
    language: str,
    now: datetime,
) -> tuple[Share, ...]:
    """Each location's share with its work; what is done last."""
    known = {one.fulfillment_order_id: one for one in work}
    allocated = {
        group.fulfillment_order_id
        for line in order.lines
        for group in line.units
        if group.state == orders_pb2.UNIT_STATE_ALLOCATED
    }
    found = []
    for part, one in zip(parts_of(order), order.plan, strict=True):
        job = known.get(one.fulfillment_order_id)
        state = short(fulfillment_pb2.FulfillmentState, job.state) if job is not None else ""
        share = Share(
            one.fulfillment_order_id,
            one.location_id,
            part.method,
            state,
            tuple((line.sku, _name(line, language) or line.sku, line.quantity_units) for line in one.lines),
            part,
            order_life.outlook_of(part, now),
            one.attempt,
            job.carrier if job is not None else "",
            job.tracking_number if job is not None else "",
            one.fulfillment_order_id in allocated and part.method != "CARRY_OUT",
            one.pickup_location_id,
        )
        found.append(share)
    return tuple(sorted(found, key=lambda share: (not share.part.live, share.attempt)))


def life_of(
    order: orders_pb2.Order,
    decisions: Iterable[orders_pb2.SourcingDecision],
    work: Iterable[fulfillment_pb2.FulfillmentOrder],
    movements: Iterable[inventory_pb2.Movement],
    steps: Sequence[order_life.Done],
    returns: Iterable[fulfillment_pb2.GoodsReturn],
    incidents: Iterable[incidents_pb2.Incident],
) -> tuple[Moment, ...]:
    """The order's life across all services, oldest first."""
    accepted = moment(order.accept_time)
    facts = {
        "channel": order.channel_id,
        "amount": (order.total_minor, order.currency_code),
        "authorized": (order.payment.authorized_minor, order.currency_code),
    }
    return order_life.life(
        accepted=Moment(accepted, "orders", "accepted", facts) if accepted is not None else None,
        decided=[_decided(one) for one in decisions],
        opened=[
            order_life.Opened(
                one.fulfillment_order_id,
                one.location_id,
                short(types_pb2.FulfillmentMethod, one.method),
                moment(one.open_time),
                sum(line.quantity_units for line in one.lines),
            )
            for one in work
        ],
        done=steps,
        moved=[_moved(one) for one in movements],
        told=[
            order_life.Told(time, one.kind, one.text)
            for one in order.messages
            if (time := moment(one.time)) is not None
        ],
        returned=_together(returns),
        reported=[_reported(one) for one in incidents],
        others=_holds(order.holds),
    )


def _decided(one: orders_pb2.SourcingDecision) -> order_life.Decided:
    parts: dict[str, int] = {}
    for part in one.chosen:
        units = sum(line.quantity_units for line in part.lines)
        parts[part.location_id] = parts.get(part.location_id, 0) + units
    return order_life.Decided(
        moment(one.time) or datetime.fromtimestamp(0, UTC),
        one.attempt,
        one.trigger,
        tuple(parts.items()),
        sum(short_of.requested_units - short_of.available_units for short_of in one.shortages),
    )


def _moved(one: inventory_pb2.Movement) -> order_life.Moved:
    return order_life.Moved(
        moment(one.record_time) or datetime.fromtimestamp(0, UTC),
        one.sku,
        one.location_id,
        one.quantity_units,
        short(inventory_pb2.MovementCause, one.cause),
        one.document_id,
        one.actor,
    )


# What events of a fulfillment order are called as steps; openings and returns are told by themselves.
_STEPS = {
    "PickingStarted": "StartPicking",
    "UnitsPicked": "PickUnits",
    "UnitsShort": "ReportShortPick",
    "UnitsTakenOut": "TakeOutUnits",
    "OrderPacked": "PackOrder",
    "OrderShipped": "ShipOrder",
    "ParcelSentToStore": "SendToStore",
    "ParcelReceivedAtStore": "ReceiveAtStore",
    "UnitsLostInTransit": "LoseInTransit",
    "PickupReady": "MarkReady",
    "OrderHandedOver": "HandOver",
    "PickupExpired": "ExpirePickup",
}


def steps_done(steps: Iterable[fulfillment_pb2.Step]) -> list[order_life.Done]:
    """What was done for an order by its work's own account."""
    return [
        order_life.Done(time, "fulfillment", _STEPS[one.event], one.location_id, False, "", one.actor)
        for one in steps
        if one.event in _STEPS and (time := moment(one.time)) is not None
    ]


def _together(returns: Iterable[fulfillment_pb2.GoodsReturn]) -> list[order_life.Returned]:
    """One for each return and disposition; the reasons of its lines as they were said."""
    found: dict[tuple[str, int], list[fulfillment_pb2.GoodsReturn]] = {}
    for one in returns:
        found.setdefault((one.return_id, one.disposition), []).append(one)
    return [
        order_life.Returned(
            moment(lines[0].return_time) or datetime.fromtimestamp(0, UTC),
            return_id,
            lines[0].location_id,
            sum(one.quantity_units for one in lines),
            disposition == fulfillment_pb2.DISPOSITION_SCRAP,
            "; ".join(dict.fromkeys(one.reason for one in lines if one.reason)),
            lines[0].actor,
        )
        for (return_id, disposition), lines in found.items()
    ]


def _reported(one: incidents_pb2.Incident) -> order_life.Reported:
    return order_life.Reported(
        moment(one.report_time) or datetime.fromtimestamp(0, UTC),
        short(incidents_pb2.IncidentKind, one.kind),
        short(incidents_pb2.IncidentCategory, one.category),
        one.location_id,
        one.reporter,
        one.text,
        moment(one.answer_time),
        one.answerer,
        one.answer,
        moment(one.close_time),
    )


def _holds(holds: Iterable[orders_pb2.OrderHold]) -> list[Moment]:
    found = []
    for one in holds:
        begun, lifted = moment(one.hold_time), moment(one.lift_time)
        if begun is not None:
            facts = {"actor": one.held_by, "reason": one.reason}
            found.append(Moment(begun, "orders", "held", facts, order_life.Tone.WARNING))
        if lifted is not None:
            facts = {"actor": one.lifted_by, "reason": one.lift_reason}
            found.append(Moment(lifted, "orders", "lifted", facts))
    return found


def candidate_rank(one: orders_pb2.SourcingCandidate) -> tuple[object, ...]:
    """Those that serve first, then those that could have, cheapest first, as `aljibe order why` has them."""
    terms: Mapping[str, int] = one.cost_terms_minor
    return bool(one.eliminated_by), not terms, sum(terms.values()), one.distance_km, one.location_id
