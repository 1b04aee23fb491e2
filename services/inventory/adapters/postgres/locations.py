"""Locations in PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import orjson

from services.inventory.adapters.postgres.statements import sql
from services.inventory.domain.location import Address, Capability, Holiday, Hours, Kind, Location
from services.inventory.domain.refusals import LocationUnknown

if TYPE_CHECKING:
    import asyncpg

    from chassis.postgres import Connection, Database


async def upsert(conn: Connection, locations: Sequence[Location]) -> list[tuple[Location, int]]:
    """Create or replace `locations`; gives those that changed, each with the number of its event."""
    rows = await conn.fetch(sql.lock_locations, [one.location_id for one in locations])
    before = {row["location_id"]: location_of(row) for row in rows}
    changed = {one.location_id: one for one in locations if before.get(one.location_id) != one}
    if not changed:
        return []
    new = list(changed.values())
    saved = await conn.fetch(
        sql.save_locations,
        [one.location_id for one in new],
        [one.name for one in new],
        [one.kind for one in new],
        [_address_text(one.address) for one in new],
        [one.address.latitude for one in new],
        [one.address.longitude for one in new],
        [one.time_zone for one in new],
        [
            orjson.dumps([[h.weekday, h.open_minute, h.close_minute] for h in one.hours]).decode()
            for one in new
        ],
        [orjson.dumps([int(capability) for capability in one.capabilities]).decode() for one in new],
        [one.active for one in new],
        [orjson.dumps([[day.date, day.hours] for day in one.holidays]).decode() for one in new],
        [one.ship_cut_off_minute for one in new],
        [one.preparation_minutes for one in new],
        [one.daily_capacity_units for one in new],
        [orjson.dumps(one.handover_days).decode() for one in new],
    )
    return [(changed[row["location_id"]], row["event_sequence"]) for row in saved]


async def get(db: Database, location_id: str) -> Location:
    """One location.

    Raises:
        LocationUnknown: there is none.
    """
    async with db.connection() as conn:
        row = await conn.fetchrow(sql.find_location, location_id)
    if row is None:
        raise LocationUnknown(location_id)
    return location_of(row)


async def page(db: Database, after: str, limit: int) -> list[Location]:
    """Up to `limit` locations behind `after`, in order of their id."""
    async with db.connection() as conn:
        return [location_of(row) for row in await conn.fetch(sql.list_locations, after, limit)]


async def activity(db: Database) -> dict[str, bool]:
    """All locations, and whether they take orders."""
    async with db.connection() as conn:
        return {row[0]: row[1] for row in await conn.fetch(sql.activity_of_locations)}


def location_of(row: asyncpg.Record) -> Location:
    """A location from its row."""
    address = orjson.loads(row["address"])
    return Location(
        row["location_id"],
        row["name"],
        Kind(row["kind"]),
        Address(
            address["recipient"],
            tuple(address["street_lines"]),
            address["city"],
            address["region"],
            address["postal_code"],
            address["country_code"],
            row["latitude"],
            row["longitude"],
        ),
        row["time_zone"],
        tuple(Hours(*interval) for interval in orjson.loads(row["hours"])),
        tuple(Capability(capability) for capability in row["capabilities"]),
        row["active"],
        tuple(
            Holiday(date, tuple((opening, closing) for opening, closing in hours))
            for date, hours in orjson.loads(row["holidays"])
        ),
        row["ship_cut_off_minute"],
        row["preparation_minutes"],
        row["daily_capacity_units"],
        tuple(row["handover_days"]),
    )


def _address_text(address: Address) -> str:
    return orjson.dumps(
        {
            "recipient": address.recipient,
            "street_lines": list(address.street_lines),
            "city": address.city,
            "region": address.region,
            "postal_code": address.postal_code,
            "country_code": address.country_code,
        }
    ).decode()
