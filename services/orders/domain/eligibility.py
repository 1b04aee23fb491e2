"""Which locations the rules let serve which line, and by which rule not."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from itertools import repeat
from math import cos, pi
from operator import gt, mul
from typing import NamedTuple

from services.orders.domain.places import EARTH_RADIUS_KM, Location, Locations, unit_vector
from services.orders.domain.plans import Wish, WishLine
from services.orders.domain.rules import (
    STANDARD,
    Exclusion,
    Group,
    Matcher,
    SafetyDays,
    Scope,
    SourcingRules,
)
from services.orders.domain.states import Method
from services.orders.domain.worth import Worth

ENDLESS_AISLE = "endless_aisle"
"""In the place of a rule's name: tills do not sell what others send."""

NOWHERE = -1
"""The rank of a location in no group."""
MAX_MATCHES = 256
"""Conditions of rules whose locations are kept."""

OpenNow = Callable[[], frozenset[str]]
"""Ids of the locations that are open."""


class SafetyRule(NamedTuple):
    """Days of walk-in demand that stay at these locations."""

    name: str
    days: int
    location_ids: frozenset[str]
    column: Sequence[int]
    """Whether each of `Locations.senders` is one of them, 1 or 0."""


class Eligible:
    """What the rules say of one line: worked out as far as somebody asks."""

    def __init__(
        self,
        here: Here,
        sent: bool,
        exclusions: Sequence[Exclusion] = (),
        keeping: Sequence[SafetyDays] = (),
        groups: Sequence[Group] = (),
        only_at: str = "",
    ) -> None:
        self._here, self._sent, self._only_at = here, sent, only_at
        self._exclusions, self._keeping, self._groups = exclusions, keeping, groups
        self.groups = tuple([group.name for group in groups])
        """Names, by rank."""

    @cached_property
    def banned(self) -> Mapping[str, str]:
        """Name of the exclusion by location id."""
        # The first that names a location counts, so it is the last to be written.
        found: dict[str, str] = {}
        for exclusion in reversed(self._exclusions):
            meant = self._here.matching(exclusion.locations, self._sent)
            found.update(dict.fromkeys(meant, exclusion.name))
        if self._only_at:
            found.update({at: ENDLESS_AISLE for at in self._here.locations.by_id if at != self._only_at})
        return found

    @cached_property
    def ranks(self) -> Mapping[str, int] | None:
        """Places in the order of groups by location id, 0 first; who is in none is left out. None: a line
        that no group is about may come from all.
        """
        if not self._groups:
            return None
        found: dict[str, int] = {}
        for rank in range(len(self._groups) - 1, -1, -1):
            found.update(dict.fromkeys(self._here.matching(self._groups[rank].locations, self._sent), rank))
        return found

    @cached_property
    def safety(self) -> tuple[SafetyRule, ...]:
        """Which units stay."""
        here, sent = self._here, self._sent
        return tuple(
            [
                SafetyRule(
                    one.name,
                    one.days,
                    here.matching(one.locations, sent),
                    here.column(one.locations, sent),
                )
                for one in self._keeping
            ]
        )

    @cached_property
    def column(self) -> list[int] | None:
        """`ranks` of `Locations.senders`, `NOWHERE` for who is in no group; None as there."""
        if not self._groups:
            return None
        found = [NOWHERE] * len(self._here.locations.senders)
        for rank in range(len(self._groups) - 1, -1, -1):
            meant = self._here.column(self._groups[rank].locations, self._sent)
            if all(meant):
                found = [rank] * len(found)
            else:
                found = [rank if one else before for one, before in zip(meant, found, strict=True)]
        return found

    @cached_property
    def allowed(self) -> list[int] | None:
        """Whether each of `Locations.senders` may send the line, 1 or 0; None: all may."""
        ranks, here = self.column, self._here
        found = None if ranks is None else [0 if rank == NOWHERE else 1 for rank in ranks]
        for one in self._exclusions:
            out = here.column(one.locations, self._sent)
            found = [1 - no for no in out] if found is None else list(map(gt, found, out))
        if self._only_at:
            found = [
                int(at == self._only_at and bool(before))
                for at, before in zip(here.locations.senders, found or repeat(1), strict=False)
            ]
        return found

    def kept_back(self, worth: Worth, sku: str, location_id: str) -> int:
        """Units of the line's article that safety days keep at a location."""
        most = 0
        for one in self.safety:
            if location_id in one.location_ids:
                most = max(most, worth.kept_back(sku, location_id, one.days))
        return most


def applies(scope: Scope, wish: Wish, line: WishLine, rules: SourcingRules) -> bool:
    """Whether a rule of that scope is about the line. A value in another currency than the rules' is within
    no limits.
    """
    if scope.everything:
        return True
    if scope.channel_ids and wish.channel_id not in scope.channel_ids:
        return False
    if scope.brands and line.brand not in scope.brands:
        return False
    if scope.skus and line.sku not in scope.skus:
        return False
    if scope.methods and line.method.name not in scope.methods:
        return False
    if scope.customer_promises and (wish.customer_promise or STANDARD) not in scope.customer_promises:
        return False
    if any(attribute not in line.attributes for attribute in scope.attributes):
        return False
    return _worth(wish, scope.least_value_minor, scope.most_value_minor, rules)


def _worth(wish: Wish, least_minor: int, most_minor: int, rules: SourcingRules) -> bool:
    if not least_minor and not most_minor:
        return True
    if wish.currency_code and wish.currency_code != rules.currency_code:
        return False
    return wish.value_minor >= least_minor and (not most_minor or wish.value_minor <= most_minor)


def in_one_parcel(wish: Wish, rules: SourcingRules) -> bool:
    """Whether the order's goods are worth less than what may be split."""
    limit = rules.no_split_below_minor
    return limit > 0 and _worth(wish, 0, limit - 1, rules)


class Here:
    """What the rules may ask about locations for one order: worked out once for all its lines."""

    def __init__(
        self, locations: Locations, destination: tuple[float, float] | None, open_now: OpenNow
    ) -> None:
        self.locations, self.destination = locations, destination
        self._open_now = open_now
        self._matching: dict[tuple[int, bool], frozenset[str]] = {}
        self._columns: dict[tuple[int, bool], list[int]] = {}
        self.eligible: dict[tuple[object, ...], Eligible] = {}
        """By method and the rules that are about a line."""

    def from_place(self, place: tuple[float, float]) -> Here:
        """The same for goods that go there."""
        return Here(self.locations, place, self._open_now)

    @cached_property
    def cosines(self) -> list[float]:
        """Of the angle between the destination and each of `Locations.senders`, seen from the middle of the
        earth.
        """
        return self.cosines_of(self.locations.points)

    def cosines_of(self, points: Iterable[tuple[float, float, float, bool]]) -> list[float]:
        """Those of some points of the unit sphere."""
        assert self.destination is not None
        x, y, z = unit_vector(*self.destination)
        return [x * vx + y * vy + z * vz for vx, vy, vz, _ in points]

    def matching(self, matcher: Matcher, sent: bool) -> frozenset[str]:
        """Ids of the locations that a rule means, for lines that are `sent` or not, now."""
        key = id(matcher), sent
        known = self._matching.get(key)
        if known is None:
            known = self._matching[key] = self._match(matcher, sent)
        return known

    def _match(self, matcher: Matcher, sent: bool) -> frozenset[str]:
        found = self._lasting(matcher)
        if matcher.within_km:
            if not sent or self.destination is None:
                return frozenset()
            near = _cosine_within(matcher.within_km)
            ids = self.locations.senders
            found = found.intersection(
                [at for at, cosine in zip(ids, self.cosines, strict=True) if cosine > near]
            )
        return found & self._open_now() if matcher.open_now else found

    def column(self, matcher: Matcher, sent: bool) -> list[int]:
        """Whether the rule means each of `Locations.senders`, 1 or 0."""
        key = id(matcher), sent
        found = self._columns.get(key)
        if found is None:
            found = self.locations.column(self._lasting(matcher))
            if matcher.open_now:
                found = list(map(mul, found, self.locations.column(self._open_now())))
            if matcher.within_km:
                if not sent or self.destination is None:
                    found = [0] * len(found)
                else:
                    near = _cosine_within(matcher.within_km)
                    found = [
                        one if cosine > near else 0 for one, cosine in zip(found, self.cosines, strict=True)
                    ]
            self._columns[key] = found
        return found

    def _lasting(self, matcher: Matcher) -> frozenset[str]:
        """Ids of the locations that it can mean at all; kept with these locations."""
        lasting, matches = matcher.lasting, self.locations.matches
        known = matches.get(id(lasting))
        if known is None:
            if len(matches) >= MAX_MATCHES:
                matches.clear()
            found = frozenset(at for at, place in self.locations.by_id.items() if may_match(lasting, place))
            # With the rule, since its place in memory is its name here.
            known = matches[id(lasting)] = lasting, found
        return known[1]


def _cosine_within(km: int) -> float:
    """Of the angle behind which a place is farther."""
    return cos(min(pi, (km + 0.5) / EARTH_RADIUS_KM))


def eligible(
    wish: Wish, line: WishLine, rules: SourcingRules, here: Here, *, to_store: bool = False
) -> Eligible:
    """What the rules say of `line`; `to_store`: of sending it to the store where it is collected."""
    sent = to_store or line.method is Method.SHIP
    exclusions = [one for one in rules.exclusions if applies(one.scope, wish, line, rules)]
    keeping = [one for one in rules.safety_days if one.days and applies(one.scope, wish, line, rules)]
    groups = [one for one in rules.groups if applies(one.scope, wish, line, rules)] if sent else []
    key = line.method, sent, *map(id, exclusions), None, *map(id, keeping), None, *map(id, groups)
    known = here.eligible.get(key)
    if known is None:
        only_at = wish.sold_at if sent and not rules.endless_aisle else ""
        known = here.eligible[key] = Eligible(here, sent, exclusions, keeping, groups, only_at)
    return known


def may_match(matcher: Matcher, place: Location) -> bool:
    """Whether the location can ever fit: distance and hours, which change with order and time, are left
    open.
    """
    return (
        (not matcher.location_ids or place.location_id in matcher.location_ids)
        and (not matcher.kinds or place.kind in matcher.kinds)
        and (not matcher.country_codes or place.country_code in matcher.country_codes)
        and (not matcher.regions or place.region in matcher.regions)
        and place.capabilities.issuperset(matcher.capabilities)
    )
