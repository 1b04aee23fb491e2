"""Figures as people write them in their language."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from services.orders.domain.money import CURRENCY_DECIMALS
from simulation.figures import Difference, Unit

_THIN = "\u202f"
_MINUS = "\u2212"
_THOUSANDTHS = 1_000
_DECIMALS = {Unit.COUNT: 0, Unit.KM: 0, Unit.DAYS: 2, Unit.GRAMS: 1, Unit.SHARE: 1}
_WHOLE_FROM = 10_000
_SPACE = "\u00a0"
_SUFFIX = {Unit.KM: f"{_SPACE}km", Unit.GRAMS: f"{_SPACE}kg", Unit.SHARE: f"{_SPACE}%"}
_POINTS = {"en": "points", "es": "puntos"}
_SCALE = {Unit.GRAMS: 1 / 1_000, Unit.SHARE: 100.0}


@dataclass(frozen=True)
class Numbers:
    """Decimal comma in Spanish, decimal point in English; thousands are set off by a thin space in both
    (ISO 80000-1).
    """

    language: str
    currency_code: str
    largest: float = 0.0
    """The largest total of money, in thousandths of a minor unit: small ones are told with minor units."""

    def plain(self, value: float, decimals: int = 0, *, signed: bool = False) -> str:
        """As ``1 234.5``."""
        text = f"{abs(value):,.{decimals}f}"
        zero = not any(digit in text for digit in "123456789")
        text = text.replace(",", _THIN)
        if self.language == "es":
            text = text.replace(".", ",")
        if zero:
            return text
        return (_MINUS if value < 0 else "+" if signed else "") + text

    def value(self, value: float, unit: Unit, *, mean: bool = False, signed: bool = False) -> str:
        """A figure with its unit; large totals of money in whole units of the currency."""
        return self._bare(value, unit, mean=mean, signed=signed) + self.suffix(unit)

    def suffix(self, unit: Unit) -> str:
        """What stands behind a figure, with the space before it."""
        return f"{_SPACE}{self.currency_code}" if unit is Unit.MONEY else _SUFFIX.get(unit, "")

    def _bare(self, value: float, unit: Unit, *, mean: bool, signed: bool) -> str:
        if unit is Unit.MONEY:
            decimals = CURRENCY_DECIMALS.get(self.currency_code, 2)
            unit_of_money = _THOUSANDTHS * 10**decimals
            fine = mean or self.largest < _WHOLE_FROM * unit_of_money
            return self.plain(value / unit_of_money, decimals if fine else 0, signed=signed)
        decimals = 3 if unit is Unit.COUNT and mean else _DECIMALS[unit]
        return self.plain(value * _SCALE.get(unit, 1.0), decimals, signed=signed)

    def money(self, thousandths: float, *, signed: bool = False) -> str:
        """An amount of one order, with its minor unit."""
        return self.value(thousandths, Unit.MONEY, mean=True, signed=signed)

    def difference(self, found: Difference, unit: Unit, *, mean: bool = False) -> str:
        """As ``−12 ± 3 km``; ``=`` where there is none at all. A share differs in points."""
        if not found.value and not found.half_width:
            return "="
        text = self._bare(found.value, unit, mean=mean, signed=True)
        if found.half_width:
            text += f"{_SPACE}±{_SPACE}{self._bare(found.half_width, unit, mean=mean, signed=False)}"
        if unit is Unit.SHARE:
            return f"{text}{_SPACE}{_POINTS[self.language]}"
        return text + self.suffix(unit)

    def percent(self, part: float, whole: float) -> str:
        """As ``−3.2 %``; empty when the whole is nothing."""
        return f"{self.plain(100 * part / whole, 1, signed=True)}{_SPACE}%" if whole else ""

    def day(self, day: date) -> str:
        """As ``2026-11-05`` in both languages."""
        return day.isoformat()

    def moment(self, at: datetime) -> str:
        """To the minute, UTC."""
        return f"{at:%Y-%m-%d %H:%M} UTC"
