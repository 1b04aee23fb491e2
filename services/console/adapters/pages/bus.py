"""The page Bus: how far messages are behind, and what was given up on the way."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import grpc
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from aljibe.ops.v1 import bus_pb2 as pb
from services.console.adapters import problems
from services.console.adapters.doors import BUS_SERVICES, CALL_SECONDS
from services.console.adapters.growing import at_once
from services.console.adapters.menu import OPERATOR, roles_of
from services.console.adapters.page import Console, form_of
from services.console.adapters.payloads import shown
from services.console.adapters.session import Person
from services.console.adapters.texts import Texts

SHOWN_LETTERS = 50
"""Dead letters per service; more are reached by `aljibe dlq list`."""
MOST_AT_ONCE = 200
REPLAY_SECONDS = 60.0
OPEN, ANY = "open", "any"
_ROLES = roles_of("bus")


@dataclass(frozen=True, slots=True)
class Bus:
    """One service's side of the bus; no `state`: it did not answer."""

    service: str
    state: pb.GetBusStateResponse | None
    letters: tuple[Letter, ...] = ()
    more: bool = False


@dataclass(frozen=True, slots=True)
class Letter:
    """A dead letter as a person reads it."""

    service: str
    told: pb.DeadLetter
    kind: str
    payload: str

    @property
    def key(self) -> str:
        """What a form names it by."""
        return f"{self.service}/{self.told.dead_letter_id}"

    @property
    def state(self) -> str:
        """OPEN, REDRIVEN or DISCARDED."""
        return pb.DeadLetterState.Name(self.told.state).removeprefix("DEAD_LETTER_STATE_")


def routes(console: Console) -> Sequence[BaseRoute]:
    """The page's routes."""
    return (
        console.page("/bus", show, _ROLES),
        console.live("/bus/live", regions, _ROLES),
        console.action("/bus/letters", settle, (OPERATOR,)),
        console.action("/bus/replay", replay, (OPERATOR,)),
    )


async def show(console: Console, request: Request, person: Person) -> Response:
    """The page; what services tell comes when the last has answered."""
    wanted = _wanted(request)
    query = f"?letters={ANY}" if wanted == ANY else ""
    return console.render(
        request,
        person,
        "bus/page.html",
        live=f"/bus/live{query}",
        services=[(name, name) for name in _services(console)],
        may_act=person.has_role(OPERATOR),
        wanted=wanted,
        parts=at_once(lambda: _news(console, person, wanted)),
    )


async def regions(console: Console, request: Request, person: Person) -> AsyncIterator[Mapping[str, str]]:
    """Its news: every table."""
    wanted = _wanted(request)
    key = ("bus", wanted, person.has_role(OPERATOR), person.scope)
    async for news in console.hub.watch(key, lambda: _news(console, person, wanted)):
        yield news


async def _news(console: Console, person: Person, wanted: str) -> Mapping[str, str]:
    look = await _look(console, person, wanted)
    facts = {**_facts(look, wanted), "may_act": person.has_role(OPERATOR)}
    parts = ("services", "streams", "consumers", "letters")
    news = {part: console.fragment(person, f"bus/{part}.html", **facts) for part in parts}
    return {**news, "title": _title(person.texts, look)}


async def settle(console: Console, request: Request, person: Person) -> Response:
    """Redrives or discards the dead letters that were chosen, one after the other."""
    form = form_of(request)
    chosen = [one.partition("/") for one in form.getlist("letter")][:MOST_AT_ONCE]
    if not chosen:
        return console.refused(request, person, person.texts("bus.choose"))
    note = form.get("note", "").strip()
    discards = form.get("do") == "discard"
    if not discards:
        note = ""
    elif not note:
        return console.refused(request, person, person.texts("bus.note_needed"))
    failed: list[str] = []
    for service, _, letter_id in chosen:
        try:
            await _settle_one(console, person, service, letter_id, form["request_id"], note)
        except grpc.aio.AioRpcError as error:
            failed.append(f"{letter_id}: {problems.sentence(error, person.texts)}")
    settled = len(chosen) - len(failed)
    if failed:
        said = person.texts("bus.some_failed", settled=settled, failed=len(failed), why="; ".join(failed[:3]))
        return console.refused(request, person, said)
    key = "bus.discarded" if discards else "bus.redriven"
    return console.done(request, person, key, count=settled)


async def replay(console: Console, request: Request, person: Person) -> Response:
    """Publishes a service's events of a span of time again."""
    form = form_of(request)
    begin, end = (_moment(form.get(name, ""), person.texts) for name in ("from", "until"))
    service = form.get("service", "")
    if service not in _services(console) or begin is None or (end is not None and end <= begin):
        return console.refused(request, person, person.texts("bus.span_invalid"))
    asked = pb.ReplayOutboxRequest(service=service, request_id=form["request_id"])
    asked.recorded_from.FromDatetime(begin)
    if end is not None:
        asked.recorded_before.FromDatetime(end)
    answer = await console.doors.bus(service).ReplayOutbox(
        asked, metadata=person.metadata, timeout=REPLAY_SECONDS
    )
    return console.done(
        request, person, "bus.replayed", events=person.texts.number(answer.events), service=service
    )


async def _settle_one(
    console: Console, person: Person, service: str, letter_id: str, request_id: str, note: str
) -> None:
    if service not in _services(console):
        return
    bus = console.doors.bus(service)
    # One press of the button is one action for each letter, however often it arrives.
    own = f"{request_id}:{letter_id}"
    if note:
        await bus.DiscardDeadLetter(
            pb.DiscardDeadLetterRequest(
                service=service, dead_letter_id=letter_id, request_id=own, note=note[:500]
            ),
            metadata=person.metadata,
            timeout=CALL_SECONDS,
        )
    else:
        await bus.RedriveDeadLetter(
            pb.RedriveDeadLetterRequest(service=service, dead_letter_id=letter_id, request_id=own),
            metadata=person.metadata,
            timeout=REPLAY_SECONDS,
        )


async def _look(console: Console, person: Person, wanted: str) -> list[Bus]:
    return list(await asyncio.gather(*(_ask(console, person, one, wanted) for one in _services(console))))


async def _ask(console: Console, person: Person, service: str, wanted: str) -> Bus:
    bus = console.doors.bus(service)
    state = pb.DEAD_LETTER_STATE_OPEN if wanted == OPEN else pb.DEAD_LETTER_STATE_UNSPECIFIED
    try:
        told, page = await asyncio.gather(
            bus.GetBusState(
                pb.GetBusStateRequest(service=service), metadata=person.metadata, timeout=CALL_SECONDS
            ),
            bus.ListDeadLetters(
                pb.ListDeadLettersRequest(service=service, state=state, page_size=SHOWN_LETTERS),
                metadata=person.metadata,
                timeout=CALL_SECONDS,
            ),
        )
    except grpc.aio.AioRpcError as error:
        if not problems.is_away(error):
            raise
        return Bus(service, None)
    # What only says when it was asked would make every look a change.
    told.ClearField("as_of")
    letters = tuple(
        Letter(service, one, one.type.rpartition(".")[2] or "?", shown(one.type, one.payload))
        for one in page.dead_letters
    )
    return Bus(service, told, letters, bool(page.next_page_token))


def _facts(look: Sequence[Bus], wanted: str) -> dict[str, Any]:
    letters = [one for bus in look for one in bus.letters]
    return {
        "buses": look,
        "letters": sorted(letters, key=lambda one: one.told.dead_letter_id, reverse=True),
        "more": [bus.service for bus in look if bus.more],
        "wanted": wanted,
    }


def _title(texts: Texts, look: Sequence[Bus]) -> str:
    open_letters = sum(bus.state.open_dead_letters for bus in look if bus.state is not None)
    return texts("bus.title") + (f": {texts.count('bus.dead_letters', open_letters)}" if open_letters else "")


def _services(console: Console) -> list[str]:
    return [name for name in BUS_SERVICES if name in console.doors.addresses]


def _wanted(request: Request) -> str:
    return ANY if request.query_params.get("letters") == ANY else OPEN


def _moment(text: str, texts: Texts) -> datetime | None:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return (found if found.tzinfo else found.replace(tzinfo=texts.zone)).astimezone(UTC)
