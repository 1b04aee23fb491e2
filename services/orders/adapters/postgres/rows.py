"""Orders between rows and the domain."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import orjson

from services.orders.domain.capacity import Work
from services.orders.domain.facts import Part, PartLine
from services.orders.domain.holds import Hold
from services.orders.domain.lines import Line, Spot
from services.orders.domain.messages import Message
from services.orders.domain.order import Order
from services.orders.domain.payment import Payment
from services.orders.domain.places import Address
from services.orders.domain.standing import Standing
from services.orders.domain.states import Method, UnitState

if TYPE_CHECKING:
    import asyncpg

Rows = Sequence["asyncpg.Record"]


def address_json(address: Address | None) -> str | None:
    """The address as the column keeps it."""
    return None if address is None else orjson.dumps(address._asdict()).decode()


def address_of(text: str | None) -> Address | None:
    """The address in the column."""
    if text is None:
        return None
    data: dict[str, Any] = orjson.loads(text)
    return Address(**{**data, "street_lines": tuple(data["street_lines"])})


def part_lines_json(part: Part) -> str:
    """A part's lines as the column keeps them."""
    return orjson.dumps([(line.line_number, line.quantity_units) for line in part.lines]).decode()


def part_supply_columns(parts: Sequence[tuple[str, Part]]) -> list[list[Any]]:
    """What parts of orders wait for, by column."""
    return [
        [order_id for order_id, _ in parts],
        [part.fulfillment_order_id for _, part in parts],
        [part.supply_id for _, part in parts],
        [part.expected_at for _, part in parts],
    ]


def work_json(part: Part) -> str | None:
    """A part's work as the column keeps it: [[ISO date, units], …]."""
    return orjson.dumps(part.work).decode() if part.work else None


def work_of(text: str | None) -> Work:
    """The work in the column."""
    if text is None:
        return ()
    return tuple((date.fromisoformat(day), units) for day, units in orjson.loads(text))


def holds_json(holds: Sequence[Hold]) -> str | None:
    """Holds as the column keeps them; None: never held."""
    return orjson.dumps([tuple(hold) for hold in holds]).decode() if holds else None


def holds_of(text: str | None) -> list[Hold]:
    """The holds in the column."""
    return [
        Hold(reason, by, datetime.fromisoformat(at), lifted, _time_of(lifted_at), why)
        for reason, by, at, lifted, lifted_at, why in (orjson.loads(text) if text else ())
    ]


def _time_of(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def orders_of(orders: Rows, lines: Rows, units: Rows, parts: Rows, messages: Rows) -> dict[str, Order]:
    """Whole orders, by id, from the rows of each table."""
    found = {row["order_id"]: _order(row) for row in orders}
    for row in lines:
        order = found[row["order_id"]]
        order.lines[row["line_number"]] = Line(
            row["line_number"],
            row["sku"],
            row["name_en"],
            row["name_es"],
            row["quantity_units"],
            Method(row["method"]),
            row["pickup_location_id"],
            row["unit_price_minor"],
            row["discount_minor"],
            row["tax_minor"],
            row["total_minor"],
            row["captured_minor"],
            row["voided_minor"],
            row["refunded_minor"],
        )
    for row in units:
        spot = Spot(
            row["line_number"], UnitState(row["state"]), row["location_id"], row["fulfillment_order_id"]
        )
        found[row["order_id"]].units[spot] = row["quantity_units"]
    for row in parts:
        order = found[row["order_id"]]
        order.parts[row["fulfillment_order_id"]] = Part(
            row["fulfillment_order_id"],
            row["location_id"],
            Method(row["method"]),
            row["reservation_id"],
            tuple(
                PartLine(number, order.lines[number].sku, quantity)
                for number, quantity in orjson.loads(row["lines"])
            ),
            row["promise_time"],
            row["attempt"],
            address_of(row["delivery_address"]),
            work_of(row["work"]),
            row["due_time"],
            row["done_time"],
            supply_id=row["supply_id"] or "",
            expected_at=row["expected_at"],
            pickup_location_id=row["pickup_location_id"],
        )
    for row in messages:
        found[row["order_id"]].messages.append(Message(row["kind"], row["text"], row["time"]))
    return found


def _order(row: asyncpg.Record) -> Order:
    return Order(
        order_id=row["order_id"],
        channel_id=row["channel_id"],
        customer_id=row["customer_id"],
        language_code=row["language_code"],
        currency_code=row["currency_code"],
        total_minor=row["total_minor"],
        tax_minor=row["tax_minor"],
        discount_minor=row["discount_minor"],
        delivery_address=address_of(row["delivery_address"]),
        location_id=row["location_id"],
        customer_reference=row["customer_reference"],
        accept_time=row["accept_time"],
        promise_time=row["promise_time"],
        trace_id=row["trace_id"],
        customer_promise=row["customer_promise"],
        lines={},
        units=Standing(),
        parts={},
        payment=Payment(
            row["payment_id"],
            row["authorization_key"],
            row["authorized_minor"],
            row["captured_minor"],
            row["voided_minor"],
            row["refunded_minor"],
        ),
        attempts=row["attempts"],
        failed_locations=frozenset(row["failed_locations"] or ()),
        holds=holds_of(row["holds"]),
        version=row["version"],
        event_sequence=row["event_sequence"],
    )
