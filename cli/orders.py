"""`aljibe order`: one order as a card, many as a list, and one as it moves."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Annotated

import grpc
import typer
from rich.console import RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from aljibe.orders.v1 import orders_pb2, orders_pb2_grpc
from cli import order_actions, order_past
from cli.doors import CALL_SECONDS, Door, door
from cli.order_card import card, state_text
from cli.order_why import why_table
from cli.paging import at_most
from cli.session import Session, command, proto_json
from cli.show import money, short, time, units
from cli.trouble import CallFailed, Usage

_STATE_PREFIX = "ORDER_STATE_"
STATES = tuple(short(name, _STATE_PREFIX).lower() for name, number in orders_pb2.OrderState.items() if number)
# A service that is restarted is back within seconds; a watch outlives that.
MAX_RECONNECTS = 10
RECONNECT_SECONDS = 1.0


def register(app: typer.Typer) -> None:
    """Add the group of commands."""
    group = typer.Typer(no_args_is_help=True)
    command(group, "show")(_show)
    command(group, "list")(_list)
    command(group, "watch")(_watch)
    command(group, "why")(_why)
    order_past.register(group)
    order_actions.register(group)
    app.add_typer(group, name="order")


async def _show(
    session: Session, order_id: Annotated[str, typer.Argument(metavar="ID", help="order.id")]
) -> None:
    async with door(session, "orders") as orders:
        stub = orders_pb2_grpc.OrderServiceStub(orders.channel)
        request = orders_pb2.GetOrderRequest(order_id=order_id)
        answer = await stub.GetOrder(request, metadata=orders.metadata, timeout=CALL_SECONDS)
    session.document(proto_json(answer.order))
    session.show(card(session.texts, answer.order))


async def _why(
    session: Session,
    order_id: Annotated[str, typer.Argument(metavar="ID", help="order.id")],
    location_id: Annotated[str, typer.Argument(metavar="[LOCATION]", help="order.why.location")] = "",
) -> None:
    async with door(session, "orders") as orders:
        stub = orders_pb2_grpc.OrderServiceStub(orders.channel)
        if location_id:
            asked = orders_pb2.WhyNotRequest(order_id=order_id, location_id=location_id)
            answer = await stub.WhyNot(asked, metadata=orders.metadata, timeout=CALL_SECONDS)
            session.document(proto_json(answer))
            session.show(answer.sentence_es if session.texts.language == "es" else answer.sentence_en)
            return
        request = orders_pb2.ExplainSourcingRequest(order_id=order_id)
        told = await stub.ExplainSourcing(request, metadata=orders.metadata, timeout=CALL_SECONDS)
        read = orders_pb2.GetOrderRequest(order_id=order_id)
        order = (await stub.GetOrder(read, metadata=orders.metadata, timeout=CALL_SECONDS)).order
    session.document(proto_json(told))
    for decision in told.decisions:
        session.show(why_table(session.texts, decision, order.currency_code))


async def _list(
    session: Session,
    channel: Annotated[str, typer.Option("--channel", "-c", help="order.channel")] = "",
    state: Annotated[str, typer.Option("--state", "-s", metavar="STATE", help="order.state")] = "",
    customer: Annotated[str, typer.Option("--customer", help="order.customer")] = "",
    reference: Annotated[str, typer.Option("--reference", help="order.reference")] = "",
    sku: Annotated[str, typer.Option("--sku", help="order.sku")] = "",
    location: Annotated[str, typer.Option("--location", help="order.location")] = "",
    query: Annotated[str, typer.Option("--query", "-q", help="order.query")] = "",
    on_hold: Annotated[bool, typer.Option("--on-hold", help="order.on_hold")] = False,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=10_000, help="option.limit")] = 20,
) -> None:
    wanted = state.lower().replace("-", "_")
    if wanted and wanted not in STATES:
        raise Usage("order.unknown_state", state=state, states=", ".join(STATES))
    request = orders_pb2.ListOrdersRequest(
        channel_id=channel,
        customer_id=customer,
        customer_reference=reference,
        sku=sku,
        location_id=location,
        query=query,
        on_hold=on_hold,
        state=orders_pb2.OrderState.Value(_STATE_PREFIX + (wanted or "unspecified").upper()),
    )
    async with door(session, "orders") as orders:
        found, more = await _pages(orders, request, limit)
    session.document({"orders": [proto_json(order) for order in found], "more": more})
    if not found:
        session.show(session.texts("order.none"))
        return
    session.show(_table(session, found))
    if more:
        session.show(session.texts("list.more", shown=len(found)))


async def _pages(
    orders: Door, request: orders_pb2.ListOrdersRequest, limit: int
) -> tuple[list[orders_pb2.Order], bool]:
    stub = orders_pb2_grpc.OrderServiceStub(orders.channel)

    async def page() -> tuple[Sequence[orders_pb2.Order], str]:
        answer = await stub.ListOrders(request, metadata=orders.metadata, timeout=CALL_SECONDS)
        return answer.orders, answer.next_page_token

    return await at_most(limit, request, page)


async def _watch(
    session: Session, order_id: Annotated[str, typer.Argument(metavar="ID", help="order.id")]
) -> None:
    """Show every change until the order's end; a service that is restarted meanwhile is asked again."""
    with Live(console=session.out, auto_refresh=False, transient=False) as live:
        left = MAX_RECONNECTS
        last: orders_pb2.Order | None = None
        while True:
            try:
                async with door(session, "orders") as orders:
                    stub = orders_pb2_grpc.OrderServiceStub(orders.channel)
                    request = orders_pb2.WatchOrderRequest(order_id=order_id)
                    async for look in stub.WatchOrder(request, metadata=orders.metadata):
                        left = MAX_RECONNECTS
                        if last is None or look.order.version != last.version:
                            last = look.order
                            session.document(proto_json(last))
                            _update(session, live, card(session.texts, last))
                    return
            except CallFailed as failure:
                again = failure.code in (
                    grpc.StatusCode.UNAVAILABLE.name,
                    grpc.StatusCode.DEADLINE_EXCEEDED.name,
                )
                if not again or last is None or left == 0:
                    raise
                left -= 1
                waiting = Text(session.texts("order.waiting"), style="yellow")
                _update(session, live, card(session.texts, last, footer=waiting))
                await asyncio.sleep(RECONNECT_SECONDS)


def _update(session: Session, live: Live, view: RenderableType) -> None:
    if not session.json:
        live.update(view, refresh=True)


def _table(session: Session, orders: list[orders_pb2.Order]) -> Table:
    texts = session.texts
    table = Table(box=None)
    for word in ("order", "channel", "state", "accepted"):
        table.add_column(texts(f"word.{word}"), no_wrap=word == "order")
    table.add_column(texts("word.units"), justify="right")
    table.add_column(texts("word.total"), justify="right")
    table.add_column(texts("word.locations"))
    for order in orders:
        table.add_row(
            order.order_id,
            order.channel_id,
            state_text(texts, order),
            time(order.accept_time),
            units(sum(line.quantity_units for line in order.lines)),
            money(order.total_minor, order.currency_code),
            ", ".join(sorted({part.location_id for part in order.plan})),
        )
    return table
