"""Settings of orders beyond those of every service."""

from __future__ import annotations

from dataclasses import dataclass

from chassis.settings import ChassisSettings


@dataclass(frozen=True, kw_only=True)
class Settings(ChassisSettings):
    """What orders can be told."""

    split_cost: int = 100_000
    """What each location of a plan beyond the first costs on top, in thousandths of a minor unit."""
    ship_cut_off_minute: int = 960
    """Local minute before which orders for parcels are worked on that day, where a location states none."""
    stock_prices_seconds: float = 300.0
    """Between two refreshes of the prices of stock; 0: stock has no price."""
    stock_horizon_days: float = 14.0
    """For how long a location must live on what it has: the time until the delivery after the next, since the
    next one may be packed already.
    """
