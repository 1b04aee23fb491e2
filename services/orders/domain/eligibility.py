"""Which locations the rules let serve which line, and by which rule not."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from math import cos, pi
from typing import NamedTuple

from services.orders.domain.places import EARTH_RADIUS_KM, Location, Locations, unit_vector
from services.orders.domain.plans import Wish, WishLine
from services.orders.domain.rules import Matcher, Scope, SourcingRules
from services.orders.domain.states import Method
from services.orders.domain.worth import Worth

ENDLESS_AISLE = "endless_aisle"
"""In the place of a rule's name: tills do not sell what others send."""
ANYWHERE = Matcher()
EVERYTHING = Scope()

IsOpen = Callable[[str], bool]


class SafetyRule(NamedTuple):
    """Days of walk-in demand that stay at these locations."""

    name: str
    days: int
    location_ids: frozenset[str]


class Eligible(NamedTuple):
    """What the rules say of one line. `ranks` are places in the order of groups, 0 first; None: no groups."""

    banned: Mapping[str, str] = {}
    """Name of the exclusion by location id."""
    ranks: Mapping[str, int] | None = None
    groups: tuple[str, ...] = ()
    """Names, by rank."""
    safety: tuple[SafetyRule, ...] = ()

    def kept_back(self, worth: Worth, sku: str, location_id: str) -> int:
        """Units of the line's article that safety days keep at a location."""
        most = 0
        for one in self.safety:
            if location_id in one.location_ids:
                most = max(most, worth.kept_back(sku, location_id, one.days))
        return most


FREE = Eligible()


def applies(scope: Scope, wish: Wish, line: WishLine, rules: SourcingRules) -> bool:
    """Whether a rule of that scope is about the line. A value in another currency than the rules' is within
    no limits.
    """
    if scope is EVERYTHING or scope == EVERYTHING:
        return True
    if scope.channel_ids and wish.channel_id not in scope.channel_ids:
        return False
    if scope.brands and line.brand not in scope.brands:
        return False
    if scope.skus and line.sku not in scope.skus:
        return False
    if scope.methods and line.method.name not in scope.methods:
        return False
    if scope.customer_promises and wish.customer_promise not in scope.customer_promises:
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


def eligible(
    wish: Wish,
    line: WishLine,
    locations: Locations,
    rules: SourcingRules,
    is_open: IsOpen,
    found: dict[object, frozenset[str]],
) -> Eligible:
    """What the rules say of `line`; `found` keeps what lines of one order have in common."""
    banned: dict[str, str] = {}
    sent = line.method is Method.SHIP
    if sent and wish.sold_at and not rules.endless_aisle:
        banned = {at: ENDLESS_AISLE for at in locations.by_id if at != wish.sold_at}
    for exclusion in rules.exclusions:
        if applies(exclusion.scope, wish, line, rules):
            for at in matching(exclusion.locations, wish, line, locations, is_open, found):
                banned.setdefault(at, exclusion.name)
    safety = tuple(
        SafetyRule(one.name, one.days, matching(one.locations, wish, line, locations, is_open, found))
        for one in rules.safety_days
        if one.days and applies(one.scope, wish, line, rules)
    )
    if not sent or not rules.groups:
        return Eligible(banned, None, (), safety)
    ranks: dict[str, int] = {}
    names: list[str] = []
    for group in rules.groups:
        if applies(group.scope, wish, line, rules):
            for at in matching(group.locations, wish, line, locations, is_open, found):
                ranks.setdefault(at, len(names))
            names.append(group.name)
    # A line that no group is about may come from all.
    return Eligible(banned, ranks if names else None, tuple(names), safety)


def matching(
    matcher: Matcher,
    wish: Wish,
    line: WishLine,
    locations: Locations,
    is_open: IsOpen,
    found_before: dict[object, frozenset[str]],
) -> frozenset[str]:
    """Ids of the locations that a rule means, for this line now."""
    key = matcher, line.method
    known = found_before.get(key)
    if known is None:
        known = found_before[key] = _matching(matcher, wish, line, locations, is_open)
    return known


def _matching(
    matcher: Matcher, wish: Wish, line: WishLine, locations: Locations, is_open: IsOpen
) -> frozenset[str]:
    lasting = (
        replace(matcher, within_km=0, open_now=False) if matcher.within_km or matcher.open_now else matcher
    )
    found = locations.matches.get(lasting)
    if found is None:
        found = frozenset(at for at, place in locations.by_id.items() if may_match(lasting, place))
        locations.matches[lasting] = found
    if matcher.within_km:
        if line.method is not Method.SHIP or wish.destination is None:
            return frozenset()
        x, y, z = unit_vector(*wish.destination)
        near = cos(min(pi, (matcher.within_km + 0.5) / EARTH_RADIUS_KM))
        vectors = locations.vectors
        found = frozenset(
            [
                at
                for at in found
                if at in vectors and x * vectors[at][0] + y * vectors[at][1] + z * vectors[at][2] > near
            ]
        )
    if matcher.open_now:
        found = frozenset(at for at in found if is_open(at))
    return found


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
