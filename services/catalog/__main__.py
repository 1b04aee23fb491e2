from __future__ import annotations

from chassis.run import main
from services.catalog.app import definition

if __name__ == "__main__":
    main(definition)
