"""`aljibe stock backorder` and `backorders`: articles that are sold before they are there, and who waits for
them.
"""

from __future__ import annotations

from typing import Annotated

import typer
import uuid_utils
from rich.table import Table

from aljibe.inventory.v1 import backorders_pb2 as pb
from aljibe.inventory.v1 import backorders_pb2_grpc, supply_pb2
from cli.controls import moment
from cli.doors import CALL_SECONDS, door
from cli.session import Session, command, proto_json
from cli.show import time, units
from cli.trouble import Usage

EVERY_CHANNEL = "*"


def register(group: typer.Typer) -> None:
    """Add the commands to `aljibe stock`."""
    command(group, "backorder")(_backorder)
    command(group, "backorders")(_backorders)


async def _backorder(
    session: Session,
    sku: Annotated[str, typer.Argument(metavar="SKU", help="stock.sku")],
    channel: Annotated[str, typer.Option("--channel", metavar="CHANNEL", help="backorder.channel")] = "*",
    allow: Annotated[bool, typer.Option("--allow", help="backorder.allow")] = False,
    release: Annotated[str, typer.Option("--release", metavar="TIME", help="backorder.release")] = "",
    days: Annotated[int, typer.Option("--days", min=0, max=730, help="backorder.days")] = 0,
    share: Annotated[int, typer.Option("--share", min=1, max=100, help="backorder.share")] = 100,
    unasked: Annotated[bool, typer.Option("--unasked", help="backorder.unasked")] = False,
    remove: Annotated[bool, typer.Option("--remove", help="backorder.remove")] = False,
) -> None:
    if allow + bool(release) + remove != 1:
        raise Usage("backorder.choose")
    terms = supply_pb2.BackorderTerms(
        sku=sku,
        channel_id=channel,
        mode=supply_pb2.BACKORDER_MODE_PREORDER if release else supply_pb2.BACKORDER_MODE_BACKORDER,
        furthest_days=days,
        share_percent=share,
        unasked=unasked,
    )
    if release:
        terms.release_time.CopyFrom(moment(release))
    async with door(session, "inventory") as inventory:
        stub = backorders_pb2_grpc.BackorderServiceStub(inventory.channel)
        request_id = str(uuid_utils.uuid7())
        if remove:
            name = pb.BackorderTermsName(sku=sku, channel_id=channel)
            await stub.RemoveBackorderTerms(
                pb.RemoveBackorderTermsRequest(request_id=request_id, names=[name]),
                metadata=inventory.metadata,
                timeout=CALL_SECONDS,
            )
            session.show(session.texts("backorder.removed", sku=sku, channel=channel))
            session.document({"removed": {"sku": sku, "channelId": channel}})
            return
        answer = await stub.SetBackorderTerms(
            pb.SetBackorderTermsRequest(request_id=request_id, terms=[terms]),
            metadata=inventory.metadata,
            timeout=CALL_SECONDS,
        )
    session.show(_terms(session, list(answer.terms)))
    session.document({"terms": [proto_json(one) for one in answer.terms]})


async def _backorders(
    session: Session,
    sku: Annotated[str, typer.Argument(metavar="[SKU]", help="backorder.of")] = "",
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=200, help="backorder.limit")] = 50,
) -> None:
    waiting: list[pb.BackorderClaim] = []
    async with door(session, "inventory") as inventory:
        stub = backorders_pb2_grpc.BackorderServiceStub(inventory.channel)
        answer = await stub.ListBackorderTerms(
            pb.ListBackorderTermsRequest(sku=sku, page_size=limit),
            metadata=inventory.metadata,
            timeout=CALL_SECONDS,
        )
        if sku:
            claims = await stub.ListBackorders(
                pb.ListBackordersRequest(sku=sku, page_size=limit),
                metadata=inventory.metadata,
                timeout=CALL_SECONDS,
            )
            waiting = list(claims.backorders)
    session.show(_terms(session, list(answer.terms)) if answer.terms else session.texts("backorder.none"))
    if waiting:
        session.show(_waiting(session, waiting))
    session.document(
        {
            "terms": [proto_json(one) for one in answer.terms],
            "backorders": [proto_json(one) for one in waiting],
        }
    )


def _terms(session: Session, found: list[supply_pb2.BackorderTerms]) -> Table:
    texts = session.texts
    table = Table(texts("control.sku"), texts("control.of"), texts("backorder.mode"), box=None)
    table.add_column(texts("backorder.ahead"), justify="right")
    table.add_column(texts("backorder.part"), justify="right")
    table.add_column(texts("backorder.asked"))
    for one in found:
        preorder = one.mode == supply_pb2.BACKORDER_MODE_PREORDER
        table.add_row(
            one.sku,
            texts("backorder.every") if one.channel_id == EVERY_CHANNEL else one.channel_id,
            texts("backorder.preorder", until=time(one.release_time))
            if preorder
            else texts("backorder.open"),
            texts("limit.in_days", days=one.furthest_days or 365),
            f"{one.share_percent or 100} %",
            texts("backorder.not_asked") if one.unasked else texts("backorder.is_asked"),
        )
    return table


def _waiting(session: Session, found: list[pb.BackorderClaim]) -> Table:
    texts = session.texts
    table = Table(texts("backorder.supply"), texts("word.location"), texts("backorder.expected"), box=None)
    table.add_column(texts("word.units"), justify="right")
    table.add_column(texts("backorder.order"))
    table.add_column(texts("backorder.since"))
    for one in found:
        table.add_row(
            one.supply_id,
            one.location_id,
            time(one.expected_time),
            units(one.live_units),
            one.order_id,
            time(one.create_time),
        )
    return table
