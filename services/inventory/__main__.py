"""`python -m services.inventory serve | migrate`."""

from __future__ import annotations

from chassis.entry import main

main("inventory", app="services.inventory.app", migrations="services.inventory.adapters.postgres.migrations")
