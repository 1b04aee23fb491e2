"""Post commands to the stock: a group in one transaction, each member granted or refused by itself, in order
of arrival.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import inf
from typing import Any

from chassis.refusals import RequestIdReused
from services.inventory.domain.backorder import Terms
from services.inventory.domain.book import Book, Command
from services.inventory.domain.expected import Supply
from services.inventory.domain.needs import Needs
from services.inventory.domain.pool import POOL
from services.inventory.domain.refusals import Refusal
from services.inventory.domain.stock import Key, Position
from services.inventory.usecases.ports import Answer, StockStore, Transaction


@dataclass(frozen=True, slots=True)
class Mark:
    """What identifies a request, so that a repeat gets the first answer."""

    key: str
    fingerprint: bytes
    request_id: str
    encode: Callable[[Any], bytes]
    """From the command's outcome to the answer in wire form."""


@dataclass(slots=True)
class Submission:
    """A command, and the request it serves unless it has an identity of its own."""

    command: Command[Any]
    mark: Mark | None = None
    traceparent: str | None = None
    deadline: float = inf
    """When it is too late to begin, on `time.monotonic()`; of a member of a batch, whose caller waits for
    each by itself.
    """


@dataclass(slots=True)
class Posted:
    """What became of a group."""

    outcomes: list[Any]
    """One a submission: the command's outcome (in wire form if it was marked), or the exception it was
    refused with.
    """
    changed: list[Position]
    """Positions and pools as they are now, for those who keep copies."""
    events: Sequence[Any]
    """For the relay."""
    seen: Mapping[Key, Position]
    """Every position that was looked at, and the pools that had a say, as they are now."""
    supplies: Sequence[Supply] = ()
    """Supplies that are new or have changed, for those who keep copies."""
    terms: Sequence[Terms] = ()
    """And terms of backorders."""


async def post(store: StockStore, submissions: Sequence[Submission]) -> Posted:
    """Apply `submissions` in one transaction of their own."""

    async def work(transaction: Transaction) -> Posted:
        return await post_in(transaction, submissions)

    return await store.run(work)


async def post_in(transaction: Transaction, submissions: Sequence[Submission]) -> Posted:
    """Apply `submissions` in a transaction that is open already."""
    keys = [submission.mark.key for submission in submissions if submission.mark is not None]
    known = dict(await transaction.answers(keys)) if keys else {}
    needs = Needs()
    for submission in submissions:
        if submission.mark is None or submission.mark.key not in known:
            submission.command.needs(needs)
    book = await transaction.load(needs)
    outcomes: list[Any] = []
    fresh: list[Answer] = []
    traces: list[str | None] = []
    for submission in submissions:
        try:
            outcomes.append(_apply(book, submission, known, fresh))
        except (Refusal, RequestIdReused) as refusal:
            outcomes.append(refusal)
        traces += [submission.traceparent] * (len(book.events) - len(traces))
    events = await transaction.save(book, traces)
    if fresh:
        await transaction.keep(fresh)
    return posted(book, outcomes, events)


def posted(book: Book, outcomes: list[Any], events: Sequence[Any]) -> Posted:
    """What became of a group, once its changes are saved."""
    changed = list(book.changed_positions.values())
    papers = (*book.new_documents.values(), *book.changed_documents.values())
    supplies = [one for one in papers if isinstance(one, Supply)]
    terms = [one for one in papers if isinstance(one, Terms)]
    if not book.pools:
        return Posted(outcomes, changed, events, book.positions, supplies, terms)
    changed += [pool.as_position() for pool in book.changed_pools.values()]
    changed += [figure for control in book.controls.told.values() for figure in control.as_positions()]
    pools = {(pool.sku, POOL): pool.as_position() for pool in book.pools.values()}
    figures = {
        figure.key: figure
        for pool in book.pools.values()
        for control in pool.controls.values()
        for figure in control.as_positions()
    }
    return Posted(outcomes, changed, events, {**book.positions, **pools, **figures}, supplies, terms)


def _apply(book: Book, submission: Submission, known: dict[str, Answer], fresh: list[Answer]) -> Any:
    mark = submission.mark
    if mark is None:
        return submission.command.apply(book)
    before = known.get(mark.key)
    if before is None:
        response = mark.encode(submission.command.apply(book))
        before = known[mark.key] = Answer(mark.key, mark.fingerprint, response)
        fresh.append(before)
    elif before.fingerprint != mark.fingerprint:
        raise RequestIdReused(mark.request_id)
    return before.response
