"""The order in which a store does its work."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from services.console.domain.pick_list import Article, By, Due, Wanted, due_of, legs, match, natural, tote

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)


def wanted(
    sku: str, order: str = "ful_a", *, aisle: str = "", category: str = "", left: int = 1, minutes: int = 30
) -> Wanted:
    article = Article(sku, sku.title(), category, aisle, barcodes=("036000291452",))
    return Wanted(order, 1, article, left, NOW + timedelta(minutes=minutes))


def test_late_comes_before_soon_comes_before_later() -> None:
    dues = [due_of(NOW + timedelta(minutes=minutes), NOW) for minutes in (-1, 0, 60, 61)]

    assert dues == [Due.OVERDUE, Due.DUE_SOON, Due.DUE_SOON, Due.LATER]


def test_aisles_go_by_their_numbers_and_what_has_none_comes_last() -> None:
    found = legs(
        [wanted("b", aisle="10"), wanted("c"), wanted("a", aisle="2"), wanted("d", aisle="2 left")], By.AISLE
    )

    assert [leg.name for leg in found] == ["2", "2 left", "10", ""]
    assert natural("Aisle 9") < natural("aisle 10")


def test_without_aisles_the_category_leads() -> None:
    found = legs([wanted("z", category="SNACKS"), wanted("a", category="DAIRY")], By.AISLE)

    assert [leg.name for leg in found] == ["DAIRY", "SNACKS"]


def test_one_stop_serves_every_order_of_the_sku_the_most_pressing_first() -> None:
    (leg,) = legs(
        [wanted("a", "ful_later", left=2, minutes=90), wanted("a", "ful_late", left=1, minutes=-5)],
        By.CATEGORY,
    )

    (stop,) = leg.stops
    assert stop.left_units == 3
    assert [share.fulfillment_order_id for share in stop.shares] == ["ful_late", "ful_later"]


def test_by_order_the_most_pressing_order_is_first_and_its_stops_go_by_aisle() -> None:
    found = legs(
        [
            wanted("x", "ful_2", aisle="1", minutes=50),
            wanted("y", "ful_1", aisle="7", minutes=5),
            wanted("z", "ful_1", aisle="3", minutes=5),
        ],
        By.ORDER,
    )

    assert [(leg.name, [stop.article.sku for stop in leg.stops]) for leg in found] == [
        ("ful_1", ["z", "y"]),
        ("ful_2", ["x"]),
    ]


def test_a_scan_means_the_most_pressing_order_and_a_barcode_any_of_its_lengths() -> None:
    lines = [wanted("cola", "ful_b", minutes=20), wanted("cola", "ful_a", minutes=10)]

    scans = [match(code, lines) for code in ("036000291452", " 0036000291452 ", "COLA")]

    assert [found.fulfillment_order_id for found in scans if found] == ["ful_a"] * 3
    assert match("036000291453", lines) is None
    assert match("", lines) is None


def test_a_tote_is_marked_by_the_end_of_its_order() -> None:
    assert tote("ful_01kbzx8t3sfpvbw7m2qd9n4k7c") == "4K7C"
