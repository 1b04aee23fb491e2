"""`aljibe simulate` on stub services and on a small piece of the data set."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from aljibe.catalog.v1 import catalog_pb2
from aljibe.common.v1 import types_pb2
from aljibe.inventory.v1 import inventory_pb2
from aljibe.orders.v1 import orders_pb2, rules_pb2
from cli.past import Past, Span
from cli.tests.conftest import Ran, StubPlatform, aljibe
from services.orders.adapters.grpc.translate import location_of
from services.orders.domain.places import Locations
from services.orders.domain.rules import Exclusion, Matcher, Scope, SourcingRules
from services.orders.domain.rules_document import to_text
from simulation import grocer

RULES = SourcingRules(opportunity_percent=0, currency_code="EUR")
EAGER = replace(RULES, name="Stores first", pick_store_per_unit=0, pack_store_per_parcel=0)
WAREHOUSE_COST, STORE_COST = 600_000 + 95_000 + 222 * 200, 675_000 + 215_000
MARGIN = 100_00 * 10 * 30


def time(day: int, hour: int) -> datetime:
    return datetime(2026, 3, day, hour, tzinfo=UTC)


@pytest.fixture
def shop(platform: StubPlatform) -> StubPlatform:
    """A store and a warehouse in March 2026: a unit each on the 2nd; two orders, of which one was sent from
    each; a walk-in sale after a receipt; and today's stock.
    """
    stubs = platform.stubs
    stubs.locations = [_location("store-a", 40.0), _location("wh", 42.0)]
    stubs.rules = {
        0: _rules(0, RULES, 3),
        3: _rules(3, replace(RULES, name="As ever"), rules_pb2.RULES_STATE_ACTIVE),
        7: _rules(7, EAGER, rules_pb2.RULES_STATE_DRAFT),
        5: _rules(5, RULES, rules_pb2.RULES_STATE_DRAFT),
    }
    stubs.current_rules = 3
    stubs.orders = {
        "later": _order("later", time(9, 9), "wh", "ful_4"),
        "two": _order("two", time(3, 9), "store-a", "ful_2"),
        "one": _order("one", time(2, 9), "wh", "ful_1"),
        "before": _order("before", datetime(2026, 2, 20, 9, tzinfo=UTC), "wh", "ful_0"),
    }
    stubs.movements = [
        _movement("wh", time(9, 12), -1, 0, inventory_pb2.MOVEMENT_CAUSE_SHIPMENT, "ful_4"),
        _movement("wh", time(4, 12), 1, 1, inventory_pb2.MOVEMENT_CAUSE_RECEIPT),
        _movement("wh", time(2, 14), -1, 0, inventory_pb2.MOVEMENT_CAUSE_SHIPMENT, "ful_1"),
        # This one had been reserved before the period began.
        _movement("wh", time(2, 12), -1, 1, inventory_pb2.MOVEMENT_CAUSE_SHIPMENT, "ful_0"),
        _movement("store-a", time(4, 18), -1, 0, inventory_pb2.MOVEMENT_CAUSE_SALE, "till"),
        _movement("store-a", time(4, 8), 1, 1, inventory_pb2.MOVEMENT_CAUSE_RECEIPT),
        _movement("store-a", time(3, 14), -1, 0, inventory_pb2.MOVEMENT_CAUSE_SHIPMENT, "ful_2"),
    ]
    stubs.positions = [_position("store-a", 0), _position("wh", 0)]
    return platform


def simulate(shop: StubPlatform, *arguments: str) -> Ran:
    return shop.aljibe("simulate", "--from", "2026-03-02", "--to", "2026-03-08", *arguments)


def test_a_draft_is_compared_with_the_active_rules_on_the_platform_s_past(shop: StubPlatform) -> None:
    """Active: one from the warehouse, then the store. The draft: the store first, then the warehouse."""
    document = simulate(shop, "--rules", "draft", "--json").document

    assert [one["name"] for one in document["versions"]] == ["active 3", "draft 7"]
    assert (document["orders"], document["walkInSales"], document["currencyCode"]) == (2, 1, "EUR")
    assert _values(document, "serving") == [WAREHOUSE_COST + STORE_COST] * 2
    assert _values(document, "lost_units") == [0, 0]
    assert document["versions"][1]["changedOrders"] == 2
    assert document["activate"] == ["aljibe rules activate 7"]
    assert document["rollback"] == "aljibe rules rollback 3"


def test_lost_sales_of_the_platform_s_past_are_found(shop: StubPlatform) -> None:
    """Without the receipt at the store, its customer goes home where the order took the unit."""
    del shop.stubs.movements[5]
    shop.stubs.movements[4].on_hand_after_units = -1

    document = simulate(shop, "--rules", "draft:7", "--rules", "5", "--json").document

    assert [one["name"] for one in document["versions"]] == ["draft 7", "5"]
    assert _values(document, "lost_units") == [1, 1]
    assert _values(document, "lost_margin") == [MARGIN, MARGIN]


def test_units_that_wait_for_earlier_orders_are_not_there_to_be_sold() -> None:
    """Three lie in the store today: one waits for an order from before, one for an order of the period."""
    before = _order("before", datetime(2026, 2, 20, 9, tzinfo=UTC), "store-a", "ful_0")
    since = _order("since", time(3, 9), "store-a", "ful_1")
    for order in (before, since):
        order.lines[0].units[0].state = orders_pb2.UNIT_STATE_ALLOCATED
    position = _position("store-a", 3)
    position.reserved_units = 2
    span = Span(time(2, 0), time(9, 0), timedelta(weeks=4))
    locations = Locations.of([location_of(_location("store-a", 40.0))])

    world = Past(span, locations, [since, before], [position]).world()

    assert world.opening == {"x": {"store-a": 2}}
    assert [order.order_id for order in world.orders] == ["since"]
    assert [(sale.sku, sale.quantity_units) for sale in world.past] == [("x", 1)]
    assert world.prices_minor == {"x": 100_00}


def test_what_a_till_sold_and_what_came_otherwise_are_told_apart() -> None:
    """Sales are customers, all else but orders' own goods is movement."""
    span = Span(time(2, 0), time(9, 0), timedelta(weeks=4))
    locations = Locations.of([location_of(_location("store-a", 40.0))])
    movements = [
        _movement("store-a", time(5, 9), -2, 3, inventory_pb2.MOVEMENT_CAUSE_DAMAGE),
        _movement("store-a", time(4, 9), -1, 5, inventory_pb2.MOVEMENT_CAUSE_SALE),
        _movement("store-a", time(3, 9), 1, 6, inventory_pb2.MOVEMENT_CAUSE_RETURN),
        _movement("store-a", datetime(2026, 2, 20, 9, tzinfo=UTC), -4, 5, inventory_pb2.MOVEMENT_CAUSE_SALE),
    ]

    world = Past(span, locations, [], [_position("store-a", 3)], movements).world()

    assert world.opening == {"x": {"store-a": 5}}
    told = [(type(event).__name__, event.quantity_units) for event in world.events]  # type: ignore[union-attr]
    assert told == [("Movement", 1), ("Sale", 1), ("Movement", -2)]
    assert [sale.quantity_units for sale in world.past] == [4]


def test_the_table_names_figures_and_the_way_back_in_both_languages(shop: StubPlatform) -> None:
    english = simulate(shop, "--rules", "draft")
    spanish = simulate(shop, "--rules", "draft", "--lang", "es")

    assert english.code == spanish.code == 0
    for part in ("Cost of serving", "active 3", "draft 7", "aljibe rules rollback 3", "2 of 2 orders"):
        assert part in english.out
    for part in ("Coste de servir", "Volver atrás: aljibe rules rollback 3", "2 de 2 pedidos"):
        assert part in spanish.out


def test_a_file_is_compared_and_a_report_written(shop: StubPlatform, tmp_path: Path) -> None:
    mine, report = tmp_path / "mine.json", tmp_path / "report.html"
    mine.write_text(to_text(EAGER))

    ran = simulate(shop, "--rules", str(mine), "--report", str(report))

    assert ran.code == 0
    assert str(report) in ran.out
    text = report.read_text()
    assert "<h1>Simulation of sourcing rules</h1>" in text
    assert "“mine”" in text


def test_every_report_is_kept_in_the_data_folder_for_the_operations_pages(shop: StubPlatform) -> None:
    ran = simulate(shop, "--rules", "draft")

    (kept,) = (shop.data / "reports").glob("*.html")
    assert kept.name.endswith("-active-3-draft-7.html")
    assert str(kept) in ran.out
    assert "active 3, draft 7</title>" in kept.read_text()


def test_built_in_rules_are_those_of_the_platform(shop: StubPlatform) -> None:
    document = simulate(shop, "--rules", "built-in", "--rules", "active", "--json").document

    assert [one["name"] for one in document["versions"]] == ["built-in", "active 3"]
    assert document["versions"][0]["rulesVersion"] == RULES.version
    assert document["activate"] == ["aljibe rules activate 3"]


@pytest.mark.parametrize(
    ("arguments", "code", "reason"),
    [
        (["--rules", "nothing.json"], 2, "SIMULATE_NO_RULES"),
        (["--rules", "active"], 2, "SIMULATE_VERSIONS"),
        (["--rules", "draft", "--rules", "draft"], 2, "SIMULATE_TWICE"),
        (["--rules", "draft", "--report", "no/such/folder/r.html"], 2, "SIMULATE_NO_FOLDER"),
    ],
)
def test_what_cannot_be_meant_is_said(
    shop: StubPlatform, arguments: list[str], code: int, reason: str
) -> None:
    ran = simulate(shop, *arguments, "--json")

    assert (ran.code, ran.error["reason"], ran.out) == (code, reason, "")


@pytest.mark.parametrize(
    ("begin", "end", "code", "reason"),
    [
        ("yesterday", "2026-03-08", 2, "SIMULATE_BAD_TIME"),
        ("12", "2026-03-08", 2, "SIMULATE_BAD_TIME"),
        ("2026-03-08", "2026-03-02", 2, "SIMULATE_BAD_PERIOD"),
        ("2026-04-01", "2026-04-02", 1, "SIMULATE_NO_ORDERS"),
        ("2020-04-01", "2026-04-02", 1, "SIMULATE_BAD_PAST"),
    ],
)
def test_times_that_cannot_be_played_are_said(
    shop: StubPlatform, begin: str, end: str, code: int, reason: str
) -> None:
    ran = shop.aljibe("simulate", "--from", begin, "--to", end, "--rules", "draft", "--json")

    assert (ran.code, ran.error["reason"]) == (code, reason)


def test_rules_about_brands_are_tried_with_the_catalog_s_brands(shop: StubPlatform, tmp_path: Path) -> None:
    """The article is of a brand that stores do not send: both orders find the warehouse only."""
    shop.stubs.products = [
        catalog_pb2.Product(product_id="p", brand="Acme", variants=[catalog_pb2.Variant(sku="x")])
    ]
    never = Exclusion("Acme from the warehouse", Scope(brands=("Acme",)), Matcher(kinds=("STORE",)))
    mine = tmp_path / "mine.json"
    mine.write_text(to_text(replace(EAGER, exclusions=(never,))))

    document = simulate(shop, "--rules", str(mine), "--json").document

    assert _values(document, "unmet_units") == [0, 1]
    (change, *_) = document["versions"][1]["changes"]
    assert change["cause"] == "RULES"


def test_a_document_that_is_wrong_is_told_with_all_its_errors(shop: StubPlatform, tmp_path: Path) -> None:
    mine = tmp_path / "mine.json"
    mine.write_text('{"name": "x", "currency": "EUR", "costs": {"parcel_fixed": "much"}, "colour": 1}')

    ran = simulate(shop, "--rules", str(mine))

    assert ran.code == 2
    assert "costs.parcel_fixed" in ran.err
    assert "colour" in ran.err


def test_without_a_draft_there_is_nothing_to_try(shop: StubPlatform) -> None:
    shop.stubs.rules = {3: shop.stubs.rules[3]}

    assert simulate(shop, "--rules", "draft", "--json").error["reason"] == "SIMULATE_NO_DRAFT"


def test_a_grocer_s_week_needs_no_platform(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Prices of stock on and off; the same command gives the same document."""
    monkeypatch.setenv("ALJIBE_DATA", str(tmp_path))
    whole = grocer.grocer_world

    def small(settings: grocer.GrocerSettings) -> Any:
        return whole(replace(settings, products=150, stores=16))

    monkeypatch.setattr(grocer, "grocer_world", small)
    command = ("simulate", "--from", "20", "--to", "20", "--history-weeks", "2", "--json")

    first, second = aljibe(*command), aljibe(*command)

    assert first.code == 0, first.err
    assert first.out == second.out
    assert [one["name"] for one in first.document["versions"]] == ["built-in", "built-in, no prices"]
    assert first.document["orders"] > 50
    assert first.document["walkInSales"] > 200


def test_a_week_that_is_not_in_the_year_is_refused() -> None:
    ran = aljibe("simulate", "--from", "50", "--to", "60", "--json")

    assert (ran.code, ran.error["reason"]) == (1, "SIMULATE_BAD_PAST")


def _values(document: Any, key: str) -> list[float]:
    found: list[float] = next(row["values"] for row in document["figures"] if row["key"] == key)
    return found


def _location(location_id: str, latitude: float) -> inventory_pb2.Location:
    kind = types_pb2.LOCATION_KIND_STORE if "store" in location_id else types_pb2.LOCATION_KIND_WAREHOUSE
    return inventory_pb2.Location(
        location_id=location_id,
        kind=kind,
        address=types_pb2.Address(
            country_code="ES", point=types_pb2.GeoPoint(latitude=latitude, longitude=-3.0)
        ),
        time_zone="UTC",
        capabilities=[inventory_pb2.CAPABILITY_SHIP],
        active=True,
    )


def _rules(number: int, rules: SourcingRules, state: int) -> rules_pb2.RulesVersion:
    return rules_pb2.RulesVersion(
        number=number,
        name=rules.name,
        state=rules_pb2.RulesState.ValueType(state),
        document=to_text(rules),
        rules_version=rules.version,
    )


def _order(order_id: str, at: datetime, location_id: str, parcel: str) -> orders_pb2.Order:
    group = orders_pb2.UnitGroup(
        state=orders_pb2.UNIT_STATE_SHIPPED,
        quantity_units=1,
        location_id=location_id,
        fulfillment_order_id=parcel,
    )
    line = orders_pb2.OrderLine(
        line_number=1,
        sku="x",
        quantity_units=1,
        method=types_pb2.FULFILLMENT_METHOD_SHIP,
        tax_minor=21_00,
        total_minor=121_00,
        units=[group],
    )
    order = orders_pb2.Order(
        order_id=order_id,
        channel_id="web",
        currency_code="EUR",
        lines=[line],
        delivery_address=types_pb2.Address(point=types_pb2.GeoPoint(latitude=40.0, longitude=-3.0)),
    )
    order.accept_time.FromDatetime(at)
    return order


def _movement(
    location_id: str, at: datetime, units: int, after: int, cause: int, document: str = "doc"
) -> inventory_pb2.Movement:
    found = inventory_pb2.Movement(
        sku="x",
        location_id=location_id,
        quantity_units=units,
        on_hand_after_units=after,
        cause=inventory_pb2.MovementCause.ValueType(cause),
        document_id=document,
    )
    found.record_time.FromDatetime(at)
    return found


def _position(location_id: str, units: int) -> inventory_pb2.Position:
    return inventory_pb2.Position(sku="x", location_id=location_id, on_hand_units=units)
