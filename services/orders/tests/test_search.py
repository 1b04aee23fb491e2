"""Orders are found by what a person knows of them, and quickly among many."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest
import pytest_asyncio
from google.protobuf.timestamp_pb2 import Timestamp

from aljibe.orders.v1 import orders_pb2
from services.orders.adapters.postgres.search import PLAN_BY_VALUES, Filter, page_of, ways_to
from services.orders.tests.conftest import Service, role_url
from services.orders.tests.test_door import PICKUP, place, refused, wish
from tests.servers import Databases

MANY = 200_000
MAX_MILLISECONDS = 3_000
"""For a machine that is busy; that no table is read whole is seen in the plan."""
START = datetime(2026, 1, 1, tzinfo=UTC)

_FILL = (
    """
    INSERT INTO customer_order (order_id, channel_id, customer_id, customer_reference, language_code, state,
      currency_code, total_minor, tax_minor, discount_minor, location_id, accept_time, trace_id, payment_id,
      authorization_key, authorized_minor, attempts, version, event_sequence)
    SELECT 'ord_' || lpad(n::text, 12, '0'), 'web', '', 'R-' || n, 'en', 4, 'USD', 100, 0, 0, '',
      timestamptz '2026-01-01 00:00Z' + n * interval '1 second', '', '', '', 100, 1, 1, 1
    FROM generate_series(1, $1::int) n
    """,
    """
    INSERT INTO order_line (order_id, line_number, sku, name_en, name_es, quantity_units, method,
      pickup_location_id, unit_price_minor, discount_minor, tax_minor, total_minor)
    SELECT 'ord_' || lpad(n::text, 12, '0'), line,
      CASE WHEN line = 1 AND n % 10 = 0 THEN 'common' ELSE 's' || (n * line % 5000) END,
      '', '', 1, 1, '', 100, 0, 0, 100
    FROM generate_series(1, $1::int) n, generate_series(1, 2) line
    """,
    """
    INSERT INTO plan_part (order_id, fulfillment_order_id, location_id, method, reservation_id,
      lines, attempt, pickup_location_id)
    SELECT 'ord_' || lpad(n::text, 12, '0'), 'ful_' || n,
      CASE WHEN n % 3 = 0 THEN 'store-' || n % 60 ELSE 'wh-1' END, 1, '', '[]', 1,
      CASE WHEN n % 300 = 1 THEN 'store-1' ELSE '' END
    FROM generate_series(1, $1::int) n
    """,
)


async def fill(conn: Any, many: int) -> None:
    """`many` orders, a second apart."""
    for statement in _FILL:
        await conn.execute(statement, many)
    await conn.execute("ANALYZE customer_order; ANALYZE order_line; ANALYZE plan_part")


@pytest_asyncio.fixture(scope="module")
async def many(databases: Databases, orders_template: str) -> AsyncIterator[Any]:
    """A connection to a database with many orders."""
    async with databases.fresh(orders_template) as url:
        owner = await asyncpg.connect(url, server_settings={"search_path": "orders"})
        await fill(owner, MANY)
        conn = await asyncpg.connect(role_url(url), server_settings={"search_path": "orders"})
        yield conn
        await conn.close()
        await owner.close()


async def plan(conn: Any, by: Filter, after: tuple[datetime, str] | None = None) -> tuple[str, float, int]:
    """How PostgreSQL finds a page: the plan, milliseconds, and how many rows came out."""
    statement, values = page_of(by, after, 51)
    async with conn.transaction():
        await conn.execute(PLAN_BY_VALUES)
        text = await conn.fetchval(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}", *values)
    told = json.loads(text)[0]
    return json.dumps(told["Plan"]), told["Execution Time"], int(told["Plan"]["Actual Rows"])


DAY = Filter(accept_time_from=START + timedelta(hours=1), accept_time_to=START + timedelta(hours=2))


@pytest.mark.parametrize(
    ("by", "least", "most"),
    [
        pytest.param(Filter(), 51, 51, id="newest"),
        pytest.param(Filter(sku="common"), 51, 51, id="common-article"),
        pytest.param(Filter(sku="s17"), 20, 51, id="rare-article"),
        pytest.param(Filter(sku="nobody-has-it"), 0, 0, id="no-such-article"),
        pytest.param(Filter(location_id="wh-1"), 51, 51, id="warehouse"),
        pytest.param(Filter(location_id="store-3"), 51, 51, id="store"),
        pytest.param(Filter(location_id="store-1"), 51, 51, id="store-that-is-sent-pickups"),
        pytest.param(Filter(location_id="store-57", sku="s17"), 1, 51, id="article-of-a-store"),
        pytest.param(DAY, 51, 51, id="hour"),
        pytest.param(Filter(query="ord_000000000123"), 1, 1, id="number"),
        pytest.param(Filter(query="ORD_00000000012"), 10, 10, id="beginning"),
        pytest.param(Filter(query="ord_"), 51, 51, id="beginning-of-all"),
        pytest.param(Filter(query="R-4711"), 1, 1, id="reference"),
        pytest.param(Filter(on_hold=True), 0, 0, id="on-hold"),
    ],
)
async def test_no_search_reads_a_whole_table(many: Any, by: Filter, least: int, most: int) -> None:
    """An index leads to every page, also to one of nothing; a million orders take as long."""
    told, milliseconds, found = await plan(many, by)

    assert "Seq Scan" not in told
    assert least <= found <= most
    assert milliseconds < MAX_MILLISECONDS, told


@pytest.mark.parametrize(
    ("by", "found"),
    [
        pytest.param(Filter(sku="common", location_id="store-3"), 0, id="that-never-meet"),
        pytest.param(Filter(sku="common", location_id="wh-1"), 51, id="that-often-meet"),
        pytest.param(Filter(sku="common", state=5), 0, id="and-a-state-nobody-is-in"),
        pytest.param(Filter(sku="s1", location_id="store-1"), 14, id="where-it-is-collected"),
        pytest.param(Filter(location_id="wh-1", on_hold=True), 0, id="and-nothing-on-hold"),
        pytest.param(Filter(sku="s17", location_id="store-57"), 13, id="that-seldom-meet"),
        pytest.param(Filter(sku="nobody-has-it", location_id="wh-1"), 0, id="one-of-which-is-not-there"),
    ],
)
async def test_things_asked_for_together_are_found_whether_they_meet_or_not(
    many: Any, by: Filter, found: int
) -> None:
    """Going through a million orders for an article that was never at a location would take seconds."""
    read = 0
    ids: list[str] = []
    for statement, values in ways_to(by, None, 51):
        async with many.transaction():
            await many.execute(PLAN_BY_VALUES)
            explained = await many.fetchval(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {statement}", *values)
            ids = [row["order_id"] for row in await many.fetch(statement, *values)]
        told = json.loads(explained)[0]["Plan"]
        read += told["Shared Hit Blocks"] + told["Shared Read Blocks"]
        if len(ids) == 51:
            break

    assert len(ids) == found
    whole, values = page_of(by, None, 51)
    assert ids == [row["order_id"] for row in await many.fetch(whole, *values)]
    assert read < MANY // 2


async def test_the_next_page_begins_where_the_last_ended(many: Any) -> None:
    """By time and id, so that orders of one moment are neither lost nor told twice."""
    first = Filter(sku="s17")
    statement, values = page_of(first, None, 3)
    page = [row["order_id"] for row in await many.fetch(statement, *values)]
    last = await many.fetchrow(
        "SELECT accept_time, order_id FROM customer_order WHERE order_id = $1", page[1]
    )

    statement, values = page_of(first, (last["accept_time"], last["order_id"]), 3)
    following = [row["order_id"] for row in await many.fetch(statement, *values)]

    assert following[0] == page[2]
    assert not set(page[:2]) & set(following)


async def test_orders_are_found_by_article_place_time_and_number(orders: Service) -> None:
    """Through the door; every filter narrows, and together they hold all at once."""
    await orders.stock(("find-a", "wh-1", 9), ("find-b", "store-1", 9))
    shop = orders.stub()
    before = Timestamp()
    sent = (await shop.PlaceOrder(place(wish(("find-a", 1), customer_reference="R-77")))).order
    fetched = (
        await shop.PlaceOrder(place(wish(("find-b", 1), method=PICKUP, store="store-1", channel="app")))
    ).order
    staff = orders.stub("operator", channels=("*",))

    async def found(**by: Any) -> list[str]:
        answer = await staff.ListOrders(orders_pb2.ListOrdersRequest(**by))
        return [one.order_id for one in answer.orders]

    assert await found(sku="find-a") == [sent.order_id]
    assert fetched.order_id in await found(location_id="store-1")
    assert sent.order_id not in await found(location_id="store-1")
    assert await found(sku="find-a", location_id="store-1") == []
    assert await found(query=sent.order_id) == [sent.order_id]
    assert await found(query=f" {sent.order_id[:-2].upper()} ") == [sent.order_id]
    assert await found(query="R-77") == [sent.order_id]
    assert await found(query="R-7") == []
    assert await found(sku="find-a", accept_time_from=sent.accept_time) == [sent.order_id]
    assert await found(sku="find-a", accept_time_from=before, accept_time_to=sent.accept_time) == []
    call = staff.ListOrders(
        orders_pb2.ListOrdersRequest(accept_time_from=sent.accept_time, accept_time_to=sent.accept_time)
    )
    code, reason = await refused(call)
    assert (code.name, reason) == ("INVALID_ARGUMENT", "FIELD_INVALID")


async def test_a_search_shows_a_shop_its_own_channels_only(orders: Service) -> None:
    """Whatever is asked for: the token must name the channel, as without a filter."""
    await orders.stock(("find-c", "wh-1", 9))
    order = (await orders.stub().PlaceOrder(place(wish(("find-c", 1), channel="app")))).order
    stranger = orders.stub(channels=("web",))

    own = await stranger.ListOrders(orders_pb2.ListOrdersRequest(channel_id="web", query=order.order_id))
    code, _ = await refused(stranger.ListOrders(orders_pb2.ListOrdersRequest(query=order.order_id)))
    other, _ = await refused(
        stranger.ListOrders(orders_pb2.ListOrdersRequest(channel_id="app", sku="find-c"))
    )

    assert list(own.orders) == []
    assert {code.name, other.name} == {"PERMISSION_DENIED"}
