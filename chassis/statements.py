"""Connections that measure their statements, and give each a span where the trace is sampled.

A statement goes by the name that it has in its `queries.sql`; one that has none by its verb and table, such
as `INSERT outbox`. Parameters appear nowhere.
"""

from __future__ import annotations

import re
import time
from collections.abc import Awaitable, Iterable, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar
from urllib.parse import urlsplit

import asyncpg
from prometheus_client import Histogram

from chassis import metrics, sql, telemetry
from chassis.conventions import (
    DB_NAMESPACE,
    DB_OPERATION_NAME,
    DB_QUERY_SUMMARY,
    DB_RESPONSE_STATUS_CODE,
    DB_SYSTEM_NAME,
    SERVER_ADDRESS,
    SERVER_PORT,
)

T = TypeVar("T")

if TYPE_CHECKING:
    Base = asyncpg.Connection[asyncpg.Record]
else:
    Base = asyncpg.Connection

_COMMENT = re.compile(r"--[^\n]*")
_EFFECT = re.compile(r"\b(INSERT\s+INTO|(?<!FOR )(?<!DO )UPDATE|DELETE\s+FROM)\s+([a-z_]+)", re.IGNORECASE)
_FROM = re.compile(r"\bFROM\s+([a-z_]+)\b(?!\s*\()", re.IGNORECASE)
_BEGIN = "BEGIN"

_SECONDS = metrics.Series(
    metrics.histogram(
        "database_seconds",
        "s",
        "Time of a statement, the wait for locks included",
        ("query",),
        metrics.STATEMENT_BUCKETS,
    )
)


class _Statement(NamedTuple):
    name: str
    operation: str
    seconds: Histogram


class MeasuredConnection(Base):
    """A connection whose statements are measured. Make a class for a database with `measured`."""

    __slots__ = ()
    attributes: Mapping[str, telemetry.Attribute] = {}

    def execute(self, query: str, *args: Any, timeout: float | None = None) -> Any:
        """See asyncpg."""
        return self._measured(query, super().execute(query, *args, timeout=timeout))

    def executemany(self, command: str, args: Iterable[Any], *, timeout: float | None = None) -> Any:
        """See asyncpg."""
        return self._measured(command, super().executemany(command, args, timeout=timeout))

    def fetch(self, query: str, *args: Any, timeout: float | None = None, record_class: Any = None) -> Any:
        """See asyncpg."""
        return self._measured(query, super().fetch(query, *args, timeout=timeout, record_class=record_class))

    def fetchrow(self, query: str, *args: Any, timeout: float | None = None, record_class: Any = None) -> Any:
        """See asyncpg."""
        return self._measured(
            query, super().fetchrow(query, *args, timeout=timeout, record_class=record_class)
        )

    def fetchval(self, query: str, *args: Any, column: int = 0, timeout: float | None = None) -> Any:
        """See asyncpg."""
        return self._measured(query, super().fetchval(query, *args, column=column, timeout=timeout))

    async def _measured(self, query: str, running: Awaitable[T]) -> T:
        statement = _statement(query)
        span = telemetry.child(statement.name, telemetry.Kind.CLIENT) if statement.name != _BEGIN else None
        started = time.monotonic()
        try:
            result = await running
        except BaseException as error:
            if span is not None:
                self._describe(span, statement)
                span.raised(error)
                if isinstance(error, asyncpg.PostgresError) and error.sqlstate:
                    span.attributes[DB_RESPONSE_STATUS_CODE] = error.sqlstate
                telemetry.finish(span)
            raise
        seconds = time.monotonic() - started
        if span is None:
            statement.seconds.observe(seconds)
        else:
            self._describe(span, statement)
            telemetry.finish(span)
            statement.seconds.observe(seconds, telemetry.exemplar(span.traceparent))
        return result

    def _describe(self, span: telemetry.Span, statement: _Statement) -> None:
        span.attributes.update(self.attributes)
        span.attributes[DB_OPERATION_NAME] = statement.operation
        span.attributes[DB_QUERY_SUMMARY] = statement.name


def measured(url: str, schema: str) -> type[MeasuredConnection]:
    """The class of connections to the database at `url`, seeing `schema`."""
    parts = urlsplit(url)
    attributes: dict[str, telemetry.Attribute] = {
        DB_SYSTEM_NAME: "postgresql",
        DB_NAMESPACE: f"{parts.path.lstrip('/')}|{schema}",
    }
    if parts.hostname:
        attributes |= {SERVER_ADDRESS: parts.hostname, SERVER_PORT: parts.port or 5432}
    return type("MeasuredConnection", (MeasuredConnection,), {"attributes": attributes, "__slots__": ()})


@lru_cache(maxsize=2048)
def _statement(query: str) -> _Statement:
    operation, table = _verb(query)
    name = sql.name_of(query) or f"{operation} {table}".strip()
    return _Statement(name, operation, _SECONDS.of(name))


def _verb(query: str) -> tuple[str, str]:
    """What a statement does and to which table; of several the first."""
    bare = _COMMENT.sub("", query).strip()
    effect = _EFFECT.search(bare)
    if effect is not None:
        return effect[1].split()[0].upper(), effect[2]
    verb = bare.split(None, 1)[0].upper().rstrip(";") if bare else ""
    if verb in ("SELECT", "WITH"):
        found = _FROM.search(bare)
        return "SELECT", found[1] if found is not None else ""
    return verb, ""
