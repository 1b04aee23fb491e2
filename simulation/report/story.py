"""What a report tells: figures turned into words and numbers of one language, before they become a page, a
table on a terminal or a document.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from services.orders.domain.explain import Candidate, Explained
from services.orders.domain.rules import SourcingRules
from services.orders.domain.sourcing import Plan
from services.orders.domain.states import Method
from simulation.figures import Comparison, Difference, Row, Unit
from simulation.play import Change, Decision, Outcome
from simulation.report.numbers import Numbers
from simulation.report.words import Words
from simulation.world import Sale

SHOWN_CANDIDATES = 12
_COSTS = (
    "parcel_fixed",
    "parcel_per_km",
    "parcel_per_unit",
    "pick_warehouse_per_unit",
    "pick_store_per_unit",
    "pack_store_per_parcel",
    "tariff",
    "margin_percent",
)


@dataclass(frozen=True)
class Told:
    """A comparison, where its past came from (`source`: a word's key, with its fields), and what puts a
    version into force or takes it back, as command lines.
    """

    comparison: Comparison
    source: str
    source_fields: Mapping[str, object] = field(default_factory=dict)
    activate: Sequence[str] = ()
    rollback: str = ""


class Cell(NamedTuple):
    """A version's figure; `tone` is "better", "worse" or nothing, and only where the difference is sure."""

    value: str
    difference: str
    percent: str
    tone: str


class Line(NamedTuple):
    """A row of the table of figures."""

    name: str
    part: bool
    cells: tuple[Cell, ...]


class CandidateLine(NamedTuple):
    """A location that was looked at."""

    location_id: str
    km: str
    coverable: str
    outcome: str
    chosen: bool
    terms: str


class Detail(NamedTuple):
    """One decision with its candidates."""

    title: str
    caption: str
    lines: tuple[CandidateLine, ...]
    more: str


class Changed(NamedTuple):
    """An order that is served otherwise."""

    anchor: str
    order_id: str
    placed: str
    why: str
    first: str
    other: str
    difference: str
    details: tuple[Detail, ...]


class Version(NamedTuple):
    """A version's line."""

    name: str
    content: str
    prices: str
    changed: str


class Teller:
    """Tells one comparison in one language."""

    def __init__(self, told: Told, language: str) -> None:
        self.told = told
        self.comparison: Comparison = told.comparison
        self.words = Words(language)
        self.numbers = Numbers(language, told.comparison.world.currency_code, self._scale())
        self.names = tuple(outcome.variant.name for outcome in told.comparison.outcomes)

    def _scale(self) -> float:
        """The largest total, in thousandths of a minor unit."""
        return max(self.told.comparison.row("total").values)

    def scene(self) -> str:
        """What was played."""
        world, numbers = self.comparison.world, self.numbers
        return self.words(
            "scene",
            orders=numbers.plain(len(world.orders)),
            sales=numbers.plain(sum(isinstance(event, Sale) for event in world.events)),
            begins=numbers.day(world.days[0]),
            ends=numbers.day(world.days[-1]),
            locations=numbers.plain(len(world.locations.by_id)),
        )

    def notes(self) -> list[str]:
        """Where it came from, and by what it is measured."""
        notes = [
            self.words(f"source.{self.told.source}", **self.told.source_fields),
            self.words("yardstick", name=self.names[0]),
        ]
        first = self.comparison.outcomes[0].variant.rules
        notes += [
            self.words("other_costs", name=outcome.variant.name, first=self.names[0])
            for outcome in self.comparison.outcomes[1:]
            if _costs(outcome.variant.rules) != _costs(first)
        ]
        return notes

    def verdicts(self) -> list[str]:
        """One paragraph per version but the first."""
        return [self._verdict(number) for number in range(1, len(self.names))]

    def versions(self) -> list[Version]:
        """What was compared."""
        return [self._version(number, outcome) for number, outcome in enumerate(self.comparison.outcomes)]

    def lines(self) -> list[Line]:
        """The table of figures. Terms that are zero everywhere are left out."""
        return [
            Line(self.words(f"metric.{row.metric.key}"), row.metric.part, self._cells(row))
            for row in self.comparison.rows
            if not row.metric.part or any(row.values)
        ]

    def changes(self, number: int) -> list[Changed]:
        """The orders that changed most under version `number`."""
        changes = self.comparison.outcomes[number].changes
        return [self._changed(number, place, change) for place, change in enumerate(changes, start=1)]

    def method(self) -> list[str]:
        """How it was made."""
        return [self.words(f"method.{key}") for key in ("engine", "prices", "lost", "unmet", "interval")]

    def _verdict(self, number: int) -> str:
        words, numbers = self.words, self.numbers
        row = self.comparison.row("total")
        found, whole = row.differences[number - 1], row.values[0]
        name = self.names[number]
        if not found.value:
            said = [words("verdict.same", name=name, first=self.names[0])]
        else:
            amount = numbers.value(abs(found.value), row.metric.unit)
            key = "verdict.better" if found.value < 0 else "verdict.worse"
            said = [words(key, name=name, amount=amount, percent=numbers.percent(found.value, whole) or "–")]
            single = found.half_width is None
            said.append(words(f"verdict.{'single' if single else 'sure' if found.sure else 'unsure'}"))
            for key in ("serving", "lost"):
                term = self.comparison.row("lost_margin" if key == "lost" else key)
                difference = numbers.difference(term.differences[number - 1], term.metric.unit)
                said.append(words(f"verdict.{key}", difference=difference))
        changed = self.comparison.outcomes[number].changed
        orders = len(self.comparison.world.orders)
        said.append(words("verdict.changed", changed=numbers.plain(changed), orders=numbers.plain(orders)))
        return " ".join(said)

    def _version(self, number: int, outcome: Outcome) -> Version:
        rules = outcome.variant.rules
        weight = rules.opportunity_percent
        return Version(
            outcome.variant.name,
            rules.version,
            self.words("prices.on", percent=weight) if weight else self.words("prices.off"),
            self.numbers.plain(outcome.changed) if number else "–",
        )

    def _cells(self, row: Row) -> tuple[Cell, ...]:
        metric, numbers = row.metric, self.numbers
        values = [numbers.value(value, metric.unit, mean=metric.mean) for value in row.values]
        cells = [Cell(values[0], "", "", "")]
        for value, found in zip(values[1:], row.differences, strict=True):
            told = numbers.difference(found, metric.unit, mean=metric.mean)
            percent = numbers.percent(found.value, row.values[0])
            if not found.value or metric.unit is Unit.SHARE:
                percent = ""
            cells.append(Cell(value, told, percent, "" if metric.neutral else _tone(found)))
        return tuple(cells)

    def _changed(self, number: int, place: int, change: Change) -> Changed:
        rules = [self.comparison.outcomes[at].variant.rules for at in (0, number)]
        names = (self.names[0], self.names[number])
        return Changed(
            f"order-{number}-{place}",
            change.order_id,
            self.numbers.moment(change.at),
            self.words.name("cause", change.cause),
            self.plan(change.first.plan),
            self.plan(change.other.plan),
            self.numbers.money(change.difference, signed=True),
            tuple(
                self._detail(change.order_id, name, decision, of)
                for name, decision, of in zip(names, (change.first, change.other), rules, strict=True)
            ),
        )

    def plan(self, plan: Plan) -> str:
        """Who serves what, in a line."""
        said = []
        for part in plan.parts:
            units = sum(line.quantity_units for line in part.lines)
            key = "part" if part.method is Method.SHIP else "pickup_part"
            if part.pickup_location_id:
                key = "to_store_part"
            said.append(
                self.words(
                    key,
                    units=units,
                    location=part.location_id,
                    km=self.numbers.plain(part.distance_km),
                    store=part.pickup_location_id,
                )
            )
        if unmet := sum(short.requested_units - short.available_units for short in plan.shortages):
            said.append(self.words("unserved", units=unmet))
        return ", ".join(said)

    def _detail(self, order_id: str, name: str, decision: Decision, rules: SourcingRules) -> Detail:
        found = Explained(decision.record, self.comparison.world.locations, rules).candidates()
        chosen = {part.location_id for part in decision.plan.parts}
        able = [one for one in found if one.location_id in chosen or one.coverable_units]
        able.sort(key=lambda one: (one.location_id not in chosen, -one.coverable_units, one.distance_km))
        shown = able[: max(SHOWN_CANDIDATES, len(chosen))]
        return Detail(
            self.words(
                "decision",
                order=order_id,
                name=name,
                cost=self.numbers.money(decision.served.cost),
                promise=self.numbers.moment(decision.promise),
            ),
            self.words("candidates", order=order_id, name=name),
            tuple(self._candidate(one, one.location_id in chosen) for one in shown),
            self.words("more", count=len(able) - len(shown), none=len(found) - len(able)),
        )

    def _candidate(self, one: Candidate, chosen: bool) -> CandidateLine:
        terms = ", ".join(
            f"{self.words.name('term', key)} {self.numbers.money(value)}"
            for key, value in one.cost_terms.items()
        )
        outcome = self.words("chosen") if chosen else self.words.name("out", one.eliminated_by)
        if one.rule and not chosen:
            outcome = f"{outcome}: {one.rule}"
        if one.late_days:
            outcome = f"{outcome}, {self.words('late', days=one.late_days)}"
        return CandidateLine(
            one.location_id,
            f"{self.numbers.plain(one.distance_km)} km",
            self.numbers.plain(one.coverable_units),
            outcome,
            chosen,
            terms,
        )


def _tone(found: Difference) -> str:
    if not found.value or (found.half_width is not None and not found.sure):
        return ""
    return "better" if found.value < 0 else "worse"


def _costs(rules: SourcingRules) -> SourcingRules:
    """The rules with nothing left but costs."""
    return replace(SourcingRules(), **{name: getattr(rules, name) for name in _COSTS})
