"""Consumers: messages in, effects in this service's database, each exactly once in effect.

A batch is one transaction: look up what is settled, hand the new messages to their handlers, write inbox ids,
cursors and effects,
commit, and only then ack. A crash anywhere leads to a redelivery that the inbox recognises.

**Order.** Messages of one aggregate take effect in the order of their sequence, whatever their types. A batch
is handed
over as a series of calls, each with messages of one type: a message joins the earliest call of its type that
does not precede a call
with an earlier message of its aggregate. Within a call the order is that of arrival. Between different
aggregates nothing is promised.

**Subscription.** A consumer has the broker send it the kinds of event that it handles, and no other.

**Gaps.** A message whose predecessor among these kinds is missing waits for it; see `chassis/gaps.py`.

**Failure.** When a batch fails, each of its messages is tried alone. One that fails alone waits
`BACKOFF_SECONDS` and is tried
at most `MAX_ATTEMPTS` times, counted in the database; then, or at once for `Poison`, it goes to the dead
letters and those behind it pass.
A database or a service that is away is nobody's fault: it is waited out, and counts for no message.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial

import asyncpg
import grpc

from chassis import history, inbox
from chassis.bus_client import BusClient
from chassis.crashpoint import crashpoint
from chassis.dispatch import Handler, keep_failure, plan_calls, traced
from chassis.envelope import Incoming, Poison, parse, source_of
from chassis.gaps import GAP_WAIT_SECONDS, Gaps
from chassis.metrics import SIZE_BUCKETS, counter, gauge, histogram
from chassis.postgres import Connection, Database, is_unreachable
from chassis.pull import Delivery, Pull, ack_all
from chassis.refusals import Unavailable
from chassis.streams import (
    ACK_WAIT_SECONDS,
    AWAY,
    BROKER_ERRORS,
    ensure_consumer,
    kind_subjects,
    stream_name,
    stream_subject,
    wait_connected,
)

__all__ = ["Consumer", "Handler", "HandlerTimeout", "Incoming", "Poison"]

log = logging.getLogger(__name__)

BATCH = 64
REST_SECONDS = 0.06
"""After a batch that was not full: who waits for an event waits for more than that, and the next batch costs
less a message. A message that comes to a consumer at rest for longer is not held up.
"""
MAX_ATTEMPTS = 5
BACKOFF_SECONDS = (1.0, 5.0, 30.0, 120.0, 600.0)
HANDLER_TIMEOUT_SECONDS = 60.0
AWAY_WAIT_SECONDS = 1.0
RESTART_FIRST_SECONDS = 0.1
RESTART_CAP_SECONDS = 2.0
CLOSELY_SECONDS = 1.0
PRUNE_EVERY_SECONDS = 300.0
PRUNE_PAUSE_SECONDS = 0.1
MEASURE_EVERY_SECONDS = 5.0
MEASURE_TIMEOUT_SECONDS = 2.0

_handled = counter("consumer_messages_total", "messages", "Messages settled", ["consumer", "outcome"])
_batches = histogram("consumer_batch_seconds", "s", "Time from a batch's arrival to its acks", ["consumer"])
_sizes = histogram(
    "consumer_batch_size",
    "messages",
    "Messages of a batch that was taken together",
    ["consumer"],
    SIZE_BUCKETS,
)
_lag = gauge("consumer_lag_messages", "messages", "Messages stored and not settled", ["consumer"])
_age = gauge(
    "consumer_lag_seconds",
    "s",
    "Age of the oldest message of the batch taken last; 0 when nothing waits",
    ["consumer"],
)


class HandlerTimeout(Exception):
    """A handler did not end within `HANDLER_TIMEOUT_SECONDS`."""


class _NotPlain(Exception):
    """The batch must be looked at closely; nothing of it was handled."""


class Consumer:
    """One durable consumer of another service's events; any number of processes may share it.

    `filter_subjects` defaults to the events that have a handler; what comes without one, as it does while an
    older release still widens the filter, is settled silently. `rest_seconds` follow each batch that was not
    full; a consumer whose effects nobody waits for can rest for longer than others.
    """

    def __init__(
        self,
        name: str,
        source_service: str,
        handlers: Mapping[str, Handler],
        db: Database,
        client: BusClient,
        *,
        filter_subjects: Sequence[str] = (),
        sequenced: bool | None = None,
        batch: int = BATCH,
        max_attempts: int = MAX_ATTEMPTS,
        backoff_seconds: Sequence[float] = BACKOFF_SECONDS,
        ack_wait_seconds: float = ACK_WAIT_SECONDS,
        rest_seconds: float = REST_SECONDS,
    ) -> None:
        self._rest = rest_seconds
        self.name = name
        self.source_service = source_service
        self.handlers = dict(handlers)
        self._db = db
        self._client = client
        self._stream = stream_name(source_service)
        kinds = history.kinds_of(self.handlers)
        self._filters = tuple(filter_subjects) or kind_subjects(source_service, kinds)
        whole = self._filters == (stream_subject(source_service),)
        self._kinds = None if whole else kinds
        self._sequenced = (whole or not filter_subjects) if sequenced is None else sequenced
        self._closely_until = 0.0
        self._batch = batch
        self._max_attempts = max_attempts
        self._backoff = tuple(backoff_seconds)
        self._ack_wait = ack_wait_seconds
        self._gaps = Gaps(name, db, client, self._filters, self._predecessor)
        self._outcome = {
            outcome: _handled.labels(name, outcome)
            for outcome in ("handled", "known", "waiting", "early", "dead")
        }
        self._seconds = _batches.labels(name)
        self._size = _sizes.labels(name)
        self._lag = _lag.labels(name)
        self._age = _age.labels(name)

    async def run(self) -> None:
        """Consume until cancelled; sets itself up again whenever stream, consumer, broker or database come
        back.
        """
        delay = RESTART_FIRST_SECONDS
        beside = [
            asyncio.create_task(self._prune_for_ever(), name=f"inbox-prune-{self.name}"),
            asyncio.create_task(self._measure_for_ever(), name=f"consumer-measure-{self.name}"),
        ]
        try:
            while True:
                pull: Pull | None = None
                try:
                    await wait_connected(self._client)
                    # Messages are fetched only when there is somewhere to put their effect.
                    async with self._db.connection() as conn:
                        await conn.fetchval("SELECT 1")
                    js = self._client.jetstream()
                    await ensure_consumer(
                        js, self.source_service, self.name, self._filters, ack_wait_seconds=self._ack_wait
                    )
                    pull = Pull(self._client, self._stream, self.name, self._batch)
                    await pull.open()
                    while True:
                        batch = await pull.next_batch()
                        await self._handle(batch)
                        delay = RESTART_FIRST_SECONDS
                        if len(batch) < self._batch:
                            await asyncio.sleep(self._rest)
                except AWAY as error:
                    log.warning("consumer.waiting", extra={"consumer": self.name, "reason": repr(error)})
                finally:
                    if pull is not None:
                        with suppress(*BROKER_ERRORS):
                            await pull.close()
                await asyncio.sleep(delay)
                delay = min(RESTART_CAP_SECONDS, delay * 2)
        finally:
            for task in beside:
                task.cancel()

    async def redrive(self, conn: Connection, message: Incoming) -> None:
        """Handle a dead letter inside the caller's transaction, which also marks it; whatever the handler
        raises passes.
        """
        await self._call(conn, [message])

    async def _handle(self, raw: Sequence[Delivery]) -> None:
        started = asyncio.get_running_loop().time()
        self._size.observe(len(raw))
        self._age.set(max(0.0, (datetime.now(UTC) - raw[0].stored_at).total_seconds()))
        keeper = asyncio.create_task(_keep_alive(raw, self._ack_wait / 3))
        try:
            await self._settle_batch(raw)
        except asyncio.CancelledError:
            # Another instance need not wait for our ack to time out.
            await _nak(raw, 0.0)
            raise
        except AWAY:
            await _nak(raw, AWAY_WAIT_SECONDS)
            raise
        finally:
            keeper.cancel()
        self._seconds.observe(asyncio.get_running_loop().time() - started)

    async def _settle_batch(self, raw: Sequence[Delivery]) -> None:
        origin: dict[int, Delivery] = {}
        messages: list[Incoming] = []
        for one in raw:
            try:
                message = parse(one.subject, one.headers, one.data, one.deliveries)
            except Poison as error:
                await self._bury(_unreadable(self.source_service, one), one, 1, error)
                continue
            origin[id(message)] = one
            messages.append(message)
        if not messages:
            return
        try:
            done = await self._transaction(messages)
        except Unavailable:
            raise
        except Exception as error:
            if _nobodys_fault(error):
                raise Unavailable("the database or a service") from error
            for message in messages:
                await self._alone(message, origin[id(message)])
            return
        await self._finish(done, origin)

    async def _transaction(self, messages: Sequence[Incoming]) -> inbox.Sorted:
        if asyncio.get_running_loop().time() >= self._closely_until:
            batch = self._plain(messages)
            if batch is not None:
                with suppress(_NotPlain):
                    return await self._db.run(partial(self._settle_plain, messages, batch))
            # Where one batch is out of order the next ones tend to be, too.
            self._closely_until = asyncio.get_running_loop().time() + CLOSELY_SECONDS
        return await self._db.run(partial(self._settle_closely, messages))

    def _plain(self, messages: Sequence[Incoming]) -> inbox.Plain | None:
        if any(one.type not in self.handlers for one in messages):
            return None
        return inbox.plain(messages, self._predecessor)

    def _predecessor(self, message: Incoming) -> int:
        return history.predecessor(message, self._kinds) if self._sequenced else 0

    async def _settle_plain(
        self, messages: Sequence[Incoming], batch: inbox.Plain, conn: Connection
    ) -> inbox.Sorted:
        if not await inbox.settle_plain(conn, self.name, messages, batch, self._gaps.confirmed):
            raise _NotPlain
        await self._call(conn, messages)
        crashpoint("consumer.before_commit")
        return inbox.Sorted(accepted=list(messages), cursors=batch.cursors)

    async def _settle_closely(self, messages: Sequence[Incoming], conn: Connection) -> inbox.Sorted:
        known = await inbox.read(conn, self.name, messages)
        done = inbox.sort(messages, known, predecessor=self._predecessor, confirmed=self._gaps.confirmed)
        if done.accepted:
            # What has no handler has no effect that must not come twice: its cursor is enough.
            effective = [one for one in done.accepted if one.type in self.handlers]
            fresh = await inbox.settle(conn, self.name, effective, done.cursors)
            await self._call(conn, [one for one in effective if one.id in fresh])
            retried = [one.id for one in done.accepted if one.id in known.attempts]
            if retried:
                await inbox.forget_attempts(conn, self.name, retried)
            crashpoint("consumer.before_commit")
        return done

    async def _call(self, conn: Connection, messages: Sequence[Incoming]) -> None:
        for kind, group in plan_calls(messages, self.handlers):
            limit = asyncio.timeout(HANDLER_TIMEOUT_SECONDS)
            try:
                async with limit:
                    with traced(self.name, kind, group):
                        await self.handlers[kind](conn, group)
            except TimeoutError as error:
                if limit.expired():
                    raise HandlerTimeout(f"{kind} took over {HANDLER_TIMEOUT_SECONDS:g} s") from error
                raise

    async def _finish(self, done: inbox.Sorted, origin: Mapping[int, Delivery]) -> None:
        crashpoint("consumer.before_ack")
        settled = [*done.accepted, *done.settled]
        await ack_all(self._client, [origin[id(message)] for message in settled])
        self._gaps.closed(settled)
        for message, wait in done.waiting:
            await origin[id(message)].nak(max(wait, 0.05))
        for message in done.early:
            await origin[id(message)].nak(GAP_WAIT_SECONDS)
            await self._gaps.noticed(message)
        self._outcome["handled"].inc(len(done.accepted))
        self._outcome["known"].inc(len(done.settled))
        self._outcome["waiting"].inc(len(done.waiting))
        self._outcome["early"].inc(len(done.early))

    async def _alone(self, message: Incoming, raw: Delivery) -> None:
        """Handle one message of a failed batch by itself, and if it is the one at fault, note that."""
        started = asyncio.get_running_loop().time()
        try:
            done = await self._db.run(partial(self._settle_closely, [message]))
        except Unavailable:
            raise
        except Poison as error:
            keep_failure(self.name, message, error, asyncio.get_running_loop().time() - started)
            await self._bury(message, raw, message.deliveries, error)
        except Exception as error:
            if _nobodys_fault(error):
                raise Unavailable("the database or a service") from error
            keep_failure(self.name, message, error, asyncio.get_running_loop().time() - started)
            await self._failed(message, raw, error)
        else:
            await self._finish(done, {id(message): raw})

    async def _failed(self, message: Incoming, raw: Delivery, error: Exception) -> None:
        async with self._db.connection() as conn:
            known = await inbox.read(conn, self.name, [message])
        attempts = known.attempts.get(message.id, 0) + 1
        log.warning(
            "consumer.handler.failed",
            extra={"consumer": self.name, "message_id": message.id, "attempt": attempts},
            exc_info=error,
        )
        if attempts >= self._max_attempts:
            await self._bury(message, raw, attempts, error)
            return
        wait = self._backoff[min(attempts, len(self._backoff)) - 1]
        async with self._db.connection() as conn:
            await inbox.record_attempt(conn, self.name, message, attempts, error, wait)
        await raw.nak(wait)
        self._outcome["waiting"].inc()

    async def _bury(self, message: Incoming, raw: Delivery, attempts: int, error: Exception) -> None:
        async with self._db.transaction() as conn:
            await inbox.bury(conn, self.name, message, raw.headers, attempts, error)
        await ack_all(self._client, [raw])
        self._outcome["dead"].inc()
        log.error(
            "consumer.dead_letter",
            extra={"consumer": self.name, "message_id": message.id, "reason": inbox.describe(error)},
        )

    async def _measure_for_ever(self) -> None:
        """Ask the broker how much waits: a consumer that stands still hears of nothing."""
        while True:
            with suppress(*AWAY):
                await wait_connected(self._client)
                js = self._client.jetstream(timeout=MEASURE_TIMEOUT_SECONDS)
                info = await js.consumer_info(self._stream, self.name)
                waiting = (info.num_pending or 0) + (info.num_ack_pending or 0)
                self._lag.set(waiting)
                if not waiting:
                    self._age.set(0.0)
            await asyncio.sleep(MEASURE_EVERY_SECONDS)

    async def _prune_for_ever(self) -> None:
        while True:
            await asyncio.sleep(PRUNE_EVERY_SECONDS)
            with suppress(*AWAY):
                async with self._db.connection() as conn:
                    while await inbox.prune(conn):  # noqa: ASYNC110 - the pause lets others at the table
                        await asyncio.sleep(PRUNE_PAUSE_SECONDS)


def _nobodys_fault(error: Exception) -> bool:
    if isinstance(error, Unavailable | asyncpg.SerializationError | asyncpg.DeadlockDetectedError):
        return True
    if isinstance(error, grpc.aio.AioRpcError):
        return error.code() in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.RESOURCE_EXHAUSTED)
    return is_unreachable(error)


def _unreadable(service: str, raw: Delivery) -> Incoming:
    """What can be said of a message whose headers are none."""
    return Incoming(
        id=raw.headers.get("ce-id") or raw.place,
        type="",
        source=source_of(service),
        subject=raw.subject,
        aggregate_type="",
        aggregate_id="",
        sequence=0,
        time=raw.stored_at,
        payload=raw.data,
        traceparent=None,
        deliveries=raw.deliveries,
    )


async def _keep_alive(raw: Sequence[Delivery], every_seconds: float) -> None:
    """Tell the broker, while handlers work longer than usual, that the messages are in hand."""
    while True:
        await asyncio.sleep(every_seconds)
        with suppress(*BROKER_ERRORS):
            for one in raw:
                if not one.settled:
                    await one.in_progress()


async def _nak(raw: Sequence[Delivery], wait_seconds: float) -> None:
    with suppress(*BROKER_ERRORS):
        for one in raw:
            if not one.settled:
                await one.nak(wait_seconds)
