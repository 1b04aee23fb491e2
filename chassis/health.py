"""Whether a server serves, by grpc.health.v1."""

from __future__ import annotations

import grpc
from grpc_health.v1 import health_pb2

_METHOD = "/grpc.health.v1.Health/Check"


async def serves(channel: grpc.aio.Channel, seconds: float) -> bool:
    """Whether the server says within `seconds` that it serves; one that cannot be reached does not."""
    check = channel.unary_unary(
        _METHOD,
        request_serializer=health_pb2.HealthCheckRequest.SerializeToString,
        response_deserializer=health_pb2.HealthCheckResponse.FromString,
    )
    try:
        answer = await check(health_pb2.HealthCheckRequest(), timeout=seconds)
    except grpc.aio.AioRpcError:
        return False
    return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)
