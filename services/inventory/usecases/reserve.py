"""Post groups: plain reservations in one call, all others, and all other commands, by the book."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from services.inventory.domain.plain import Granted, Plain, plain_of
from services.inventory.domain.reserving import Reserve
from services.inventory.domain.stock import Key
from services.inventory.usecases.ports import StockStore
from services.inventory.usecases.post import Posted, Submission, post

MAX_TRIES = 2
UNFIT_SECONDS = 1.0
MAX_UNFIT = 10_000


class PlainFirst:
    """Posts a group of reservations: those that are plain first, then the others in order of arrival.

    Positions that did not fit lately, for they are short or guarded, are not tried again for a while: who
    wants units there goes to the book at once.
    """

    def __init__(self, store: StockStore, tell: Callable[[Posted], None]) -> None:
        self._store = store
        self._tell = tell
        self._unfit: dict[Key, float] = {}

    async def post(self, submissions: Sequence[Submission]) -> Posted:
        """Apply `submissions`, and tell what became of them as soon as it is committed.

        A group with any other command than reservations goes to the book as it is.
        """
        commands = [submission.command for submission in submissions if type(submission.command) is Reserve]
        if len(commands) < len(submissions):
            return await self._by_book(submissions)
        granted, plain = await self._grant(commands)
        if granted is None:
            return await self._by_book(submissions)
        outcomes: list[Any] = [None] * len(submissions)
        for place, outcome in zip(plain.places, granted.outcomes, strict=True):
            outcomes[place] = outcome
        done = Posted(outcomes, list(granted.positions.values()), (), granted.positions)
        self._tell(done)
        if len(plain.places) == len(submissions):
            return done
        taken = set(plain.places)
        others = [place for place in range(len(submissions)) if place not in taken]
        rest = await self._by_book([submissions[place] for place in others])
        for place, outcome in zip(others, rest.outcomes, strict=True):
            outcomes[place] = outcome
        return replace(
            rest, outcomes=outcomes, changed=done.changed + rest.changed, seen={**done.seen, **rest.seen}
        )

    async def _grant(self, commands: Sequence[Reserve]) -> tuple[Granted | None, Plain]:
        unfit = self._unfit_now()
        standing: set[tuple[str, int]] = set()
        plain = plain_of(commands, unfit)
        for _ in range(MAX_TRIES):
            if not plain.members:
                break
            done = await self._store.grant(plain)
            if isinstance(done, Granted):
                return done, plain
            unfit.update(dict.fromkeys(done.positions, time.monotonic() + UNFIT_SECONDS))
            standing.update(done.orders)
            plain = plain_of(commands, unfit, standing)
        return None, plain

    def _unfit_now(self) -> dict[Key, float]:
        if self._unfit:
            now = time.monotonic()
            if len(self._unfit) > MAX_UNFIT:
                self._unfit.clear()
            for key in [key for key, until in self._unfit.items() if until <= now]:
                del self._unfit[key]
        return self._unfit

    async def _by_book(self, submissions: Sequence[Submission]) -> Posted:
        posted = await post(self._store, submissions)
        self._tell(posted)
        return posted
