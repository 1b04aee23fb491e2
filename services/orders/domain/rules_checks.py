"""What is wrong with rules that are well written: what they name is not there, what they say cannot be
meant. Seen against the locations and channels of now; both change, so that an activation looks again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from services.orders.domain.draft import Channel
from services.orders.domain.eligibility import may_match
from services.orders.domain.places import SHIP, Location, Locations
from services.orders.domain.rules import Exclusion, Group, Matcher, SafetyDays, Scope, SourcingRules
from services.orders.domain.rules_problems import Problem, problem

_EVERY = Scope()
_TRANSIT = {"transit_days", "transit_days_most"}
_Scoped = Group | Exclusion | SafetyDays


def check(rules: SourcingRules, locations: Locations, channels: Mapping[str, Channel]) -> tuple[Problem, ...]:
    """Everything that is wrong, in the order of the document; empty when the rules may be kept."""
    return tuple(_found(rules, locations, channels))


def named_locations(rules: SourcingRules) -> set[str]:
    """Every location id that the rules name."""
    return {x for _, one in _all(rules) for x in one.locations.location_ids}


def named_channels(rules: SourcingRules) -> set[str]:
    """Every channel id that the rules name."""
    return {x for _, one in _all(rules) for x in one.scope.channel_ids}


def _all(rules: SourcingRules) -> Iterator[tuple[str, _Scoped]]:
    lists: tuple[tuple[str, Sequence[_Scoped]], ...] = (
        ("groups", rules.groups),
        ("exclusions", rules.exclusions),
        ("safety_days", rules.safety_days),
    )
    for key, ones in lists:
        for number, one in enumerate(ones):
            yield f"{key}[{number}]", one


def _found(rules: SourcingRules, locations: Locations, channels: Mapping[str, Channel]) -> Iterator[Problem]:
    if rules.transit_days > rules.transit_days_most:
        yield problem(
            "promise.transit_days",
            "TRANSIT_CROSSED",
            least=rules.transit_days,
            most=rules.transit_days_most,
        )
    for number, promise in enumerate(rules.customer_promises):
        mine = rules.under(promise.code)
        if mine.transit_days > mine.transit_days_most and promise.stated.keys() & _TRANSIT:
            yield problem(
                f"customer_promises[{number}].transit_days",
                "TRANSIT_CROSSED",
                least=mine.transit_days,
                most=mine.transit_days_most,
            )
        if promise.deliver_within_days and mine.least_transit_days > promise.deliver_within_days:
            yield problem(
                f"customer_promises[{number}].deliver_within_days",
                "PROMISE_NEVER_KEPT",
                within=promise.deliver_within_days,
                least=mine.least_transit_days,
            )
    if rules.most_parcels == 1 and rules.no_split_below_minor:
        yield problem("split.no_split_below", "NO_EFFECT_OF_VALUE")
    if rules.markdown_percent and not rules.opportunity_percent:
        yield problem("stock_value.markdown_percent", "MARKDOWN_WITHOUT_PRICES")
    if _limits_value(rules) and rules.currency_code not in {x.currency_code for x in channels.values()}:
        yield problem("currency", "CURRENCY_NOT_SOLD", found=rules.currency_code)
    for path, one in _all(rules):
        for number, code in enumerate(one.scope.customer_promises):
            if code not in rules.promises:
                where = f"{path}.applies_to.customer_promises[{number}]"
                yield problem(where, "PROMISE_UNKNOWN", found=code, known=", ".join(rules.promises))
        yield from _names(path, one, locations, channels)
        yield from _meaning(path, one, locations)
    yield from _exclusions(rules, locations)
    yield from _unreachable(rules.groups)


def _limits_value(rules: SourcingRules) -> bool:
    return bool(rules.no_split_below_minor) or any(
        one.scope.least_value_minor or one.scope.most_value_minor for _, one in _all(rules)
    )


def _names(
    path: str, one: _Scoped, locations: Locations, channels: Mapping[str, Channel]
) -> Iterator[Problem]:
    for number, location_id in enumerate(one.locations.location_ids):
        if location_id not in locations.by_id:
            yield problem(f"{path}.locations.ids[{number}]", "LOCATION_UNKNOWN", found=location_id)
    for number, channel_id in enumerate(one.scope.channel_ids):
        if channel_id not in channels:
            yield problem(f"{path}.applies_to.channels[{number}]", "CHANNEL_UNKNOWN", found=channel_id)


def _meaning(path: str, one: _Scoped, locations: Locations) -> Iterator[Problem]:
    scope, matcher = one.scope, one.locations
    if scope.most_value_minor and scope.least_value_minor > scope.most_value_minor:
        yield problem(
            f"{path}.applies_to.least_value",
            "VALUES_CROSSED",
            least=scope.least_value_minor,
            most=scope.most_value_minor,
        )
    without_shipping = bool(scope.methods) and SHIP not in scope.methods
    if without_shipping and isinstance(one, Group):
        yield problem(
            f"{path}.applies_to.methods", "GROUP_WITHOUT_SHIPPING", methods=", ".join(scope.methods)
        )
    elif without_shipping and matcher.within_km:
        yield problem(
            f"{path}.locations.within_km", "DISTANCE_WITHOUT_SHIPPING", methods=", ".join(scope.methods)
        )
    # Of names that are not there the reader is told already.
    if not set(matcher.location_ids) <= locations.by_id.keys():
        return
    fitting = _fitting(matcher, locations.by_id.values())
    if matcher != Matcher() and not fitting:
        yield problem(f"{path}.locations", "NOTHING_MATCHES", name=one.name)
    elif isinstance(one, Group) and fitting and not any(SHIP in x.capabilities for x in fitting):
        yield problem(f"{path}.locations", "CAPABILITY_MISSING", name=one.name)


def _exclusions(rules: SourcingRules, locations: Locations) -> Iterator[Problem]:
    always = [one for one in rules.exclusions if one.scope == _EVERY and _is_static(one.locations)]
    left = {x.location_id: x for x in locations.by_id.values()}
    for number, one in enumerate(rules.exclusions):
        if one not in always:
            continue
        gone = [x for x in left if may_match(one.locations, left[x])]
        if one.locations == Matcher() or (gone and len(gone) == len(left)):
            yield problem(f"exclusions[{number}]", "ALL_EXCLUDED", name=one.name)
            return
        for x in gone:
            del left[x]
    for number, group in enumerate(rules.groups):
        fitting = _fitting(group.locations, locations.by_id.values())
        if fitting and not any(x.location_id in left for x in fitting):
            by = [one.name for one in always if any(may_match(one.locations, x) for x in fitting)]
            yield problem(f"groups[{number}]", "GROUP_EXCLUDED", name=group.name, by=", ".join(by))


def _unreachable(groups: Sequence[Group]) -> Iterator[Problem]:
    for number, group in enumerate(groups):
        for before in groups[:number]:
            everything = before.locations == Matcher() and before.scope == _EVERY
            if everything or (before.locations, before.scope) == (group.locations, group.scope):
                yield problem(f"groups[{number}]", "GROUP_UNREACHABLE", name=group.name, by=before.name)
                break


def _is_static(matcher: Matcher) -> bool:
    return not matcher.within_km and not matcher.open_now


def _fitting(matcher: Matcher, locations: Iterable[Location]) -> list[Location]:
    return [x for x in locations if may_match(matcher, x)]
