"""What a trace can be found by: words of a kind, read from the attributes of its spans."""

from __future__ import annotations

from enum import IntEnum


class Facet(IntEnum):
    """The kinds of words. The numbers are stored."""

    SERVICE = 1
    NAME = 2
    ORDER = 3
    CHANNEL = 4
    LOCATION = 5
    PEER = 6
    """A database that is called; on the service map only."""


ATTRIBUTES = {
    "aljibe.order.id": Facet.ORDER,
    "aljibe.channel.id": Facet.CHANNEL,
    "aljibe.location.id": Facet.LOCATION,
    "db.system.name": Facet.PEER,
    "db.system": Facet.PEER,
}
"""Attributes of spans, and what their values (a text, or a list of texts) are words of."""

MAX_WORD_LENGTH = 200
"""Longer texts are cut."""


def service_of(service_name: str) -> str:
    """How a service is called here: `aljibe-orders` in OpenTelemetry is `orders`."""
    return service_name.removeprefix("aljibe-")[:MAX_WORD_LENGTH] or "unknown"
