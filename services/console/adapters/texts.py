"""Words, numbers, money and times as a person reads them, in their language and time zone."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from functools import cache
from typing import Protocol
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from markupsafe import Markup, escape

LANGUAGES = ("en", "es")
LANGUAGE_NAMES: Mapping[str, str] = {"en": "English", "es": "Español"}
_MONTHS = {
    "en": ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"),
    "es": ("ene", "feb", "mar", "abr", "may", "jun", "jul", "ago", "sept", "oct", "nov", "dic"),
}
_NO_MINOR_UNIT = frozenset({"CLP", "ISK", "JPY", "KRW", "PYG", "UGX", "VND", "XAF", "XOF"})
"""ISO 4217 currencies without a minor unit, those that shops use."""
NO_BREAK = "\u00a0"
_WORDS_PACKAGE = "services.console.adapters.words"


class _Stamp(Protocol):
    """A protobuf Timestamp."""

    seconds: int
    nanos: int


class _Span(Protocol):
    """A protobuf Duration."""

    def ToMilliseconds(self) -> int: ...  # noqa: N802 (protobuf's name)


@cache
def catalogue() -> Mapping[str, tuple[str, str]]:
    """Every key with its English and Spanish sentence, of all modules in ``words/``.

    Raises:
        ValueError: two modules have the same key.
    """
    found: dict[str, tuple[str, str]] = {}
    package = importlib.import_module(_WORDS_PACKAGE)
    for module in sorted(pkgutil.iter_modules(package.__path__), key=lambda one: one.name):
        words: Mapping[str, tuple[str, str]] = importlib.import_module(
            f"{_WORDS_PACKAGE}.{module.name}"
        ).WORDS
        if twice := found.keys() & words.keys():
            raise ValueError(f"words/{module.name}.py repeats {', '.join(sorted(twice))}")
        found.update(words)
    return found


class Texts:
    """What a page says in one language, and in one time zone: ``texts("shell.name")``."""

    def __init__(
        self, language: str, time_zone: str = "UTC", *, now: Callable[[], datetime] | None = None
    ) -> None:
        self.language = language if language in LANGUAGES else LANGUAGES[0]
        self._column = LANGUAGES.index(self.language)
        self._words = catalogue()
        self.zone = zone_of(time_zone)
        self._now = now or (lambda: datetime.now(UTC))

    def __call__(self, key: str, /, **fields: object) -> str:
        """The sentence ``key`` with its ``{fields}`` filled. Raises KeyError when one is missing."""
        return self.filled(key, fields)

    def filled(self, key: str, fields: Mapping[str, object]) -> str:
        """The same with the fields as a mapping."""
        return self._words[key][self._column].format_map(fields)

    def said(self, key: str, /, **fields: object) -> Markup:
        """The sentence as HTML: fields that are markup, such as times, stay so; others are escaped."""
        return escape(self._words[key][self._column]).format_map(fields)

    def has(self, key: str) -> bool:
        """Whether there is such a sentence."""
        return key in self._words

    def count(self, key: str, count: int, /, **fields: object) -> str:
        """``key.one`` for one, ``key.many`` for any other count, with ``{count}`` written as a number."""
        return self(f"{key}.{'one' if count == 1 else 'many'}", count=self.number(count), **fields)

    def word(self, kind: str, value: str) -> str:
        """The word for a state, method, reason …; the value itself when it is newer than these pages."""
        found = self._words.get(f"{kind}.{value}")
        return found[self._column] if found else value.replace("_", " ").lower()

    def number(self, value: float, digits: int = 0) -> str:
        """``12,345.6`` or ``12.345,6``: with ``digits`` after the point."""
        text = f"{value:,.{digits}f}"
        return text if self.language == "en" else text.translate(str.maketrans(",.", ".,"))

    def percent(self, share: float, digits: int = 0) -> str:
        """A share of 0 to 1 as ``93%`` or ``93 %``."""
        gap = NO_BREAK if self.language == "es" else ""
        return f"{self.number(share * 100, digits)}{gap}%"

    def money(self, minor: int, currency: str) -> str:
        """Integer minor units as ``USD 12.50`` or ``12,50 USD``."""
        digits = minor_digits(currency)
        text = self.number(abs(minor) / 10**digits, digits)
        sign = "−" if minor < 0 else ""
        parts = (currency, text) if self.language == "en" else (text, currency)
        return sign + NO_BREAK.join(parts)

    def when(self, time: _Stamp | datetime | None, *, seconds: bool = False) -> Markup:
        """A ``<time>``: the hour alone today, with the day otherwise; empty for a time that is not set."""
        moment = _moment(time)
        if moment is None:
            return Markup("")
        local = moment.astimezone(self.zone)
        text = self.clock(moment, seconds=seconds)
        full = f"{local.date().isoformat()} {local:%H:%M:%S} {local:%Z}"
        return Markup('<time datetime="{}" title="{}">{}</time>').format(
            moment.astimezone(UTC).isoformat(timespec="milliseconds"), full, text
        )

    def clock(self, moment: datetime, *, seconds: bool = False) -> str:
        """The same as plain text."""
        local = moment.astimezone(self.zone)
        clock = f"{local:%H:%M:%S}" if seconds else f"{local:%H:%M}"
        return clock if local.date() == self.today() else f"{self.day(local.date())} {clock}"

    def day(self, day: date) -> str:
        """``22 Nov``, with the year when it is another."""
        text = f"{day.day} {_MONTHS[self.language][day.month - 1]}"
        return text if day.year == self.today().year else f"{text} {day.year}"

    def today(self) -> date:
        """The date where the person is."""
        return self._now().astimezone(self.zone).date()

    def duration(self, span: _Span | float | None) -> str:
        """A span (protobuf Duration or seconds): ``3 ms``, ``4.2 s``, ``3 min 20 s``, ``2 h 5 min``."""
        if span is None:
            return ""
        seconds = float(span) if isinstance(span, (int, float)) else span.ToMilliseconds() / 1000
        sign, seconds = ("−" if seconds < 0 else ""), abs(seconds)
        if seconds < 1:
            return f"{sign}{self.number(seconds * 1000, 1 if 0 < seconds < 0.01 else 0)} ms"
        if seconds < 60:
            return f"{sign}{self.number(seconds, 1 if seconds < 10 else 0)} s"
        whole = round(seconds)
        for unit, size, below, lesser in (
            ("min", 60, 3600, "s"),
            ("h", 3600, 86_400, "min"),
            ("d", 86_400, None, "h"),
        ):
            if below is None or whole < below:
                rest = whole % size // {"s": 1, "min": 60, "h": 3600}[lesser]
                return f"{sign}{whole // size} {unit}" + (f" {rest} {lesser}" if rest else "")
        raise AssertionError("days have no upper limit")

    def ids(self, value: str) -> Markup:
        """A long id, whole for copying, with its end in front of the eye: ``ord_…k084sn02q``."""
        head, separator, tail = value.partition("_")
        if not separator or len(tail) < 16:
            return escape(value)
        return Markup('<span class="id" title="{}">{}_…{}</span>').format(value, head, tail[-8:])


def minor_digits(currency: str) -> int:
    """How many digits of an amount are minor units."""
    return 0 if currency in _NO_MINOR_UNIT else 2


def zone_of(name: str) -> ZoneInfo:
    """The IANA zone of that name, or UTC."""
    try:
        return ZoneInfo(name or "UTC")
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return ZoneInfo("UTC")


def accepted_language(header: str) -> str:
    """The best of our languages for an ``Accept-Language`` header (RFC 9110, quality values obeyed)."""
    best, best_quality = LANGUAGES[0], 0.0
    for part in header.split(",")[:20]:
        tag, _, parameters = part.strip().partition(";")
        quality = 1.0
        if parameters.strip().startswith("q="):
            try:
                quality = float(parameters.strip()[2:])
            except ValueError:
                continue
        language = tag[:2].lower()
        if language in LANGUAGES and quality > best_quality:
            best, best_quality = language, quality
    return best


def _moment(time: _Stamp | datetime | None) -> datetime | None:
    if time is None or isinstance(time, datetime):
        return time
    if not time.seconds and not time.nanos:
        return None
    return datetime.fromtimestamp(time.seconds + time.nanos / 1e9, UTC)
