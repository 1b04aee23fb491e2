"""The engine over real servers: what the catalog says of goods reaches the rules, and why not is answered at
the door.
"""

from __future__ import annotations

import json

from aljibe.catalog.v1 import catalog_pb2
from aljibe.orders.v1 import orders_pb2, rules_pb2, rules_pb2_grpc
from cli.local.platform import Platform
from tests.integration.world import World, request_id

BUILT_IN = 0
RULE = "vintage never from the warehouse"
DOCUMENT = {
    "name": "Shelves",
    "currency": "USD",
    "exclusions": [
        {
            "name": RULE,
            "applies_to": {"brands": ["Vintage"], "attributes": {"fragile": "yes"}},
            "locations": {"kinds": ["WAREHOUSE"]},
        }
    ],
}


async def _describe(world: World, sku: str, brand: str, **attributes: str) -> None:
    product = catalog_pb2.Product(
        product_id=f"P-{sku}",
        name=catalog_pb2.LocalizedText(en=sku, es=sku),
        brand=brand,
        variants=[catalog_pb2.Variant(sku=sku, attributes=attributes)],
    )
    await world.catalog.UpsertProducts(
        catalog_pb2.UpsertProductsRequest(request_id=request_id(), products=[product]),
        metadata=world.auth(world.merchandiser),
    )


async def test_a_rule_about_brand_and_attribute_decides_and_is_told_by_its_name(
    rough: tuple[Platform, World],
) -> None:
    """Orders, previews and explanations alike; an article that the rule is not about is sent as before."""
    _, world = rough
    stock = {"wh-1": 5, "store-north": 5}
    fragile, plain = await world.article(stock=stock), await world.article(stock=stock)
    await _describe(world, plain, "Vintage", fragile="no")
    # Last: when orders has heard of it, it has heard of both.
    await _describe(world, fragile, "Vintage", fragile="yes")
    rules = rules_pb2_grpc.SourcingRulesServiceStub(world.grpc_channel("orders"))
    planner = world.auth(world.token("planner"))
    create = rules_pb2.CreateRulesRequest(request_id=request_id(), document=json.dumps(DOCUMENT))
    number = (await rules.CreateRules(create, metadata=planner)).rules.number
    activate = rules_pb2.ActivateRulesRequest(request_id=request_id(), number=number)
    await rules.ActivateRules(activate, metadata=planner)

    try:
        await world.planned_from(fragile, "store-north")
        placed = await world.buy_draft(world.draft(fragile))
        other = await world.buy_draft(world.draft(plain))
        shop = world.auth(world.shop())
        preview = await world.orders.PreviewOrder(
            orders_pb2.PreviewOrderRequest(order=world.draft(fragile)), metadata=shop
        )
    finally:
        back = rules_pb2.RollBackRulesRequest(request_id=request_id(), number=BUILT_IN)
        await rules.RollBackRules(back, metadata=planner)

    assert [part.location_id for part in placed.plan] == ["store-north"]
    assert [part.location_id for part in preview.order.plan] == ["store-north"]
    assert [part.location_id for part in other.plan] == ["wh-1"]
    path = f"/v1/orders/{placed.order_id}/sourcing/wh-1"
    answer = await world.get(path, world.token("operator", channels=["*"], locations=["*"]))
    assert (answer["candidate"]["eliminatedBy"], answer["candidate"]["rule"]) == ("EXCLUDED_BY_RULE", RULE)
    assert RULE in answer["sentenceEn"]
    assert RULE in answer["sentenceEs"]
