"""A document of sourcing rules as sentences for a planner, and what two documents say differently.

The form of the document is described in docs/sourcing.md. Whatever it states that is not known here is told
as it stands there, so that nothing that counts is left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from itertools import zip_longest
from types import MappingProxyType
from typing import Any

MAX_NAMES = 12
"""Of a long list of SKUs or locations so many are named."""

SECTIONS = ("orders", "costs", "promise", "split", "stock", "co2")
_NOTHING: Mapping[str, object] = MappingProxyType({})


@dataclass(frozen=True)
class Phrase:
    """A sentence or a part of one: the key of its words and what fills them. A fact may be a `Phrase`, or an
    `Amount`, or a tuple of such, which are listed.
    """

    key: str
    facts: Mapping[str, object] = field(default_factory=lambda: _NOTHING)


@dataclass(frozen=True)
class Amount:
    """Money as the document has it: decimal text in a currency."""

    text: str
    currency: str


@dataclass(frozen=True)
class Section:
    """Sentences that belong together, under the heading `key`."""

    key: str
    sentences: tuple[Phrase, ...]


@dataclass(frozen=True)
class Change:
    """A sentence that was there before or is there after; both empty of neither."""

    section: str
    before: str
    after: str


def told(document: Mapping[str, Any]) -> tuple[Section, ...]:
    """The whole document, section by section; sections about nothing are left out."""
    teller = _Teller(document)
    found = (
        Section("orders", tuple(teller.who())),
        Section("costs", tuple(teller.costs())),
        Section("promise", tuple(teller.promise())),
        Section("split", tuple(teller.split())),
        Section("stock", tuple(teller.stock())),
        Section("co2", tuple(teller.co2())),
        Section("other", tuple(teller.unknown())),
    )
    return tuple(one for one in found if one.sentences)


def changes(
    before: Iterable[tuple[str, Sequence[str]]], after: Iterable[tuple[str, Sequence[str]]]
) -> tuple[Change, ...]:
    """What two documents say differently: (section, sentences) of each, in any one language.

    A sentence that gave way to another stands beside it.
    """
    old, new = dict(before), dict(after)
    found: list[Change] = []
    for section in dict.fromkeys((*old, *new)):
        left, right = list(old.get(section, ())), list(new.get(section, ()))
        for kind, first, last, begin, end in SequenceMatcher(None, left, right, autojunk=False).get_opcodes():
            if kind == "equal":
                continue
            gone, come = left[first:last], right[begin:end]
            found += [Change(section, one, other) for one, other in zip_longest(gone, come, fillvalue="")]
    return tuple(found)


def value(text: str) -> str:
    """JSON of a value as a person reads it: no quotes, lists with commas; empty stays empty."""
    return text.replace('"', "").replace("[", "").replace("]", "").replace(",", ", ").replace(",  ", ", ")


class _Teller:
    """Reads the document leniently: what is not there says nothing."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._document = document
        self._currency = str(document.get("currency", ""))

    def who(self) -> Iterator[Phrase]:
        """Who may send what, in which order."""
        groups = self._list("groups")
        if not groups:
            yield Phrase("orders.no_groups")
        for number, one in enumerate(groups, start=1):
            yield self._rule("orders.group", one, number=number)
        for one in self._list("exclusions"):
            yield self._rule("orders.exclusion", one)
        for one in self._list("safety_days"):
            yield self._rule("orders.safety", one, days=one.get("days", 0))
        transfer = self._section("ship_to_store")
        if transfer.get("allowed"):
            yield Phrase(
                "orders.ship_to_store",
                {
                    "days": transfer.get("transfer_days", 0),
                    "amount": self._amount(transfer, "transfer_per_unit"),
                },
            )
        if "endless_aisle" in self._document:
            yield Phrase(
                "orders.endless_aisle" if self._document["endless_aisle"] else "orders.no_endless_aisle"
            )

    def costs(self) -> Iterator[Phrase]:
        """What serving costs."""
        costs, tariff = self._section("costs"), self._list("carrier_tariff")
        low = 0
        for step in tariff:
            facts = {
                "low": low,
                "km": step.get("up_to_km", 0),
                "fixed": self._amount(step, "parcel_fixed"),
                "unit": self._amount(step, "per_unit"),
                "days": step.get("transit_days", 0),
            }
            yield Phrase("costs.step", facts)
            low = step.get("up_to_km", 0)
        if costs:
            facts = {
                "low": low,
                "fixed": self._amount(costs, "parcel_fixed"),
                "km": self._amount(costs, "parcel_per_km"),
                "unit": self._amount(costs, "parcel_per_unit"),
            }
            yield Phrase("costs.parcel_beyond" if tariff else "costs.parcel", facts)
        for key in (
            "pick_warehouse_per_unit",
            "pick_store_per_unit",
            "pack_store_per_parcel",
            "split_per_further_parcel",
            "late_per_day",
        ):
            if _some(costs.get(key)):
                yield Phrase(f"costs.{key}", {"amount": self._amount(costs, key)})

    def promise(self) -> Iterator[Phrase]:
        """By when the goods are promised."""
        promise = self._section("promise")
        if "ship_cut_off_local" in promise:
            yield Phrase("promise.cut_off", {"clock": promise["ship_cut_off_local"]})
        if "transit_days" in promise:
            keys = ("transit_days", "transit_km_per_day", "transit_days_most")
            yield Phrase("promise.transit", {key: promise.get(key, 0) for key in keys})
        days = promise.get("delivery_weekdays", ())
        if days:
            every = Phrase("promise.every_day")
            told_days = every if len(days) == 7 else tuple(Phrase(f"weekday.{day}") for day in days)
            yield Phrase("promise.weekdays", {"days": told_days})
        if "pickup_open_minutes" in promise:
            yield Phrase("promise.pickup", {"minutes": promise["pickup_open_minutes"]})
        if "receiving_days" in promise:
            yield Phrase("promise.receiving", {"days": promise["receiving_days"]})
        for one in self._list("customer_promises"):
            facts = tuple(self._offered(one)) or Phrase("promise.as_usual")
            yield Phrase("promise.offered", {"code": str(one.get("code", "")), "facts": facts})

    def _offered(self, promise: Mapping[str, Any]) -> Iterator[Phrase]:
        """What a promise that customers may choose says otherwise than the rules."""
        if promise.get("deliver_within_days"):
            yield Phrase("promise.within", {"days": promise["deliver_within_days"]})
        if "transit_days" in promise:
            yield Phrase("promise.own_transit", {"days": promise["transit_days"]})
        for key, named in (
            ("parcel_fixed", "promise.own_fixed"),
            ("parcel_per_km", "promise.own_km"),
            ("late_per_day", "promise.own_late"),
        ):
            if key in promise:
                yield Phrase(named, {"amount": self._amount(promise, key)})
        if "carrier_tariff" in promise:
            yield Phrase("promise.own_tariff")
        if promise.get("delivery_weekdays"):
            days = tuple(Phrase(f"weekday.{day}") for day in promise["delivery_weekdays"])
            yield Phrase("promise.own_days", {"days": days})

    def split(self) -> Iterator[Phrase]:
        """Into how many parcels an order may be split."""
        split = self._section("split")
        if not split:
            return
        most = split.get("most_parcels", 0)
        yield Phrase("split.most", {"count": most}) if most else Phrase("split.any")
        if _some(split.get("no_split_below")):
            yield Phrase("split.below", {"amount": self._amount(split, "no_split_below")})
        if split.get("brands_together"):
            yield Phrase("split.brands", {"brands": _named(split["brands_together"])})

    def stock(self) -> Iterator[Phrase]:
        """How much what stock is worth counts."""
        stock = self._section("stock_value")
        percent = stock.get("opportunity_percent")
        if percent is not None:
            yield Phrase("stock.weight", {"percent": percent}) if percent else Phrase("stock.off")
        if stock.get("margin_percent") is not None:
            yield Phrase("stock.margin", {"percent": stock["margin_percent"]})
        if stock.get("markdown_percent"):
            yield Phrase("stock.markdown", {"percent": stock["markdown_percent"]})

    def co2(self) -> Iterator[Phrase]:
        """What the CO₂ figure is made of."""
        co2 = self._section("co2")
        if co2:
            yield Phrase(
                "co2.grams", {"km": co2.get("grams_per_km", 0), "parcel": co2.get("grams_per_parcel", 0)}
            )

    def unknown(self) -> Iterator[Phrase]:
        """Parts of the document that are newer than this page."""
        known = {
            "name",
            "currency",
            "groups",
            "exclusions",
            "safety_days",
            "ship_to_store",
            "endless_aisle",
            "costs",
            "carrier_tariff",
            "promise",
            "customer_promises",
            "split",
            "stock_value",
            "co2",
        }
        for key, content in self._document.items():
            if key not in known:
                yield Phrase("other.part", {"name": key, "content": str(content)})

    def _rule(self, key: str, rule: Mapping[str, Any], **facts: object) -> Phrase:
        return Phrase(
            key,
            {
                "name": str(rule.get("name", "")),
                "places": self._places(_mapping(rule.get("locations"))),
                "lines": self._lines(_mapping(rule.get("applies_to"))),
                **facts,
            },
        )

    def _places(self, matcher: Mapping[str, Any]) -> object:
        found: list[Phrase] = []
        kinds = matcher.get("kinds", ())
        found += [Phrase(f"places.{kind}") for kind in kinds] if len(kinds) == 1 else []
        for key in ("ids", "countries", "regions"):
            if matcher.get(key):
                found.append(Phrase(f"places.{key}", {"names": _named(matcher[key])}))
        if matcher.get("capabilities"):
            methods = tuple(Phrase(f"method.{one}") for one in matcher["capabilities"])
            found.append(Phrase("places.capabilities", {"names": methods}))
        if matcher.get("within_km") is not None:
            found.append(Phrase("places.within", {"km": matcher["within_km"]}))
        if matcher.get("open_now"):
            found.append(Phrase("places.open_now"))
        return tuple(found) or Phrase("places.all")

    def _lines(self, scope: Mapping[str, Any]) -> object:
        found = [
            Phrase(f"lines.{key}", {"names": _named(scope[key])})
            for key in ("channels", "brands", "skus", "customer_promises")
            if scope.get(key)
        ]
        for name, wanted in _mapping(scope.get("attributes")).items():
            values = wanted if isinstance(wanted, list) else [wanted]
            found.append(Phrase("lines.attribute", {"name": name, "names": _named(values)}))
        if scope.get("methods"):
            methods = tuple(Phrase(f"method.{one}") for one in scope["methods"])
            found.append(Phrase("lines.methods", {"names": methods}))
        if _some(scope.get("least_value")):
            found.append(Phrase("lines.least", {"amount": self._amount(scope, "least_value")}))
        if _some(scope.get("most_value")):
            found.append(Phrase("lines.most", {"amount": self._amount(scope, "most_value")}))
        return tuple(found) or Phrase("lines.all")

    def _section(self, key: str) -> Mapping[str, Any]:
        return _mapping(self._document.get(key))

    def _list(self, key: str) -> list[Mapping[str, Any]]:
        found = self._document.get(key)
        return [_mapping(one) for one in found] if isinstance(found, list) else []

    def _amount(self, part: Mapping[str, Any], key: str) -> Amount:
        return Amount(str(part.get(key, "0")), self._currency)


def _mapping(found: object) -> Mapping[str, Any]:
    return found if isinstance(found, Mapping) else _NOTHING


def _some(text: object) -> bool:
    """Whether an amount is stated and not zero."""
    return isinstance(text, str) and any(digit in "123456789" for digit in text)


def _named(names: Sequence[object]) -> tuple[object, ...]:
    found: tuple[object, ...] = tuple(str(one) for one in names[:MAX_NAMES])
    return found if len(names) <= MAX_NAMES else (*found, Phrase("more", {"count": len(names) - MAX_NAMES}))
