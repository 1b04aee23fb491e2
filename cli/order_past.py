"""`aljibe order steps|returns`: what was done for an order, and what came back of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer
from rich.table import Table

from aljibe.fulfillment.v1 import fulfillment_pb2 as pb
from aljibe.fulfillment.v1 import fulfillment_pb2_grpc
from cli.doors import CALL_SECONDS, door
from cli.paging import at_most
from cli.session import Session, command, proto_json
from cli.show import short, time, units
from cli.trouble import Usage

_MOST = 10_000
Order = Annotated[str, typer.Argument(metavar="ID", help="order.id")]
Limit = Annotated[int, typer.Option("--limit", "-n", min=1, max=_MOST, help="option.limit")]


def register(group: typer.Typer) -> None:
    """Add the commands to the group `order`."""
    command(group, "steps")(_steps)
    command(group, "returns")(_returns)


async def _steps(session: Session, order_id: Order, limit: Limit = 200) -> None:
    request = pb.ListStepsRequest(order_id=order_id)
    async with door(session, "fulfillment") as fulfillment:
        stub = fulfillment_pb2_grpc.FulfillmentServiceStub(fulfillment.channel)

        async def page() -> tuple[Sequence[pb.Step], str]:
            answer = await stub.ListSteps(request, metadata=fulfillment.metadata, timeout=CALL_SECONDS)
            return answer.steps, answer.next_page_token

        found, more = await at_most(limit, request, page)
    session.document({"steps": [proto_json(one) for one in found], "more": more})
    texts = session.texts
    table = Table(box=None, pad_edge=False)
    for word in ("time", "step", "location", "actor", "work"):
        table.add_column(texts(f"order.past.{word}"), no_wrap=word in ("time", "work"))
    for one in sorted(found, key=lambda one: (one.time.seconds, one.time.nanos)):
        table.add_row(
            time(one.time),
            texts.name("event", one.event),
            one.location_id,
            one.actor,
            one.fulfillment_order_id,
        )
    session.show(table if found else texts("order.steps.none"))
    if more:
        session.show(texts("list.more", shown=len(found)))


async def _returns(
    session: Session,
    order_id: Annotated[str, typer.Argument(metavar="[ID]", help="order.id")] = "",
    return_id: Annotated[str, typer.Option("--return", metavar="ID", help="order.returns.return")] = "",
    limit: Limit = 200,
) -> None:
    if not (order_id or return_id):
        raise Usage("order.returns.which")
    request = pb.ListReturnsRequest(order_id=order_id, return_id=return_id)
    async with door(session, "fulfillment") as fulfillment:
        stub = fulfillment_pb2_grpc.FulfillmentServiceStub(fulfillment.channel)

        async def page() -> tuple[Sequence[pb.GoodsReturn], str]:
            answer = await stub.ListReturns(request, metadata=fulfillment.metadata, timeout=CALL_SECONDS)
            return answer.returns, answer.next_page_token

        found, more = await at_most(limit, request, page)
    session.document({"returns": [proto_json(one) for one in found], "more": more})
    texts = session.texts
    table = Table(box=None, pad_edge=False)
    for word in ("time", "return", "line", "content", "becomes", "location", "actor", "reason"):
        table.add_column(texts(f"order.past.{word}"), no_wrap=word in ("time", "return"))
    for one in found:
        table.add_row(
            time(one.return_time),
            one.return_id,
            str(one.line_number),
            f"{units(one.quantity_units)} × {one.sku}",
            texts.name("disposition", short(pb.Disposition.Name(one.disposition), "DISPOSITION_")),
            one.location_id,
            one.actor,
            one.reason,
        )
    session.show(table if found else texts("order.returns.none"))
    if more:
        session.show(texts("list.more", shown=len(found)))
