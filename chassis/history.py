"""What an aggregate told before an event: of each kind of event the highest sequence so far.

It travels with every event but an aggregate's first, in the header `ce-history`, and lets a consumer that
hears of some kinds only see a gap among them: the last of *its* kinds before a message must be settled first.
The relay works it out when it publishes, from the events it publishes together and else from the outbox.
Where that no longer holds all that the aggregate told, the header is left out, and the consumer asks.
See ADR-0018.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from chassis.envelope import Incoming, OutboxEvent, kebab
from chassis.postgres import Connection

MAX_LOOKED_AT = 500
"""Events of one aggregate before another that the relay reads; after more than these the consumer asks."""

_OF_TABLE = """
SELECT e.id, h.history
FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[]) AS e(id, aggregate_type, aggregate_id, sequence)
CROSS JOIN LATERAL (
  SELECT string_agg(k.kind || '=' || k.last, ',') AS history, sum(k.events) AS events
  FROM (SELECT split_part(o.subject, '.', 4) AS kind, max(o.sequence) AS last, count(*) AS events
        FROM outbox o
        WHERE o.aggregate_type = e.aggregate_type AND o.aggregate_id = e.aggregate_id
          AND o.sequence < e.sequence AND o.sequence >= e.sequence - $5
        GROUP BY 1) k
  OFFSET 0) h
WHERE h.events = e.sequence - 1
"""


def kind_of(subject: str) -> str:
    """`order-accepted` of `aljibe.orders.v1.order-accepted.ord_01h…`; "" when the subject is none of ours."""
    parts = subject.split(".", 4)
    return parts[3] if len(parts) > 4 else ""


def kinds_of(types: Collection[str]) -> frozenset[str]:
    """The kinds behind full message names such as `aljibe.orders.v1.OrderAccepted`."""
    return frozenset(kebab(name.rpartition(".")[2]) for name in types)


def written(history: Mapping[str, int]) -> str:
    """As it stands in the header."""
    return ",".join(f"{kind}={sequence}" for kind, sequence in history.items())


def predecessor(message: Incoming, kinds: frozenset[str] | None) -> int:
    """The sequence that must be settled before `message`, for whoever hears `kinds` (None: all); 0 if none.

    Without a history it is the number before the message's own: that may be of another kind, which the source
    then confirms.
    """
    if message.sequence <= 1:
        return 0
    if kinds is None or message.history is None:
        return message.sequence - 1
    return max(
        (last for kind, last in message.history.items() if kind in kinds and last < message.sequence),
        default=0,
    )


def among(events: Sequence[OutboxEvent]) -> tuple[dict[str, str], list[OutboxEvent]]:
    """The histories, by event id, that `events` themselves tell, and the events whose history they do not."""
    found: dict[str, str] = {}
    missing: list[OutboxEvent] = []
    told: dict[tuple[str, str], tuple[int, dict[str, int]]] = {}
    for event in events:
        aggregate = (event.aggregate_type, event.aggregate_id)
        if event.sequence == 1:
            told[aggregate] = (1, {kind_of(event.subject): 1})
            continue
        last, history = told.get(aggregate, (0, {}))
        if last != event.sequence - 1:
            missing.append(event)
            continue
        found[event.id] = written(history)
        told[aggregate] = (event.sequence, {**history, kind_of(event.subject): event.sequence})
    return found, missing


async def of_table(conn: Connection, events: Sequence[OutboxEvent]) -> dict[str, str]:
    """The histories of `events` by id, as far as the outbox knows everything before them."""
    rows = await conn.fetch(
        _OF_TABLE,
        [event.id for event in events],
        [event.aggregate_type for event in events],
        [event.aggregate_id for event in events],
        [event.sequence for event in events],
        MAX_LOOKED_AT,
    )
    return {row[0]: row[1] for row in rows}
