"""`python -m services.telemetry serve | migrate`.

`migrate` has nothing to do: the store makes its own file.
"""

from __future__ import annotations

from chassis.run import main
from services.telemetry.app import definition

main(definition)
