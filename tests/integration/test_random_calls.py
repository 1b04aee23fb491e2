"""Whatever is asked of a service, it answers or refuses; it is never at fault, and its books agree."""

from __future__ import annotations

import asyncio

from chassis.auth import TokenMinter
from tests.integration.aftermath import no_dead_letters, own_platform
from tests.integration.random_calls import RandomCaller
from tests.integration.random_http import RandomHttpCaller

SEED = 20_261_122
SECONDS = 15.0
CALLERS = 8
REACHED = {"GetOrder", "ExplainSourcing", "GetFulfillmentOrder", "ReceiveStock", "CreateHold"}
ROLES = ("channel", "till", "associate", "operator", "merchandiser", "planner", "auditor")


async def test_no_call_made_up_from_the_contract_finds_a_service_at_fault() -> None:
    """What is made up differs from run to run, since answers do; a fault names its request."""
    async with own_platform() as (platform, world):
        skus = [await world.article(stock={"wh-1": 50, "store-north": 50}) for _ in range(8)]
        token = TokenMinter(platform.development_key_file).mint("test:random", ROLES, ["*"], ["*"])
        channels = {name: world.grpc_channel(name) for name in platform.addresses.grpc}
        caller = RandomCaller(channels, world.auth(token), SEED)
        web = RandomHttpCaller(world.http, token, SEED)
        for one in (caller, web):
            for sku in skus:
                one.learn(sku=sku)
            for name in ("web", "app", "pos"):
                one.learn(channel_id=name)
            for sku in skus:
                one.learn(order_id=(await world.buy(sku)).order_id)

        await asyncio.gather(*[caller.call_for(SECONDS) for _ in range(CALLERS)])
        await asyncio.gather(*[web.call_for(SECONDS) for _ in range(CALLERS)])

        assert not caller.faults, "\n".join(caller.faults)
        assert not web.faults, "\n".join(web.faults)
        for answers, yes in ((caller.answers, "OK"), (web.answers, "200")):
            assert {method for method, code in answers if code == yes} >= REACHED
        refused = sum(count for (_, code), count in web.answers.items() if code == "400")
        assert refused > 100
        await no_dead_letters(world)
        assert list((await world.audit()).differences) == []
