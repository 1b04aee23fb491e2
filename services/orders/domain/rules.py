"""What sourcing costs: one frozen object, named by its content, so that a decision can say what it was
made with.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from functools import cached_property


@dataclass(frozen=True)
class SourcingRules:
    """Costs in thousandths of a minor unit (1,000 = one cent); times of promises.

    The defaults are those of the sourcing benchmark: a parcel costs 6.00 + 0.002 per km + 0.35 per unit,
    a pick 0.60 in a warehouse and 1.80 in a store, which also packs for 0.75 a parcel. A split costs the
    customer's patience on top.
    """

    parcel_fixed: int = 600_000
    parcel_per_km: int = 200
    parcel_per_unit: int = 35_000
    pick_warehouse_per_unit: int = 60_000
    pick_store_per_unit: int = 180_000
    pack_store_per_parcel: int = 75_000
    split: int = 100_000
    """For each location beyond the first."""
    ship_cut_off_minute: int = 960
    """Minutes after midnight UTC until which a parcel still leaves today."""
    transit_days: int = 1
    """Days that any parcel takes."""
    transit_km_per_day: int = 500
    """One more day for each of these."""
    transit_days_most: int = 7
    pickup_open_minutes: int = 120
    """Opening time a store needs to make a pickup ready."""

    @cached_property
    def version(self) -> str:
        """Twelve hexadecimal digits of the SHA-256 of the content."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()[:12]

    def to_json(self) -> str:
        """The content as text; `from_json` reads it back."""
        return json.dumps(asdict(self), sort_keys=True, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> SourcingRules:
        """What `to_json` wrote."""
        return cls(**json.loads(text))
