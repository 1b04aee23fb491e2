"""End held reservations, and holds, whose time is over, a batch a transaction, each exactly once however many
instances do it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime

from services.inventory.domain.book import Command
from services.inventory.domain.needs import Needs
from services.inventory.domain.reserving import Expire
from services.inventory.usecases.ports import StockStore, Transaction
from services.inventory.usecases.post import Posted, posted

EXPIRY_BATCH = 200


async def expire_some(
    store: StockStore,
    find: Callable[[datetime, int], Awaitable[Sequence[str]]],
    now: datetime,
    expire: Callable[[str], Command[bool]] = Expire,
) -> Posted:
    """Expire up to `EXPIRY_BATCH` reservations, or holds with `expire` = `ExpireHold`; `outcomes` says of
    each found whether it ended now.

    `find` names candidates without locking them; each is judged again under its lock, and one that somebody
    else holds is left for the next round.
    """
    ids = await find(now, EXPIRY_BATCH)
    if not ids:
        return Posted([], [], [], {})

    async def work(transaction: Transaction) -> Posted:
        commands = [expire(one) for one in ids]
        needs = Needs()
        for command in commands:
            command.needs(needs)
        book = await transaction.load(needs, skip_locked=True)
        outcomes = [command.apply(book) for command in commands]
        events = await transaction.save(book, [None] * len(book.events))
        return posted(book, outcomes, events)

    return await store.run(work)
