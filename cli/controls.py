"""`aljibe stock control` and `controls`: what of the pool a channel may be promised."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated

import typer
import uuid_utils
from google.protobuf.timestamp_pb2 import Timestamp
from rich.table import Table

from aljibe.inventory.v1 import controls_pb2 as pb
from aljibe.inventory.v1 import controls_pb2_grpc
from cli.doors import CALL_SECONDS, door
from cli.session import Session, command, proto_json
from cli.show import period, time, units
from cli.trouble import Usage

_AMOUNT = re.compile(r"(\d{1,7})(%?)")
AMOUNTS = ("buffer", "ring_fence", "cap")
TIMES = ("valid_from", "valid_until", "release_time")


def register(group: typer.Typer) -> None:
    """Add the commands to `aljibe stock`."""
    command(group, "control")(_control)
    command(group, "controls")(_controls)


async def _control(
    session: Session,
    sku: Annotated[str, typer.Argument(metavar="SKU", help="stock.sku")],
    channel: Annotated[str, typer.Argument(metavar="CHANNEL", help="control.channel")],
    buffer: Annotated[str, typer.Option("--buffer", metavar="N|N%", help="control.buffer")] = "",
    ring_fence: Annotated[str, typer.Option("--ring-fence", metavar="N|N%", help="control.ring_fence")] = "",
    cap: Annotated[str, typer.Option("--cap", metavar="N|N%", help="control.cap")] = "",
    priority: Annotated[int, typer.Option("--priority", help="control.priority")] = 0,
    since: Annotated[str, typer.Option("--from", metavar="TIME", help="control.from")] = "",
    until: Annotated[str, typer.Option("--until", metavar="TIME", help="control.until")] = "",
    release: Annotated[str, typer.Option("--release", metavar="TIME", help="control.release")] = "",
    only: Annotated[bool, typer.Option("--only-ring-fence", help="control.only")] = False,
    remove: Annotated[bool, typer.Option("--remove", help="control.remove")] = False,
) -> None:
    control = pb.ChannelControl(channel_id=channel, sku=sku, priority=priority, only_ring_fence=only)
    for name, text in zip(AMOUNTS, (buffer, ring_fence, cap), strict=True):
        if text:
            getattr(control, name).CopyFrom(_amount(text))
    for name, text in zip(TIMES, (since, until, release), strict=True):
        if text:
            getattr(control, name).CopyFrom(moment(text))
    if remove != (control == pb.ChannelControl(channel_id=channel, sku=sku)):
        raise Usage("control.choose")
    async with door(session, "inventory") as inventory:
        stub = controls_pb2_grpc.ChannelControlServiceStub(inventory.channel)
        request_id = str(uuid_utils.uuid7())
        if remove:
            named = [pb.ChannelControlName(channel_id=channel, sku=sku)]
            await stub.RemoveChannelControls(
                pb.RemoveChannelControlsRequest(request_id=request_id, controls=named),
                metadata=inventory.metadata,
                timeout=CALL_SECONDS,
            )
            session.show(session.texts("control.removed", channel=channel, sku=sku))
            session.document({"removed": {"channelId": channel, "sku": sku}})
            return
        answer = await stub.SetChannelControls(
            pb.SetChannelControlsRequest(request_id=request_id, controls=[control]),
            metadata=inventory.metadata,
            timeout=CALL_SECONDS,
        )
    session.show(_table(session, list(answer.controls)))
    session.document({"controls": [proto_json(one) for one in answer.controls]})


async def _controls(
    session: Session,
    sku: Annotated[str, typer.Option("--sku", help="control.of_sku")] = "",
    channel: Annotated[str, typer.Option("--channel", "-c", help="control.of_channel")] = "",
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=500, help="control.limit")] = 100,
) -> None:
    async with door(session, "inventory") as inventory:
        answer = await controls_pb2_grpc.ChannelControlServiceStub(inventory.channel).ListChannelControls(
            pb.ListChannelControlsRequest(sku=sku, channel_id=channel, page_size=limit),
            metadata=inventory.metadata,
            timeout=CALL_SECONDS,
        )
    if answer.controls:
        session.show(_table(session, list(answer.controls)))
    else:
        session.show(session.texts("control.none"))
    if answer.next_page_token:
        session.show(session.texts("list.more", shown=limit))
    session.document({"controls": [proto_json(one) for one in answer.controls]})


def _table(session: Session, found: list[pb.ChannelControlState]) -> Table:
    texts = session.texts
    table = Table(texts("control.sku"), texts("control.of"), box=None)
    for word in (*AMOUNTS, "used"):
        table.add_column(texts(f"control.word.{word}"), justify="right")
    for word in ("rank", "validity", "released"):
        table.add_column(texts(f"control.word.{word}"))
    for one in found:
        control = one.control
        fence = _told(control, "ring_fence")
        table.add_row(
            control.sku,
            control.channel_id,
            _told(control, "buffer"),
            fence + (texts("control.only_mark") if control.only_ring_fence else ""),
            _told(control, "cap"),
            units(one.promised_units + one.held_units),
            str(control.priority or ""),
            period(control.valid_from, control.valid_until),
            time(control.release_time),
        )
    return table


def _told(control: pb.ChannelControl, name: str) -> str:
    amount: pb.ControlAmount = getattr(control, name)
    kind = amount.WhichOneof("amount")
    if kind is None:
        return ""
    return f"{amount.percent} %" if kind == "percent" else units(amount.units)


def _amount(text: str) -> pb.ControlAmount:
    found = _AMOUNT.fullmatch(text.replace(" ", ""))
    if found is None:
        raise Usage("control.bad_amount", text=text)
    number = int(found[1])
    return pb.ControlAmount(percent=number) if found[2] else pb.ControlAmount(units=number)


def moment(text: str) -> Timestamp:
    """A time as a person writes it; one without a zone is of this machine's."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise Usage("control.bad_time", text=text) from None
    result = Timestamp()
    result.FromDatetime(found.astimezone(UTC))
    return result
