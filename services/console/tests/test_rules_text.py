"""Rules of sourcing as sentences."""

from __future__ import annotations

from typing import Any

from services.console.domain.rules_text import MAX_NAMES, Amount, Change, Phrase, changes, told, value

DOCUMENT: dict[str, Any] = {
    "name": "Autumn",
    "currency": "EUR",
    "costs": {
        "parcel_fixed": "6.00",
        "parcel_per_km": "0.002",
        "parcel_per_unit": "0.35",
        "split_per_further_parcel": "1.00",
        "late_per_day": "0.00",
    },
    "split": {"most_parcels": 3, "no_split_below": "25.00"},
    "groups": [
        {
            "name": "near",
            "locations": {"kinds": ["STORE"], "within_km": 80, "open_now": True},
            "applies_to": {},
        }
    ],
    "exclusions": [
        {"name": "cold", "locations": {}, "applies_to": {"attributes": {"cold": "yes"}, "methods": ["SHIP"]}}
    ],
}


def keys(document: dict[str, Any]) -> dict[str, list[str]]:
    return {one.key: [sentence.key for sentence in one.sentences] for one in told(document)}


def test_every_part_of_a_document_is_a_sentence() -> None:
    assert keys(DOCUMENT) == {
        "orders": ["orders.group", "orders.exclusion"],
        "costs": ["costs.parcel", "costs.split_per_further_parcel"],
        "split": ["split.most", "split.below"],
    }


def test_a_group_says_which_places_and_lines_it_is_about() -> None:
    group = told(DOCUMENT)[0].sentences[0]

    assert group.facts["places"] == (
        Phrase("places.STORE"),
        Phrase("places.within", {"km": 80}),
        Phrase("places.open_now"),
    )
    assert group.facts["lines"] == Phrase("lines.all")


def test_amounts_stay_decimal_text_in_the_currency_of_the_document() -> None:
    (_, costs, _) = told(DOCUMENT)

    assert costs.sentences[0].facts["km"] == Amount("0.002", "EUR")


def test_a_tariff_comes_before_what_holds_beyond_it() -> None:
    step = {"up_to_km": 100, "parcel_fixed": "4.90", "per_unit": "0.30", "transit_days": 1}

    found = keys({**DOCUMENT, "carrier_tariff": [step]})

    assert found["costs"][:2] == ["costs.step", "costs.parcel_beyond"]


def test_each_promise_that_customers_may_choose_is_a_sentence() -> None:
    """With what it says otherwise than the rules, and nothing else."""
    express = {
        "code": "EXPRESS",
        "name_en": "Express",
        "deliver_within_days": 2,
        "transit_days": 1,
        "parcel_fixed": "11.00",
        "delivery_weekdays": ["SAT"],
        "carrier_tariff": [],
    }

    (_, promise) = told({"currency": "EUR", "customer_promises": [express, {"code": "STANDARD"}]})

    first, second = promise.sentences
    assert (promise.key, first.key, first.facts["code"]) == ("promise", "promise.offered", "EXPRESS")
    assert first.facts["facts"] == (
        Phrase("promise.within", {"days": 2}),
        Phrase("promise.own_transit", {"days": 1}),
        Phrase("promise.own_fixed", {"amount": Amount("11.00", "EUR")}),
        Phrase("promise.own_tariff"),
        Phrase("promise.own_days", {"days": (Phrase("weekday.SAT"),)}),
    )
    assert second.facts == {"code": "STANDARD", "facts": Phrase("promise.as_usual")}


def test_a_part_that_is_not_known_here_is_told_as_it_stands() -> None:
    assert keys({"currency": "EUR", "lanes": {"a": 1}})["other"] == ["other.part"]


def test_of_a_long_list_only_the_first_are_named() -> None:
    rule = {"name": "x", "locations": {}, "applies_to": {"skus": [f"S{n}" for n in range(MAX_NAMES + 3)]}}

    (section,) = told({"exclusions": [rule], "groups": [rule]})

    lines = section.sentences[0].facts["lines"]
    assert isinstance(lines, tuple)
    assert lines[0].facts["names"][-1] == Phrase("more", {"count": 3})


def test_what_changed_is_told_as_the_sentence_before_and_after() -> None:
    before = [("costs", ["A parcel costs 6.", "Each split costs 1."]), ("split", ["At most 3."])]
    after = [("costs", ["A parcel costs 7.", "Each split costs 1."]), ("co2", ["1 g a km."])]

    assert changes(before, after) == (
        Change("costs", "A parcel costs 6.", "A parcel costs 7."),
        Change("split", "At most 3.", ""),
        Change("co2", "", "1 g a km."),
    )


def test_values_lose_the_marks_of_json() -> None:
    assert value('["MON", "TUE"]') == "MON, TUE"
    assert value('"6.00"') == "6.00"
    assert value("") == ""
