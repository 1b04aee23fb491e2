"""Incidents and suggestions in PostgreSQL."""

from __future__ import annotations

import asyncpg

from chassis import outbox
from chassis.envelope import OutboxEvent
from chassis.postgres import Connection, after_commit
from services.fulfillment.adapters.postgres.orders import Wake, queries
from services.fulfillment.domain.incident import About, Category, Incident, IncidentState, Kind


async def insert(conn: Connection, incident: Incident) -> None:
    """Keep a new one."""
    await conn.execute(
        queries.insert_incident,
        incident.incident_id,
        incident.kind,
        incident.category,
        incident.state,
        incident.text,
        incident.wish,
        incident.about.location_id,
        incident.about.order_id,
        incident.about.fulfillment_order_id,
        incident.about.sku,
        incident.reporter,
        incident.report_time,
        incident.version,
    )


async def find(conn: Connection, incident_id: str, *, lock: bool = False) -> Incident | None:
    """One of them, locked until the end of the transaction when asked to."""
    row = await conn.fetchrow(queries.lock_incident if lock else queries.incident_by_id, incident_id)
    return _incident(row) if row else None


async def save(conn: Connection, incident: Incident) -> None:
    """Store a locked one as it is now."""
    await conn.execute(
        queries.update_incident,
        incident.incident_id,
        incident.state,
        incident.answer,
        incident.answerer,
        incident.answer_time,
        incident.close_time,
        incident.version,
    )


async def tell(conn: Connection, event: OutboxEvent, wake: Wake) -> None:
    """Put the event into the outbox, and wake the relay once it has committed."""
    await outbox.append(conn, [event])
    after_commit(lambda: wake([event]))


async def read_page(
    conn: Connection,
    about: About,
    states: frozenset[IncidentState],
    kind: str,
    before: str,
    limit: int,
) -> list[Incident]:
    """At most `limit` of a location and an order ("": of all) and a kind ("": both), newest first, older than
    `before`.
    """
    wanted = sorted(states)
    location_id = about.location_id
    if about.order_id:
        rows = await conn.fetch(
            queries.incidents_of_order, about.order_id, location_id, wanted, kind, before, limit
        )
    elif location_id:
        rows = await conn.fetch(queries.incidents_of_location, location_id, wanted, kind, before, limit)
    elif IncidentState.CLOSED in states:
        rows = await conn.fetch(queries.all_incidents, wanted, kind, before, limit)
    else:
        rows = await conn.fetch(queries.waiting_incidents, wanted, kind, before, limit)
    return [_incident(row) for row in rows]


def _incident(row: asyncpg.Record) -> Incident:
    return Incident(
        incident_id=row["incident_id"],
        kind=Kind(row["kind"]),
        category=Category(row["category"]),
        state=IncidentState(row["state"]),
        text=row["description"],
        wish=row["wish"],
        about=About(row["location_id"], row["order_id"], row["fulfillment_order_id"], row["sku"]),
        reporter=row["reporter"],
        report_time=row["report_time"],
        answer=row["answer"],
        answerer=row["answerer"],
        answer_time=row["answer_time"],
        close_time=row["close_time"],
        version=row["version"],
    )
