"""The one price engine, for every channel: a pure function of basket, catalogue and instant.

The rules, in order:
1. Each line starts at list price × units.
2. Promotions are tried by priority, higher first, ties by id; all line promotions before all basket
thresholds.
3. A promotion takes from a line when the line is open to it: a stackable one while no promotion that is
not stackable has taken from
   the line; one that is not stackable only while none has. Each works on what the ones before left of the
   price.
4. A percentage is rounded half up per line. An amount is per unit and stops at zero. Buy-x-pay-y frees the
cheapest units of all
   open lines in scope; what they are worth is spread over those lines in proportion to their value, so
   that a unit that
   comes back later is worth what was paid for it. A basket threshold looks at what all lines in scope cost
   after line
   promotions, and spreads its reduction over the open ones. Spreading is by largest remainder: sums are
   exact.
5. Tax is rounded half up per line, on what is left of it: contained in it, or added to it, as the price
lists say.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from pricing.amounts import share, spread
from pricing.baskets import (
    BELOW_MINIMUM,
    NOT_IN_SCOPE,
    SUPERSEDED,
    AppliedPromotion,
    Basket,
    BasketLine,
    Quote,
    QuotedLine,
    UnusedCoupon,
)
from pricing.promotions import AmountOff, BasketThreshold, BuyXPayY, PercentageOff, coupon_key
from pricing.refusals import CouponExpired, CouponUnknown, CurrencyMismatch
from pricing.snapshot import Offer, RankedPromotion, Snapshot
from pricing.taxes import rate_for, tax_on

_TAKEN = ""
# Of several promotions behind one coupon the most telling reason is reported.
_REASONS = (NOT_IN_SCOPE, BELOW_MINIMUM, SUPERSEDED)


class _Line:
    """A line while it is priced: `left_minor` is what the promotions so far have left of it."""

    __slots__ = (
        "after_line_promotions_minor",
        "closed",
        "left_minor",
        "offer",
        "quantity_units",
        "subtotal_minor",
        "taken",
    )

    def __init__(self, line: BasketLine, offer: Offer) -> None:
        self.offer = offer
        self.quantity_units = line.quantity_units
        self.subtotal_minor = self.left_minor = self.after_line_promotions_minor = (
            offer.unit_price_minor * line.quantity_units
        )
        self.taken: list[AppliedPromotion] = []
        self.closed = False


def quote(basket: Basket, snapshot: Snapshot, at: datetime) -> Quote:
    """What the basket costs at `at`, every line explained. The order of the lines does not matter to any
    amount.

    Raises:
        ChannelUnknown, CurrencyMismatch, SkuUnknown, SkuDiscontinued, SkuNotInAssortment, PriceMissing,
        CouponUnknown, CouponExpired:
            it cannot be bought so; the facts are in the refusal.
    """
    shelf = snapshot.shelf(basket.channel_id)
    currency_code = shelf.channel.currency_code
    if basket.currency_code and basket.currency_code != currency_code:
        raise CurrencyMismatch(basket.currency_code, currency_code, f"channel {basket.channel_id!r}")
    lines = [_Line(line, shelf.offer(line.sku, at)) for line in basket.lines]
    coupons = _valid_coupons(basket, snapshot, at) if basket.coupon_codes else {}

    basket_promotions: list[AppliedPromotion] = []
    outcomes: dict[str, set[str]] = {}
    reach = _reach(lines, coupons)
    if reach:
        first_of_basket = True
        for ranked, members in sorted(reach.values(), key=_order) if len(reach) > 1 else reach.values():
            if ranked.for_basket and first_of_basket:
                first_of_basket = False
                for line in lines:
                    line.after_line_promotions_minor = line.left_minor
            amount_minor, outcome = _apply(ranked, members)
            if ranked.coupon_key:
                outcomes.setdefault(ranked.coupon_key, set()).add(outcome)
            if amount_minor and ranked.for_basket:
                basket_promotions.append(_applied(ranked, amount_minor))

    tax_inclusive = shelf.tax_inclusive
    quoted = tuple(_quoted(line, basket, snapshot, tax_inclusive) for line in lines)
    subtotal_minor = discount_minor = tax_minor = total_minor = 0
    for priced in quoted:
        subtotal_minor += priced.subtotal_minor
        discount_minor += priced.discount_minor
        tax_minor += priced.tax_minor
        total_minor += priced.total_minor
    return Quote(
        currency_code,
        quoted,
        subtotal_minor,
        discount_minor,
        tax_minor,
        total_minor,
        tax_inclusive,
        tuple(basket_promotions),
        _unused(coupons, outcomes) if coupons else (),
    )


def _order(reached: tuple[RankedPromotion, list[_Line]]) -> tuple[bool, int, str]:
    return reached[0].order


def _valid_coupons(basket: Basket, snapshot: Snapshot, at: datetime) -> dict[str, str]:
    """The coupons presented, by their key, as the customer wrote them; each is known and valid."""
    presented: dict[str, str] = {}
    for code in basket.coupon_codes:
        key = coupon_key(code)
        known = snapshot.promotions.coupons.get(key)
        if not known:
            raise CouponUnknown(code)
        terms = [ranked.promotion for ranked in known]
        if not any(found.valid_from <= at < found.valid_until and not found.withdrawn for found in terms):
            # Of several that end at once the one that begins last: which came here first is chance.
            last = max(terms, key=lambda found: (found.valid_until, found.valid_from))
            raise CouponExpired(code, last.valid_from, last.valid_until)
        presented.setdefault(key, code)
    return presented


def _reach(lines: Sequence[_Line], coupons: dict[str, str]) -> dict[str, tuple[RankedPromotion, list[_Line]]]:
    """Each promotion that is open to this basket, by id, with the lines in its scope."""
    reach: dict[str, tuple[RankedPromotion, list[_Line]]] = {}
    for line in lines:
        offer = line.offer
        candidates = offer.promotions
        if coupons and offer.coupon_promotions:
            candidates = (
                *candidates,
                *(found for found in offer.coupon_promotions if found.coupon_key in coupons),
            )
        for ranked in candidates:
            members = reach.get(ranked.promotion_id)
            if members is None:
                reach[ranked.promotion_id] = (ranked, [line])
            else:
                members[1].append(line)
    return reach


def _apply(ranked: RankedPromotion, members: Sequence[_Line]) -> tuple[int, str]:
    """Take what the promotion takes from its lines; gives the amount, and why when it is 0."""
    stackable = ranked.stackable
    lines = [line for line in members if not line.closed and (stackable or not line.taken)]
    benefit = ranked.benefit
    cuts: Sequence[int]
    if isinstance(benefit, PercentageOff):
        cuts = [share(line.left_minor, benefit.basis_points) for line in lines]
    elif isinstance(benefit, AmountOff):
        cuts = [min(line.left_minor, benefit.amount_minor * line.quantity_units) for line in lines]
    elif isinstance(benefit, BuyXPayY):
        if sum(line.quantity_units for line in members) < benefit.buy_units:
            return 0, BELOW_MINIMUM
        cuts = _spread_over(lines, _worth_of_free_units(benefit, lines))
    else:
        if sum(line.after_line_promotions_minor for line in members) < benefit.minimum_minor:
            return 0, BELOW_MINIMUM
        cuts = _spread_over(lines, _threshold_reduction(benefit, lines))
    total_minor = 0
    for line, cut in zip(lines, cuts, strict=True):
        if cut:
            line.left_minor -= cut
            line.taken.append(_applied(ranked, cut))
            if not stackable:
                line.closed = True
            total_minor += cut
    return total_minor, _TAKEN if total_minor else SUPERSEDED


def _spread_over(lines: Sequence[_Line], total_minor: int) -> Sequence[int]:
    if not total_minor:
        return [0] * len(lines)
    if len(lines) == 1:
        return (total_minor,)
    return spread(
        total_minor, [line.left_minor for line in lines], [line.offer.article.sku for line in lines]
    )


def _worth_of_free_units(benefit: BuyXPayY, lines: Sequence[_Line]) -> int:
    """What the cheapest units are worth that need not be paid."""
    units = sum(line.quantity_units for line in lines)
    free = units // benefit.buy_units * (benefit.buy_units - benefit.pay_units)
    # Earlier promotions may leave a price that the units do not divide: some then cost one minor unit more
    # than the others.
    values: list[tuple[int, int]] = []
    for line in lines:
        value, dearer = divmod(line.left_minor, line.quantity_units)
        values.append((value, line.quantity_units - dearer))
        if dearer:
            values.append((value + 1, dearer))
    worth = 0
    for value, count in sorted(values):
        taken = min(free, count)
        worth += value * taken
        free -= taken
        if not free:
            break
    return worth


def _threshold_reduction(benefit: BasketThreshold, lines: Sequence[_Line]) -> int:
    open_minor = sum(line.left_minor for line in lines)
    if benefit.basis_points_off:
        return share(open_minor, benefit.basis_points_off)
    return min(open_minor, benefit.amount_off_minor)


def _applied(ranked: RankedPromotion, amount_minor: int) -> AppliedPromotion:
    return AppliedPromotion(
        ranked.promotion_id, ranked.name_en, ranked.name_es, -amount_minor, ranked.coupon_code
    )


def _quoted(line: _Line, basket: Basket, snapshot: Snapshot, tax_inclusive: bool) -> QuotedLine:
    offer = line.offer
    article = offer.article
    left_minor = line.left_minor
    rate_ppm = rate_for(snapshot.tax_rates, article.tax_class, basket.tax_country_code, basket.tax_region)
    tax_minor = tax_on(left_minor, rate_ppm, inclusive=tax_inclusive) if rate_ppm else 0
    return QuotedLine(
        article.sku,
        line.quantity_units,
        offer.unit_price_minor,
        offer.price_list_id,
        line.subtotal_minor,
        left_minor - line.subtotal_minor,
        tax_minor,
        rate_ppm,
        left_minor if tax_inclusive else left_minor + tax_minor,
        tuple(line.taken),
        article.product_id,
        article.name_en,
        article.name_es,
        article.brand if basket.describe_articles else "",
        article.attributes if basket.describe_articles else (),
    )


def _unused(coupons: dict[str, str], outcomes: dict[str, set[str]]) -> tuple[UnusedCoupon, ...]:
    unused: list[UnusedCoupon] = []
    for key, code in coupons.items():
        found = outcomes.get(key, {NOT_IN_SCOPE})
        if _TAKEN not in found:
            unused.append(UnusedCoupon(code, max(found, key=_REASONS.index)))
    return tuple(unused)
