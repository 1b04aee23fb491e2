"""The door to the rules of sourcing, with a planner's token."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from aljibe.orders.v1 import rules_pb2_grpc
from cli.doors import CALL_SECONDS, Metadata, door
from cli.session import Session

ROLE = "planner"


@dataclass(frozen=True)
class RulesDoor:
    """An open door."""

    stub: rules_pb2_grpc.SourcingRulesServiceAsyncStub
    metadata: Metadata

    async def call(self, method: str, request: Any) -> Any:
        """The answer of a method."""
        return await getattr(self.stub, method)(request, metadata=self.metadata, timeout=CALL_SECONDS)


@asynccontextmanager
async def rules_door(session: Session) -> AsyncIterator[RulesDoor]:
    """The door; see `cli.doors.door` for what it raises."""
    async with door(session, "orders", role=ROLE) as orders:
        stub: Any = rules_pb2_grpc.SourcingRulesServiceStub(orders.channel)
        yield RulesDoor(stub, orders.metadata)
