"""Which locations the rules let serve which line, and by which rule not."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import cos, pi
from typing import NamedTuple

from services.orders.domain.places import EARTH_RADIUS_KM, Location, Locations, unit_vector
from services.orders.domain.plans import Wish, WishLine
from services.orders.domain.rules import STANDARD, Matcher, Scope, SourcingRules
from services.orders.domain.states import Method
from services.orders.domain.worth import Worth

ENDLESS_AISLE = "endless_aisle"
"""In the place of a rule's name: tills do not sell what others send."""

OpenNow = Callable[[], frozenset[str]]
"""Ids of the locations that are open."""


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
        self._cosines: dict[str, float] | None = None
        self._matching: dict[tuple[int, bool], frozenset[str]] = {}
        self.eligible: dict[tuple[object, ...], Eligible] = {}
        """By method and the rules that are about a line."""

    def from_place(self, place: tuple[float, float]) -> Here:
        """The same for goods that go there."""
        return Here(self.locations, place, self._open_now)

    def cosines(self) -> Mapping[str, float]:
        """Of the angle between the destination and each location that ships, seen from the middle of the
        earth.
        """
        if self._cosines is None:
            assert self.destination is not None
            x, y, z = unit_vector(*self.destination)
            vectors = self.locations.vectors
            self._cosines = {at: x * vx + y * vy + z * vz for at, (vx, vy, vz, _) in vectors.items()}
        return self._cosines

    def cosines_of(self, ids: Sequence[str]) -> list[float]:
        """Those of some locations."""
        if self._cosines is None and len(ids) < len(self.locations.vectors) // 2:
            assert self.destination is not None
            x, y, z = unit_vector(*self.destination)
            vectors = [self.locations.vectors[at] for at in ids]
            return [x * vx + y * vy + z * vz for vx, vy, vz, _ in vectors]
        known = self.cosines()
        return [known[at] for at in ids]

    def matching(self, matcher: Matcher, sent: bool) -> frozenset[str]:
        """Ids of the locations that a rule means, for lines that are `sent` or not, now."""
        key = id(matcher), sent
        known = self._matching.get(key)
        if known is None:
            known = self._matching[key] = self._match(matcher, sent)
        return known

    def _match(self, matcher: Matcher, sent: bool) -> frozenset[str]:
        locations = self.locations
        lasting = matcher.lasting
        found = locations.matches.get(lasting)
        if found is None:
            found = frozenset(at for at, place in locations.by_id.items() if may_match(lasting, place))
            locations.matches[lasting] = found
        if matcher.within_km:
            if not sent or self.destination is None:
                return frozenset()
            near = cos(min(pi, (matcher.within_km + 0.5) / EARTH_RADIUS_KM))
            found = found.intersection([at for at, cosine in self.cosines().items() if cosine > near])
        return found & self._open_now() if matcher.open_now else found


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
    if known is not None:
        return known
    # The first that names a location counts, so it is the last to be written.
    banned: dict[str, str] = {}
    for exclusion in reversed(exclusions):
        banned.update(dict.fromkeys(here.matching(exclusion.locations, sent), exclusion.name))
    if sent and wish.sold_at and not rules.endless_aisle:
        banned.update({at: ENDLESS_AISLE for at in here.locations.by_id if at != wish.sold_at})
    safety = tuple([SafetyRule(one.name, one.days, here.matching(one.locations, sent)) for one in keeping])
    ranks: dict[str, int] = {}
    for rank in range(len(groups) - 1, -1, -1):
        ranks.update(dict.fromkeys(here.matching(groups[rank].locations, sent), rank))
    # A line that no group is about may come from all.
    names = tuple([group.name for group in groups])
    made = here.eligible[key] = Eligible(banned, ranks if groups else None, names, safety)
    return made


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
