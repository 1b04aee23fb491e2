"""Integer arithmetic on money: minor units only, never a float."""

from __future__ import annotations

from collections.abc import Sequence

BASIS_POINTS = 10_000
MILLION = 1_000_000


def half_up(numerator: int, denominator: int) -> int:
    """`numerator / denominator` (>= 0 and > 0) rounded to the nearest integer, halves up."""
    return (2 * numerator + denominator) // (2 * denominator)


def share(amount: int, basis_points: int) -> int:
    """`basis_points` of `amount`, rounded half up."""
    return (2 * amount * basis_points + BASIS_POINTS) // (2 * BASIS_POINTS)


def spread(total: int, weights: Sequence[int], names: Sequence[str]) -> list[int]:
    """`total` (>= 0) in integer parts in proportion to `weights` (>= 0, not all 0), to the last unit: the
    parts sum to `total`.

    Largest remainder (Hamilton's method): every part gets the whole units of its share, and the units left
    go one each to the
    largest fractions, ties by `names`; so the order of the parts does not matter. With `total` <= the sum
    of the weights no part
    is larger than its weight.
    """
    whole = sum(weights)
    parts = [total * weight // whole for weight in weights]
    left = total - sum(parts)
    if left:
        remainders = sorted(range(len(weights)), key=lambda i: (-(total * weights[i] % whole), names[i]))
        for index in remainders[:left]:
            parts[index] += 1
    return parts
