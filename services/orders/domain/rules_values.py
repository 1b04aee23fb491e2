"""The kinds of value in a document of rules: how each is read, with every error noted, and written."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from services.orders.domain.money import CURRENCY_DECIMALS
from services.orders.domain.rules_problems import Problem, problem

MAX_TEXT_LENGTH = 100
MAX_KEY_LENGTH = 60
MAX_ATTRIBUTES = 20
MOST_MONEY_MAJOR = 100_000_000
THOUSANDTHS_DECIMALS = 3

WEEKDAYS = ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")

_MONEY = re.compile(r"(-?)([0-9]{1,12})(?:\.([0-9]{1,12}))?")
_CLOCK = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])")
_FORMS = {
    "currency": re.compile(r"[A-Z]{3}"),
    "country": re.compile(r"[A-Z]{2}"),
    "code": re.compile(r"[A-Z][A-Z0-9_]{0,31}"),
}


@dataclass
class Page:
    """An object of the document under its path."""

    path: str
    content: dict[str, Any]
    problems: list[Problem]
    currency: str = field(default="EUR")

    @classmethod
    def of(cls, path: str, content: Any, known: Sequence[str], problems: list[Problem]) -> Page | None:
        """The object, its unknown fields noted; None when it is none."""
        if not isinstance(content, dict):
            problems.append(problem(path, "TYPE_WRONG", wanted="object"))
            return None
        page = cls(path, content, problems)
        for key in content:
            if key not in known:
                page.note(key, "FIELD_UNKNOWN", name=key[:40], known=", ".join(known))
        return page

    def note(self, key: str, reason: str, **facts: object) -> None:
        """Something is wrong at `key`."""
        self.problems.append(problem(self.at(key), reason, **facts))

    def at(self, key: str) -> str:
        """The path of `key`."""
        key = key[:MAX_KEY_LENGTH]
        return f"{self.path}.{key}" if self.path else key

    def inner(self, key: str, known: Sequence[str]) -> Page | None:
        """The object under `key`, an empty one when it is not there."""
        page = Page.of(self.at(key), self.content.get(key, {}), known, self.problems)
        if page is not None:
            page.currency = self.currency
        return page

    def pages(self, key: str, known: Sequence[str], most: int) -> Iterator[Page]:
        """The objects of the list under `key`."""
        found = self.content.get(key, [])
        if not isinstance(found, list):
            self.note(key, "TYPE_WRONG", wanted="list")
            return
        if len(found) > most:
            self.note(key, "LIST_TOO_LONG", found=len(found), most=most)
        for number, one in enumerate(found[:most]):
            page = Page.of(f"{self.at(key)}[{number}]", one, known, self.problems)
            if page is not None:
                page.currency = self.currency
                yield page

    def value(self, key: str, default: Any) -> Any:
        """What stands under `key`, or `default`; a missing value without default is noted."""
        if key in self.content:
            return self.content[key]
        if default is None:
            self.note(key, "FIELD_MISSING")
        return default


@dataclass(frozen=True, slots=True)
class Whole:
    """A whole number."""

    least: int
    most: int

    def read(self, page: Page, key: str, default: Any) -> Any:
        """The number."""
        value = page.value(key, default)
        if key not in page.content:
            return value
        if isinstance(value, bool) or not isinstance(value, int):
            page.note(key, "TYPE_WRONG", wanted="whole")
            return default
        if not self.least <= value <= self.most:
            page.note(key, "VALUE_OUT_OF_RANGE", found=value, least=self.least, most=self.most)
            return default
        return value

    def write(self, value: Any, currency: str) -> Any:
        """As it is."""
        return value


@dataclass(frozen=True, slots=True)
class YesNo:
    """True or false."""

    def read(self, page: Page, key: str, default: Any) -> Any:
        """Which."""
        value = page.value(key, default)
        if not isinstance(value, bool):
            page.note(key, "TYPE_WRONG", wanted="yes_no")
            return default
        return value

    def write(self, value: Any, currency: str) -> Any:
        """As it is."""
        return value


@dataclass(frozen=True, slots=True)
class Amount:
    """Money as decimal text in the document's currency: a cost to a thousandth of a minor unit, a value to
    the minor unit.
    """

    thousandths: bool

    def read(self, page: Page, key: str, default: Any) -> Any:
        """Thousandths of a minor unit, or minor units."""
        value = page.value(key, default)
        if key not in page.content:
            return value
        if not isinstance(value, str):
            page.note(key, "TYPE_WRONG", wanted="money")
            return default
        found = _MONEY.fullmatch(value)
        if found is None:
            page.note(key, "VALUE_FORM", found=value, wanted="money")
            return default
        minus, major, fraction = found[1], int(found[2]), (found[3] or "").rstrip("0")
        decimals = self._decimals(page.currency)
        if minus:
            page.note(key, "VALUE_NEGATIVE", found=value)
        elif len(fraction) > decimals:
            page.note(key, "VALUE_TOO_PRECISE", found=value, most=decimals, currency=page.currency)
        elif major > MOST_MONEY_MAJOR:
            page.note(key, "VALUE_OUT_OF_RANGE", found=value, least=0, most=MOST_MONEY_MAJOR)
        else:
            return major * 10**decimals + int(fraction.ljust(decimals, "0") or 0)
        return default

    def write(self, value: Any, currency: str) -> Any:
        """Decimal text with at least the currency's own decimals: 600000 -> "6.00"."""
        decimals = self._decimals(currency)
        shown = CURRENCY_DECIMALS.get(currency, 2)
        major, fraction = divmod(int(value), 10**decimals)
        digits = f"{fraction:0{decimals}d}" if decimals else ""
        digits = digits[:shown] + digits[shown:].rstrip("0")
        return f"{major}.{digits}" if digits else str(major)

    def _decimals(self, currency: str) -> int:
        return CURRENCY_DECIMALS.get(currency, 2) + (THOUSANDTHS_DECIMALS if self.thousandths else 0)


@dataclass(frozen=True, slots=True)
class Clock:
    """A time of day, kept as minutes after midnight."""

    def read(self, page: Page, key: str, default: Any) -> Any:
        """Minutes, 0 to 1,439."""
        value = page.value(key, default)
        if key not in page.content:
            return value
        found = _CLOCK.fullmatch(value) if isinstance(value, str) else None
        if found is None:
            page.note(key, "TYPE_WRONG", wanted="clock")
            return default
        return int(found[1]) * 60 + int(found[2])

    def write(self, value: Any, currency: str) -> Any:
        """`16:00`."""
        return f"{value // 60:02d}:{value % 60:02d}"


@dataclass(frozen=True, slots=True)
class Text:
    """One line of text."""

    most: int = MAX_TEXT_LENGTH
    required: bool = False

    def read(self, page: Page, key: str, default: Any) -> Any:
        """The text; empty when something is wrong."""
        value = page.value(key, None if self.required else default)
        if key not in page.content:
            return ""
        return value if _is_text(page, key, value, self.most) else ""

    def write(self, value: Any, currency: str) -> Any:
        """As it is."""
        return value


@dataclass(frozen=True, slots=True)
class Code:
    """A text of a known form."""

    form: str
    required: bool = False

    def read(self, page: Page, key: str, default: Any) -> Any:
        """The code; empty when something is wrong."""
        value = Text(required=self.required).read(page, key, default)
        if value and not _FORMS[self.form].fullmatch(value):
            page.note(key, "VALUE_FORM", found=value, wanted=self.form)
            return ""
        return value

    def write(self, value: Any, currency: str) -> Any:
        """As it is."""
        return value


@dataclass(frozen=True, slots=True)
class Texts:
    """A list of texts, each once; one of `allowed`, or of a known form, where that is said."""

    most: int
    allowed: tuple[str, ...] = ()
    form: str = ""

    def read(self, page: Page, key: str, default: Any) -> Any:
        """The texts in their order."""
        value = page.value(key, default)
        if key not in page.content:
            return value
        if not isinstance(value, list):
            page.note(key, "TYPE_WRONG", wanted="list")
            return ()
        if len(value) > self.most:
            page.note(key, "LIST_TOO_LONG", found=len(value), most=self.most)
        kept: dict[str, None] = {}
        for number, one in enumerate(value[: self.most]):
            place = f"{key}[{number}]"
            if not _is_text(page, place, one, MAX_TEXT_LENGTH):
                continue
            if self.allowed and one not in self.allowed:
                page.note(place, "VALUE_NOT_ALLOWED", found=one, allowed=", ".join(self.allowed))
            elif self.form and not _FORMS[self.form].fullmatch(one):
                page.note(place, "VALUE_FORM", found=one, wanted=self.form)
            elif one in kept:
                page.note(place, "VALUE_REPEATED", found=one)
            else:
                kept[one] = None
        return tuple(kept)

    def write(self, value: Any, currency: str) -> Any:
        """As a list."""
        return list(value)


@dataclass(frozen=True, slots=True)
class Weekdays:
    """Days of the week by name, kept as ISO numbers (1 is Monday)."""

    def read(self, page: Page, key: str, default: Any) -> Any:
        """The numbers in their order; at least one day."""
        if key not in page.content:
            return default
        names = Texts(len(WEEKDAYS), allowed=WEEKDAYS).read(page, key, default)
        if page.content[key] == []:
            page.note(key, "VALUE_EMPTY")
        return tuple(sorted(WEEKDAYS.index(name) + 1 for name in names)) or default

    def write(self, value: Any, currency: str) -> Any:
        """`["MON", "TUE"]`."""
        return [WEEKDAYS[number - 1] for number in value]


@dataclass(frozen=True, slots=True)
class Attributes:
    """Attributes of products: an object of name and value."""

    def read(self, page: Page, key: str, default: Any) -> Any:
        """(name, value), in order of name."""
        value = page.value(key, default)
        if key not in page.content:
            return value
        if not isinstance(value, dict):
            page.note(key, "TYPE_WRONG", wanted="object")
            return ()
        if len(value) > MAX_ATTRIBUTES:
            page.note(key, "LIST_TOO_LONG", found=len(value), most=MAX_ATTRIBUTES)
        kept = []
        for name, one in sorted(value.items())[:MAX_ATTRIBUTES]:
            place = f"{key}.{name[:40]}"
            if _is_text(page, place, name, MAX_TEXT_LENGTH) and _is_text(page, place, one, MAX_TEXT_LENGTH):
                kept.append((name, one))
        return tuple(kept)

    def write(self, value: Any, currency: str) -> Any:
        """As an object."""
        return dict(value)


def _is_text(page: Page, key: str, value: Any, most: int) -> bool:
    # Neither control characters nor half a surrogate pair: what cannot be stored or sent.
    if not isinstance(value, str) or any(x < " " or "\ud800" <= x <= "\udfff" for x in value):
        page.note(key, "TYPE_WRONG", wanted="text")
    elif not value.strip():
        page.note(key, "VALUE_EMPTY")
    elif len(value) > most:
        page.note(key, "VALUE_TOO_LONG", found=len(value), most=most)
    else:
        return True
    return False
