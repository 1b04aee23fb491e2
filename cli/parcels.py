"""`aljibe parcel`: goods that other locations send to a store, where their customers collect them."""

from __future__ import annotations

from typing import Annotated

import typer
import uuid_utils
from rich.table import Table

from aljibe.fulfillment.v1 import fulfillment_pb2 as pb
from aljibe.fulfillment.v1 import fulfillment_pb2_grpc
from cli.doors import CALL_SECONDS, door
from cli.session import Session, command, proto_json
from cli.show import short, time, units
from cli.trouble import Usage

_COMING = (pb.FULFILLMENT_STATE_IN_TRANSIT, pb.FULFILLMENT_STATE_ARRIVED)
_MOST_LINES = 200


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(no_args_is_help=True)
    command(group, "list")(_list)
    command(group, "receive")(_receive)
    command(group, "lost")(_lost)
    app.add_typer(group, name="parcel")


async def _list(
    session: Session,
    store: Annotated[str, typer.Argument(metavar="STORE", help="parcel.store")],
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=200, help="option.limit")] = 50,
) -> None:
    async with door(session, "fulfillment") as fulfillment:
        answer = await fulfillment_pb2_grpc.FulfillmentServiceStub(fulfillment.channel).ListFulfillmentOrders(
            pb.ListFulfillmentOrdersRequest(location_id=store, states=_COMING, page_size=limit),
            metadata=fulfillment.metadata,
            timeout=CALL_SECONDS,
        )
    found = [one for one in answer.fulfillment_orders if one.pickup_location_id == store]
    _show(session, found)
    if answer.next_page_token:
        session.show(session.texts("list.more", shown=limit))


async def _receive(
    session: Session,
    work: Annotated[str, typer.Argument(metavar="WORK", help="parcel.work")],
) -> None:
    async with door(session, "fulfillment") as fulfillment:
        answer = await fulfillment_pb2_grpc.FulfillmentServiceStub(fulfillment.channel).ReceiveParcel(
            pb.ReceiveParcelRequest(request_id=str(uuid_utils.uuid7()), fulfillment_order_id=work),
            metadata=fulfillment.metadata,
            timeout=CALL_SECONDS,
        )
    _show(session, [answer.fulfillment_order])


async def _lost(
    session: Session,
    work: Annotated[str, typer.Argument(metavar="WORK", help="parcel.work")],
    line: Annotated[
        list[str] | None, typer.Option("--line", metavar="LINE:UNITS", help="parcel.line")
    ] = None,
    note: Annotated[str, typer.Option("--note", metavar="TEXT", help="parcel.note")] = "",
) -> None:
    request = pb.ReportLostInTransitRequest(
        request_id=str(uuid_utils.uuid7()),
        fulfillment_order_id=work,
        lines=[_units(one) for one in line or ()],
        note=note,
    )
    async with door(session, "fulfillment") as fulfillment:
        answer = await fulfillment_pb2_grpc.FulfillmentServiceStub(fulfillment.channel).ReportLostInTransit(
            request, metadata=fulfillment.metadata, timeout=CALL_SECONDS
        )
    _show(session, [answer.fulfillment_order])


def _units(text: str) -> pb.LineQuantity:
    number, _, count = text.partition(":")
    if not (number.isascii() and number.isdigit() and count.isascii() and count.isdigit()):
        raise Usage("order.source-again.bad_line", text=text)
    return pb.LineQuantity(line_number=int(number), quantity_units=int(count))


def _show(session: Session, found: list[pb.FulfillmentOrder]) -> None:
    texts = session.texts
    table = Table(box=None, pad_edge=False)
    for key in ("parcel.word.work", "parcel.word.from", "parcel.word.state", "parcel.word.content"):
        table.add_column(texts(key), no_wrap=key == "parcel.word.work")
    table.add_column(texts("parcel.word.parcel"))
    table.add_column(texts("parcel.word.promise"))
    for one in found:
        content = [
            f"{units(line.picked_units - line.lost_units)} × {line.sku}"
            for line in one.lines[:_MOST_LINES]
            if line.picked_units > line.lost_units
        ]
        state = short(pb.FulfillmentState.Name(one.state), "FULFILLMENT_STATE_")
        table.add_row(
            one.fulfillment_order_id,
            one.location_id,
            texts.name("work", state),
            ", ".join(content),
            f"{one.carrier} {one.tracking_number}",
            time(one.promise_time),
        )
    session.show(table if found else texts("parcel.none"))
    session.document({"fulfillmentOrders": [proto_json(one) for one in found]})
