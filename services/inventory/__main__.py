from __future__ import annotations

from chassis.run import main
from services.inventory.app import definition

main(definition)
