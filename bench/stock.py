"""More positions, for the question what size costs."""

from __future__ import annotations

from collections.abc import AsyncIterator

import grpc

from aljibe.inventory.v1 import inventory_pb2, inventory_pb2_grpc
from bench.shop import LOCATIONS, Shop

_PER_MESSAGE = 5_000
_SECONDS = 900.0


async def add_positions(shop: Shop, there: int, wanted: int) -> None:
    """Stock articles that nobody orders until ``wanted`` positions stand, of which ``there`` do already."""
    if wanted <= there:
        return

    async def messages() -> AsyncIterator[inventory_pb2.LoadStockRequest]:
        for start in range(there, wanted, _PER_MESSAGE):
            yield inventory_pb2.LoadStockRequest(
                request_id=f"more/{start}",
                positions=[
                    inventory_pb2.LoadedPosition(
                        sku=f"MORE-{number // LOCATIONS:08d}",
                        location_id=shop.locations[number % LOCATIONS],
                        quantity_units=100,
                    )
                    for number in range(start, min(wanted, start + _PER_MESSAGE))
                ],
            )

    options = [("grpc.enable_http_proxy", 0), ("grpc.max_send_message_length", 16 << 20)]
    async with grpc.aio.insecure_channel(shop.grpc["inventory"], options=options) as channel:
        await inventory_pb2_grpc.StockServiceStub(channel).LoadStock(
            messages(), metadata=(("authorization", f"Bearer {shop.office_token}"),), timeout=_SECONDS
        )
