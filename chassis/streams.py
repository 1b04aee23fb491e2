"""JetStream: the connection, one stream per service, durable pull consumers.

The service that publishes owns its stream and is the only one that makes it; its consumers wait until it is
there. The broker is a courier,
not a store: whatever it loses is sent again from the outbox (`chassis/outbox.py`).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection, Sequence
from contextlib import suppress
from datetime import timedelta

import asyncpg
import nats.errors
from nats.aio.client import Client
from nats.js import JetStreamContext, api
from nats.js.errors import APIError, BadRequestError, NotFoundError

from chassis.bus_client import BusClient
from chassis.refusals import Unavailable

log = logging.getLogger(__name__)

STREAM_MAX_AGE = timedelta(days=14)
STREAM_MAX_BYTES = 1 << 30
DUPLICATE_WINDOW = timedelta(minutes=2)
ACK_WAIT_SECONDS = 10.0
MAX_ACK_PENDING = 2_048
CONNECT_TIMEOUT_SECONDS = 2
RECONNECT_WAIT_SECONDS = 0.25
PING_INTERVAL_SECONDS = 5
MAX_OUTSTANDING_PINGS = 2
FIRST_CONNECT_WAIT_SECONDS = 2.0
API_TIMEOUT_SECONDS = 5.0
PENDING_BYTES = 4 << 20

# Everything the client raises when the server is away, slow, or does not know the stream (yet).
BROKER_ERRORS: tuple[type[Exception], ...] = (nats.errors.Error, OSError, TimeoutError)
# What a background loop waits out: broker or database is away, or too busy. No process may die of it.
AWAY: tuple[type[Exception], ...] = (
    Unavailable,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    *BROKER_ERRORS,
)

_STREAM_NAME_IN_USE = 10058
_UNDERSCORED = str.maketrans("-.", "__")


def stream_name(service: str) -> str:
    """`ALJIBE_ORDERS` of `orders`."""
    return f"ALJIBE_{service.upper().translate(_UNDERSCORED)}"


def stream_subject(service: str) -> str:
    """All events of a service: `aljibe.orders.v1.>`."""
    return f"aljibe.{service}.v1.>"


def kind_subjects(service: str, kinds: Collection[str]) -> tuple[str, ...]:
    """`aljibe.orders.v1.order-accepted.*` and so on, for kinds such as `order-accepted`; without any, all
    that the service tells.
    """
    if not kinds:
        return (stream_subject(service),)
    return tuple(f"aljibe.{service}.v1.{kind}.*" for kind in sorted(kinds))


def replay_subject(service: str) -> str:
    """Where a service listens for the wish to have events sent again; outside its stream."""
    return f"aljibe.{service}.v1-control.replay"


async def open_nats(url: str, name: str, *, wait_seconds: float = FIRST_CONNECT_WAIT_SECONDS) -> BusClient:
    """A client that connects, and connects again, for ever; returns after at most `wait_seconds` even when
    the broker is down.

    Ask `is_connected` before use; close it with `close_nats`.
    """
    client = BusClient()

    async def on_error(error: Exception) -> None:
        log.debug("nats.error", extra={"reason": repr(error)})

    async def on_disconnect() -> None:
        log.warning("nats.disconnected", extra={"client": name})

    async def on_reconnect() -> None:
        log.info("nats.reconnected", extra={"client": name})

    task = asyncio.create_task(
        client.connect(
            [part.strip() for part in url.split(",")],
            name=name,
            error_cb=on_error,
            disconnected_cb=on_disconnect,
            reconnected_cb=on_reconnect,
            allow_reconnect=True,
            max_reconnect_attempts=-1,
            connect_timeout=CONNECT_TIMEOUT_SECONDS,
            reconnect_time_wait=RECONNECT_WAIT_SECONDS,  # type: ignore[arg-type]  # seconds; a fraction works
            ping_interval=PING_INTERVAL_SECONDS,
            max_outstanding_pings=MAX_OUTSTANDING_PINGS,
            pending_size=PENDING_BYTES,
        ),
        name=f"nats-connect-{name}",
    )
    _connecting[id(client)] = task
    done, _ = await asyncio.wait({task}, timeout=wait_seconds)
    for finished in done:
        finished.result()
    return client


_connecting: dict[int, asyncio.Task[None]] = {}


async def close_nats(client: Client) -> None:
    """Close the connection, or stop trying to get one."""
    task = _connecting.pop(id(client), None)
    if task is not None and not task.done():
        task.cancel()
        with suppress(asyncio.CancelledError, *BROKER_ERRORS):
            await task
    if not client.is_closed:
        with suppress(*BROKER_ERRORS):
            await client.close()


async def wait_connected(client: Client, *, poll_seconds: float = 0.1) -> None:
    """Return once the client is connected."""
    while not client.is_connected:  # noqa: ASYNC110 - the client offers no event for it
        await asyncio.sleep(poll_seconds)


async def ensure_stream(
    js: JetStreamContext,
    service: str,
    *,
    replicas: int = 1,
    max_bytes: int = STREAM_MAX_BYTES,
    first_sequence: int = 0,
) -> api.StreamInfo:
    """The service's stream, made when it is missing; a new one numbers its messages from `first_sequence`.

    Raises:
        nats.errors.Error: the broker is away or refuses, for example for lack of room.
    """
    name = stream_name(service)
    try:
        return await js.stream_info(name)
    except NotFoundError:
        pass
    config = api.StreamConfig(
        name=name,
        subjects=[stream_subject(service)],
        retention=api.RetentionPolicy.LIMITS,
        storage=api.StorageType.FILE,
        discard=api.DiscardPolicy.NEW,
        max_age=STREAM_MAX_AGE.total_seconds(),
        max_bytes=max_bytes,
        num_replicas=replicas,
        duplicate_window=DUPLICATE_WINDOW.total_seconds(),
        first_seq=first_sequence or None,
    )
    try:
        info = await js.add_stream(config)
    except BadRequestError as error:
        # Another instance made it with another first sequence between our two requests.
        if error.err_code != _STREAM_NAME_IN_USE:
            raise
        return await js.stream_info(name)
    log.info("stream.created", extra={"stream": name, "first_sequence": first_sequence})
    return info


async def ensure_consumer(
    js: JetStreamContext,
    service: str,
    durable: str,
    filter_subjects: Sequence[str],
    *,
    ack_wait_seconds: float = ACK_WAIT_SECONDS,
) -> api.ConsumerInfo:
    """A durable pull consumer with explicit ack on the service's stream, from its first message on; made, or
    brought to these filters.

    Its `max_deliver` is unlimited: how often a *handler* may fail is counted by our own table, because a
    delivery that met a database which was
    away, or a process that died, is no fault of the message.

    Raises:
        NotFoundError: the stream is not there (yet).
    """
    config = api.ConsumerConfig(
        name=durable,
        durable_name=durable,
        deliver_policy=api.DeliverPolicy.ALL,
        ack_policy=api.AckPolicy.EXPLICIT,
        ack_wait=ack_wait_seconds,
        max_deliver=-1,
        max_ack_pending=MAX_ACK_PENDING,
        filter_subjects=list(filter_subjects),
    )
    return await js.add_consumer(stream_name(service), config)


async def drop_consumer(js: JetStreamContext, stream: str, durable: str) -> None:
    """Delete a durable consumer; none there is as good."""
    with suppress(NotFoundError, APIError):
        await js.delete_consumer(stream, durable)


def matches(pattern: str, subject: str) -> bool:
    """Whether a NATS subject falls under a filter with `*` and `>`."""
    wanted, given = pattern.split("."), subject.split(".")
    for index, part in enumerate(wanted):
        if part == ">":
            return len(given) > index
        if index >= len(given) or part not in ("*", given[index]):
            return False
    return len(wanted) == len(given)
