"""The servicer of `aljibe.ops.v1.BusService`: dead letters, replay and state of one service's bus."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, TypeAlias

import grpc
from google.protobuf.timestamp_pb2 import Timestamp

from aljibe.ops.v1 import bus_pb2, bus_pb2_grpc
from chassis import dead_letters, requests
from chassis.auth import current_principal
from chassis.bus_client import BusClient
from chassis.consumer import Consumer
from chassis.outbox import Relay, outbox_state
from chassis.pages import PageTokens
from chassis.postgres import Connection, Database
from chassis.refusals import InvalidArgument, RedriveFailed
from chassis.replica import Keeper
from chassis.server import Registration
from chassis.streams import BROKER_ERRORS, stream_name

DEFAULT_PAGE_SIZE = 50
CONSUMER_INFO_TIMEOUT_SECONDS = 1.0
Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"
_STATES = {
    bus_pb2.DEAD_LETTER_STATE_OPEN: "OPEN",
    bus_pb2.DEAD_LETTER_STATE_REDRIVEN: "REDRIVEN",
    bus_pb2.DEAD_LETTER_STATE_DISCARDED: "DISCARDED",
}
_STATE_NUMBERS = {name: number for number, name in _STATES.items()}


def registration(
    service: str,
    db: Database,
    client: BusClient,
    relay: Relay,
    consumers: Sequence[Consumer],
    *,
    replicas: Mapping[str, Keeper] = MappingProxyType({}),
) -> Registration:
    """What `chassis.server` needs to mount the servicer."""
    return (
        bus_pb2_grpc.add_BusServiceServicer_to_server,
        BusServicer(service, db, client, relay, consumers, replicas),
        bus_pb2.DESCRIPTOR.services_by_name["BusService"],
    )


class BusServicer(bus_pb2_grpc.BusServiceServicer):
    """Answers for one service."""

    def __init__(
        self,
        service: str,
        db: Database,
        client: BusClient,
        relay: Relay,
        consumers: Sequence[Consumer],
        replicas: Mapping[str, Keeper] = MappingProxyType({}),
    ) -> None:
        self._replicas = replicas
        self._service = service
        self._db = db
        self._client = client
        self._relay = relay
        self._consumers: Mapping[str, Consumer] = {consumer.name: consumer for consumer in consumers}
        self._pages = PageTokens(db.secret)

    async def ListDeadLetters(  # noqa: D102, N802 - see the proto
        self, request: bus_pb2.ListDeadLettersRequest, context: Context
    ) -> bus_pb2.ListDeadLettersResponse:
        self._check(request.service)
        size = request.page_size or DEFAULT_PAGE_SIZE
        after = self._pages.position(request)
        state = _STATES.get(request.state)
        async with self._db.connection() as conn:
            rows = await dead_letters.page(
                conn, request.consumer or None, state, after[0] if after else None, size + 1
            )
        answer = bus_pb2.ListDeadLettersResponse(dead_letters=[_message(row) for row in rows[:size]])
        if len(rows) > size:
            answer.next_page_token = self._pages.next_token(request, rows[size - 1].id)
        return answer

    async def RedriveDeadLetter(  # noqa: D102, N802
        self, request: bus_pb2.RedriveDeadLetterRequest, context: Context
    ) -> bus_pb2.RedriveDeadLetterResponse:
        self._check(request.service)
        by = current_principal().subject

        async def redrive(conn: Connection) -> bus_pb2.RedriveDeadLetterResponse:
            settled = await dead_letters.redrive(conn, self._consumers, request.dead_letter_id, by)
            return bus_pb2.RedriveDeadLetterResponse(dead_letter=_message(settled))

        try:
            return await requests.idempotent(
                self._db, "RedriveDeadLetter", request, bus_pb2.RedriveDeadLetterResponse, redrive, scope=by
            )
        except RedriveFailed as failure:
            # The failed try was rolled back with its effects; the new error is worth keeping.
            async with self._db.connection() as conn:
                await dead_letters.record_failure(conn, failure)
            raise

    async def DiscardDeadLetter(  # noqa: D102, N802
        self, request: bus_pb2.DiscardDeadLetterRequest, context: Context
    ) -> bus_pb2.DiscardDeadLetterResponse:
        self._check(request.service)
        by = current_principal().subject

        async def discard(conn: Connection) -> bus_pb2.DiscardDeadLetterResponse:
            settled = await dead_letters.discard(conn, request.dead_letter_id, by, request.note)
            return bus_pb2.DiscardDeadLetterResponse(dead_letter=_message(settled))

        return await requests.idempotent(
            self._db, "DiscardDeadLetter", request, bus_pb2.DiscardDeadLetterResponse, discard, scope=by
        )

    async def ReplayOutbox(  # noqa: D102, N802
        self, request: bus_pb2.ReplayOutboxRequest, context: Context
    ) -> bus_pb2.ReplayOutboxResponse:
        self._check(request.service)
        if bool(request.aggregate_type) != bool(request.aggregate_id):
            raise InvalidArgument("aggregate_id", "aggregate_type and aggregate_id go together")
        spanned = request.HasField("recorded_from") or request.HasField("recorded_before")
        if request.aggregate_id and spanned:
            raise InvalidArgument("recorded_from", "choose an aggregate or a span of time, not both")
        key = requests.request_key("ReplayOutbox", current_principal().subject, request.request_id)
        content = requests.fingerprint(request)
        async with self._db.connection() as conn:
            stored = await requests.find(conn, key, content, request.request_id)
        if stored is not None:
            return bus_pb2.ReplayOutboxResponse.FromString(stored)
        watch = self._relay.watch
        if request.aggregate_id:
            events = await watch.replay_aggregate(request.aggregate_type, request.aggregate_id)
        else:
            events = await watch.replay(
                recorded_from=_time(request, "recorded_from"),
                recorded_before=_time(request, "recorded_before"),
            )
        answer = bus_pb2.ReplayOutboxResponse(events=events)
        # A replay is many transactions and harmless twice, so its answer is stored after it.
        async with self._db.connection() as conn:
            await requests.insert_many(
                conn, [requests.StoredRequest(key, content, answer.SerializeToString())]
            )
        return answer

    async def GetBusState(  # noqa: D102, N802
        self, request: bus_pb2.GetBusStateRequest, context: Context
    ) -> bus_pb2.GetBusStateResponse:
        self._check(request.service)
        state = await outbox_state(self._db)
        async with self._db.connection() as conn:
            open_letters, waiting = await dead_letters.counts(conn)
        answer = bus_pb2.GetBusStateResponse(
            service=self._service,
            unpublished_events=state.unpublished,
            oldest_unpublished_seconds=state.oldest_seconds,
            stream_losses=self._relay.watch.losses,
            broker_connected=self._client.is_connected,
            open_dead_letters=open_letters,
            waiting_messages=waiting,
            consumers=[await self._consumer_state(consumer) for consumer in self._consumers.values()],
            replicas=[
                bus_pb2.ReplicaState(
                    replica=name,
                    quiet_seconds=keeper.quiet_seconds,
                    behind_seconds=keeper.behind_seconds,
                    ready=keeper.is_ready,
                )
                for name, keeper in self._replicas.items()
            ],
            stream=await self._stream_state(),
        )
        answer.as_of.FromDatetime(state.as_of)
        return answer

    async def _consumer_state(self, consumer: Consumer) -> bus_pb2.ConsumerState:
        answer = bus_pb2.ConsumerState(consumer=consumer.name, source_service=consumer.source_service)
        if not self._client.is_connected:
            return answer
        try:
            info = await self._client.jetstream().consumer_info(
                stream_name(consumer.source_service), consumer.name, CONSUMER_INFO_TIMEOUT_SECONDS
            )
        except BROKER_ERRORS:
            return answer
        answer.known = True
        answer.pending_messages = info.num_pending or 0
        answer.unsettled_messages = info.num_ack_pending or 0
        answer.redelivered_messages = info.num_redelivered or 0
        return answer

    async def _stream_state(self) -> bus_pb2.StreamState:
        answer = bus_pb2.StreamState(stream=self._relay.watch.stream)
        if not self._client.is_connected:
            return answer
        try:
            info = await self._client.jetstream(timeout=CONSUMER_INFO_TIMEOUT_SECONDS).stream_info(
                answer.stream
            )
        except BROKER_ERRORS:
            return answer
        answer.known = True
        answer.messages = info.state.messages
        answer.bytes = info.state.bytes
        answer.max_bytes = max(0, info.config.max_bytes or 0)
        return answer

    def _check(self, service: str) -> None:
        if service and service != self._service:
            raise InvalidArgument("service", f"this is {self._service}", "WRONG_SERVICE")


def _time(request: bus_pb2.ReplayOutboxRequest, name: str) -> datetime | None:
    if not request.HasField(name):  # type: ignore[arg-type]  # one of two literals
        return None
    stamp: Timestamp = getattr(request, name)
    return stamp.ToDatetime(UTC)


def _message(letter: dead_letters.DeadLetter) -> bus_pb2.DeadLetter:
    answer = bus_pb2.DeadLetter(
        dead_letter_id=letter.id,
        consumer=letter.consumer,
        message_id=letter.message.id,
        type=letter.message.type,
        source=letter.message.source,
        aggregate_type=letter.message.aggregate_type,
        aggregate_id=letter.message.aggregate_id,
        sequence=letter.message.sequence,
        attempts=letter.attempts,
        error=letter.error,
        traceback=letter.traceback,
        traceparent=letter.message.traceparent or "",
        payload=letter.message.payload,
        state=_STATE_NUMBERS[letter.state],
        settled_by=letter.settled_by or "",
        note=letter.note,
    )
    answer.occurred_at.FromDatetime(letter.message.time)
    answer.dead_at.FromDatetime(letter.created_at)
    if letter.settled_at is not None:
        answer.settled_at.FromDatetime(letter.settled_at)
    return answer
