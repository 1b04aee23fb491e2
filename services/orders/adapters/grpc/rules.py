"""SourcingRulesService."""

# ruff: noqa: N802 - methods are named by the contract
from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import Any, Protocol, TypeVar

import grpc
from google.protobuf.message import Message

from aljibe.orders.v1 import rules_pb2 as pb
from aljibe.orders.v1 import rules_pb2_grpc
from chassis.auth import current_principal
from chassis.call import current_call
from chassis.clock import Clock
from chassis.envelope import OutboxEvent
from chassis.errors import preferred_language
from chassis.outbox import Relay
from chassis.pages import PageTokens
from chassis.postgres import Connection, Database
from chassis.refusals import Violation
from chassis.requests import idempotent
from chassis.telemetry import span
from services.orders.adapters.grpc.rules_refused import RulesInvalid
from services.orders.adapters.grpc.rules_wire import change_proto, differences_proto, version_proto
from services.orders.adapters.nats.rules_book import CachedRulesBook
from services.orders.adapters.postgres.rules import ANY_NUMBER, PostgresRulesTables, RulesReader
from services.orders.domain.rules import SourcingRules
from services.orders.domain.rules_checks import check, named_channels, named_locations
from services.orders.domain.rules_document import differences, read, to_text
from services.orders.domain.rules_problems import Problem
from services.orders.domain.rules_timeline import number_at
from services.orders.domain.rules_version import State, Version
from services.orders.usecases.change_rules import (
    activate_rules,
    create_rules,
    roll_back_rules,
    update_rules,
)
from services.orders.usecases.ports import Directory

Context = grpc.aio.ServicerContext[Any, Any]
R = TypeVar("R", bound=Message)
Change = Callable[[PostgresRulesTables, str, datetime], Awaitable[Version]]

DEFAULT_PAGE = 50


class _Versioned(Protocol):
    """An answer that is one version."""

    def __call__(self, *, rules: pb.RulesVersion) -> Any: ...


class SourcingRulesServicer(rules_pb2_grpc.SourcingRulesServiceServicer):
    """See the contract."""

    def __init__(
        self,
        db: Database,
        built_in: SourcingRules,
        directory: Directory,
        book: CachedRulesBook,
        relay: Relay,
        pages: PageTokens,
        clock: Clock,
    ) -> None:
        self._db = db
        self._built_in = built_in
        self._reader = RulesReader(db, built_in)
        self._directory = directory
        self._book = book
        self._relay = relay
        self._pages = pages
        self._clock = clock

    async def CreateRules(self, request: pb.CreateRulesRequest, context: Context) -> pb.CreateRulesResponse:
        """See the contract."""
        found = await self._understood(request.document)

        async def change(tables: PostgresRulesTables, actor: str, now: datetime) -> Version:
            return await create_rules(tables, _sound(found), request.note, actor, now)

        return await self._change("CreateRules", request, pb.CreateRulesResponse, change)

    async def UpdateRules(self, request: pb.UpdateRulesRequest, context: Context) -> pb.UpdateRulesResponse:
        """See the contract."""
        found = await self._understood(request.document)

        async def change(tables: PostgresRulesTables, actor: str, now: datetime) -> Version:
            return await update_rules(
                tables,
                request.number,
                request.expected_revision,
                _sound(found),
                request.note,
                actor,
                now,
            )

        return await self._change("UpdateRules", request, pb.UpdateRulesResponse, change)

    async def ValidateRules(
        self, request: pb.ValidateRulesRequest, context: Context
    ) -> pb.ValidateRulesResponse:
        """See the contract."""
        rules, problems = await self._understood(request.document)
        if rules is None or problems:
            language = _language()
            return pb.ValidateRulesResponse(
                problems=[
                    pb.RulesProblem(path=one.path, reason=one.reason, message=one.sentence(language))
                    for one in problems
                ]
            )
        return pb.ValidateRulesResponse(document=to_text(rules), rules_version=rules.version)

    async def GetRules(self, request: pb.GetRulesRequest, context: Context) -> pb.GetRulesResponse:
        """See the contract."""
        now = self._clock()
        version = await self._reader.version(request.number)
        return pb.GetRulesResponse(rules=version_proto(version, now, await self._reader.number_at(now)))

    async def ListRules(self, request: pb.ListRulesRequest, context: Context) -> pb.ListRulesResponse:
        """See the contract."""
        now = self._clock()
        (before,) = self._pages.position(request) or ("0",)
        size = request.page_size or DEFAULT_PAGE
        state = (
            State(pb.RulesState.Name(request.state).removeprefix("RULES_STATE_")) if request.state else None
        )
        found = await self._reader.page(state, int(before), size + 1, now)
        current = await self._reader.number_at(now)
        response = pb.ListRulesResponse(
            rules=[version_proto(one, now, current, whole=False) for one in found[:size]],
            current_number=current,
        )
        if len(found) > size:
            response.next_page_token = self._pages.next_token(request, str(found[size - 1].number))
        return response

    async def ActivateRules(
        self, request: pb.ActivateRulesRequest, context: Context
    ) -> pb.ActivateRulesResponse:
        """See the contract."""
        # Locations and channels may have gone since the draft was written.
        rules = (await self._reader.version(request.number)).rules
        found = rules, await self._checked(rules)

        async def change(tables: PostgresRulesTables, actor: str, now: datetime) -> Version:
            # The draft may have been changed since it was checked.
            (await tables.version(request.number)).expect_content(_sound(found))
            return await activate_rules(
                tables,
                request.number,
                request.expected_revision,
                (
                    request.effective_from.ToDatetime(UTC) if request.HasField("effective_from") else None,
                    request.effective_until.ToDatetime(UTC) if request.HasField("effective_until") else None,
                ),
                request.note,
                actor,
                now,
                replace_planned=request.replace_planned,
            )

        return await self._change("ActivateRules", request, pb.ActivateRulesResponse, change)

    async def RollBackRules(
        self, request: pb.RollBackRulesRequest, context: Context
    ) -> pb.RollBackRulesResponse:
        """See the contract. Not validated again: it held before, and whoever goes back is in a hurry."""

        async def change(tables: PostgresRulesTables, actor: str, now: datetime) -> Version:
            return await roll_back_rules(tables, request.number, request.note, actor, now)

        return await self._change("RollBackRules", request, pb.RollBackRulesResponse, change)

    async def DiffRules(self, request: pb.DiffRulesRequest, context: Context) -> pb.DiffRulesResponse:
        """See the contract."""
        after = await self._reader.version(request.number)
        before = await self._reader.version(request.before_number)
        return pb.DiffRulesResponse(differences=differences_proto(differences(before.rules, after.rules)))

    async def ListRulesChanges(
        self, request: pb.ListRulesChangesRequest, context: Context
    ) -> pb.ListRulesChangesResponse:
        """See the contract."""
        (before,) = self._pages.position(request) or ("0",)
        size = request.page_size or DEFAULT_PAGE
        found = await self._reader.changes(request.number or ANY_NUMBER, int(before), size + 1)
        response = pb.ListRulesChangesResponse(changes=[change_proto(one) for one in found[:size]])
        if len(found) > size:
            response.next_page_token = self._pages.next_token(request, str(found[size - 1].change_number))
        return response

    async def _change(self, name: str, request: Message, answer: type[R], change: Change) -> R:
        """Run `change` once for this request id, tell the other instances, and have this one see it."""
        events: list[OutboxEvent] = []
        actor = current_principal().subject

        async def once(conn: Connection) -> R:
            tables = PostgresRulesTables(conn, self._built_in)
            await tables.begin()
            now = self._clock()
            version = await change(tables, actor, now)
            events[:] = tables.events
            current = number_at(await tables.periods(), now)
            made: _Versioned = answer
            response: R = made(rules=version_proto(version, now, current))
            return response

        with span(name):
            response = await idempotent(self._db, name, request, answer, once, scope=actor)
            if events:
                self._relay.wake(events)
                await self._book.refresh()
            return response

    async def _understood(self, document: str) -> tuple[SourcingRules | None, Sequence[Problem]]:
        found = read(document)
        if found.rules is None:
            return None, found.problems
        return found.rules, await self._checked(found.rules)

    async def _checked(self, rules: SourcingRules) -> Sequence[Problem]:
        await self._directory.learn(named_locations(rules), "")
        for channel_id in sorted(named_channels(rules) - self._directory.channels.keys()):
            await self._directory.learn(set(), channel_id)
            break  # one reading brings all channels
        return check(rules, self._directory.locations, self._directory.channels)


def _sound(found: tuple[SourcingRules | None, Sequence[Problem]]) -> SourcingRules:
    """The rules.

    Raises:
        RulesInvalid: something is wrong with them.
    """
    rules, problems = found
    if rules is None or problems:
        language = _language()
        raise RulesInvalid([Violation(one.path, one.reason, one.sentence(language)) for one in problems])
    return rules


def _language() -> str:
    call = current_call()
    return preferred_language(call.languages if call is not None else "")
