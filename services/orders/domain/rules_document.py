"""The document of rules that a person reads and writes: JSON with plain names, units in the names, money as
decimal text in one currency. `read` finds every error at once; `write` gives the whole document, defaults
included, so that what counts stands there.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

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
from services.orders.domain.rules_problems import Problem, problem
from services.orders.domain.rules_values import (
    Amount,
    Attributes,
    Clock,
    Code,
    Page,
    Text,
    Texts,
    Weekdays,
    Whole,
    YesNo,
)

MAX_DOCUMENT_LENGTH = 65_536
MAX_PROBLEMS = 200
MAX_GROUPS = 50
MAX_EXCLUSIONS = 200
MAX_SAFETY_RULES = 50
MAX_TARIFF_STEPS = 100
MAX_PROMISES = 20
MAX_NAMES = 500
"""Locations, SKUs, brands and the like in one list."""
MAX_KM = 20_100
"""Half the circumference of the earth."""


class Kind(Protocol):
    """How one value is written and read."""

    def read(self, page: Page, key: str, default: Any) -> Any:
        """The value under `key`, or the default; what is wrong is noted on the page."""
        ...

    def write(self, value: Any, currency: str) -> Any:
        """The value as it stands in the document."""
        ...


class Part(NamedTuple):
    """A name in the document, the field of `SourcingRules` behind it, and its kind."""

    key: str
    target: str
    kind: Kind


_COST = Amount(thousandths=True)
_VALUE = Amount(thousandths=False)
_PERCENT = Whole(0, 1_000)
_DAYS = Whole(0, 60)

SECTIONS: Mapping[str, tuple[Part, ...]] = {
    "costs": (
        Part("parcel_fixed", "parcel_fixed", _COST),
        Part("parcel_per_km", "parcel_per_km", _COST),
        Part("parcel_per_unit", "parcel_per_unit", _COST),
        Part("pick_warehouse_per_unit", "pick_warehouse_per_unit", _COST),
        Part("pick_store_per_unit", "pick_store_per_unit", _COST),
        Part("pack_store_per_parcel", "pack_store_per_parcel", _COST),
        Part("split_per_further_parcel", "split", _COST),
        Part("late_per_day", "late_per_day", _COST),
    ),
    "promise": (
        Part("ship_cut_off_local", "ship_cut_off_minute", Clock()),
        Part("transit_days", "transit_days", _DAYS),
        Part("transit_km_per_day", "transit_km_per_day", Whole(1, MAX_KM)),
        Part("transit_days_most", "transit_days_most", _DAYS),
        Part("delivery_weekdays", "delivery_weekdays", Weekdays()),
        Part("pickup_open_minutes", "pickup_open_minutes", Whole(0, 14 * 1_440)),
        Part("receiving_days", "receiving_days", _DAYS),
    ),
    "split": (
        Part("most_parcels", "most_parcels", Whole(0, 50)),
        Part("no_split_below", "no_split_below_minor", _VALUE),
        Part("brands_together", "brands_together", Texts(MAX_NAMES)),
    ),
    "stock_value": (
        Part("opportunity_percent", "opportunity_percent", _PERCENT),
        Part("margin_percent", "margin_percent", Whole(0, 100)),
        Part("markdown_percent", "markdown_percent", Whole(0, 100)),
    ),
    "ship_to_store": (
        Part("allowed", "ship_to_store", YesNo()),
        Part("transfer_days", "transfer_days", _DAYS),
        Part("transfer_per_unit", "transfer_per_unit", _COST),
    ),
    "co2": (
        Part("grams_per_km", "co2_grams_per_km", Whole(0, 1_000_000)),
        Part("grams_per_parcel", "co2_grams_per_parcel", Whole(0, 1_000_000)),
    ),
}
_TOP = (Part("endless_aisle", "endless_aisle", YesNo()),)
_TARIFF = (
    Part("up_to_km", "up_to_km", Whole(1, MAX_KM)),
    Part("parcel_fixed", "parcel_fixed", _COST),
    Part("per_unit", "per_unit", _COST),
    Part("transit_days", "transit_days", _DAYS),
)
_METHODS = ("SHIP", "PICKUP", "CARRY_OUT")
_LOCATIONS = (
    Part("ids", "location_ids", Texts(MAX_NAMES)),
    Part("kinds", "kinds", Texts(2, allowed=("STORE", "WAREHOUSE"))),
    Part("countries", "country_codes", Texts(100, form="country")),
    Part("regions", "regions", Texts(MAX_NAMES)),
    Part("capabilities", "capabilities", Texts(3, allowed=_METHODS)),
    Part("within_km", "within_km", Whole(0, MAX_KM)),
    Part("open_now", "open_now", YesNo()),
)
_APPLIES_TO = (
    Part("channels", "channel_ids", Texts(MAX_NAMES)),
    Part("brands", "brands", Texts(MAX_NAMES)),
    Part("skus", "skus", Texts(MAX_NAMES)),
    Part("attributes", "attributes", Attributes()),
    Part("methods", "methods", Texts(3, allowed=_METHODS)),
    Part("customer_promises", "customer_promises", Texts(20, form="code")),
    Part("least_value", "least_value_minor", _VALUE),
    Part("most_value", "most_value_minor", _VALUE),
)
_PROMISE = (
    Part("name_en", "name_en", Text(60)),
    Part("name_es", "name_es", Text(60)),
    Part("deliver_within_days", "deliver_within_days", _DAYS),
    Part("late_per_day", "late_per_day", _COST),
    Part("parcel_fixed", "parcel_fixed", _COST),
    Part("parcel_per_km", "parcel_per_km", _COST),
    Part("parcel_per_unit", "parcel_per_unit", _COST),
    Part("transit_days", "transit_days", _DAYS),
    Part("transit_km_per_day", "transit_km_per_day", Whole(1, MAX_KM)),
    Part("transit_days_most", "transit_days_most", _DAYS),
    Part("delivery_weekdays", "delivery_weekdays", Weekdays()),
)
_SCOPED: Mapping[str, tuple[str, type[Any], int, tuple[Part, ...]]] = {
    "groups": ("groups", Group, MAX_GROUPS, ()),
    "exclusions": ("exclusions", Exclusion, MAX_EXCLUSIONS, ()),
    "safety_days": ("safety_days", SafetyDays, MAX_SAFETY_RULES, (Part("days", "days", Whole(1, 365)),)),
}
_KNOWN = (
    "name",
    "currency",
    *SECTIONS,
    "carrier_tariff",
    "customer_promises",
    *(part.key for part in _TOP),
    *_SCOPED,
)


@dataclass(frozen=True, slots=True)
class Reading:
    """What a document says; no rules where it cannot be understood."""

    rules: SourcingRules | None
    problems: tuple[Problem, ...] = field(default=())


def read(text: str) -> Reading:
    """The rules of a document, or everything that is wrong with it by itself. Whether its locations and
    channels exist is `rules_checks`' to say.
    """
    if len(text) > MAX_DOCUMENT_LENGTH:
        found = problem("", "TOO_LARGE", found=len(text), most=MAX_DOCUMENT_LENGTH)
        return Reading(None, (found,))
    problems: list[Problem] = []
    try:
        content = json.loads(text, object_pairs_hook=_once(problems), parse_constant=_constant)
    except json.JSONDecodeError as error:
        wrong = problem("", "NOT_JSON", detail=error.msg, line=error.lineno, column=error.colno)
        return Reading(None, (wrong,))
    except RecursionError:
        return Reading(None, (problem("", "TOO_DEEP"),))
    except ValueError:
        return Reading(None, (problem("", "TYPE_WRONG", wanted="whole"),))
    page = Page.of("", content, _KNOWN, problems)
    if page is None:
        return Reading(None, tuple(problems))
    values: dict[str, Any] = {
        "name": Text(100, required=True).read(page, "name", ""),
        "currency_code": Code("currency", required=True).read(page, "currency", ""),
    }
    page.currency = values["currency_code"] or "EUR"
    for section, parts in SECTIONS.items():
        inner = page.inner(section, [part.key for part in parts])
        if inner is not None:
            _take(inner, parts, SourcingRules, values)
    _take(page, _TOP, SourcingRules, values)
    values["tariff"] = _tariff(page)
    values["customer_promises"] = _promises(page)
    for key, (target, kind, most, extra) in _SCOPED.items():
        values[target] = _scoped(page, key, kind, most, extra)
    if problems:
        return Reading(None, tuple(problems[:MAX_PROBLEMS]))
    return Reading(SourcingRules(**values))


def write(rules: SourcingRules) -> dict[str, Any]:
    """The document of `rules`, complete; `read` gives the rules back."""
    currency = rules.currency_code
    document: dict[str, Any] = {"name": rules.name, "currency": currency}
    for section, parts in SECTIONS.items():
        document[section] = {
            part.key: part.kind.write(getattr(rules, part.target), currency) for part in parts
        }
    document["carrier_tariff"] = _steps(rules.tariff, currency)
    document["customer_promises"] = [_promise(one, currency) for one in rules.customer_promises]
    for part in _TOP:
        document[part.key] = part.kind.write(getattr(rules, part.target), currency)
    for key, (target, _, _, extra) in _SCOPED.items():
        document[key] = [
            {
                "name": one.name,
                **{part.key: part.kind.write(getattr(one, part.target), currency) for part in extra},
                "locations": _stated(one.locations, _LOCATIONS, currency),
                "applies_to": _stated(one.scope, _APPLIES_TO, currency),
            }
            for one in getattr(rules, target)
        ]
    return document


def to_text(rules: SourcingRules) -> str:
    """The document as people see it."""
    return json.dumps(write(rules), ensure_ascii=False, indent=2) + "\n"


def differences(before: SourcingRules, after: SourcingRules) -> tuple[tuple[str, str, str], ...]:
    """What differs between two documents: (path, value before, value after) in JSON, in order of path; an
    empty text where the value is not there.
    """
    old, new = _flat("", write(before)), _flat("", write(after))
    paths = sorted(old.keys() | new.keys(), key=_natural)
    return tuple(
        (path, old.get(path, ""), new.get(path, "")) for path in paths if old.get(path) != new.get(path)
    )


def _take(page: Page, parts: Sequence[Part], of: type[Any], values: dict[str, Any]) -> None:
    for part in parts:
        values[part.target] = part.kind.read(page, part.key, getattr(of, part.target, None))


def _tariff(page: Page) -> tuple[TariffStep, ...]:
    steps: list[TariffStep] = []
    for inner in page.pages("carrier_tariff", [part.key for part in _TARIFF], MAX_TARIFF_STEPS):
        noted = len(page.problems)
        values = {part.target: part.kind.read(inner, part.key, None) for part in _TARIFF}
        if len(page.problems) > noted:
            continue
        step = TariffStep(**values)
        if steps and step.up_to_km <= steps[-1].up_to_km:
            inner.note("up_to_km", "TARIFF_ORDER", found=step.up_to_km, before=steps[-1].up_to_km)
        steps.append(step)
    return tuple(steps)


def _promises(page: Page) -> tuple[CustomerPromise, ...]:
    if "customer_promises" not in page.content:
        return SourcingRules.customer_promises
    found: dict[str, CustomerPromise] = {}
    known = ["code", *(part.key for part in _PROMISE), "carrier_tariff"]
    for inner in page.pages("customer_promises", known, MAX_PROMISES):
        code = Code("code", required=True).read(inner, "code", "")
        if code and code in found:
            inner.note("code", "NAME_REPEATED", found=code)
        stated = {
            part.target: part.kind.read(inner, part.key, None)
            for part in _PROMISE
            if part.key in inner.content
        }
        tariff = _tariff(inner) if "carrier_tariff" in inner.content else None
        found[code] = CustomerPromise(code, **stated, tariff=tariff)
    return tuple(found.values())


def _promise(promise: CustomerPromise, currency: str) -> dict[str, Any]:
    written = {"code": promise.code, **_stated(promise, _PROMISE, currency)}
    if promise.tariff is not None:
        written["carrier_tariff"] = _steps(promise.tariff, currency)
    return written


def _steps(tariff: Sequence[TariffStep], currency: str) -> list[dict[str, Any]]:
    return [
        {part.key: part.kind.write(getattr(step, part.target), currency) for part in _TARIFF}
        for step in tariff
    ]


def _scoped(page: Page, key: str, kind: type[Any], most: int, extra: Sequence[Part]) -> tuple[Any, ...]:
    found: list[Any] = []
    names: set[str] = set()
    known = ["name", *(part.key for part in extra), "locations", "applies_to"]
    for inner in page.pages(key, known, most):
        name = Text(100, required=True).read(inner, "name", "")
        if name and name in names:
            inner.note("name", "NAME_REPEATED", found=name)
        names.add(name)
        values: dict[str, Any] = {part.target: part.kind.read(inner, part.key, None) for part in extra}
        for part_key, target, of, parts in (
            ("locations", "locations", Matcher, _LOCATIONS),
            ("applies_to", "scope", Scope, _APPLIES_TO),
        ):
            stated: dict[str, Any] = {}
            deeper = inner.inner(part_key, [part.key for part in parts])
            if deeper is not None:
                for part in parts:
                    stated[part.target] = part.kind.read(deeper, part.key, getattr(of(), part.target))
            values[target] = of(**stated)
        found.append(kind(name=name, **values))
    return tuple(found)


def _stated(value: Any, parts: Sequence[Part], currency: str) -> dict[str, Any]:
    nothing = type(value)("") if isinstance(value, CustomerPromise) else type(value)()
    return {
        part.key: part.kind.write(getattr(value, part.target), currency)
        for part in parts
        if getattr(value, part.target) != getattr(nothing, part.target)
    }


def _flat(path: str, value: Any) -> dict[str, str]:
    if isinstance(value, dict) and value:
        return {
            found: text
            for key, inner in value.items()
            for found, text in _flat(f"{path}.{key}" if path else key, inner).items()
        }
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return {
            found: text
            for number, inner in enumerate(value)
            for found, text in _flat(f"{path}[{number}]", inner).items()
        }
    return {path: json.dumps(value, ensure_ascii=False)}


def _natural(path: str) -> tuple[tuple[int, str], ...]:
    # [10] after [9].
    pieces = path.replace("[", ".").replace("]", "").split(".")
    return tuple(
        (int(piece), "") if piece.isascii() and piece.isdecimal() else (-1, piece) for piece in pieces
    )


def _once(problems: list[Problem]) -> Callable[[list[tuple[str, Any]]], dict[str, Any]]:
    def collect(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        result: dict[str, Any] = {}
        for key, value in pairs:
            if key in result and len(problems) < MAX_PROBLEMS:
                problems.append(problem(key, "FIELD_REPEATED", name=key))
            result[key] = value
        return result

    return collect


def _constant(name: str) -> Any:
    raise json.JSONDecodeError(f"{name} is not a value", name, 0)
