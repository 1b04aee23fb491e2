"""The tables and the snapshot that is loaded from them, on real PostgreSQL."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import asyncpg
import pytest

from aljibe.catalog.v1 import events_pb2
from chassis.postgres import Connection, Database, open_database
from pricing.channels import Price
from pricing.engine import quote
from pricing.promotions import AmountOff, BasketThreshold, BuyXPayY, PercentageOff
from pricing.refusals import ChannelUnknown, CurrencyMismatch, PriceListUnknown, PriceMissing, SkuUnknown
from pricing.taxes import TaxKey, TaxRate
from pricing.tests.builders import HOUR, NOW, a_basket, a_channel, a_price_list, a_promotion
from services.catalog.adapters.postgres.reader import CatalogueReader
from services.catalog.adapters.postgres.replica import CatalogueReplica
from services.catalog.adapters.postgres.tables import PostgresTables
from services.catalog.domain.products import Variant
from services.catalog.domain.refusals import BarcodeTaken, SkuAddedAndRemoved, SkuTaken
from services.catalog.tests.builders import a_product
from services.catalog.tests.conftest import PutBack
from services.catalog.usecases.change_assortment import change_assortment
from services.catalog.usecases.discontinue_variants import discontinue_variants
from services.catalog.usecases.ports import CatalogueTables
from services.catalog.usecases.upsert_channels import upsert_channels
from services.catalog.usecases.upsert_price_lists import upsert_price_lists
from services.catalog.usecases.upsert_prices import upsert_prices
from services.catalog.usecases.upsert_products import upsert_products
from services.catalog.usecases.upsert_promotions import upsert_promotions
from services.catalog.usecases.upsert_tax_rates import upsert_tax_rates

T = TypeVar("T")
CODE = "4006381333931"
OTHER_CODE = "96385074"
PROMOTIONS = [
    a_promotion("percent", PercentageOff(500), skus=["cola-33"], priority=3, valid_from=NOW - HOUR),
    a_promotion("amount", AmountOff(10, "USD"), categories=["SNACKS"], channels=["web"], stackable=True),
    a_promotion("three", BuyXPayY(3, 2), coupon="Three", valid_until=NOW + HOUR),
    a_promotion("off", BasketThreshold(500, "USD", 100), withdrawn=True),
    a_promotion("share", BasketThreshold(500, "USD", 0, 250), stackable=True),
]


@pytest.fixture
def replica(db: Database) -> CatalogueReplica:
    return CatalogueReplica(db, lambda: NOW)


async def write(db: Database, change: Callable[[CatalogueTables], Awaitable[T]]) -> T:
    async def once(conn: Connection) -> T:
        return await change(PostgresTables(conn))

    return await db.run(once)


async def fill(db: Database) -> None:
    """Version 6: two products, a list, prices, a channel, promotions, a tax rate."""
    cola = a_product("cola", Variant("cola-33", (CODE,), {"size": "33"}), Variant("cola-50", (), {}, "food"))
    crisps = a_product("crisps", Variant("crisps"), name="Crisps", path=("GROCERY", "SNACKS"))
    prices = [Price("cola-33", 199), Price("cola-33", 149, NOW, NOW + HOUR), Price("crisps", 250)]
    await write(db, lambda tables: upsert_products(tables, [cola, crisps], NOW))
    await write(db, lambda tables: upsert_price_lists(tables, [a_price_list()], NOW))
    await write(db, lambda tables: upsert_prices(tables, "base", prices, NOW))
    await write(
        db, lambda tables: upsert_channels(tables, [a_channel(), a_channel("app", explicit=True)], NOW)
    )
    await write(db, lambda tables: upsert_promotions(tables, PROMOTIONS, NOW))
    rate = TaxRate(TaxKey("standard", "US", ""), 57_500)
    await write(db, lambda tables: upsert_tax_rates(tables, [rate], NOW))


async def sequences(db: Database) -> list[tuple[int, str]]:
    async with db.connection() as conn:
        rows = await conn.fetch("SELECT sequence, payload FROM outbox ORDER BY sequence")
    changed = [(row["sequence"], events_pb2.CatalogChanged.FromString(row["payload"])) for row in rows]
    assert all(sequence == event.catalog_version for sequence, event in changed)
    return [(sequence, event.part) for sequence, event in changed]


async def test_the_snapshot_holds_what_was_written(db: Database, replica: CatalogueReplica) -> None:
    await fill(db)

    await replica.refresh()

    snapshot = replica.snapshot
    assert snapshot.version == 6
    assert set(snapshot.articles) == {"cola-33", "cola-50", "crisps"}
    assert snapshot.articles["crisps"].category_path == ("GROCERY", "SNACKS")
    assert snapshot.channels == {"web": a_channel(), "app": a_channel("app", explicit=True)}
    assert snapshot.price_lists == {"base": a_price_list()}
    assert sorted(snapshot.promotions.coupons) == ["THREE"]
    assert snapshot.tax_rates == {TaxKey("standard", "US", ""): 57_500}
    priced = quote(a_basket(("cola-33", 2), ("crisps", 1)), snapshot, NOW)
    assert [line.unit_price_minor for line in priced.lines] == [149, 250]
    assert [found.promotion_id for line in priced.lines for found in line.promotions] == [
        "percent",
        "amount",
        "share",
    ]


async def test_promotions_and_products_come_back_as_they_went_in(db: Database) -> None:
    await fill(db)
    reader = CatalogueReader(db)

    promotions = await reader.promotions("", 10)
    found, sku = await reader.product_by_barcode(CODE)

    assert promotions == sorted(PROMOTIONS, key=lambda promotion: promotion.promotion_id)
    assert sku == "cola-33"
    assert [variant.sku for variant in found.variants] == ["cola-33", "cola-50"]
    assert found.variants[0] == Variant("cola-33", (CODE,), {"size": "33"})
    assert found.variants[1].tax_class == "food"


async def test_a_refresh_fetches_only_what_changed(db: Database, replica: CatalogueReplica) -> None:
    """Another instance wrote; what it did not touch is not even copied."""
    await fill(db)
    await replica.refresh()
    before = replica.snapshot

    await write(db, lambda tables: upsert_prices(tables, "base", [Price("crisps", 275)], NOW))
    await replica.refresh()

    after = replica.snapshot
    assert after.version == 7
    assert after.articles is before.articles
    assert after.promotions is before.promotions
    assert quote(a_basket(("crisps", 1)), after, NOW).subtotal_minor == 275
    assert quote(a_basket(("crisps", 1)), before, NOW).subtotal_minor == 250


async def test_a_restored_database_is_loaded_from_scratch(db: Database, replica: CatalogueReplica) -> None:
    """After a restore the version may be lower than the one in memory; nothing of what was lost may stay."""
    await fill(db)
    await replica.refresh()
    async with db.transaction() as conn:
        await conn.execute("DELETE FROM price WHERE sku = 'crisps'; UPDATE catalogue SET version = 5")

    await replica.refresh()

    assert replica.snapshot.version == 5
    with pytest.raises(PriceMissing):
        quote(a_basket(("crisps", 1)), replica.snapshot, NOW)


async def test_a_backup_put_back_and_written_on_is_loaded_from_scratch(
    db: Database, replica: CatalogueReplica, put_back: PutBack
) -> None:
    """The number in memory was given again, to other contents, before anybody looked."""
    await fill(db)
    await replica.refresh()
    version = replica.snapshot.version
    await put_back("crisps")

    await replica.refresh()

    assert replica.snapshot.version == version
    with pytest.raises(PriceMissing):
        quote(a_basket(("crisps", 1)), replica.snapshot, NOW)


async def test_what_others_write_is_followed(db: Database, replica: CatalogueReplica) -> None:
    """Another instance took the write; this one prices with it soon, and survives a refresh that failed."""
    await fill(db)
    gone = CatalogueReplica(
        await open_database("postgresql://127.0.0.1:1/none", "x", min_size=0), lambda: NOW
    )
    following = asyncio.create_task(replica.follow(0.01))
    failing = asyncio.create_task(gone.follow(0.01))

    async with asyncio.timeout(10):
        while replica.snapshot.version < 6:
            await asyncio.sleep(0.01)

    assert not following.done()
    assert not failing.done()
    following.cancel()
    failing.cancel()


async def test_an_assortment_takes_articles_in_and_out(db: Database, replica: CatalogueReplica) -> None:
    await fill(db)
    reader = CatalogueReader(db)

    size = await write(db, lambda tables: change_assortment(tables, "app", ["cola-33", "crisps"], [], NOW))
    await replica.refresh()
    added = replica.snapshot
    less = await write(db, lambda tables: change_assortment(tables, "app", [], ["crisps", "none"], NOW))
    await replica.refresh()

    assert (size, less) == (2, 1)
    assert added.assortments["app"] == {"cola-33", "crisps"}
    assert replica.snapshot.assortments["app"] == {"cola-33"}
    assert [one.product_id for one in await reader.products("app", "", "", 10)] == ["cola"]
    assert [one.product_id for one in await reader.products("web", "SNACKS", "", 10)] == ["crisps"]
    with pytest.raises(SkuAddedAndRemoved):
        await write(db, lambda tables: change_assortment(tables, "app", ["crisps"], ["crisps"], NOW))
    with pytest.raises(ChannelUnknown):
        await write(db, lambda tables: change_assortment(tables, "moon", ["crisps"], [], NOW))


async def test_every_write_is_one_event_without_a_hole(db: Database) -> None:
    """Consumers tell by a hole that they missed something."""
    await fill(db)

    assert await sequences(db) == [
        (1, "PRODUCTS"),
        (2, "PRICES"),
        (3, "PRICES"),
        (4, "CHANNELS"),
        (5, "PROMOTIONS"),
        (6, "TAXES"),
    ]


async def test_a_refused_write_leaves_no_trace(db: Database) -> None:
    await fill(db)
    before = await sequences(db)

    async def refused(kind: type[Exception], change: Callable[[CatalogueTables], Awaitable[object]]) -> None:
        with pytest.raises(kind):
            await write(db, change)

    thief = a_product("thief", Variant("thief", (CODE,)))
    copy = a_product("copy", Variant("cola-33"))
    await refused(BarcodeTaken, lambda tables: upsert_products(tables, [thief], NOW))
    await refused(SkuTaken, lambda tables: upsert_products(tables, [copy], NOW))
    await refused(SkuUnknown, lambda tables: discontinue_variants(tables, ["crisps", "none"], NOW))
    await refused(SkuUnknown, lambda tables: upsert_prices(tables, "base", [Price("none", 1)], NOW))
    await refused(PriceListUnknown, lambda tables: upsert_prices(tables, "moon", [Price("crisps", 1)], NOW))
    euro = a_price_list(currency="EUR")
    await refused(CurrencyMismatch, lambda tables: upsert_price_lists(tables, [euro], NOW))

    assert await sequences(db) == before
    assert len(await CatalogueReader(db).products("", "", "", 10)) == 2


async def test_barcodes_may_change_hands_within_one_request(db: Database) -> None:
    first = a_product("p", Variant("one", (CODE,)), Variant("two", (OTHER_CODE,)))
    swapped = a_product("p", Variant("one", (OTHER_CODE,)), Variant("two", (CODE,)))
    await write(db, lambda tables: upsert_products(tables, [first], NOW))

    await write(db, lambda tables: upsert_products(tables, [swapped], NOW))

    found, sku = await CatalogueReader(db).product_by_barcode(CODE)
    assert (sku, found.variants) == ("two", swapped.variants)


async def test_a_variant_that_is_no_longer_named_goes_out_of_sale(
    db: Database, replica: CatalogueReplica
) -> None:
    """It may stand in open orders, so it is never deleted; and loading master data again does not revive
    it.
    """
    await fill(db)

    only = a_product("cola", Variant("cola-33"))
    await write(db, lambda tables: upsert_products(tables, [only], NOW))
    both = a_product("cola", Variant("cola-33"), Variant("cola-50"))
    await write(db, lambda tables: upsert_products(tables, [both], NOW + HOUR))
    await replica.refresh()

    assert replica.snapshot.articles["cola-33"].discontinued_time is None
    assert replica.snapshot.articles["cola-50"].discontinued_time == NOW


async def test_writers_at_once_take_turns(db: Database, replica: CatalogueReplica) -> None:
    """Every write gets a version of its own, and a snapshot never skips one."""
    await fill(db)

    await asyncio.gather(
        *(
            write(db, lambda tables, n=number: upsert_prices(tables, "base", [Price("crisps", n)], NOW))  # type: ignore[misc]
            for number in range(300, 312)
        ),
        *(replica.refresh() for _ in range(5)),
    )
    await replica.refresh()

    async with db.connection() as conn:
        last = await conn.fetchval("SELECT unit_price_minor FROM price WHERE sku = 'crisps'")
    assert [sequence for sequence, _ in await sequences(db)] == list(range(1, 19))
    assert replica.snapshot.version == 18
    assert quote(a_basket(("crisps", 1)), replica.snapshot, NOW).subtotal_minor == last


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE promotion SET buy_units = 3, pay_units = 3 WHERE promotion_id = 'three'",
        "UPDATE promotion SET basis_points = NULL WHERE promotion_id = 'percent'",
        "UPDATE promotion SET amount_minor = 5 WHERE promotion_id = 'share'",
        "UPDATE price SET unit_price_minor = -1",
        "UPDATE price SET valid_until = valid_from",
        "UPDATE tax_rate SET rate_ppm = 1000001",
        "INSERT INTO catalogue (singleton) VALUES (false)",
    ],
)
async def test_the_database_refuses_what_makes_no_sense(db: Database, statement: str) -> None:
    """The last line of defence holds even against our own mistakes."""
    await fill(db)

    with pytest.raises(asyncpg.CheckViolationError):
        async with db.transaction() as conn:
            await conn.execute(statement)
