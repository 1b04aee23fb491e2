"""The chance that a store will be asked for all it has: the one piece of arithmetic that prices of stock need
between two refreshes, so it needs no numpy.
"""

from __future__ import annotations

from math import erfc, exp, log1p, sqrt

MOST_TAIL = 2_000
"""Units of a position from which on its last one is worth nothing."""
EXACT_TAIL = 400
"""Units up to which `quick_tail` sums term by term."""


def tail(mean: float, shape: float, units: int) -> float:
    """P(demand ≥ `units`) of a negative binomial demand."""
    if units <= 0:
        return 1.0
    if units > MOST_TAIL:
        return 0.0
    ratio = mean / (shape + mean)
    term = exp(shape * log1p(-ratio))
    below = 0.0
    for count in range(units):
        below += term
        term *= (shape + count) / (count + 1) * ratio
    return max(0.0, 1.0 - below)


def quick_tail(mean: float, shape: float, units: int) -> float:
    """The same within a bounded time: beyond `EXACT_TAIL` units by the normal distribution of equal mean and
    variance, with a continuity correction.
    """
    if units <= EXACT_TAIL or units > MOST_TAIL:
        return tail(mean, shape, units)
    deviation = sqrt(mean + mean * mean / shape)
    return 0.5 * erfc((units - 0.5 - mean) / (deviation * sqrt(2)))
