"""The desk where commands arrive: groups them, posts each group in one transaction, and tells who must know
after the commit.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from chassis.crashpoint import crashpoint
from chassis.groups import GroupCommit
from chassis.refusals import DeadlineExceeded
from services.inventory.domain.reserving import Reserve
from services.inventory.domain.stock import Key, Position
from services.inventory.usecases.ports import StockStore
from services.inventory.usecases.post import Posted, Submission
from services.inventory.usecases.reserve import PlainFirst

MAX_GROUP = 256
MAX_QUEUE = 4_096
MAX_BATCH_GROUP = 4
MAX_BATCH_QUEUE = 64
LANES = 2
BATCHES = "stock_batch"


@dataclass(frozen=True, slots=True)
class BatchOutcome:
    """What became of the members of a batch, and the positions that their transaction saw."""

    outcomes: Sequence[Any]
    seen: Mapping[Key, Position]


_NOTHING = Posted([], [], (), {})


class StockDesk:
    """Takes commands one by one or in batches. Two lanes each: while one group waits for the disk, the next
    is decided; rows that both want are waited for in the lock order. Reservations go with their like: a group
    of nothing else can be granted in one call.
    """

    def __init__(self, store: StockStore, tell: Callable[[Posted], None]) -> None:
        self._tell = tell
        self._poster = PlainFirst(store, self._told)
        self._singles: GroupCommit[Submission, Any] = GroupCommit(
            "stock", self._post, max_group=MAX_GROUP, max_queue=MAX_QUEUE, lanes=LANES
        )
        self._reserves: GroupCommit[Submission, Any] = GroupCommit(
            "reserve", self._post, max_group=MAX_GROUP, max_queue=MAX_QUEUE, lanes=LANES, gather=True
        )
        self._batches: GroupCommit[Sequence[Submission], BatchOutcome] = GroupCommit(
            BATCHES,
            self._post_batches,
            max_group=MAX_BATCH_GROUP,
            max_queue=MAX_BATCH_QUEUE,
            lanes=LANES,
        )

    async def submit(self, submission: Submission) -> Any:
        """The outcome of one command, in wire form if it is marked.

        Raises:
            Refusal: the command was refused; nothing of it stands.
            Overloaded, DeadlineExceeded, Unavailable: nothing was done, or its answer awaits a repeat.
        """
        group = self._reserves if type(submission.command) is Reserve else self._singles
        return await group.submit(submission)

    async def submit_batch(self, submissions: Sequence[Submission]) -> BatchOutcome:
        """The outcomes of commands that came together; one that was refused, or came to its turn too late,
        has its refusal for an outcome.
        """
        return await self._batches.submit(submissions)

    async def submit_alone(self, submission: Submission) -> Any:
        """The outcome of a command that must be posted in a transaction of its own.

        Raises:
            Refusal: the command was refused; nothing of it stands.
        """
        (outcome,) = (await self._post_told([submission])).outcomes
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    async def close(self) -> None:
        """Return when every group is done."""
        await self._singles.close()
        await self._reserves.close()
        await self._batches.close()

    async def _post(self, submissions: Sequence[Submission]) -> Sequence[Any]:
        return (await self._post_told(submissions)).outcomes

    async def _post_batches(self, batches: Sequence[Sequence[Submission]]) -> Sequence[BatchOutcome]:
        now = time.monotonic()
        due = [one for batch in batches for one in batch if one.deadline > now]
        posted = await self._post_told(due) if due else _NOTHING
        done = iter(posted.outcomes)
        return [
            BatchOutcome(
                [next(done) if one.deadline > now else DeadlineExceeded(BATCHES) for one in batch],
                posted.seen,
            )
            for batch in batches
        ]

    async def _post_told(self, submissions: Sequence[Submission]) -> Posted:
        crashpoint("group.before_transaction")
        return await self._poster.post(submissions)

    def _told(self, posted: Posted) -> None:
        crashpoint("group.after_commit")
        self._tell(posted)
