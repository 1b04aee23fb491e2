"""What is wrong with an option in the protos, found when a service starts."""

from __future__ import annotations


class ContractError(Exception):
    """An option in the protos makes no sense; the service cannot start."""
