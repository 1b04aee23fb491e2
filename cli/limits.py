"""`aljibe stock limit` and `limits`: how many of a scarce article each customer may have."""

from __future__ import annotations

from typing import Annotated

import typer
import uuid_utils
from rich.table import Table

from aljibe.inventory.v1 import limits_pb2 as pb
from aljibe.inventory.v1 import limits_pb2_grpc
from cli.controls import moment
from cli.doors import CALL_SECONDS, door
from cli.session import Session, command, proto_json
from cli.show import period, units
from cli.trouble import Usage

_DAY_SECONDS = 86_400


def register(group: typer.Typer) -> None:
    """Add the commands to `aljibe stock`."""
    command(group, "limit")(_limit)
    command(group, "limits")(_limits)


async def _limit(
    session: Session,
    sku: Annotated[str, typer.Argument(metavar="SKU", help="stock.sku")],
    max_units: Annotated[int, typer.Argument(metavar="[UNITS]", min=0, help="limit.units")] = 0,
    days: Annotated[int, typer.Option("--days", min=0, max=366, help="limit.days")] = 0,
    since: Annotated[str, typer.Option("--from", metavar="TIME", help="control.from")] = "",
    until: Annotated[str, typer.Option("--until", metavar="TIME", help="control.until")] = "",
    named_only: Annotated[bool, typer.Option("--named-only", help="limit.named_only")] = False,
    remove: Annotated[bool, typer.Option("--remove", help="limit.remove")] = False,
) -> None:
    if remove == bool(max_units):
        raise Usage("limit.choose")
    limit = pb.BuyerLimit(
        sku=sku, max_units=max_units, window_seconds=days * _DAY_SECONDS, named_only=named_only
    )
    if since:
        limit.valid_from.CopyFrom(moment(since))
    if until:
        limit.valid_until.CopyFrom(moment(until))
    async with door(session, "inventory") as inventory:
        stub = limits_pb2_grpc.BuyerLimitServiceStub(inventory.channel)
        request_id = str(uuid_utils.uuid7())
        if remove:
            await stub.RemoveBuyerLimits(
                pb.RemoveBuyerLimitsRequest(request_id=request_id, skus=[sku]),
                metadata=inventory.metadata,
                timeout=CALL_SECONDS,
            )
            session.show(session.texts("limit.removed", sku=sku))
            session.document({"removed": {"sku": sku}})
            return
        answer = await stub.SetBuyerLimits(
            pb.SetBuyerLimitsRequest(request_id=request_id, limits=[limit]),
            metadata=inventory.metadata,
            timeout=CALL_SECONDS,
        )
    _show(session, list(answer.limits))


async def _limits(
    session: Session,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=500, help="control.limit")] = 100,
) -> None:
    async with door(session, "inventory") as inventory:
        answer = await limits_pb2_grpc.BuyerLimitServiceStub(inventory.channel).ListBuyerLimits(
            pb.ListBuyerLimitsRequest(page_size=limit), metadata=inventory.metadata, timeout=CALL_SECONDS
        )
    _show(session, list(answer.limits))
    if answer.next_page_token:
        session.show(session.texts("list.more", shown=limit))


def _show(session: Session, found: list[pb.BuyerLimit]) -> None:
    texts = session.texts
    table = Table(texts("control.sku"), box=None)
    table.add_column(texts("limit.each"), justify="right")
    table.add_column(texts("limit.window"), justify="right")
    table.add_column(texts("control.word.validity"))
    for one in found:
        table.add_row(
            one.sku,
            units(one.max_units),
            texts("limit.in_days", days=f"{one.window_seconds / _DAY_SECONDS:g}")
            if one.window_seconds
            else "",
            period(one.valid_from, one.valid_until),
        )
    session.show(table if found else texts("limit.none"))
    session.document({"limits": [proto_json(one) for one in found]})
