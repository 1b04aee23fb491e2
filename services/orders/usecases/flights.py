"""One worker per key at a time: who comes while a key is worked on gets that work's answer."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from chassis.refusals import RequestIdReused


@dataclass(slots=True)
class _Flight:
    fingerprint: bytes
    landed: asyncio.Future[bytes | None] | None = None


class Flights:
    """Calls with one key and equal content share one execution within this process."""

    def __init__(self) -> None:
        self._flights: dict[str, _Flight] = {}

    async def fly(
        self, key: str, fingerprint: bytes, request_id: str, work: Callable[[], Awaitable[bytes]]
    ) -> bytes:
        """What `work` returns, here or in the call that flies already.

        When the flying call fails or its caller leaves, one of those who wait flies next: a refusal is
        nobody else's answer.

        Raises:
            RequestIdReused: the flight under way has other content.
        """
        while (flight := self._flights.get(key)) is not None:
            if flight.fingerprint != fingerprint:
                raise RequestIdReused(request_id)
            if flight.landed is None:
                flight.landed = asyncio.get_running_loop().create_future()
            answer = await asyncio.shield(flight.landed)
            if answer is not None:
                return answer
        mine = self._flights[key] = _Flight(fingerprint)
        answer = None
        try:
            answer = await work()
            return answer
        finally:
            del self._flights[key]
            if mine.landed is not None:
                mine.landed.set_result(answer)
