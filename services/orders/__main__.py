"""`python -m services.orders serve | migrate`."""

from __future__ import annotations

from chassis.entry import main

main("orders", app="services.orders.app", migrations="services.orders.adapters.postgres.migrations")
