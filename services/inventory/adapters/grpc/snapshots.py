"""Batches of a snapshot as messages."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable

from aljibe.inventory.v1 import inventory_pb2 as pb
from chassis.replica import Batch, Block, Row

POSITIONS_PER_MESSAGE = 2_000
BLOCK_POSITIONS_PER_MESSAGE = 20_000


async def messages(
    batches: AsyncIterator[Batch], *, blocks: bool
) -> AsyncIterator[pb.SnapshotAvailabilityResponse]:
    """A snapshot as messages: blocks, several in one, or position by position for whoever does not know
    them.
    """
    message = pb.SnapshotAvailabilityResponse()
    gathered = 0
    async for batch in batches:
        if not (blocks and isinstance(batch, Block)):
            rows = list(batch.rows() if isinstance(batch, Block) else batch)
            for first in range(0, len(rows), POSITIONS_PER_MESSAGE):
                yield _positions(rows[first : first + POSITIONS_PER_MESSAGE])
            continue
        gathered += len(batch.members) * len(batch.groups)
        if gathered > BLOCK_POSITIONS_PER_MESSAGE and message.blocks:
            yield message
            message = pb.SnapshotAvailabilityResponse()
            gathered = len(batch.members) * len(batch.groups)
        message.blocks.add(
            location_ids=batch.members,
            skus=batch.groups,
            available_units=batch.values,
            versions=batch.versions,
        )
    if message.blocks:
        yield message


def _positions(rows: Iterable[Row]) -> pb.SnapshotAvailabilityResponse:
    return pb.SnapshotAvailabilityResponse(
        positions=[
            pb.PositionState(sku=row[0], location_id=row[1], available_units=row[2], version=row[3])
            for row in rows
        ]
    )
