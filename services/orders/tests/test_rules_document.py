"""The document of rules that a business user writes: what it says, and everything that is wrong with it at
once.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.orders.domain.rules import (
    CustomerPromise,
    Exclusion,
    Group,
    Matcher,
    SafetyDays,
    Scope,
    SourcingRules,
    TariffStep,
)
from services.orders.domain.rules_document import (
    MAX_DOCUMENT_LENGTH,
    MAX_PROBLEMS,
    differences,
    read,
    to_text,
    write,
)
from services.orders.domain.rules_problems import REASONS
from services.orders.tests.test_rules import FULL


def document(**changes: Any) -> dict[str, Any]:
    """A small document, some of it changed."""
    return {"name": "Autumn", "currency": "EUR", **changes}


def wrong(content: Any) -> list[tuple[str, str]]:
    """Path and reason of each problem."""
    text = content if isinstance(content, str) else json.dumps(content)
    found = read(text)
    assert (found.rules is None) == bool(found.problems)
    for one in found.problems:
        assert one.sentence("en")
        assert one.sentence("es")
    return [(one.path, one.reason) for one in found.problems]


def test_a_small_document_says_the_rest_by_default() -> None:
    """Who wants one thing changed writes one thing."""
    found = read(json.dumps(document(costs={"parcel_fixed": "5.5"}, split={"no_split_below": "20"})))

    assert found.problems == ()
    assert found.rules == SourcingRules(
        name="Autumn", currency_code="EUR", parcel_fixed=550_000, no_split_below_minor=2_000
    )


def test_a_document_is_read_as_it_is_written() -> None:
    """What the platform shows can be edited and sent back."""
    assert read(to_text(FULL)).rules == FULL
    assert write(FULL)["costs"]["parcel_per_km"] == "0.002"
    assert write(FULL)["promise"]["ship_cut_off_local"] == "16:00"
    assert write(FULL)["groups"][0] == {
        "name": "near stores",
        "locations": {"kinds": ["STORE"], "within_km": 50, "open_now": True},
        "applies_to": {},
    }


@pytest.mark.parametrize(
    ("currency", "cost", "value"), [("EUR", "6.00", "0.25"), ("JPY", "600", "25"), ("KWD", "0.600", "0.025")]
)
def test_money_is_in_the_currencys_own_decimals(currency: str, cost: str, value: str) -> None:
    """A yen has no cents, and a dinar has a thousand fils."""
    rules = SourcingRules(name="n", currency_code=currency, parcel_fixed=600_000, no_split_below_minor=25)

    written = write(rules)

    assert (written["costs"]["parcel_fixed"], written["split"]["no_split_below"]) == (cost, value)
    assert read(json.dumps(written)).rules == rules


def test_no_part_of_the_rules_is_missing_in_the_document() -> None:
    """A field that nobody can write is a setting nobody can change: each one shows when it differs."""
    for name, value in vars(SourcingRules()).items():
        changed: Any
        match value:
            case bool():
                changed = not value
            case int():
                changed = value + 1
            case str():
                changed = "USD" if name == "currency_code" else "other"
            case tuple():
                changed = getattr(FULL, name)
        assert changed != value, name
        there = SourcingRules(**{"name": "n", name: changed})
        assert read(to_text(there)).rules == there, name


_names = st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")), min_size=1, max_size=8)
_lists = st.lists(_names, max_size=3, unique=True).map(tuple)
_matchers = st.builds(
    Matcher,
    _lists,
    st.sampled_from([(), ("STORE",), ("WAREHOUSE", "STORE")]),
    st.sampled_from([(), ("ES", "PT")]),
    _lists,
    st.sampled_from([(), ("SHIP",)]),
    st.integers(0, 500),
    st.booleans(),
)
_scopes = st.builds(
    Scope,
    channel_ids=_lists,
    attributes=st.dictionaries(_names, _names, max_size=3).map(lambda x: tuple(sorted(x.items()))),
    customer_promises=st.sampled_from([(), ("EXPRESS", "STANDARD")]),
    least_value_minor=st.integers(0, 10**8),
)
_rules = st.builds(
    SourcingRules,
    name=_names,
    currency_code=st.sampled_from(["EUR", "USD", "JPY", "KWD"]),
    parcel_fixed=st.integers(0, 10**8),
    parcel_per_km=st.integers(0, 10**4),
    split=st.integers(0, 10**8),
    ship_cut_off_minute=st.integers(0, 1_439),
    groups=st.lists(st.builds(Group, _names, _matchers, _scopes), max_size=3, unique_by=lambda x: x.name).map(
        tuple
    ),
    exclusions=st.lists(
        st.builds(Exclusion, _names, _scopes, _matchers), max_size=2, unique_by=lambda x: x.name
    ).map(tuple),
    safety_days=st.lists(
        st.builds(SafetyDays, _names, _matchers, _scopes, st.integers(1, 365)),
        max_size=2,
        unique_by=lambda x: x.name,
    ).map(tuple),
    tariff=st.lists(
        st.builds(
            TariffStep,
            st.integers(1, 20_000),
            st.integers(0, 10**8),
            st.integers(0, 10**8),
            st.integers(0, 60),
        ),
        max_size=4,
        unique_by=lambda x: x.up_to_km,
    ).map(lambda x: tuple(sorted(x, key=lambda step: step.up_to_km))),
)


@settings(max_examples=40, deadline=None)
@given(_rules)
def test_whatever_the_rules_are_document_and_store_give_them_back(rules: SourcingRules) -> None:
    """Nothing is rounded, nothing is lost, in neither form; equal rules have equal versions."""
    assert read(to_text(rules)).rules == rules
    stored = SourcingRules.from_json(rules.to_json())
    assert (stored, stored.version) == (rules, rules.version)
    assert differences(rules, stored) == ()


@pytest.mark.parametrize(
    ("content", "path", "reason"),
    [
        ("{", "", "NOT_JSON"),
        ('{"name": NaN}', "", "NOT_JSON"),
        ("[" * 20_000, "", "TOO_DEEP"),
        ("[]", "", "TYPE_WRONG"),
        ("1" * 5_000, "", "TYPE_WRONG"),
        (" " * (MAX_DOCUMENT_LENGTH + 1), "", "TOO_LARGE"),
        ('{"name": "a", "name": "b", "currency": "EUR"}', "name", "FIELD_REPEATED"),
        ({"currency": "EUR"}, "name", "FIELD_MISSING"),
        ({"name": "a"}, "currency", "FIELD_MISSING"),
        (document(name=" "), "name", "VALUE_EMPTY"),
        (document(name="a" * 101), "name", "VALUE_TOO_LONG"),
        (document(name="a\nb"), "name", "TYPE_WRONG"),
        (document(name="\ud800"), "name", "TYPE_WRONG"),
        (document(name=None), "name", "TYPE_WRONG"),
        (document(currency="euro"), "currency", "VALUE_FORM"),
        (document(cost={}), "cost", "FIELD_UNKNOWN"),
        (document(**{"\ud800": 1}), "?", "FIELD_UNKNOWN"),
        (document(costs=[]), "costs", "TYPE_WRONG"),
        (document(costs={"parcel": "1"}), "costs.parcel", "FIELD_UNKNOWN"),
        (document(costs={"parcel_fixed": 6}), "costs.parcel_fixed", "TYPE_WRONG"),
        (document(costs={"parcel_fixed": "6,00"}), "costs.parcel_fixed", "VALUE_FORM"),
        (document(costs={"parcel_fixed": "-0.01"}), "costs.parcel_fixed", "VALUE_NEGATIVE"),
        (document(costs={"parcel_fixed": "0.000001"}), "costs.parcel_fixed", "VALUE_TOO_PRECISE"),
        (document(costs={"parcel_fixed": "100000001"}), "costs.parcel_fixed", "VALUE_OUT_OF_RANGE"),
        (document(split={"no_split_below": "0.001"}), "split.no_split_below", "VALUE_TOO_PRECISE"),
        (document(split={"most_parcels": -1}), "split.most_parcels", "VALUE_OUT_OF_RANGE"),
        (document(split={"most_parcels": True}), "split.most_parcels", "TYPE_WRONG"),
        (document(split={"most_parcels": 1.5}), "split.most_parcels", "TYPE_WRONG"),
        (document(split={"brands_together": "Own"}), "split.brands_together", "TYPE_WRONG"),
        (document(split={"brands_together": ["a", "a"]}), "split.brands_together[1]", "VALUE_REPEATED"),
        (document(split={"brands_together": ["x"] * 501}), "split.brands_together", "LIST_TOO_LONG"),
        (document(promise={"ship_cut_off_local": "24:00"}), "promise.ship_cut_off_local", "TYPE_WRONG"),
        (document(promise={"delivery_weekdays": []}), "promise.delivery_weekdays", "VALUE_EMPTY"),
        (
            document(promise={"delivery_weekdays": ["MON", "LUN"]}),
            "promise.delivery_weekdays[1]",
            "VALUE_NOT_ALLOWED",
        ),
        (document(promise={"transit_km_per_day": 0}), "promise.transit_km_per_day", "VALUE_OUT_OF_RANGE"),
        (document(stock_value={"margin_percent": 101}), "stock_value.margin_percent", "VALUE_OUT_OF_RANGE"),
        (document(endless_aisle="yes"), "endless_aisle", "TYPE_WRONG"),
        (document(ship_to_store={"allowed": 1}), "ship_to_store.allowed", "TYPE_WRONG"),
        (document(carrier_tariff={}), "carrier_tariff", "TYPE_WRONG"),
        (document(carrier_tariff=[{"up_to_km": 5}]), "carrier_tariff[0].parcel_fixed", "FIELD_MISSING"),
        (document(groups=[{}]), "groups[0].name", "FIELD_MISSING"),
        (document(groups=[1]), "groups[0]", "TYPE_WRONG"),
        (document(groups=[{"name": "a"}] * 51), "groups", "LIST_TOO_LONG"),
        (document(groups=[{"name": "a"}, {"name": "a"}]), "groups[1].name", "NAME_REPEATED"),
        (
            document(groups=[{"name": "a", "locations": {"kinds": ["SHOP"]}}]),
            "groups[0].locations.kinds[0]",
            "VALUE_NOT_ALLOWED",
        ),
        (
            document(groups=[{"name": "a", "locations": {"countries": ["Spain"]}}]),
            "groups[0].locations.countries[0]",
            "VALUE_FORM",
        ),
        (
            document(exclusions=[{"name": "a", "applies_to": {"attributes": {"cold": 1}}}]),
            "exclusions[0].applies_to.attributes.cold",
            "TYPE_WRONG",
        ),
        (
            document(
                exclusions=[
                    {"name": "a", "applies_to": {"attributes": dict.fromkeys(map(str, range(21)), "x")}}
                ]
            ),
            "exclusions[0].applies_to.attributes",
            "LIST_TOO_LONG",
        ),
        (
            document(exclusions=[{"name": "a", "applies_to": {"customer_promises": ["quick"]}}]),
            "exclusions[0].applies_to.customer_promises[0]",
            "VALUE_FORM",
        ),
        (document(safety_days=[{"name": "a"}]), "safety_days[0].days", "FIELD_MISSING"),
        (document(safety_days=[{"name": "a", "days": 0}]), "safety_days[0].days", "VALUE_OUT_OF_RANGE"),
    ],
    ids=lambda value: value if isinstance(value, str) and value in REASONS else "",
)
def test_an_error_is_told_with_its_place(content: Any, path: str, reason: str) -> None:
    """Path, reason, and a sentence in both languages."""
    assert (path, reason) in wrong(content)


def test_a_promise_says_only_what_differs_from_the_rules() -> None:
    """And the rest follows the rules when they change; who states a promise of their own offers no other."""
    content = document(customer_promises=[{"code": "NIGHT", "parcel_fixed": "9.5", "deliver_within_days": 1}])
    step = {"up_to_km": 50, "parcel_fixed": "4", "per_unit": "0", "transit_days": 0}

    night = read(json.dumps(content)).rules
    courier = read(json.dumps(document(customer_promises=[{"code": "COURIER", "carrier_tariff": [step]}])))
    none = read(json.dumps(document(customer_promises=[]))).rules
    silent = read(json.dumps(document())).rules

    assert night is not None
    assert courier.rules is not None
    assert night.customer_promises == (CustomerPromise("NIGHT", parcel_fixed=950_000, deliver_within_days=1),)
    assert write(night)["customer_promises"] == [
        {"code": "NIGHT", "deliver_within_days": 1, "parcel_fixed": "9.50"}
    ]
    assert courier.rules.under("COURIER").tariff == (TariffStep(50, 400_000, 0, 0),)
    assert none is not None
    assert list(none.promises) == ["STANDARD"]
    assert silent is not None
    assert list(silent.promises) == ["STANDARD", "EXPRESS"]
    assert read(to_text(silent)).rules == silent


def test_what_is_wrong_with_a_promise_is_told_with_its_place() -> None:
    one, nameless = {"code": "FAST"}, {"transit_days": 1}

    assert wrong(document(customer_promises=[one, one])) == [("customer_promises[1].code", "NAME_REPEATED")]
    assert wrong(document(customer_promises=[nameless])) == [("customer_promises[0].code", "FIELD_MISSING")]
    assert wrong(document(customer_promises=[{"code": "fast", "price": "1"}])) == [
        ("customer_promises[0].price", "FIELD_UNKNOWN"),
        ("customer_promises[0].code", "VALUE_FORM"),
    ]


def test_tariff_steps_that_do_not_rise_are_refused() -> None:
    """The first step that reaches far enough counts, so that a nearer one behind it would never."""
    step = {"parcel_fixed": "1", "per_unit": "0", "transit_days": 1}
    found = wrong(document(carrier_tariff=[{"up_to_km": 50, **step}, {"up_to_km": 50, **step}]))

    assert found == [("carrier_tariff[1].up_to_km", "TARIFF_ORDER")]


def test_all_errors_are_told_at_once() -> None:
    """Who corrects one and sends again should not be told the next."""
    found = wrong(
        document(
            currency="eur",
            costs={"parcel_fixed": "-1", "spilt": "2"},
            groups=[{"name": "a", "locations": {"kinds": ["SHOP"], "near_km": 3}}],
        )
    )

    assert found == [
        ("currency", "VALUE_FORM"),
        ("costs.spilt", "FIELD_UNKNOWN"),
        ("costs.parcel_fixed", "VALUE_NEGATIVE"),
        ("groups[0].locations.near_km", "FIELD_UNKNOWN"),
        ("groups[0].locations.kinds[0]", "VALUE_NOT_ALLOWED"),
    ]


def test_a_document_full_of_errors_gives_a_list_with_an_end() -> None:
    """The answer stays small whatever is sent."""
    groups = [{"name": "g", **{f"x{n}": 1 for n in range(40)}} for _ in range(40)]

    assert len(wrong(document(groups=groups))) == MAX_PROBLEMS


_keys = st.sampled_from(["name", "currency", "costs", "groups", "split", "locations", "applies_to", "ids"])
_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(_keys, inner),
)


@settings(max_examples=60, deadline=None)
@given(_json)
def test_whatever_is_sent_is_answered(content: Any) -> None:
    """No document ends in an error of ours."""
    wrong(json.dumps(content))


def test_differences_tell_path_and_both_values() -> None:
    """The history shows what somebody changed."""
    after = SourcingRules.from_json(FULL.to_json().replace('"within_km":50', '"within_km":60'))

    assert differences(FULL, after) == (("groups[0].locations.within_km", "50", "60"),)
    assert differences(FULL, FULL) == ()
    assert ("groups[0].name", '"near stores"', "") in differences(FULL, SourcingRules())


def test_the_manuals_document_is_right() -> None:
    """Who copies it from there is not told that it is wrong."""
    manual = (Path(__file__).parents[3] / "docs" / "sourcing.md").read_text(encoding="utf-8")
    example = manual.partition("```json\n{\n")[2].partition("```")[0]

    found = read("{" + example)

    assert found.problems == ()
    assert found.rules is not None
    assert found.rules.groups[0].name == "warehouses first"
