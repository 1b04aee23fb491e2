"""PostgreSQL: one pool per process, explicit transactions, whole-transaction retry of 40001 and 40P01 and of
nothing else.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

import asyncpg

from chassis import metrics
from chassis.refusals import Unavailable
from chassis.settings import ChassisSettings
from chassis.statements import measured

if TYPE_CHECKING:
    from asyncpg.pool import PoolConnectionProxy

    Connection: TypeAlias = PoolConnectionProxy[asyncpg.Record]
    Pool: TypeAlias = asyncpg.Pool[asyncpg.Record]
else:
    Connection = Any
    Pool = asyncpg.Pool

log = logging.getLogger(__name__)
T = TypeVar("T")

# asyncpg asks of every element of an array whether it is a container, by abstract base classes written in
# Python: half of what an array of texts costs. These are the containers that are passed here.
_CONTAINERS: tuple[type, ...] = (list, tuple, set, frozenset, type({}.keys()), type({}.values()))
for _asked in ("IterableABC", "SizedABC"):
    if hasattr(asyncpg.protocol.protocol, _asked):
        setattr(asyncpg.protocol.protocol, _asked, _CONTAINERS)

WHAT = "the database"
STATEMENT_TIMEOUT_MS = 5_000
LOCK_TIMEOUT_MS = 1_000
IDLE_IN_TRANSACTION_TIMEOUT_MS = 10_000
ACQUIRE_TIMEOUT_SECONDS = 5.0
CONNECT_TIMEOUT_SECONDS = 5.0
START_WAIT_SECONDS = 60.0
MAX_ATTEMPTS = 5
RETRY_BASE_SECONDS = 0.005
RETRY_CAP_SECONDS = 0.2
STATEMENT_CACHE_SIZE = 256
KEPT_CONNECTIONS = 4

# The server cannot be reached, is going down, is coming up, has no room, or its disk fails under it: the same
# call may succeed later.
_UNREACHABLE: tuple[type[BaseException], ...] = (
    OSError,
    TimeoutError,
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.TooManyConnectionsError,
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.LockNotAvailableError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.PostgresSystemError,
)
SERIALIZATION = (asyncpg.SerializationError, asyncpg.DeadlockDetectedError)
WAIT_OUT: tuple[type[Exception], ...] = (Unavailable, asyncpg.QueryCanceledError, *SERIALIZATION)
"""A database that is away, too slow or too crowded: what a background loop waits out instead of ending."""


_CONNECTIONS = metrics.gauge(
    "database_connections",
    "connections",
    "Of the pool: those at work, and those that wait for it",
    ("state",),
)

_after_commit: ContextVar[list[Callable[[], None]] | None] = ContextVar("aljibe_after_commit", default=None)


def after_commit(callback: Callable[[], None]) -> None:
    """Call `callback` once the transaction this task is in has committed; if it rolls back, never.

    For what must follow a commit that somebody else makes, such as handing events to the relay from a
    consumer's handler. It must not fail.
    """
    callbacks = _after_commit.get()
    assert callbacks is not None, "not in a transaction"
    callbacks.append(callback)


def is_unreachable(error: BaseException) -> bool:
    """Whether `error` says that the database was away or too busy, not that the statement was wrong."""
    if isinstance(error, Unavailable):
        return True
    if isinstance(error, asyncpg.InterfaceError):
        # asyncpg raises the same class for misuse; a lost connection is only told apart by its text.
        text = str(error)
        return "closed" in text or "closing" in text or "terminated" in text
    return isinstance(error, _UNREACHABLE)


class Kept:
    """Connections of a pool that wait for the next work without going back to it, at most `most`: one stays
    with the pool, for whoever goes to it directly.
    """

    __slots__ = ("asking", "closing", "connections", "most")

    def __init__(self, most: int) -> None:
        self.connections: list[Connection] = []
        self.most = most
        self.asking = 0
        self.closing = False


class Database:
    """A service's own schema in PostgreSQL.

    Errors that mean "not reachable now" leave every method as `Unavailable`; all others pass unchanged.
    """

    def __init__(self, pool: Pool, schema: str, secret: bytes, kept: Kept | None = None) -> None:
        self.pool = pool
        self.schema = schema
        self.kept = kept or Kept(min(KEPT_CONNECTIONS, pool.get_max_size() - 1))
        """Of the pool: another database on the same one must be given it."""
        self.secret = secret
        """The same in every instance of the service and in no other: for signing what only the service itself
        reads.
        """

    @property
    def idle(self) -> int:
        """Connections that wait for work."""
        return self.pool.get_idle_size() + len(self.kept.connections)

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """A pooled connection without a transaction, for single statements."""
        connection = await self._acquire()
        try:
            with _mapped():
                yield connection
        except BaseException:
            await self._release(connection)
            raise
        await self._keep(connection)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """A connection inside a READ COMMITTED transaction: commits when the block ends, rolls back when it
        raises.
        """
        connection = await self._begin()
        outer = _after_commit.get()
        callbacks: list[Callable[[], None]] = []
        _after_commit.set(callbacks)
        try:
            with _mapped():
                try:
                    yield connection
                except BaseException:
                    # A lost connection has rolled back by itself; what the caller must
                    # see is the first error.
                    with suppress(asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
                        await connection.execute("ROLLBACK")
                    raise
                await connection.execute("COMMIT")
        except BaseException:
            _after_commit.set(outer)
            await self._release(connection)
            raise
        _after_commit.set(outer)
        await self._keep(connection)
        for callback in callbacks:
            callback()

    async def run(
        self, fn: Callable[[Connection], Awaitable[T]], *, retry_on: tuple[type[Exception], ...] = ()
    ) -> T:
        """What `fn` returns, its statements committed as one transaction.

        The whole transaction is run again, at most `MAX_ATTEMPTS` times with jitter, on 40001, 40P01
        and the classes in
        `retry_on`; so `fn` must have no effect outside the connection.

        Raises:
            Unavailable: the database cannot be reached, or was lost before it confirmed the
                commit (the commit may have happened).
        """
        retried: tuple[type[Exception], ...] = (*SERIALIZATION, *retry_on)
        attempt = 1
        while True:
            try:
                async with self.transaction() as connection:
                    return await fn(connection)
            except retried:
                if attempt == MAX_ATTEMPTS:
                    raise
            cap = min(RETRY_CAP_SECONDS, RETRY_BASE_SECONDS * 2**attempt)
            await asyncio.sleep(random.uniform(0, cap))
            attempt += 1

    async def close(self) -> None:
        """Return when every connection is closed; connections still in use after a while are cut."""
        self.kept.closing = True
        while self.kept.connections:
            await self._release(self.kept.connections.pop())
        try:
            await asyncio.wait_for(self.pool.close(), ACQUIRE_TIMEOUT_SECONDS)
        except TimeoutError:
            self.pool.terminate()

    async def _acquire(self) -> Connection:
        kept = self.kept
        while kept.connections:
            connection = kept.connections.pop()
            if not _is_lost(connection):
                return connection
            await self._release(connection)
        kept.asking += 1
        try:
            with _mapped():
                return await self.pool.acquire(timeout=ACQUIRE_TIMEOUT_SECONDS)
        finally:
            kept.asking -= 1

    async def _keep(self, connection: Connection) -> None:
        """Keep a connection whose work ended well for the next: giving it to the pool and asking for it again
        costs as much as a statement. Who waits for the pool gets it from there; and no more than a few stay.
        """
        kept = self.kept
        if kept.asking or kept.closing or len(kept.connections) >= kept.most:
            await self._release(connection)
        else:
            kept.connections.append(connection)

    async def _begin(self) -> Connection:
        """A connection on which BEGIN succeeded.

        After a restart of PostgreSQL the pool may still hold connections of before; nothing has run
        yet, so another one is tried.
        """
        tries = self.pool.get_max_size() + 1
        while True:
            tries -= 1
            connection = await self._acquire()
            try:
                await connection.execute("BEGIN")
            except BaseException as error:
                await self._release(connection)
                if not is_unreachable(error):
                    raise
                if tries <= 0:
                    raise Unavailable(WHAT) from error
            else:
                return connection

    async def _release(self, connection: Connection) -> None:
        with suppress(asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
            await self.pool.release(connection)


def _is_lost(connection: Connection) -> bool:
    try:
        return connection.is_closed()
    except asyncpg.InterfaceError:
        # The pool noticed first, and took it back.
        return True


class _mapped:  # noqa: N801 - used like a function
    """Turns errors that mean "not reachable now" into `Unavailable`."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, Exception) and not isinstance(error, Unavailable) and is_unreachable(error):
            raise Unavailable(WHAT) from error


async def connect(settings: ChassisSettings, schema: str) -> Database:
    """The service's database, once it answers.

    Raises:
        Unavailable: it did not answer within `START_WAIT_SECONDS`.
    """
    return await open_database(
        settings.postgres_url,
        schema,
        application_name=settings.service_name or schema,
        min_size=settings.pool_min,
        max_size=settings.pool_max,
    )


async def open_database(
    url: str,
    schema: str,
    *,
    application_name: str = "aljibe",
    min_size: int = 2,
    max_size: int = 8,
    wait_seconds: float = START_WAIT_SECONDS,
) -> Database:
    """A pool on `url` whose sessions see `schema` only; waits at most `wait_seconds` for the server.

    Raises:
        Unavailable: the server did not answer in that time.
    """
    deadline = asyncio.get_running_loop().time() + wait_seconds
    delay = 0.05
    while True:
        try:
            pool = await asyncpg.create_pool(
                url,
                min_size=min(min_size, max_size),
                max_size=max_size,
                timeout=CONNECT_TIMEOUT_SECONDS,
                statement_cache_size=STATEMENT_CACHE_SIZE,
                connection_class=measured(url, schema),
                reset=_no_reset,
                server_settings={
                    "search_path": schema,
                    "statement_timeout": str(STATEMENT_TIMEOUT_MS),
                    "lock_timeout": str(LOCK_TIMEOUT_MS),
                    "idle_in_transaction_session_timeout": str(IDLE_IN_TRANSACTION_TIMEOUT_MS),
                    "application_name": application_name,
                    "timezone": "UTC",
                    "jit": "off",
                },
            )
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            if not is_unreachable(error):
                raise
            if asyncio.get_running_loop().time() + delay > deadline:
                raise Unavailable(WHAT) from error
            log.warning("database.waiting", extra={"reason": str(error)})
            await asyncio.sleep(delay)
            delay = min(1.0, delay * 2)
        else:
            database = Database(pool, schema, f"{schema} {url}".encode())
            _watch(database)
            return database


def _watch(database: Database) -> None:
    _CONNECTIONS.labels("idle").set_function(lambda: float(database.idle))
    _CONNECTIONS.labels("in use").set_function(lambda: float(database.pool.get_size() - database.idle))


async def _no_reset(connection: object) -> None:
    """Save the round trip of asyncpg's reset: nothing here sets session state outside a transaction."""
