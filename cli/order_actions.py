"""`aljibe order hold|lift|source-again`: what an operator does with an order that is under way."""

from __future__ import annotations

from typing import Annotated

import typer

from aljibe.orders.v1 import orders_pb2, orders_pb2_grpc
from chassis.ids import new_id
from cli.doors import CALL_SECONDS, door
from cli.order_card import card
from cli.session import Session, command, proto_json
from cli.trouble import Usage


def register(group: typer.Typer) -> None:
    """Add the commands to the group `order`."""
    command(group, "hold")(_hold)
    command(group, "lift")(_lift)
    command(group, "source-again")(_source_again)


async def _hold(
    session: Session,
    order_id: Annotated[str, typer.Argument(metavar="ID", help="order.id")],
    reason: Annotated[str, typer.Option("--reason", "-r", help="order.reason")],
) -> None:
    async with door(session, "orders") as orders:
        stub = orders_pb2_grpc.OrderServiceStub(orders.channel)
        request = orders_pb2.HoldOrderRequest(request_id=new_id("req"), order_id=order_id, reason=reason)
        answer = await stub.HoldOrder(request, metadata=orders.metadata, timeout=CALL_SECONDS)
    _told(session, answer.order, "order.held")


async def _lift(
    session: Session,
    order_id: Annotated[str, typer.Argument(metavar="ID", help="order.id")],
    reason: Annotated[str, typer.Option("--reason", "-r", help="order.lift.reason")] = "",
) -> None:
    async with door(session, "orders") as orders:
        stub = orders_pb2_grpc.OrderServiceStub(orders.channel)
        request = orders_pb2.LiftHoldRequest(request_id=new_id("req"), order_id=order_id, reason=reason)
        answer = await stub.LiftHold(request, metadata=orders.metadata, timeout=CALL_SECONDS)
    _told(session, answer.order, "order.lifted")


async def _source_again(
    session: Session,
    order_id: Annotated[str, typer.Argument(metavar="ID", help="order.id")],
    reason: Annotated[str, typer.Option("--reason", "-r", help="order.reason")],
    work: Annotated[str, typer.Option("--work", "-w", metavar="FUL", help="order.source-again.work")] = "",
    line: Annotated[
        list[str] | None, typer.Option("--line", "-l", metavar="LINE:UNITS", help="order.source-again.line")
    ] = None,
    without: Annotated[
        list[str] | None, typer.Option("--without", metavar="LOCATION", help="order.source-again.without")
    ] = None,
) -> None:
    if not work and not line:
        raise Usage("order.source-again.which")
    request = orders_pb2.SourceAgainRequest(
        request_id=new_id("req"),
        order_id=order_id,
        fulfillment_order_id=work,
        lines=[_line(text) for text in line or ()],
        excluded_location_ids=without or (),
        reason=reason,
    )
    async with door(session, "orders") as orders:
        stub = orders_pb2_grpc.OrderServiceStub(orders.channel)
        answer = await stub.SourceAgain(request, metadata=orders.metadata, timeout=CALL_SECONDS)
    _told(session, answer.order, "order.sourced")


def _line(text: str) -> orders_pb2.LineUnits:
    number, _, units = text.partition(":")
    if not (number.isdigit() and units.isdigit()):
        raise Usage("order.source-again.bad_line", text=text)
    return orders_pb2.LineUnits(line_number=int(number), quantity_units=int(units))


def _told(session: Session, order: orders_pb2.Order, key: str) -> None:
    session.document(proto_json(order))
    session.show(card(session.texts, order))
    session.show(session.texts(key, order_id=order.order_id))
