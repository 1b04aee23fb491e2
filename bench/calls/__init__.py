"""What callers do: the calls of each kind of load.

Requests are prepared as far as they can be, since the generator shares the platform's cores; a gRPC request
is its own id followed by a body made before, for protobuf reads two messages in a row as one.
"""

from __future__ import annotations

from bench.calls.caller import Caller, Refused
from bench.calls.echo import EchoStream, EchoUnary
from bench.calls.http import AvailabilityHttp, LastUnit, PlaceHttp, WebSequence
from bench.calls.orders import PlaceGrpc, PlaceHot
from bench.calls.stock import AvailabilityGrpc, ReserveHot, ReserveStream, ReserveUnary

CALLERS: dict[str, type[Caller]] = {
    "place_grpc": PlaceGrpc,
    "place_hot": PlaceHot,
    "place_http": PlaceHttp,
    "web_sequence": WebSequence,
    "last_unit": LastUnit,
    "reserve_unary": ReserveUnary,
    "reserve_hot": ReserveHot,
    "reserve_stream": ReserveStream,
    "availability_grpc": AvailabilityGrpc,
    "availability_http": AvailabilityHttp,
    "echo_unary": EchoUnary,
    "echo_stream": EchoStream,
}

__all__ = ["CALLERS", "Caller", "Refused"]
