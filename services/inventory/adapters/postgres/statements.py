"""The named statements of inventory."""

from __future__ import annotations

from chassis.sql import load

sql = load("services.inventory.adapters.postgres")
pools_sql = load("services.inventory.adapters.postgres", "pools.sql")
