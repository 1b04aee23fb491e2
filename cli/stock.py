"""`aljibe stock`: where an article lies, how much of it is promised, how that came to be, and to whom."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.table import Table

from aljibe.inventory.v1 import inventory_pb2, inventory_pb2_grpc
from cli import backorders, controls, limits, stock_dates, stock_prices
from cli.doors import CALL_SECONDS, Door, door
from cli.session import Session, command, proto_json
from cli.show import short, time, units

MAX_PAGES = 50
_POSITIONS_PAGE = 1000


def register(app: typer.Typer) -> None:
    """Add the group of commands."""
    group = typer.Typer(no_args_is_help=True)
    command(group, "show")(_show)
    controls.register(group)
    limits.register(group)
    backorders.register(group)
    stock_dates.register(group)
    stock_prices.register(group)
    app.add_typer(group, name="stock")


async def _show(
    session: Session,
    sku: Annotated[str, typer.Argument(metavar="SKU", help="stock.sku")],
    location: Annotated[str, typer.Option("--location", "-l", help="stock.location")] = "",
    channel: Annotated[str, typer.Option("--channel", "-c", help="stock.channel")] = "",
    movements: Annotated[bool, typer.Option("--movements", "-m", help="stock.movements")] = False,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=1000, help="stock.limit")] = 20,
) -> None:
    document: dict[str, object] = {"sku": sku}
    async with door(session, "inventory") as inventory:
        positions = await _positions(inventory, sku, location)
        document["positions"] = [proto_json(one) for one in positions]
        session.show(_positions_table(session, positions))
        if not positions:
            session.show(session.texts("stock.none", sku=sku))
        if channel:
            promised = await _promised(inventory, sku, location, channel)
            document["available"] = {"channelId": channel, "units": promised.available_units}
            document["inbound"] = {
                "units": promised.inbound_units,
                "arrivals": [proto_json(one) for one in promised.inbound],
            }
            _show_promised(session, channel, promised)
        if movements:
            stub = inventory_pb2_grpc.StockServiceStub(inventory.channel)
            ledger = await stub.ListMovements(
                inventory_pb2.ListMovementsRequest(sku=sku, location_id=location, page_size=limit),
                metadata=inventory.metadata,
                timeout=CALL_SECONDS,
            )
            document["movements"] = [proto_json(one) for one in ledger.movements]
            session.show("", _movements_table(session, list(ledger.movements)))
            if ledger.next_page_token:
                session.show(session.texts("list.more", shown=limit))
    session.document(document)


async def _positions(inventory: Door, sku: str, location: str) -> list[inventory_pb2.Position]:
    stub = inventory_pb2_grpc.StockServiceStub(inventory.channel)
    request = inventory_pb2.ListPositionsRequest(sku=sku, location_id=location, page_size=_POSITIONS_PAGE)
    found: list[inventory_pb2.Position] = []
    for _ in range(MAX_PAGES):
        page = await stub.ListPositions(request, metadata=inventory.metadata, timeout=CALL_SECONDS)
        found += page.positions
        request.page_token = page.next_page_token
        if not request.page_token:
            break
    return found


async def _promised(inventory: Door, sku: str, location: str, channel: str) -> inventory_pb2.SkuAvailability:
    stub = inventory_pb2_grpc.StockServiceStub(inventory.channel)
    answer = await stub.GetAvailability(
        inventory_pb2.GetAvailabilityRequest(
            channel_id=channel, skus=[sku], location_ids=[location] if location else [], inbound=True
        ),
        metadata=inventory.metadata,
        timeout=CALL_SECONDS,
    )
    return answer.availabilities[0]


def _show_promised(session: Session, channel: str, found: inventory_pb2.SkuAvailability) -> None:
    texts = session.texts
    session.show(texts("stock.available", channel=channel, units=units(found.available_units)))
    if not found.inbound_units:
        return
    told = [texts("stock.inbound", units=units(found.inbound_units))]
    if found.HasField("next_supply"):
        soonest = found.next_supply
        told.append(
            texts("stock.next", units=units(soonest.quantity_units), time=time(soonest.expected_time))
        )
    session.show("; ".join(told))


def _positions_table(session: Session, positions: list[inventory_pb2.Position]) -> Table:
    texts = session.texts
    table = Table(texts("word.location"), box=None, show_footer=len(positions) > 1)
    table.columns[0].footer = texts("word.total")
    rows = [
        (one.on_hand_units, one.reserved_units, one.safety_units, one.available_units) for one in positions
    ]
    for column, word in enumerate(("on_hand", "reserved", "safety", "available_units")):
        total = units(sum(row[column] for row in rows))
        table.add_column(texts(f"stock.{word}"), total, justify="right")
    for one, row in zip(positions, rows, strict=True):
        table.add_row(one.location_id, *(units(count) for count in row))
    return table


def _movements_table(session: Session, movements: list[inventory_pb2.Movement]) -> Table:
    texts = session.texts
    table = Table(texts("word.time"), texts("word.location"), texts("word.cause"), box=None)
    table.add_column(texts("word.units"), justify="right")
    table.add_column(texts("stock.on_hand_after"), justify="right")
    for word in ("document", "actor", "note"):
        table.add_column(texts(f"word.{word}"))
    for one in movements:
        cause = short(inventory_pb2.MovementCause.Name(one.cause), "MOVEMENT_CAUSE_")
        table.add_row(
            time(one.record_time),
            one.location_id,
            texts.name("cause", cause),
            f"{one.quantity_units:+d}",
            units(one.on_hand_after_units),
            one.document_id,
            one.actor,
            one.note,
        )
    return table
