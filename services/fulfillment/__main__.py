"""`python -m services.fulfillment serve | migrate`."""

from __future__ import annotations

from chassis.entry import main

main(
    "fulfillment",
    app="services.fulfillment.app",
    migrations="services.fulfillment.adapters.postgres.migrations",
)
