"""What a consumer does about messages whose predecessor is missing.

Such a message waits (nak, `GAP_WAIT_SECONDS`). If it still does after `GAP_ASK_SECONDS`, the source is asked
to send the aggregate's missing part again; when the source answers that it has nothing there that the
consumer's filter lets through, the gap is none. Which message precedes which is told by `chassis/history.py`;
a consumer with a filter of another make cannot see gaps.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from chassis import inbox
from chassis.bus_client import BusClient
from chassis.envelope import Incoming, Poison, service_of
from chassis.inbox import Aggregate
from chassis.postgres import Database
from chassis.streams import BROKER_ERRORS, replay_subject

log = logging.getLogger(__name__)

GAP_WAIT_SECONDS = 0.5
GAP_ASK_SECONDS = 3.0
GAP_ASK_AGAIN_SECONDS = 10.0
GAP_ASK_TIMEOUT_SECONDS = 2.0
MAX_GAPS = 10_000

_NO_ANSWER: tuple[type[Exception], ...] = (Poison, ValueError, KeyError, *BROKER_ERRORS)


@dataclass(slots=True)
class _Gap:
    since: float
    asked: float | None = None


class Gaps:
    """The gaps that one consumer waits to see closed; forgotten with the process, and then noticed again."""

    def __init__(
        self,
        consumer: str,
        db: Database,
        client: BusClient,
        filters: Sequence[str],
        predecessor: Callable[[Incoming], int],
    ) -> None:
        self.confirmed: dict[Aggregate, int] = {}
        """Up to which sequence the source itself has nothing that the consumer lacks."""
        self._consumer = consumer
        self._db = db
        self._client = client
        self._filters = tuple(filters)
        self._predecessor = predecessor
        self._open: dict[Aggregate, _Gap] = {}

    def closed(self, settled: Iterable[Incoming]) -> None:
        """Nothing is missing before these any more."""
        if self._open:
            for message in settled:
                self._open.pop(message.aggregate, None)

    async def noticed(self, message: Incoming) -> None:
        """Something is missing before `message`: remember it, and ask for it when it is time."""
        now = asyncio.get_running_loop().time()
        gap = self._open.get(message.aggregate)
        if gap is None:
            if len(self._open) >= MAX_GAPS:
                self._open.clear()
            gap = self._open[message.aggregate] = _Gap(now)
        # Without a history (of an older release, or a long one) most gaps are none: only the source can tell.
        patience = GAP_ASK_SECONDS if message.history is not None else 0.0
        again = gap.asked is not None and now - gap.asked < GAP_ASK_AGAIN_SECONDS
        if now - gap.since < patience or again:
            return
        gap.asked = now
        await self._ask(message)

    async def _ask(self, message: Incoming) -> None:
        async with self._db.connection() as conn:
            known = await inbox.read(conn, self._consumer, [message])
        if message.aggregate in known.failing:
            # The predecessor is here and waits for its next try.
            return
        last = self._predecessor(message)
        wish = {
            "aggregate_type": message.aggregate_type,
            "aggregate_id": message.aggregate_id,
            "first": known.cursors.get(message.aggregate, 0) + 1,
            "last": last,
            "filters": list(self._filters),
        }
        log.warning("consumer.gap", extra={"consumer": self._consumer, **wish})
        try:
            answer = await self._client.request(
                replay_subject(service_of(message.source)), json.dumps(wish).encode(), GAP_ASK_TIMEOUT_SECONDS
            )
            events = int(json.loads(answer.data)["events"])
        except _NO_ANSWER as error:
            log.warning("consumer.gap.unanswered", extra={"consumer": self._consumer, "reason": repr(error)})
            return
        if events == 0:
            if len(self.confirmed) >= MAX_GAPS:
                self.confirmed.clear()
            self.confirmed[message.aggregate] = last
