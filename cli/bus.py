"""`aljibe dlq`, `outbox` and `bus`: the messages between services, for those who operate them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import Annotated, TypeVar

import typer
import uuid_utils
from rich.table import Table
from rich.text import Text

from aljibe.ops.v1 import bus_pb2, bus_pb2_grpc
from cli.doors import CALL_SECONDS, LONG_CALL_SECONDS, SERVICES, Door, door
from cli.paging import at_most
from cli.session import NOT_REACHABLE, OK, Session, command, proto_json
from cli.show import short, time, units
from cli.token import duration
from cli.trouble import CallFailed, NotReachable, Trouble, Usage

_STATE_PREFIX = "DEAD_LETTER_STATE_"
STATES = ("open", "redriven", "discarded", "any")

Service = Annotated[str, typer.Argument(metavar="SERVICE", help="bus.service")]
LetterId = Annotated[str, typer.Argument(metavar="ID", help="dlq.id")]
OnlyService = Annotated[str, typer.Option("--service", "-s", metavar="SERVICE", help="bus.only_service")]

T = TypeVar("T")

BY_NAME = ("insights",)
"""Services with a bus that are asked when named: selling goes on without them."""


def register(app: typer.Typer) -> None:
    """Add the groups of commands."""
    letters = typer.Typer(no_args_is_help=True)
    command(letters, "list")(_list)
    command(letters, "redrive")(_redrive)
    command(letters, "discard")(_discard)
    app.add_typer(letters, name="dlq")
    outbox = typer.Typer(no_args_is_help=True)
    command(outbox, "replay")(_replay)
    app.add_typer(outbox, name="outbox")
    command(app, "bus")(_bus)


async def _list(
    session: Session,
    service: OnlyService = "",
    state: Annotated[str, typer.Option("--state", metavar="|".join(STATES), help="dlq.state")] = "open",
    consumer: Annotated[str, typer.Option("--consumer", help="dlq.consumer")] = "",
    details: Annotated[bool, typer.Option("--details", help="dlq.details")] = False,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=10_000, help="option.limit")] = 50,
) -> int:
    if state not in STATES:
        raise Usage("dlq.unknown_state", state=state, states=", ".join(STATES))
    number = bus_pb2.DeadLetterState.Value(
        _STATE_PREFIX + ("UNSPECIFIED" if state == "any" else state.upper())
    )
    request = bus_pb2.ListDeadLettersRequest(consumer=consumer, state=number)

    async def ask(opened: Door) -> tuple[list[bus_pb2.DeadLetter], bool]:
        return await _pages(opened, request, limit)

    answers, code = await _each(session, service, ask)
    session.document(
        {
            "services": [
                {"service": name, "deadLetters": [proto_json(one) for one in found], "more": more}
                for name, (found, more) in answers.items()
            ]
        }
    )
    if answers and not any(found for found, _ in answers.values()):
        session.show(session.texts("dlq.none"))
    for name, (found, more) in answers.items():
        if found:
            session.show(_letters_table(session, name, found))
        if details:
            for one in found:
                session.show("", Text(f"{one.dead_letter_id}  {one.error}", style="bold"), one.traceback)
        if more:
            session.show(session.texts("list.more", shown=len(found)))
    return code


async def _pages(
    opened: Door, template: bus_pb2.ListDeadLettersRequest, limit: int
) -> tuple[list[bus_pb2.DeadLetter], bool]:
    stub = bus_pb2_grpc.BusServiceStub(opened.channel)
    request = bus_pb2.ListDeadLettersRequest()
    request.CopyFrom(template)

    async def page() -> tuple[Sequence[bus_pb2.DeadLetter], str]:
        answer = await stub.ListDeadLetters(request, metadata=opened.metadata, timeout=CALL_SECONDS)
        return answer.dead_letters, answer.next_page_token

    return await at_most(limit, request, page)


async def _redrive(session: Session, service: Service, dead_letter_id: LetterId) -> None:
    async with door(session, _known(service)) as opened:
        answer = await bus_pb2_grpc.BusServiceStub(opened.channel).RedriveDeadLetter(
            bus_pb2.RedriveDeadLetterRequest(dead_letter_id=dead_letter_id, request_id=_request_id()),
            metadata=opened.metadata,
            timeout=LONG_CALL_SECONDS,
        )
    session.document(proto_json(answer.dead_letter))
    session.show(
        session.texts("dlq.redriven", id=dead_letter_id, type=answer.dead_letter.type, service=service)
    )


async def _discard(
    session: Session,
    service: Service,
    dead_letter_id: LetterId,
    note: Annotated[str, typer.Option("--note", help="dlq.note")],
) -> None:
    async with door(session, _known(service)) as opened:
        answer = await bus_pb2_grpc.BusServiceStub(opened.channel).DiscardDeadLetter(
            bus_pb2.DiscardDeadLetterRequest(
                dead_letter_id=dead_letter_id, request_id=_request_id(), note=note
            ),
            metadata=opened.metadata,
            timeout=CALL_SECONDS,
        )
    session.document(proto_json(answer.dead_letter))
    session.show(session.texts("dlq.discarded", id=dead_letter_id, type=answer.dead_letter.type))


async def _replay(
    session: Session,
    service: Service,
    aggregate: Annotated[str, typer.Option("--aggregate", metavar="TYPE/ID", help="outbox.aggregate")] = "",
    since: Annotated[str, typer.Option("--since", metavar="2h|TIME", help="outbox.since")] = "",
    everything: Annotated[bool, typer.Option("--all", help="outbox.all")] = False,
) -> None:
    if sum(map(bool, (aggregate, since, everything))) != 1:
        raise Usage("outbox.choose")
    request = bus_pb2.ReplayOutboxRequest(request_id=_request_id())
    if aggregate:
        request.aggregate_type, slash, request.aggregate_id = aggregate.partition("/")
        if not (request.aggregate_type and slash and request.aggregate_id):
            raise Usage("outbox.bad_aggregate", text=aggregate)
    elif since:
        request.recorded_from.FromDatetime(_moment(since))
    async with door(session, _known(service)) as opened:
        answer = await bus_pb2_grpc.BusServiceStub(opened.channel).ReplayOutbox(
            request, metadata=opened.metadata, timeout=LONG_CALL_SECONDS
        )
    session.document(proto_json(answer))
    session.show(session.texts("outbox.replayed", count=units(answer.events), service=service))


async def _bus(session: Session, service: OnlyService = "") -> int:
    async def ask(opened: Door) -> bus_pb2.GetBusStateResponse:
        return await bus_pb2_grpc.BusServiceStub(opened.channel).GetBusState(
            bus_pb2.GetBusStateRequest(), metadata=opened.metadata, timeout=CALL_SECONDS
        )

    answers, code = await _each(session, service, ask)
    session.document({"services": [proto_json(one) for one in answers.values()]})
    texts = session.texts
    table = Table(texts("word.service"), texts("bus.broker"), box=None)
    for word in ("unpublished", "oldest", "waiting", "dead", "losses"):
        table.add_column(texts(f"bus.{word}"), justify="right")
    table.add_column(texts("bus.consumers"))
    for name, one in answers.items():
        table.add_row(
            name,
            texts("bus.connected") if one.broker_connected else Text(texts("bus.away"), style="red"),
            units(one.unpublished_events),
            f"{one.oldest_unpublished_seconds:.1f} s",
            units(one.waiting_messages),
            Text(units(one.open_dead_letters), style="red" if one.open_dead_letters else ""),
            units(one.stream_losses),
            "\n".join(_consumer(session, consumer) for consumer in one.consumers),
        )
    if answers:
        session.show(table)
    return code


def _consumer(session: Session, one: bus_pb2.ConsumerState) -> str:
    if not one.known:
        return f"{one.consumer}: ?"
    return session.texts(
        "bus.consumer",
        consumer=one.consumer,
        pending=units(one.pending_messages),
        unsettled=units(one.unsettled_messages),
    )


async def _each(session: Session, only: str, ask: Callable[[Door], Awaitable[T]]) -> tuple[dict[str, T], int]:
    """What every service (or ``only`` one) answers; one that does not is told of, and makes the code 3."""

    async def one(name: str) -> T | Trouble:
        try:
            async with door(session, name) as opened:
                return await ask(opened)
        except (CallFailed, NotReachable) as trouble:
            if only or trouble.exit_code != NOT_REACHABLE:
                raise
            return trouble

    names = [_known(only)] if only else list(SERVICES)
    outcomes = dict(zip(names, await asyncio.gather(*(one(name) for name in names)), strict=True))
    answers: dict[str, T] = {}
    troubles: list[Trouble] = []
    for name, outcome in outcomes.items():
        if isinstance(outcome, Trouble):
            troubles.append(outcome)
        else:
            answers[name] = outcome
    if troubles and not answers:
        raise troubles[0]
    for trouble in troubles:
        session.note(trouble.line(session.texts))
    return answers, NOT_REACHABLE if troubles else OK


def _letters_table(session: Session, service: str, letters: list[bus_pb2.DeadLetter]) -> Table:
    texts = session.texts
    table = Table(texts("word.service"), box=None)
    table.add_column("ID", no_wrap=True)
    for key in ("dlq.dead_at", "dlq.event", "dlq.about", "dlq.by", "dlq.attempts", "word.state", "dlq.error"):
        table.add_column(texts(key))
    for one in letters:
        state = short(bus_pb2.DeadLetterState.Name(one.state), _STATE_PREFIX)
        table.add_row(
            service,
            one.dead_letter_id,
            time(one.dead_at),
            one.type.rpartition(".")[2] or one.message_id,
            f"{one.aggregate_type}/{one.aggregate_id}",
            one.consumer,
            str(one.attempts),
            texts.name("letter", state),
            Text(one.error, overflow="fold"),
        )
    return table


def _known(service: str) -> str:
    known = (*SERVICES, *BY_NAME)
    if service not in known:
        raise Usage("bus.unknown_service", service=service, services=", ".join(known))
    return service


def _moment(text: str) -> datetime:
    if text[-1] in "smhd" and "T" not in text:
        return datetime.now(UTC) - duration(text)
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise Usage("outbox.bad_time", text=text) from None
    return found.astimezone(UTC)


def _request_id() -> str:
    return str(uuid_utils.uuid7())
