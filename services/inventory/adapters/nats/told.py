"""A database that tells what a consumer's transaction changed, once it has committed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from typing import TypeVar

from chassis.postgres import Connection, Database
from services.inventory.usecases.post import Posted

T = TypeVar("T")

_posted: ContextVar[list[Posted] | None] = ContextVar("inventory_posted", default=None)


class TellingDatabase(Database):
    """The service's database for consumers: what their handlers `note` is told after the commit, and only
    then.
    """

    def __init__(self, db: Database, tell: Callable[[Posted], None]) -> None:
        super().__init__(db.pool, db.schema, db.secret, db.kept)
        self._tell = tell

    async def run(
        self, fn: Callable[[Connection], Awaitable[T]], *, retry_on: tuple[type[Exception], ...] = ()
    ) -> T:
        """See `Database.run`."""
        noted: list[Posted] = []

        async def once(conn: Connection) -> T:
            noted.clear()
            token = _posted.set(noted)
            try:
                return await fn(conn)
            finally:
                _posted.reset(token)

        result = await super().run(once, retry_on=retry_on)
        for posted in noted:
            self._tell(posted)
        return result


def note(posted: Posted) -> bool:
    """Have `posted` told after the commit of the transaction we are in; False when nobody will, as in a
    redrive by hand.
    """
    noted = _posted.get()
    if noted is None:
        return False
    noted.append(posted)
    return True
