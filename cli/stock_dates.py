"""`aljibe stock dates`: by when an article could be delivered and collected."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.table import Table

from aljibe.common.v1 import types_pb2
from aljibe.orders.v1 import dates_pb2 as pb
from aljibe.orders.v1 import dates_pb2_grpc
from cli.doors import CALL_SECONDS, door
from cli.session import Session, command, proto_json
from cli.show import time
from cli.texts import Texts
from cli.trouble import Usage


def register(group: typer.Typer) -> None:
    """Add the command to `aljibe stock`."""
    command(group, "dates")(_dates)


async def _dates(
    session: Session,
    sku: Annotated[str, typer.Argument(metavar="SKU", help="stock.sku")],
    channel: Annotated[str, typer.Option("--channel", "-c", help="stock.dates.channel")] = "web",
    to: Annotated[str, typer.Option("--to", metavar="LAT,LON", help="stock.dates.to")] = "",
    store: Annotated[list[str] | None, typer.Option("--store", help="stock.dates.store")] = None,
    count: Annotated[int, typer.Option("--units", min=1, max=9_999, help="stock.dates.units")] = 1,
) -> None:
    request = pb.GetAvailabilityDatesRequest(
        channel_id=channel, skus=[sku], quantity_units=count, pickup_location_ids=store or []
    )
    if to:
        request.destination.CopyFrom(_point(session, to))
    async with door(session, "orders") as orders:
        stub = dates_pb2_grpc.AvailabilityDateServiceStub(orders.channel)
        answer = await stub.GetAvailabilityDates(request, metadata=orders.metadata, timeout=CALL_SECONDS)
    found = answer.dates[0]
    session.document(proto_json(found))
    session.show(_table(session, found))


def _point(session: Session, text: str) -> types_pb2.GeoPoint:
    try:
        latitude, longitude = (float(part) for part in text.split(","))
    except ValueError:
        raise Usage("stock.dates.to_wrong", found=text) from None
    return types_pb2.GeoPoint(latitude=latitude, longitude=longitude)


def _table(session: Session, found: pb.SkuDates) -> Table:
    texts = session.texts
    table = Table(texts("stock.dates.way"), texts("stock.dates.by"), box=None)
    for delivery in found.deliveries:
        table.add_row(delivery.customer_promise, _by_when(texts, delivery))
    for pickup in found.pickups:
        table.add_row(texts("stock.dates.collect", location=pickup.location_id), _by_when(texts, pickup))
    return table


def _by_when(texts: Texts, date: pb.DeliveryDate | pb.PickupDate) -> str:
    if not date.HasField("promise_time"):
        return texts("stock.dates.never")
    by = time(date.promise_time)
    return texts("stock.dates.waits", time=by) if date.waits_for_supply else by
