"""`python -m services.insights serve | migrate`."""

from __future__ import annotations

from chassis.entry import main

main(
    "insights",
    app="services.insights.app",
    migrations="services.insights.adapters.postgres.migrations",
)
