"""`python -m services.fulfillment serve | migrate`."""

from __future__ import annotations

from chassis.run import main
from services.fulfillment.app import definition

main(definition)
