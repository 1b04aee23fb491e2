"""The NATS client, with a short road for what comes by the hundred thousand: events, messages, acks.

The library's own road makes, for each message, header texts, an object, a queue entry and a turn of the event
loop, and for each publication a future and its callbacks: several times the work of the message itself.
`listen` hands the bytes to a function at once instead, and `Publisher` sends a batch and waits for its acks
together. Everything else (connecting, subscribing anew, back pressure, errors) stays the library's. Its inner
methods `_process_msg` and `_send_command` are relied on; `tests/test_bus_client.py` notices when a release
changes them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import nats.errors
import orjson
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

from chassis.crashpoint import crashpoint

Take: TypeAlias = Callable[[bytes, bytes, bytes, bytes | None], None]
"""Gets subject, reply subject, payload and header block of a message; must neither fail nor wait."""


@dataclass(frozen=True, slots=True)
class Publication:
    """What is to be published on a stream's subject."""

    subject: str
    header_block: bytes
    payload: bytes


@dataclass(frozen=True, slots=True)
class Stored:
    """The broker has it: under this sequence of the stream, now or (`duplicate`) before."""

    sequence: int
    duplicate: bool


Answer: TypeAlias = Stored | str
"""What became of a publication; a text says why the broker refused it, or that it did not answer."""

NO_ANSWER = "no ack from the broker"


class BusClient(Client):
    """A `Client` that can also listen and publish in bulk."""

    def __init__(self) -> None:
        super().__init__()
        self._takes: dict[int, Take] = {}

    async def listen(self, subject: str, take: Take) -> Subscription:
        """Hand every message on `subject` to `take` as it arrives; end it with `unlisten`."""
        subscription = await self.subscribe(subject, cb=_never)
        self._takes[subscription._id] = take  # noqa: SLF001 - the key that `_process_msg` gets
        return subscription

    async def unlisten(self, subscription: Subscription) -> None:
        """Stop what `listen` began."""
        self._takes.pop(subscription._id, None)  # noqa: SLF001
        if not self.is_closed:
            await subscription.unsubscribe()

    async def send_all(self, commands: Sequence[bytes]) -> None:
        """Send whole protocol commands.

        Raises:
            nats.errors.Error: the connection is closed, or away.
        """
        if self.is_closed:
            raise nats.errors.ConnectionClosedError
        if not self.is_connected:
            raise nats.errors.OutboundBufferLimitError
        for command in commands:
            await self._send_command(command)
        await self._flush_pending()

    async def _process_msg(self, sid: int, subject: bytes, reply: bytes, data: bytes, headers: bytes) -> None:
        take = self._takes.get(sid)
        if take is None:
            await super()._process_msg(sid, subject, reply, data, headers)
            return
        self.stats["in_msgs"] += 1
        self.stats["in_bytes"] += len(data)
        take(subject, reply, data, headers)


class Publisher:
    """Publishes batches of events on a stream, one batch at a time."""

    def __init__(self, client: BusClient) -> None:
        self._client = client
        self._inbox = client.new_inbox()
        self._listening = False
        self._batch = 0
        self._answers: list[Answer] = []
        self._open = 0
        self._complete: asyncio.Future[None] | None = None

    async def publish(self, publications: Sequence[Publication], timeout_seconds: float) -> list[Answer]:
        """What became of each, in their order, after at most `timeout_seconds`.

        Raises:
            nats.errors.Error: the connection is closed, or away.
        """
        if not self._listening:
            await self._client.listen(f"{self._inbox}.*.*", self._take)
            self._listening = True
        commands = self._commands(publications)
        if commands:
            self._open = len(commands)
            self._complete = asyncio.get_running_loop().create_future()
            await self._client.send_all(commands)
            crashpoint("outbox.after_publish")
            await asyncio.wait([self._complete], timeout=timeout_seconds)
        answers, self._answers = self._answers, []
        return answers

    def _commands(self, publications: Sequence[Publication]) -> list[bytes]:
        self._batch += 1
        self._answers = [NO_ANSWER] * len(publications)
        reply = f"{self._inbox}.{self._batch}."
        commands: list[bytes] = []
        for number, one in enumerate(publications):
            length = len(one.header_block)
            whole = length + len(one.payload)
            if whole > self._client.max_payload:
                self._answers[number] = f"{whole} bytes are more than the broker takes"
            elif not one.subject.isprintable() or " " in one.subject or not one.subject:
                self._answers[number] = f"{one.subject!r} is no subject"
            else:
                line = f"HPUB {one.subject} {reply}{number} {length} {whole}\r\n".encode()
                commands.append(b"%b%b%b\r\n" % (line, one.header_block, one.payload))
        return commands

    def _take(self, subject: bytes, reply: bytes, data: bytes, headers: bytes | None) -> None:
        _, batch, place = subject.rsplit(b".", 2)
        number = int(place)
        # An answer to an earlier batch, which was given up, is too late.
        if int(batch) != self._batch or not self._answers or self._answers[number] is not NO_ANSWER:
            return
        self._answers[number] = _answer(data)
        self._open -= 1
        if self._open == 0 and self._complete is not None and not self._complete.done():
            self._complete.set_result(None)


def _answer(data: bytes) -> Answer:
    try:
        read: dict[str, Any] = orjson.loads(data)
        if "error" not in read:
            return Stored(int(read["seq"]), bool(read.get("duplicate", False)))
        return f"the broker refused it: {read['error']}"
    except (ValueError, KeyError):
        # Nobody listens on the subject: a bare status, there is no stream.
        return "no stream takes it"


async def _never(message: Msg) -> None:
    raise AssertionError(f"{message.subject} went the long road")
