"""What a unit is worth between two refreshes, and what a book is made of."""

from __future__ import annotations

from array import array
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from services.orders.domain.closed_form import EXACT_TAIL, quick_tail, tail
from services.orders.domain.places import STORE, WAREHOUSE, Location
from services.orders.domain.price_book import EMPTY, Columns, PriceBook
from services.orders.domain.pricing import Bound, Sent, Task, make_book
from services.orders.domain.rules import SourcingRules

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
MARGIN = 300_000
PLACES = (
    Location("madrid", STORE, 40.42, -3.70),
    Location("sevilla", STORE, 37.39, -5.98),
    Location("warehouse", WAREHOUSE, 40.30, -3.90),
)
_NONE = np.zeros(0, dtype=np.int64)


def a_book(units: int = 4, price: int = 50_000, mean: float = 2.0, shape: float = 1.5) -> PriceBook:
    columns = Columns(array("i", [units]), array("q", [price]), array("f", [mean]), array("f", [shape]))
    return PriceBook(
        NOW,
        version="v1",
        horizon_days=28.0,
        currency_code="EUR",
        skus=["tea"],
        location_ids=["madrid"],
        margins=[MARGIN],
        columns=columns,
    )


def bound(*rows: tuple[int, int, int, int]) -> Bound:
    """Rows (days ago, location, SKU, units), a customer a unit."""
    columns = np.asarray(rows, dtype=np.int64).reshape(-1, 4).T
    return Bound(columns[0], columns[1], columns[2], columns[3], columns[3])


def sent(*rows: tuple[int, int, int, float, float]) -> Sent:
    """Rows (days ago, SKU, units, latitude, longitude)."""
    whole = np.asarray([row[:3] for row in rows], dtype=np.int64).reshape(-1, 3).T
    place = np.asarray([row[3:] for row in rows], dtype=np.float64).reshape(-1, 2).T
    return Sent(whole[0], whole[1], whole[2], place[0], place[1])


def a_task(stock: list[list[int]], sold: Bound, online: Sent | None = None) -> Task:
    skus = tuple(f"sku-{number}" for number in range(len(stock)))
    return Task(
        NOW,
        28.0,
        60,
        SourcingRules(),
        PLACES,
        skus,
        (2_000,) * len(skus),
        "EUR",
        np.asarray(stock, dtype=np.int64),
        sold,
        online or sent(),
    )


def test_nothing_known_costs_nothing() -> None:
    """A fresh system decides as if there were no prices."""
    assert EMPTY.price("tea", "madrid", 1) == 0
    assert EMPTY.rates("tea", "madrid") == 0.0
    assert not EMPTY.version

    assert a_book().price("coffee", "madrid", 1) == 0
    assert a_book().price("tea", "sevilla", 1) == 0


def test_units_as_when_it_was_made_have_the_price_of_then() -> None:
    assert a_book().price("tea", "madrid", 4) == 50_000


def test_fewer_units_cost_what_the_store_expects_to_lose_by_them() -> None:
    """A store that sells its shelf empty after the refresh must not be emptied by parcels as well."""
    book = a_book()

    prices = [book.price("tea", "madrid", units) for units in (3, 2, 1)]

    assert prices == sorted(prices)
    assert prices[-1] == pytest.approx(MARGIN * tail(2.0, 1.5, 1), abs=1)
    assert [book.price("tea", "madrid", units) for units in (3, 2, 1)] == prices


def test_fewer_units_never_cost_less_than_before() -> None:
    """The network's price may lie above the store's own; a sale does not make the rest cheaper."""
    assert a_book(price=290_000).price("tea", "madrid", 2) == 290_000


def test_goods_received_lower_the_price_to_what_the_store_still_expects_to_lose() -> None:
    """A cancelled unit changes nothing; a delivery that more than doubles the shelf does."""
    book = a_book()

    assert book.price("tea", "madrid", 5) == 50_000
    assert book.price("tea", "madrid", 40) < 1_000


def test_no_units_have_no_price() -> None:
    assert a_book().price("tea", "madrid", 0) == 0


def test_a_book_is_read_back_as_it_was_kept() -> None:
    book = a_book()

    again = PriceBook.from_bytes(book.to_bytes())

    assert again.version == "v1"
    assert again.made_at == NOW
    assert again.currency_code == "EUR"
    assert again.terms("tea", "madrid", 4) == book.terms("tea", "madrid", 4)
    assert again.price("tea", "madrid", 2) == book.price("tea", "madrid", 2)
    assert again.rates("tea", "madrid") == pytest.approx(2.0 / 28)


@pytest.mark.parametrize("content", [b"", b"something else", a_book().to_bytes()[:-1]])
def test_what_is_no_book_is_refused(content: bytes) -> None:
    with pytest.raises(ValueError, match="price book"):
        PriceBook.from_bytes(content)


def test_many_units_are_worked_out_in_a_bounded_time() -> None:
    """The normal distribution takes over where summing would hold up an order; the step is small."""
    mean, shape = 450.0, 40.0

    assert quick_tail(mean, shape, EXACT_TAIL) == tail(mean, shape, EXACT_TAIL)
    for units in (EXACT_TAIL + 1, 450, 600):
        assert quick_tail(mean, shape, units) == pytest.approx(tail(mean, shape, units), abs=0.03)


def test_a_store_that_sells_keeps_its_last_units() -> None:
    """Madrid sells two a week, Sevilla none: only Madrid's unit is worth something to its own customers."""
    sold = bound(*((day, 0, 0, 1) for day in range(0, 56, 3)))

    book = make_book(a_task([[2, 2, 0]], sold))

    madrid, sevilla = book.terms("sku-0", "madrid", 2), book.terms("sku-0", "sevilla", 2)
    assert madrid is not None
    assert sevilla is not None
    assert madrid.price > 10 * sevilla.price
    assert madrid.per_day == pytest.approx(0.31, abs=0.05)
    assert madrid.margin == 2_000 * 1_000 * 30 // 100
    assert madrid.price <= madrid.margin * 2


def test_the_more_there_is_the_less_it_is_worth() -> None:
    sold = bound(*((day, 0, 0, 1) for day in range(0, 56, 3)))

    prices = [
        make_book(a_task([[units, 0, 0]], sold)).price("sku-0", "madrid", units)
        for units in (1, 4, 8, 20, 60)
    ]

    assert prices == sorted(prices, reverse=True)
    assert prices[-1] < prices[0] // 100


def test_scarce_warehouse_stock_is_worth_what_online_orders_would_pay_instead() -> None:
    """A warehouse has no walk-in customers, but its last units save parcels from the stores."""
    online = sent(*((day % 50, 0, 1, 40.42, -3.70) for day in range(60)))

    scarce = make_book(a_task([[0, 20, 2]], bound((1, 1, 0, 1)), online))
    plenty = make_book(a_task([[0, 20, 500]], bound((1, 1, 0, 1)), online))

    assert scarce.price("sku-0", "warehouse", 2) > 0
    assert plenty.price("sku-0", "warehouse", 500) == 0


def test_stock_without_end_is_priced_as_stock_that_is_more_than_anybody_wants() -> None:
    """A shelf for a hundred years must not take a hundred years to price."""
    sold = bound(*((day, sku, sku % 2, 1) for day in range(0, 56, 3) for sku in range(2)))
    online = sent(*((day % 50, sku, 1, 40.42, -3.70) for day in range(20) for sku in range(2)))

    plenty = make_book(a_task([[2, 200, 300], [400, 1, 200]], sold, online))
    endless = make_book(a_task([[2, 10**6, 10**6], [10**6, 1, 10**6]], sold, online))

    for sku, place, units in (("sku-0", "madrid", 2), ("sku-1", "sevilla", 1)):
        assert endless.price(sku, place, units) == pytest.approx(plenty.price(sku, place, units), rel=0.01)
    assert endless.price("sku-0", "sevilla", 10**6) == 0


def test_who_sends_nothing_is_not_part_of_what_is_sent() -> None:
    """Its customers are still expected: safety days count them."""
    task = a_task([[5, 5, 5]], bound(*((day, 0, 0, 1) for day in range(40))))
    shut = replace(task, locations=(replace(PLACES[0], capabilities=frozenset({"CARRY_OUT"})), *PLACES[1:]))

    book = make_book(shut)

    terms = book.terms("sku-0", "madrid", 5)
    assert terms is not None
    assert terms.units_then == 0
    assert terms.price == terms.own > 0
    assert book.rates("sku-0", "madrid") > 0.4


def test_the_same_facts_give_the_same_book() -> None:
    """A version names its figures."""
    task = a_task([[2, 2, 9], [1, 0, 3]], bound((1, 0, 0, 2), (5, 1, 1, 1)), sent((2, 0, 1, 40.0, -3.0)))

    first, again = make_book(task), make_book(task)

    assert first.to_bytes() == again.to_bytes()
    assert make_book(replace(task, prices_minor=(2_000, 2_100))).version != first.version


def test_a_young_system_knows_its_rate_by_the_days_it_has_seen() -> None:
    """Three sales in three days are one a day, not three in a week."""
    sold = bound(*((day, 0, 0, 1) for day in range(3) for _ in range(5)))

    young = make_book(replace(a_task([[9, 0, 0]], sold), seen_days=3))
    old = make_book(replace(a_task([[9, 0, 0]], sold), seen_days=60))

    assert young.rates("sku-0", "madrid") > 4 * old.rates("sku-0", "madrid")


def test_a_book_without_demand_prices_next_to_nothing() -> None:
    """Nobody asked for anything yet: what is priced at all is the customer that may come anyway."""
    book = make_book(a_task([[5, 5, 5]], Bound(_NONE, _NONE, _NONE, _NONE, _NONE)))

    assert book.price("sku-0", "madrid", 5) < book.terms("sku-0", "madrid", 5).margin // 100  # type: ignore[union-attr]
