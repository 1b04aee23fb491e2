"""`aljibe audit`: every counter of the stock book, rebuilt from the ledger and the reservations."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.table import Table

from aljibe.inventory.v1 import inventory_pb2, inventory_pb2_grpc
from cli.doors import LONG_CALL_SECONDS, door
from cli.session import OK, REFUSED, Session, command, proto_json
from cli.show import units


def register(app: typer.Typer) -> None:
    """Add the command."""
    command(app, "audit")(_audit)


async def _audit(
    session: Session,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=1000, help="audit.limit")] = 100,
) -> int:
    texts = session.texts
    async with door(session, "inventory") as inventory:
        stub = inventory_pb2_grpc.StockServiceStub(inventory.channel)
        answer = await stub.AuditStock(
            inventory_pb2.AuditStockRequest(limit=limit),
            metadata=inventory.metadata,
            timeout=LONG_CALL_SECONDS,
        )
    session.document(proto_json(answer))
    session.show(
        texts(
            "audit.read",
            movements=units(answer.movements),
            positions=units(answer.positions),
            lines=units(answer.live_reservation_lines),
            seconds=f"{answer.duration_ms / 1000:.1f}",
        )
    )
    if not answer.difference_count:
        session.show(texts("audit.clean"))
        return OK
    session.show(texts("audit.differences", count=units(answer.difference_count)))
    table = Table("", texts("word.rule"), texts("word.sku"), texts("word.location"), box=None)
    for heading in ("audit.expected", "audit.actual"):
        table.add_column(texts(heading), justify="right")
    table.add_column(texts("word.document"))
    for number, one in enumerate(answer.differences, 1):
        table.add_row(
            str(number),
            texts.name("rule", one.rule),
            one.sku,
            one.location_id,
            units(one.expected_units),
            units(one.actual_units),
            one.document_id,
        )
    session.show(table)
    if answer.difference_count > len(answer.differences):
        session.show(texts("list.more", shown=len(answer.differences)))
    return REFUSED
