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

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.js.errors import APIError

EXPIRES_SECONDS = 10.0
HEARTBEAT_SECONDS = 1.0
SILENCE_SECONDS = 3.5
LOOK_SECONDS = 0.5
_NANO = 1_000_000_000


class PullLost(APIError):
    """The durable consumer, its stream or the broker is gone; it must be set up again."""


class Pull:
    """Messages of one durable consumer, at most `2 * batch` of them held here unhandled."""

    def __init__(self, client: Client, stream: str, durable: str, batch: int) -> None:
        self._client = client
        self._subject = f"$JS.API.CONSUMER.MSG.NEXT.{stream}.{durable}"
        self._batch = batch
        self._inbox = client.new_inbox()
        self._waiting: deque[Msg] = deque()
        self._outstanding = 0
        self._arrived = asyncio.Event()
        self._lost: str | None = None
        self._subscription: Subscription | None = None
        self._reconnects = client.stats["reconnects"]

    async def open(self) -> None:
        """Begin; `close` ends it."""
        self._subscription = await self._client.subscribe(self._inbox, cb=self._take)

    async def close(self) -> None:
        """Stop; what was not handed out goes back to the broker at once."""
        if self._subscription is None or self._client.is_closed:
            return
        await self._subscription.unsubscribe()
        while self._waiting:
            await self._waiting.popleft().nak()

    async def next_batch(self) -> list[Msg]:
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

    async def _take(self, message: Msg) -> None:
        # Our events always carry headers of their own; a bare status has neither ack subject nor payload.
        status = (message.headers or {}).get("Status")
        if status is None or message.reply.startswith("$JS.ACK."):
            self._waiting.append(message)
            self._outstanding = max(0, self._outstanding - 1)
        elif status in ("404", "408"):
            self._outstanding = 0
        elif status == "409":
            description = (message.headers or {}).get("Description", "")
            self._outstanding = 0
            if "Consumer Deleted" in description or "consumer deleted" in description.lower():
                self._lost = description
        elif status != "100":
            self._lost = f"status {status}"
        self._arrived.set()
