from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.orders.domain.record import DecisionRecord
from services.orders.domain.rules import SourcingRules
from simulation.figures import Difference, Unit, compare
from simulation.play import Variant, simulate
from simulation.report import words
from simulation.report.charts import _ticks
from simulation.report.document import document
from simulation.report.numbers import Numbers
from simulation.report.page import page
from simulation.report.story import Teller, Told
from simulation.tests.builders import at, order, sale, world

RULES = SourcingRules(opportunity_percent=0)
HOSTILE = '<img src=x onerror="alert(1)">'


def told(name: str = "draft 7") -> Told:
    """Three orders in two days; under the other version the store sends them and loses sales."""
    played = world(
        {"x": {"store-a": 3, "wh": 3}},
        [order(number, at(number % 2, 9 + number), ("x", 1)) for number in range(3)]
        + [sale(at(1, 20), units=2)],
        days=2,
    )
    eager = replace(RULES, pick_store_per_unit=0, pack_store_per_parcel=0)
    outcomes = simulate(played, [Variant("active 3", RULES), Variant(name, eager)])
    return Told(
        compare(played, outcomes),
        "grocer",
        {"first": 1, "last": 2},
        ["aljibe rules activate 7"],
        "aljibe rules rollback 3",
    )


class Page(HTMLParser):
    """What a browser and a screen reader would find."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attributes)))

    def handle_data(self, data: str) -> None:
        self.text += data

    def every(self, tag: str) -> Iterator[dict[str, str | None]]:
        return (attributes for name, attributes in self.tags if name == tag)


@pytest.mark.parametrize("language", words.LANGUAGES)
def test_the_page_says_what_the_table_says(language: str) -> None:
    one = told()
    teller, found = Teller(one, language), Page(page(one, language))

    assert len(teller.lines()) > 10
    for line in teller.lines():
        assert line.name in found.text
        for cell in line.cells:
            assert cell.value in found.text
            assert cell.difference in found.text
    for verdict in teller.verdicts():
        assert verdict in found.text
    for command in (*one.activate, one.rollback):
        assert command in found.text


@pytest.mark.parametrize("language", words.LANGUAGES)
def test_the_page_needs_nothing_from_outside(language: str) -> None:
    """No address, no script, no style sheet, picture or font of elsewhere: it opens without a network."""
    text = page(told(), language)
    found = Page(text)

    assert not re.search(r"(?i)https?:|//[a-z0-9]|url\(|@import|\bsrc\s*=", text)
    assert {"script", "link", "img", "iframe", "object", "base"}.isdisjoint(tag for tag, _ in found.tags)
    for attributes in found.every("a"):
        assert (attributes["href"] or "").startswith("#")


def test_a_single_day_and_a_single_version_have_a_page_too() -> None:
    """No lines over time, no differences; a scale for nothing at all."""
    played = world({"x": {"store-a": 1}}, [order(1, at(), ("x", 1), pickup="store-a")], days=1)
    alone = Told(compare(played, simulate(played, [Variant("only", RULES)])), "platform")
    two = Told(compare(played, simulate(played, [Variant("a", RULES), Variant("b", RULES)])), "platform")

    assert page(alone, "en").count('role="img"') == 3
    assert "costs the same in all" in page(two, "en")
    assert "No order is served otherwise" in page(two, "en")


def test_names_of_versions_are_text_and_never_markup() -> None:
    text = page(told(HOSTILE), "en")

    assert "<img" not in text
    assert HOSTILE in Page(text).text


def test_links_lead_somewhere_and_ids_are_unique() -> None:
    found = Page(page(told(), "es"))
    ids = [attributes["id"] for _, attributes in found.tags if "id" in attributes]

    assert len(ids) == len(set(ids))
    targets = [(attributes["href"] or "")[1:] for attributes in found.every("a")]
    assert targets
    assert set(targets) <= set(ids)
    named = [
        name for _, attributes in found.tags for name in (attributes.get("aria-labelledby") or "").split()
    ]
    assert named
    assert set(named) <= set(ids)


def test_tables_and_charts_can_be_listened_to() -> None:
    found = Page(page(told(), "en"))

    assert [attributes["lang"] for attributes in found.every("html")] == ["en"]
    assert all(attributes.get("scope") in ("row", "col") for attributes in found.every("th"))
    charts = [attributes for attributes in found.every("svg") if attributes.get("role") == "img"]
    assert len(charts) == 5
    assert all(attributes.get("aria-labelledby") for attributes in charts)
    assert sum(tag == "h1" for tag, _ in found.tags) == 1


def test_colours_of_text_have_enough_contrast_in_light_and_dark() -> None:
    """WCAG 2.2, 1.4.3 and 1.4.11: 4.5 for text, 3 for bars and lines, on paper and on cards."""
    text = page(told(), "en")
    light, dark = [
        dict(re.findall(r"--([a-z0-9]+): (#[0-9a-f]{6})", block))
        for block in re.findall(r":root \{(.*?)\}", text, re.S)
    ]

    for colours in (light, dark):
        for ground in ("paper", "card"):
            for name in ("ink", "quiet", "link", "better", "worse"):
                assert _contrast(colours[name], colours[ground]) >= 4.5, (name, ground)
            for number in range(8):
                assert _contrast(colours[f"c{number}"], colours[ground]) >= 3, (number, ground)


def test_an_order_that_changed_shows_the_candidates_of_both_versions() -> None:
    teller = Teller(told(), "en")

    first = teller.changes(1)[0]

    assert first.first == "1 × wh (222 km)"
    assert first.other == "1 × store-a (0 km)"
    assert first.why == "the rules decide otherwise on the same stock"
    before, after = first.details
    assert [line.location_id for line in before.lines if line.chosen] == ["wh"]
    assert [line.location_id for line in after.lines if line.chosen] == ["store-a"]
    assert "parcel 6.00\u00a0EUR" in before.lines[0].terms


def test_the_document_holds_the_same_figures() -> None:
    one = told()

    found = document(one)

    assert found["versions"][1]["changedOrders"] == 3
    serving = next(row for row in found["figures"] if row["key"] == "serving")
    assert serving["values"] == list(one.comparison.row("serving").values)
    assert found["rollback"] == "aljibe rules rollback 3"
    assert len(found["days"]) == 2


def test_records_in_the_document_are_read_back_and_replayed() -> None:
    """Whoever has the document can decide the order again."""
    one = told()
    (change, *_) = document(one)["versions"][1]["changes"]
    kept = one.comparison.outcomes[1].changes[0]

    record = DecisionRecord.from_dict(change["other"]["record"])

    plan = record.replay(one.comparison.world.locations, one.comparison.outcomes[1].variant.rules)
    assert plan.parts == kept.other.plan.parts


def test_other_costs_are_told() -> None:
    """Else somebody would take the figures for those of the draft's own costs."""
    notes = " ".join(Teller(told(), "en").notes())

    assert "“draft 7” states other costs" in notes


def test_every_word_exists_in_both_languages_with_the_same_fields() -> None:
    for key, (english, spanish) in words._WORDS.items():
        assert english, key
        assert spanish, key
        fields = [sorted(re.findall(r"\{(\w+)\}", text)) for text in (english, spanish)]
        assert fields[0] == fields[1], key


def test_numbers_are_written_as_the_language_does() -> None:
    english, spanish = Numbers("en", "EUR"), Numbers("es", "EUR")

    assert english.plain(-12345.6, 1) == "−12\u202f345.6"
    assert spanish.plain(12345.6, 1, signed=True) == "+12\u202f345,6"
    assert english.plain(-0.01, 1) == "0.0"
    assert english.money(1_234_500) == "12.35\u00a0EUR"
    assert Numbers("en", "JPY").money(1_234_500) == "1\u202f234\u00a0JPY"
    found = Difference(-2_000_000, 500_000)
    assert spanish.difference(found, Unit.MONEY) == "−20,00\u00a0±\u00a05,00\u00a0EUR"
    assert Numbers("en", "EUR", 1e9).difference(found, Unit.MONEY) == "−20\u00a0±\u00a05\u00a0EUR"
    assert english.difference(Difference(0.0, 0.0), Unit.KM) == "="
    assert english.difference(Difference(0.125, None), Unit.SHARE) == "+12.5\u00a0points"


@settings(max_examples=200, deadline=None)
@given(st.floats(-1e9, 1e9), st.floats(-1e9, 1e9))
def test_scales_reach_beyond_the_values_in_few_even_steps(one: float, other: float) -> None:
    ticks = _ticks(min(one, other), max(one, other))

    assert 2 <= len(ticks) <= 7
    assert 0.0 in ticks
    slack = 1e-6 * (ticks[-1] - ticks[0])
    assert ticks[0] <= min(one, other, 0.0) + slack
    assert ticks[-1] >= max(one, other, 0.0) - slack


def _contrast(one: str, other: str) -> float:
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    ]
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
