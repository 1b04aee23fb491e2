"""A small process for the crash tests: relay and consumer of the kit until killed, or for the seconds given.

Arguments: administrator's database address, NATS address, `place:<count>` or `run`, seconds.
"""

from __future__ import annotations

import asyncio
import sys

from chassis.tests.bus_kit import bus, event

PER_ORDER = 3
ACK_WAIT_SECONDS = 1.0
"""What a killed consumer held comes again after this; the default would only lengthen the test."""


async def main(admin_url: str, nats_url: str, order: str, seconds: float) -> None:
    async with bus(admin_url, nats_url) as kit:
        verb, _, count = order.partition(":")
        if verb == "place":
            # Every order's events commit first, so that the test knows what must arrive
            # whatever happens to this process.
            for n in range(int(count)):
                await kit.place([event(f"ord_{n}", s) for s in range(1, PER_ORDER + 1)], wake=False)
            async with kit.shop.connection() as conn:
                await conn.execute("UPDATE outbox SET claimed_until = now()")
            sys.stdout.write("placed\n")
            sys.stdout.flush()
        kit.start(kit.relay.run)
        kit.start(kit.consumer(batch=8, ack_wait_seconds=ACK_WAIT_SECONDS).run)
        await asyncio.sleep(seconds)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], sys.argv[3], float(sys.argv[4])))
