"""All plants."""

from __future__ import annotations

from tests.plants import bus, deciding, platform, storing
from tests.plants.planting import PLANTS

__all__ = ["PLANTS", "bus", "deciding", "platform", "storing"]
