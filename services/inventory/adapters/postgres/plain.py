"""Plain reservations in PostgreSQL: a group in one call, which is a transaction of its own."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import asyncpg

from chassis import ids
from chassis.postgres import Connection
from services.inventory.adapters.postgres.joined import joined
from services.inventory.adapters.postgres.statements import sql
from services.inventory.domain.plain import Granted, NotPlain, Plain
from services.inventory.domain.reserving import Reserved
from services.inventory.domain.stock import Key, Position


async def grant(conn: Connection, plain: Plain, now: datetime) -> Granted | NotPlain:
    """Grant all members, or none and say who is for the book."""
    made = plain.reservations(now, ids.new_id)
    members, keys = plain.members, sorted(plain.taken)
    picks = [pick for one in members for pick in one.picks]
    separator, (skus, places, reservation_ids, order_ids, channels, of, line_skus, line_places) = joined(
        [sku for sku, _ in keys],
        [place for _, place in keys],
        [one.reservation_id for one in made],
        [one.order_id for one in made],
        [one.channel_id for one in made],
        [one.reservation_id for one in made for _ in one.lines],
        [pick.sku for pick in picks],
        [pick.location_id for pick in picks],
    )
    wanted = [plain.wanted[key] for key in keys]
    attempts = [one.attempt for one in members]
    try:
        row = await conn.fetchrow(
            sql.take_plain,
            separator,
            skus,
            places,
            wanted,
            [plain.taken[key] for key in keys],
            now,
            reservation_ids,
            order_ids,
            attempts,
            channels,
            [one.kept_seconds for one in members],
            of,
            line_skus,
            line_places,
            [pick.quantity_units for pick in picks],
        )
    except (asyncpg.RaiseError, asyncpg.UniqueViolationError):
        found = await conn.fetchrow(sql.not_plain, separator, skus, places, wanted, order_ids, attempts)
        return _in_the_way(plain, keys, *(found or (None, None)))
    assert row is not None
    on_hand, reserved, safety, versions = row
    return Granted(
        [Reserved(one, False) for one in made],
        {
            key: Position(*key, here, kept, safe, version)
            for key, here, kept, safe, version in zip(keys, on_hand, reserved, safety, versions, strict=True)
        },
    )


def _in_the_way(
    plain: Plain, keys: Sequence[Key], unfit: Sequence[int] | None, standing: Sequence[int] | None
) -> NotPlain:
    members = plain.members
    if not unfit and not standing:
        # Gone meanwhile: the book looks again at all of them.
        standing = range(1, len(members) + 1)
    return NotPlain(
        positions=frozenset(keys[number - 1] for number in unfit or ()),
        orders=frozenset(
            (members[number - 1].order_id, members[number - 1].attempt) for number in standing or ()
        ),
    )
