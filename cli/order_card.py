"""An order as a readable card: lines with the states of their units, plan, money, messages, trace."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from aljibe.common.v1 import types_pb2
from aljibe.orders.v1 import orders_pb2
from cli.show import STATE_STYLES, money, short, time, units
from cli.texts import Texts


def card(texts: Texts, order: orders_pb2.Order, *, footer: RenderableType | None = None) -> Panel:
    """The whole order, with ``footer`` below it."""
    parts: list[RenderableType] = [_facts(texts, order), "", _lines(texts, order)]
    if order.plan:
        parts += ["", Text(texts("card.plan"), style="bold"), _plan(texts, order)]
    if order.payment.payment_id:
        parts += ["", Text(texts("card.payment"), style="bold"), _payment(texts, order)]
    if order.holds:
        parts += ["", Text(texts("card.hold"), style="bold"), *(_hold(texts, hold) for hold in order.holds)]
    if order.messages:
        parts += ["", Text(texts("card.messages"), style="bold"), _messages(order)]
    if footer is not None:
        parts += ["", footer]
    title = Text.assemble((order.order_id, "bold"), " · ", order.channel_id, " · ", state_text(texts, order))
    return Panel(Group(*parts), title=title, title_align="left", padding=(1, 2))


def state_text(texts: Texts, order: orders_pb2.Order) -> Text:
    """The order's state in its colour."""
    state = short(orders_pb2.OrderState.Name(order.state), "ORDER_STATE_")
    return Text(texts.name("state", state), style=STATE_STYLES.get(state, ""))


def _facts(texts: Texts, order: orders_pb2.Order) -> Table:
    currency = order.currency_code
    total = money(order.total_minor, currency)
    total += f" ({texts('card.tax')} {money(order.tax_minor, currency)}"
    if order.discount_minor:
        total += f", {texts('card.discount')} {money(order.discount_minor, currency)}"
    facts = Table.grid(padding=(0, 2))
    facts.add_column(style="dim", no_wrap=True)
    facts.add_column()
    for word, value in (
        ("accepted", time(order.accept_time)),
        ("promise", time(order.promise_time)),
        ("chosen", order.customer_promise),
        ("total", total + ")"),
        ("customer", order.customer.customer_id),
        ("reference", order.customer_reference),
        ("store", order.location_id),
        ("address", _address(order.delivery_address) if order.HasField("delivery_address") else ""),
        ("trace", order.trace_id),
    ):
        if value:
            facts.add_row(texts(f"card.{word}"), value)
    return facts


def _address(address: types_pb2.Address) -> str:
    city = " ".join(part for part in (address.postal_code, address.city, address.region) if part)
    parts = [address.recipient, *address.street_lines, city, address.country_code]
    return ", ".join(part for part in parts if part)


def _lines(texts: Texts, order: orders_pb2.Order) -> Table:
    table = Table("", texts("word.sku"), texts("card.name"), box=None, pad_edge=False)
    table.add_column(texts("word.units"), justify="right")
    table.add_column(texts("card.method"))
    table.add_column(texts("word.total"), justify="right")
    table.add_column(texts("card.where"))
    for line in order.lines:
        name = line.name_es if texts.language == "es" else line.name_en
        table.add_row(
            str(line.line_number),
            line.sku,
            name or line.name_en,
            units(line.quantity_units),
            _method(texts, line.method),
            money(line.total_minor, order.currency_code),
            _unit_groups(texts, line),
        )
    return table


def _unit_groups(texts: Texts, line: orders_pb2.OrderLine) -> Text:
    lines = []
    for group in line.units:
        state = short(orders_pb2.UnitState.Name(group.state), "UNIT_STATE_")
        where = f" · {group.location_id}" if group.location_id else ""
        lines.append(
            Text.assemble(
                f"{units(group.quantity_units)} ",
                (texts.name("unit", state), STATE_STYLES.get(state, "")),
                where,
            )
        )
    return Text("\n").join(lines)


def _plan(texts: Texts, order: orders_pb2.Order) -> Table:
    table = Table(box=None, pad_edge=False)
    for key in (
        "word.location",
        "card.method",
        "card.work",
        "card.content",
        "card.promise",
        "card.reservation",
    ):
        table.add_column(texts(key), no_wrap=key in ("card.work", "card.reservation"))
    for part in order.plan:
        to = f" → {part.pickup_location_id}" if part.pickup_location_id else ""
        table.add_row(
            f"{part.location_id}{to}",
            _method(texts, part.method),
            part.fulfillment_order_id,
            ", ".join(f"{units(line.quantity_units)} × {line.sku}" for line in part.lines),
            _promise(texts, part),
            part.reservation_id,
        )
    return table


def _promise(texts: Texts, part: orders_pb2.PlanPart) -> Text:
    outcome = short(orders_pb2.PromiseOutcome.Name(part.promise_outcome), "PROMISE_OUTCOME_")
    if part.supply_id:
        expected = texts("card.expected", time=time(part.expected_time))
        return Text.assemble(time(part.promise_time), "\n", (f"{expected} · {part.supply_id}", "dim"))
    if outcome == "UNSPECIFIED":
        return Text(time(part.promise_time))
    style = "green" if outcome == "KEPT" else "red"
    return Text.assemble(time(part.promise_time), " ", (texts(f"card.{outcome.lower()}"), style))


def _payment(texts: Texts, order: orders_pb2.Order) -> str:
    payment = order.payment
    amounts = (
        ("authorized", payment.authorized_minor),
        ("captured", payment.captured_minor),
        ("refunded", payment.refunded_minor),
        ("voided", payment.voided_minor),
    )
    told = [
        f"{texts(f'card.{word}')} {money(minor, order.currency_code)}" for word, minor in amounts if minor
    ]
    return " · ".join([texts.name("payment", payment.state), *told, payment.payment_id])


def _hold(texts: Texts, hold: orders_pb2.OrderHold) -> Text:
    told = {"time": time(hold.hold_time), "actor": hold.held_by, "reason": hold.reason}
    if not hold.HasField("lift_time"):
        return Text(texts("card.held", **told), style="red")
    return Text(texts("card.lifted", lift_time=time(hold.lift_time), lifted_by=hold.lifted_by, **told))


def _messages(order: orders_pb2.Order) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(style="dim", no_wrap=True)
    table.add_column()
    for message in order.messages:
        table.add_row(time(message.time), message.kind, message.text)
    return table


def _method(texts: Texts, method: types_pb2.FulfillmentMethod.ValueType) -> str:
    return texts.name("method", short(types_pb2.FulfillmentMethod.Name(method), "FULFILLMENT_METHOD_"))
