"""How far behind the availability replica in orders is, read where operators read it: its metrics."""

from __future__ import annotations

import re

from cli.local.figures import metrics
from cli.local.platform import Platform

Stale = dict[float, float]
"""Deltas that were at most so many seconds old when they were applied, since the process began."""

_BUCKET = re.compile(
    r'^aljibe_replica_staleness_seconds_bucket\{le="([^"]+)",replica="availability"\} (\S+)$', re.MULTILINE
)


def staleness(platform: Platform) -> Stale:
    """The histogram as it stands."""
    return parse(metrics(platform, "orders"))


def parse(text: str) -> Stale:
    """The histogram in a page of metrics."""
    return {float(le): float(count) for le, count in _BUCKET.findall(text)}


def percentile_ms(before: Stale, after: Stale, share: float) -> float | None:
    """The age in ms that ``share`` of the deltas between the two did not exceed, the bucket taken as evenly
    filled; None when there were none.
    """
    bounds = sorted(after)
    counts = [after[bound] - before.get(bound, 0.0) for bound in bounds]
    if not counts or not counts[-1]:
        return None
    wanted = share * counts[-1]
    lower = below = 0.0
    for bound, count in zip(bounds, counts, strict=True):
        if count >= wanted:
            if bound == float("inf"):
                return bound
            return 1000 * (lower + (bound - lower) * (wanted - below) / max(1.0, count - below))
        lower, below = bound, count
    return None
