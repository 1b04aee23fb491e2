"""Plain reservations in PostgreSQL: a group in one call, which is a transaction of its own."""

from __future__ import annotations

from datetime import datetime

from chassis import ids
from chassis.postgres import Connection
from services.inventory.adapters.postgres.joined import joined
from services.inventory.adapters.postgres.statements import sql
from services.inventory.domain.plain import Granted, NotPlain, Plain
from services.inventory.domain.reserving import Reserved
from services.inventory.domain.stock import Position


async def grant(conn: Connection, plain: Plain, now: datetime) -> Granted | NotPlain:
    """Grant all members, or none and say who is for the book."""
    made = plain.reservations(now, ids.new_id)
    members, keys = plain.members, sorted(plain.taken)
    lines = [(one.reservation_id, line) for one in made for line in one.lines]
    separator, (skus, places, reservation_ids, order_ids, channels, of, line_skus, line_places) = joined(
        [sku for sku, _ in keys],
        [place for _, place in keys],
        [one.reservation_id for one in made],
        [one.order_id for one in made],
        [one.channel_id for one in made],
        [reservation_id for reservation_id, _ in lines],
        [line.sku for _, line in lines],
        [line.location_id for _, line in lines],
    )
    row = await conn.fetchrow(
        sql.reserve_plain,
        separator,
        skus,
        places,
        [plain.wanted[key] for key in keys],
        [plain.taken[key] for key in keys],
        now,
        reservation_ids,
        order_ids,
        [one.attempt for one in members],
        channels,
        [one.kept_seconds for one in members],
        of,
        line_skus,
        line_places,
        [line.quantity_units for _, line in lines],
    )
    assert row is not None
    on_hand, reserved, safety, versions, unfit, standing = row
    if standing is not None:
        return NotPlain(
            orders=frozenset((made[number - 1].order_id, made[number - 1].attempt) for number in standing)
        )
    if unfit is not None:
        return NotPlain(positions=frozenset(keys[number - 1] for number in unfit))
    return Granted(
        [Reserved(one, existed=False) for one in made],
        [
            Position(sku, place, *counters)
            for (sku, place), *counters in zip(keys, on_hand, reserved, safety, versions, strict=True)
        ],
    )
