"""A standing pull on a durable JetStream consumer.

One request for messages is always outstanding, so that the broker hands them over as they arrive, without a
round trip
per batch and without a timer. The client library's own `fetch` asks twice per batch and cannot tell an idle
stream from a
consumer that is gone; here heartbeats do.
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cached_property

from nats.aio.subscription import Subscription
from nats.js.errors import APIError

from chassis.bus_client import BusClient
from chassis.envelope import header_values

EXPIRES_SECONDS = 10.0
HEARTBEAT_SECONDS = 1.0
SILENCE_SECONDS = 3.5
LOOK_SECONDS = 0.5
_NANO = 1_000_000_000


class PullLost(APIError):
    """The durable consumer, its stream or the broker is gone; it must be set up again."""


class Delivery:
    """A message in our hands. It is settled once: `ack_all` or `nak`; until then the broker waits."""

    def __init__(self, client: BusClient, subject: bytes, reply: bytes, data: bytes, headers: bytes) -> None:
        self._client = client
        self._reply = reply
        # $JS.ACK.[<domain>.<account>.]<stream>.<consumer>.<deliveries>.<stream seq>.<…>.<nanoseconds>.<…>
        tokens = reply.split(b".")
        at = 2 if len(tokens) == 9 else 4
        self._stream, self._numbers = tokens[at], tokens[at + 2 :]
        self.subject = subject.decode()
        self.data = data
        self.headers = header_values(headers)
        self.settled = False

    @property
    def deliveries(self) -> int:
        """How often it was handed out, this time included."""
        return int(self._numbers[0])

    @cached_property
    def place(self) -> str:
        """Where it stands: stream and number."""
        return f"{self._stream.decode()}:{int(self._numbers[1])}"

    @property
    def stored_at(self) -> datetime:
        """When the stream took it."""
        return datetime.fromtimestamp(int(self._numbers[3]) / _NANO, UTC)

    async def nak(self, wait_seconds: float = 0.0) -> None:
        """Have it sent again, after `wait_seconds`."""
        await self._answer(b'-NAK {"delay": %d}' % int(wait_seconds * _NANO) if wait_seconds else b"-NAK")
        self.settled = True

    async def in_progress(self) -> None:
        """It is still being worked on."""
        await self._answer(b"+WPI")

    async def _answer(self, word: bytes) -> None:
        await self._client.publish(self._reply.decode(), word)

    def ack_command(self) -> bytes:
        """The command that says that it is done; whoever takes it must send it."""
        self.settled = True
        return b"PUB %b 0\r\n\r\n" % self._reply


async def ack_all(client: BusClient, deliveries: Sequence[Delivery]) -> None:
    """These are done, their effects committed.

    Raises:
        nats.errors.Error: the broker is away; it will send them again, and the inbox knows them.
    """
    if deliveries:
        await client.send_all([b"".join([one.ack_command() for one in deliveries])])


class Pull:
    """Messages of one durable consumer, at most `2 * batch` of them held here unhandled."""

    def __init__(self, client: BusClient, stream: str, durable: str, batch: int) -> None:
        self._client = client
        self._subject = f"$JS.API.CONSUMER.MSG.NEXT.{stream}.{durable}"
        self._batch = batch
        self._inbox = client.new_inbox()
        self._waiting: deque[Delivery] = deque()
        self._outstanding = 0
        self._arrived = asyncio.Event()
        self._lost: str | None = None
        self._subscription: Subscription | None = None
        self._reconnects = client.stats["reconnects"]

    async def open(self) -> None:
        """Begin; `close` ends it."""
        self._subscription = await self._client.listen(self._inbox, self._take)

    async def close(self) -> None:
        """Stop; what was not handed out goes back to the broker at once."""
        if self._subscription is None or self._client.is_closed:
            return
        await self._client.unlisten(self._subscription)
        while self._waiting:
            await self._waiting.popleft().nak()

    async def next_batch(self) -> list[Delivery]:
        """Between 1 and `batch` messages, as soon as there is one, in the order of arrival.

        Raises:
            PullLost: the consumer is gone, or nothing was heard of the broker for `SILENCE_SECONDS`.
        """
        while not self._waiting:
            if self._lost is not None:
                raise PullLost(description=self._lost)
            await self._ask()
            self._arrived.clear()
            await self._heard()
        taken = [self._waiting.popleft() for _ in range(min(self._batch, len(self._waiting)))]
        if self._lost is None and len(self._waiting) + self._outstanding < self._batch:
            await self._ask()
        return taken

    async def _heard(self) -> None:
        """Return when anything arrives.

        Raises:
            PullLost: nothing did for `SILENCE_SECONDS`, or the connection was renewed meanwhile: the
                broker forgets the requests of a connection that ends.
        """
        give_up = asyncio.get_running_loop().time() + SILENCE_SECONDS
        while True:
            try:
                async with asyncio.timeout(LOOK_SECONDS):
                    await self._arrived.wait()
            except TimeoutError:
                if self._client.stats["reconnects"] != self._reconnects:
                    raise PullLost(description="connected anew") from None
                if asyncio.get_running_loop().time() > give_up:
                    raise PullLost(description="no heartbeat") from None
            else:
                return

    async def _ask(self) -> None:
        if self._outstanding > 0:
            return
        self._outstanding = self._batch
        request = {
            "batch": self._batch,
            "expires": int(EXPIRES_SECONDS * _NANO),
            "idle_heartbeat": int(HEARTBEAT_SECONDS * _NANO),
        }
        await self._client.publish(self._subject, json.dumps(request).encode(), reply=self._inbox)

    def _take(self, subject: bytes, reply: bytes, data: bytes, headers: bytes | None) -> None:
        # Our events always carry headers; a bare status has no ack subject.
        if reply.startswith(b"$JS.ACK."):
            self._waiting.append(Delivery(self._client, subject, reply, data, headers or b""))
            self._outstanding = max(0, self._outstanding - 1)
            self._arrived.set()
            return
        _, _, line = (headers or b"").partition(b"\r\n")[0].decode("utf-8", "replace").partition(" ")
        status, _, description = line.partition(" ")
        if status in ("404", "408"):
            self._outstanding = 0
        elif status == "409":
            self._outstanding = 0
            if "consumer deleted" in description.lower():
                self._lost = description
        elif status != "100":
            self._lost = f"status {status}"
        self._arrived.set()
