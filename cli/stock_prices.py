"""`aljibe stock price`: what a unit is worth where, and why."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.table import Table

from aljibe.orders.v1 import stock_prices_pb2 as pb
from aljibe.orders.v1 import stock_prices_pb2_grpc
from cli.doors import CALL_SECONDS, door
from cli.session import Session, command, proto_json
from cli.show import money, time, units


def register(group: typer.Typer) -> None:
    """Add the command to `aljibe stock`."""
    command(group, "price")(_price)


async def _price(
    session: Session,
    sku: Annotated[str, typer.Argument(metavar="SKU", help="stock.sku")],
    location: Annotated[str, typer.Option("--location", "-l", help="stock.location")] = "",
) -> None:
    async with door(session, "orders") as orders:
        stub = stock_prices_pb2_grpc.StockPriceServiceStub(orders.channel)
        found = await stub.GetStockPrices(
            pb.GetStockPricesRequest(sku=sku, location_id=location),
            metadata=orders.metadata,
            timeout=CALL_SECONDS,
        )
    if not found.prices:
        session.show(session.texts("stock.price.none", sku=sku))
    else:
        session.show(_table(session, found))
        days = f"{found.horizon_days:g}"
        session.show(session.texts("stock.price.made", time=time(found.make_time), days=days))
    session.document(proto_json(found))


def _table(session: Session, found: pb.GetStockPricesResponse) -> Table:
    texts = session.texts
    table = Table(texts("word.location"), box=None)
    for word in ("stock.available_units", "stock.price.price", "stock.price.own"):
        table.add_column(texts(word), justify="right")
    for word in ("stock.price.rate", "stock.price.margin"):
        table.add_column(texts(word), justify="right")
    # Dearest first: those are the units that plans leave where they are.
    for one in sorted(found.prices, key=lambda one: (-one.price_thousandths, one.location_id)):
        table.add_row(
            one.location_id,
            units(one.available_units),
            _money(one.price_thousandths, found.currency_code),
            _money(one.walk_in_thousandths, found.currency_code),
            f"{one.units_per_day:.2f}",
            _money(one.margin_thousandths, found.currency_code),
        )
    return table


def _money(thousandths: int, currency: str) -> str:
    return money((thousandths + 500) // 1000, currency)
