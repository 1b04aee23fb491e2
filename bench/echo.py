"""A bare gRPC echo of an order-sized message: what `grpc.aio` on uvloop can do with nothing behind it."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from typing import Any

import grpc
import uvloop

from aljibe.orders.v1 import orders_pb2

UNARY = "/bench.Echo/Unary"
STREAM = "/bench.Echo/Stream"
Context = grpc.aio.ServicerContext[Any, Any]


def message() -> orders_pb2.PlanPart:
    """An id and two lines."""
    return orders_pb2.PlanPart(
        fulfillment_order_id="ord_01h455vb4pex5vsknk084sn02q",
        lines=[
            orders_pb2.PlanLine(line_number=number, sku="SKU-0012345", quantity_units=1) for number in (1, 2)
        ],
    )


async def _unary(request: orders_pb2.PlanPart, context: Context) -> orders_pb2.PlanPart:
    return request


async def _stream(
    requests: AsyncIterator[orders_pb2.PlanPart], context: Context
) -> AsyncIterator[orders_pb2.PlanPart]:
    async for request in requests:
        yield request


async def serve() -> None:
    """Serve on a free port of loopback, told on standard output, until standard input ends."""
    server = grpc.aio.server()
    parse = orders_pb2.PlanPart.FromString
    write = orders_pb2.PlanPart.SerializeToString
    handlers: dict[str, grpc.RpcMethodHandler[Any, Any]] = {
        "Unary": grpc.unary_unary_rpc_method_handler(_unary, parse, write),
        "Stream": grpc.stream_stream_rpc_method_handler(_stream, parse, write),
    }
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("bench.Echo", handlers),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    print(port, flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    await server.stop(0)


if __name__ == "__main__":
    uvloop.run(serve())
