"""The report as one HTML file that needs nothing else: no address outside, no script, light and dark."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from markupsafe import Markup

from simulation.figures import Unit
from simulation.play import Outcome
from simulation.report.charts import Charts, Series, legend
from simulation.report.story import Teller, Told

MOST_PARCELS_SHOWN = 5
_TERMS = ("parcel", "distance", "units", "lost_margin", "unmet_margin")


def page(told: Told, language: str) -> str:
    """The whole file; the same for the same arguments."""
    teller = Teller(told, language)
    figures = _Figures(teller)
    return _template().render(
        lang=language,
        t=teller.words,
        teller=teller,
        told=told,
        names=teller.names,
        figures=figures.all(),
    )


@cache
def _template() -> Template:
    environment = Environment(
        loader=PackageLoader("simulation.report", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("page.html.jinja")


class _Figures:
    """The charts with their titles and legends."""

    def __init__(self, teller: Teller) -> None:
        self._teller = teller
        self._comparison = teller.comparison
        self._words = teller.words
        self._charts = Charts()
        self._days = [teller.numbers.day(day) for day in teller.comparison.world.days]

    def all(self) -> list[tuple[str, Markup, Markup]]:
        """Title, legend and drawing of each."""
        found = [self._terms()]
        if len(self._teller.names) > 1 and len(self._days) > 1:
            found.append(self._cumulative())
        if len(self._days) > 1:
            found.append(self._lost())
        return [*found, self._parcels(), self._kinds()]

    def _money(self, value: float) -> str:
        return self._teller.numbers.value(value, Unit.MONEY)

    def _bare_money(self, value: float) -> str:
        return self._money(value).removesuffix(self._teller.numbers.suffix(Unit.MONEY))

    def _count(self, value: float) -> str:
        return self._teller.numbers.plain(value, 0 if value == round(value) else 1)

    def _terms(self) -> tuple[str, Markup, Markup]:
        title = self._words("chart.terms")
        series = [
            Series(self._words(f"metric.{key}"), self._comparison.row(key).values)
            for key in _TERMS
            if any(self._comparison.row(key).values)
        ]
        drawn = self._charts.stacked(title, self._teller.names, series, self._money)
        return title, legend([one.name for one in series]), drawn

    def _cumulative(self) -> tuple[str, Markup, Markup]:
        title = self._words("chart.cumulative", name=self._teller.names[0])
        title = f"{title} ({self._comparison.world.currency_code})"
        first = self._comparison.daily_total[0]
        series = []
        for name, days in zip(self._teller.names[1:], self._comparison.daily_total[1:], strict=True):
            total, values = 0.0, []
            for mine, its in zip(days, first, strict=True):
                total += mine - its
                values.append(total)
            series.append(Series(name, tuple(values)))
        drawn = self._charts.lines(title, self._days, series, self._bare_money, first=1)
        return title, legend([one.name for one in series], first=1), drawn

    def _lost(self) -> tuple[str, Markup, Markup]:
        title = f"{self._words('chart.lost')} ({self._comparison.world.currency_code})"
        series = [
            Series(
                outcome.variant.name,
                tuple(float(outcome.days[day].lost_margin) for day in self._comparison.world.days),
            )
            for outcome in self._comparison.outcomes
        ]
        drawn = self._charts.lines(title, self._days, series, self._bare_money)
        return title, legend(self._teller.names), drawn

    def _parcels(self) -> tuple[str, Markup, Markup]:
        title = self._words("chart.parcels")
        counts = [_ended(found) for found in self._comparison.parcels]
        groups = [self._words("none"), *map(str, range(1, len(counts[0])))]
        if len(self._comparison.parcels[0]) > len(counts[0]):
            groups[-1] += "+"
        series = [
            Series(name, tuple(float(one) for one in found))
            for name, found in zip(self._teller.names, counts, strict=True)
        ]
        drawn = self._charts.grouped(title, groups, series, self._count)
        return title, legend(self._teller.names), drawn

    def _kinds(self) -> tuple[str, Markup, Markup]:
        title = self._words("chart.kinds")
        series = [
            Series(self._words("kind.store"), tuple(map(_from_stores, self._comparison.outcomes))),
            Series(self._words("kind.warehouse"), tuple(map(_from_warehouses, self._comparison.outcomes))),
        ]
        drawn = self._charts.stacked(title, self._teller.names, series, self._count)
        return title, legend([one.name for one in series]), drawn


def _ended(counts: Sequence[int]) -> list[int]:
    """With all from `MOST_PARCELS_SHOWN` on together."""
    found = list(counts[: MOST_PARCELS_SHOWN + 1])
    found[-1] += sum(counts[MOST_PARCELS_SHOWN + 1 :])
    return found


def _from_stores(outcome: Outcome) -> float:
    return float(sum(one.store_units for one in outcome.orders))


def _from_warehouses(outcome: Outcome) -> float:
    return float(sum(one.warehouse_units for one in outcome.orders))
