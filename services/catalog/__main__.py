"""`python -m services.catalog serve | migrate`."""

from __future__ import annotations

from chassis.entry import main

main("catalog", app="services.catalog.app", migrations="services.catalog.adapters.postgres.migrations")
